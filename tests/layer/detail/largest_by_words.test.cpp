#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace largest_by_words_tests {
namespace {

// Sizes are such that layers solve by words: at least 112 + 3 k numbers, and 8 samples.

/// Of another type, so layers draw all noise and ask it.
struct asked_top_k : imle::top_k<> {
    using imle::top_k<>::top_k;
};
struct asked_categorical : imle::categorical<> {};

template <class Scalar>
using vectors = Eigen::Tensor<Scalar, 2, Eigen::RowMajor>;

/// Rows of theta of one kind.
template <class Scalar>
vectors<Scalar> some_theta(const std::string& kind, Eigen::Index batch, Eigen::Index n) {
    vectors<Scalar> theta(batch, n);
    imle::normal{}.fill(imle::random_key{static_cast<std::uint64_t>(n)}, 0,
                        std::span<Scalar>(theta.data(), static_cast<std::size_t>(theta.size())));
    for (Eigen::Index b = 0; b < batch; ++b)
        for (Eigen::Index i = 0; i < n; ++i) {
            Scalar& x = theta(b, i);
            if (kind == "equal") x = 3;
            if (kind == "wide") x *= 1000;
            if (kind == "ties") x = std::round(x);
            if (kind == "gap") x += i % 7 == 0 ? Scalar(1e6) : Scalar(0);
            if (kind == "offset") x += Scalar(1e5);
            if (kind == "rows") x = x * std::pow(Scalar(10), static_cast<Scalar>(b % 5 - 2)) + Scalar(b % 3);
            if (kind == "huge") x *= std::numeric_limits<Scalar>::max() / 64;
        }
    return theta;
}
/// All kinds, or few where other builds try all.
std::vector<std::string> some_kinds() {
    std::vector<std::string> kinds = {"rows", "ties", "gap", "plain", "equal", "wide", "offset", "huge"};
    kinds.resize(std::max<std::size_t>(3, support::repeats(kinds.size())));
    return kinds;
}

template <class Scalar>
bool same_bits(const Scalar* a, const Scalar* b, Eigen::Index size) {
    return std::memcmp(a, b, static_cast<std::size_t>(size) * sizeof(Scalar)) == 0;
}

/// What a layer computes, with and without asking the solver.
template <class Scalar, class SolverT, class AskedT, class NoiseT>
void compare(support::tally& wrong, const std::string& name, const SolverT& solver, const AskedT& asked,
             const NoiseT& noise, const vectors<Scalar>& theta, const imle::layer_options& options,
             std::uint64_t first_instance = 0) {
    const imle::perturbation_target target{.beta = 3};
    imle::imle_layer quick{solver, noise, target, options};
    imle::imle_layer full{asked, noise, target, options};
    const imle::random_key key{11};
    const auto pass = quick.forward(theta, key, first_instance),
               expected = full.forward(theta, key, first_instance);
    wrong.expect(same_bits(pass.samples().data(), expected.samples().data(), expected.samples().size()), name,
                 ": samples");
    const auto mean = quick.marginals(theta, key, first_instance),
               expected_mean = full.marginals(theta, key, first_instance);
    wrong.expect(same_bits(mean.marginals().data(), expected_mean.marginals().data(), theta.size()), name,
                 ": marginals");
    const auto gradient = quick.vjp(pass, theta), expected_gradient = full.vjp(expected, theta);
    wrong.expect(same_bits(gradient.data(), expected_gradient.data(), theta.size()), name, ": vjp");
    const auto of_mean = quick.vjp(mean, theta), expected_of_mean = full.vjp(expected_mean, theta);
    wrong.expect(same_bits(of_mean.data(), expected_of_mean.data(), theta.size()), name,
                 ": vjp of marginals");
}

TEST_CASE("choosing by words gives the bits of drawing all noise", "[largest_by_words]") {
    support::tally wrong;
    const imle::sum_of_gamma noise{16, 100};  // its copies share a table, which takes longer than all else
    Eigen::Index k = 1;
    for (const std::string& kind : some_kinds())
        for (const Eigen::Index n : {134, 150, 350}) {
            const std::string name = imle::detail::message(kind, ", ", k, " of ", n);
            const imle::top_k solver{k};
            const asked_top_k asked{k};
            compare<float>(wrong, name, solver, asked, noise, some_theta<float>(kind, 5, n), {.samples = 20});
            k = k % 7 + 1;
        }
    CHECK(wrong == 0);
}

TEST_CASE("choosing by words gives the same bits for each noise and scalar", "[largest_by_words]") {
    support::tally wrong;
    const imle::top_k solver{5};
    const asked_top_k asked{5};
    const imle::sum_of_gamma noise{1, 10};
    for (const std::string& kind : some_kinds()) {
        const auto theta = some_theta<float>(kind, 4, 135);
        const auto wide = some_theta<double>(kind, 4, 135);
        const imle::layer_options options{.samples = 30, .input_temperature = 0.5, .target_temperature = 2};
        compare<float>(wrong, kind + ", gumbel", solver, asked, imle::gumbel{1, 2}, theta, options, 1000);
        compare<double>(wrong, kind + ", gumbel in double", solver, asked, imle::gumbel{1, 2}, wide, options,
                        std::uint64_t{1} << 33);
        // Most of these numbers are 0: no bound leaves few of them.
        compare<float>(wrong, kind + ", gamma", solver, asked, imle::gamma{0.01, 1}, theta, options);
        compare<double>(wrong, kind + ", categorical", imle::categorical{}, asked_categorical{}, noise, wide,
                        options);
    }
    CHECK(wrong == 0);
}

TEST_CASE("choosing by words respects masks, strata, threads and statistics", "[largest_by_words]") {
    support::tally wrong;
    const imle::top_k solver{5};
    const asked_top_k asked{5};
    const auto theta = some_theta<float>("rows", 9, 160);
    compare<float>(wrong, "latin", solver, asked, imle::gumbel{}, theta,
                   {.samples = 30, .sampling = imle::sampling::latin});
    compare<float>(wrong, "two threads", solver, asked, imle::gumbel{}, theta, {.samples = 30, .threads = 2});
    compare<float>(wrong, "central", solver, asked, imle::gumbel{}, theta,
                   {.samples = 30, .difference = imle::difference::central});
    CHECK(wrong == 0);

    const auto mask = std::make_unique<bool[]>(1440);
    for (std::size_t i = 0; i < 1440; ++i) mask[i] = i % 3 != 0;
    const imle::call_options masked{.mask = std::span<const bool>(mask.get(), 1440)};
    imle::imle_layer quick{solver, imle::gumbel{}, imle::perturbation_target{}, {.samples = 30}};
    imle::imle_layer full{asked, imle::gumbel{}, imle::perturbation_target{}, {.samples = 30}};
    const auto pass = quick.forward(theta, imle::random_key{1}, masked);
    CHECK(same_bits(pass.samples().data(), full.forward(theta, imle::random_key{1}, masked).samples().data(),
                    pass.samples().size()));

    imle::imle_layer counting{
        solver, imle::gumbel{}, imle::perturbation_target{}, {.samples = 30, .statistics = true}};
    const auto counted = counting.forward(theta, imle::random_key{1});
    CHECK(counting.statistics().solves == 270);
    CHECK(counting.statistics().noise_seconds > 0);
    CHECK(same_bits(counted.samples().data(), quick.forward(theta, imle::random_key{1}).samples().data(),
                    counted.samples().size()));
}

TEST_CASE("choosing by words has the errors of drawing all noise", "[largest_by_words]") {
    const auto error_of = [](const auto& solver, const auto& noise, const vectors<float>& theta) {
        imle::imle_layer layer{solver, noise, imle::perturbation_target{}, {.samples = 20}};
        try {
            static_cast<void>(layer.forward(theta, imle::random_key{1}));
        } catch (const std::exception& error) {
            return std::string(error.what());
        }
        return std::string("none");
    };
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (const float bad :
         {infinity, -infinity, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::max()}) {
        auto theta = some_theta<float>("plain", 3, 130);
        theta(1, 7) = bad;
        // Infinity and NaN are seen before; the largest number and this noise overflow only when added.
        for (const imle::gumbel& noise : {imle::gumbel{0, 1e33}, imle::gumbel{1e37, 1e37}}) {
            const std::string error = error_of(imle::top_k{3}, noise, theta);
            CHECK(error == error_of(asked_top_k{3}, noise, theta));
            CHECK(error != "none");
        }
    }
    const auto theta = some_theta<float>("plain", 3, 130);
    CHECK(error_of(imle::top_k{131}, imle::gumbel{}, theta) ==
          error_of(asked_top_k{131}, imle::gumbel{}, theta));
    const imle::gumbel infinite{0, 1e38};
    CHECK(error_of(imle::top_k{3}, infinite, theta) == error_of(asked_top_k{3}, infinite, theta));
}

/// z of `count` items; how many are drawn in full is the memory's.
template <class NoiseT>
std::uint64_t drawn_in_full(const NoiseT& noise, const std::vector<float>& theta, std::size_t count,
                            imle::detail::drawing_memory<float>& memory) {
    const std::size_t n = theta.size();
    std::vector<float> all(n), scratch(n), z(count * n);
    imle::detail::largest_by_words<float> solve(noise.template by_words<float>(), imle::random_key{3}, 1, n,
                                                10, memory, all.data(), scratch.data());
    const std::uint64_t before = memory.drawn_in_full;
    REQUIRE(solve.solve(theta.data(), 0, count, z.data(), nullptr));
    return memory.drawn_in_full - before;
}

TEST_CASE("few items need all their noise", "[largest_by_words]") {
    std::vector<float> theta(350);
    imle::normal{}.fill(imle::random_key{5}, 0, std::span<float>(theta));
    imle::detail::drawing_memory<float> memory;
    const imle::sum_of_gamma noise{16, 100};
    CHECK(drawn_in_full(noise, theta, 1000, memory) < 50);
    CHECK(memory.items == 1000);
    // Another theta, far away: the first item finds the new bound.
    for (float& x : theta) x = 100 - 5 * x;
    CHECK(drawn_in_full(noise, theta, 1000, memory) < 50);
    for (float& x : theta) x = 0;
    CHECK(drawn_in_full(imle::gumbel{}, theta, 1000, memory) < 200);
    CHECK(memory.useless_runs == 0);
    // Where most numbers are equal, it notices that it is of no use.
    CHECK(drawn_in_full(imle::gamma{1e-6, 1}, theta, 100, memory) == 100);
    CHECK(memory.useless_runs == 1);
}

}  // namespace
}  // namespace largest_by_words_tests
