#pragma once

/// @file
/// The best flow through a network, from nodes with a supply to nodes with a demand.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/core/errors.hpp>
#include <imle/core/rounded.hpp>
#include <imle/core/shared_object.hpp>
#include <imle/solvers/detail/network_simplex.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The MAP state of a distribution over the integer flows of a network: z is the flow on each edge, from 0 to
/// the edge's capacity. What leaves a node less what enters it is the node's supply; a negative supply is a
/// demand. A unit of flow on an edge scores theta, so z = argmax <theta, z>.
///
///     // Two units from node 0 to node 3, no more than one along each edge.
///     imle::min_cost_flow solver{imle::directed_graph{4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {1, 2}}},
///                                {2, 0, 0, -2}, {1, 1, 1, 1, 1}};
///     auto cheapest = imle::minimizing(solver);   // theta: what a unit costs
///
/// Transport problems, assignments with several units on each side and edge-disjoint paths are such flows.
/// Scores of any sign are exact. Parallel edges are allowed, and so are loops, which are full if their score
/// is positive and else empty. If the supplies cannot get to the demands, the status is
/// `solve_status::infeasible`; if there is a cycle of unlimited capacity with a positive score,
/// `solve_status::unbounded`. z is then zeros. `solve_context::mask` closes edges: those where it is false.
///
/// The answer is a best one for theta as it is, as if sums of scores were not rounded. (If a number is beyond
/// 2^900, theta is scaled first.) Ties: which of several best flows z is depends on theta, the graph and the
/// mask, but not on earlier solves, nor on the machine. A flow on an edge that is too large for theta's type
/// is rounded: above 2^24 in float and 2^53 in double.
///
/// Throws `std::invalid_argument` on construction for supplies that are not one for each node, or whose sum
/// is not 0; for capacities that are neither empty nor one for each edge, or negative; if positive supplies
/// and capacities (those that are not unlimited) add up to more than 2^62; and for more than 2^31 - 2 nodes
/// and edges together. Throws it when solving for a theta that does not have one number for each edge, and
/// for numbers that are not finite. Copies share the graph.
///
/// A network simplex method with O(edges + depth of the tree) a pivot. The number of pivots has no polynomial
/// bound; mostly it is a small multiple of the nodes. A solve begins at the last one's answer, if that was
/// the only best one.
class min_cost_flow {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;
    /// The capacity of an edge that has no limit.
    static constexpr std::int64_t unlimited = detail::flow_network::unlimited;

    /// supplies: one for each node, negative for a demand; capacities: one for each edge, or empty if all are
    /// unlimited.
    min_cost_flow(directed_graph graph, std::vector<std::int64_t> supplies,
                  std::vector<std::int64_t> capacities = {})
        : plan_(detail::make_shared_object<const plan>(std::move(graph), std::move(supplies),
                                                       std::move(capacities))) {}

    /// The graph.
    [[nodiscard]] const directed_graph& graph() const noexcept { return plan_->graph; }
    /// The supply of each node.
    [[nodiscard]] std::span<const std::int64_t> supplies() const noexcept { return plan_->network.supplies; }
    /// The capacity of each edge, `unlimited` if it has none.
    [[nodiscard]] std::span<const std::int64_t> capacities() const noexcept {
        return plan_->network.capacities;
    }

