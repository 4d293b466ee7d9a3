#!/bin/sh
# Installs what is missing, builds the program and trains two spirals.
set -eu
cd "$(dirname "$0")/.."
scripts/packages.sh build
cmake --preset release >/dev/null
cmake --build --preset release
build/release/turnpike train two-spirals "$@"
