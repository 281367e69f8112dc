#!/bin/sh
# Builds the site and looks at it:  sh tests/docs/check_site.sh FOLDER
#
# - Each link leads to a file and, if it names one, to an anchor in it (by linkchecker), and none begins at the root of a
#   server.
# - The search finds pages and names; the colours follow the system's; no script fails.
# - No page is wider than a narrow screen.
# - FOLDER/*.png are to be looked at: pages of each kind and the search, wide and narrow, light and dark.
#
# Ends with 77 where the machine lacks what it needs.

set -eu

folder=${1:?}
cd "$(dirname "$0")/../.."
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
install_log=$folder/install.log
. scripts/install.sh

failures=0
fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

! can_install || install doxygen doxygen-awesome-css python3 linkchecker chromium || true
for tool in doxygen python3 linkchecker chromium; do
    have $tool || { echo "skipped: there is no $tool" && exit 77; }
done
[ -d /usr/share/doxygen-awesome-css ] || { echo "skipped: there is no doxygen-awesome-css" && exit 77; }

site=$folder/site
sh docs/site.sh "$site"

# -- Links ------------------------------------------------------------------------------------------------------------

printf '[AnchorCheck]\n[filtering]\ncheckextern=0\n[output]\nwarnings=1\n' >"$folder/linkcheckerrc"
linkchecker -f "$folder/linkcheckerrc" --no-status "$site/index.html" >"$folder/links.log" 2>&1 || fail "dead links:
$(grep -v '^$' "$folder/links.log" | tail -n 60)"
