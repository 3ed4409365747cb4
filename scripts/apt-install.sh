#!/usr/bin/env bash
# Installs the Debian packages that are named, through sudo when it is not run by root: scripts/apt-install.sh PACKAGE…
set -euo pipefail

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "These packages are missing, and there is no sudo. As root: apt-get install $*" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing $*"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
