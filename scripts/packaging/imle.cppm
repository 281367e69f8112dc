/// @file
/// The library as a C++20 module: `import imle;` for `#include <imle/imle.hpp>`.
///
/// Not installed: a module is compiled by whoever imports it, with the flags of the program. With clang 19:
///
///     clang++ -std=c++20 -O2 FLAGS --precompile imle.cppm -o imle.pcm
///     clang++ -O2 -c imle.pcm -o imle.o
///     clang++ -std=c++20 -O2 FLAGS -fmodule-file=imle=imle.pcm main.cpp imle.o
///
/// Exported is every name of imle.hpp outside of a `detail`. Macros cannot be: include
/// <imle/core/version.hpp> for those. Eigen is no module, so a program that names its types includes
/// <unsupported/Eigen/CXX11/Tensor>.
module;

#include <imle/imle.hpp>

export module imle;

export namespace imle {

using imle::adaptive_target;
using imle::adaptive_target_options;
using imle::adaptive_target_state;
using imle::alignment;
using imle::alignment_family;
using imle::alignment_options;
using imle::all_or_nothing;
using imle::arborescence;
using imle::arborescence_family;
using imle::arborescence_options;
using imle::as_matrix;
using imle::as_tensor;
using imle::assignment;
using imle::assignment_options;
using imle::baseline;
using imle::batch_first;
using imle::BatchSolver;
using imle::beta_update;
using imle::blackbox;
using imle::blackbox_layer;
using imle::call_options;
using imle::call_statistics;
using imle::CallOptions;
using imle::categorical;
using imle::chain_family;
using imle::complete_graph_edges;
using imle::conditional_layer;
using imle::conditional_options;
using imle::const_view;
using imle::ContinuousNoise;
using imle::demand;
using imle::DenseTensor;
using imle::diagnose;
using imle::difference;
using imle::DifferentiableFamily;
using imle::directed_graph;
using imle::exact_layer;
using imle::exact_options;
using imle::Executor;
using imle::exponential;
using imle::ExponentialFamily;
using imle::ExponentialFamilyOfSomeScalar;
using imle::failure_policy;
using imle::fenchel_young_loss;
using imle::fenchel_young_options;
using imle::gamma;
using imle::gamma_sampler;
using imle::gradient_report;
using imle::graph_cut;
using imle::graph_cut_options;
using imle::graph_edge;
using imle::grid_cell;
using imle::grid_graph;
using imle::grid_route;
using imle::grid_shortest_path;
using imle::grid_shortest_path_options;
using imle::gumbel;
using imle::hamming_gradient;
using imle::hamming_loss;
using imle::has_answer;
using imle::imle_layer;
using imle::instance_adaptive_target;
using imle::is_multiplicative_noise;
using imle::is_zero_noise;
using imle::k_of_groups;
using imle::k_subset_family;
using imle::knapsack;
using imle::knapsack_options;
using imle::laplace;
using imle::layer_interface;
using imle::layer_options;
using imle::layout_of;
using imle::linear_chain;
using imle::located_error;
using imle::logistic;
using imle::loss_gradient_target;
using imle::loss_value;
using imle::marginals_pass;
using imle::MeasuredFamily;
using imle::matching;
using imle::matching_options;
using imle::min_cost_flow;
using imle::minimizing;
using imle::monotone_grid_graph;
using imle::multiplicative;
using imle::mutable_view;
using imle::negative_costs;
using imle::negative_identity_layer;
using imle::negative_identity_options;
using imle::negative_scores;
using imle::no_noise;
using imle::noise_error;
using imle::NoiseDistribution;
using imle::NoiseDistributionOfSomeScalar;
using imle::normal;
using imle::normalized_regret;
using imle::od_pair;
using imle::projective_tree;
using imle::projective_tree_family;
using imle::projective_tree_options;
using imle::QuantileNoise;
using imle::roots;
using imle::sampling;
using imle::ScoredNoise;
using imle::semi_markov_chain;
using imle::Solver;
using imle::spanning_tree_family;
using imle::TargetDistribution;
using imle::TargetDistributionOfSomeScalar;
using imle::ThresholdSolver;
using imle::WarmSolver;
using imle::operator<<;
using imle::per_instance;
using imle::perturbation_target;
using imle::perturbed_estimate;
using imle::perturbed_layer;
using imle::perturbed_options;
using imle::perturbed_replay;
using imle::perturbed_sample;
using imle::perturbed_sampler;
using imle::philox4x32;
using imle::philox4x32_block;
using imle::philox_engine;
using imle::projection;
using imle::pullback;
using imle::quantile_table;
using imle::random_key;
using imle::random_words;
using imle::rank_of;
using imle::ranking;
using imle::regret;
using imle::sampled_pass;
using imle::sampler_layer;
using imle::scalar_of;
using imle::score_function_layer;
using imle::score_function_options;
using imle::sense;
using imle::sense_of;
using imle::shared;
using imle::shortest_path;
using imle::shortest_path_options;
using imle::shortest_paths;
using imle::shortest_paths_options;
using imle::simple_layer;
using imle::softmax_family;
using imle::solve_all;
using imle::solve_context;
using imle::solve_failure;
using imle::solve_status;
using imle::solver_error;
using imle::spanning_tree;
using imle::spo_plus_loss;
using imle::spo_plus_options;
using imle::square_sum;
using imle::std_noise;
using imle::straight_through_layer;
using imle::sum_of_gamma;
using imle::sum_of_gamma_series;
using imle::target_sums;
using imle::thread_executor;
using imle::top_k;
using imle::tour_search;
using imle::tour_search_options;
using imle::travelling_salesman;
using imle::uniform;
using imle::uniform_of;
using imle::uniforms;
using imle::value_and_pullback_result;
using imle::word_of;

}  // namespace imle
