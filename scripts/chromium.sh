#!/usr/bin/env bash
# Installs the browser in which the tests look at the pages, and a font for it, on Debian: about 90 MB to download. Does nothing when
# both are there, or when CLYMENE_BROWSER names another Chromium; asks apt through sudo when it is not run by root.
set -euo pipefail

[[ -z ${CLYMENE_BROWSER:-} ]] || exit 0

missing=()
command -v chromium >/dev/null || missing+=(chromium)
compgen -G '/usr/share/fonts/*/*/*.ttf' >/dev/null || missing+=(fonts-dejavu-core)
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "These packages are missing, and there is no sudo. As root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
