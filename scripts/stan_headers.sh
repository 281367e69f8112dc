#!/bin/sh
# Extracts Stan Math's headers from Debian's r-cran-stanheaders, without R and the 86 packages that it depends on:
#
#     sh scripts/stan_headers.sh [FOLDER]
#
# Unpacks the package into FOLDER (default: build/stan_headers) and prints the include folder. If that exists already,
# nothing is unpacked. Needs no root. The headers also need libboost-dev and, from Stan Math 4 on (Debian 13),
# libtbb-dev: install them by apt-get.

set -eu
cd "$(dirname "$0")/.."
folder=${1-build/stan_headers}
headers=$folder/usr/lib/R/site-library/StanHeaders/include

if [ ! -f "$headers/stan/math/rev/core.hpp" ]; then
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
        echo "scripts/stan_headers.sh: there is no apt-get or no dpkg-deb" >&2
        exit 1
    }
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    # apt downloads as a user of its own, who must be able to write to this folder.
    chmod 777 "$scratch"
    (cd "$scratch" && apt-get download -qq r-cran-stanheaders) >"$scratch/log" 2>&1 || {
        cat "$scratch/log" >&2
        exit 1
    }
    mkdir -p "$folder"
    dpkg-deb -x "$scratch"/r-cran-stanheaders_*.deb "$folder"
    [ -f "$headers/stan/math/rev/core.hpp" ] || {
        echo "scripts/stan_headers.sh: r-cran-stanheaders has no stan/math/rev/core.hpp where it was expected" >&2
        exit 1
    }
fi
(cd "$headers" && pwd)
