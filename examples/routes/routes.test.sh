#!/bin/sh
# Tries the routes example as a user does:  sh routes.test.sh PROGRAM
#
# Where ../shared/cases lies beside the project, a real network is tried too.
set -u

cases=$(cd "$(dirname "$0")/../.." && pwd)/../shared/cases
# shellcheck source=../support/program_test.sh source-path=SCRIPTDIR
. "$(dirname "$0")/../support/program_test.sh"

# -- The command line ---------------------------------------------------------------------------------------

expect 0 "--network" --help
for option in --nodes --train --test --epochs --batch --samples; do
    for bad in 0 -1 1.5 ten "" 99999999999; do expect 2 "$option" $option "$bad"; done
done
for bad in -1 1.5 many; do expect 2 "--threads" --threads "$bad"; done
for bad in -1 0.5 seed 18446744073709551616; do expect 2 "is not a seed" --seed "$bad"; done
for bad in 0 -1 nan inf 1e7 x "" "2 "; do
    expect 2 "is not a temperature" --temperature "$bad"
    expect 2 "is not a learning rate" --learning-rate "$bad"
done
expect 2 "is neither lengths nor uniform" --start magic
expect 2 "is neither fenchel-young nor hamming" --loss magic
expect 2 "--network" --network missing.tntp
: >file
expect 2 "requires --network" --positions file
expect 2 "excludes" --network file --nodes 10
expect 2 "is not a folder" --out file
expect 1 "routes: " --out file/below

# -- Files --------------------------------------------------------------------------------------------------

# tntp FIRST_THROUGH_NODE: from zone 1 over zone 2 to zone 3, and no other way from 1 to 3.
tntp() {
    printf '<NUMBER OF ZONES> 3\n<NUMBER OF NODES> 4\n<FIRST THRU NODE> %s\n<NUMBER OF LINKS> 4\n' "$1"
    printf '<END OF METADATA>\t\t\n\n~ \tinit_node\tterm_node\tcapacity\tlength\tfree_flow_time\tb ;\n'
    printf '\t1\t2\t9000\t%s\t1.5\t0.15\t4\t;\n' "${2-100}"
    printf '\t%s\t%s\t9000\t100\t1.5\t0.15\t4\t;\n' 2 3 1 4 4 2
}
small="--no-pictures --epochs 1"
tntp 1 >through.tntp
tntp 4 >zones.tntp
# 1 to 2, 2 to 3, and 1 to 3 where zone 2 may be crossed.
# shellcheck disable=SC2086
expect 0 "through.tntp: 4 nodes, 4 edges" --network through.tntp --train 1 --test 2 $small
# shellcheck disable=SC2086
expect 0 "zones.tntp: 4 nodes, 4 edges" --network zones.tntp --train 1 --test 1 $small
# shellcheck disable=SC2086
expect 1 "has hardly 3 pairs" --network zones.tntp --train 1 --test 2 $small
tntp 4 far >bad.tntp
expect 1 "bad.tntp, line 8: 'far' is not a length" --network bad.tntp
tntp 4 -1 >bad.tntp
expect 1 "bad.tntp, line 8: '-1' is not a length" --network bad.tntp
tntp 4 | sed 's/NODES> 4/NODES> 3/' >bad.tntp
expect 1 "an edge leads from node 1 to 4, and there are 3" --network bad.tntp
expect 1 "the file has no edge" --network file

# A road of 40 nodes, with a street of 1.5 times the length beside each of its edges, all both ways.
awk 'BEGIN {
    print "c a road\np sp 40 156"
    for (i = 1; i < 40; ++i) for (l = 2; l < 4; ++l) print "a", i, i + 1, l "\na", i + 1, i, l
}' >road.gr
awk 'BEGIN { print "c\np aux sp co 40"; for (i = 1; i <= 40; ++i) print "v", i, i, i * i }' >road.co
expect 0 "Maps are in road" --network road.gr --positions road.co --train 40 --test 10 --epochs 2 --out road
[ "$(find road -type f | wc -l)" = 2 ] || fail "there should be two maps: $(ls -A road)"
expect 0 "No maps" --network road.gr --train 4 --test 10 --epochs 2
sed '$d' road.co >short.co
expect 1 "node 40 has no position" --network road.gr --positions short.co
echo "v 41 1 1" >>road.co
expect 1 "road.co, line 43: node 41 is not in the network" --network road.gr --positions road.co

