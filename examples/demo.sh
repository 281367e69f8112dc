#!/bin/sh
# Builds and runs the map demo:  sh examples/demo.sh [ARGUMENT...]
#
# The arguments go to the demo (`sh examples/demo.sh --help` lists them); its pictures go to ./imle-demo, unless --out
# names another folder. On Debian and its relatives it first installs what is missing (by apt-get, with sudo where you
# are not root); elsewhere it says what to install. A run takes about a minute, the first time one or two more.

set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/run_example.sh"
run_example map c++ "CLI11 (https://github.com/CLIUtils/CLI11)" "libcli11-dev" "$@"
