#!/bin/sh
# Compiles mistakes, and looks whether the compiler refuses each and says what it should:
#
#     sh refused.sh SOURCE CASE TEXT [CASE TEXT]... -- COMMAND...
#
# COMMAND compiles SOURCE; each CASE's mistake is added by -DIMLE_FAIL_<case>, all at once. A case passes if an error
# that has TEXT among its lines leads to a line of SOURCE between `#ifdef IMLE_FAIL_<case>` and the end of that
# function, and if a reader can find it: in at most two errors, of at most 70 lines, with at most four candidates of a
# call. clang does not say where some errors come from: each of those stands for one case.

set -eu

source=$1
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
while [ "$1" != -- ]; do
    printf '%s\t%s\n' "$1" "$2" >>"$scratch/cases"
    shift 2
done
shift
# The macros go behind the command.
while IFS='	' read -r case text; do set -- "$@" "-DIMLE_FAIL_$case"; done <"$scratch/cases"

status=0
"$@" >"$scratch/said" 2>&1 || status=$?
[ $status = 1 ] || {
    cat "$scratch/said"
    echo "The compiler should refuse, with status 1, and ended with $status."
    exit 1
}

awk -v name="$(basename "$source")" '
    function fault(what) { print what; faults = 1 }
    FILENAME == ARGV[1] { # the cases
        split($0, part, "\t")
        texts[part[1]] = part[2]
        next
    }
    FILENAME == ARGV[2] { # the source
        if ($0 ~ /^#ifdef IMLE_FAIL_/) {
            open = substr($2, length("IMLE_FAIL_") + 1)
            first[open] = FNR
        } else if ($0 ~ /^}/ && open != "") {
            last[open] = FNR
            open = ""
        }
        next
    }
    # What the compiler said, an error a block. g++ says before an error where it comes from, clang after it.
    /: In |: At global scope|^In file included|:   (recursively )?required |^ +from / { before = before "\n" $0; next }
    / error: / { ++blocks }
    { block[blocks] = block[blocks] before "\n" $0; before = "" }
    END {
        for (i = 1; i <= blocks; ++i) {
            rest = block[i]
            while (match(rest, name ":[0-9]+")) {
                line = substr(rest, RSTART + length(name) + 1, RLENGTH - length(name) - 1) + 0
                for (each in first) if (line >= first[each] && line <= last[each]) leads[i, each] = led[i] = 1
                rest = substr(rest, RSTART + RLENGTH)
            }
        }
        for (each in texts) {
            if (!(each in last)) fault(each ": there is no #ifdef IMLE_FAIL_" each " in a function")
            for (i = 1; i <= blocks; ++i) if (leads[i, each] && index(block[i], texts[each])) said[each] = 1
            # One of the errors that lead to no case.
            for (i = 1; i <= blocks && !said[each]; ++i)
                if (!led[i] && index(block[i], texts[each])) said[each] = led[i] = 1
            errors = lines = candidates = 0
            for (i = 1; i <= blocks; ++i) {
                if (!leads[i, each]) continue
                ++errors
                lines += split(block[i], unused, "\n") - 1
                candidates += gsub(/note: candidate/, "&", block[i])
            }
            if (errors > 2 || lines > 70 || candidates > 4)
                fault(each ": gives " errors " errors of " lines " lines with " candidates " candidates of calls")
            if (!said[each]) fault(each ": is not refused with the text \"" texts[each] "\"")
        }
        exit faults
    }' "$scratch/cases" "$source" "$scratch/said" || {
    cat "$scratch/said"
    exit 1
}
