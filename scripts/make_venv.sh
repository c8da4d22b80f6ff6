#!/bin/sh
# Make the virtual environment $1 with the first Python >= 3.11 that answers, and pip inside it.
# Debian ships python3 without ensurepip; then the pip or virtualenv at hand, or apt, helps out.
set -eu
venv=$1

fail() {
  printf 'make: %s\n' "$1" >&2
  exit 1
}

new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

python=
for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
  if new_enough "$name"; then
    python=$name
    break
  fi
done
[ -n "$python" ] || fail "no Python 3.11 or newer answers here; install one, or name it: make PYTHON=/path/to/python3.11"

has_pip() {
  "$venv/bin/python" -m pip --version >/dev/null 2>&1
}

with_ensurepip() {
  "$python" -c 'import ensurepip' >/dev/null 2>&1 && "$python" -m venv --clear "$venv" && has_pip
}

with_virtualenv() {
  "$python" -m virtualenv --version >/dev/null 2>&1 && "$python" -m virtualenv --quiet --clear "$venv" && has_pip
}

with_pip_outside() {
  "$python" -m pip --version >/dev/null 2>&1 &&
    "$python" -m venv --clear --without-pip "$venv" &&
    "$python" -m pip --quiet --python "$venv/bin/python" install pip && has_pip
}

with_apt() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  echo "this Python has no ensurepip; installing python$version-venv with apt-get"
  apt-get update -qq || true
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "python$version-venv" >/dev/null &&
    "$python" -m venv --clear "$venv" && has_pip
}

echo "making $venv with $("$python" --version)"
with_ensurepip || with_virtualenv || with_pip_outside || with_apt ||
  fail "$python can make no virtual environment with pip (its ensurepip is missing); install the package python3-venv or virtualenv, then run make again"