    /// theta: one number for each edge, [edges]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context = {}) {
        const detail::flow_network& network = plan_->network;
        const auto edges = static_cast<std::size_t>(network.edges);
        detail::require_edges(theta.dimension(0), edges);
        detail::require_mask(context.mask, edges);
        detail::require_instance(theta, z, context);
        const start& from = start_for(context.mask);
        if (!from.is_feasible) return detail::no_answer(z);
        const bool goes_on = starts_from_last_;
        starts_from_last_ = false;
        if (!goes_on) simplex_.basis = from.basis;
        load(theta.data(), context);
        bool is_bounded = simplex_.solve(network);
        if (is_bounded && goes_on && !simplex_.is_unique()) {
            // Of several answers, the one that does not depend on where the search began.
            simplex_.basis = from.basis;
            is_bounded = simplex_.solve(network);
        }
        if (!is_bounded || !write(theta.data(), context, z.data())) {
            static_cast<void>(detail::no_answer(z));
            return solve_status::unbounded;
        }
        starts_from_last_ = simplex_.is_unique();
        return solve_status::solved;
    }

  private:
    /// A feasible flow, if there is one.
    struct start {
        bool is_feasible = false;
        detail::flow_basis basis;
    };

    /// What copies share.
    struct plan {
        directed_graph graph;
        detail::flow_network network;
        /// For solves without a mask.
        min_cost_flow::start start;

        plan(directed_graph the_graph, std::vector<std::int64_t> supplies,
             std::vector<std::int64_t> capacities)
            : graph(checked(std::move(the_graph), supplies, capacities)),
              network(graph, std::move(supplies), std::move(capacities)) {
            detail::network_simplex simplex;
            start.is_feasible = simplex.make_feasible(network, [](auto) { return true; });
            start.basis = std::move(simplex.basis);
        }
    };

    static directed_graph checked(directed_graph graph, const std::vector<std::int64_t>& supplies,
                                  const std::vector<std::int64_t>& capacities) {
        constexpr Eigen::Index most = std::numeric_limits<std::int32_t>::max() - 1;
        const Eigen::Index edges = std::ssize(graph.edges());
        if (graph.nodes() > most - edges)
            detail::throw_invalid("min_cost_flow's graph",
                                  detail::message("of ", graph.nodes(), " nodes and ", edges, " edges"),
                                  detail::message("at most ", most, " of both together"));
        if (std::ssize(supplies) != graph.nodes())
            detail::throw_invalid("min_cost_flow's supplies", detail::message("a list of ", supplies.size()),
                                  detail::message("one for each of the ", graph.nodes(), " nodes"));
        if (!capacities.empty() && std::ssize(capacities) != edges)
            detail::throw_invalid(
                "min_cost_flow's capacities", detail::message("a list of ", capacities.size()),
                detail::message("one for each of the ", edges, " edges, or none, for no limits"));
        for (std::size_t e = 0; e < capacities.size(); ++e)
            if (capacities[e] < 0)
                detail::throw_invalid(detail::message("the capacity of min_cost_flow's edge ", e).c_str(),
                                      capacities[e], "0 or more");
        // Flows are sums of these, so none overflows.
        const auto add = [](std::int64_t& sum, std::int64_t amount) {
            if (amount > largest_sum - sum)
                detail::throw_invalid(
                    "the sum of min_cost_flow's positive supplies and finite capacities", "too large",
                    detail::message("at most 2^62; for more, a capacity of ", "min_cost_flow::unlimited"));
            sum += amount;
        };
        std::int64_t given = 0, taken = 0;
        for (const std::int64_t supply : supplies) {
            if (supply > 0) add(given, supply);
            if (supply < 0) add(taken, supply < -largest_sum ? unlimited : -supply);
        }
        if (given != taken)
            detail::throw_invalid("the sum of min_cost_flow's supplies", given - taken,
                                  "0: what some nodes give, others must take");
        for (const std::int64_t capacity : capacities)
            if (capacity != unlimited) add(given, capacity);
        return graph;
    }

    /// A feasible flow for a mask; the last mask's is kept, since a layer solves all samples of an instance
    /// in a row. If the mask is another one, the last answer says nothing.
    [[nodiscard]] const start& start_for(std::span<const bool> mask) {
        if (mask.empty()) {
            if (!mask_.empty()) starts_from_last_ = false;
            mask_.clear();
            return plan_->start;
        }
        if (!std::equal(mask.begin(), mask.end(), mask_.begin(), mask_.end())) {
            starts_from_last_ = false;
            mask_.clear();
            masked_.is_feasible = simplex_.make_feasible(plan_->network, [&](detail::flow_network::index e) {
                return mask[static_cast<std::size_t>(e)];
            });
            masked_.basis = simplex_.basis;
            mask_.assign(mask.begin(), mask.end());
        }
        return masked_;
    }

    /// Sets the costs.
    template <class Scalar>
    void load(const Scalar* theta, const solve_context& context) {
        const auto costs = simplex_.costs(plan_->network);
        const auto edges = static_cast<std::size_t>(plan_->network.edges);
        double factor = -1;
        if constexpr (std::is_same_v<Scalar, double>)
            for (std::size_t e = 0; e < edges; ++e)
                if (std::abs(theta[e]) > 0x1p900 && context.allows(static_cast<Eigen::Index>(e)))
                    factor = -0x1p-160;  // leaves room for sums of the largest numbers
        for (std::size_t e = 0; e < edges; ++e)
            costs[e] =
                context.allows(static_cast<Eigen::Index>(e)) ? detail::rounded(factor * double{theta[e]}) : 0;
        // In a feasible flow the artificial arcs lead to the root only, so nothing can go through it any
        // more.
        std::fill(costs.begin() + static_cast<std::ptrdiff_t>(edges), costs.end(), 0.0);
    }

    /// Writes the flows. Returns false if a loop of unlimited capacity has a positive score.
    template <class Scalar>
    bool write(const Scalar* theta, const solve_context& context, Scalar* z) const {
        const detail::flow_network& network = plan_->network;
        for (std::size_t e = 0; e < static_cast<std::size_t>(network.edges); ++e) {
            std::int64_t flow = simplex_.basis.flows[e];
            if (network.arcs[e].from == network.arcs[e].to && context.allows(static_cast<Eigen::Index>(e)) &&
                theta[e] > 0)
                flow = network.capacities[e];
            if (flow == unlimited) return false;
            z[e] = static_cast<Scalar>(flow);
        }
        return true;
    }

    static constexpr std::int64_t largest_sum = std::int64_t{1} << 62;

    std::shared_ptr<const plan> plan_;
    detail::network_simplex simplex_;
    /// Of the last mask, if there was one.
    std::vector<bool> mask_;
    start masked_;
    /// Whether the basis is the last answer, and that the only best one.
    bool starts_from_last_ = false;
};

}  // namespace imle::inline IMLE_ABI
