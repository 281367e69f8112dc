#!/bin/sh
# Builds and runs the terrain example:  sh examples/terrain.sh [ARGUMENT...]
#
# The arguments go to the program (`sh examples/terrain.sh --help` lists them); networks and pictures go to
# ./imle-terrain, unless --out names another folder. On Debian and its relatives it first installs what is missing (by
# apt-get, with sudo where you are not root), libtorch among it; elsewhere it says what to install.

set -eu

here=$(pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
log=$root/build/terrain.log
mkdir -p "$root/build"
install_log=$log
. "$root/scripts/install.sh"

# quietly COMMAND...: its output is shown only if it fails.
quietly() {
    "$@" >"$log" 2>&1 </dev/null && return 0
    cat "$log" >&2
    return 1
}

if can_install; then
    install cmake ninja-build g++ libeigen3-dev libcli11-dev gnuplot-nox libtorch-dev
else
    for tool in cmake ninja g++ gnuplot; do
        have $tool && continue
        echo "$tool was not found. Please install CMake 3.25 or later, Ninja, g++ 12 or later, Eigen 3.4, CLI11, libtorch" >&2
        echo "and gnuplot, then run this again." >&2
        exit 1
    done
fi

cd "$root"
echo "Building (libtorch's headers take half a minute)"
# A build folder of its own, so that nothing that you set in build/release is changed.
quietly cmake --preset release -B build/terrain -DCMAKE_CXX_COMPILER=g++ -DIMLE_BUILD_EXAMPLES=ON \
    -DIMLE_BUILD_BENCHMARKS=OFF
if ! ninja -C build/terrain -t query imle_example_terrain >/dev/null 2>&1; then
    grep "terrain example is not built" "$log" >&2
    echo "Please install CLI11 (https://github.com/CLIUtils/CLI11) and libtorch, then run this again." >&2
    exit 1
fi
quietly cmake --build build/terrain --target imle_example_terrain

cd "$here"
exec "$root/build/terrain/examples/terrain/terrain" "$@"
