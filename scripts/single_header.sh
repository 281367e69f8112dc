#!/bin/sh
# The whole library as one header, for a project that wants one file and Eigen:
#
#     sh scripts/single_header.sh OUT
#
# Writes everything that imle/imle.hpp includes to OUT: neither the adapters nor the testing tools. Needs only awk.
#
# Each header is written once, where it is first included. A header included inside an #if is written there too, as often
# as it takes, since another compiler may leave that part out. Guards make sure that it counts only once.

set -eu
if [ $# != 1 ]; then
    sed -n '4s/^# *//p' "$0" >&2
    exit 2
fi
root=$(dirname "$0")/..
include=$root/include

version=$(sh "$root/scripts/version.sh")
whole=$(mktemp)
trap 'rm -f "$whole"' EXIT
{
    echo "// imle $version, all of <imle/imle.hpp> in one header. Made by scripts/single_header.sh: change that, or the"
    echo "// headers that it read, not this file. Needs C++20, Eigen 3.4 and threads. A source file includes either this or"
    echo "// the library's own headers, not both."
    echo "//"
    sed 's|^|// |; s| *$||' "$root/LICENSE"
    awk -v include="$include" '
        function fail(what) {
            print "scripts/single_header.sh: " what >"/dev/stderr"
            failed = 1
            exit 1
        }

        # Writes a header of the library. `outside` is the number of #if blocks around the place that includes it.
        function write(name, outside,    file, line, depth, status, guard, lines, target) {
            if (name in whole) return
            if (name in open) fail(name " includes itself")
            open[name]
            if (outside) partly[name]
            else whole[name]
            file = include "/" name
            guard = "IMLE_DETAIL_SINGLE_" toupper(name)
            gsub(/[^A-Z0-9]/, "_", guard)

            print "\n// -- " name
            if (name in partly) print "#if !defined(" guard ")\n#define " guard
            depth = outside
            while ((status = (getline line < file)) > 0) {
                ++lines
                if (line ~ /^[ \t]*#[ \t]*pragma[ \t]+once/) continue
                if (line ~ /^[ \t]*#[ \t]*if/) ++depth
                if (line ~ /^[ \t]*#[ \t]*endif/) --depth
                if (line !~ /^[ \t]*#[ \t]*include[ \t]*[<"]/) {
                    print line
                    continue
                }
                target = line
                sub(/^[^<"]*[<"]/, "", target)
                sub(/[>"].*/, "", target)
                if (target ~ /^imle\//) write(target, depth)
                else if (line ~ /"/) fail(file ": cannot follow " line)
                else if (!(target in system_header)) {
                    print line
                    if (!depth) system_header[target]
                }
            }
            close(file)
            if (status < 0 || !lines) fail("cannot read " file)
            if (depth != outside) fail(file ": an #if without its #endif")
            if (name in partly) print "#endif"
            delete open[name]
        }

        BEGIN {
            print "\n#pragma once"
            write("imle/imle.hpp", 0)
        }
        END { exit failed }
    '
} >"$whole"
cat "$whole" >"$1"
