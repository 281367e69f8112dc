#!/bin/sh
# Builds the site and looks at it:  sh tests/docs/check_site.sh FOLDER
#
# - Every link leads to a file and, if it names one, to a heading or a name in it (linkchecker).
# - The search finds pages and names; nothing of ours fails in the browser's console; dark mode follows the system.
# - No page is wider than a narrow screen.
# - FOLDER/screenshots has the first page, a page of the guide, a class, a concept and the search: wide and narrow, light
#   and dark, to be looked at.
#
# Ends with 77 where the machine lacks what it needs.

set -eu
folder=${1:?}
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$root"
install_log=$folder/install.log
. scripts/install.sh

skip() {
    echo "skipped: $*"
    exit 77
}
failures=0
fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

if can_install; then install doxygen doxygen-awesome-css python3 linkchecker chromium || true; fi
for tool in doxygen python3 linkchecker chromium; do have $tool || skip "there is no $tool"; done
[ -d /usr/share/doxygen-awesome-css ] || skip "there is no doxygen-awesome-css"

# Not at the root of a server, and in no folder of the sources.
site=$folder/server/some/where
sh docs/site.sh "$site"
