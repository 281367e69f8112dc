#!/bin/sh
# Tries data-parallel training as a user does:  sh mpi_training.test.sh PROGRAM MPIEXEC
set -u

mpiexec=$2
# shellcheck source=../support/program_test.sh source-path=SCRIPTDIR
. "$(dirname "$0")/../support/program_test.sh"

# Open MPI refuses root, and more ranks than cores, unless it is told otherwise.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
case $("$mpiexec" --version 2>&1) in
*"Open MPI"* | *OpenRTE*) oversubscribe=--oversubscribe ;;
*) oversubscribe= ;;
esac

# A job that hangs must not hang the test.
ranks() {
    count=$1
    shift
    # One rank needs no mpiexec, which takes a second to leave after an error.
    if [ "$count" = 1 ]; then
        timeout 60 "$program" "$@"
    else
        # shellcheck disable=SC2086
        timeout 60 "$mpiexec" $oversubscribe -n "$count" "$program" "$@"
    fi
}

# expect_error RANKS TEXT ARGUMENT...: the job ends with an error of its own and prints this text.
expect_error() {
    count=$1
    text=$2
    shift 2
    output=$(ranks "$count" "$@" 2>&1)
    ended=$?
    { [ $ended != 0 ] && [ $ended != 124 ]; } || fail "$count ranks, $*: ended with $ended"
    case $output in
    *"$text"*) ;;
    *) fail "$count ranks, $*: should say '$text' and said: $output" ;;
    esac
}

same() { cmp -s "$1" "$2" || fail "$3: $1 and $2 differ"; }

# -- The numbers do not depend on the number of ranks -------------------------------------------------------

for n in 1 2 4; do
    ranks $n --steps 100 --gradients gradients$n --checkpoint weights$n >out$n || fail "$n ranks"
done
[ "$(wc -l <gradients1)" = 6400 ] || fail "100 steps of 64 instances should give 6400 gradients"
[ "$(cut -d' ' -f3 gradients1 | sort -u | wc -l)" -gt 3000 ] || fail "most gradients should differ"
for n in 2 4; do
    same gradients1 gradients$n "each instance's gradient"
    same weights1 weights$n "weights, moments and target after 100 steps"
    same out1 out$n "what is printed"
done

# A last block of 2 rows; ranks without any; threads.
uneven="--steps 10 --batch 22 --block 4"
# shellcheck disable=SC2086
{
    ranks 1 $uneven --gradients uneven1 --checkpoint uneven_weights1 --threads 2 >/dev/null || fail "uneven, 1 rank"
    ranks 7 $uneven --gradients uneven7 --checkpoint uneven_weights7 >/dev/null || fail "uneven, 7 ranks"
}
same uneven1 uneven7 "gradients of uneven shards"
same uneven_weights1 uneven_weights7 "weights of uneven shards"

for n in 1 3; do
    ranks $n --steps 20 --reduction fixed-point --checkpoint fixed$n >/dev/null || fail "fixed-point on $n"
    ranks $n --steps 5 --reduction plain --checkpoint plain$n >/dev/null || fail "plain on $n"
done
same fixed1 fixed3 "fixed-point sums"
# Weights within rounding: 576 numbers after head, settings, key and step. Adam's first steps have a size of 0.02
# each, whatever the gradient's, and a gradient is rounded in its 24th bit.
weights_of() { od -A n -v -t f4 -w4 -j 112 -N 2304 "$1"; }
weights_of plain1 >plain1.txt
weights_of plain3 | paste plain1.txt - | awk '
    { n++; d = $1 - $2; if (d < 0) d = -d; if (d > worst) worst = d }
    END { if (n != 576 || worst > 1e-4) { print n " weights, up to " worst " apart"; exit 1 } }
' || fail "plain sums on 1 and 3 ranks"

# -- Checkpoints --------------------------------------------------------------------------------------------

# A rank that dies ends the job, and the last checkpoint leads to the end that it would have had, also on another
# number of ranks. What a writer left unfinished does not matter.
output=$(ranks 4 --steps 100 --checkpoint last --gradients resumed --die-at-step 57 --die-rank 2 2>&1)
ended=$?
{ [ $ended != 0 ] && [ $ended != 124 ]; } || fail "a rank died and the job ended with $ended: $output"
echo "half a file" >last.tmp
ranks 3 --steps 100 --resume last --checkpoint last --gradients resumed >resumed_out || fail "resuming"
same weights1 last "a resumed run"
[ ! -e last.tmp ] || fail "an unfinished checkpoint was left"
tail -n 3840 gradients1 >tail1 # steps 41 to 100
tail -n 3840 resumed >tail2
same tail1 tail2 "gradients after resuming"
tail -n 2 out1 >end1
tail -n 2 resumed_out >end2
same end1 end2 "a resumed run's result"

size=$(wc -c <weights1)
for bytes in 0 $((size - 1)); do
    head -c "$bytes" weights1 >short
    expect_error 1 "the checkpoint short cannot be used" --steps 200 --resume short
done
cat weights1 end1 >long
expect_error 1 "bytes, expected $size" --steps 200 --resume long
for at in 24 $((size - 1)); do
    byte=$(od -A n -t u1 -j "$at" -N 1 weights1 | tr -d ' ')
    {
        head -c "$at" weights1
        # shellcheck disable=SC2059
        printf "\\$(printf %o $((byte ^ 1)))"
        tail -c +$((at + 2)) weights1
    } >changed
    [ "$(wc -c <changed)" = "$size" ] || fail "the test's own change of byte $at"
    expect_error 1 "its checksum is wrong" --steps 200 --resume changed
done
expect_error 1 "cannot open missing" --resume missing
expect_error 1 "is not a checkpoint" --steps 200 --resume gradients1
expect_error 1 "made with --batch 64, this run has 32" --steps 200 --batch 32 --resume weights1
expect_error 1 "made with --reduction fixed-point, this run has ordered" --steps 200 --resume fixed1
expect_error 1 "the checkpoint is of step 100" --steps 100 --resume weights1

# Seeds that one double stands for are two.
ranks 1 --steps 1 --seed 9007199254740993 --checkpoint seed >/dev/null || fail "a large seed"
expect_error 1 "made with --seed 9007199254740993, this run has 9007199254740992" \
    --steps 2 --seed 9007199254740992 --resume seed

# A run that starts anew, or measures, leaves another's checkpoint alone.
cp weights1 kept
expect_error 2 "the checkpoint kept exists; expected --resume kept" --checkpoint kept
expect_error 1 "the checkpoint kept exists" --steps 200 --resume weights2 --checkpoint kept
ranks 1 --measure --side 4 --samples 1 --batch 8 --checkpoint kept --gradients none >measured || fail "--measure"
grep -q "a checkpoint of" measured || fail "--measure should time a checkpoint"
same weights1 kept "a checkpoint that was there"
{ [ ! -e kept.measured ] && [ ! -e none ]; } || fail "--measure left a file"
expect_error 1 "cannot open no/such/folder" --steps 1 --checkpoint no/such/folder/file
[ ! -c /dev/full ] || expect_error 1 "cannot write /dev/full" --steps 1 --gradients /dev/full

# -- What else goes wrong -----------------------------------------------------------------------------------

expect_error 4 "mpi_training: rank 3: the solver was told to fail" --fail-at-step 7 --fail-rank 3
expect_error 1 "--reduction" --reduction sideways
expect_error 1 "is not a seed" --seed -1
expect_error 1 "--batch" --batch 0
ranks 1 --help | grep -q -- --resume || fail "--help"

finish
