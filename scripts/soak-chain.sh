#!/usr/bin/env bash
# `make soak-chain`: agents, gateways behind and beside each other, Prometheus and vmagent as senders, all of the release build, for minutes. Processes
# are killed with kill -9 and links between them cut, silenced and slowed down at random; at the end every sample has to be exactly once behind the
# last hop. scripts/soak-chain.sh [SECONDS for each of the three, default 200]
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/peers.sh prometheus victoria-metrics
export CLYMENE_SOAK_CHAIN_SECONDS=${1:-200}
export CLYMENE_EXECUTABLE=${CLYMENE_EXECUTABLE:-$PWD/.build/release/clymene}
[[ -x $CLYMENE_EXECUTABLE ]] || make build
SWIFT_BACKTRACE=enable=no swift test --no-parallel --filter 'EndToEndTests.(ChainTests|SendersTests)'
