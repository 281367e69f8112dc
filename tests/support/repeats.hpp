#pragma once

#include <algorithm>

namespace support {

/// How often a test repeats itself with other numbers: `all` times, and a part of that in a build that looks
/// at code which other builds test in full (IMLE_TEST_BRIEF): a tenth under sanitizers, a fifth with another
/// standard library.
template <class Count>
constexpr Count repeats(Count all) {
#if defined(IMLE_TEST_BRIEF) && defined(IMLE_TEST_SANITIZED)
    return std::max<Count>(all / 10, 1);
#elif defined(IMLE_TEST_BRIEF)
    return std::max<Count>(all / 5, 1);
#else
    return all;
#endif
}

/// Every how many of the points of a grid such a build looks at: 1, 5 or 10.
constexpr int stride() {
    return 60 / repeats(60);
}

}  // namespace support
