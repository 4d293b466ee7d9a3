#!/bin/sh
# Runs clang-tidy on every source of the library and the program; needs build/ci.
set -eu
cd "$(dirname "$0")/.."
git ls-files 'src/*.cpp' 'integrators/*.cpp' | xargs -P "$(nproc)" -n 2 clang-tidy -p build/ci --quiet --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-sign-conversion --extra-arg=-Wno-unused-command-line-argument 2>/dev/null
