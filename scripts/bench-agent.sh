#!/usr/bin/env bash
# What the agent costs on a load that something else serves: CPU seconds a million samples, memory, bytes a sample in the log.
#
#   scripts/bench-agent.sh FIRST_PORT [TARGETS, default 100] [INTERVAL, default 5s] [SECONDS, default 60] [none|file|URL, default file]
#
# Scrapes 127.0.0.1:FIRST_PORT, FIRST_PORT+1, … with the release build after 40 s of warming up. `none` has no forwarder, a URL takes remote write. The
# figures in the README come from 100 targets of 1,000 series each, made of a real node_exporter's page.
set -euo pipefail
first=${1:?usage: scripts/bench-agent.sh FIRST_PORT [TARGETS] [INTERVAL] [SECONDS] [none|file|URL]}
targets=${2:-100}
interval=${3:-5s}
seconds=${4:-60}
forwarder=${5:-file}
cd "$(dirname "$0")/.."
clymene=${CLYMENE_EXECUTABLE:-.build/release/clymene}
work=$(mktemp -d)
admin=$(scripts/free-port.sh 19700)

{
  printf 'global:\n  scrape_interval: %s\n  scrape_timeout: %s\nwal:\n  directory: %s/wal\n' "$interval" "$interval" "$work"
  if [[ $forwarder == file ]]; then
    printf 'forwarders:\n  - name: local\n    type: file\n    path: %s/out\n' "$work"
  fi
  if [[ $forwarder == http* ]]; then
    printf 'forwarders:\n  - name: remote\n    type: prometheus\n    url: %s\n' "$forwarder"
  fi
  printf 'scrape_configs:\n  - job_name: bench\n    static_configs:\n      - targets:\n'
  for ((i = 0; i < targets; i++)); do printf '          - 127.0.0.1:%d\n' $((first + i)); done
} > "$work/clymene.yml"

"$clymene" agent --config.file "$work/clymene.yml" --admin.http.host-ports "127.0.0.1:$admin" --log-level warning &
agent=$!
trap 'kill "$agent" 2>/dev/null || true; wait "$agent" || true; rm -rf "$work"' EXIT

samples() {
  exec 3<>"/dev/tcp/127.0.0.1/$admin"
  printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
  awk '/^clymene_scrape_samples_total/ { printf "%d\n", $2 }' <&3
  exec 3>&-
}
ticks() { awk '{ print $14 + $15 }' "/proc/$agent/stat"; }

sleep 40
ticks_before=$(ticks) samples_before=$(samples)
sleep "$seconds"
ticks_after=$(ticks) samples_after=$(samples)
awk -v t=$((ticks_after - ticks_before)) -v s=$((samples_after - samples_before)) -v hz="$(getconf CLK_TCK)" -v seconds="$seconds" \
  'BEGIN { printf "%d samples in %d s, %.2f CPU seconds a million samples\n", s, seconds, t / hz / (s / 1e6) }'
grep -E 'VmRSS|RssAnon' "/proc/$agent/status"
"$clymene" wal stats "$work/wal"
