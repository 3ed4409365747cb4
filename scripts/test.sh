#!/usr/bin/env bash
# `make test`: builds and runs all tests in debug. One line for each test and suite, none for each case of a parametrised test.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ! -d .build/debug ]]; then
  echo "The first debug build compiles all libraries: about 9 minutes on two cores."
fi
swift build --build-tests
# Swift's backtracer takes seconds for each child that a test ends on purpose.
SWIFT_BACKTRACE=enable=no swift test --skip-build 2>&1 |
  { grep -v -E 'Test case passing|^. Test .* started\.$|^. Suite .* started\.$' || true; }
