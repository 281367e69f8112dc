#!/bin/sh
# Builds and runs the terrain example:  sh examples/terrain.sh [ARGUMENT...]
#
# The arguments go to the program (`sh examples/terrain.sh --help` lists them); networks and pictures go to
# ./imle-terrain, unless --out names another folder. On Debian and its relatives it first installs what is missing (by
# apt-get, with sudo where you are not root), libtorch among it; elsewhere it says what to install.

set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/run_example.sh"
run_example terrain g++ "CLI11 (https://github.com/CLIUtils/CLI11) and libtorch" "libcli11-dev libtorch-dev" "$@"
