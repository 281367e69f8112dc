#include <imle/layer/imle_layer.hpp>

#include <functional>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/loss_gradient_target.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

using namespace fixtures;
using imle::difference;
using imle::imle_layer;
using imle::perturbation_target;
using imle::random_key;

namespace {

using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<float, 3, Eigen::RowMajor>;

// The definition, written down without any of the layer's machinery: mean over s of z - MAP(theta' + T eps),
// one instance, forward or central, on the cube.
std::vector<double> naive_gradient(const std::vector<double>& theta, const std::vector<double>& dz,
                                   random_key key, std::uint64_t first_element, Eigen::Index samples,
                                   double input_temperature, double target_temperature,
                                   const perturbation_target& target, bool central) {
    const std::size_t n = theta.size();
    std::vector<double> gradient(n, 0.0);
    for (Eigen::Index s = 0; s < samples; ++s)
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint64_t element = first_element + static_cast<std::uint64_t>(s) * n + i;
            const double eps = hashed(key, element);
            const double cotangent = dz[static_cast<std::size_t>(s) * n + i];
            const auto z_at = [&](double parameter) { return parameter > 0 ? 1.0 : 0.0; };
            const double low =
                z_at(target.alpha * theta[i] - target.beta * cotangent + target_temperature * eps);
            const double high =
                central ? z_at(target.alpha * theta[i] + target.beta * cotangent + target_temperature * eps)
                        : z_at(theta[i] + input_temperature * eps);
            gradient[i] += (high - low) / (central ? 2 : 1);
        }
    const double divisor = target.scale_gradient && target.beta != 0 ? target.beta : 1;
    for (double& g : gradient) g /= static_cast<double>(samples) * divisor;
    return gradient;
}

// z = c, for a solver that minimises.
struct minimal_identity {
    static constexpr imle::sense sense = imle::sense::minimize;
    void operator()(const Eigen::TensorMap<const Eigen::Tensor<float, 1, Eigen::RowMajor>>& cost,
                    Eigen::TensorMap<Eigen::Tensor<float, 1, Eigen::RowMajor>>& z) const {
        std::copy_n(cost.data(), cost.size(), z.data());
    }
};

// Runs its items one after another, the last first.
struct backwards {
    std::shared_ptr<int> calls = std::make_shared<int>(0);
    template <class F>
    void parallel_for(std::size_t n, F&& f) {
        for (std::size_t i = n; i-- > 0;) f(i);
        ++*calls;
    }
};

}  // namespace

