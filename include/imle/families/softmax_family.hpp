#pragma once

/// @file
/// The exact choice of one of n: samples, marginals and their gradient.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include <imle/core/backports.hpp>
#include <imle/core/elementary.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/rounded.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/selection/k_largest.hpp>

namespace imle::inline IMLE_ABI {

/// The exponential family of `categorical`: one-hot vectors with P(z_i = 1) = softmax(theta)_i.
///
/// theta is an instance of any rank with at least one number. If it is empty or not finite,
/// `std::invalid_argument` is thrown. Sums are taken in double. Several threads may use one family at once.
class softmax_family {
  public:
    /// Restricted to some coordinates, this is the same family on fewer numbers, so a layer can respect any
    /// mask.
    static constexpr bool restricts_to_any = true;

    /// One draw by the Gumbel-max trick: the argmax of theta_i + element item * n + i of the key's sequence
    /// of `gumbel{}`. The bits are the same as those of `imle_layer{categorical{}, gumbel{}, ...}`. O(n).
    template <std::floating_point Scalar>
    void sample(std::span<const Scalar> theta, random_key key, std::uint64_t item,
                std::span<Scalar> z) const {
        require_theta(theta);
        detail::require_size("z", z.size(), theta.size());
        gumbel{}.fill(key, item * theta.size(), z);
        for (std::size_t i = 0; i < z.size(); ++i) z[i] += theta[i];
        write_one_hot(detail::first_largest(std::span<const Scalar>(z)), z);
    }

    /// The MAP state: 1 at the largest, of equal ones at the lowest index, as `categorical` has it. O(n).
    template <std::floating_point Scalar>
    void map(std::span<const Scalar> theta, std::span<Scalar> z) const {
        require_theta(theta);
        detail::require_size("z", z.size(), theta.size());
        write_one_hot(detail::first_largest(theta), z);
    }

    /// softmax(theta). O(n).
    template <std::floating_point Scalar>
    void marginals(std::span<const Scalar> theta, std::span<Scalar> mu) const {
        require_theta(theta);
        detail::require_size("mu", mu.size(), theta.size());
        const weights of(theta);
        for (std::size_t i = 0; i < mu.size(); ++i) mu[i] = static_cast<Scalar>(of[i]);
    }

    /// The gradient of <dmu, softmax(theta)>: mu_i (dmu_i - <mu, dmu>). O(n). dmu must be finite.
    template <std::floating_point Scalar>
    void marginals_vjp(std::span<const Scalar> theta, std::span<const Scalar> dmu,
                       std::span<Scalar> gradient) const {
        require_theta(theta);
        detail::require_size("dmu", dmu.size(), theta.size());
        detail::require_size("gradient", gradient.size(), theta.size());
        detail::require_finite("dmu", dmu);
        const weights mu(theta);
        double half_mean = 0;  // halves, so that the difference of two large numbers stays in range
        for (std::size_t i = 0; i < theta.size(); ++i)
            half_mean += detail::rounded(mu[i] * (0.5 * static_cast<double>(dmu[i])));
        for (std::size_t i = 0; i < theta.size(); ++i)
            gradient[i] = static_cast<Scalar>(
                2 * (mu[i] * (detail::rounded(0.5 * static_cast<double>(dmu[i])) - half_mean)));
    }

    /// log sum_i exp(theta_i). O(n).
    template <std::floating_point Scalar>
    [[nodiscard]] double log_partition(std::span<const Scalar> theta) const {
        require_theta(theta);
        const weights of(theta);
        return of.largest + detail::elementary::log(of.sum);
    }

    /// The entropy -sum_i mu_i log mu_i, in nats. O(n).
    template <std::floating_point Scalar>
    [[nodiscard]] double entropy(std::span<const Scalar> theta) const {
        require_theta(theta);
        const weights of(theta);
        // log mu_i = (theta_i - largest) - log sum: no sum of terms of both signs.
        double below = 0;
        for (std::size_t i = 0; i < theta.size(); ++i)
            if (of.values[i] > 0) below -= detail::rounded(of[i] * of.distance(theta[i]));
        return detail::elementary::log(of.sum) + below;
    }

    /// The Kullback-Leibler divergence sum_i mu_i log(mu_i / nu_i) from nu = softmax(other), in nats. O(n).
    template <std::floating_point Scalar>
    [[nodiscard]] double kl_divergence(std::span<const Scalar> theta,
                                       std::span<const std::type_identity_t<Scalar>> other) const {
        require_theta(theta);
        detail::require_size("other", other.size(), theta.size());
        detail::require_finite("other", other);
        const weights of(theta), others(other);
        const double shift = detail::elementary::log(others.sum) - detail::elementary::log(of.sum);
        double sum = 0;
        for (std::size_t i = 0; i < theta.size(); ++i)
            if (of.values[i] > 0)
                sum += detail::rounded(of[i] * ((of.distance(theta[i]) - others.distance(other[i])) + shift));
        return std::max(sum, 0.0);
    }

    /// Always true.
    friend bool operator==(const softmax_family&, const softmax_family&) noexcept = default;

  private:
    /// softmax(theta)_i = value_i / sum, with value_i = exp(theta_i) relative to the largest. So the
    /// logarithm of the sum is not added to a number so large that it would be lost.
    struct weights {
        template <class Scalar>
        explicit weights(std::span<const Scalar> theta)
            : largest(static_cast<double>(*std::max_element(theta.begin(), theta.end()))),
              values(detail::make_unique_for_overwrite<double[]>(theta.size())) {
            for (std::size_t i = 0; i < theta.size(); ++i)
                sum += values[i] = detail::elementary::exp(static_cast<double>(theta[i]) - largest);
        }
        [[nodiscard]] double operator[](std::size_t i) const { return values[i] / sum; }
        /// log value_i.
        [[nodiscard]] double distance(double theta) const { return theta - largest; }

        double largest;
        std::unique_ptr<double[]> values;
        double sum = 0;
    };

    template <class Scalar>
    static void write_one_hot(std::size_t at, std::span<Scalar> z) {
        std::fill(z.begin(), z.end(), Scalar(0));
        z[at] = 1;
    }

    template <class Scalar>
    static void require_theta(std::span<const Scalar> theta) {
        if (theta.empty()) detail::throw_invalid("theta", "empty", "at least one category");
        detail::require_finite("theta", theta);
    }
};

}  // namespace imle::inline IMLE_ABI
