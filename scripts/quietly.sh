# shellcheck shell=sh disable=SC2154
# For scripts to source, after $log is set.

# quietly COMMAND...: its output goes to $log, and is shown only if it fails.
quietly() {
    "$@" >"$log" 2>&1 </dev/null && return 0
    cat "$log" >&2
    return 1
}
