#!/bin/sh
# Builds and runs the tests:  sh tests/run.sh [--all]
#
# On Debian and its relatives it first installs what is missing (by apt-get, with sudo where you are not
# root); elsewhere it says what to install. Without arguments: the default tests by the default compiler,
# without optimisation. `--all` adds what needs more packages or more time: optimisation, each header alone,
# adapters, examples, benchmarks, the pages' code, the testing tools, the slow tests, clang, libc++, sanitizers,
# AVX2, AVX-512, emulated aarch64, s390x and riscv64, fuzzers; and, where IMLE_EIGEN_DIR or IMLE_CATCH2_DIR name
# the folders that another Eigen or Catch2 is installed in, some tests with those.

set -eu

usage() {
    sed -n '2,9s/^#\( \|$\)//p' "$0"
}

all=no
for argument in "$@"; do
    case $argument in
    --all) all=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        echo "tests/run.sh: unknown argument '$argument'" >&2
        usage >&2
        exit 2
        ;;
    esac
done

cd "$(dirname "$0")/.."
install_log=build/install.log
. scripts/install.sh
started=$(date +%s)
jobs=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc 2>/dev/null || echo 2)}
export CMAKE_BUILD_PARALLEL_LEVEL="$jobs" CTEST_PARALLEL_LEVEL="$jobs"

say() { printf '\n== %s (after %s s)\n' "$*" $(($(date +%s) - started)); }

# -- What must be there -------------------------------------------------------------------------------------

mkdir -p build
if can_install; then
    install cmake ninja-build g++ libeigen3-dev catch2 pkgconf || exit 1
    if [ $all = yes ]; then
        # Debian 12's clang is 14, the oldest that the library supports; later releases have only newer ones.
        install clang-14 libclang-rt-14-dev || install clang libclang-rt-dev || true
        # For the C++20 module, and for libc++.
        install clang-19 libc++-19-dev libc++abi-19-dev || true
    fi
else
    for tool in cmake ninja c++; do
        if ! have $tool; then
            echo "$tool was not found. Please install CMake 3.25, Ninja, a C++20 compiler, Eigen 3.4, and" >&2
            echo "Catch2 (3 or 2.13; without it, it is fetched from the internet)." >&2
            exit 1
        fi
    done
fi

# -- Configure and build ------------------------------------------------------------------------------------

# What the builds tell each other and the end, as files: two run at once.
notes=build/notes
rm -rf $notes
mkdir -p $notes
built=$notes/built
failed=$notes/failed
skipped=$notes/skipped
touch $built $failed $skipped

skip() {
    echo "-- skipped: $1, since $2"
    echo "   $1: $2" >>$skipped
}

# build NAME PRESET [configure arguments]: a failure is remembered, so that one run shows all of them.
build() {
    name=$1
    preset=$2
    shift 2
    say "building $name"
    echo "$preset" >>$built
    if ! cmake --preset "$preset" "$@" >"build/$preset.log" 2>&1; then
        cat "build/$preset.log"
        echo "$preset(configure)" >>$failed
    elif ! NINJA_STATUS="$preset [%f/%t] " cmake --build --preset "$preset" -- -k 0; then
        echo "$preset(build)" >>$failed
    fi
}

# finish STATUS: ends with it, unless a build has failed.
finish() {
    [ ! -s $failed ] || { echo "FAILED: $(paste -s -d ' ' $failed)" && exit 1; }
    exit "$1"
}

if [ "$all" = no ]; then
    build "the default tests" quick
    say "running"
    status=0
    ctest --preset quick || status=$?
    finish $status
fi

# What only some of the tests need. They are left out, and say so, where it is not there.
what_some_need() {
    sed 's/#.*//' <<'PACKAGES'
libcli11-dev gnuplot-nox libbenchmark-dev # the map demo and the benchmarks
libboost-graph-dev coinor-libcbc-dev libglpk-dev # solvers from outside that have an adapter or an example
libtorch-dev libadolc-dev libboost-dev # engines of automatic differentiation that have an adapter (CppAD is in no Debian)
libopenmpi-dev openmpi-bin
doxygen doxygen-awesome-css python3 emscripten nodejs chromium # the site, its demo, and what looks at them
g++-mingw-w64-x86-64-posix wine64 # other systems must compute the same bits
g++-aarch64-linux-gnu g++-s390x-linux-gnu g++-riscv64-linux-gnu qemu-user
dieharder
PACKAGES
}
install_what_some_need() {
    can_install || return 0
    # One call is faster than one for each line, which serves systems that lack some package.
    # shellcheck disable=SC2046,SC2086 # many words
    install $(what_some_need) 2>/dev/null ||
        what_some_need | while read -r packages; do install $packages || true; done
    sh scripts/stan_headers.sh >/dev/null || true
}

clang=
for candidate in clang++-14 clang++; do
    if have $candidate; then
        clang=$candidate
        break
    fi
