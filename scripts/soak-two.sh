#!/usr/bin/env bash
# `make soak-two`: the agent of the release build scrapes 100 targets of 1,000 series every 5 seconds for ten minutes and writes to VictoriaMetrics and
# Prometheus at the same time. It is killed with kill -9 five times, and each database is stopped for a fifth of the time. Then every sample that the
# log knows has to be in both, counted with their own queries. scripts/soak-two.sh [SECONDS, default 600]
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/peers.sh prometheus victoria-metrics
export CLYMENE_SOAK_TWO_SECONDS=${1:-600}
export CLYMENE_EXECUTABLE=${CLYMENE_EXECUTABLE:-$PWD/.build/release/clymene}
[[ -x $CLYMENE_EXECUTABLE ]] || make build
SWIFT_BACKTRACE=enable=no swift test --filter EndToEndTests.TwoDatabasesTests
