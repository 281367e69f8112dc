#!/bin/sh
# Builds and runs the published experiments:  sh examples/experiments.sh [ARGUMENT...]
#
# The arguments go to the program (`sh examples/experiments.sh --help` lists them); results.md and the pictures go to
# ./imle-experiments, unless --out names another folder. On Debian and its relatives it first installs what is missing
# (by apt-get, with sudo where you are not root); elsewhere it says what to install.

set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/run_example.sh"
run_example experiments c++ "CLI11 (https://github.com/CLIUtils/CLI11)" "libcli11-dev" "$@"
