#!/bin/sh
# Builds the site and looks at it:  sh tests/docs/check_site.sh FOLDER
#
# - Each link leads to a file and, if it names one, to an anchor in it (check_links.py).
# - In a browser, from a file: no script fails, the search finds pages and names, the colours follow the system's, and no
#   page is wider than a narrow screen.
# - FOLDER/*.png are to be looked at: a page of each kind and the search, wide and narrow, light and dark.
#
# Ends with 77 where the machine lacks what it needs.

set -eu

folder=${1:?}
cd "$(dirname "$0")/../.."
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

have() { command -v "$1" >/dev/null 2>&1; }
skip() {
    echo "skipped: $*"
    exit 77
}
failures=0
fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

for tool in doxygen python3; do have $tool || skip "there is no $tool"; done
[ -d /usr/share/doxygen-awesome-css ] || skip "there is no doxygen-awesome-css"

site=$folder/site
sh docs/site.sh "$site"
python3 tests/docs/check_links.py "$site" || fail "dead links"

# -- In a browser -----------------------------------------------------------------------------------------------------

have chromium || {
    [ $failures = 0 ] || exit 1
    skip "there is no chromium to look at the site by; its links are right"
}

# browse SCHEME URL OPTION...: loads a page. What its scripts say goes to $folder/console.
dark=0
light=1
browse() {
    scheme=$1
    url=$2
    shift 2
    profile=$(mktemp -d)
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$profile" \
        --allow-file-access-from-files --enable-logging=stderr --blink-settings=preferredColorScheme="$scheme" \
        --virtual-time-budget=100000 "$@" "$url" 2>"$profile.log"
    grep ':CONSOLE' "$profile.log" >>"$folder/console" || true
    rm -rf "$profile" "$profile.log"
}
: >"$folder/console"

# Pages and searches, in a frame as narrow as a telephone. (Pages that list source files are left out.)
pages=$(find "$site" -name '*.html' | sed 's|.*/||' | grep -vE '_source|_8hpp|^dir_|^file_|-members' | sed 's/.*/"&",/')
cat >"$folder/look.html" <<END
<body><script>
const pages = [$pages];
const searches = {
    "gradient zeros": "troubleshooting.html#troubleshooting__my-gradient-is-all-zeros-or-my-loss-does-not-fall",
    "imle_layer": "classimle_1_1imle__layer.html",
    "spanning": "classimle_1_1spanning__tree.html",
    "qwertz": undefined
};
const say = text => document.body.appendChild(document.createElement("p")).textContent = text;
const frame = document.body.appendChild(document.createElement("iframe"));
frame.width = 400;
frame.height = 800;

const checks = pages.map(page => [page, window => {
    const content = window.document.getElementById("doc-content");
    const width = Math.max(window.document.documentElement.scrollWidth, content.scrollWidth);
    if (width > 400) say("WRONG: " + page + " is " + width + " pixels wide");
}]).concat(Object.entries(searches).map(([query, wanted]) => ["index.html?q=" + encodeURIComponent(query), window => {
    const links = [...window.document.querySelectorAll("#search-results a")].map(link => link.getAttribute("href"));
    if (wanted ? !links.slice(0, 3).includes(wanted) : links.length) say("WRONG: " + query + " finds " + links);
}]));
let at = 0;
const next = () => at < checks.length ? frame.src = "site/" + checks[at][0] : say("SEEN " + at);
frame.onload = () => {
    checks[at++][1](frame.contentWindow);
    next();
};
next();
</script></body>
END
browse $light "file://$folder/look.html" --dump-dom >"$folder/look.txt"
grep -o '<p>WRONG[^<]*' "$folder/look.txt" && fail "pages in a narrow frame"
seen=$(sed -n 's/.*<p>SEEN \([0-9]*\)<.*/\1/p' "$folder/look.txt")
[ "${seen:-0}" -gt 200 ] || fail "only ${seen:-0} pages were seen"

# Two at a time.
shoot() { browse "$2" "file://$site/$3" --window-size="$4" --screenshot="$folder/$1.png" >/dev/null; }
while read -r name page; do
    shoot "$name-wide" $light "$page" 1280,900 &
    shoot "$name-narrow" $dark "$page" 400,800
    wait
done <<END
first index.html
guide layer.html
class classimle_1_1imle__layer.html
concept conceptimle_1_1Solver.html
search index.html?q=shortest%20path
END
shoot first-wide-dark $dark index.html 1280,900 &
shoot guide-narrow-light $light layer.html 400,800
wait
[ "$(find "$folder" -maxdepth 1 -name '*.png' -size +10k | wc -l)" = 12 ] || fail "pictures are missing, or empty"
# A page whose colours do not change is the same picture.
cmp -s "$folder/first-wide.png" "$folder/first-wide-dark.png" && fail "there is no dark mode"

if [ -s "$folder/console" ]; then
    sort -u "$folder/console" >&2
    fail "scripts"
fi
[ $failures = 0 ] || exit 1
echo "$seen pages are well; $folder/*.png are to be looked at"
