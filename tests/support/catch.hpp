#pragma once

// Catch2 version 3 or 2.13 behind one include: Debian 12 has the latter. Builds for other processors do
// without.

#if defined(IMLE_TEST_WITHOUT_CATCH)
#include "support/plain_test.hpp"
#else

#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
using Catch::Detail::Approx;
#endif

/// A matcher of messages with this text somewhere in them.
inline auto mentions(const std::string& text) {
#if __has_include(<catch2/catch_all.hpp>)
    return Catch::Matchers::ContainsSubstring(text);
#else
    return Catch::Matchers::Contains(text);
#endif
}

#endif
