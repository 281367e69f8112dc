// The numbers of a conditional_layer are its definition's: noise drawn by hand, others sorted for each
// coordinate.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/estimators/conditional_layer.hpp>
#include <imle/noise/exponential.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/normal.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/k_of_groups.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/tally.hpp"

using namespace fixtures;
using imle::conditional_layer;
using imle::random_key;

namespace {

using vector = std::vector<double>;

/// One group of an instance, and how many are chosen from it.
struct group {
    std::size_t first, size, k;
};

/// m and its derivative for one instance and sample, from the definition.
struct reference_sample {
    vector m;
    /// Of <dmu, m>.
    vector gradient;

    template <class LawT>
    reference_sample(const LawT& law, const vector& theta, const vector& eps, double T,
                     const std::vector<group>& groups, const std::vector<bool>& allowed, const vector& dmu)
        : m(theta.size(), 0), gradient(theta.size(), 0) {
        for (const group& each : groups)
            for (std::size_t i = each.first; i < each.first + each.size; ++i) {
                if (!allowed[i]) continue;
                // The others, from the largest on.
                std::vector<std::pair<double, std::size_t>> others;
                for (std::size_t j = each.first; j < each.first + each.size; ++j)
                    if (j != i && allowed[j]) others.emplace_back(theta[j] + T * eps[j], j);
                std::sort(others.rbegin(), others.rend());
                if (each.k == 0) continue;
                if (others.size() < each.k) {
                    m[i] = 1;
                    continue;
                }
                const auto [t, tau] = others[each.k - 1];
                const double x = (t - theta[i]) / T;
                m[i] = law.survival(x);
                const double slope = dmu[i] * law.pdf(x) / T;
                gradient[i] += slope;
                gradient[tau] -= slope;
            }
    }
};

/// Compares samples, marginals and gradients of 3 instances with the definition. For costs theta is negated.
template <class Scalar, int Layout, class SolverT, class LawT>
void check_definition(SolverT solver, const LawT& law, const std::vector<group>& groups,
                      const std::array<Eigen::Index, 2>& shape, const support::mask& mask,
                      Eigen::Index samples, double T) {
    using tensor = Eigen::Tensor<Scalar, 3, Layout>;
    using sample_tensor = Eigen::Tensor<Scalar, 4, Layout>;
    constexpr bool row_major = Layout == Eigen::RowMajor,
                   minimizes = imle::sense_of<SolverT> == imle::sense::minimize;
    const Eigen::Index batch = 3, S = samples;
    const std::uint64_t first = 7;
    const auto n = static_cast<std::size_t>(shape[0] * shape[1]);
    const std::array<Eigen::Index, 3> dimensions =
        row_major ? std::array<Eigen::Index, 3>{batch, shape[0], shape[1]}
                  : std::array<Eigen::Index, 3>{shape[0], shape[1], batch};
    const std::array<Eigen::Index, 4> with_samples =
        row_major ? std::array<Eigen::Index, 4>{batch, S, shape[0], shape[1]}
                  : std::array<Eigen::Index, 4>{shape[0], shape[1], S, batch};
    const auto theta = numbers<tensor>(dimensions, 1), dmu = numbers<tensor>(dimensions, 2);
    const auto dz = numbers<sample_tensor>(with_samples, 3);
    const random_key key{11};
    const conditional_layer layer{solver, law, {.samples = S, .temperature = T}};
    const imle::call_options options{.first_instance = first, .mask = mask.span()};
    const auto pass = layer.forward(theta, key, options);
    const auto mean = layer.marginals(theta, key, options);
    const tensor gradient = layer.vjp(pass, dmu), of_mean = layer.vjp(mean, dmu),
                 of_each = layer.vjp(pass, dz);

    const double close = std::is_same_v<Scalar, float> ? 5e-6 : 1e-9;
    support::tally samples_wrong, means_wrong, gradients_wrong;
    for (std::size_t b = 0; b < static_cast<std::size_t>(batch); ++b) {
        std::vector<bool> allowed(n);
        vector own(n), cotangent(n), m(n, 0), shared(n, 0), each(n, 0);
        for (std::size_t i = 0; i < n; ++i) {
            allowed[i] = mask.size() == 0 || mask[b * n + i];
            own[i] = allowed[i] ? static_cast<double>(theta.data()[b * n + i]) * (minimizes ? -1 : 1) : 0;
            cotangent[i] = static_cast<double>(dmu.data()[b * n + i]);
        }
        for (std::size_t s = 0; s < static_cast<std::size_t>(S); ++s) {
            std::vector<Scalar> eps(n);
            law.fill(key, ((first + b) * static_cast<std::uint64_t>(S) + s) * n, std::span<Scalar>(eps));
            const vector noise(eps.begin(), eps.end());
            vector own_dz(n);
            for (std::size_t i = 0; i < n; ++i)
                own_dz[i] = static_cast<double>(dz.data()[(b * static_cast<std::size_t>(S) + s) * n + i]);
            const reference_sample one(law, own, noise, T, groups, allowed, cotangent),
                another(law, own, noise, T, groups, allowed, own_dz);
            for (std::size_t i = 0; i < n; ++i) {
                const Scalar found = pass.samples().data()[(b * static_cast<std::size_t>(S) + s) * n + i];
                samples_wrong.expect(
                    std::abs(static_cast<double>(found) - one.m[i]) < close && (allowed[i] || found == 0),
                    "instance ", b, ", sample ", s, ", element ", i, ": ", found, ", not ", one.m[i]);
                const double weight = 1 / static_cast<double>(S);
                m[i] += one.m[i] * weight;
                shared[i] += one.gradient[i] * weight * (minimizes ? -1 : 1);
                each[i] += another.gradient[i] * weight * (minimizes ? -1 : 1);
            }
        }
        for (std::size_t i = 0; i < n; ++i) {
            const auto at = [&](const auto& found) { return static_cast<double>(found.data()[b * n + i]); };
            means_wrong.expect(std::abs(at(mean.marginals()) - m[i]) < close, "instance ", b, ", element ", i,
                               ": ", at(mean.marginals()), ", not ", m[i]);
            for (const auto& [found, expected] :
                 {std::pair{at(gradient), shared[i]}, {at(of_mean), shared[i]}, {at(of_each), each[i]}})
                gradients_wrong.expect(
                    std::abs(found - expected) < 4 * close / T && (allowed[i] || found == 0), "instance ", b,
                    ", element ", i, ": ", found, ", not ", expected);
        }
    }
    CHECK(samples_wrong == 0);
    CHECK(means_wrong == 0);
    CHECK(gradients_wrong == 0);
    CHECK(furthest(pass.marginals(), mean.marginals()) < close);
}

/// Two of 30, with a mask and without.
template <class Scalar, int Layout, class SolverT>
void check_two_of_thirty(const SolverT& solver, bool all_sizes) {
    support::mask none(0), some(3 * 30);
    for (std::size_t i = 0; i < some.size(); ++i) some[i] = i % 7 != 2 && i % 5 != 0;
    const std::array<Eigen::Index, 2> shape{5, 6};
    check_definition<Scalar, Layout>(solver, imle::gumbel{}, {{0, 30, 2}}, shape, some, 3, 0.7);
    if (!all_sizes) return;
    for (const Eigen::Index samples : {1, 40})
        check_definition<Scalar, Layout>(solver, imle::gumbel{}, {{0, 30, 2}}, shape, none, samples, 0.7);
}

/// Groups: 5 of 6 row-major [groups, members] and column-major [members, groups], which in memory are the
/// same.
template <class Scalar, int Layout>
void check_groups() {
    support::mask none(0), some(3 * 30);
    for (std::size_t i = 0; i < some.size(); ++i) some[i] = i % 7 != 2;
    std::vector<group> five;
    for (std::size_t i = 0; i < 5; ++i) five.push_back({6 * i, 6, 2});
    const std::array<Eigen::Index, 2> shape =
        Layout == Eigen::RowMajor ? std::array<Eigen::Index, 2>{5, 6} : std::array<Eigen::Index, 2>{6, 5};
    check_definition<Scalar, Layout>(imle::k_of_groups{2}, imle::exponential{2}, five, shape, none, 5, 1.5);
    check_definition<Scalar, Layout>(imle::k_of_groups{2}, imle::exponential{2}, five, shape, some, 5, 0.5);
    // Groups of different sizes, which are given.
    check_definition<Scalar, Layout>(imle::k_of_groups{1, {10, 20}}, imle::exponential{2},
                                     {{0, 10, 1}, {10, 20, 1}}, shape, none, 5, 0.5);
}

}  // namespace

TEST_CASE("conditional_layer: samples and gradients are the definition's, top_k",
          "[estimators][conditional]") {
    check_two_of_thirty<float, Eigen::RowMajor>(imle::top_k{2}, true);
    check_two_of_thirty<double, Eigen::RowMajor>(imle::top_k{2}, false);
    check_two_of_thirty<float, Eigen::ColMajor>(imle::top_k{2}, false);
    check_two_of_thirty<double, Eigen::ColMajor>(imle::top_k{2}, true);
}

TEST_CASE("conditional_layer: samples and gradients are the definition's, groups, costs, one of n",
          "[estimators][conditional]") {
    check_groups<float, Eigen::ColMajor>();
    check_groups<double, Eigen::RowMajor>();
    check_two_of_thirty<float, Eigen::RowMajor>(imle::minimizing(imle::top_k{2}), false);
    check_definition<double, Eigen::RowMajor>(imle::categorical{}, imle::normal{0.3, 2}, {{0, 30, 1}}, {5, 6},
                                              support::mask(0), 5, 0.5);
}
