#!/bin/sh
# Every picture's script is printed, its page shows the picture, and a wrong name says which there are:
#     sh solvers.test.sh PROGRAM
set -eu

pages=$(dirname "$0")/../../docs/solvers
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

names=$("$1")
[ -n "$names" ]
for name in $names; do
    "$1" "$name" >"$scratch/script"
    [ -s "$scratch/script" ] || { echo "FAILED: $name prints nothing"; exit 1; }
    grep -q "^!\[.*](../images/solvers/$name.png)$" "$pages/$name.md" || {
        echo "FAILED: docs/solvers/$name.md does not show its picture"
        exit 1
    }
    # Where there is gnuplot it must take the script.
    if command -v gnuplot >/dev/null; then
        { echo "set terminal dumb"; cat "$scratch/script"; } | gnuplot >/dev/null 2>"$scratch/errors" &&
            ! grep -i -E 'error|undefined|invalid' "$scratch/errors" || {
            echo "FAILED: gnuplot does not take the script of $name:"
            cat "$scratch/errors"
            exit 1
        }
    fi
done
for wrong in nonsense "" "top_k top_k"; do
    # "top_k top_k" is two arguments.
    ended=0
    if [ -z "$wrong" ]; then "$1" "" 2>"$scratch/errors" || ended=$?; else "$1" $wrong 2>"$scratch/errors" || ended=$?; fi
    [ $ended = 2 ] || { echo "FAILED: '$wrong' should end with 2, not $ended"; exit 1; }
    for name in $names; do
        grep -q -x "$name" "$scratch/errors" || { echo "FAILED: after '$wrong' it should list $name"; exit 1; }
    done
done
echo "all as expected"