TEMPLATE_TEST_CASE("imle_layer: noise element ((first + b) * S + s) * n + i perturbs coordinate i", "[layer]",
                   (scalar_and_layout<float, Eigen::RowMajor>), (scalar_and_layout<float, Eigen::ColMajor>),
                   (scalar_and_layout<double, Eigen::RowMajor>),
                   (scalar_and_layout<double, Eigen::ColMajor>)) {
    using Scalar = typename TestType::scalar;
    constexpr int layout = TestType::layout;
    constexpr bool row_major = layout == Eigen::RowMajor;
    const random_key key{7};
    const double temperature = 0.5;

    const auto check = [&](auto rank, Eigen::Index batch, Eigen::Index samples, std::uint64_t first) {
        constexpr int instance_rank = decltype(rank)::value;
        using tensor = Eigen::Tensor<Scalar, instance_rank + 1, layout>;
        typename tensor::Dimensions dimensions;
        std::uint64_t n = 1;
        for (std::size_t i = 0; i < instance_rank; ++i) {
            dimensions[i + (row_major ? 1 : 0)] = static_cast<Eigen::Index>(i) + 2;
            n *= i + 2;
        }
        dimensions[row_major ? 0 : instance_rank] = batch;
        const tensor theta = numbers<tensor>(dimensions, 3);
        const auto S = static_cast<std::uint64_t>(samples);
        const hashed_noise noise{(first + static_cast<std::uint64_t>(batch)) * S * n};
        imle_layer layer{identity_solver,
                         noise,
                         perturbation_target{},
                         {.samples = samples, .input_temperature = temperature}};
        const auto pass = layer.forward(theta, key, first);

        // [batch, sample, instance...] or [instance..., sample, batch]
        CHECK(pass.samples().dimension(row_major ? 0 : instance_rank + 1) == batch);
        CHECK(pass.samples().dimension(row_major ? 1 : instance_rank) == samples);
        CHECK(pass.sample_count() == samples);
        support::tally wrong;
        for (std::uint64_t b = 0; b < static_cast<std::uint64_t>(batch); ++b)
            for (std::uint64_t s = 0; s < S; ++s)
                for (std::uint64_t i = 0; i < n; ++i) {
                    const Scalar expected =
                        theta.data()[b * n + i] +
                        static_cast<Scalar>(temperature * hashed(key, ((first + b) * S + s) * n + i));
                    const Scalar found = pass.samples().data()[(b * S + s) * n + i];
                    wrong.expect(std::abs(found - expected) <= Scalar(1e-6), "instance ", b, ", sample ", s,
                                 ", element ", i, ": ", found, ", not ", expected);
                }
        CHECK(wrong == 0);
    };
    for (const Eigen::Index samples : {1, 3, 17, 100}) {
        check(std::integral_constant<int, 1>{}, 5, samples, 0);
        // Neither scalar nor layout is treated differently at another rank: half of the pairs will do.
        if constexpr (row_major == std::is_same_v<Scalar, double>)
            check(std::integral_constant<int, 2>{}, 3, samples, 1000);
        else
            check(std::integral_constant<int, 3>{}, 2, samples, std::uint64_t{1} << 40);
    }
}

TEST_CASE("imle_layer: the gradient is the definition's, for all settings", "[layer]") {
    const Eigen::Index n = 9;
    const random_key key{11};
    support::tally wrong;
    int compared = 0;
    for (const Eigen::Index batch : {1, 4})
        for (const Eigen::Index samples : {1, 5, 40})
            for (const bool central : {false, true})
                for (const double alpha : {0.0, 1.0, 0.5})
                    for (const double beta : {0.0, 0.75, 3.0})
                        for (const bool scale : {false, true})
                            for (const auto& [t_in, t_tgt] : {std::pair{0.0, 0.0}, std::pair{1.0, 1.0},
                                                              std::pair{0.5, 0.0}, std::pair{0.0, 2.0}}) {
                                const perturbation_target target{
                                    .alpha = alpha, .beta = beta, .scale_gradient = scale};
                                imle_layer layer{
                                    cube_solver,
                                    hashed_noise{},
                                    target,
                                    {.samples = samples,
                                     .input_temperature = t_in,
                                     .target_temperature = t_tgt,
                                     .difference = central ? difference::central : difference::forward}};
                                using tensor = Eigen::Tensor<double, 2, Eigen::RowMajor>;
                                using cotangents = Eigen::Tensor<double, 3, Eigen::RowMajor>;
                                const tensor theta = numbers<tensor>({batch, n}, 1);
                                const cotangents dz = numbers<cotangents>({batch, samples, n}, 2);
                                const auto pass = layer.forward(theta, key, 3);
                                const tensor gradient = layer.vjp(pass, dz);

                                for (Eigen::Index b = 0; b < batch; ++b) {
                                    const std::vector<double> one_theta(theta.data() + b * n,
                                                                        theta.data() + (b + 1) * n);
                                    const std::vector<double> one_dz(dz.data() + b * samples * n,
                                                                     dz.data() + (b + 1) * samples * n);
                                    const auto expected =
                                        naive_gradient(one_theta, one_dz, key,
                                                       static_cast<std::uint64_t>((3 + b) * samples * n),
                                                       samples, t_in, t_tgt, target, central);
                                    for (std::size_t i = 0; i < expected.size(); ++i) {
                                        const double found = gradient(b, static_cast<Eigen::Index>(i));
                                        wrong.expect(std::abs(expected[i] - found) <= 1e-14, batch, " x ",
                                                     samples, (central ? ", central" : ", forward"),
                                                     ", alpha ", alpha, ", beta ", beta, ", scaled ", scale,
                                                     ", temperatures ", t_in, " and ", t_tgt, ", instance ",
                                                     b, ", element ", i, ": ", found, ", not ", expected[i]);
                                    }
                                }
                                ++compared;
                            }
    CHECK(wrong == 0);
    CHECK(compared == 2 * 3 * 2 * 3 * 3 * 2 * 4);
}

