#!/usr/bin/env bash
# Bytes a sample between an agent and its gateway, on a load that something else serves: all bytes of the connection in both directions as the kernel
# counts them (HTTP/2, gRPC and acknowledgements included, TCP's and IP's headers not), steady and for the backlog of an outage.
#
#   scripts/bench-wire.sh FIRST_PORT [TARGETS, default 100] [INTERVAL, default 5s] [SECONDS, default 60]
#
# Scrapes 127.0.0.1:FIRST_PORT, FIRST_PORT+1, … with the release build; measures SECONDS of steady work after a warm-up, then an outage as long, and
# how its backlog drains. Prints memory and CPU of both as well. The figures in the README come from 1,000 series a target.
set -euo pipefail
first=${1:?usage: scripts/bench-wire.sh FIRST_PORT [TARGETS] [INTERVAL] [SECONDS]}
targets=${2:-100}
interval=${3:-5s}
seconds=${4:-60}
cd "$(dirname "$0")/.."
clymene=${CLYMENE_EXECUTABLE:-.build/release/clymene}
work=$(mktemp -d)
grpc=$(scripts/free-port.sh 19610)
agent_admin=$(scripts/free-port.sh 19700)
gateway_admin=$(scripts/free-port.sh 19800)

cat > "$work/gateway.yml" <<YML
gateway:
  grpc: {address: "127.0.0.1:$grpc"}
  http: {address: none}
wal: {directory: $work/wal-gateway, max_size: 2GiB}
YML
{
  printf 'global: {scrape_interval: %s, scrape_timeout: %s}\nwal: {directory: %s/wal-agent}\n' "$interval" "$interval" "$work"
  printf 'forwarders:\n  - {name: center, type: gateway, address: "127.0.0.1:%s"}\n' "$grpc"
  printf 'scrape_configs:\n  - job_name: bench\n    static_configs:\n      - targets:\n'
  for ((i = 0; i < targets; i++)); do printf '          - 127.0.0.1:%d\n' $((first + i)); done
} > "$work/agent.yml"

start_gateway() {
  "$clymene" gateway --config.file "$work/gateway.yml" --admin.http.host-ports "127.0.0.1:$gateway_admin" \
    --log-level warning &
  gateway=$!
}
start_gateway
"$clymene" agent --config.file "$work/agent.yml" --admin.http.host-ports "127.0.0.1:$agent_admin" --log-level error &
agent=$!
trap 'kill "$agent" "$gateway" 2>/dev/null || true; wait || true; rm -rf "$work"' EXIT

metric() {
  exec 3<>"/dev/tcp/127.0.0.1/$agent_admin"
  printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
  awk -v name="^$1" '$0 ~ name { printf "%d\n", $NF }' <&3
  exec 3>&-
}
delivered() { metric clymene_forwarder_entries_delivered_total; }
# Of the one connection, in both directions.
wire() {
  ss -tniH "dport = :$grpc" | tr ' ' '\n' | awk -F: '/^bytes_sent:|^bytes_received:/ { sum += $2 } END { printf "%d\n", sum }'
}
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
memory() { awk '/VmRSS|RssAnon/ { printf "%s %d MiB  ", $1, $2 / 1024 }' "/proc/$1/status"; }
per_million() { awk -v t="$1" -v s="$2" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", t / hz / (s / 1e6) }'; }

sleep 40
samples=$(delivered) bytes=$(wire) agent_ticks=$(ticks $agent) gateway_ticks=$(ticks $gateway)
sleep "$seconds"
samples=$(($(delivered) - samples)) bytes=$(($(wire) - bytes))
agent_ticks=$(($(ticks $agent) - agent_ticks)) gateway_ticks=$(($(ticks $gateway) - gateway_ticks))
awk -v b=$bytes -v s=$samples 'BEGIN { printf "steady:  %d samples, %.3f bytes a sample on the wire\n", s, b / s }'
echo "  CPU seconds a million samples: agent $(per_million $agent_ticks $samples), gateway $(per_million $gateway_ticks $samples)"
echo "  agent $(memory $agent) gateway $(memory $gateway)"

kill "$gateway"
wait "$gateway" || true
sleep "$seconds"
samples=$(delivered)
agent_ticks=$(ticks $agent)
start=$(date +%s%N)
start_gateway
most=0
until [[ $(metric clymene_forwarder_waiting_rows) == 0 && $(delivered) -gt $samples ]]; do
  now=$(awk '/RssAnon/ { print $2 }' "/proc/$agent/status")
  ((now > most)) && most=$now
  sleep 0.05
done
end=$(date +%s%N)
samples=$(($(delivered) - samples)) bytes=$(wire)
awk -v b="$bytes" -v s=$samples -v n=$((end - start)) \
  'BEGIN { printf "backlog: %d samples, %.3f bytes a sample on the wire, drained %.1f s after the gateway was started\n", s, b / s, n / 1e9 }'
echo "  CPU seconds a million samples: agent $(per_million $(($(ticks $agent) - agent_ticks)) $samples), gateway $(per_million "$(ticks $gateway)" $samples)"
echo "  agent's anonymous memory at most $((most / 1024)) MiB; then agent $(memory $agent) gateway $(memory $gateway)"
