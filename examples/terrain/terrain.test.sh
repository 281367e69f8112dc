#!/bin/sh
# Tries the terrain example as a user does, on few maps:  sh terrain.test.sh PROGRAM
set -u

# shellcheck source=../support/program_test.sh source-path=SCRIPTDIR
. "$(dirname "$0")/../support/program_test.sh"

# -- The command line ---------------------------------------------------------------------------------------

# Each start loads libtorch, which takes up to two seconds, so a few must do.
expect 0 "--method" --help
expect 2 "--epochs" --epochs 0
expect 2 "is not a learning rate" --learning-rate nan
expect 2 "--train" --train 1
expect 2 "is not a method" --method magic
expect 2 "--load" --load missing.pt
: >file
expect 1 "terrain: " --out file/below
echo "not a model" >not_a_model.pt
expect 1 "is not a model that this program saved" --load not_a_model.pt --test 2 --no-pictures

# -- A short run: the loss falls, the pictures are there, what was saved is what is loaded ------------------

short="--train 120 --test 40 --threads 1"
# shellcheck disable=SC2086
"$program" $short --epochs 3 --out "a folder" >first 2>errors || fail "a short run: $(cat errors)"
[ -s errors ] && fail "a run in a pipe wrote to the standard error: $(cat errors)"
# The name, three shares, two losses, two times.
falls() {
    awk -v name="$1" 'index($0, name) == 1 {
        sub(name, "")
        found = $7 > 0 && $8 < $7
    }
    END { exit !found }' first
}
for name in "I-MLE" "blackbox backprop" "per tile, then the solver"; do
    falls "$name" || fail "the loss of '$name' should fall: $(cat first)"
done
for file in imle.pt blackbox.pt per-tile.pt maps.png learning_curves.png; do
    [ -s "a folder/$file" ] || fail "$file is missing"
done
[ "$(find "a folder" -type f | wc -l)" = 5 ] || fail "other files were left: $(ls -A "a folder")"

# shares FILE NAME: the three shares.
shares() { sed -n "s/^$2 *//p" "$1" | awk '{ print $1, $3, $5 }'; }
for loaded in imle:I-MLE blackbox:"blackbox backprop" per-tile:"per tile, then the solver"; do
    "$program" --load "a folder/${loaded%%:*}.pt" --test 40 --no-pictures --out again >second 2>&1 ||
        fail "loading ${loaded%%:*}.pt: $(cat second)"
    name=${loaded#*:}
    [ "$(shares first "$name")" = "$(shares second "$name")" ] || fail "$name is another when loaded: $(cat second)"
    [ -n "$(shares second "$name")" ] || fail "$name has no row: $(cat second)"
done

# The same seed gives the same network on one thread.
# shellcheck disable=SC2086
"$program" $short --no-pictures --epochs 1 --method imle --out one >one.txt 2>&1 || fail "a run of one method"
# shellcheck disable=SC2086
"$program" $short --no-pictures --epochs 1 --method imle --out two >two.txt 2>&1 || fail "another one"
[ "$(awk '/^I-MLE/ { print $2, $4, $6, $8, $9 }' one.txt)" = "$(awk '/^I-MLE/ { print $2, $4, $6, $8, $9 }' two.txt)" ] ||
    fail "two runs of one seed differ"

# Half a file is refused.
head -c 3000 "a folder/imle.pt" >half.pt
expect 1 "is not a model that this program saved" --load half.pt --test 2 --no-pictures

finish
