# shellcheck shell=sh
# For the tests of programs to source:  . "$(dirname "$0")/../support/program_test.sh"
#
# Sets $program, the absolute path of the script's first argument, and moves to a folder of the test's own, $scratch,
# which is removed in the end.

program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
scratch=$(mktemp -d)
cd "$scratch" || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# expect CODE TEXT ARGUMENT...: the program ends with this code and prints this text.
expect() {
    code=$1
    text=$2
    shift 2
    output=$("$program" "$@" 2>&1)
    ended=$?
    [ $ended = "$code" ] || fail "$(basename "$program") $* ended with $ended, expected $code"
    case $output in
    *"$text"*) ;;
    *) fail "$(basename "$program") $* should say '$text' and said: $output" ;;
    esac
}

# expect_no_gnuplot ARGUMENT...: where there is no gnuplot the program says what to install.
expect_no_gnuplot() {
    output=$(PATH="$scratch" "$program" "$@" 2>&1)
    [ $? = 1 ] || fail "without gnuplot the exit code should be 1"
    case $output in
    *"gnuplot-nox"*) ;;
    *) fail "without gnuplot it should say what to install, and said: $output" ;;
    esac
}

# interrupt_running SIGNAL PRINTED WHEN ARGUMENT...: once there is something in the file WHEN. PRINTED is the file for
# what the program prints, and may be WHEN too.
interrupt_running() {
    signal=$1
    printed=$2
    when=$3
    shift 3
    "$program" "$@" >"$printed" 2>&1 &
    process=$!
    waited=0
    until [ -s "$when" ] || [ $waited = 600 ]; do
        sleep 0.1
        waited=$((waited + 1))
    done
    kill -s "$signal" $process
    wait $process
    ended=$?
    [ $ended = 130 ] || fail "after SIG$signal the exit code is $ended, expected 130"
}

# The test's last line: its exit code says whether anything failed.
finish() {
    [ $failures = 0 ] && echo "all as expected"
    [ $failures = 0 ]
}
