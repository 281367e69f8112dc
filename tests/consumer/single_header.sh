#!/bin/sh
# Makes the single header, and builds the first program by it alone, then in two translation units. Then does so for a
# library of a few lines in which a header is included under an #if and elsewhere:
#
#     sh tests/consumer/single_header.sh COMPILER FLAGS FOLDER

set -eu
compiler=$1
flags="-std=c++20 -O0 -Wall -Wextra -Wpedantic -Wconversion -Werror $2"
folder=$3
here=$(cd "$(dirname "$0")" && pwd)

rm -rf "$folder"
mkdir -p "$folder/imle"
sh "$here/../../scripts/single_header.sh" "$folder/imle/imle.hpp"
cd "$folder"

# Nothing of the library beside it, and every word of the licence in it.
if grep -n '^[ \t]*#[ \t]*include[ \t]*[<"]imle/' imle/imle.hpp; then
    echo "the single header includes another" >&2
    exit 1
fi
while read -r line; do
    grep -qF "// $line" imle/imle.hpp || { echo "the single header lacks the licence's line '$line'" >&2 && exit 1; }
done <"$here/../../LICENSE"

# shellcheck disable=SC2086
compile() { "$compiler" $flags -pthread -I . "$@"; }
compile -c "$here/main.cpp" -o main.o
compile main.o -o alone
./alone

# The second unit defines what the first one does, but for main.
objcopy --redefine-sym main=second main.o second.o
compile main.o second.o -o two
./two

# -- Headers under an #if -----------------------------------------------------------------------------------

mkdir -p small/scripts small/include/imle/core
cp "$here/../../scripts/single_header.sh" "$here/../../scripts/version.sh" small/scripts
cp "$here/../../LICENSE" small
cd small/include/imle
echo '#define IMLE_VERSION_MAJOR 1' >core/version.hpp
cat >imle.hpp <<'END'
#pragma once
#include <imle/core/version.hpp>
#if defined(FAST)
#include <imle/fast.hpp>
#else
#  include <imle/slow.hpp>
#endif
#include <imle/last.hpp>
END
cat >fast.hpp <<'END'
#pragma once
#include <imle/shared.hpp>
#include <cstdlib>
inline int speed() { return shared + std::abs(-1); }
END
cat >slow.hpp <<'END'
#pragma once
#include <imle/shared.hpp>
inline int speed() { return shared; }
END
cat >shared.hpp <<'END'
#pragma once
struct once {};
inline constexpr int shared = 1;
END
cat >last.hpp <<'END'
#pragma once
#include <imle/shared.hpp>
#include <cstdlib>
inline int last() { return std::abs(-2) * shared; }
END
cd "$folder"
sh small/scripts/single_header.sh small/imle.hpp
echo '#include "small/imle.hpp"
int main() { return 10 * speed() + last(); }' >small.cpp
for flag in -USLOW:12 -DFAST:22; do
    compile "${flag%:*}" small.cpp -o small_program
    status=0
    ./small_program || status=$?
    [ $status = "${flag#*:}" ] || { echo "with ${flag%:*} the small library gave $status" >&2 && exit 1; }
done
