#pragma once

// Catch2 version 3 or 2.13 behind one include: Debian 12 has the latter.

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

using Catch::Detail::Approx;
