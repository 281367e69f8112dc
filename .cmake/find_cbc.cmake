# The target PkgConfig::imle_cbc, where pkg-config knows CBC and CLP. For this project's tests and examples; users
# need no more than these lines, see docs/adapters/cbc.md.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND AND NOT TARGET PkgConfig::imle_cbc)
    pkg_check_modules(imle_cbc QUIET IMPORTED_TARGET GLOBAL cbc osi-clp)
endif()
