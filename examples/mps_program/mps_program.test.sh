#!/bin/sh
# sh mps_program.test.sh PROGRAM: the optimum of a file, and what is said of files that are none.
set -eu
cd "$(dirname "$0")"
fail() {
    echo "$*"
    exit 1
}
# Plants 2 and 3: 15 + 12, and each customer from the near one: 5 * 1 + 5 * 1.
case $("$1" plant.mps) in
"plant.mps "*" 5 rows "*" 9 variables  optimum 37  0."*) ;;
*) fail "plant.mps: $("$1" plant.mps)" ;;
esac
said=$("$1" no_such_file.mps 2>&1) && fail "no_such_file.mps was solved"
case $said in *no_such_file.mps*) ;; *) fail "no_such_file.mps: $said" ;; esac
said=$("$1" 2>&1) && fail "no file was solved"
case $said in usage*) ;; *) fail "no file: $said" ;; esac
