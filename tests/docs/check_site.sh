#!/bin/sh
# Builds the site and looks at it:  sh tests/docs/check_site.sh FOLDER
#
# - Each link leads to a file and, if it names one, to an anchor in it (check_links.py).
# - In a browser, from a file: no script fails, the search finds pages and names, the colours follow the system's, and no
#   page is wider than a narrow screen (of the API's pages every sixteenth is looked at).
# - In a browser, from a server on this machine: the first page runs the demo, and shows a picture where it cannot run.
# - FOLDER/*.png are to be looked at: a page of each kind, the search and the demo, wide and narrow, light and dark.
#
# Ends with 77 where the machine lacks what it needs. Without emscripten the demo is not looked at.

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

for tool in doxygen python3; do have $tool || skip "there is no $tool"; done
[ -d /usr/share/doxygen-awesome-css ] || skip "there is no doxygen-awesome-css"

site=$folder/site
sh docs/site.sh "$site"
status=0
python3 tests/docs/check_links.py "$site" || status=1

chromium=
for name in chromium chromium-browser google-chrome; do
    chromium=$(command -v $name) && break
done
if [ -n "$chromium" ] && have node; then
    rm -f "$folder"/*.png
    node tests/docs/check_site.mjs "$site" "$chromium" "$folder" || status=1
elif [ $status = 0 ]; then
    skip "there are no node and Chromium to look at the site by; its links are right"
fi
exit $status
