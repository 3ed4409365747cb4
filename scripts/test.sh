#!/usr/bin/env bash
# `make test`: builds and runs all tests in debug. Prints failures, skipped tests and each run's summary, and as the last line
# "N passed, N failed". Ends with 1 when a test failed.
#
# The log's tests kill, cut and damage for minutes and keep every core busy, tests of gateways and their forwarder count seconds, and so do those of
# whole processes: each of the three runs apart from the others, the last one test after the other.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ! -d .build/debug ]]; then
  echo "The first debug build compiles all libraries: about 9 minutes on two cores."
fi
swift build --build-tests

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Swift's backtracer takes seconds for each child that a test ends on purpose.
export SWIFT_BACKTRACE=enable=no

run() {
  local code=0
  # Without a line for each case, start and success.
  swift test --skip-build "$@" 2>&1 | tee -a "$log" |
    sed -E '/^[^ ]+ Test run with /b
      /^[^ ]+ (Test case|Suite|Test) .*(started\.|passed after [0-9.]+ seconds\.)$/d
      /^◇ |XCTest|Executed 0 tests|^Test Suite|^\[[0-9]+\//d' || code=$?
  return "$code"
}

failed=0
counting='^GatewayCollectorsTests\.|^ForwardersTests\.(Gateway|OriginalGateway|ServerDialer|NameLookup)'
run --skip '^WALTests\.' --skip '^EndToEndTests\.' --skip "$counting" || failed=1
run --filter '^WALTests\.' || failed=1
run --filter "$counting" || failed=1
run --filter '^EndToEndTests\.' --no-parallel || failed=1

tests=$(sed -n 's/^[^ ]* Test run with \([0-9]*\) tests\{0,1\} .*/\1/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
broken=$(grep -c -E '^✘ Test .* failed after ' "$log" || true)
# The run's own line begins the same way.
broken=$((broken - $(grep -c -E '^✘ Test run with ' "$log" || true)))
((failed == 0 || broken > 0)) || echo "The tests ended before their summary."
echo "$((tests - broken)) passed, $broken failed"
exit "$failed"
