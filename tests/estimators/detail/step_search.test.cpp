// Is the suggested beta about the best one? Families whose exact gradient is known decide.

#include <imle/estimators/detail/step_search.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <imle/estimators/diagnose.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/k_subsets.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using imle::random_key;

double cosine(const matrix& a, const std::vector<double>& b) {
    double product = 0, aa = 0, bb = 0;
    for (Eigen::Index i = 0; i < a.size(); ++i) {
        const double x = a.data()[i], y = b[static_cast<std::size_t>(i)];
        product += x * y;
        aa += x * x;
        bb += y * y;
    }
    return aa > 0 && bb > 0 ? product / std::sqrt(aa * bb) : 0;
}

// Gradients of <dz, z> for z of a family whose exact gradient is known.
struct problem {
    matrix theta, dz;
    std::vector<double> exact;

    problem(const imle::testing::matroid_family& family, Eigen::Index batch, double scale, double dz_scale,
            std::uint64_t seed)
        : theta(fixtures::numbers<matrix>({batch, static_cast<Eigen::Index>(family.size())}, seed)),
          dz(fixtures::numbers<matrix>(theta.dimensions(), seed + 100)) {
        theta = theta * scale;
        dz = dz * dz_scale;
        const auto n = family.size();
        for (Eigen::Index row = 0; row < batch; ++row) {
            const std::size_t at = static_cast<std::size_t>(row) * n;
            const auto gradient =
                family.gumbel_marginals_vjp(std::span(theta.data() + at, n), 1, std::span(dz.data() + at, n));
            exact.insert(exact.end(), gradient.begin(), gradient.end());
        }
    }
};

constexpr int keys = 2;

// The cosine with the exact gradient of what a layer computes with the k-th key.
template <class LayerT>
double cosine_with(const problem& of, const LayerT& layer, std::uint64_t k) {
    return cosine(layer.vjp(layer.marginals(of.theta, random_key{1000}.fold_in(k)), of.dz), of.exact);
}

// The mean over keys of the cosine with the exact gradient of a layer with this beta.
template <class MakeT>
double mean_cosine(const problem& of, const MakeT& layer_with, double beta) {
    double sum = 0;
    for (std::uint64_t k = 0; k < keys; ++k) sum += cosine_with(of, layer_with(beta), k);
    return sum / keys;
}

// From any beta to start from, the mean over keys of the suggestions' cosines is at least 0.9 of the best
// cosine of all betas.
template <class MakeT>
void check_suggestions(const problem& of, const MakeT& layer_with) {
    // The best of all powers of two: of all powers of four, and of the neighbours of the best one.
    double best = 0;
    int best_power = 0;
    const auto try_power = [&](int power) {
        const double found = mean_cosine(of, layer_with, std::ldexp(10, power));
        if (found > best) {
            best = found;
            best_power = power;
        }
    };
    for (int power = -14; power <= 10; power += 2) try_power(power);
    for (const int power : {best_power - 1, best_power + 1}) try_power(power);
    for (const double start : {1e-4, 1.0, 1e4}) {
        double sum = 0;
        for (std::uint64_t k = 0; k < keys; ++k) {
            const auto report =
                imle::diagnose(layer_with(start), of.theta, of.dz, random_key{2000}.fold_in(k));
            INFO("suggested " << report.suggested_beta);
            CHECK(report.suggested_beta > 0);
            sum += cosine_with(of, layer_with(report.suggested_beta), k);
        }
        CAPTURE(start, best, sum / keys);
        CHECK(sum / keys / best > 0.9);
    }
}

template <class SolverT>
auto with_beta(const SolverT& solver, Eigen::Index samples, imle::difference difference) {
    return [=](double beta) {
        return imle::imle_layer{solver,
                                imle::gumbel{},
                                imle::perturbation_target{.beta = beta},
                                {.samples = samples, .difference = difference}};
    };
}

}  // namespace

TEST_CASE("The suggested beta's exact cosine is at least 0.9 of the best beta's",
          "[estimators][diagnose][draws]") {
    const auto [samples, batch] = GENERATE(std::pair{256, 1}, std::pair{32, 8}, std::pair{4, 32});
    const auto difference = GENERATE(imle::difference::forward, imle::difference::central);
    CAPTURE(samples, batch, difference == imle::difference::central);
    SECTION("3 of 8") {
        check_suggestions(problem(imle::testing::k_subsets(8, 3), batch, 2, 1, 1),
                          with_beta(imle::top_k{3}, samples, difference));
    }
    SECTION("one of 12, and a small cotangent") {
        check_suggestions(problem(imle::testing::categories(12), batch, 3, 0.01, 2),
                          with_beta(imle::categorical{}, samples, difference));
    }
}
