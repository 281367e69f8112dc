#!/bin/sh
# Builds the module, a program that imports it, and compares its names with the header's:
#
#     sh tests/consumer/module.sh CLANG FLAGS FOLDER

set -eu
compiler=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
# libstdc++ 12 calls what it deprecates itself.
flags="-std=c++20 -O0 -Wall -Wextra -Werror -Wno-deprecated-declarations -pthread -I $root/include $2"
folder=$3

rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

# shellcheck disable=SC2086
compile() { "$compiler" $flags "$@"; }
compile --precompile "$root/scripts/packaging/imle.cppm" -o imle.pcm
"$compiler" -c imle.pcm -o imle.o
compile -fmodule-file=imle=imle.pcm -DIMLE_BY_MODULE "$here/main.cpp" imle.o -o program
./program

# names FILE: what an editor offers after `imle::` in its third line.
names() {
    compile -fmodule-file=imle=imle.pcm -fsyntax-only -Xclang "-code-completion-at=$1:3:7" "$1" |
        sed -n 's/^COMPLETION: //; s/ : .*//; p' | grep -v -x -e detail -e 'isa_.*' | LC_ALL=C sort -u
}
for line in '#include <imle/imle.hpp>' 'import imle;'; do
    printf '%s\nvoid f() {\nimle::\n}\n' "$line" >names.cpp
    case $line in
    import*) names names.cpp >imported ;;
    *) names names.cpp >included ;;
    esac
done
for name in imle_layer top_k Solver 'operator<<'; do
    grep -qxF "$name" included || { echo "the list of the header's names lacks $name" >&2 && exit 1; }
done
diff included imported >differences || {
    echo "the names of imle.hpp (<) are not the names of scripts/packaging/imle.cppm (>):" >&2
    cat differences >&2
    exit 1
}
echo "the module has the header's $(grep -vc '^<' imported) names"
