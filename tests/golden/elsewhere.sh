#!/bin/sh
# Compiles the golden hashes and hello_top_k for a system that the test framework does not reach, and runs them:
#
#     sh tests/golden/elsewhere.sh EIGEN'S_FOLDER OUT SUFFIX "COMPILER..." "RUNNER..." ["COMPILER OF HELLO_TOP_K..."]
#
# for example  sh tests/golden/elsewhere.sh /usr/include/eigen3 build/windows .exe "x86_64-w64-mingw32-g++-posix -O1 -static" wine64
#
# Fails if a hash differs from that of all other machines, or the example's output from the documented one.

set -eu
[ $# = 5 ] || [ $# = 6 ] || { sed -n '2,8s/^#\( \|$\)//p' "$0" >&2 && exit 2; }
eigen=$1 out=$2 suffix=$3 compiler=$4 runner=$5 hello_compiler=${6-$4}
cd "$(dirname "$0")/../.."
mkdir -p "$out"

# compile COMPILER ARGUMENT...
compile() {
    command=$1
    shift
    # shellcheck disable=SC2086 # a command of several words
    $command -std=c++20 -I include -I tests -isystem "$eigen" "$@"
}
run() {
    # shellcheck disable=SC2086
    $runner "$out/$1$suffix" 2>"$out/$1.log" | tr -d '\r' >"$out/$1.txt"
}

compile "$hello_compiler" examples/hello_top_k/hello_top_k.cpp -o "$out/hello$suffix"
run hello
diff examples/hello_top_k/output.txt "$out/hello.txt"
echo "hello_top_k prints what it prints elsewhere"

# As one file, which takes less time than two.
compile "$compiler" -include tests/golden/noise_bits.cpp tests/golden/bits.cpp -o "$out/bits$suffix"
run bits
cat "$out/bits.txt"
grep -q '^0 of [1-9][0-9]* hashes differ$' "$out/bits.txt" # a pipe has no status of its first command
