#!/bin/sh
# Builds every fuzz target with AddressSanitizer and runs each for some seconds.
#
#   fuzz/run.sh [seconds a target, default 60] [target …]
#
# A target is a folder Sources/Fuzz<Name>. Seeds: corpus/<name>/ (in the repository); what a run finds of interest stays in
# .corpus/<name>/ (not in it). An input that fails is kept in failures/<name>/, which the unit tests replay; the script then ends with 1.
set -u
cd "$(dirname "$0")" || exit 2
seconds=${1:-60}
[ $# -gt 0 ] && shift
if [ $# -eq 0 ]; then
  for folder in Sources/Fuzz*; do set -- "$@" "${folder#Sources/Fuzz}"; done
fi

export CLYMENE_PURE=1
# Swift's own backtraces take half a second each and hide the fuzzer's report.
export SWIFT_BACKTRACE=enable=no
# Freed memory that the sanitizer holds back counts towards the limit below.
export ASAN_OPTIONS="quarantine_size_mb=32:${ASAN_OPTIONS:-}"
scratch=${FUZZ_SCRATCH:-.build}

failed=0
for name in "$@"; do
  product="Fuzz$name"
  folder=$(printf %s "$name" | tr '[:upper:]' '[:lower:]')
  echo "== $product: building"
  # SwiftPM hands the two over in an order that changes by chance, and with the fuzzer's first nothing is instrumented for coverage: so once more, last.
  swift build -c release --sanitize=fuzzer --sanitize=address -Xswiftc -sanitize=fuzzer --product "$product" --scratch-path "$scratch" || exit 2
  mkdir -p ".corpus/$folder" "failures/$folder" "corpus/$folder"
  echo "== $product: $seconds s"
  if ! "$scratch/release/$product" -max_total_time="$seconds" -rss_limit_mb=512 -timeout=10 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="failures/$folder/" ".corpus/$folder" "corpus/$folder" > "$scratch/$product.log" 2>&1; then
    failed=1
    tail -n 40 "$scratch/$product.log"
    echo "== $product: FAILED, see failures/$folder/"
  else
    grep -E '^(stat::number_of_executed_units|stat::average_exec_per_sec|stat::peak_rss_mb|Done)' "$scratch/$product.log"
  fi
done
exit $failed
