#!/usr/bin/env bash
# What a gateway costs: the release build takes dense blocks, steady blocks and remote write from bench-gateway for SECONDS each, into a log on this
# disk without a forwarder. Prints samples a second of the gateway's CPU, and its memory. scripts/bench-gateway.sh [SECONDS, default 10]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-10}
gateway=${CLYMENE_EXECUTABLE:-$PWD/.build/release/clymene}
[[ -x $gateway ]] || make build
swift build -c release --static-swift-stdlib --product bench-gateway
work=$(mktemp -d "$PWD/.build/bench-gateway.XXXXXX")
grpc=$(scripts/free-port.sh 25610)
http=$(scripts/free-port.sh $((grpc + 1)))
admin=$(scripts/free-port.sh $((http + 1)))
cat >"$work/gateway.yml" <<YML
gateway:
  grpc: {address: "127.0.0.1:$grpc"}
  http: {address: "127.0.0.1:$http"}
wal: {directory: ./wal, max_size: 2GiB}
YML
"$gateway" gateway --config.file "$work/gateway.yml" --admin.http.host-ports "127.0.0.1:$admin" 2>"$work/log" &
pid=$!
trap 'kill $pid 2>/dev/null; wait $pid || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do
  curl -fs "http://127.0.0.1:$admin/-/ready" >/dev/null && break
  sleep 0.1
done
for load in dense steady write; do
  address=127.0.0.1:$grpc
  [[ $load == write ]] && address=127.0.0.1:$http
  .build/release/bench-gateway $load "$address" $pid "$seconds"
  grep -E '^(VmRSS|RssAnon)' /proc/$pid/status | tr -s '\t ' ' ' | tr '\n' ' '
  echo
done
