#!/bin/sh
# Checks README.md and docs/ against the code that they quote:  sh tests/docs/check_quotes.sh [--write]
#
# - A code block after `<!-- tests/docs/solver.test.cpp#own_solver -->` must equal the lines between `// [own_solver]`
#   and `// [/own_solver]` of that file, less their common indentation; without `#name`, the whole file.
# - Relative links and pictures must lead to a file and, if they name a heading, to that heading.
# - Every region in tests/docs must be quoted somewhere.
#
# Says what is wrong and where, and ends with 1. `--write` copies the code into the pages instead of comparing.

set -eu
cd "$(dirname "$0")/../.."

write=0
case ${1-} in
--write) write=1 ;;
'') ;;
*)
    sed -n '2s/^# //p' "$0" >&2
    exit 2
    ;;
esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0
find README.md docs -name '*.md' | LC_ALL=C sort >"$scratch/pages"
: >"$scratch/quoted"

# -- Quotes ---------------------------------------------------------------------------------------------------

while read -r page; do
    awk -v page="$page" -v write=$write -v out="$scratch/page" -v quoted="$scratch/quoted" '
        function complain(what) {
            print page ":" FNR ": " what
            bad = 1
        }
        function emit(line) { if (write) print line > out }

        # Fills code[1..] with a region of a file, or with all of it; returns the number of lines, or -1.
        function load(file, name,    line, n, inside, found, indent, least, i) {
            n = 0
            inside = name == ""
            found = inside
            while ((getline line < file) > 0) {
                stripped = line
                sub(/^[ \t]+/, "", stripped)
                if (name != "" && stripped == "// [" name "]") { inside = found = 1; continue }
                if (name != "" && stripped == "// [/" name "]") { inside = 0; continue }
                if (inside) code[++n] = line
            }
            close(file)
            if (!found || n == 0) return -1
            least = 1000
            for (i = 1; i <= n; ++i) {
                if (code[i] ~ /^[ \t]*$/) continue
                match(code[i], /^ */)
                if (RLENGTH < least) least = RLENGTH
            }
            for (i = 1; i <= n; ++i) code[i] = substr(code[i], least + 1)
            while (n > 0 && code[n] == "") --n
            return n
        }

        !fence && /^<!-- (tests|examples)\/[^ ]* -->$/ {
            emit($0)
            split($2, parts, "#")
            lines = load(parts[1], parts[2])
            print $2 >> quoted
            if (lines < 0) complain("nothing to quote at " $2)
            source = $2
            expected = 1
            next
        }
        expected && /^```/ {
            emit($0)
            expected = 0
            comparing = 1
            at = 0
            differs = ""
            if (write) for (i = 1; i <= lines; ++i) print code[i] > out
            next
        }
        expected { complain("no code block after the quote of " source); expected = 0 }
        comparing && /^```$/ {
            comparing = 0
            if (!write && lines >= 0 && differs == "" && at != lines)
                differs = "it has " at " lines, the code " lines
            if (differs != "") complain("the quote is not what " source " says: " differs)
            emit($0)
            next
        }
        comparing {
            ++at
            if (!write && lines >= 0 && differs == "" && $0 != code[at])
                differs = "line " at " is \"" $0 "\", there \"" code[at] "\""
            next
        }
        /^```/ { fence = !fence }
        { emit($0) }
        END {
            if (comparing || fence) complain("a code block without an end")
            exit bad
        }
    ' "$page" || { status=1 && continue; }
    [ $write = 0 ] || cmp -s "$scratch/page" "$page" || cat "$scratch/page" >"$page"
done <"$scratch/pages"

if ! [ -s "$scratch/quoted" ]; then
    echo "README.md, docs: no quote was found"
    status=1
fi
for file in tests/docs/*.test.cpp; do
    sed -n 's|^ *// \[\([a-z_0-9]*\)\]$|\1|p' "$file" | while read -r name; do
        grep -qxF "$file#$name" "$scratch/quoted" || echo "$file: no page quotes [$name]"
    done
done >"$scratch/unquoted"
if [ -s "$scratch/unquoted" ]; then
    cat "$scratch/unquoted"
    status=1
fi

# -- Links ----------------------------------------------------------------------------------------------------

# headings FILE: the anchors that GitHub makes of a page's headings.
headings() {
    awk '/^```/ { fence = !fence } !fence && /^#+ / { sub(/^#+ /, ""); print tolower($0) }' "$1" |
        sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

while read -r page; do
    # Code is not searched: a lambda looks like a link.
    awk '/^```/ { fence = !fence; next } !fence { gsub(/`[^`]*`/, ""); print }' "$page" |
        awk '{
            while (match($0, /\]\([^)]*\)|(src|srcset|href)="[^"]*"/)) {
                link = substr($0, RSTART, RLENGTH)
                $0 = substr($0, RSTART + RLENGTH)
                gsub(/^\]\(|\)$|^[a-z]*="|"$/, "", link)
                print link
            }
        }' |
        while read -r link; do
            case $link in
            *://* | mailto:*) continue ;;
            esac
            target=${link%%#*}
            case $target in
            '') file=$page ;;
            *) file=$(dirname "$page")/$target ;;
            esac
            if ! [ -e "$file" ]; then
                echo "$page: the link to $link leads nowhere"
                continue
            fi
            case $link in
            *.md#* | \#*)
                headings "$file" | grep -qxF -e "${link#*#}" || echo "$page: there is no heading for $link"
                ;;
            esac
        done
done <"$scratch/pages" >"$scratch/dead"
if [ -s "$scratch/dead" ]; then
    cat "$scratch/dead"
    status=1
fi

[ $status = 0 ] && echo "$(wc -l <"$scratch/quoted") quotes and all links are right"
exit $status
