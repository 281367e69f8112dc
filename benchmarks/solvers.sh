#!/bin/sh
# Measures the solvers and whole steps of a layer:  sh benchmarks/solvers.sh [--write] [FLAG OF GOOGLE BENCHMARK...]
#
# Prints Markdown: microseconds per solve for each solver and size, alone, in batches and on two threads, next to a textbook
# version and, if they can be installed, Boost.Graph and CBC; then milliseconds per step. Plots how time and memory grow.
# On Debian and its relatives it first installs missing packages (by apt-get, with sudo if you are not root); elsewhere it
# says what to install. It takes about five minutes. The machine should do nothing else.
#
#   --write  put the tables into docs/solver_benchmarks.md and the picture next to it; else both go to build/solver_benchmarks

set -eu

write=no
count=$#
while [ "$count" -gt 0 ]; do
    argument=$1
    shift
    count=$((count - 1))
    case $argument in
    --write) write=yes ;;
    -h | --help)
        sed -n '2,9s/^#\( \|$\)//p' "$0"
        exit 0
        ;;
    *) set -- "$@" "$argument" ;;
    esac
done

cd "$(dirname "$0")/.."
out=build/solver_benchmarks
mkdir -p "$out"
install_log=$out/log
. scripts/install.sh
. scripts/benchmarks.sh

if can_install; then
    install cmake ninja-build g++ libeigen3-dev libbenchmark-dev >&2
    install libboost-graph-dev coinor-libcbc-dev pkgconf gnuplot-nox >&2 || true
else
    for tool in cmake ninja c++; do
        have $tool && continue
        echo "$tool was not found. Please install CMake 3.25 or later, Ninja, a C++20 compiler, Eigen 3.4 and" >&2
        echo "Google Benchmark (and, to compare with, Boost.Graph and CBC; to draw, gnuplot), then run this again." >&2
        exit 1
    done
fi

say "building"
quietly cmake --preset native -B "$out/native" -DIMLE_BUILD_EXAMPLES=OFF -DIMLE_BUILD_BENCHMARKS=ON
if ! ninja -C "$out/native" -t query imle_solver_benchmarks >/dev/null 2>&1; then
    echo "CMake did not find Google Benchmark. Please install it (https://github.com/google/benchmark), then" >&2
    echo "run this again." >&2
    exit 1
fi
quietly cmake --build "$out/native" --target imle_solver_benchmarks imle_city_paths

say "running"
{
    processor=$(model 'Model name')
    echo "Measured on: ${processor:-$(uname -m)} (family $(model 'CPU family'), model $(model Model)), $(nproc) cores, by"
    echo "$(c++ --version | head -n 1) with -O3 -march=native. Medians of wall time."
    echo
} >"$out/tables.md"
"$out/native/benchmarks/imle_solver_benchmarks" --growth="$out/growth.txt" --benchmark_min_time=0.05 \
    --benchmark_repetitions=5 "$@" >>"$out/tables.md"
"$out/native/benchmarks/imle_city_paths" >>"$out/tables.md"
cat "$out/tables.md"

if have gnuplot; then
    gnuplot -e "data='$out/growth.txt'; picture='$out/growth.png'" benchmarks/solvers/growth.gnuplot
else
    say "gnuplot was not found, so nothing is drawn; the numbers are in $out/growth.txt"
fi

if [ $write = yes ]; then
    write_tables docs/solver_benchmarks.md
    [ ! -e "$out/growth.png" ] || cp "$out/growth.png" docs/images/solver_growth.png
fi
