#!/bin/sh
# Builds and runs the learning_to_explain example:  sh examples/learning_to_explain.sh [ARGUMENT...]
#
# The arguments go to the program (`sh examples/learning_to_explain.sh --help` lists them); its pictures go to
# ./imle-learning-to-explain, unless --out names another folder. On Debian and its relatives it first installs what is
# missing (by apt-get, with sudo where you are not root); elsewhere it says what to install.

set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/run_example.sh"
run_example learning_to_explain c++ "CLI11 (https://github.com/CLIUtils/CLI11)" "libcli11-dev" "$@"