done

# clang compiles sanitized code in half of g++'s time, where its run-time libraries are installed.
fuzzer='extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, decltype(sizeof 0)) { return 0; }'
clang_sanitizes=no
if [ -n "$clang" ] &&
    echo "$fuzzer" | $clang -x c++ -fsanitize=fuzzer,address,undefined - -o build/fuzzer_probe; then
    clang_sanitizes=yes
fi

# Catch2's main takes seconds to compile, so the builds for this machine share it: unless it is fetched, by each.
main=$(pwd)/build/catch_main.o
if ! ${clang:-c++} -std=c++20 -O0 -c tests/support/main.cpp -o "$main" 2>build/catch_main.log; then
    main=
fi

processor_has() {
    for feature in "$@"; do
        grep -qw "$feature" /proc/cpuinfo 2>/dev/null || return 1
    done
}

avx512="avx512f avx512bw avx512cd avx512dq avx512vl"

# clang takes half of g++'s time, so where it is there, it compiles what calls the library rather than tests its parts.
by_gcc="adapters;allocations;battery;consumer;core;estimators;layer;losses;statistical;targets"
by_clang="docs;golden;testing"
# What is vectorised g++ compiles for the largest vectors that are there, and clang, for the sanitizers, for SSE2.
vectorised="families noise quantile random solvers"
vectors=
if processor_has $avx512; then
    vectors=avx512
elif processor_has avx2 fma bmi2; then
    vectors=avx2
else
    by_gcc="$by_gcc;$(echo "$vectorised" | tr ' ' ';')"
fi

libcxx=no
if have clang++-19 && echo '#include <version>' | clang++-19 -stdlib=libc++ -x c++ -fsyntax-only -; then
    libcxx=yes
fi

# for_vectors NAME PRESET: with the tests of all that is vectorised, the slow ones too. The hashes take g++ as long as
# all of these: with AVX-512 clang 19 compiles them, where it is there.
for_vectors() {
    if [ $clang_sanitizes = yes ]; then
        groups="core;$(echo "$vectorised" | tr ' ' ';')"
        [ "$vectors" = avx512 ] && [ $libcxx = yes ] || groups="golden;$groups"
        build "$@" "-DIMLE_TEST_MAIN=$main" -DIMLE_TEST_SLOW=ON "-DIMLE_TEST_GROUPS=$groups" \
            "-DIMLE_TEST_FILES=^(golden|simd|$(echo "$vectorised" | tr ' ' '|'))/"
    else
        build "$@" "-DIMLE_TEST_MAIN=$main"
    fi
}

# sanitized NAME PRESET: by clang, where it sanitizes.
sanitized() {
    if [ $clang_sanitizes = yes ]; then
        build "$@" "-DCMAKE_CXX_COMPILER=$clang"
    else
        build "$@"
    fi
}

