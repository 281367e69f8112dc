#!/bin/sh
# Makes the packages of a build folder, and tries them as their users do:
#
#     sh tests/consumer/packages.sh TEST FOLDER BUILD GENERATOR COMPILER FLAGS
#
# TEST is pack, which fills FOLDER, and then tarball, deb_contents or deb_installed. Ends with 77 where the machine lacks
# what a test needs.

set -eu
test=$1
folder=${2:?}
build=$3
generator=$4
compiler=$5
flags="-O0 $6"
here=$(cd "$(dirname "$0")" && pwd)
headers=$here/../../include
version=$(sh "$here/../../scripts/version.sh")

skip() {
    echo "skipped: $*"
    exit 77
}
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# only PATTERN: the one file that it names.
only() {
    if [ $# != 1 ] || [ ! -f "$1" ]; then fail "one file was expected, found: $*"; fi
    echo "$1"
}
deb() { only "$folder"/libimle-dev_*_all.deb; }

# check_headers LIST: a file of paths below include/, of which there must be each of the library's, and no other.
check_headers() {
    (cd "$headers" && find imle -name '*.hpp') | LC_ALL=C sort >"$1.expected"
    LC_ALL=C sort "$1" | diff "$1.expected" - >&2 || fail "these headers (<) were expected, these (>) found"
}

# consumer NAME PACKAGE_FOLDER [argument of CMake]...: a project finds the package there, and is built and run.
consumer() {
    name=$1
    expected=$2
    shift 2
    rm -rf "${folder:?}/$name"
    cmake -G "$generator" -S "$here/find_package" -B "$folder/$name" \
        "-DCMAKE_CXX_COMPILER=$compiler" "-DCMAKE_CXX_FLAGS=$flags" -DIMLE_CONSUMER_SOURCE=small.cpp "$@"
    grep -qxF "imle_DIR:PATH=$expected" "$folder/$name/CMakeCache.txt" || fail "CMake did not take imle from $expected"
    cmake --build "$folder/$name"
    "$folder/$name/consumer"
}

case $test in
pack)
    rm -rf "$folder"
    mkdir -p "$folder"
    cpack --config "$build/CPackConfig.cmake" -B "$folder"
    deb
    only "$folder"/imle-*.tar.gz
    # Recipes that cannot ask for the version hold it.
    recipes=$here/../../scripts/packaging
    grep -qF "\"version\": \"$version\"" "$recipes/vcpkg/imle/vcpkg.json" || fail "vcpkg.json is not of $version"
    grep -qF "version(\"$version\", tag=" "$recipes/spack/spack_repo/imle/packages/imle/package.py" ||
        fail "package.py is not of $version"
    ;;

tarball)
    rm -rf "$folder/unpacked"
    mkdir "$folder/unpacked"
    tar -xzf "$(only "$folder"/imle-*.tar.gz)" -C "$folder/unpacked"
    prefix=$(echo "$folder"/unpacked/imle-*)
    (cd "$prefix/include" && find . -type f | sed 's|^\./||') >"$folder/tarball.headers"
    check_headers "$folder/tarball.headers"
    consumer tarball "$prefix/share/cmake/imle" "-DCMAKE_PREFIX_PATH=$prefix"
    ;;

deb_contents)
    have dpkg-deb || skip "there is no dpkg-deb"
    field() {
        value=$(dpkg-deb -f "$(deb)" "$1")
        [ "$value" = "$2" ] || fail "the field $1 is '$value', expected '$2'"
    }
    field Package libimle-dev
    field Architecture all
    field Section libdevel
    field Depends 'libeigen3-dev (>= 3.4)'
    field Version "$version"
    dpkg-deb -f "$(deb)" Description | sed -n 2p | grep -q '^ [A-Z]' || fail "there is no long description"

    dpkg-deb --fsys-tarfile "$(deb)" | tar -t | grep -v '/$' | sed 's|^\./||' >"$folder/deb.files"
    sed -n 's|^usr/include/||p' "$folder/deb.files" >"$folder/deb.headers"
    check_headers "$folder/deb.headers"
    grep -v '^usr/include/' "$folder/deb.files" | LC_ALL=C sort | diff - "$here/deb_files.txt" >&2 ||
        fail "the package has these files (<), expected (>)"
    dpkg-deb -c "$(deb)" | awk '{ print substr($1, 2), $2 }' | LC_ALL=C sort -u >"$folder/deb.rights"
    printf '%s root/root\n' rw-r--r-- rwxr-xr-x | diff "$folder/deb.rights" - >&2 ||
        fail "files are rw-r--r--, folders rwxr-xr-x, all root's; these (<) are not"
    ;;

deb_installed)
    have dpkg || skip "there is no dpkg"
    [ "$(id -u)" = 0 ] || skip "only root can install a package"
    state() { dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true; }
    # What somebody has installed stays as it is.
    [ -z "$(state libimle-dev)" ] || [ "$(state libimle-dev)" = not-installed ] || skip "libimle-dev is installed"
    [ ! -e /usr/include/imle ] || skip "/usr/include/imle is there"
    [ "$(state libeigen3-dev)" = installed ] || skip "libeigen3-dev is not installed"
    have pkg-config || skip "there is no pkg-config"

    # run_dpkg ARGUMENT...: waits for others that use dpkg at the same time.
    run_dpkg() {
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
            LC_ALL=C dpkg "$@" >"$folder/dpkg.log" 2>&1 && return 0
            grep -q 'lock' "$folder/dpkg.log" || break
            sleep 4
        done
        cat "$folder/dpkg.log" >&2
        return 1
    }
    trap 'run_dpkg -r libimle-dev' EXIT
    trap 'exit 1' HUP INT TERM
    run_dpkg -i "$(deb)"
    dpkg -L libimle-dev >"$folder/installed.files"

    consumer deb /usr/share/cmake/imle
    # shellcheck disable=SC2046,SC2086
    "$compiler" -std=c++20 $flags "$here/small.cpp" $(PKG_CONFIG_PATH='' pkg-config --cflags --libs imle) \
        -o "$folder/by_pkg_config"
    "$folder/by_pkg_config"

    trap - EXIT
    run_dpkg -r libimle-dev
    [ -z "$(state libimle-dev)" ] || [ "$(state libimle-dev)" = not-installed ] || fail "dpkg remembers libimle-dev"
    while read -r path; do
        case $path in
        *imle*) [ ! -e "$path" ] || fail "$path was left behind" ;;
        esac
    done <"$folder/installed.files"
    ;;

*) fail "there is no test '$test'" ;;
esac
