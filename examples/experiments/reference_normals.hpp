#pragma once

/// @file
/// The random numbers with which the reference implementations generate their problems.

#include <cmath>
#include <cstdint>
#include <random>

namespace experiments {

/// The standard normal numbers of `numpy.random.RandomState(seed).randn()`, one after the other, so that the
/// problems here are exactly the reference's.
///
/// They are Mersenne twister words transformed by Marsaglia's polar method (G. Marsaglia and T. A. Bray, "A
/// convenient method for generating normal variables", SIAM Review 6, 1964). Each round gives two numbers;
/// numpy returns the second one first. A uniform number takes 27 bits of one word and 26 of the next.
class reference_normals {
  public:
    explicit reference_normals(std::uint32_t seed) : words_(seed) {}

    [[nodiscard]] double operator()() {
        if (has_next_) {
            has_next_ = false;
            return next_;
        }
        double x = 0, y = 0, square = 0;
        do {
            x = 2 * uniform() - 1;
            y = 2 * uniform() - 1;
            square = x * x + y * y;
        } while (square >= 1 || square == 0);
        const double factor = std::sqrt(-2 * std::log(square) / square);
        next_ = factor * x;
        has_next_ = true;
        return factor * y;
    }

  private:
    [[nodiscard]] double uniform() {
        const auto high = static_cast<double>(words_() >> 5);
        const auto low = static_cast<double>(words_() >> 6);
        return (high * 67108864.0 + low) / 9007199254740992.0;  // 2^26 and 2^53
    }

    std::mt19937 words_;
    double next_ = 0;
    bool has_next_ = false;
};

}  // namespace experiments
