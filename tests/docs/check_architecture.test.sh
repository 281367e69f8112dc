#!/bin/sh
# Tries check_architecture.sh on a small tree, and on what is wrong with it:  sh tests/docs/check_architecture.test.sh
set -u

check=$(cd "$(dirname "$0")" && pwd)/check_architecture.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0

# header NAME INCLUDED...
header() {
    path=include/imle/$1
    mkdir -p "$(dirname "$path")"
    shift
    for other; do echo "#include <imle/$other>"; done >"$path"
}

# What is right: every kind of include that the table allows.
tree() {
    rm -rf docs include
    mkdir docs
    cat >docs/architecture.md <<'END'
# Architecture
| `not` | in the table |
<!-- rooms -->
| Rooms | What they hold |
|---|---|
| `core` | `not_a_room` |
| `noise`, `solvers` | |
| `layer` | |
| `testing`, `adapters` | |
<!-- end of the rooms -->
| `not` | in the table |
END
    header imle.hpp layer/layer.hpp solvers/solver.hpp
    header core/errors.hpp
    header core/detail/text.hpp core/errors.hpp
    header noise/noise.hpp core/errors.hpp
    header solvers/solver.hpp core/errors.hpp solvers/detail/table.hpp
    header solvers/detail/table.hpp solvers/detail/entry.hpp
    header solvers/detail/entry.hpp
    header layer/layer.hpp core/errors.hpp noise/noise.hpp
    header testing/check.hpp layer/layer.hpp
    header adapters/tape.hpp layer/layer.hpp adapters/tape/node.hpp
    header adapters/tape/node.hpp
}

# complains TEXT: it ends with 1 and says exactly this.
complains() {
    said=$(sh "$check" . 2>&1)
    ended=$?
    if [ $ended != 1 ] || [ "$said" != "$1" ]; then
        echo "FAILED: expected 1 and '$1', it ended with $ended and said '$said'"
        failures=$((failures + 1))
    fi
    tree
}

tree
said=$(sh "$check" . 2>&1) || {
    echo "FAILED: all is right, and it said '$said'"
    failures=1
}

header core/errors.hpp noise/noise.hpp
complains "include/imle/core/errors.hpp:1: core is below noise, and includes noise/noise.hpp"
header noise/noise.hpp core/errors.hpp solvers/solver.hpp
complains "include/imle/noise/noise.hpp:2: noise is beside solvers, and includes solvers/solver.hpp"
header testing/check.hpp adapters/tape.hpp
complains "include/imle/testing/check.hpp:1: testing is beside adapters, and includes adapters/tape.hpp"
header layer/layer.hpp noise/noise.hpp solvers/detail/table.hpp
complains "include/imle/layer/layer.hpp:2: solvers/detail/table.hpp is a detail of another room"
header imle.hpp layer/layer.hpp solvers/solver.hpp core/detail/text.hpp
complains "include/imle/imle.hpp:3: core/detail/text.hpp is not for everybody"
header imle.hpp layer/layer.hpp solvers/solver.hpp testing/check.hpp
complains "include/imle/imle.hpp:3: testing/check.hpp is not for everybody"
header imle.hpp layer/layer.hpp
complains "include/imle/imle.hpp: it does not reach solvers/solver.hpp"
header testing/check.hpp imle.hpp
complains "include/imle/testing/check.hpp:1: imle.hpp includes everything"
header noise/noise.hpp core/error.hpp core/errors.hpp
complains "include/imle/noise/noise.hpp:1: there is no core/error.hpp"
header cellar/wine.hpp
header layer/layer.hpp noise/noise.hpp
header imle.hpp layer/layer.hpp solvers/solver.hpp cellar/wine.hpp
complains "include/imle/cellar/wine.hpp: the room cellar is not in the table of docs/architecture.md"
header loft.hpp
header imle.hpp layer/layer.hpp solvers/solver.hpp loft.hpp
complains "include/imle/loft.hpp: it stands in no room"
echo '#include "errors.hpp"' >include/imle/core/detail/text.hpp
complains "include/imle/core/detail/text.hpp:1: expected <imle/...>: #include \"errors.hpp\""
echo '  #  include  <imle/layer/layer.hpp>  // indented' >include/imle/core/errors.hpp
complains "include/imle/core/errors.hpp:1: core is below layer, and includes layer/layer.hpp"

[ $failures = 0 ] && echo "all as expected"
[ $failures = 0 ]
