# shellcheck shell=sh disable=SC2154
# Scripts source this file to install packages on Debian and its relatives. They set $install_log.

have() { command -v "$1" >/dev/null 2>&1; }

# True if `install` can find out which packages are installed.
can_install() { have apt-get && have dpkg-query; }

# install PACKAGE...: installs the missing packages by apt-get, with sudo if you are not root. On failure it prints a
# message and returns false. The output of apt-get goes to $install_log, and is shown if apt-get fails.
install() {
    missing=
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0

    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif have sudo; then
        as_root=sudo
    else
        echo "Please install, as root: apt-get install$missing" >&2
        return 1
    fi
    echo "Installing$missing"
    [ -z "$as_root" ] || sudo -v || return 1 # asks for the password where one can see the question
    # The package lists of a fresh machine may be missing or out of date: fetch them after a first failure.
    # shellcheck disable=SC2086
    for attempt in 1 2; do
        if $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing \
            </dev/null >"$install_log" 2>&1; then
            return 0
        fi
        [ $attempt = 2 ] || $as_root apt-get update -qq </dev/null >/dev/null 2>&1 || true
    done
    cat "$install_log" >&2
    return 1
}
