#!/bin/sh
# Measures the speed and the accuracy of the random laws:  sh benchmarks/run.sh [OPTION...]
#
# Prints Markdown: a table of times for each vector instruction set that this processor has. On Debian and its relatives
# it first installs missing packages (by apt-get, with sudo if you are not root); elsewhere it says what to install. It
# takes about six minutes. The machine should do nothing else.
#
#   --write          also put the tables into docs/benchmarks.md
#   --with-numpy     install numpy; the tables include numpy if it is installed
#   --with-torch     install PyTorch (20 packages, 50 MB on Debian 12); likewise
#   --eigenrand DIR  compare with EigenRand, whose headers are in DIR/EigenRand
#
# Other arguments go to the program: --numbers=65536, say, or flags of Google Benchmark; see benchmarks/main.cpp.

set -eu

write=no
with_numpy=no
with_torch=no
eigenrand=
count=$#
while [ "$count" -gt 0 ]; do
    argument=$1
    shift
    count=$((count - 1))
    case $argument in
    --write) write=yes ;;
    --with-numpy) with_numpy=yes ;;
    --with-torch) with_torch=yes ;;
    --eigenrand)
        if [ "$count" = 0 ] || [ ! -e "$1/EigenRand/EigenRand" ]; then
            echo "benchmarks/run.sh: --eigenrand was '${1-}', expected the folder that holds EigenRand/EigenRand" >&2
            exit 2
        fi
        eigenrand=$(cd "$1" && pwd)
        shift
        count=$((count - 1))
        ;;
    -h | --help)
        sed -n '2,14s/^#\( \|$\)//p' "$0"
        exit 0
        ;;
    *) set -- "$@" "$argument" ;;
    esac
done

cd "$(dirname "$0")/.."
out=build/benchmarks
mkdir -p "$out"
install_log=$out/log
. scripts/install.sh
. scripts/benchmarks.sh

# -- Requirements -------------------------------------------------------------------------------------------

if can_install; then
    install cmake ninja-build g++ libeigen3-dev libbenchmark-dev >&2
    [ $with_numpy = no ] || install python3-numpy >&2
    [ $with_torch = no ] || install python3-torch >&2
else
    for tool in cmake ninja c++; do
        have $tool && continue
        echo "$tool was not found. Please install CMake 3.25 or later, Ninja, a C++20 compiler, Eigen 3.4 and" >&2
        echo "Google Benchmark, then run this again." >&2
        exit 1
    done
fi

processor_has() {
    for feature in "$@"; do
        grep -qw "$feature" /proc/cpuinfo 2>/dev/null || return 1
    done
}

# The full table comes first: the one for AVX2, to which the goals apply, or else the only one.
case $(uname -m) in
x86_64 | amd64)
    sets=sse2
    if processor_has avx2 fma bmi2; then
        sets="avx2 sse2"
    fi
    if processor_has avx512f avx512bw avx512cd avx512dq avx512vl; then
        sets="$sets avx512"
    fi
    ;;
*) sets=native ;;
esac

# -- Build --------------------------------------------------------------------------------------------------

full=${sets%% *}
for set in $sets; do
    say "building for $set"
    flags=
    native=OFF
    peer=
    case $set in
    avx2) flags=-march=x86-64-v3 ;;
    avx512) flags=-march=x86-64-v4 ;;
    native) native=ON ;;
    esac
    [ "$set" != "$full" ] || peer=$eigenrand
    quietly cmake --preset release -B "$out/$set" "-DCMAKE_CXX_FLAGS=$flags" "-DIMLE_NATIVE=$native" \
        -DIMLE_BUILD_EXAMPLES=OFF -DIMLE_BUILD_BENCHMARKS=ON ${peer:+"-DIMLE_EIGENRAND_DIR=$peer"}
    if ! ninja -C "$out/$set" -t query imle_benchmarks >/dev/null 2>&1; then
        echo "CMake did not find Google Benchmark. Please install it (https://github.com/google/benchmark), then" >&2
        echo "run this again." >&2
        exit 1
    fi
    quietly cmake --build "$out/$set" --target imle_benchmarks
done

# -- Run, on one core ---------------------------------------------------------------------------------------

on_one_core=
if have taskset; then
    # The last core that this shell may use: the first has more interrupts to serve.
    core=$(taskset -cp $$ | sed 's/.*[^0-9]//')
    on_one_core="taskset -c $core"
fi

# The first Python in the path need not be the one that has the distribution's packages.
others=
for other in numpy torch; do
    for python in python3 /usr/bin/python3; do
        $python -c "import $other" 2>/dev/null || continue
        say "running $other"
        $on_one_core $python "benchmarks/${other}_rows.py" >"$out/$other.txt"
        others="$others --outside=$out/$other.txt"
        break
    done
done

{
    processor=$(model 'Model name')
    echo "Measured on one core of: ${processor:-$(uname -m)} (family $(model 'CPU family'), model $(model Model))."
    echo
} >"$out/tables.md"
status=0
for set in $sets; do
    say "running for $set"
    if [ "$set" = "$full" ]; then
        # shellcheck disable=SC2086
        $on_one_core "$out/$set/benchmarks/imle_benchmarks" $others "$@" >>"$out/tables.md" || status=$?
    else
        $on_one_core "$out/$set/benchmarks/imle_benchmarks" --short "$@" >>"$out/tables.md" || status=$?
    fi
done
cat "$out/tables.md"

# -- Write --------------------------------------------------------------------------------------------------

if [ $write = yes ] && [ $status = 0 ]; then
    write_tables docs/benchmarks.md
fi
exit $status
