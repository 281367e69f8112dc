// Whether this machine, compiler and flags compute the same bits as all others: prints what differs, and
// returns 1 then. Needs nothing but the library, so that it runs where the test framework does not.

#include "golden/bits.hpp"

#include <cinttypes>
#include <cstdio>

namespace support {
namespace {

/// A layer of each solver, in float, but for those that noise_bits.cpp has.
void check_solver_bits(bit_checks& checks) {
    using namespace imle;
    using line = Eigen::DSizes<Eigen::Index, 2>;
    using plane = Eigen::DSizes<Eigen::Index, 3>;
    const auto graph = grid_graph(4, 4);
    const auto edges = static_cast<Eigen::Index>(graph.edges().size());
    const std::vector<double> weights{3, 4, 2, 5, 3, 6, 1, 4};
#define IMLE_SOLVER_BITS(expected, shape, ...)                                \
    checks.add<float>(#__VA_ARGS__, expected, [&](float, bit_hash& hash) {    \
        add_layer_bits<float>(hash, solver_layer(shape, __VA_ARGS__), shape); \
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
void check_estimator_bits(bit_checks& checks) {
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

}  // namespace
}  // namespace support

int main() {
    support::bit_checks checks;
    support::check_noise_bits(checks);
    support::check_solver_bits(checks);
    support::check_estimator_bits(checks);
    int wrong = 0, count = 0;
    for (const support::hashed_bits& each : checks.results()) {
        ++count;
        if (each.found == each.expected) continue;
        ++wrong;
        std::printf("%s: 0x%016" PRIx64 ", expected 0x%016" PRIx64 "\n", each.name.c_str(), each.found,
                    each.expected);
    }
    std::printf("%d of %d hashes differ\n", wrong, count);
    return wrong == 0 ? 0 : 1;
}
