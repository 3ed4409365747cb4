#!/usr/bin/env bash
# `make run`: an agent that scrapes itself and a real node_exporter every 5 s, keeps its log in ./data/wal and writes what it has
# collected to ./data/out. Ctrl-C ends both.
set -euo pipefail
cd "$(dirname "$0")/.."

exporter=.build/peers/debian/usr/bin/prometheus-node-exporter
exporter_port=$(scripts/free-port.sh 19100)
admin_port=$(scripts/free-port.sh 15691)
mkdir -p data

cat >data/clymene.yml <<CONFIGURATION
# Written by make run; paths start from this file's folder.
global:
  scrape_interval: 5s
  scrape_timeout: 4s
  external_labels:
    site: quickstart

scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["127.0.0.1:$exporter_port"]
  - job_name: clymene
    static_configs:
      - targets: ["127.0.0.1:$admin_port"]

wal:
  directory: ./wal
  max_size: 1GiB

forwarders:
  - name: local
    type: file
    path: ./out
    start: oldest
    max_file_age: 1m
CONFIGURATION

# Both in sessions of their own, so that Ctrl-C reaches only this script: it stops the agent once, and the exporter after it.
setsid "$exporter" --web.listen-address="127.0.0.1:$exporter_port" >data/node_exporter.log 2>&1 &
exporter_pid=$!
agent_pid=
stop() {
  [[ -z $agent_pid ]] || kill -TERM "$agent_pid" 2>/dev/null || true
}
trap 'kill "$exporter_pid" 2>/dev/null || true' EXIT
trap stop INT TERM

cat <<WHERE

  Status page      http://127.0.0.1:$admin_port/
  Metrics          http://127.0.0.1:$admin_port/metrics
  Collected        data/out (one JSON object a line; .part is the file being written)
  The log          .build/release/clymene wal stats data/wal
  Configuration    data/clymene.yml
  node_exporter    http://127.0.0.1:$exporter_port/metrics

  Ctrl-C ends the agent in order, and node_exporter with it.

WHERE
setsid .build/release/clymene agent --config.file data/clymene.yml --admin.http.host-ports "127.0.0.1:$admin_port" &
agent_pid=$!
# The first wait ends early when a signal arrives; the second one gets the agent's own code.
wait "$agent_pid" || true
code=0
wait "$agent_pid" || code=$?
# 127: the agent had ended before and was waited for already.
((code == 127)) && code=0
exit "$code"
