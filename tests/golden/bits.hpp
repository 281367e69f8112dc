#pragma once

// Hashes of the bits of what the library computes: of every noise, and of samples, marginals and gradients of
// a layer of each kind. They must be equal on every machine, for every compiler and for every flag that
// docs/reproducibility.md names. Without a test framework, so that a small program can check them anywhere.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <imle/imle.hpp>

namespace support {

/// FNV-1a over the bits of numbers, whatever the order of bytes in memory.
class bit_hash {
  public:
    void add(float x) noexcept { add_word(imle::detail::bit_cast<std::uint32_t>(x)); }
    void add(double x) noexcept { add_word(imle::detail::bit_cast<std::uint64_t>(x)); }
    template <class TensorT>
    void add_all(const TensorT& numbers) noexcept {
        for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(numbers.size()); ++i)
            add(numbers.data()[i]);
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

  private:
    template <class Word>
    void add_word(Word word) noexcept {
        for (std::size_t i = 0; i < sizeof(Word); ++i)
            value_ = (value_ ^ ((word >> (8 * i)) & 255u)) * 0x100000001b3u;
    }

    std::uint64_t value_ = 0xcbf29ce484222325u;
};

/// What was hashed, in float and in double.
struct hashed_bits {
    std::string name;
    std::uint64_t expected[2];
    std::uint64_t found[2];
};

/// Collects hashes: `check(name, float's, double's, hash)` calls hash(Scalar(), into) for both scalars.
class bit_checks {
  public:
    template <class Hash>
    void check(std::string name, std::uint64_t of_float, std::uint64_t of_double, const Hash& hash) {
        bit_hash one, other;
        hash(float(), one);
        hash(double(), other);
        results_.push_back({std::move(name), {of_float, of_double}, {one.value(), other.value()}});
    }
    [[nodiscard]] const std::vector<hashed_bits>& results() const noexcept { return results_; }

  private:
    std::vector<hashed_bits> results_;
};

inline constexpr std::uint64_t bits_seed = 42;

/// A few thousand numbers in one piece, from the middle of a group on.
template <class NoiseT>
void check_noise_bits(bit_checks& checks, const char* name, std::uint64_t of_float, std::uint64_t of_double,
                      const NoiseT& noise) {
    checks.check(name, of_float, of_double, [&]<class Scalar>(Scalar, bit_hash& hash) {
        std::vector<Scalar> numbers(3001);
        noise.fill(imle::random_key{bits_seed}, 5, std::span<Scalar>(numbers));
        hash.add_all(numbers);
    });
}

/// The functions of a law, in double.
template <class LawT>
void check_law_bits(bit_checks& checks, const char* name, std::uint64_t expected, const LawT& law) {
    checks.check(std::string(name) + ", its functions", expected, expected,
                 [&]<class Scalar>(Scalar, bit_hash& hash) {
                     for (const double p : {1e-12, 1e-5, 0.02, 0.3, 0.5, 0.77, 0.999}) {
                         const double x = law.quantile(p);
                         for (const double y : {x, law.survival_quantile(p), law.cdf(x), law.survival(x),
                                                law.pdf(x), law.mean(), law.variance()})
                             hash.add(y);
                     }
                 });
}

/// The larger of two uniform numbers. Its quantiles are square roots, which IEEE 754 rounds correctly: so
/// anyone's law has the same bits everywhere, if its functions have.
struct larger_of_two {
    [[nodiscard]] static double quantile(double u) noexcept { return std::sqrt(u); }
    [[nodiscard]] static double lower_bound() noexcept { return 0; }
};
struct table_noise {
    imle::quantile_table<float> in_float{larger_of_two{}};
    imle::quantile_table<double> in_double{larger_of_two{}};

    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        in_float.fill(key, first, out, 0.3, 1.7);
    }
    void fill(const imle::random_key& key, std::uint64_t first, std::span<double> out) const {
        in_double.fill(key, first, out, 0.3, 1.7);
    }
};

