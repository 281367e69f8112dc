#pragma once

/// @file
/// Makes any enumerated family usable by the estimators of exact families.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <imle/core/finite.hpp>
#include <imle/random/words.hpp>
#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// An `ExponentialFamily` (and `DifferentiableFamily`) over a list of states, for trying estimators on any
/// structure: `gibbs_family{spanning_trees(5)}`, `gibbs_family{k_subsets(6, 2)}`. p(z) is proportional to
/// exp(<theta, z> / T).
///
/// The states of an enumerated family are in row-major order, so instances of two or more dimensions must be
/// row-major. A theta whose size is not the family's, or that is not finite, throws `std::invalid_argument`.
/// Each call enumerates all states: O(states * n). Several threads may use one family at once.
template <int Rank = 1>
class gibbs_family {
  public:
    /// The required layout of instances of two or more dimensions.
    static constexpr int layout = Eigen::RowMajor;

    /// Throws `std::invalid_argument` unless the temperature is positive and finite.
    explicit gibbs_family(enumerated_family<Rank> family, double temperature = 1)
        : family_(std::move(family)), temperature_(temperature) {
        if (!detail::is_finite(temperature) || temperature <= 0)
            detail::throw_invalid("temperature", temperature, "a positive number");
    }

    /// The underlying enumerated family.
    [[nodiscard]] const enumerated_family<Rank>& family() const noexcept { return family_; }
    /// The temperature T.
    [[nodiscard]] double temperature() const noexcept { return temperature_; }

    /// One draw: the first state whose cumulative probability exceeds element `item` of the key's sequence of
    /// uniform doubles.
    template <std::floating_point Scalar>
    void sample(std::span<const Scalar> theta, random_key key, std::uint64_t item,
                std::span<Scalar> z) const {
        family_.require_size("z", z.size());
        sample_several(theta, key, item, z);
    }

    /// Draws first_item, first_item + 1, ..., with the same bits as `sample`. O(states * n + draws * (n + log
    /// states)).
    template <std::floating_point Scalar>
    void sample_several(std::span<const Scalar> theta, random_key key, std::uint64_t first_item,
                        std::span<Scalar> zs) const {
        const std::size_t n = family_.size();
        if (n == 0 ? !zs.empty() : zs.size() % n != 0)
            detail::throw_invalid("zs", detail::message("of ", zs.size(), " numbers"),
                                  detail::message("a multiple of n = ", n));
        std::vector<double> sums = family_.gibbs_probabilities(checked("theta", theta), temperature_);
        for (std::size_t s = 1; s < sums.size(); ++s) sums[s] += sums[s - 1];
        for (std::size_t j = 0; j * n < zs.size(); ++j) {
            double u = 0;
            uniforms(key, first_item + j, std::span<double>(&u, 1));
            // The last sum is 1 only up to rounding. Scaled by it, u always selects a state of positive
            // probability.
            const auto found = std::upper_bound(sums.begin(), sums.end(), u * sums.back());
            const auto& state =
                family_.states()[static_cast<std::size_t>(std::min(found, sums.end() - 1) - sums.begin())];
            write(state, zs.subspan(j * n, n));
        }
    }

    /// The MAP state; of several, the first in the family's list.
    template <std::floating_point Scalar>
    void map(std::span<const Scalar> theta, std::span<Scalar> z) const {
        family_.require_size("z", z.size());
        write(family_.map(checked("theta", theta)), z);
    }

    /// mu(theta) = E z.
    template <std::floating_point Scalar>
    void marginals(std::span<const Scalar> theta, std::span<Scalar> mu) const {
        family_.require_size("mu", mu.size());
        write(family_.gibbs_marginals(checked("theta", theta), temperature_), mu);
    }

    /// The gradient of <dmu, mu(theta)>: Cov(z) dmu / T.
    template <std::floating_point Scalar>
    void marginals_vjp(std::span<const Scalar> theta, std::span<const Scalar> dmu,
                       std::span<Scalar> gradient) const {
        family_.require_size("gradient", gradient.size());
        write(family_.gibbs_marginals_vjp(checked("theta", theta), temperature_, checked("dmu", dmu)),
              gradient);
    }

    /// T log sum exp(<theta, z> / T) over all states z.
    template <std::floating_point Scalar>
    [[nodiscard]] double log_partition(std::span<const Scalar> theta) const {
        return family_.gibbs_log_partition(checked("theta", theta), temperature_);
    }

    /// The entropy -E log p(z; theta), in nats.
    template <std::floating_point Scalar>
    [[nodiscard]] double entropy(std::span<const Scalar> theta) const {
        return family_.gibbs_entropy(checked("theta", theta), temperature_);
    }

    /// The Kullback-Leibler divergence E log(p(z; theta) / p(z; other)), z drawn from p(z; theta), in nats.
    template <std::floating_point Scalar>
    [[nodiscard]] double kl_divergence(std::span<const Scalar> theta,
                                       std::span<const std::type_identity_t<Scalar>> other) const {
        return family_.gibbs_kl_divergence(checked("theta", theta), checked("other", other), temperature_);
    }

  private:
    template <class Scalar>
    [[nodiscard]] std::vector<double> checked(const char* argument, std::span<const Scalar> values) const {
        family_.require_size(argument, values.size());
        if (const std::size_t at = detail::first_not_finite(values); at != values.size())
            detail::throw_invalid(argument, detail::message(values[at], " at element ", at),
                                  "finite numbers");
        return {values.begin(), values.end()};
    }

    template <class Scalar>
    static void write(const std::vector<double>& values, std::span<Scalar> out) {
        std::transform(values.begin(), values.end(), out.begin(),
                       [](double x) { return static_cast<Scalar>(x); });
    }

    enumerated_family<Rank> family_;
    double temperature_;
};

// A class derived from an enumerated family (for example k_subsets) is treated as its base.
template <int Rank>
gibbs_family(const enumerated_family<Rank>&, double = 1) -> gibbs_family<Rank>;

}  // namespace imle::inline IMLE_ABI::testing
