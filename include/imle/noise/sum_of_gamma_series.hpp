#pragma once

/// @file
/// Sum-of-gamma noise as the literal sum.

#include <cstddef>
#include <span>

#include <imle/core/rounded.hpp>
#include <imle/noise/gamma_sampler.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI {

/// The law of `sum_of_gamma`, drawn as the sum that defines it: `terms` gamma numbers for each number. It is
/// the cross-check of the table, and the method of the paper's own implementation. In practice use
/// `sum_of_gamma`.
class sum_of_gamma_series : private sum_of_gamma {
  public:
    /// The same parameters and exceptions as for `sum_of_gamma`.
    explicit sum_of_gamma_series(double k, std::uint64_t terms = 10) : sum_of_gamma(k, terms) {}

    /// Element i of `out` is element `first + i` of the key's sequence. Random access; O(out.size() * terms),
    /// in whole groups of 512 numbers.
    void fill(const random_key& key, std::uint64_t first, std::span<float> out) const {
        draw(key, first, out);
    }
    /// The same in double.
    void fill(const random_key& key, std::uint64_t first, std::span<double> out) const {
        draw(key, first, out);
    }

    using sum_of_gamma::cdf, sum_of_gamma::survival, sum_of_gamma::pdf, sum_of_gamma::write_tail;
    using sum_of_gamma::k, sum_of_gamma::terms, sum_of_gamma::lower_bound;
    using sum_of_gamma::mean, sum_of_gamma::variance, sum_of_gamma::cumulant;
    using sum_of_gamma::quantile, sum_of_gamma::survival_quantile;

    /// True if the parameters are equal.
    friend bool operator==(const sum_of_gamma_series&, const sum_of_gamma_series&) noexcept = default;

  private:
    /// Sums are made in groups of this size: large enough to amortise the set-up of a term, small enough for
    /// the stack.
    static constexpr std::size_t group_size = 512;

    template <class Scalar>
    void draw(const random_key& key, std::uint64_t first, std::span<Scalar> out) const {
        const gamma_sampler term(1 / k());
        detail::fill_in_groups<group_size>(first, out, [&](std::uint64_t group, Scalar* destination) {
            using lanes = detail::widest_lanes<double>;
            double sums[group_size] = {};
            double wide[group_size];
            Scalar numbers[group_size];
            // Each term has its own key, so that no element's index is multiplied and overflows.
            for (std::uint64_t i = 1; i <= terms(); ++i) {
                term.fill(key.fold_in(i), group * group_size, std::span<Scalar>(numbers));
                for (std::size_t j = 0; j < group_size; ++j) wide[j] = static_cast<double>(numbers[j]);
                // Gamma(1/k, rate i/k) / k = Gamma(1/k, 1) / i.
                const lanes inverse_i(1 / static_cast<double>(i));
                for (std::size_t j = 0; j < group_size; j += lanes::size)
                    multiply_add(lanes::load(wide + j), inverse_i, lanes::load(sums + j)).store(sums + j);
            }
            const double bound = detail::rounded(lower_bound());
            for (std::size_t j = 0; j < group_size; ++j)
                destination[j] = static_cast<Scalar>(sums[j] + bound);
        });
    }
};

}  // namespace imle::inline IMLE_ABI
