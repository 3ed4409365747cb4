#!/usr/bin/env bash
# Unpacks servers for runs and tests under .build/peers, without installing them: Debian packages by name, Python packages as
# pypi:NAME. Needs no root, but for `apt-get update` on a machine whose package lists are missing.
#
#   scripts/peers.sh prometheus-node-exporter prometheus pypi:some-server
#
# Debian packages end in .build/peers/debian (usr/bin/…), Python ones in .build/peers/venv.
set -euo pipefail
cd "$(dirname "$0")/.."

peers=$PWD/.build/peers
mkdir -p "$peers/debian" "$peers/debs" "$peers/done"

update_lists() {
  if ((EUID == 0)); then
    apt-get update -qq
  elif command -v sudo >/dev/null; then
    sudo apt-get update -qq
  else
    echo "The package lists are missing or old, and there is no sudo. As root: apt-get update" >&2
    return 1
  fi
}

fetch_deb() { (cd "$peers/debs" && apt-get download -qq "$1"); }

unpack_deb() {
  local name=$1
  [[ -e $peers/done/$name ]] && return
  echo "Unpacking $name into .build/peers"
  # Without lists, or with old ones, the first attempt fails; what apt says to the second one is shown.
  fetch_deb "$name" 2>/dev/null || { update_lists && fetch_deb "$name"; } || {
    echo "$name cannot be downloaded with apt-get" >&2
    return 1
  }
  local file
  file=$(ls -t "$peers/debs/${name}"_*.deb | head -n 1)
  dpkg -x "$file" "$peers/debian" || return 1
  rm "$file"
  # Before its libraries, which may depend on each other.
  touch "$peers/done/$name"
  # Without them it would not run: the next call has to try again.
  unpack_libraries "$name" || {
    rm -f "$peers/done/$name"
    return 1
  }
}

# Shared libraries that the package wants and the machine has not.
unpack_libraries() {
  local dependency
  for dependency in $(dpkg_dependencies "$1"); do
    [[ $dependency == lib* && $dependency != libc6 && $dependency != libjs-* ]] || continue
    [[ $(dpkg-query -W -f='${Status}' "$dependency" 2>/dev/null) == *"ok installed" ]] && continue
    unpack_deb "$dependency" || return 1
  done
}

dpkg_dependencies() {
  apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$1" |
    sed -n 's/^ *Depends: \([^<]*\)$/\1/p'
}

install_python() {
  local name=$1
  [[ -e $peers/done/pypi-$name ]] && return
  echo "Installing $name from PyPI into .build/peers/venv"
  [[ -x $peers/venv/bin/pip ]] || python3 -m venv "$peers/venv"
  "$peers/venv/bin/pip" install --quiet "$name"
  touch "$peers/done/pypi-$name"
}

for peer in "$@"; do
  case $peer in
    pypi:*) install_python "${peer#pypi:}" ;;
    *) unpack_deb "$peer" ;;
  esac
done
