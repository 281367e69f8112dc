# shellcheck shell=sh disable=SC2154
# The example scripts source this file after they set $root to the project's folder.

. "$root/scripts/install.sh"
. "$root/scripts/quietly.sh"

# run_example PROGRAM COMPILER LIBRARIES PACKAGES ARGUMENT...: installs missing packages, builds examples/PROGRAM and runs
# it in the current folder. COMPILER is c++ if any compiler will do. LIBRARIES names, for people, what the example needs
# besides Eigen; PACKAGES are the Debian packages of these libraries.
run_example() {
    program=$1
    compiler=$2
    libraries=$3
    packages=$4
    shift 4
    here=$(pwd)
    mkdir -p "$root/build"
    log=$root/build/$program.log
    install_log=$log

    if can_install; then
        # shellcheck disable=SC2086
        install cmake ninja-build g++ libeigen3-dev gnuplot-nox $packages
    else
        for tool in cmake ninja "$compiler" gnuplot; do
            have "$tool" && continue
            echo "$tool was not found. Please install CMake 3.25 or later, Ninja, g++ 12 or later (or another C++20" >&2
            echo "compiler), Eigen 3.4, gnuplot, $libraries, then run this again." >&2
            return 1
        done
    fi

    cd "$root" || return 1
    echo "Building"
    # A separate build folder, so that your settings in build/release stay as they are.
    [ "$compiler" = c++ ] || export CXX="$compiler"
    quietly cmake --preset release -B "build/$program" -DIMLE_BUILD_EXAMPLES=ON \
        -DIMLE_BUILD_BENCHMARKS=OFF
    if ! ninja -C "build/$program" -t query "imle_example_$program" >/dev/null 2>&1; then
        echo "CMake did not find all that the example needs. Please install $libraries, then run this again." >&2
        return 1
    fi
    quietly cmake --build "build/$program" --target "imle_example_$program"

    cd "$here" || return 1
    exec "$root/build/$program/examples/$program/$program" "$@"
}
