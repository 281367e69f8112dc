#pragma once

// Hashes of the bits of what the library computes: of every noise, and of samples, marginals and gradients of
// a layer of each kind. They must be equal on every machine, for every compiler and for every flag that
// docs/reproducibility.md names. Without a test framework, so that a small program can check them anywhere.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
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

/// What was hashed.
struct hashed_bits {
    std::string name;
    std::uint64_t expected;
    std::uint64_t found;
};

/// Collects hashes: `hash(Scalar(), into)` is called for float and double.
class bit_checks {
  public:
    template <class Hash>
    void check(const std::string& name, std::uint64_t of_float, std::uint64_t of_double, const Hash& hash) {
        add<float>(name + ", float", of_float, hash);
        add<double>(name + ", double", of_double, hash);
    }
    template <class Scalar, class Hash>
    void add(std::string name, std::uint64_t expected, const Hash& hash) {
        bit_hash found;
        hash(Scalar(), found);
        results_.push_back({std::move(name), expected, found.value()});
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
    checks.add<double>(std::string(name) + ", its functions", expected, [&](double, bit_hash& hash) {
        for (const double p : {1e-12, 1e-5, 0.02, 0.3, 0.5, 0.77, 0.999}) {
            const double x = law.quantile(p);
            for (const double y : {x, law.survival_quantile(p), law.cdf(x), law.survival(x), law.pdf(x),
                                   law.mean(), law.variance()})
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
    IMLE_LAW_BITS(0x51d6c141b2110aaa, 0x4f5b5d03c4a4789d, 0xccd8f271ef6cbcae, gumbel{});
    IMLE_LAW_BITS(0xac9c3415bb7dcd42, 0xa0fc636b039bd36d, 0x4828be018fabb5d7, gumbel{0.7, 1.3});
    IMLE_LAW_BITS(0x0d8134c48932f70e, 0x5521a99d02412ed8, 0x7ea76067e81557c2, normal{0.1, 0.9});
    IMLE_LAW_BITS(0x0abea5f8c7a6b468, 0x4e210c61cbe30d79, 0x063884fd5a796a76, imle::logistic{});
    IMLE_LAW_BITS(0x1bd25ed028eb3ce3, 0xdd752c0f66dc44de, 0x5bc6a986ee459160, laplace{0.2, 3});
    IMLE_LAW_BITS(0xa5d6111abbea7458, 0x0fbbdaa1e2b3e79f, 0x525ae9d7dbce9a5c, exponential{0.7});
    IMLE_LAW_BITS(0x91f43b82bc6cd2e3, 0x0054fe1d59022bab, 0x5a29e7285be1c67a, uniform{-0.3, 1.1});
    IMLE_LAW_BITS(0x65ba8bcaece23819, 0xf065ab1610f93ec2, 0x64f6927d6d471c58, imle::gamma{0.001, 1.3});
    IMLE_LAW_BITS(0x7194472e44ed9d70, 0xfac0162f015e9667, 0x22a06117e7873811, imle::gamma{0.3, 1});
    IMLE_LAW_BITS(0x1650a4a31b3bc0f8, 0x9bea00202ac86300, 0x6a13fdeceac82f7a, imle::gamma{3, 1});
    IMLE_LAW_BITS(0x0405e20ce904442c, 0xaf90dda5615920f3, 0xd5660c93eae2ab90, imle::gamma{100, 0.01});
    IMLE_LAW_BITS(0x12418d0d43cad0a8, 0xd927ddf1a08eab88, 0xffb676c4fbcbe3fb, imle::gamma{1e4, 1});
    IMLE_LAW_BITS(0xe178c38038269185, 0x922a7aaffbbeff8d, 0xeed9187c02f583e5, sum_of_gamma{5, 10});
    IMLE_LAW_BITS(0xc522d7e1d9145599, 0xdab62fd18cbad3e5, 0x21395bbdb4238afc, sum_of_gamma{30, 50});
    IMLE_LAW_BITS(0x8259643a808da520, 0xc7d0c944d9a38536, 0x984bbebe2db29ce0, sum_of_gamma{30, 1});
    IMLE_LAW_BITS(0x21259094e577cac1, 0xf9f2b686e4f1664a, 0xa4e67c2d8fa1ff1b, sum_of_gamma{0.5, 1000});
    IMLE_LAW_BITS(0x7c886db1ddc72d8a, 0x0d575ce0d1efccea, 0x804af72a19bf1668, sum_of_gamma::exact(5));
    IMLE_NOISE_BITS(0xc8015ca9c3122297, 0xc2e82f040792cb53, sum_of_gamma_series{5, 10});
    IMLE_NOISE_BITS(0x900739681acab25c, 0xb9906954873a21ce, gamma_sampler{0.05});
    IMLE_NOISE_BITS(0x6cce6ee7f756e3e9, 0xffc575ed44d7d8a1, gamma_sampler{0.99, 0.3});
    IMLE_NOISE_BITS(0x893c3989c972dd7c, 0x123d0c43ddbe671e, gamma_sampler{3.3});
    IMLE_NOISE_BITS(0x3ab5d017869fb8a0, 0x6e8f9c26e1d810c2, gamma_sampler{400});
    IMLE_NOISE_BITS(0x676d6f7bf5fb3915, 0xaf9bec01c1ca35ef, multiplicative{});
    IMLE_NOISE_BITS(0xadf6769e4c814129, 0x2630c0043b567238, table_noise{});
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

// Layers have parts of one type, which hold any solver and any noise: a layer takes a second to compile, and
// every system compiles this file.

/// Any solver of instances of this rank.
template <class Scalar, int Rank>
class any_solver {
    using theta_view = imle::const_view<Scalar, Rank, Eigen::RowMajor>;
    using z_view = imle::mutable_view<Scalar, Rank, Eigen::RowMajor>;
    using thetas_view = imle::const_view<Scalar, Rank + 1, Eigen::RowMajor>;
    using zs_view = imle::mutable_view<Scalar, Rank + 1, Eigen::RowMajor>;

  public:
    template <class SolverT>
    explicit any_solver(SolverT solver)
        : solve_([solver](const thetas_view& thetas, zs_view& zs,
                          std::span<const imle::solve_context> contexts) mutable {
              static_assert(imle::sense_of<SolverT> == imle::sense::maximize);
              if constexpr (imle::detail::solves_batches_with_context<SolverT, Scalar, Rank,
                                                                      Eigen::RowMajor>) {
                  return imle::detail::status_of([&] { return solver.solve_batch(thetas, zs, contexts); });
              } else {
                  static_assert(!imle::BatchSolver<SolverT, Scalar, Rank, Eigen::RowMajor>);
                  Eigen::DSizes<Eigen::Index, Rank> instance;
                  std::copy_n(thetas.dimensions().begin() + 1, Rank, instance.begin());
                  for (std::size_t j = 0; j < contexts.size(); ++j) {
                      const auto at = static_cast<Eigen::Index>(j) * instance.TotalSize();
                      theta_view theta(thetas.data() + at, instance);
                      z_view z(zs.data() + at, instance);
                      const auto status = imle::detail::solve_one<Scalar, Rank, Eigen::RowMajor>(
                          solver, theta, z, contexts[j]);
                      if (!imle::has_answer(status)) return status;
                  }
                  return imle::solve_status::solved;
              }
          }) {}

    imle::solve_status operator()(const theta_view& theta, z_view& z, const imle::solve_context& context) {
        Eigen::DSizes<Eigen::Index, Rank + 1> one;
        one[0] = 1;
        std::copy_n(theta.dimensions().begin(), Rank, one.begin() + 1);
        zs_view zs(z.data(), one);
        return solve_(thetas_view(theta.data(), one), zs, {&context, 1});
    }
    imle::solve_status solve_batch(const thetas_view& thetas, zs_view& zs,
                                   std::span<const imle::solve_context> contexts) {
        return solve_(thetas, zs, contexts);
    }

  private:
    std::function<imle::solve_status(const thetas_view&, zs_view&, std::span<const imle::solve_context>)>
        solve_;
};

/// Any noise that is added.
class any_noise {
  public:
    template <class NoiseT>
    explicit any_noise(const NoiseT& noise)
        : in_float_([noise](const auto&... rest) { noise.fill(rest...); }),
          in_double_([noise](const auto&... rest) { noise.fill(rest...); }) {
        static_assert(!imle::is_multiplicative_noise<NoiseT>);
    }
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        in_float_(key, first, out);
    }
    void fill(const imle::random_key& key, std::uint64_t first, std::span<double> out) const {
        in_double_(key, first, out);
    }

  private:
    std::function<void(imle::random_key, std::uint64_t, std::span<float>)> in_float_;
    std::function<void(imle::random_key, std::uint64_t, std::span<double>)> in_double_;
};

/// Samples, marginals and a gradient of a layer for three instances.
template <class Scalar, int Rank, class Layer>
void add_layer_bits(bit_hash& hash, Layer layer, const Eigen::DSizes<Eigen::Index, Rank>& shape) {
    const auto pass = layer.forward(normal_tensor<Scalar, Rank>(1, shape), imle::random_key{bits_seed});
    hash.add_all(pass.samples());
    hash.add_all(pass.marginals());
    hash.add_all(layer.vjp(pass, normal_tensor<Scalar, Rank>(2, shape)));
}

/// A layer of each solver, in float.
inline void check_solver_bits(bit_checks& checks) {
    using namespace imle;
    using line = Eigen::DSizes<Eigen::Index, 2>;
    using plane = Eigen::DSizes<Eigen::Index, 3>;
    const any_noise noise(gumbel{});
    const auto layer = [&]<int Rank>(const Eigen::DSizes<Eigen::Index, Rank>&, auto solver) {
        return imle_layer{any_solver<float, Rank - 1>(std::move(solver)), noise,
                          perturbation_target{.alpha = 0.9, .beta = 0.8},
                          layer_options{.samples = 7, .input_temperature = 0.7, .target_temperature = 1.1}};
    };
    const auto graph = grid_graph(4, 4);
    const auto edges = static_cast<Eigen::Index>(graph.edges().size());
    const std::vector<double> weights{3, 4, 2, 5, 3, 6, 1, 4};
#define IMLE_SOLVER_BITS(expected, shape, ...)                             \
    checks.add<float>(#__VA_ARGS__, expected, [&](float, bit_hash& hash) { \
        add_layer_bits<float>(hash, layer(shape, __VA_ARGS__), shape);     \
    })
    IMLE_SOLVER_BITS(0x49364c818a592afe, (line{3, 9}), top_k{3});
    IMLE_SOLVER_BITS(0x4e37c2c251826964, (line{3, 9}), categorical{});
    IMLE_SOLVER_BITS(0x7968b17a476d1e92, (line{3, 9}), ranking{});
    IMLE_SOLVER_BITS(0x7a771e6c22c1001b, (plane{3, 4, 5}), k_of_groups{2});
    IMLE_SOLVER_BITS(0xddf70b6a6f0e9745, (plane{3, 5, 5}), assignment{});
    IMLE_SOLVER_BITS(0x90b83d3a9a5f5c41, (plane{3, 5, 5}), (assignment{assignment_options{.partial = true}}));
    IMLE_SOLVER_BITS(0x9554a1e0f927f591, (plane{3, 6, 6}), arborescence{});
    IMLE_SOLVER_BITS(0x9431f92ca5551461, (plane{3, 6, 6}), projective_tree{});
    IMLE_SOLVER_BITS(0x61f5171263ab4f3b, (plane{3, 6, 6}), grid_shortest_path{});
    IMLE_SOLVER_BITS(0xa075481ac6b5c0e5, (plane{3, 6, 6}), travelling_salesman{});
    IMLE_SOLVER_BITS(0x5809345139ec4951, (line{3, 435}), tour_search{});
    IMLE_SOLVER_BITS(0xf36786aedfa36f3e, (line{3, edges}), shortest_path(graph, 0, 15));
    IMLE_SOLVER_BITS(0x48dabff9d692d925, (line{3, edges}), shortest_paths(graph, {{0, 15}, {3, 12}, {5, 2}}));
    IMLE_SOLVER_BITS(0x0693a800875c164a, (line{3, edges}),
                     all_or_nothing(graph, std::vector<demand>{{0, 15, 2}, {3, 9, 1.5}}));
    IMLE_SOLVER_BITS(0x12611bb79a8b2f93, (line{3, 10}), spanning_tree(5, complete_graph_edges(5)));
    IMLE_SOLVER_BITS(0x4159414007412d50, (line{3, 15}),
                     graph_cut(5, complete_graph_edges(5), {.negative_scores = negative_scores::clamp}));
    IMLE_SOLVER_BITS(0x0a8cea4ce56031ec, (line{3, 15}), matching(6, complete_graph_edges(6)));
    IMLE_SOLVER_BITS(0xe433581d98174226, (line{3, 15}),
                     matching(6, complete_graph_edges(6), {.perfect = true}));
    std::vector<std::int64_t> supplies(16, 0);
    supplies.front() = 3;
    supplies.back() = -3;
    IMLE_SOLVER_BITS(0x2343faa053da4107, (line{3, edges}),
                     min_cost_flow(graph, supplies, std::vector<std::int64_t>(graph.edges().size(), 2)));
    IMLE_SOLVER_BITS(0xfbb6509fc31bb570, (line{3, 8}), knapsack(weights, 11.0));
    using chains = Eigen::DSizes<Eigen::Index, 4>;
    using segments = Eigen::DSizes<Eigen::Index, 5>;
    IMLE_SOLVER_BITS(0x8f5ad9ab4e10ce6c, (chains{3, 4, 3, 3}), linear_chain{});
    IMLE_SOLVER_BITS(0xfc4fdc6581bc9bc3, (plane{3, 5, 6}), alignment{{.gap = -0.3}});
    IMLE_SOLVER_BITS(0xe475e0be1d1214e9, (segments{3, 5, 3, 2, 2}), semi_markov_chain{3});
#undef IMLE_SOLVER_BITS
}

/// What a family of views measures, for two instances.
template <int Rank, class Scalar, class FamilyT>
void add_measure_bits(bit_hash& hash, const FamilyT& family, const Eigen::DSizes<Eigen::Index, Rank>& shape) {
    const auto theta = normal_tensor<Scalar, Rank>(1, shape), other = normal_tensor<Scalar, Rank>(2, shape);
    hash.add(family.log_partition(theta));
    hash.add(family.entropy(theta));
    hash.add(family.kl_divergence(theta, other));
}

/// A layer of each target, noise that multiplies, and of each estimator; losses.
inline void check_estimator_bits(bit_checks& checks) {
    using namespace imle;
    using line = Eigen::DSizes<Eigen::Index, 2>;
    const line shape{3, 9};
    const layer_options seven{.samples = 7};
#define IMLE_LAYER_BITS(of_float, of_double, ...)                                               \
    checks.check(#__VA_ARGS__, of_float, of_double, [&]<class Scalar>(Scalar, bit_hash& hash) { \
        [[maybe_unused]] const any_solver<Scalar, 1> best_3(top_k{3});                          \
        add_layer_bits<Scalar>(hash, __VA_ARGS__, shape);                                       \
    })
    IMLE_LAYER_BITS(0x5bceba61c0ef1973, 0xe1ae5d205b7286c3,
                    imle_layer{best_3, any_noise(sum_of_gamma{3, 10}),
                               perturbation_target{.scale_gradient = true}, seven});
    IMLE_LAYER_BITS(0x31bee3cfa5c7cf98, 0xfe1696e5051c1c67,
                    imle_layer{best_3, any_noise(gumbel{}), adaptive_target{{.target_norm = 2}}, seven});
    IMLE_LAYER_BITS(0xdb7b326f730f43e0, 0xf080c4533947eb3b,
                    imle_layer{best_3, any_noise(gumbel{}),
                               instance_adaptive_target{adaptive_target_options{.target_norm = 2}}, seven});
    IMLE_LAYER_BITS(0xafedf6ec6f77d912, 0xfb8ca76236dd5c66,
                    imle_layer{best_3, any_noise(gumbel{}), loss_gradient_target{}, seven});
    IMLE_LAYER_BITS(0xe1b9d1f763a2c5f9, 0x2299b1f889360f9c,
                    imle_layer{best_3, multiplicative{}, perturbation_target{}, seven});
    // Strata of a power of two and of a prime.
    IMLE_LAYER_BITS(0x7e0540a07d8b2402, 0x1847dd4c8983f58d,
                    imle_layer{best_3, gumbel{}, perturbation_target{},
                               layer_options{.samples = 4, .sampling = sampling::latin}});
    IMLE_LAYER_BITS(0x6f9d9cf5364d34c5, 0x2b8dc48d0e310e35,
                    imle_layer{best_3, sum_of_gamma{3, 10}, perturbation_target{},
                               layer_options{.samples = 10, .sampling = sampling::latin}});
    IMLE_LAYER_BITS(0xf3877d7b1dea4328, 0x861e29976230ef51,
                    straight_through_layer{best_3, any_noise(gumbel{}), {.samples = 7}});
    IMLE_LAYER_BITS(
        0xbefab1eaf4879091, 0xa5efb84aa68ce594,
        perturbed_layer{
            best_3, normal{}, {.samples = 33, .temperature = 0.7, .estimate = perturbed_estimate::score}});
    IMLE_LAYER_BITS(0x9975ffe65c816522, 0xbcd1e7de56f3a133,
                    perturbed_layer{best_3, normal{}, {.samples = 33, .temperature = 0.7}});
    IMLE_LAYER_BITS(
        0xa6cbf85ca32137ff, 0xd331f57719d16d8a,
        perturbed_layer{
            best_3, normal{0.5, 2}, {.samples = 33, .estimate = perturbed_estimate::directional}});
    IMLE_LAYER_BITS(0x9539d670afd83491, 0x7eb121b334d03965,
                    perturbed_layer{best_3, multiplicative{}, {.samples = 9}});
    IMLE_LAYER_BITS(0x81a91742ff7fe824, 0x55e645f79728da78,
                    conditional_layer{top_k{3}, gumbel{}, {.samples = 7, .temperature = 0.7}});
    IMLE_LAYER_BITS(0x96536042348b4aac, 0x0760476f14390eee,
                    conditional_layer{top_k{3}, sum_of_gamma{3, 10}, {.samples = 33}});
    IMLE_LAYER_BITS(0x5ab1dae8ed19a304, 0x34cd9a28be9e16cb,
                    negative_identity_layer{best_3, {.projection = projection::standardize}});
    IMLE_LAYER_BITS(0x33ca9fba3e648d9d, 0x6422ba8aabbe65fc, exact_layer{k_subset_family{3}, {.samples = 6}});
    IMLE_LAYER_BITS(0x70ee411dff094335, 0xc568f4c34ca2ad25, exact_layer{softmax_family{}, {.samples = 6}});
    IMLE_LAYER_BITS(0xf7cc94c7896d851f, 0x666680de5e43207f,
                    score_function_layer{k_subset_family{3}, {.samples = 6}});
#undef IMLE_LAYER_BITS
    checks.check("adaptive_target, multiplicative", 0xc3149235efd4560a, 0xa86d8567b21a15e5,
                 [&]<class Scalar>(Scalar, bit_hash& hash) {
                     imle_layer layer{
                         top_k{3}, gumbel{},
                         adaptive_target{
                             {.initial_beta = 50, .target_norm = 2, .update = beta_update::multiplicative}},
                         seven};
                     const auto theta = normal_tensor<Scalar, 2>(1, shape),
                                dz = normal_tensor<Scalar, 2>(2, shape);
                     for (std::uint64_t call = 0; call < 12; ++call)
                         hash.add_all(layer.vjp(layer.forward(theta, random_key{call}), dz));
                     hash.add(layer.target().state().beta);
                 });
    checks.check(
        "chain_family", 0x0bfbd0c2441a5e8c, 0xf374c3ce05e31895, [&]<class Scalar>(Scalar, bit_hash& hash) {
            const Eigen::DSizes<Eigen::Index, 4> chains{3, 4, 3, 3};
            add_layer_bits<Scalar>(hash, exact_layer{chain_family{}, {.samples = 6}}, chains);
            add_measure_bits<3, Scalar>(hash, chain_family{}, Eigen::DSizes<Eigen::Index, 3>(4, 3, 3));
        });
    checks.check("alignment_family", 0x3e8c01c41a6e3770, 0x9eb472ee22435252,
                 [&]<class Scalar>(Scalar, bit_hash& hash) {
                     const Eigen::DSizes<Eigen::Index, 3> planes{3, 4, 5};
                     add_layer_bits<Scalar>(
                         hash, exact_layer{alignment_family{{.gap = -0.3}}, {.samples = 6}}, planes);
                     add_measure_bits<2, Scalar>(hash, alignment_family{{.gap = -0.3}},
                                                 Eigen::DSizes<Eigen::Index, 2>(4, 5));
                 });
    checks.check("entropies of sets", 0x328ba9d496f03def, 0xb9ed278898516602,
                 [&]<class Scalar>(Scalar, bit_hash& hash) {
                     const auto numbers = normal_tensor<Scalar, 1>(1, Eigen::DSizes<Eigen::Index, 1>{9}),
                                others = normal_tensor<Scalar, 1>(2, Eigen::DSizes<Eigen::Index, 1>{9});
                     const std::span<const Scalar> theta(numbers.data(), 9), other(others.data(), 9);
                     hash.add(k_subset_family{3}.entropy(theta));
                     hash.add(k_subset_family{3}.kl_divergence(theta, other));
                     hash.add(softmax_family{}.entropy(theta));
                     hash.add(softmax_family{}.kl_divergence(theta, other));
                 });
    const auto family_bits = [&](const char* name, std::uint64_t of_float, std::uint64_t of_double,
                                 const auto& family, const auto& instances) {
        checks.check(name, of_float, of_double, [&]<class Scalar>(Scalar, bit_hash& hash) {
            add_layer_bits<Scalar>(hash, exact_layer{family, {.samples = 6}}, instances);
            auto theta =
                normal_tensor<Scalar, 1>(3, Eigen::DSizes<Eigen::Index, 1>{instances.TotalSize() / 3});
            for (const Scalar factor : {Scalar(1), Scalar(8e5)}) {
                theta = theta * factor;
                const std::span<const Scalar> numbers(theta.data(), static_cast<std::size_t>(theta.size()));
                hash.add(family.log_partition(numbers));
                hash.add(family.entropy(numbers));
                std::vector<Scalar> mu(numbers.size());
                family.marginals(numbers, std::span<Scalar>(mu));
                hash.add_all(mu);
                std::reverse(mu.begin(), mu.end());
                hash.add(family.kl_divergence(numbers, std::span<const Scalar>(mu)));
            }
        });
    };
    const Eigen::DSizes<Eigen::Index, 3> square{3, 6, 6};
    family_bits("arborescence_family", 0xa12a6300d77b4e66, 0x6c6e6978b6546deb, arborescence_family{}, square);
    family_bits("projective_tree_family", 0x29dd22f3e2325030, 0xb9c51f178541b0c7,
                projective_tree_family{{.roots = roots::any}}, square);
    family_bits("spanning_tree_family", 0xcbc8025eecc83acd, 0xb8616b9143a479a7,
                spanning_tree_family{5, complete_graph_edges(5)}, line{3, 10});
    const auto loss = [&](const char* name, std::uint64_t of_float, std::uint64_t of_double,
                          auto&& value_of) {
        checks.check(name, of_float, of_double, [&]<class Scalar>(Scalar, bit_hash& hash) {
            const auto theta = normal_tensor<Scalar, 2>(1, shape),
                       wanted = normal_tensor<Scalar, 2>(2, shape);
            const Eigen::Tensor<Scalar, 2, Eigen::RowMajor> y = solve_all(top_k{3}, wanted);
            value_of(theta, wanted, y, hash);
        });
    };
    loss("fenchel_young_loss", 0x78e20881524e0693, 0x25fe7f10f6b443af,
         [](const auto& theta, const auto&, const auto& y, bit_hash& hash) {
             const auto result =
                 fenchel_young_loss{top_k{3}, normal{}, {.samples = 20}}(theta, y, random_key{bits_seed});
             hash.add_all(result.values);
             hash.add_all(result.gradient);
         });
    loss("spo_plus_loss", 0xbd21d6bebc264910, 0xfca95c1aa31b023c,
         [](const auto& theta, const auto& truth, const auto&, bit_hash& hash) {
             const auto result = spo_plus_loss{top_k{3}}(theta, truth);
             hash.add_all(result.values);
             hash.add_all(result.gradient);
             hash.add_all(regret(top_k{3}, theta, truth));
         });
    loss("hamming_loss", 0x30949537a58212a3, 0x836765f1588f3396,
         [](const auto& theta, const auto&, const auto& y, bit_hash& hash) {
             hash.add_all(hamming_loss(theta, y));
         });
    loss("diagnose", 0x7bb2c2f7b491196d, 0x364f0075fbc003e7,
         [&](const auto& theta, const auto& dz, const auto&, bit_hash& hash) {
             const imle_layer layer{top_k{3}, gumbel{}, adaptive_target{}, {.samples = 32}};
             const gradient_report report = diagnose(layer, theta, dz, random_key{bits_seed});
             for (const double x : {report.unchanged_share, report.mean_changed, report.map_share,
                                    report.relative_step, report.signal_to_noise, report.cosine_of_halves,
                                    report.suggested_beta, static_cast<double>(report.suggested_samples)})
                 hash.add(x);
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
