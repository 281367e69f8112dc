#pragma once

/// @file
/// Gamma numbers of any shape, by rejection.

#include <cmath>
#include <cstdint>

#include <imle/core/config.hpp>
#include <imle/random/philox.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/uniform.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Draws from Gamma(shape, 1) by Marsaglia and Tsang, "A simple method for generating gamma variables" (ACM
/// TOMS 26, 2000). Attempt a at element i is block i of the key `key.fold_in(a + 1)`, so that element i is a
/// pure function of (key, i) however many attempts its neighbours take.
///
/// shape < 1 by the boost X = Y U^(1/shape), Y of shape + 1, in logarithms: with shape 1/20 the power of a
/// uniform number is below the smallest float half of the time.
class gamma_sampler {
  public:
    /// Draws of `key`'s sequence with this shape > 0.
    gamma_sampler(const random_key& key, double shape) noexcept
        : key_(key),
          boost_key_(key.fold_in(0)),
          first_key_(key.fold_in(1)),
          shape_(shape),
          d_((shape < 1 ? shape + 1 : shape) - 1.0 / 3),
          c_(1 / std::sqrt(9 * d_)) {}

    /// log of element `index`: finite, except that shapes below 1e-300 may overflow it.
    [[nodiscard]] double log_draw(std::uint64_t index) const noexcept {
        double log_x = accepted(index);
        if (shape_ < 1) {
            const philox4x32_block block = boost_key_.block(index);
            log_x += std::log(uniform_of(block[0], block[1])) / shape_;
        }
        return log_x;
    }
    /// Element `index`; 0 where it underflows.
    [[nodiscard]] double operator()(std::uint64_t index) const noexcept { return std::exp(log_draw(index)); }

  private:
    /// log of a draw with shape d + 1/3 >= 1. An attempt succeeds with a probability above 0.95.
    [[nodiscard]] double accepted(std::uint64_t index) const noexcept {
        for (std::uint64_t attempt = 0;; ++attempt) {
            const philox4x32_block block =
                (attempt == 0 ? first_key_ : key_.fold_in(attempt + 1)).block(index);
            // Box and Muller: a normal number is that of two uniforms. 32 bits decide on acceptance.
            const double u = (block[0] + 0.5) * 0x1p-32, angle = block[1] * (6.283185307179586477 * 0x1p-32);
            const double z = std::sqrt(-2 * std::log(u)) * std::cos(angle);
            const double w = 1 + c_ * z;
            if (!(w > 0)) continue;
            const double log_v = 3 * std::log(w), v = w * w * w;
            const double accept = (block[2] + 0.5) * 0x1p-32;
            if (std::log(accept) < 0.5 * z * z + d_ * (1 - v + log_v)) return std::log(d_) + log_v;
        }
    }

    random_key key_;
    random_key boost_key_;
    random_key first_key_;
    double shape_;
    double d_;
    double c_;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
