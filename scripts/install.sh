# shellcheck shell=sh disable=SC2154
# For scripts to source: installs what they need on Debian and its relatives. They set $install_log.

have() { command -v "$1" >/dev/null 2>&1; }

# True where `install` can find out what is there.
can_install() { have apt-get && have dpkg-query; }

# install PACKAGE...: those that are missing, by apt-get, with sudo where you are not root. False, after a message, if
# that cannot be done. What apt-get says goes to $install_log, and is shown if it fails.
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
    # The lists of a fresh machine may be missing or out of date, so a first failure is answered by fetching them.
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
