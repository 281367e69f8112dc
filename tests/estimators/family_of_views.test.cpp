// Layers around families that take an instance with its shape and a context.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include <imle/estimators/exact_layer.hpp>
#include <imle/estimators/score_function_layer.hpp>
#include <imle/families/alignment_family.hpp>
#include <imle/families/chain_family.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"

namespace family_of_views_tests {

namespace {

using fixtures::same_bits;
using imle::chain_family;
using imle::random_key;

// Every result of a layer against the family's own functions, row by row, with a mask and without.
template <class Scalar, int Layout>
void check_rows(bool masked) {
    using batch = Eigen::Tensor<Scalar, 4, Layout>;
    using one = Eigen::Tensor<Scalar, 3, Layout>;
    constexpr bool row_major = Layout == Eigen::RowMajor;
    const Eigen::DSizes<Eigen::Index, 4> shape =
        row_major ? Eigen::DSizes<Eigen::Index, 4>(3, 4, 2, 2) : Eigen::DSizes<Eigen::Index, 4>(4, 2, 2, 3);
    batch theta = fixtures::numbers<batch>(shape, 1);
    const batch dmu = fixtures::numbers<batch>(shape, 2);
    const std::size_t n = 16;
    const std::unique_ptr<bool[]> mask(new bool[3 * n]);
    for (std::size_t i = 0; i < 3 * n; ++i) mask[i] = true;
    for (std::size_t t = 2; t < 4; ++t)  // row 1 has two steps
        for (std::size_t ij = 0; ij < 4; ++ij) mask[n + (row_major ? t * 4 + ij : t + 4 * ij)] = false;
    mask[2 * n] = false;  // and row 2 forbids a transition
    if (masked) theta.data()[2 * n] = std::numeric_limits<Scalar>::quiet_NaN();
    const imle::call_options options{
        .first_instance = 5,
        .mask = masked ? std::span<const bool>(mask.get(), 3 * n) : std::span<const bool>()};
    const imle::exact_layer layer{chain_family{}, {.samples = 3}};
    const auto pass = layer.forward(theta, random_key{9}, options);
    const auto mean = layer.marginals(theta, random_key{9}, options);
    const auto gradient = layer.vjp(pass, dmu);
    const imle::score_function_layer score{chain_family{}, {.samples = 3}};
    const auto score_pass = score.forward(theta, random_key{9}, options);
    CHECK(same_bits(score_pass.samples(), pass.samples()));
    const auto estimate = score.vjp(score_pass, dmu);
    for (std::size_t b = 0; b < 3; ++b) {
        const imle::const_view<Scalar, 3, Layout> row(theta.data() + b * n, 4, 2, 2),
            cotangent(dmu.data() + b * n, 4, 2, 2);
        const imle::solve_context context{.mask = masked ? options.mask.subspan(b * n, n) : options.mask};
        one expected(4, 2, 2);
        const auto equals = [&](const Scalar* found) {
            return std::equal(expected.data(), expected.data() + n, found);
        };
        layer.family().marginals(row, expected, context);
        CHECK(equals(mean.marginals().data() + b * n));
        layer.family().marginals_vjp(row, cotangent, expected, context);
        CHECK(equals(gradient.data() + b * n));
        for (std::size_t s = 0; s < 3; ++s) {
            layer.family().sample(row, random_key{9}, (5 + b) * 3 + s, expected, context);
            CHECK(equals(pass.samples().data() + (b * 3 + s) * n));
        }
        for (std::size_t i = 0; masked && i < n; ++i)
            if (!mask[b * n + i]) {
                CHECK(gradient.data()[b * n + i] == 0);
                CHECK(estimate.data()[b * n + i] == 0);
            }
    }
}

// A family of views without what is optional: one state, all ones.
struct ones_family {
    static constexpr int instance_rank = 2;
    template <class ThetaT, class ZT>
    void sample(const ThetaT&, random_key, std::uint64_t, ZT& z, const imle::solve_context&) const {
        z.setConstant(1);
    }
    template <class ThetaT, class ZT>
    void marginals(const ThetaT&, ZT& mu, const imle::solve_context&) const {
        mu.setConstant(1);
    }
};

}  // namespace

TEST_CASE("a layer around a family of views gives the family's own results", "[estimators][families]") {
    for (const bool masked : {false, true}) {
        check_rows<float, Eigen::RowMajor>(masked);
        check_rows<double, Eigen::ColMajor>(masked);
    }
}

TEST_CASE("a family of views needs neither several samples nor a derivative", "[estimators][families]") {
    STATIC_REQUIRE(imle::ExponentialFamily<ones_family, float>);
    STATIC_REQUIRE(!imle::DifferentiableFamily<ones_family, float>);
    STATIC_REQUIRE(!imle::MeasuredFamily<ones_family, float>);
    Eigen::Tensor<float, 3, Eigen::RowMajor> theta(2, 3, 3);
    theta.setZero();
    const imle::score_function_layer layer{ones_family{}, {.samples = 2}};
    const auto pass = layer.forward(theta, random_key{1});
    CHECK(std::all_of(pass.samples().data(), pass.samples().data() + 36, [](float z) { return z == 1; }));
    const Eigen::Tensor<float, 3, Eigen::RowMajor> gradient = layer.vjp(pass, theta);
    CHECK(gradient(1, 2, 2) == 0);
}

TEST_CASE("an exact layer of alignments: mask, shared theta and shards", "[estimators][families]") {
    using batch = Eigen::Tensor<double, 3, Eigen::RowMajor>;
    const batch theta = fixtures::numbers<batch>({4, 5, 6}, 3), dmu = fixtures::numbers<batch>({4, 5, 6}, 4);
    const imle::exact_layer layer{imle::alignment_family{{.gap = -0.5}}, {.samples = 2}};
    const auto whole = layer.forward(theta, random_key{2});
    const batch part =
        theta.slice(Eigen::array<Eigen::Index, 3>{2, 0, 0}, Eigen::array<Eigen::Index, 3>{2, 5, 6});
    const auto shard = layer.forward(part, random_key{2}, 2);
    CHECK(std::equal(shard.samples().data(), shard.samples().data() + 120, whole.samples().data() + 120));
    const auto gradient = layer.marginals_vjp(theta, dmu);
    CHECK(same_bits(layer.vjp(layer.marginals(theta, random_key{0}), dmu), gradient));
}

TEST_CASE("families of views may be used by several threads", "[estimators][families]") {
    using chains = Eigen::Tensor<float, 4, Eigen::RowMajor>;
    using planes = Eigen::Tensor<float, 3, Eigen::RowMajor>;
    const imle::exact_layer chain{chain_family{}, {.samples = 2}};
    const imle::exact_layer plane{imle::alignment_family{}, {.samples = 2}};
    const auto all = [&](std::uint64_t call) {
        const auto theta = fixtures::numbers<chains>({2, 6, 5, 5}, call);
        const auto cells = fixtures::numbers<planes>({2, 9, 8}, call);
        const auto pass = chain.forward(theta, random_key{call});
        const auto path = plane.forward(cells, random_key{call});
        std::vector<float> numbers;
        const auto add = [&](const auto& tensor) {
            numbers.insert(numbers.end(), tensor.data(), tensor.data() + tensor.size());
        };
        add(pass.samples());
        add(chain.vjp(pass, theta));
        add(chain.marginals(theta));
        add(path.samples());
        add(plane.vjp(path, cells));
        add(plane.marginals(cells));
        return numbers;
    };
    constexpr std::size_t threads = 4, calls = 10;
    std::vector<std::vector<float>> together(threads * calls);
    {
        std::vector<std::jthread> workers;  // joined before what they write goes
        for (std::size_t t = 0; t < threads; ++t)
            workers.emplace_back([&, t] {
                for (std::size_t c = 0; c < calls; ++c) together[t * calls + c] = all((t + c) % calls);
            });
    }
    for (std::size_t call = 0; call < calls; ++call) {
        const auto alone = all(call);
        for (std::size_t t = 0; t < threads; ++t)
            CHECK(together[t * calls + (call + calls - t) % calls] == alone);
    }
}

}  // namespace family_of_views_tests
