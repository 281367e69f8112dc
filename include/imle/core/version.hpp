#pragma once

/// @file
/// The library's version. CMakeLists.txt reads these three lines, so they are the only place to change.

#define IMLE_VERSION_MAJOR 0
#define IMLE_VERSION_MINOR 1
#define IMLE_VERSION_PATCH 0
