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

# The test's last line: its exit code says whether anything failed.
finish() {
    [ $failures = 0 ] && echo "all as expected"
    [ $failures = 0 ]
}