TEST_CASE("imle_layer: a cotangent of theta's shape goes to each sample", "[layer]") {
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{.beta = 2}, {.samples = 23}};
    const matrix theta = numbers<matrix>({4, 6}, 1);
    const matrix dmu = numbers<matrix>({4, 6}, 2);
    cube dz(4, 23, 6);
    for (Eigen::Index b = 0; b < 4; ++b)
        for (Eigen::Index s = 0; s < 23; ++s)
            for (Eigen::Index i = 0; i < 6; ++i) dz(b, s, i) = dmu(b, i);
    const auto pass = layer.forward(theta, random_key{5});
    CHECK(same_bits(layer.vjp(pass, dmu), layer.vjp(pass, dz)));
}

TEST_CASE("imle_layer: bits do not depend on threads or shards", "[layer]") {
    // Sample counts on both sides of every change of plan, and batches that leave a remainder.
    for (const Eigen::Index samples : {1, 7, 16, 17, 100, 700})
        for (const auto kind : {difference::forward, difference::central}) {
            const Eigen::Index batch = samples > 100 ? 3 : 37;
            const imle::layer_options options{.samples = samples, .difference = kind};
            const matrix theta = numbers<matrix>({batch, 5}, 1);
            const matrix dmu = numbers<matrix>({batch, 5}, 2);
            const cube dz = numbers<cube>({batch, samples, 5}, 3);
            const random_key key{9};
            const auto layer_with = [&](int threads) {
                auto with = options;
                with.threads = threads;
                return imle_layer{cube_solver, hashed_noise{}, perturbation_target{.beta = 1.5}, with,
                                  eager_threads()};
            };
            auto one = layer_with(1);
            const auto pass = one.forward(theta, key);
            const auto mean = one.marginals(theta, key);
            const matrix per_sample = one.vjp(pass, dz);
            const matrix from_mean = one.vjp(mean, dmu);
            CAPTURE(samples, kind == difference::central);
            CHECK(same_bits(mean.marginals(), pass.marginals()));

            for (const int threads : {2, 3, 0}) {
                auto many = layer_with(threads);
                CHECK(same_bits(many.forward(theta, key).samples(), pass.samples()));
                CHECK(same_bits(many.marginals(theta, key).marginals(), mean.marginals()));
                CHECK(same_bits(many.vjp(pass, dz), per_sample));
                CHECK(same_bits(many.vjp(mean, dmu), from_mean));
            }
            // Any split of the batch: shards are rows first..last of the whole.
            for (const Eigen::Index cut : {Eigen::Index{1}, batch / 2, batch - 1}) {
                const auto shard = [&](Eigen::Index first, Eigen::Index count) {
                    matrix part(count, 5), part_dmu(count, 5);
                    cube part_dz(count, samples, 5);
                    std::copy_n(theta.data() + first * 5, count * 5, part.data());
                    std::copy_n(dmu.data() + first * 5, count * 5, part_dmu.data());
                    std::copy_n(dz.data() + first * samples * 5, count * samples * 5, part_dz.data());
                    const auto offset = static_cast<std::uint64_t>(first);
                    const auto part_pass = one.forward(part, key, offset);
                    const auto part_mean = one.marginals(part, key, offset);
                    const auto equal = [&](const auto& ours, const auto& whole, Eigen::Index stride) {
                        return std::equal(ours.data(), ours.data() + ours.size(),
                                          whole.data() + first * stride);
                    };
                    CHECK(equal(part_pass.samples(), pass.samples(), samples * 5));
                    CHECK(equal(part_mean.marginals(), mean.marginals(), 5));
                    CHECK(equal(one.vjp(part_pass, part_dz), per_sample, 5));
                    CHECK(equal(one.vjp(part_mean, part_dmu), from_mean, 5));
                };
                shard(0, cut);
                shard(cut, batch - cut);
            }
        }
}

