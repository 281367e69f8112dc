#!/bin/sh
# Tries the map demo as a user does:  sh map.test.sh PROGRAM
set -u

# shellcheck source=../support/program_test.sh source-path=SCRIPTDIR
. "$(dirname "$0")/../support/program_test.sh"

# -- The command line ---------------------------------------------------------------------------------------

expect 0 "--per-sample" --help
for bad in 0 -1 1.5 ten "" 99999999999; do expect 2 "--steps" --steps "$bad"; done
for bad in -1 1.5 many; do expect 2 "--threads" --threads "$bad"; done
for bad in -1 0.5 seed 18446744073709551616; do expect 2 "--seed" --seed "$bad"; done
for bad in 1 "1," ,1 1,1,0 1,1,-3 1,1,1.5 1,1,1,1 -1,1 1,nan inf,1 a,b "1, 1"; do
    expect 2 "is not a setting" --setting "$bad"
done
expect 2 "--nonsense" --nonsense
expect 2 "positional" positional
: >"$scratch/file"
expect 2 "is not a folder" --out "$scratch/file"
expect 2 "the name is empty" --out ""
expect 1 "map: " --out "$scratch/file/below"

# -- A short run --------------------------------------------------------------------------------------------

short="--steps 3 --setting 1,1,2 --setting 5,0,1 --setting 1,1,2 --seed 7"
# shellcheck disable=SC2086
"$program" $short --threads 1 --out "$scratch/a folder/'one'" >"$scratch/one" 2>"$scratch/errors" || fail "a short run"
[ -s "$scratch/errors" ] && fail "a run in a pipe wrote to the standard error: $(cat "$scratch/errors")"
grep -q "$(printf '\033')" "$scratch/one" && fail "a run in a pipe wrote escape codes"
[ "$(grep -c '^(' "$scratch/one")" = 2 ] || fail "two settings should give two rows"
pictures=$(find "$scratch/a folder" -type f | wc -l)
[ "$pictures" = 10 ] || fail "two settings should give 10 pictures, not $pictures"

# The results do not depend on the number of threads: the same rows (but for the seconds) and the same pictures.
# shellcheck disable=SC2086
"$program" $short --threads 3 --out "$scratch/two" >"$scratch/two.txt" || fail "a short run on three threads"
rows() { grep '^(' "$1" | sed 's/ *[0-9.]*$//'; }
[ "$(rows "$scratch/one")" = "$(rows "$scratch/two.txt")" ] || fail "threads change the table"
for file in "$scratch/two"/*; do
    cmp -s "$file" "$scratch/a folder/'one'/$(basename "$file")" || fail "threads change $(basename "$file")"
done

# -- Without gnuplot ----------------------------------------------------------------------------------------

expect_no_gnuplot --steps 1 --out "$scratch/none"

# -- Interrupts ---------------------------------------------------------------------------------------------

# interrupt SIGNAL WHEN ARGUMENT...: once the file WHEN is there; no picture may then be half written.
interrupt() {
    signal=$1
    when=$2
    shift 2
    rm -rf "$scratch/cut" "$scratch/cut.txt"
    interrupt_running "$signal" "$scratch/cut.txt" "$scratch/$when" --out "$scratch/cut" "$@"
    left=$(find "$scratch/cut" -name '*.tmp')
    [ -z "$left" ] || fail "SIG$signal leaves $left"
    for file in "$scratch/cut"/*; do
        [ -e "$file" ] || continue
        case $file in
        *.png) tail -c 8 "$file" | head -c 4 | grep -q IEND || fail "$file is cut off" ;;
        *.gif) [ "$(tail -c 1 "$file")" = ";" ] || fail "$file is cut off" ;;
        esac
    done
}
interrupt INT cut.txt --steps 1000000 --setting 1,1,1  # the table's head is printed: it learns
grep -q interrupted "$scratch/cut.txt" || fail "an interrupted run does not say so"
# The first picture of 46 is there, others are being drawn.
interrupt TERM cut/map.png --steps 20 --setting 1,1,1 --setting 1,2,1 --setting 1,3,1 --setting 1,4,1 \
    --setting 1,5,1 --setting 1,6,1 --setting 1,7,1 --setting 1,8,1 --setting 1,9,1 --setting 2,1,1 \
    --setting 2,2,1 --setting 2,3,1 --setting 2,4,1 --setting 2,5,1 --setting 2,6,1 --setting 2,7,1 \
    --setting 2,8,1 --setting 2,9,1 --setting 3,1,1 --setting 3,2,1
grep -q interrupted "$scratch/cut.txt" || fail "an interrupted run does not say so"

finish
