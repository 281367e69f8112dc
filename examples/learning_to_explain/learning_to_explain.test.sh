#!/bin/sh
# Tries the learning_to_explain example as a user does:  sh learning_to_explain.test.sh PROGRAM
set -u

# shellcheck source=../support/program_test.sh source-path=SCRIPTDIR
. "$(dirname "$0")/../support/program_test.sh"

# -- The command line ---------------------------------------------------------------------------------------

expect 0 "--drawn-labels" --help
for option in --steps --train --test --batch --samples --runs; do
    for bad in 0 -1 1.5 ten "" 99999999999; do expect 2 "$option" $option "$bad"; done
done
for bad in -1 1.5 many; do expect 2 "--threads" --threads "$bad"; done
for bad in -1 0.5 seed 18446744073709551616; do expect 2 "is not a seed" --seed "$bad"; done
for bad in 0 -1 nan inf 1e7 x "" "2 "; do expect 2 "is not a step" --beta "$bad"; done
for bad in magic "" IMLE; do expect 2 "is not a method" --method "$bad"; done
expect 2 "--nonsense" --nonsense
expect 2 "positional" positional
: >file
expect 2 "is not a folder" --out file
expect 2 "the name is empty" --out ""
expect 1 "learning_to_explain: " --out file/below

# -- A short run --------------------------------------------------------------------------------------------

# row FILE NAME: the shares found, in the worst run, all found, of the switch, the accuracy, and by the mask.
row() { sed -n "s/^$2   *//p" "$1" | awk '{ print $1, $3, $5, $7, $9, $11 }'; }
# rows FILE: the table without its seconds.
rows() { grep '%' "$1" | sed 's/% *[0-9.]*$/%/'; }
# holds CONDITION VALUE...: an awk condition on $1, $2, ...
holds() {
    condition=$1
    shift
    echo "$@" | awk "{ exit !($condition) }"
}

short="--runs 2 --train 2000 --test 300 --seed 7"
# shellcheck disable=SC2086
"$program" $short --steps 400 --threads 1 --out "a 'folder'" >first 2>errors || fail "a short run: $(cat errors)"
[ -s errors ] && fail "a run in a pipe wrote to the standard error: $(cat errors)"
grep -q "$(printf '\033')" first && fail "a run in a pipe wrote escape codes"
[ "$(find "a 'folder'" -type f | wc -l)" = 2 ] || fail "there should be two pictures: $(ls -A "a 'folder'")"
[ "$(rows first | wc -l)" = 7 ] || fail "there should be seven rows: $(cat first)"

# By chance 5 of 20 are found: 25 %, and one share of 3,000 features strays by 4 % once in 10^6 times. The same
# selection
# for all can find no more than the switch and half of the others, but for the test data's uneven halves.
holds '$1 == 100 && $2 == 100 && $3 == 100 && $4 == 100' "$(row first 'the truth')" ||
    fail "the truth is not: $(cat first)"
holds '$1 > 21 && $1 < 29 && $3 < 1' "$(row first 'random selection')" || fail "chance is not a quarter: $(cat first)"
holds '$1 > 54 && $1 < 66 && $4 == 100' "$(row first 'best fixed selection')" ||
    fail "the same selection for all should find three of five: $(cat first)"
holds '$2 > 85 && $4 > 95' "$(row first 'I-MLE')" || fail "I-MLE should find most, the switch too: $(cat first)"
holds '$2 > 65' "$(row first 'straight-through, standardized')" ||
    fail "so should straight-through on scaled scores: $(cat first)"
# What it found is what the predictor needs: the accuracy is nearly the truth's and far above the fixed selection's.
holds '$1 > $2 - 6 && $1 > $3 + 5' "$(row first 'I-MLE' | cut -d' ' -f5) $(row first 'the truth' | cut -d' ' -f5) \
$(row first 'best fixed selection' | cut -d' ' -f5)" ||
    fail "I-MLE's labels should be nearly the truth's: $(cat first)"

# With random masks the selection gives nothing away, without them it does. The share is one of 10,000 labels: chance
# strays from a half by 3 % once in 10^8 times.
"$program" --runs 1 --test 20000 --train 2000 --steps 400 --seed 7 --no-pictures --method imle \
    --method no-random-masks >masks 2>&1 || fail "a run with many tests"
holds '$6 > 47 && $6 < 53' "$(row masks 'I-MLE')" || fail "I-MLE's selection should not tell the label: $(cat masks)"
holds '$6 > 53' "$(row masks 'I-MLE, no random masks')" || fail "without random masks it should: $(cat masks)"
holds '$1 < 90' "$(row masks 'I-MLE, no random masks')" || fail "without random masks less is found: $(cat masks)"

# The same seed gives the same table and pictures, on any number of threads; another seed another.
for threads in 1 3; do
    "$program" --runs 2 --train 500 --test 300 --steps 60 --seed 7 --threads $threads --out threads$threads \
        >threads$threads.txt 2>&1 || fail "a shorter run on $threads threads"
done
[ "$(rows threads1.txt)" = "$(rows threads3.txt)" ] || fail "threads change the table: $(cat threads1.txt threads3.txt)"
[ "$(find threads3 -type f | wc -l)" = 2 ] || fail "there should be two pictures: $(ls -A threads3)"
for file in threads3/*.png; do
    cmp -s "$file" "threads1/$(basename "$file")" || fail "threads change $(basename "$file")"
done
shorter="--runs 2 --train 500 --test 300 --steps 20 --no-pictures"
# shellcheck disable=SC2086
"$program" $shorter --seed 8 >third.txt 2>&1 || fail "a shorter run"
# shellcheck disable=SC2086
"$program" $shorter --seed 9 >fourth.txt 2>&1 || fail "another shorter run"
[ "$(rows third.txt)" != "$(rows fourth.txt)" ] || fail "two seeds give the same table"

# Methods are chosen, and their rows do not depend on the others'.
# shellcheck disable=SC2086
"$program" $shorter --seed 8 --method fixed --method imle >fifth.txt 2>&1 || fail "a run of two methods"
[ "$(rows fifth.txt | wc -l)" = 3 ] || fail "two methods should have two rows and the truth's: $(cat fifth.txt)"
for name in 'I-MLE' 'best fixed selection'; do
    [ "$(grep "^$name  " third.txt | sed 's/% *[0-9.]*$//')" = "$(grep "^$name  " fifth.txt | sed 's/% *[0-9.]*$//')" ] ||
        fail "$name depends on the other methods: $(cat third.txt fifth.txt)"
done
# shellcheck disable=SC2086
"$program" $shorter --seed 8 --method imle --drawn-labels >sixth.txt 2>&1 || fail "a run on drawn labels"
[ "$(rows fifth.txt | grep I-MLE)" != "$(rows sixth.txt | grep I-MLE)" ] || fail "--drawn-labels changes nothing"

# The smallest of everything.
expect 0 "I-MLE" --runs 1 --train 1 --test 1 --steps 1 --batch 1 --samples 1 --out smallest

# -- Without gnuplot, and interrupted -----------------------------------------------------------------------

expect_no_gnuplot --steps 1 --out none

interrupt_running TERM cut.txt cut.txt --steps 1000000 --out cut
grep -q interrupted cut.txt || fail "an interrupted run does not say so"
[ -z "$(ls -A cut)" ] || fail "an interrupted run leaves $(ls -A cut)"

finish
