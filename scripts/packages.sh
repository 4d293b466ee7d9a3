#!/bin/sh
# Installs the Debian 12 packages that the project needs and that are missing: the one list.
# Usage: scripts/packages.sh build|test
set -eu

build="g++ cmake ninja-build libeigen3-dev libfmt-dev nlohmann-json3-dev libtomlplusplus-dev
  libboost-dev libcli11-dev libnlopt-cxx-dev libsundials-dev libdnnl-dev zlib1g-dev libjs-chart.js
  gnuplot-nox"
test="doctest-dev librapidcheck-dev python3-minimal python3-numpy clang-format clang-tidy"

case "${1-}" in
  build) packages=$build ;;
  test) packages="$build $test" ;;
  *) echo "usage: scripts/packages.sh build|test" >&2; exit 2 ;;
esac

missing=""
for package in $packages; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=""
elif command -v sudo >/dev/null; then
  as_root=sudo
else
  echo "these packages are missing and only root can install them:$missing" >&2
  echo "run as root: apt-get install$missing" >&2
  exit 1
fi
echo "installing:$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive \
       apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "the packages could not be installed; see the lines above" >&2
  exit 1
fi
