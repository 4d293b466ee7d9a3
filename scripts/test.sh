#!/bin/sh
# Installs what is missing, builds with warnings as errors, checks the format, and runs every test, once as
# released and once under AddressSanitizer and UndefinedBehaviorSanitizer.
set -eu
cd "$(dirname "$0")/.."
scripts/packages.sh test
scripts/check-format.sh
# Where MNIST lies beside the working tree, the tests that read it whole are run, too.
mnist=../shared/data/mnist
if [ -z "${TURNPIKE_MNIST_DIR-}" ] && [ -d "$mnist" ]; then
  TURNPIKE_MNIST_DIR=$(cd "$mnist" && pwd)
  export TURNPIKE_MNIST_DIR
fi
for preset in ci asan; do
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset"
  ctest --preset "$preset" -j "$(nproc)"
done
scripts/check-tidy.sh
