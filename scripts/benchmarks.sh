# shellcheck shell=sh disable=SC2154
# For the scripts of benchmarks to source in the project's folder, after $out is set to the folder that they build in.

log=$out/log
. scripts/quietly.sh

say() { printf '== %s\n' "$*" >&2; }

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
