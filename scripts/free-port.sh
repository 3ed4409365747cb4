#!/usr/bin/env bash
# Prints the first TCP port from $1 on at which nothing listens on this machine's loopback address.
set -euo pipefail
for ((port = $1; port < $1 + 500; port++)); do
  if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    echo "$port"
    exit 0
  fi
done
echo "no free port from $1 on" >&2
exit 1
