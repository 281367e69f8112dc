#pragma once

/// @file
/// The library's version. CMakeLists.txt reads these three lines. Change the version only here.

/// The major version.
#define IMLE_VERSION_MAJOR 0
/// The minor version.
#define IMLE_VERSION_MINOR 1
/// The patch version.
#define IMLE_VERSION_PATCH 0