TEST_CASE("imle_layer: a minimising solver on costs is a maximising one on negated costs", "[layer]") {
    for (const auto kind : {difference::forward, difference::central}) {
        const imle::layer_options options{.samples = 12, .difference = kind};
        const matrix theta = numbers<matrix>({4, 9}, 1);
        const matrix cost = -theta;
        const matrix dmu = numbers<matrix>({4, 9}, 2);
        const auto compare = [&](auto target) {
            imle_layer maximal{cube_solver, hashed_noise{}, target, options};
            imle_layer minimal{minimal_cube_solver{}, hashed_noise{}, target, options};
            const auto a = maximal.forward(theta, random_key{3});
            const auto b = minimal.forward(cost, random_key{3});
            CHECK(same_bits(a.samples(), b.samples()));
            const matrix negated = -minimal.vjp(b, dmu);
            CHECK(furthest(maximal.vjp(a, dmu), negated) == 0);  // but for the signs of zeros
            const matrix negated_mean = -minimal.vjp(minimal.marginals(cost, random_key{3}), dmu);
            CHECK(furthest(maximal.vjp(maximal.marginals(theta, random_key{3}), dmu), negated_mean) < 1e-6);
        };
        compare(perturbation_target{.alpha = 0.5, .beta = 1.5});
        compare(imle::loss_gradient_target{});
        compare(imle::adaptive_target{});
    }
}

TEST_CASE("imle_layer: a minimising layer perturbs c - T * eps", "[layer]") {
    imle_layer layer{minimal_identity{}, hashed_noise{}, perturbation_target{}, {.input_temperature = 2}};
    const matrix cost = numbers<matrix>({1, 4}, 1);
    const auto pass = layer.forward(cost, random_key{1});
    for (Eigen::Index i = 0; i < 4; ++i)
        CHECK(pass.samples()(0, 0, i) ==
              Approx(cost(0, i) - 2 * hashed(random_key{1}, static_cast<std::uint64_t>(i))).margin(1e-6));
}

TEST_CASE("imle_layer: Hamming loss, loss_gradient_target and no target noise give marginals - y",
          "[layer]") {
    imle_layer layer{
        cube_solver, hashed_noise{}, imle::loss_gradient_target{}, {.samples = 20, .target_temperature = 0}};
    const matrix theta = numbers<matrix>({5, 6}, 1);
    matrix y(5, 6), dmu(5, 6), expected(5, 6);
    for (Eigen::Index i = 0; i < y.size(); ++i) y.data()[i] = (i * 7) % 3 == 0 ? 1.f : 0.f;
    dmu = 1.f - 2.f * y;
    const auto pass = layer.forward(theta, random_key{4});
    expected = pass.marginals() - y;
    CHECK(furthest(layer.vjp(pass, dmu), expected) < 1e-6);
}

