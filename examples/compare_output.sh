#!/bin/sh
# sh compare_output.sh PROGRAM EXPECTED: whether the program prints what the file says, and ends with 0.
set -eu
printed=$("$1")
[ "$printed" = "$(cat "$2")" ] && exit 0
echo "$1 printed"
echo "$printed"
echo "but $2 has"
cat "$2"
exit 1
