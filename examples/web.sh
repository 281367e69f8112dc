#!/bin/sh
# Builds the demo for the browser in build/web and serves it on this machine:  sh examples/web.sh [--build] [PORT]
#
# `--build` builds only; build/web can then be copied to any file server. PORT is 8000 unless given. On Debian and its
# relatives it first installs what is missing (by apt-get, with sudo where you are not root); elsewhere it says what to
# install. The first build takes about half a minute.

set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../scripts/install.sh source-path=SCRIPTDIR
. "$root/scripts/install.sh"
# shellcheck source=../scripts/quietly.sh source-path=SCRIPTDIR
. "$root/scripts/quietly.sh"

serve=yes
port=8000
for argument in "$@"; do
    case $argument in
    --build) serve=no ;;
    -h | --help)
        sed -n '2,6s/^#\( \|$\)//p' "$0"
        exit 0
        ;;
    *[!0-9]* | '')
        echo "examples/web.sh: unknown argument '$argument'" >&2
        exit 2
        ;;
    *) port=$argument ;;
    esac
done

out=$root/build/web
mkdir -p "$out"
log=$root/build/web.log
install_log=$log

# -- What must be there -----------------------------------------------------------------------------------------------

if can_install; then
    install emscripten libeigen3-dev python3
elif ! have em++; then
    echo "em++ was not found. Please install emscripten 3.1.6 or later and Eigen 3.4, then run this again." >&2
    exit 1
fi
eigen=${EIGEN3_INCLUDE_DIR:-/usr/include/eigen3}
if ! [ -e "$eigen/Eigen/Core" ]; then
    echo "Eigen was not found in $eigen. Please set EIGEN3_INCLUDE_DIR to its folder." >&2
    exit 1
fi

# -- Build ------------------------------------------------------------------------------------------------------------

# Debian's emscripten needs acorn, a package of node, and looks for it elsewhere.
export NODE_PATH="${NODE_PATH:+$NODE_PATH:}/usr/share/nodejs"

sources=$root/examples/web
if ! [ -e "$out/imle.wasm" ] ||
    [ -n "$(find "$root/include" "$root/examples/support" "$sources" "$0" \
        \( -name '*.hpp' -o -name module.cpp -o -name web.sh \) -newer "$out/imle.wasm")" ]; then
    echo "Building"
    # Vector instructions double the speed. The module's memory does not grow, so its arrays stay where they are.
    quietly em++ -std=c++20 -O3 -DNDEBUG -msimd128 -I "$root/include" -I "$root/examples" -isystem "$eigen" \
        -sMODULARIZE=1 -sEXPORT_NAME=createImle -sENVIRONMENT=worker,node -sINCOMING_MODULE_JS_API=wasmBinary \
        -sEXPORTED_RUNTIME_METHODS=HEAPU8,HEAPU32,HEAPF32 -sFILESYSTEM=0 -sINITIAL_MEMORY=16MB -sMALLOC=emmalloc \
        "$sources/module.cpp" -o "$out/imle.js"
fi
cp "$sources/index.html" "$sources/page.css" "$sources/page.js" "$sources/worker.js" "$out"
echo "The demo is in build/web"

# -- Serve ------------------------------------------------------------------------------------------------------------

[ $serve = yes ] || exit 0
if ! have python3; then
    echo "python3 was not found. Please serve build/web by a file server of your own." >&2
    exit 1
fi
echo "Open http://127.0.0.1:$port in a browser. Ctrl-C ends the server."
exec python3 -m http.server --bind 127.0.0.1 --directory "$out" "$port"
