#!/bin/sh
# Dieharder on the library's random bits:
#
#     sh tests/battery/dieharder.sh [--full] [--stream 'KIND STREAM']... WORDS [option of WORDS]...
#
# WORDS is the program of words.cpp, whose head says what the kinds and streams are. Without `--stream`: all
# of the list below. Without `--full`: the shortest tests, less than a minute in all. The table goes to
# standard output as Markdown, what is going on to standard error. Ends with 0 if all passed, 1 if not, 77
# (skipped) if there is no dieharder, 2 if it was called wrongly.
#
# Each p-value is uniform on (0, 1) if the generator is perfect. Out of hundreds some are small, so:
# - it fails where p is under 5e-9, the smallest that dieharder prints;
# - it is weak where p or 1 - p is under 0.005, which one in a hundred is. The test is run again with ten
#   times as many samples of another key, and fails where p is then under 1e-6, or 1 - p if there were at
#   least 1,000 samples.
# N p-values of a perfect generator fail with a probability of at most N * (5e-9 + 0.01 * 2e-6) = 2.5e-8 N.
# Nothing here is random from run to run: the same program gives the same table.
#
# Most of dieharder's p-values come from a Kolmogorov-Smirnov (Kuiper) test of 100 p-values, whose
# distribution it knows in the limit only: with few samples too many are near 1. (Its own AES generator:
# with 20 samples 6 % were above 0.995, with 100 samples 1 %.) So none is made with fewer than the usual
# samples, and a p near 1 fails only where there were many. A generator that is too even fails all the same:
# many p-values near 1 are not uniform.
#
# Left out, by dieharder's own list of tests (dieharder -l): OPSO, OQSO and DNA, which it calls suspect, and
# Sums, "do not use". Left out too: number 204, which tests dieharder's own Kolmogorov-Smirnov test and
# takes a minute for it, and most sizes of the two tests (numbers 200 and 203) that take half an hour for
# all.

set -eu

full=no
streams=
usage() {
    sed -n '2,9s/^#\( \|$\)//p' "$0" >&2
    exit 2
}
while [ $# -gt 0 ]; do
    case $1 in
    --full) full=yes ;;
    --stream)
        [ $# -gt 1 ] || usage
        shift
        streams="$streams$1
"
        ;;
    -*) usage ;;
    *) break ;;
    esac
    shift
done
[ $# -gt 0 ] || usage
if ! command -v dieharder >/dev/null 2>&1; then
    echo "skipped: there is no dieharder (on Debian: apt-get install dieharder)"
    exit 77
fi
[ "$("$@" words key 2>/dev/null | head -c 4 | wc -c)" -eq 4 ] || {
    echo "dieharder.sh: $* does not write words" >&2
    exit 2
}

[ -n "$streams" ] || streams='words key
words seeds
words folds
words seeds-blocked
words folds-blocked
floats key
floats seeds-blocked
floats folds-blocked
doubles key
doubles seeds-blocked
doubles folds-blocked
'

# Options of dieharder, one run a line.
if [ $full = yes ]; then
    tests=$(
        printf -- '-d %s\n' 0 1 2 3 4 8 9 10 11 12 13 15 16 17 100 101 102 205 206 207 208 209
        printf -- '-d 200 -n %s\n' 1 2 3 4 5 6 7 8 12
        printf -- '-d 201 -n %s\n' 2 3 4 5
        printf -- '-d 202 -n %s\n' 2 3 4 5
        printf -- '-d 203 -n %s\n' 0 1 2 3 4 8 16 32
    )
else
    tests=$(
        printf -- '-d %s\n' 0 8 11 15 100 206
        echo '-d 202 -n 2'
    )
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# run KEY OPTIONS...: lines "name|ntuple|tsamples|psamples|p|assessment". `program` writes the bits.
# shellcheck disable=SC2086
run() {
    key=$1
    shift
    $program $kind_and_stream --key "$key" 2>/dev/null |
        dieharder -g 200 -k 2 -S 1 -c '|' -D test_name -D ntuple -D tsamples -D psamples -D pvalues \
            -D assessment "$@" 2>/dev/null |
        tr -d ' ' | sed 's/|-0\./|0./' | grep -v '^#' || true
}

program="$*"
first_key=1
other_key=1000000007
failures=0
total=0

echo "| bits | p-values | smallest | largest | weak, then with ten times the samples | failed |"
echo "| --- | --- | --- | --- | --- | --- |"
printf '%s' "$streams" >"$scratch/streams"
printf '%s\n' "$tests" >"$scratch/tests"
while read -r kind_and_stream; do
    : >"$scratch/all"
    : >"$scratch/again"
    while read -r options <&3; do
        # shellcheck disable=SC2086
        run $first_key $options >"$scratch/results"
        [ -s "$scratch/results" ] || echo "nothing($options)|0|0|0|0.00000000|FAILED" >"$scratch/results"
        sed "s/^/$kind_and_stream: /" "$scratch/results" >&2
        cat "$scratch/results" >>"$scratch/all"
        awk -F'|' '$5 >= 5e-9 && ($5 < 0.005 || $5 > 0.995) { print NR }' \
            "$scratch/results" >"$scratch/weak"
        [ -s "$scratch/weak" ] || continue
        psamples=$(awk -F'|' 'NR == 1 { print 10 * $4 }' "$scratch/results")
        # shellcheck disable=SC2086
        run $other_key $options -p "$psamples" >"$scratch/more"
        while read -r line; do
            name=$(sed -n "${line}p" "$scratch/results" | awk -F'|' '{ print $1 " " $2 ": " $5 }')
            p=$(sed -n "${line}p" "$scratch/more" | cut -d'|' -f5)
            echo "$name|${p:-0}|$psamples" >>"$scratch/again"
            echo "$kind_and_stream: again $name -> ${p:-0}" >&2
        done <"$scratch/weak"
    done 3<"$scratch/tests"

    awk -F'|' -v stream="$kind_and_stream" -v again="$scratch/again" -v failed="$scratch/failed" '
        NR == 1 { least = most = $5 }
        $5 < least { least = $5 }
        $5 > most { most = $5 }
        $5 < 5e-9 { bad = bad (bad == "" ? "" : ", ") $1 " " $2; ++count }
        END {
            while ((getline line < again) > 0) {
                split(line, part, "|")
                weak = weak (weak == "" ? "" : ", ") part[1] ", " part[2]
                if (part[2] < 1e-6 || (part[3] >= 1000 && part[2] > 1 - 1e-6)) {
                    bad = bad (bad == "" ? "" : ", ") part[1] " and again"
                    ++count
                }
            }
            print "| " stream " | " NR " | " least " | " most " | " (weak == "" ? "none" : weak) " | " \
                (bad == "" ? "none" : bad) " |"
            print NR, count + 0 > failed
        }' "$scratch/all"
    read -r number bad <"$scratch/failed"
    total=$((total + number))
    failures=$((failures + bad))
done <"$scratch/streams"

printf '\n%s p-values, %s failed (a perfect generator would fail one with a probability of %s)\n' "$total" \
    "$failures" "$(awk -v n=$total 'BEGIN { printf "%.1g", 2.5e-8 * n }')"
[ $failures = 0 ]
