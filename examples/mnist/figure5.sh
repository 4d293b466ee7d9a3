#!/bin/sh
# Figure 5 of the paper on MNIST: the loss over the layers, trained with the stage cost (60 layers) and without it
# (10, 20, …, 60 layers), in linear and in logarithmic scale. About a quarter of an hour on two cores.
#
# Usage: examples/mnist/figure5.sh DIRECTORY_OF_MNIST OUTPUT_DIRECTORY [train options, e.g. --threads 2]
# Environment: TURNPIKE, the program (build/release/turnpike). Finished runs in OUTPUT_DIRECTORY are not repeated.
set -eu
if [ $# -lt 2 ]; then
  echo "usage: examples/mnist/figure5.sh DIRECTORY_OF_MNIST OUTPUT_DIRECTORY [train options]" >&2
  exit 2
fi
data=$1
out=$2
shift 2
turnpike=${TURNPIKE-build/release/turnpike}
layers="10 20 30 40 50 60"

train() { # name, options
  name=$1
  shift
  if [ -f "$out/$name/summary.json" ]; then
    return
  fi
  if [ -d "$out/$name" ]; then
    "$turnpike" resume "$out/$name"
  else
    "$turnpike" train mnist --data "$data" --out "$out/$name" "$@"
  fi
}

mkdir -p "$out"
train stage-60 "$@"
for N in $layers; do
  train "none-$N" --set cost.stage=none --set "control.intervals=$N" "$@"
done

{
  echo "set terminal svg size 1200,500 font 'sans-serif,13' background 'white'"
  echo "set output '$out/figure5.svg'"
  echo "set datafile separator ','"
  echo "set multiplot layout 1,2"
  echo "set xlabel 'layer'; set ylabel 'loss'; set grid linecolor rgb '#dddddd'; set key top right"
  for scale in linear logarithmic; do
    [ "$scale" = linear ] || echo "set logscale y; set format y '10^{%T}'; set key bottom left"
    echo "set title 'Training (lines) and test (dashes), $scale scale'"
    plots="'$out/stage-60/layers.csv' using 1:3 skip 1 with lines linewidth 2.5 linecolor rgb '#c0392b' title 'with stage cost'"
    plots="$plots, '' using 1:4 skip 1 with lines linewidth 2.5 dashtype 2 linecolor rgb '#c0392b' notitle"
    for N in $layers; do
      title=notitle
      [ "$N" = 60 ] && title="title 'without, N = 10, 20, …, 60'"
      plots="$plots, '$out/none-$N/layers.csv' using 1:3 skip 1 with lines linewidth 1.5 linecolor rgb '#2c6fbb' $title"
      plots="$plots, '' using 1:4 skip 1 with lines linewidth 1 dashtype 2 linecolor rgb '#2c6fbb' notitle"
    done
    echo "plot $plots"
  done
} >"$out/figure5.gnuplot"
gnuplot "$out/figure5.gnuplot"
echo "$out/figure5.svg"
