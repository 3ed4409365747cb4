#!/usr/bin/env bash
# Captures real scrapes for the benchmarks: scripts/capture.sh FOLDER [COUNT, default 120] [SECONDS BETWEEN, default 1]
#
# Starts the node_exporter of .build/peers on a free loopback port and stores each of its answers as FOLDER/<number>.prom, and the first one
# as FOLDER/node_exporter.txt, too. Does nothing when the folder has as many already.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
count=${2:-120}
pause=${3:-1}
cd "$(dirname "$0")/.."

[[ $(find "$folder" -name '*.prom' | wc -l) -lt $count ]] || exit 0
scripts/peers.sh prometheus-node-exporter
port=$(scripts/free-port.sh 19400)
.build/peers/debian/usr/bin/prometheus-node-exporter --web.listen-address="127.0.0.1:$port" >/dev/null 2>&1 &
exporter=$!
trap 'kill "$exporter" 2>/dev/null || true' EXIT

fetch() {
  # Spelt out, since bash ignores "set -e" inside a condition.
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
  # The answer's head ends at the first empty line.
  sed '1,/^\r*$/d' <&3
  exec 3>&-
}

for _ in {1..100}; do
  (fetch) >/dev/null 2>&1 && break
  sleep 0.1
done
for ((number = 0; number < count; number++)); do
  fetch >"$folder/$(printf %05d "$number").prom"
  sleep "$pause"
done
cp "$folder/00000.prom" "$folder/node_exporter.txt"
