#pragma once

// How far the numbers of a quantile table are from their law.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <imle/random/quantile_table.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>

namespace table_tests {

struct errors {
    double absolute = 0;
    double relative = 0;
};

/// The largest |F(x) - u| of what the table makes of words that reach every binade (half of them are
/// shifted), and the largest relative to the probability p of the word's tail; for float, where p is above
/// 2^-31. If the law has `pdf(x)`, errors that the rounding of x to the output's type makes are taken off.
template <class LawT, class Scalar>
errors errors_of(const LawT& law, const imle::quantile_table<Scalar>& table, std::size_t count = 1 << 15) {
    constexpr bool floats = sizeof(Scalar) == 4;
    constexpr double unit = std::numeric_limits<Scalar>::epsilon();
    std::vector<std::uint32_t> words(2 * count);
    imle::random_words(imle::random_key(3), 0, words);
    errors worst;
    for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t word = (std::uint64_t{words[2 * i + 1]} << 32) | words[2 * i];
        if (floats) word >>= 32;
        if (i % 2 == 1) word = ((word >> (i / 2 % (floats ? 31 : 52))) & ~std::uint64_t{1}) | (word & 1);
        double p, x;
        if constexpr (floats) {
            p = (static_cast<double>(word >> 1) + 0.5) * 0x1p-32;
            x = static_cast<double>(table(static_cast<std::uint32_t>(word)));
        } else {
            p = (static_cast<double>(word >> 12) + 0.5) * 0x1p-53;
            x = table(static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(word >> 32));
        }
        double error = std::abs((word & 1 ? law.survival(x) : law.cdf(x)) - p);
        if constexpr (requires { law.pdf(x); })
            error = std::max(0.0, error - 2 * law.pdf(x) * std::abs(x) * unit);
        worst.absolute = std::max(worst.absolute, error);
        if (!floats || p > 0x1p-31) worst.relative = std::max(worst.relative, error / p);
    }
    return worst;
}

}  // namespace table_tests
