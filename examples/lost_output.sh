#!/bin/sh
# sh lost_output.sh PROGRAM ARGUMENT...: the program fails and says so when what it prints is lost. Skipped (77) where
# there is no /dev/full.
set -u
[ -c /dev/full ] || exit 77

program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1

"$program" "$@" >/dev/full 2>errors
ended=$?
if { [ $ended = 1 ] || [ $ended = 2 ]; } && grep -q "cannot write to the standard output" errors; then
    exit 0
fi
echo "$program $* > /dev/full ended with $ended and said:"
cat errors
exit 1