TEST_CASE("imle_layer: theta may be any kind of tensor", "[layer]") {
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 3}};
    const cube theta = numbers<cube>({4, 2, 3}, 1);
    const random_key key{6};
    const auto expected = layer.forward(theta, key);
    const cube dmu = numbers<cube>({4, 2, 3}, 2);
    const cube gradient = layer.vjp(expected, dmu);

    cube writable = theta;
    const Eigen::TensorMap<cube> map(writable.data(), 4, 2, 3);
    CHECK(same_bits(layer.forward(map, key).samples(), expected.samples()));
    const Eigen::TensorMap<const cube> const_map(theta.data(), 4, 2, 3);
    CHECK(same_bits(layer.forward(const_map, key).samples(), expected.samples()));

    Eigen::TensorFixedSize<float, Eigen::Sizes<4, 2, 3>, Eigen::RowMajor> fixed;
    std::copy_n(theta.data(), theta.size(), fixed.data());
    CHECK(same_bits(layer.forward(fixed, key).samples(), expected.samples()));
    CHECK(same_bits(layer.marginals(fixed, key).marginals(), expected.marginals()));
    Eigen::TensorFixedSize<float, Eigen::Sizes<4, 2, 3>, Eigen::RowMajor> fixed_dmu;
    std::copy_n(dmu.data(), dmu.size(), fixed_dmu.data());
    CHECK(same_bits(layer.vjp(expected, fixed_dmu), gradient));

    Eigen::Tensor<float, 3, Eigen::RowMajor, int> int_indexed(4, 2, 3);
    std::copy_n(theta.data(), theta.size(), int_indexed.data());
    CHECK(same_bits(layer.forward(int_indexed, key).samples(), expected.samples()));

    const Eigen::Matrix<float, 4, 6, Eigen::RowMajor> rows =
        Eigen::Map<const Eigen::Matrix<float, 4, 6, Eigen::RowMajor>>(theta.data());
    CHECK(same_bits(layer.forward(imle::as_tensor(rows), key).samples(), expected.samples()));
    const Eigen::ArrayXXf columns = Eigen::Map<const Eigen::ArrayXXf>(theta.data(), 6, 4);
    CHECK(same_bits(layer.forward(imle::as_tensor(columns), key).samples(), expected.samples()));
}

TEST_CASE("imle_layer: an empty batch gives empty results", "[layer]") {
    imle_layer layer{cube_solver, hashed_noise{}, imle::adaptive_target{}, {.samples = 3}};
    const matrix theta(0, 4);
    const auto pass = layer.forward(theta, random_key{});
    CHECK(pass.samples().size() == 0);
    CHECK(pass.samples().dimension(2) == 4);
    CHECK(pass.marginals().size() == 0);
    CHECK(layer.marginals(theta, random_key{}).marginals().size() == 0);
    CHECK(layer.vjp(pass, matrix(0, 4)).size() == 0);
    CHECK(layer.target().state() == imle::adaptive_target{}.state());
}

TEST_CASE("imle_layer: copies are independent, moves keep everything", "[layer]") {
    imle_layer layer{cube_solver,
                     hashed_noise{},
                     imle::adaptive_target{{.beta_step = 0.1}},
                     {.samples = 4, .threads = 2},
                     eager_threads()};
    const matrix theta = numbers<matrix>({3, 7}, 1);
    const auto pass = layer.forward(theta, random_key{2});
    auto copy = layer;
    const matrix expected = copy.vjp(pass, theta);
    CHECK(copy.target().state().beta != 1.0);
    CHECK(layer.target().state().beta == 1.0);
    auto moved = std::move(layer);
    CHECK(same_bits(moved.vjp(pass, theta), expected));
    copy = moved;
    CHECK(copy.target().state() == moved.target().state());
    CHECK(same_bits(copy.vjp(pass, theta), moved.vjp(pass, theta)));
}

