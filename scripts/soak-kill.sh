#!/usr/bin/env bash
# `make soak`: the agent of the release build scrapes a node_exporter and itself once a second for ten minutes and is killed with kill -9
# every ten seconds. Then every sample that the log knows has to be in the files exactly once, every scrape whole, and no second of a
# life missing but what the commit interval allows. scripts/soak-kill.sh [SECONDS, default 600] [SECONDS BETWEEN KILLS, default 10]
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/peers.sh prometheus-node-exporter
export CLYMENE_SOAK_SECONDS=${1:-600}
export CLYMENE_SOAK_KILL_EVERY=${2:-10}
export CLYMENE_EXECUTABLE=${CLYMENE_EXECUTABLE:-$PWD/.build/release/clymene}
[[ -x $CLYMENE_EXECUTABLE ]] || make build
SWIFT_BACKTRACE=enable=no swift test --filter EndToEndTests.KillTests
