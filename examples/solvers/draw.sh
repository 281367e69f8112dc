#!/bin/sh
# Draws the solvers' pictures into docs/images/solvers:  sh examples/solvers/draw.sh [PROGRAM [NAME...]]
#
# PROGRAM is the built example; without it, it is built first, in build/solver_pictures. NAMEs draw only those. Needs gnuplot
# (Debian: apt-get install gnuplot-nox).
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
if [ $# -gt 0 ]; then
    program=$1
    shift
else
    cd "$root"
    cmake --preset release -B build/solver_pictures -DIMLE_BUILD_EXAMPLES=ON -DIMLE_BUILD_BENCHMARKS=OFF
    cmake --build build/solver_pictures --target imle_example_solvers
    program=$root/build/solver_pictures/examples/solvers/solvers
fi
[ $# -gt 0 ] || set -- $("$program")

if gnuplot -e 'set terminal pngcairo' 2>/dev/null; then terminal=pngcairo; else terminal=png; fi
images=$root/docs/images/solvers
mkdir -p "$images"
for name; do
    "$program" "$name" >"$images/$name.gp"
    # A script may ask for another size by its first line, "# size WIDTH,HEIGHT".
    size=$(sed -n '1s/^# size //p' "$images/$name.gp")
    {
        echo "set terminal $terminal size ${size:-900,320} background rgb 'white' font 'DejaVu Sans,10'"
        echo "set output '$images/$name.png'"
        cat "$images/$name.gp"
    } | gnuplot || { rm -f "$images/$name.gp" "$images/$name.png"; exit 1; }
    rm -f "$images/$name.gp"
    echo "docs/images/solvers/$name.png"
done