TEST_CASE("imle_layer: shards with added sums give what the whole batch gives", "[layer]") {
    const matrix theta = numbers<matrix>({6, 5}, 1);
    const cube dz = numbers<cube>({6, 4, 5}, 2);
    imle_layer whole{cube_solver, hashed_noise{}, imle::adaptive_target{{.beta_step = 0.1}}, {.samples = 4}};
    auto shards = whole;
    const auto pass = whole.forward(theta, random_key{1});
    const matrix expected = whole.vjp(pass, dz);

    const auto part_of = [&](const auto& tensor, Eigen::Index first, Eigen::Index count) {
        auto dimensions = tensor.dimensions();
        dimensions[0] = count;
        std::remove_cvref_t<decltype(tensor)> part(dimensions);
        std::copy_n(tensor.data() + first * tensor.size() / 6, part.size(), part.data());
        return part;
    };
    const auto first_pass = shards.forward(part_of(theta, 0, 2), random_key{1}, 0);
    const auto second_pass = shards.forward(part_of(theta, 2, 4), random_key{1}, 2);
    const auto total =
        shards.sums(first_pass, part_of(dz, 0, 2)) + shards.sums(second_pass, part_of(dz, 2, 4));
    const auto [first_gradient, first_counts] = shards.vjp_shard(first_pass, part_of(dz, 0, 2), total);
    const auto [second_gradient, second_counts] = shards.vjp_shard(second_pass, part_of(dz, 2, 4), total);
    CHECK(shards.target().state().beta == 1.0);
    shards.target().update(first_counts + second_counts);
    CHECK(shards.target().state() == whole.target().state());
    CHECK(furthest(first_gradient, part_of(expected, 0, 2)) < 1e-5);
    CHECK(furthest(second_gradient, part_of(expected, 2, 4)) < 1e-5);

    // By the chain rule likewise: S times the cotangent, in the sums too.
    const matrix pulled = whole.pull_back(pass, dz);
    const auto chain_total = shards.pull_back_sums(first_pass, part_of(dz, 0, 2)) +
                             shards.pull_back_sums(second_pass, part_of(dz, 2, 4));
    CHECK(chain_total.dz_rms() == Approx(4 * total.dz_rms()));
    const auto [first_pulled, third_counts] =
        shards.pull_back_shard(first_pass, part_of(dz, 0, 2), chain_total);
    const auto [second_pulled, fourth_counts] =
        shards.pull_back_shard(second_pass, part_of(dz, 2, 4), chain_total);
    shards.target().update(third_counts + fourth_counts);
    CHECK(shards.target().state() == whole.target().state());
    CHECK(furthest(first_pulled, part_of(pulled, 0, 2)) < 1e-5);
    CHECK(furthest(second_pulled, part_of(pulled, 2, 4)) < 1e-5);
}

TEST_CASE("imle_layer: a caller's executor does the work", "[layer]") {
    const backwards executor;
    imle_layer layer{
        cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 30, .threads = 3}, executor};
    imle_layer plain{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 30}};
    const matrix theta = numbers<matrix>({9, 5}, 1);
    CHECK(same_bits(layer.forward(theta, random_key{1}).samples(),
                    plain.forward(theta, random_key{1}).samples()));
    CHECK(*executor.calls == 1);
}

TEST_CASE("imle_layer: instances larger than what stays in cache", "[layer]") {
    // Twice the numbers that a piece has room for.
    const Eigen::Index n = Eigen::Index{1} << 16, batch = 5;
    imle_layer layer{cube_solver,
                     hashed_noise{},
                     perturbation_target{.beta = 2},
                     {.samples = 2, .threads = 2},
                     eager_threads()};
    const matrix theta = numbers<matrix>({batch, n}, 1);
    const random_key key{3};
    const auto pass = layer.forward(theta, key);
    CHECK(same_bits(layer.marginals(theta, key).marginals(), pass.marginals()));
    const matrix gradient = layer.vjp(pass, theta);
    for (const Eigen::Index b : {Eigen::Index{0}, batch - 1}) {
        matrix row(1, n);
        std::copy_n(theta.data() + b * n, n, row.data());
        const matrix alone = layer.vjp(layer.forward(row, key, static_cast<std::uint64_t>(b)), row);
        CHECK(std::equal(alone.data(), alone.data() + n, gradient.data() + b * n));
    }
}

