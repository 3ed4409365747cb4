#!/bin/sh
# Captures scrapes of a node_exporter for bench-block: one file each, in order.
#
#   scripts/capture.sh FOLDER [captures, default 20] [seconds between, default 5] [URL, default: an exporter of its own]
#
# Needs `scripts/peers.sh node_exporter` for an exporter of its own.
set -eu
folder=${1:?usage: scripts/capture.sh FOLDER [captures] [seconds] [URL]}
count=${2:-20}
pause=${3:-5}
url=${4:-}
mkdir -p "$folder"
if [ -z "$url" ]; then
  exporter=$(find "$(dirname "$0")/../.build/peers" -type f -name prometheus-node-exporter | head -n 1)
  port=$((20000 + $$ % 20000))
  "$exporter" --web.listen-address="127.0.0.1:$port" --collector.interrupts --collector.processes > /dev/null 2>&1 &
  trap 'kill $! 2> /dev/null' EXIT
  url="http://127.0.0.1:$port/metrics"
  sleep 1
fi
index=1
while [ "$index" -le "$count" ]; do
  curl -sf "$url" > "$folder/$(printf %04d "$index").prom"
  index=$((index + 1))
  [ "$index" -le "$count" ] && sleep "$pause"
done