# -- Short runs ---------------------------------------------------------------------------------------------

# row FILE NAME: edges, whole paths and excess, of trips to learn from and of the others.
row() { sed -n "s/^$2   *//p" "$1" | tr -d '%'; }
# rises FILE NAME: both agreements do, and much of what is learned from is explained.
rises() {
    echo "$(row "$1" "$2") $(row "$1" 'learned costs')" | awk '
        { ok = NF == 12 && $7 > $1 + 20 && $8 > $2 && $9 < $3 && $10 > $4 + 3 && $12 < $6 && $7 > 90 }
        END { exit !ok }' || fail "agreement should rise: $(cat "$1")"
}

short="--nodes 600 --train 100 --test 100 --epochs 12"
# shellcheck disable=SC2086
"$program" $short --threads 1 --out "a 'folder'" >first 2>errors || fail "a short run: $(cat errors)"
[ -s errors ] && fail "a run in a pipe wrote to the standard error: $(cat errors)"
grep -q "$(printf '\033')" first && fail "a run in a pipe wrote escape codes"
[ "$(find "a 'folder'" -type f | wc -l)" = 2 ] || fail "there should be two maps: $(ls -A "a 'folder'")"
grep -q "a generated city: 600 nodes" first || fail "there should be 600 nodes: $(cat first)"
rises first lengths

# The same seed gives the same table and maps, on any number of threads; another seed another.
rows() { grep '%' "$1"; }
# shellcheck disable=SC2086
"$program" $short --threads 3 --out second >second.txt 2>&1 || fail "a short run on three threads"
[ "$(rows first)" = "$(rows second.txt)" ] || fail "threads change the table: $(cat first second.txt)"
for file in second/*.png; do
    cmp -s "$file" "a 'folder'/$(basename "$file")" || fail "threads change $(basename "$file")"
done
# shellcheck disable=SC2086
"$program" $short --seed 1 --no-pictures >third.txt 2>&1 || fail "another seed"
[ "$(rows first)" != "$(rows third.txt)" ] || fail "two seeds give the same table"

# From costs that are all the same, and by I-MLE's gradient.
# shellcheck disable=SC2086
"$program" $short --start uniform --no-pictures >uniform.txt 2>&1 || fail "a run from uniform costs"
rises uniform.txt 'uniform costs'
# shellcheck disable=SC2086
"$program" $short --loss hamming --no-pictures >hamming.txt 2>&1 || fail "a run with the Hamming loss"
rises hamming.txt lengths

# The smallest of everything.
expect 0 "learned costs" --nodes 2 --train 1 --test 1 --epochs 1 --batch 1 --samples 1 --out smallest

# A traffic network, whose zones may not be crossed.
if [ -f "$cases/Anaheim_net.tntp" ]; then
    "$program" --network "$cases/Anaheim_net.tntp" --train 200 --test 200 --no-pictures >anaheim.txt 2>&1 ||
        fail "Anaheim: $(cat anaheim.txt)"
    grep -q "Anaheim_net.tntp: 416 nodes, 914 edges" anaheim.txt || fail "Anaheim has 914 edges: $(cat anaheim.txt)"
    rises anaheim.txt lengths
else
    echo "no $cases: the test of a real network is left out"
fi

# -- Without gnuplot, and interrupted -----------------------------------------------------------------------

expect_no_gnuplot --nodes 20 --train 2 --test 2 --epochs 1 --out none

interrupt_running TERM cut.txt cut.txt --nodes 600 --epochs 1000000 --out cut
grep -q interrupted cut.txt || fail "an interrupted run does not say so"
[ -z "$(ls -A cut)" ] || fail "an interrupted run leaves $(ls -A cut)"

finish
