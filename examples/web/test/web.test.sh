#!/bin/sh
# Tests the demo for the browser:  sh web.test.sh module|browser NATIVE [FOLDER_FOR_PICTURES]
#
# `module` compares the module with the native program in node; `browser` uses the page in headless Chromium. Skipped
# (77), with a sentence, where emscripten, node or Chromium is missing.
set -u

part=$1
native=$2
tests=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$tests/../../.." && pwd)

skip() {
    echo "skipped: $1 was not found (Debian: apt-get install $2)"
    exit 77
}

command -v em++ >/dev/null || skip "emscripten's em++" emscripten
command -v node >/dev/null || skip node nodejs
chromium=
if [ "$part" = browser ]; then
    for name in chromium chromium-browser google-chrome; do
        chromium=$(command -v $name) && break
    done
    [ -n "$chromium" ] || skip Chromium chromium
fi

sh "$root/examples/web.sh" --build || exit 1
if [ "$part" = browser ]; then
    exec node "$tests/browser.test.mjs" "$root/build/web" "$native" "$chromium" ${3+"$3"}
else
    exec node "$tests/module.test.mjs" "$root/build/web" "$native" "$tests"/*.txt
fi