# build_preset PRESET, or why it is skipped.
build_preset() {
    case $1 in
    tests)
        if [ $clang_sanitizes = yes ]; then
            # What the preset `clang` leaves: only g++ takes the headers of libtorch.
            build "the tests, and each header alone" tests "-DIMLE_TEST_MAIN=$main" \
                "-DIMLE_TEST_GROUPS=$by_gcc" -DIMLE_EXAMPLES=terrain -DIMLE_BUILD_BENCHMARKS=OFF
        else
            build "all tests, examples and benchmarks" tests "-DIMLE_TEST_MAIN=$main"
        fi
        # CMake leaves out what it does not find, and says so in build/tests.log.
        for library in Boost:Boost.Graph CBC GLPK CppAD ADOL-C Stan:Stan\ Math Torch:libtorch MPI; do
            if grep -q "imle: ${library%%:*} was not found" build/tests.log; then
                skip "the tests of ${library##*:}" "it was not found"
            fi
        done
        ;;
    asan) sanitized "AddressSanitizer and UndefinedBehaviorSanitizer" asan "-DIMLE_TEST_MAIN=$main" ;;
    tsan) sanitized "ThreadSanitizer" tsan "-DIMLE_TEST_MAIN=$main" ;;
    fuzz)
        if [ $clang_sanitizes = yes ]; then
            sanitized "the fuzzers" fuzz -DIMLE_TEST_BRIEF=ON
        else
            skip "fuzzers" "there is no clang++ with libFuzzer"
        fi
        ;;
    clang)
        if [ $clang_sanitizes = yes ]; then
            # All else it compiles for the sanitizers.
            build "examples, benchmarks, the pages' code and mistakes by $clang" clang \
                "-DCMAKE_CXX_COMPILER=$clang" "-DIMLE_TEST_MAIN=$main" "-DIMLE_TEST_GROUPS=$by_clang" \
                -DIMLE_BUILD_BENCHMARKS=ON -DIMLE_TEST_BRIEF=OFF -DIMLE_TEST_SLOW=ON
        elif [ -n "$clang" ]; then
            build "the default tests by $clang" clang "-DCMAKE_CXX_COMPILER=$clang" "-DIMLE_TEST_MAIN=$main"
        else
            skip "clang" "there is no clang++"
        fi
        ;;
    avx2)
        if [ "$vectors" = avx512 ]; then
            build "hashes and lanes with AVX2" avx2 "-DIMLE_TEST_MAIN=$main" \
                "-DIMLE_TEST_FILES=^(golden|random|simd)/"
        elif [ "$vectors" = avx2 ]; then
            for_vectors "what is vectorised, with AVX2" avx2
        else
            skip "AVX2" "this processor has none"
        fi
        ;;
    avx512)
        if [ "$vectors" = avx512 ]; then
            for_vectors "what is vectorised, with AVX-512" avx512
        else
            skip "AVX-512" "this processor has none"
        fi
        ;;
    libcxx)
        if [ "$libcxx" = yes ] && [ "$vectors" = avx512 ]; then
            build "tests by clang 19 with libc++ and AVX-512" libcxx -DCMAKE_CXX_COMPILER=clang++-19 \
                "-DCMAKE_CXX_FLAGS=-stdlib=libc++ -march=x86-64-v4"
        elif [ "$libcxx" = yes ]; then
            build "tests by clang 19 with libc++" libcxx -DCMAKE_CXX_COMPILER=clang++-19
        else
            skip "libc++" "there is no clang++-19 with libc++"
        fi
        ;;
    newer)
        if [ -n "${IMLE_EIGEN_DIR-}${IMLE_CATCH2_DIR-}" ]; then
            build "some tests with the Eigen or Catch2 that the environment names" newer \
                "-DCMAKE_PREFIX_PATH=${IMLE_EIGEN_DIR-};${IMLE_CATCH2_DIR-}"
        else
            skip "another Eigen and Catch2" "neither IMLE_EIGEN_DIR nor IMLE_CATCH2_DIR is set"
        fi
        ;;
    aarch64 | s390x | riscv64)
        if ! have "$1-linux-gnu-g++" || ! have "qemu-$1"; then
            skip "$1" "there is no $1-linux-gnu-g++ or no qemu-$1"
        elif [ "$1" = riscv64 ] && [ $clang_sanitizes = yes ]; then
            # By the headers and libraries of g++, which the others try. (qemu 7.2 multiplies wrongly what clang makes
            # for s390x: MDEBR with one register.)
            build "the golden data and hashes for riscv64 by $clang" riscv64 \
                "-DCMAKE_CXX_COMPILER=$clang" -DCMAKE_CXX_COMPILER_TARGET=riscv64-linux-gnu
        else
            build "the golden data and hashes for $1" "$1"
        fi
        ;;
    esac
}

# build_of PRESET...: builds, of these, whatever the other of two such has not begun.
build_of() {
    for each in "$@"; do
        if mkdir "$notes/$each.begun" 2>/dev/null; then build_preset "$each"; fi
    done
}

# All of them, the longest first.
build_what_is_left() { build_of tests clang asan avx2 avx512 libcxx tsan fuzz aarch64 s390x riscv64 newer; }

# Two builds at a time, each by half of the processors: at a build's end, where one file is left, half of them would idle.
# Installing packages keeps one processor busy for minutes, so it runs beside what needs none of them.
if [ "$jobs" = 1 ]; then
    install_what_some_need
    build_what_is_left
else
    export CMAKE_BUILD_PARALLEL_LEVEL=$(((jobs + 1) / 2))
    {
        for each in avx512 avx2 tsan libcxx; do
            [ -e $notes/installed ] || build_of $each
        done
        until [ -e $notes/installed ] || ! kill -0 $$ 2>/dev/null; do sleep 1; done
        build_what_is_left
    } &
    other=$!
    trap 'kill $other; exit 1' HUP INT TERM # the other does not hear of Ctrl-C
    say "installing what some tests need"
    install_what_some_need
    touch $notes/installed
    build_what_is_left
    wait $other || echo "of what was built beside" >>$failed
    trap - HUP INT TERM
fi

have dieharder || skip "the battery of tests of random bits" "there is no dieharder"
for tool in doxygen chromium; do
    have $tool || skip "tests of the site" "there is no $tool"
done

# -- Run everything by one call, so that one summary counts it all ------------------------------------------

mkdir -p build/all
while read -r preset; do
    echo "subdirs(../$preset)"
done <$built >build/all/CTestTestfile.cmake

say "running"
[ ! -s $skipped ] || { echo "skipped:" && cat $skipped; }
status=0
# One more than there are processors, since a browser and MPI's ranks wait for each other.
ctest --test-dir build/all --output-on-failure --no-tests=error --parallel $((jobs + 1)) || status=$?
finish $status
