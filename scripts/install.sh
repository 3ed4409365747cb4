#!/usr/bin/env bash
# Installs what building and testing need on Debian 12 beside Swift itself. Does nothing when all of it is there; asks apt through sudo when
# it is not run by root.
set -euo pipefail

packages=(liblmdb-dev libzstd-dev libxxhash-dev libssl-dev zlib1g-dev libsnappy-dev pkg-config openssl)

if ! command -v swift >/dev/null; then
  echo "There is no swift on the path. Install Swift 6.2 or later first: https://www.swift.org/install/linux/" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  # pkg-config is another package's name on newer systems.
  if [[ $package == pkg-config ]] && command -v pkg-config >/dev/null; then continue; fi
  [[ $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) == *"ok installed" ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0
"$(dirname "$0")/apt-install.sh" "${missing[@]}"