TEST_CASE("imle_layer: results written into the caller's tensors equal the returned ones", "[layer]") {
    const matrix theta = numbers<matrix>({4, 6}, 3), dz = numbers<matrix>({4, 6}, 4);
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{.beta = 2}, {.samples = 3}};
    // From a pass of another shape, with a key and a place of its own.
    auto pass = layer.forward(numbers<matrix>({2, 5}, 9), random_key{99}, 77);
    auto mean = layer.marginals(numbers<matrix>({2, 5}, 9), random_key{99}, 77);
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{12}}) {
        const random_key key = random_key{1}.fold_in(first);
        layer.forward_into(theta, key, pass, first);
        layer.marginals_into(theta, key, mean, first);
        const auto own_pass = layer.forward(theta, key, first);
        const auto own_mean = layer.marginals(theta, key, first);
        CHECK(same_bits(pass.samples(), own_pass.samples()));
        CHECK(same_bits(pass.theta(), theta));
        CHECK((pass.key() == key && pass.first_instance() == first && pass.sample_count() == 3));
        CHECK(same_bits(mean.marginals(), own_mean.marginals()));
        CHECK((mean.key() == key && mean.first_instance() == first && mean.sample_count() == 3));

        std::vector<float> memory(24);
        Eigen::TensorMap<matrix> gradient(memory.data(), 4, 6);
        layer.vjp_into(pass, dz, gradient);
        CHECK(same_bits(gradient, layer.vjp(own_pass, dz)));
        layer.vjp_into(mean, dz, Eigen::TensorMap<matrix>(memory.data(), 4, 6));
        CHECK(same_bits(gradient, layer.vjp(own_mean, dz)));
    }
    // theta may be the pass's own.
    layer.forward_into(pass.theta(), random_key{5}, pass);
    CHECK(same_bits(pass.samples(), layer.forward(theta, random_key{5}).samples()));
    matrix wrong(6, 4);
    CHECK_THROWS_WITH(layer.vjp_into(pass, dz, wrong),
                      mentions("gradient is a tensor of shape [6, 4]") && mentions("[4, 6]"));
    CHECK_THROWS_WITH(layer.vjp_into(pass, wrong, wrong), mentions("[6, 4]"));
}

TEST_CASE("imle_layer: a pass that could not be written does not look like a result", "[layer]") {
    const matrix theta = numbers<matrix>({4, 6}, 3);
    bool fails = false;
    imle_layer layer{[&](const auto& given, auto& z) {
                         if (fails) throw std::domain_error("no");
                         cube_solver(given, z);
                     },
                     hashed_noise{},
                     perturbation_target{},
                     {.samples = 2}};
    auto pass = layer.forward(theta, random_key{1});
    auto mean = layer.marginals(theta, random_key{1});
    fails = true;
    CHECK_THROWS_AS(layer.forward_into(theta, random_key{2}, pass), std::domain_error);
    CHECK_THROWS_AS(layer.marginals_into(theta, random_key{2}, mean), std::domain_error);
    for (Eigen::Index i = 0; i < pass.samples().size(); ++i) REQUIRE(std::isnan(pass.samples().data()[i]));
    for (Eigen::Index i = 0; i < mean.marginals().size(); ++i)
        REQUIRE(std::isnan(mean.marginals().data()[i]));
    // An argument that is refused before any solve changes nothing.
    fails = false;
    layer.forward_into(theta, random_key{3}, pass);
    matrix bad = theta;
    bad(1, 1) = std::nanf("");
    CHECK_THROWS_AS(layer.forward_into(bad, random_key{4}, pass), std::invalid_argument);
    CHECK(pass.key() == random_key{3});
    CHECK(same_bits(pass.samples(), layer.forward(theta, random_key{3}).samples()));
}
