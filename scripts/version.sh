#!/bin/sh
# Prints the library's version, read from its headers:  sh scripts/version.sh

set -eu
awk '/^#define IMLE_VERSION_/ { printf "%s%s", dot, $3; dot = "." } END { print "" }' \
    "$(dirname "$0")/../include/imle/core/version.hpp"
