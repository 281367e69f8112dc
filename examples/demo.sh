#!/bin/sh
# Builds and runs the map demo:  sh examples/demo.sh [ARGUMENT...]
#
# The arguments go to the demo (`sh examples/demo.sh --help` lists them); its pictures go to ./imle-demo, unless --out
# names another folder. On Debian and its relatives it first installs what is missing (by apt-get, with sudo where you
# are not root); elsewhere it says what to install. A run takes about a minute, the first time one or two more.

set -eu

here=$(pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
log=$root/build/demo.log
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
    install cmake ninja-build g++ libeigen3-dev libcli11-dev gnuplot-nox
else
    for tool in cmake ninja c++ gnuplot; do
        have $tool && continue
        echo "$tool was not found. Please install CMake 3.25 or later, Ninja, a C++20 compiler, Eigen 3.4, CLI11" >&2
        echo "and gnuplot, then run this again." >&2
        exit 1
    done
fi

cd "$root"
echo "Building"
# A build folder of its own, so that nothing that you set in build/release is changed.
quietly cmake --preset release -B build/demo -DIMLE_BUILD_EXAMPLES=ON -DIMLE_BUILD_BENCHMARKS=OFF
if ! ninja -C build/demo -t query imle_example_map >/dev/null 2>&1; then
    echo "CMake did not find CLI11. Please install it (https://github.com/CLIUtils/CLI11), then run this again." >&2
    exit 1
fi
quietly cmake --build build/demo --target imle_example_map

cd "$here"
exec "$root/build/demo/examples/map/map" "$@"
