#!/bin/sh
# Downloads MNIST (LeCun, Cortes, Burges) as four compressed IDX files and checks what they hold, by its MD5.
# Files that are there and right are kept, however they were compressed.
# Usage: scripts/fetch-mnist.sh [DIR]   (default: data/mnist)
set -eu

directory=${1-data/mnist}
source=https://ossci-datasets.s3.amazonaws.com/mnist

fail() {
  echo "fetch-mnist: $1" >&2
  exit 1
}

[ $# -le 1 ] || { echo "usage: scripts/fetch-mnist.sh [DIR]" >&2; exit 2; }
[ -n "$directory" ] || { echo "usage: scripts/fetch-mnist.sh [DIR]" >&2; exit 2; }
case $directory in -*) directory=./$directory ;; esac

is_right() {  # FILE MD5
  [ -f "$1" ] && [ "$(gzip -dc <"$1" 2>/dev/null | md5sum | cut -d ' ' -f 1)" = "$2" ]
}

download() {  # URL FILE
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --retry 3 --output "$2" "$1"
  else
    wget --no-verbose --tries=3 --output-document="$2" "$1"
  fi
}

command -v curl >/dev/null || command -v wget >/dev/null || fail "neither curl nor wget is there; install one"
command -v md5sum >/dev/null || fail "md5sum is not there to check the files; install coreutils"
mkdir -p "$directory" 2>/dev/null || fail "the directory '$directory' cannot be made; give another"
part=
trap '[ -z "$part" ] || rm -f "$part"' EXIT
trap 'exit 130' INT TERM HUP

fetch() {  # NAME MD5
  file=$directory/$1
  if is_right "$file" "$2"; then
    echo "$file is there"
    return
  fi
  part=$(mktemp "$directory/.$1.XXXXXX" 2>/dev/null) || fail "'$directory' cannot be written; give another directory"
  message=$(download "$source/$1" "$part" 2>&1) ||
    fail "$source/$1 cannot be downloaded${message:+ ($(echo "$message" | tail -n 1))}; check the network"
  is_right "$part" "$2" || fail "$source/$1 arrived damaged (the MD5 of what it holds is not $2); try again"
  chmod 644 "$part"
  mv "$part" "$file"
  part=
  echo "$file"
}

fetch train-images-idx3-ubyte.gz 6bbc9ace898e44ae57da46a324031adb
fetch train-labels-idx1-ubyte.gz a25bea736e30d166cdddb491f175f624
fetch t10k-images-idx3-ubyte.gz 2646ac647ad5339dbf082846283269ea
fetch t10k-labels-idx1-ubyte.gz 27ae3e4e09519cfbb04c329615203637
