#include "agreement.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/estimators/solve_all.hpp>
#include <imle/layer/shared.hpp>

namespace routes {
namespace {

double cost_of(const path& edges, std::span<const float> costs) {
    double sum = 0;
    for (const Eigen::Index edge : edges) sum += static_cast<double>(costs[static_cast<std::size_t>(edge)]);
    return sum;
}

}  // namespace

std::vector<path> cheapest_paths(const std::vector<float>& costs, const trips& of,
                                 std::span<const std::uint64_t> ids, int threads) {
    using edge_tensor = Eigen::Tensor<float, 1, Eigen::RowMajor>;
    const Eigen::TensorMap<const edge_tensor> theta(costs.data(), static_cast<Eigen::Index>(costs.size()));
    // Limits the number of trips per call so that their answers, [trip, edge], stay within 64 MB.
    const std::size_t at_a_time = std::max<std::size_t>(1, (std::size_t{1} << 24) / costs.size());
    std::vector<path> paths;
    for (std::size_t first = 0; first < ids.size(); first += at_a_time) {
        const auto some = ids.subspan(first, std::min(at_a_time, ids.size() - first));
        // [solve_all]
        const auto rows = static_cast<Eigen::Index>(some.size());
        const auto z = imle::solve_all(of.solver, imle::shared(theta, rows), {.ids = some}, threads);
        // [/solve_all]
        for (Eigen::Index row = 0; row < rows; ++row) {
            path& edges = paths.emplace_back();
            for (Eigen::Index edge = 0; edge < z.dimension(1); ++edge)
                if (z(row, edge) != 0) edges.push_back(edge);
        }
    }
    return paths;
}

agreement compare(std::span<const path> predicted, const trips& of, std::span<const std::uint64_t> ids,
                  std::span<const float> hidden) {
    agreement found;
    double predicted_cost = 0, observed_cost = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const path& observed = of.observed[static_cast<std::size_t>(ids[i])];
        path both;
        std::set_intersection(observed.begin(), observed.end(), predicted[i].begin(), predicted[i].end(),
                              std::back_inserter(both));
        found.edges += static_cast<double>(both.size()) / static_cast<double>(observed.size());
        found.whole_paths += observed == predicted[i] ? 1 : 0;
        predicted_cost += cost_of(predicted[i], hidden);
        observed_cost += cost_of(observed, hidden);
    }
    const auto count = static_cast<double>(ids.size());
    found.edges /= count;
    found.whole_paths /= count;
    found.excess = observed_cost > 0 ? predicted_cost / observed_cost - 1 : 0;
    return found;
}

}  // namespace routes