/// Every built-in noise, and the functions of every law.
inline void check_noise_bits(bit_checks& checks) {
#define IMLE_NOISE_BITS(of_float, of_double, ...) \
    check_noise_bits(checks, #__VA_ARGS__, of_float, of_double, __VA_ARGS__)
#define IMLE_LAW_BITS(of_float, of_double, of_functions, ...)                 \
    check_noise_bits(checks, #__VA_ARGS__, of_float, of_double, __VA_ARGS__); \
    check_law_bits(checks, #__VA_ARGS__, of_functions, __VA_ARGS__)
    using namespace imle;
    IMLE_LAW_BITS(0, 0, 0, gumbel{});
    IMLE_LAW_BITS(0, 0, 0, gumbel{0.7, 1.3});
    IMLE_LAW_BITS(0, 0, 0, normal{0.1, 0.9});
    IMLE_LAW_BITS(0, 0, 0, imle::logistic{});
    IMLE_LAW_BITS(0, 0, 0, laplace{0.2, 3});
    IMLE_LAW_BITS(0, 0, 0, exponential{0.7});
    IMLE_LAW_BITS(0, 0, 0, uniform{-0.3, 1.1});
    IMLE_LAW_BITS(0, 0, 0, imle::gamma{0.001, 1.3});
    IMLE_LAW_BITS(0, 0, 0, imle::gamma{0.3, 1});
    IMLE_LAW_BITS(0, 0, 0, imle::gamma{3, 1});
    IMLE_LAW_BITS(0, 0, 0, imle::gamma{100, 0.01});
    IMLE_LAW_BITS(0, 0, 0, imle::gamma{1e4, 1});
    IMLE_LAW_BITS(0, 0, 0, sum_of_gamma{5, 10});
    IMLE_LAW_BITS(0, 0, 0, sum_of_gamma{30, 50});
    IMLE_LAW_BITS(0, 0, 0, sum_of_gamma{30, 1});
    IMLE_LAW_BITS(0, 0, 0, sum_of_gamma{0.5, 1000});
    IMLE_LAW_BITS(0, 0, 0, sum_of_gamma::exact(5));
    IMLE_NOISE_BITS(0, 0, sum_of_gamma_series{5, 10});
    IMLE_NOISE_BITS(0, 0, gamma_sampler{0.05});
    IMLE_NOISE_BITS(0, 0, gamma_sampler{0.99, 0.3});
    IMLE_NOISE_BITS(0, 0, gamma_sampler{3.3});
    IMLE_NOISE_BITS(0, 0, gamma_sampler{400});
    IMLE_NOISE_BITS(0, 0, multiplicative{});
    IMLE_NOISE_BITS(0, 0, table_noise{});
#undef IMLE_NOISE_BITS
#undef IMLE_LAW_BITS
}

/// Numbers with the same bits everywhere, of normal law.
template <class Scalar, int Rank>
[[nodiscard]] Eigen::Tensor<Scalar, Rank, Eigen::RowMajor> normal_tensor(
    std::uint64_t key, const Eigen::DSizes<Eigen::Index, Rank>& shape) {
    Eigen::Tensor<Scalar, Rank, Eigen::RowMajor> numbers(shape);
    imle::normal{}.fill(imle::random_key{key}, 0,
                        std::span<Scalar>(numbers.data(), static_cast<std::size_t>(numbers.size())));
    return numbers;
}

/// Samples, marginals and gradients of a layer for three instances: by forward and vjp, and by
/// value_and_pullback.
template <int Rank, class Layer>
void check_layer_bits(bit_checks& checks, const char* name, std::uint64_t of_float, std::uint64_t of_double,
                      const Layer& layer, const Eigen::DSizes<Eigen::Index, Rank>& shape) {
    checks.check(name, of_float, of_double, [&]<class Scalar>(Scalar, bit_hash& hash) {
        const auto theta = normal_tensor<Scalar, Rank>(1, shape);
        const auto slope = normal_tensor<Scalar, Rank>(2, shape);
        const imle::random_key key{bits_seed};
        Layer own = layer;  // some targets learn
        const auto pass = own.forward(theta, key);
        hash.add_all(pass.samples());
        hash.add_all(pass.marginals());
        hash.add_all(own.vjp(pass, slope));
        const auto [value, pull_back] = own.value_and_pullback(theta, key.fold_in(1));
        hash.add_all(value);
        hash.add_all(pull_back(value));
    });
}

/// A layer of each solver.
inline void check_solver_bits(bit_checks& checks) {
    using namespace imle;
    using line = Eigen::DSizes<Eigen::Index, 2>;
    using plane = Eigen::DSizes<Eigen::Index, 3>;
    const auto layer = [](auto solver) {
        return imle_layer{std::move(solver), gumbel{}, perturbation_target{.alpha = 0.9, .beta = 0.8},
                          layer_options{.samples = 7, .input_temperature = 0.7, .target_temperature = 1.1}};
    };
    const auto graph = grid_graph(4, 4);
    const auto edges = static_cast<Eigen::Index>(graph.edges().size());
    const std::vector<double> weights{3, 4, 2, 5, 3, 6, 1, 4};
#define IMLE_SOLVER_BITS(of_float, of_double, shape, ...) \
    check_layer_bits(checks, #__VA_ARGS__, of_float, of_double, layer(__VA_ARGS__), shape)
    IMLE_SOLVER_BITS(0, 0, (line{3, 9}), top_k{3});
    IMLE_SOLVER_BITS(0, 0, (line{3, 9}), categorical{});
    IMLE_SOLVER_BITS(0, 0, (line{3, 9}), ranking{});
    IMLE_SOLVER_BITS(0, 0, (plane{3, 4, 5}), k_of_groups{2});
    IMLE_SOLVER_BITS(0, 0, (plane{3, 5, 5}), assignment{});
    IMLE_SOLVER_BITS(0, 0, (plane{3, 6, 6}), grid_shortest_path{});
    IMLE_SOLVER_BITS(0, 0, (plane{3, 6, 6}), travelling_salesman{});
    IMLE_SOLVER_BITS(0, 0, (line{3, 435}), tour_search{});
    IMLE_SOLVER_BITS(0, 0, (line{3, edges}), shortest_path(graph, 0, 15));
    IMLE_SOLVER_BITS(0, 0, (line{3, edges}), shortest_paths(graph, {{0, 15}, {3, 12}, {5, 2}}));
    IMLE_SOLVER_BITS(0, 0, (line{3, edges}),
                     all_or_nothing(graph, std::vector<demand>{{0, 15, 2}, {3, 9, 1.5}}));
    IMLE_SOLVER_BITS(0, 0, (line{3, 10}), spanning_tree(5, complete_graph_edges(5)));
    IMLE_SOLVER_BITS(0, 0, (line{3, 8}), knapsack(weights, 11.0));
#undef IMLE_SOLVER_BITS
}

/// A layer of each target, noise that multiplies, and of each estimator; losses.
inline void check_estimator_bits(bit_checks& checks) {
    using namespace imle;
    using line = Eigen::DSizes<Eigen::Index, 2>;
    const line shape{3, 9};
    const layer_options seven{.samples = 7};
#define IMLE_LAYER_BITS(of_float, of_double, ...) \
    check_layer_bits(checks, #__VA_ARGS__, of_float, of_double, __VA_ARGS__, shape)
    IMLE_LAYER_BITS(
        0, 0, imle_layer{top_k{3}, sum_of_gamma{3, 10}, perturbation_target{.scale_gradient = true}, seven});
    IMLE_LAYER_BITS(0, 0, imle_layer{top_k{3}, gumbel{}, adaptive_target{{.target_norm = 2}}, seven});
    IMLE_LAYER_BITS(0, 0,
                    imle_layer{top_k{3}, gumbel{},
                               instance_adaptive_target{adaptive_target_options{.target_norm = 2}}, seven});
    IMLE_LAYER_BITS(0, 0, imle_layer{top_k{3}, gumbel{}, loss_gradient_target{}, seven});
    IMLE_LAYER_BITS(0, 0, imle_layer{top_k{3}, multiplicative{}, perturbation_target{}, seven});
    IMLE_LAYER_BITS(0, 0, straight_through_layer{top_k{3}, gumbel{}, {.samples = 7}});
    IMLE_LAYER_BITS(0, 0, perturbed_layer{top_k{3}, normal{}, {.samples = 33, .temperature = 0.7}});
    IMLE_LAYER_BITS(0, 0, perturbed_layer{top_k{3}, multiplicative{}, {.samples = 9}});
    IMLE_LAYER_BITS(0, 0, negative_identity_layer{top_k{3}, {.projection = projection::standardize}});
    IMLE_LAYER_BITS(0, 0, exact_layer{k_subset_family{3}, {.samples = 6}});
    IMLE_LAYER_BITS(0, 0, exact_layer{softmax_family{}, {.samples = 6}});
    IMLE_LAYER_BITS(0, 0, score_function_layer{k_subset_family{3}, {.samples = 6}});
#undef IMLE_LAYER_BITS
    const auto loss = [&](const char* name, std::uint64_t of_float, std::uint64_t of_double,
                          auto&& value_of) {
        checks.check(name, of_float, of_double, [&]<class Scalar>(Scalar, bit_hash& hash) {
            const auto theta = normal_tensor<Scalar, 2>(1, shape),
                       wanted = normal_tensor<Scalar, 2>(2, shape);
            const Eigen::Tensor<Scalar, 2, Eigen::RowMajor> y = solve_all(top_k{3}, wanted);
            value_of(theta, wanted, y, hash);
        });
    };
    loss("fenchel_young_loss", 0, 0, [](const auto& theta, const auto&, const auto& y, bit_hash& hash) {
        const auto result =
            fenchel_young_loss{top_k{3}, normal{}, {.samples = 20}}(theta, y, random_key{bits_seed});
        hash.add_all(result.values);
        hash.add_all(result.gradient);
    });
    loss("spo_plus_loss", 0, 0, [](const auto& theta, const auto& truth, const auto&, bit_hash& hash) {
        const auto result = spo_plus_loss{top_k{3}}(theta, truth);
        hash.add_all(result.values);
        hash.add_all(result.gradient);
        hash.add_all(regret(top_k{3}, theta, truth));
    });
    loss("hamming_loss", 0, 0, [](const auto& theta, const auto&, const auto& y, bit_hash& hash) {
        hash.add_all(hamming_loss(theta, y));
    });
}

/// All of it.
[[nodiscard]] inline std::vector<hashed_bits> hashed_bits_of_everything() {
    bit_checks checks;
    check_noise_bits(checks);
    check_solver_bits(checks);
    check_estimator_bits(checks);
    return checks.results();
}

}  // namespace support
