#!/bin/sh
# Builds the site, pages and API reference:  sh docs/site.sh [OUT]
#
# From README.md, docs/ and the headers' comments by Doxygen, to OUT (default build/site), which a browser can open as
# it is: OUT/index.html. With emscripten (or an earlier build/web) its first page runs the demo for the browser; this
# needs a server. On Debian and its relatives it first installs what else is missing (by apt-get, with sudo where you
# are not root); elsewhere it says what to install. A public name without a comment is an error, as is a dead reference.

set -eu

case ${1-} in
-*)
    sed -n '2,7s/^#\( \|$\)//p' "$0" >&2
    exit 2
    ;;
esac
out=${1-$(dirname "$0")/../build/site}
mkdir -p "$out"
out=$(cd "$out" && pwd)
# What is there must be a site, or a part of one.
if [ -n "$(ls -A "$out")" ] && ! [ -e "$out/doxygen.css" ]; then
    echo "$out is neither empty nor a site; please name another folder." >&2
    exit 1
fi
cd "$(dirname "$0")/.."
root=$(pwd)
mkdir -p build
install_log=build/install.log
. scripts/install.sh

theme=/usr/share/doxygen-awesome-css
if can_install; then
    install doxygen doxygen-awesome-css python3 || exit 1
fi
for tool in doxygen python3; do
    have $tool || { echo "$tool was not found. Please install Doxygen 1.9.4 or newer and Python 3." >&2 && exit 1; }
done
[ -e $theme ] || { echo "doxygen-awesome-css was not found in $theme." >&2 && exit 1; }

demo=
if have em++; then
    sh examples/web.sh --build
    demo=demo
elif [ -e build/web/imle.wasm ]; then
    demo=demo
else
    echo "The site is built without the demo, which needs emscripten."
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Doxygen parses prepare.py's headers, and shows the source as it is.
cat >"$work/prepared.sh" <<END
cat "$work/\${1#"$root/"}"
END

version=$(sh scripts/version.sh)

# run_doxygen SETTING...: docs/site/Doxyfile with these settings.
run_doxygen() {
    {
        cat docs/site/Doxyfile
        printf '%s\n' "PROJECT_NUMBER = $version" "STRIP_FROM_PATH = \"$root\" \"$work\"" "STRIP_FROM_INC_PATH = include" \
            "FILTER_PATTERNS = \"*.hpp=sh '$work/prepared.sh'\"" "$@"
    } | doxygen -
}

# Once for the names that the headers declare, so that pages can link to them.
python3 -B docs/site/prepare.py "$work"
run_doxygen "INPUT = include" "OUTPUT_DIRECTORY = \"$work\"" "GENERATE_HTML = NO" "GENERATE_XML = YES" \
    "XML_PROGRAMLISTING = NO" "WARNINGS = NO" "WARN_AS_ERROR = NO"

# And once for the site. Doxygen's own header of a page, but with our scripts and our search.
doxygen -l "$work/default_layout.xml"
doxygen -w html "$work/default_header.html" "$work/default_footer.html" "$work/default_style.css"
awk '
    function insert(file, line) { while ((getline line < file) > 0) print line }
    $0 == "</head>" { insert("docs/site/head.html") }
    { print }
    /<!--END PROJECT_BRIEF-->/ && !done++ { insert("docs/site/search.html") }
' "$work/default_header.html" >"$work/header.html"
python3 -B docs/site/prepare.py "$work" $demo
find "$out" -mindepth 1 -delete
run_doxygen "INPUT = include \"$work/pages\"" "OUTPUT_DIRECTORY = \"$out\"" \
    "LAYOUT_FILE = \"$work/layout.xml\"" \
    "HTML_HEADER = \"$work/header.html\"" "HTML_FOOTER = docs/site/footer.html" \
    "HTML_EXTRA_STYLESHEET = $theme/doxygen-awesome.css $theme/doxygen-awesome-sidebar-only.css \\" \
    "    $theme/doxygen-awesome-sidebar-only-darkmode-toggle.css docs/site/site.css" \
    "HTML_EXTRA_FILES = $theme/doxygen-awesome-darkmode-toggle.js $theme/doxygen-awesome-paragraph-link.js \\" \
    "    $theme/doxygen-awesome-fragment-copy-button.js $theme/doxygen-awesome-interactive-toc.js \\" \
    "    docs/site/search.js docs/site/demo.js \"$work/search_data.js\""
cp -R docs/images "$out/images"
[ -z "$demo" ] || cp -R build/web "$out/demo"
echo "The site is in $out/index.html"
[ -z "$demo" ] || echo "To see the demo in it: python3 -m http.server --bind 127.0.0.1 --directory $out"
