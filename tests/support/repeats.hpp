#pragma once

#include <algorithm>

namespace support {

/// How often a test repeats itself with other numbers: `all` times, and a fifth of that in a build that looks
/// at code which other builds test in full (IMLE_TEST_BRIEF: sanitizers, another standard library).
template <class Count>
constexpr Count repeats(Count all) {
#if defined(IMLE_TEST_BRIEF)
    return std::max<Count>(all / 5, 1);
#else
    return all;
#endif
}

}  // namespace support
