#include "traffic.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/noise/normal.hpp>

#include "support/dice.hpp"

namespace routes {
namespace {

// Deviations of the logarithm of an edge's cost relative to its free flow time.
constexpr float district_deviation = 0.3F;
constexpr float edge_deviation = 0.2F;
constexpr int smoothing_rounds = 30;

std::vector<float> normal_numbers(std::size_t count, const imle::random_key& key) {
    std::vector<float> numbers(count);
    imle::normal{}.fill(key, 0, std::span<float>(numbers));
    return numbers;
}

/// A number for each node, similar to its neighbours' numbers, with mean 0 and deviation 1.
std::vector<float> district_numbers(const imle::directed_graph& graph, const imle::random_key& key) {
    std::vector<float> numbers = normal_numbers(static_cast<std::size_t>(graph.nodes()), key);
    for (int round = 0; round < smoothing_rounds; ++round) {
        std::vector<float> sums = numbers;
        std::vector<float> counts(numbers.size(), 1.0F);
        for (const imle::graph_edge& edge : graph.edges()) {
            sums[static_cast<std::size_t>(edge.to)] += numbers[static_cast<std::size_t>(edge.from)];
            ++counts[static_cast<std::size_t>(edge.to)];
        }
        for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = sums[i] / counts[i];
    }
    const auto count = static_cast<float>(numbers.size());
    const float mean = std::accumulate(numbers.begin(), numbers.end(), 0.0F) / count;
    float squares = 0;
    for (float& number : numbers) {
        number -= mean;
        squares += number * number;
    }
    if (squares > 0)
        for (float& number : numbers) number /= std::sqrt(squares / count);
    return numbers;
}

std::vector<std::uint64_t> numbers_between(std::size_t first, std::size_t last) {
    std::vector<std::uint64_t> numbers(last - first);
    std::iota(numbers.begin(), numbers.end(), std::uint64_t{first});
    return numbers;
}

}  // namespace

std::vector<std::uint64_t> trips::training_ids() const {
    return numbers_between(held_out, observed.size());
}
std::vector<std::uint64_t> trips::held_out_ids() const {
    return numbers_between(0, held_out);
}

std::vector<float> hidden_costs(const road_network& network, const imle::random_key& key) {
    const std::vector<float> districts = district_numbers(network.graph, key.fold_in(0));
    std::vector<float> costs = normal_numbers(network.lengths.size(), key.fold_in(1));
    for (std::size_t e = 0; e < costs.size(); ++e) {
        const imle::graph_edge edge = network.graph.edges()[e];
        const float district =
            (districts[static_cast<std::size_t>(edge.from)] + districts[static_cast<std::size_t>(edge.to)]) /
            2;
        costs[e] =
            network.free_flow_times[e] * std::exp(district_deviation * district + edge_deviation * costs[e]);
    }
    return costs;
}

trips observe(const road_network& network, std::span<const float> costs, std::size_t held_out,
              std::size_t training, const imle::random_key& key) {
    const std::size_t wanted = held_out + training;
    const auto ends = static_cast<int>(network.zones > 1 ? network.zones : network.graph.nodes());
    const imle::shortest_paths_options options{.first_through_node = network.first_through_node};
    using edge_numbers = Eigen::Tensor<float, 1, Eigen::RowMajor>;
    const Eigen::TensorMap<const edge_numbers> theta(costs.data(), static_cast<Eigen::Index>(costs.size()));
    edge_numbers z(theta.dimension(0));

    example_support::dice roll(key);
    std::set<std::pair<int, int>> drawn;
    std::vector<imle::od_pair> pairs;
    std::vector<path> observed;
    // If many pairs have no path, draws more pairs.
    for (int round = 0; round < 100 && pairs.size() < wanted; ++round) {
        std::vector<imle::od_pair> candidates;
        for (std::size_t i = 0; i < wanted; ++i) {
            const int from = roll.between(0, ends - 1), to = roll.between(0, ends - 1);
            if (from != to && drawn.emplace(from, to).second) candidates.push_back({from, to});
        }
        path_solver solver{imle::shortest_paths{network.graph, candidates, options}};
        for (std::size_t i = 0; i < candidates.size() && pairs.size() < wanted; ++i) {
            if (solver(theta, z, imle::solve_context{.id = i}) != imle::solve_status::solved) continue;
            pairs.push_back(candidates[i]);
            path& edges = observed.emplace_back();
            for (Eigen::Index edge = 0; edge < z.size(); ++edge)
                if (z(edge) != 0) edges.push_back(edge);
        }
    }
    if (pairs.size() < wanted)
        throw std::runtime_error(network.name + " has hardly " + std::to_string(wanted) +
                                 " pairs of nodes with a path between them; ask for fewer trips");
    return {path_solver{imle::shortest_paths{network.graph, std::move(pairs), options}}, std::move(observed),
            held_out};
}

}  // namespace routes
