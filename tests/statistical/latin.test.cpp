// Latin sampling against independent sampling, where the marginals are known exactly.
//
// All seeds are fixed, nothing is retried.

#include <cmath>
#include <cstdint>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/k_subsets.hpp>
#include <vector>

#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tensors.hpp"

namespace latin_tests {

namespace {

using imle::imle_layer;
using imle::perturbation_target;
using imle::random_key;
using imle::sampling;

using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;

/// The mean, and the sum of the coordinates' variances, over instances that share their theta.
struct spread {
    std::vector<double> mean;
    double variance = 0;
};
spread spread_of(const matrix& rows) {
    spread result;
    const auto count = static_cast<double>(rows.dimension(0));
    for (Eigen::Index i = 0; i < rows.dimension(1); ++i) {
        double sum = 0, squares = 0;
        for (Eigen::Index b = 0; b < rows.dimension(0); ++b) {
            const double x = static_cast<double>(rows(b, i));
            sum += x;
            squares += x * x;
        }
        result.mean.push_back(sum / count);
        result.variance += squares / count - (sum / count) * (sum / count);
    }
    return result;
}

}  // namespace

TEST_CASE("latin: marginals of the 5 largest of 10 are unbiased, and vary less", "[latin][statistical]") {
    const std::vector<double> values{0.3, -0.7, 1.1, 0.2, -1.3, 0.8, -0.1, 1.9, -0.4, 0.6};
    const imle::testing::k_subsets family(values.size(), 5);
    const std::vector<double> exact = family.gumbel_marginals(values);
    Eigen::Tensor<float, 1, Eigen::RowMajor> theta(10);
    for (Eigen::Index i = 0; i < 10; ++i) theta(i) = static_cast<float>(values[static_cast<std::size_t>(i)]);
    const Eigen::Index count = support::repeats<Eigen::Index>(4000);

    struct expectation {
        Eigen::Index samples;
        double ratio;  // a lower bound: 15 % below what 4,000 instances show
    };
    for (const expectation& expected :
         {expectation{4, 2.1}, expectation{10, 2.05}, expectation{16, 2.6}, expectation{64, 2.7}}) {
        const Eigen::Index samples = expected.samples;
        const auto of = [&](sampling how) {
            imle_layer layer{imle::top_k{5}, imle::gumbel{}, perturbation_target{},
                             imle::layer_options{.samples = samples, .sampling = how}};
            const matrix rows = layer.marginals(imle::shared(theta, count), random_key{5}).marginals();
            return spread_of(rows);
        };
        const spread independent = of(sampling::independent), latin = of(sampling::latin);
        CAPTURE(samples);
        // 6 standard errors of independent sampling, whose variance bounds the other: false alarm 2e-9 each.
        for (std::size_t i = 0; i < exact.size(); ++i) {
            const double error = std::sqrt(exact[i] * (1 - exact[i]) / static_cast<double>(samples * count));
            CHECK(std::abs(latin.mean[i] - exact[i]) < 6 * error);
            CHECK(std::abs(independent.mean[i] - exact[i]) < 6 * error);
        }
        // The ratio's relative standard error is 1.4 %, of a tenth of the instances 4.4 %: false alarm 4e-4
        // at most.
        CHECK(independent.variance / latin.variance > expected.ratio);
    }
}

}  // namespace latin_tests
