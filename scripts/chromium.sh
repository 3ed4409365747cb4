#!/usr/bin/env bash
# Installs the browser in which the tests look at the pages, and a font for it, on Debian: about 90 MB to download. Does nothing when
# both are there, or when CLYMENE_BROWSER names another Chromium; asks apt through sudo when it is not run by root.
set -euo pipefail

[[ -z ${CLYMENE_BROWSER:-} ]] || exit 0

missing=()
command -v chromium >/dev/null || missing+=(chromium)
compgen -G '/usr/share/fonts/*/*/*.ttf' >/dev/null || missing+=(fonts-dejavu-core)
((${#missing[@]})) || exit 0
"$(dirname "$0")/apt-install.sh" "${missing[@]}"
