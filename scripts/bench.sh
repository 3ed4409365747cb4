#!/usr/bin/env bash
# `make bench`: density and speed of the block, the parser, remote write and the log, in release. With --smoke: that the programs build and run, in
# about a minute, without figures that mean anything.
set -euo pipefail
cd "$(dirname "$0")/.."

export CLYMENE_PURE=1
# Apart from the other builds, whose package has more targets.
scratch=.build/pure
captures=.build/captures
seconds=2
count=120
pause=1
if [[ ${1:-} == --smoke ]]; then
  captures=.build/captures-smoke
  seconds=0.05
  count=30
  pause=0.1
fi

scripts/capture.sh "$captures" "$count" "$pause"
build() { swift build -c release --scratch-path "$scratch" --product "$1"; }

build bench-block
"$scratch/release/bench-block" "$captures" "$seconds"
build bench-parse
"$scratch/release/bench-parse" "$captures"
build bench-remote-write
"$scratch/release/bench-remote-write" "$seconds"
build bench-loki
"$scratch/release/bench-loki" "$seconds"
build bench-wal
work=$(mktemp -d "$PWD/.build/bench-wal.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$scratch/release/bench-wal" "$work" "$seconds"
