# As an overlay port, out of the sources that it lies in. In a registry, the first lines give way to
# vcpkg_from_github(OUT_SOURCE_PATH SOURCE_PATH REPO owner/imle REF "v${VERSION}" SHA512 ... HEAD_REF main).
cmake_path(SET SOURCE_PATH NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../../../..")
if(NOT EXISTS "${SOURCE_PATH}/include/imle/imle.hpp")
    message(FATAL_ERROR "This port builds from the sources of imle, and must stay at scripts/packaging/vcpkg of them.")
endif()

set(VCPKG_BUILD_TYPE release) # header-only

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        -DIMLE_BUILD_TESTS=OFF
        -DIMLE_BUILD_EXAMPLES=OFF
        -DIMLE_BUILD_BENCHMARKS=OFF
        -DIMLE_INSTALL=ON
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/imle)
vcpkg_fixup_pkgconfig()

file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
