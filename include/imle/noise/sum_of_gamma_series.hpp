#pragma once

/// @file
/// Sum-of-gamma noise, literally.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <imle/core/config.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/random/detail/gamma_sampler.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// The law of `sum_of_gamma`, drawn as the sum that defines it: `terms` gamma numbers for each of its own.
/// The cross-check of the table, and what the paper's own implementation does; use `sum_of_gamma` for work.
class sum_of_gamma_series {
  public:
    /// As for `sum_of_gamma`.
    explicit sum_of_gamma_series(double k, std::uint64_t terms = 10) : law_(k, terms) {}

    /// Element i of `out` is element `first + i` of the key's sequence. Random access; O(out.size() * terms).
    void fill(const random_key& key, std::uint64_t first, std::span<float> out) const {
        draw(key, first, out);
    }
    void fill(const random_key& key, std::uint64_t first, std::span<double> out) const {
        draw(key, first, out);
    }

    [[nodiscard]] double k() const noexcept { return law_.k(); }
    [[nodiscard]] std::uint64_t terms() const noexcept { return law_.terms(); }
    [[nodiscard]] double lower_bound() const noexcept { return law_.lower_bound(); }
    [[nodiscard]] double cdf(double x) const { return law_.cdf(x); }
    [[nodiscard]] double survival(double x) const { return law_.survival(x); }
    [[nodiscard]] double pdf(double x) const { return law_.pdf(x); }
    [[nodiscard]] double quantile(double u) const { return law_.quantile(u); }
    [[nodiscard]] double survival_quantile(double p) const { return law_.survival_quantile(p); }
    [[nodiscard]] double mean() const { return law_.mean(); }
    [[nodiscard]] double variance() const { return law_.variance(); }
    [[nodiscard]] double cumulant(int n) const { return law_.cumulant(n); }

    friend bool operator==(const sum_of_gamma_series&, const sum_of_gamma_series&) noexcept = default;

  private:
    template <class Scalar>
    void draw(const random_key& key, std::uint64_t first, std::span<Scalar> out) const {
        std::vector<double> sums(out.size(), 0.0);
        // Term by term, each with a key of its own, so that no element's index is multiplied and overflows.
        for (std::uint64_t i = 1; i <= terms(); ++i) {
            const detail::gamma_sampler term(key.fold_in(i), 1 / k());
            const double inverse_i = 1 / static_cast<double>(i);
            // Gamma(1/k, rate i/k) / k = Gamma(1/k, 1) / i.
            for (std::size_t j = 0; j < out.size(); ++j) sums[j] += term(first + j) * inverse_i;
        }
        for (std::size_t j = 0; j < out.size(); ++j) out[j] = static_cast<Scalar>(sums[j] + lower_bound());
    }

    sum_of_gamma law_;
};

}  // namespace imle::inline IMLE_ABI
