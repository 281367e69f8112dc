# shellcheck shell=sh disable=SC2154
# Scripts source this file after they set $log.

# quietly COMMAND...: runs the command with its output in $log, and shows the output only if the command fails.
quietly() {
    "$@" >"$log" 2>&1 </dev/null && return 0
    cat "$log" >&2
    return 1
}
