# shellcheck shell=sh disable=SC2154
# For the scripts of benchmarks to source, after $out is set to the folder that they build in.

say() { printf '== %s\n' "$*" >&2; }

# quietly COMMAND...: its output is shown only if it fails.
quietly() {
    "$@" >"$out/log" 2>&1 </dev/null && return 0
    cat "$out/log" >&2
    return 1
}

# model FIELD: what lscpu says about it.
model() { LC_ALL=C lscpu 2>/dev/null | sed -n "s/^$1: *//p" | head -n 1; }

# write_tables PAGE: puts $out/tables.md between the page's two marks.
write_tables() {
    awk -v tables="$out/tables.md" '
        /^<!-- end of the tables -->/ { inside = 0 }
        !inside { print }
        /^<!-- tables: sh benchmarks\/.* --write -->/ {
            inside = 1
            print ""
            while ((getline line < tables) > 0) print line
        }
    ' "$1" >"$out/page.md"
    cat "$out/page.md" >"$1"
}
