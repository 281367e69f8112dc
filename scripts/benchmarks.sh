# shellcheck shell=sh disable=SC2154
# The benchmark scripts source this file in the project's folder, after they set $out to their build folder.

log=$out/log
. scripts/quietly.sh

say() { printf '== %s\n' "$*" >&2; }

# model FIELD: prints the value of a field of lscpu.
model() { LC_ALL=C lscpu 2>/dev/null | sed -n "s/^$1: *//p" | head -n 1; }

# write_tables PAGE: replaces the text between the page's two marks by $out/tables.md.
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
