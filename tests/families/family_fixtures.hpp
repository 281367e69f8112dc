#pragma once

// What the tests of exact families share: calls with vectors, and bounds for frequencies.

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <imle/random/random_key.hpp>
#include <random>
#include <span>
#include <vector>

namespace reference {

template <class Scalar>
std::vector<Scalar> converted(const std::vector<double>& values) {
    std::vector<Scalar> result;
    for (const double x : values) result.push_back(static_cast<Scalar>(x));
    return result;
}

template <class Family, class Scalar>
std::vector<Scalar> marginals(const Family& family, const std::vector<Scalar>& theta) {
    std::vector<Scalar> mu(theta.size(), -7);
    family.marginals(std::span<const Scalar>(theta), std::span<Scalar>(mu));
    return mu;
}

template <class Family, class Scalar>
std::vector<Scalar> marginals_vjp(const Family& family, const std::vector<Scalar>& theta,
                                  const std::vector<Scalar>& dmu) {
    std::vector<Scalar> gradient(theta.size(), -7);
    family.marginals_vjp(std::span<const Scalar>(theta), std::span<const Scalar>(dmu),
                         std::span<Scalar>(gradient));
    return gradient;
}

template <class Family, class Scalar>
std::vector<Scalar> sample(const Family& family, const std::vector<Scalar>& theta, imle::random_key key,
                           std::uint64_t item) {
    std::vector<Scalar> z(theta.size(), -7);
    family.sample(std::span<const Scalar>(theta), key, item, std::span<Scalar>(z));
    return z;
}

template <class Family, class Scalar>
std::vector<Scalar> sample_several(const Family& family, const std::vector<Scalar>& theta,
                                   imle::random_key key, std::uint64_t first_item, std::size_t draws) {
    std::vector<Scalar> z(theta.size() * draws, -7);
    family.sample_several(std::span<const Scalar>(theta), key, first_item, std::span<Scalar>(z));
    return z;
}

template <class Family, class Scalar>
std::vector<Scalar> map_of(const Family& family, const std::vector<Scalar>& theta) {
    std::vector<Scalar> z(theta.size(), -7);
    family.map(std::span<const Scalar>(theta), std::span<Scalar>(z));
    return z;
}

template <class Family, class Scalar>
double log_partition(const Family& family, const std::vector<Scalar>& theta) {
    return family.log_partition(std::span<const Scalar>(theta));
}

template <class Family, class Scalar>
double entropy(const Family& family, const std::vector<Scalar>& theta) {
    return family.entropy(std::span<const Scalar>(theta));
}

template <class Family, class Scalar>
double kl_divergence(const Family& family, const std::vector<Scalar>& theta,
                     const std::vector<Scalar>& other) {
    return family.kl_divergence(std::span<const Scalar>(theta), std::span<const Scalar>(other));
}

// How far the frequency of an event of probability p may be from p: by Bernstein's inequality a true law
// fails with a probability of at most `false_alarm`.
inline double frequency_bound(double p, double draws, double false_alarm = 1e-10) {
    const double level = std::log(2 / false_alarm);
    return level / (3 * draws) +
           std::sqrt(level * level / (9 * draws * draws) + 2 * p * (1 - p) * level / draws);
}

inline std::vector<double> normal_numbers(std::size_t n, std::mt19937& random, double scale = 1) {
    std::normal_distribution<double> normal(0, scale);
    std::vector<double> x(n);
    for (double& xi : x) xi = normal(random);
    return x;
}

}  // namespace reference
