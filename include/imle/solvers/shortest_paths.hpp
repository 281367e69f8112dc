#pragma once

/// @file
/// The cheapest paths between many pairs of nodes of one directed graph.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <imle/core/shared_object.hpp>
#include <imle/solvers/detail/network_plan.hpp>
#include <imle/solvers/detail/network_search.hpp>
#include <imle/solvers/detail/network_steps.hpp>
#include <imle/solvers/detail/network_trace.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>
#include <imle/solvers/negative_costs.hpp>

namespace imle::inline IMLE_ABI {

/// Where a path begins and where it ends.
struct od_pair {
    /// The node where the path begins.
    Eigen::Index from;
    /// The node where the path ends.
    Eigen::Index to;

    /// True if both ends are equal.
    friend bool operator==(const od_pair&, const od_pair&) = default;
};

/// The options of `shortest_paths` and `all_or_nothing`; the order of the members is part of the contract.
struct shortest_paths_options {
    /// Nodes below it may only begin or end a path: the zones of a traffic network. Nodes are numbered from
    /// 0; a file that numbers them from 1 and says `<FIRST THRU NODE> 39` means 38.
    Eigen::Index first_through_node = 0;
    /// Nodes that are on no path.
    std::vector<Eigen::Index> closed_nodes = {};
    /// Edges that are on no path.
    std::vector<Eigen::Index> closed_edges = {};
    /// What to do with negative costs if the graph has cycles. Without cycles they are exact, and this
    /// option has no effect.
    imle::negative_costs negative_costs = imle::negative_costs::clamp;
};

namespace detail {

/// A graph, what its options leave of it, and the calls that both solvers of networks make. Copies share it.
struct network {
    directed_graph graph;
    shortest_paths_options options;
    network_plan plan;
    network_steps steps;

    /// ends: the nodes where searches begin and end; those that the graph does not have are left out.
    network(directed_graph the_graph, shortest_paths_options the_options, std::span<const Eigen::Index> ends)
        : graph(std::move(the_graph)),
          options(std::move(the_options)),
          plan(graph, {options.first_through_node, options.closed_nodes, options.closed_edges}, ends) {
        if (!plan.acyclic) steps = network_steps(plan);
        require_valid(options.negative_costs, "shortest_paths_options::negative_costs");
    }

    [[nodiscard]] std::size_t edges() const noexcept { return graph.edges().size(); }

    /// Throws for a node that the graph does not have. argument: what it is, in words.
    template <class... Argument>
    void require_node(Eigen::Index node, const Argument&... argument) const {
        if (node < 0 || node >= graph.nodes())
            throw_invalid(message(argument...).c_str(), node,
                          message("one of the ", graph.nodes(), " nodes, numbered from 0"));
    }

    /// Throws for the first negative cost of an open edge, if they are to be rejected.
    template <class Scalar>
    void check_costs(const Scalar* theta, std::span<const bool> mask, std::uint64_t instance) const {
        if (plan.acyclic || options.negative_costs == negative_costs::clamp) return;
        const auto none = static_cast<network_plan::index>(edges());
        network_plan::index first = none;
        for (const network_plan::link link : plan.out)
            if (theta[link.edge] > 0 && (mask.empty() || mask[static_cast<std::size_t>(link.edge)]))
                first = std::min(first, link.edge);
        if (first == none) return;
        reject_negative_costs(std::span<const Scalar>(theta + first, 1), [=](std::size_t) {
            return message("edge ", first, " of instance ", instance);
        });
    }

    /// Calls solve(costs) with the `edge_costs` of a theta.
    template <class Scalar, class SolveT>
    decltype(auto) with_costs(const Scalar* theta, std::span<const bool> mask, SolveT&& solve) const {
        if (plan.acyclic)
            return mask.empty() ? solve(edge_costs<Scalar, true, false>{theta, nullptr})
                                : solve(edge_costs<Scalar, true, true>{theta, mask.data()});
        return mask.empty() ? solve(edge_costs<Scalar, false, false>{theta, nullptr})
                            : solve(edge_costs<Scalar, false, true>{theta, mask.data()});
    }
};

}  // namespace detail

/// `shortest_path` for many pairs of nodes: the MAP state of a distribution over the paths between the pair
/// of nodes that `solve_context::id` selects. An edge costs -theta, and a path costs the sum over its edges;
/// z is 1 on the cheapest path's edges, 0 elsewhere. If both nodes of a pair are the same, z is zeros.
///
///     imle::shortest_paths solver{graph, std::vector<imle::od_pair>{{0, 3}, {2, 5}},
///                                 imle::shortest_paths_options{.first_through_node = 2}};
///     imle::imle_layer layer{solver, ...};
///     layer.forward(theta, key, imle::call_options{.ids = pairs_of_rows});
///
/// Nothing is prepared for a pair. The graph is laid out once, in O(nodes + edges), and copies share it; a
/// copy's own memory is O(nodes + edges) too. `solve_context::mask` closes edges for one solve: those where
/// it is false. If there is no path, the status is `solve_status::infeasible`.
///
/// Costs of any sign are exact if the graph has no cycle. Loops do not count as cycles, nor do cycles
/// through closed edges or through nodes that only begin and end paths. If a cycle is left, negative costs
/// count as 0 or are rejected, even for a pair without a cycle in between. Apart from that, z has the bits
/// of `shortest_path` for the same pair. Ties: the lowest cost, as summed in Scalar from the source on; then
/// the fewest edges; then, at each step back from the target, the edge of lowest index.
///
/// Throws `std::invalid_argument` on construction for a pair, an option or a list that names a node or edge
/// that the graph does not have. Throws it when solving for an id without a pair, for a theta that does not
/// have one number for each edge, for numbers that are not finite, for sums of costs that overflow, and for
/// a negative cost that is to be rejected. A solve searches from both ends, in O(edges log edges) in the
/// worst case and mostly in about O(edges within reach). Rows of a batch with the same theta and origin
/// share one search.
class shortest_paths {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// pairs: `solve_context::id` numbers them from 0.
    shortest_paths(directed_graph graph, std::vector<od_pair> pairs, shortest_paths_options options = {})
        : network_(detail::make_shared_object<const detail::network>(std::move(graph), std::move(options),
                                                                     ends(pairs))),
          pairs_(detail::make_shared_object<const std::vector<od_pair>>(std::move(pairs))) {
        for (std::size_t i = 0; i < pairs_->size(); ++i) {
            network_->require_node((*pairs_)[i].from, "from of shortest_paths' pair ", i);
            network_->require_node((*pairs_)[i].to, "to of shortest_paths' pair ", i);
        }
    }

    /// The graph.
    [[nodiscard]] const directed_graph& graph() const noexcept { return network_->graph; }
    /// The pairs, in the order of their ids.
    [[nodiscard]] std::span<const od_pair> pairs() const noexcept { return *pairs_; }
    /// The options that it was made with.
    [[nodiscard]] const shortest_paths_options& options() const noexcept { return network_->options; }
    /// True if no cycle is left in the graph, so that negative costs are exact.
    [[nodiscard]] bool takes_negative_costs() const noexcept { return network_->plan.acyclic; }

    /// theta: one number for each edge, [edges]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        detail::require_edges(theta.dimension(0), network_->edges());
        detail::require_instance(theta, z);
        check(theta.data(), context);
        const od_pair pair = pair_of(context);
        std::fill_n(z.data(), z.size(), scalar_of<ThetaT>(0));
        if (pair.from == pair.to) return solve_status::solved;
        return network_->with_costs(theta.data(), context.mask,
                                    [&](auto costs) { return solve_one(costs, pair, z.data()); });
    }

    /// thetas: several instances, [batch, edges] if row-major, [edges, batch] if column-major; zs: a tensor
    /// of its dimensions; contexts: one for each instance. Gives the bits of single solves. If an instance
    /// has no path, its z is zeros, and the status is `infeasible`.
    template <detail::InstanceOfRank<2> ThetasT, detail::StateOf<ThetasT> ZsT>
    solve_status solve_batch(const ThetasT& thetas, ZsT&& zs, std::span<const solve_context> contexts) {
        using Scalar = scalar_of<ThetasT>;
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        const std::size_t edges = network_->edges(), batch = contexts.size();
        detail::require_edges(thetas.dimension(row_major ? 1 : 0), edges);
        detail::require_instance(thetas, zs);
        detail::require_contexts(batch, thetas.dimension(row_major ? 0 : 1));
        for (std::size_t i = 0; i < batch; ++i) check(thetas.data() + i * edges, contexts[i]);

        std::fill_n(zs.data(), zs.size(), Scalar(0));
        const auto theta = [&](index i) { return thetas.data() + static_cast<std::size_t>(i) * edges; };
        const auto z = [&](index i) { return zs.data() + static_cast<std::size_t>(i) * edges; };
        const auto context = [&](index i) -> auto& {
            return contexts[static_cast<std::size_t>(i)];
        };
        const auto integers = items_.get<index>(3 * batch);
        const auto order = integers.first(batch), group = integers.subspan(batch, batch);
        for (std::size_t i = 0; i < batch; ++i) order[i] = static_cast<index>(i);
        const auto from = [&](index i) { return pair_of(context(i)).from; };
        std::sort(order.begin(), order.end(),
                  [&](index a, index b) { return from(a) != from(b) ? from(a) < from(b) : a < b; });
        const auto same_costs = [&](index a, index b) {
            return std::memcmp(theta(a), theta(b), edges * sizeof(Scalar)) == 0 &&
                   same_mask(context(a).mask, context(b).mask);
        };
        bool solved = true;
        for (std::size_t first = 0; first < batch; ++first) {
            if (order[first] < 0) continue;  // solved with another
            std::size_t size = 0;
            const index head = order[first];
            for (std::size_t i = first; i < batch && (order[i] < 0 || from(order[i]) == from(head)); ++i) {
                if (order[i] < 0 || (i != first && !same_costs(head, order[i]))) continue;
                const od_pair pair = pair_of(context(order[i]));
                if (pair.from != pair.to) group[size++] = order[i];
                order[i] = -1;
            }
            if (size == 0) continue;
            solved &= network_->with_costs(theta(head), context(head).mask, [&](auto costs) {
                if (size == 1)
                    return solve_one(costs, pair_of(context(group[0])), z(group[0])) == solve_status::solved;
                const auto targets = integers.subspan(2 * batch, size);
                for (std::size_t i = 0; i < size; ++i)
                    targets[i] = network_->plan.place(pair_of(context(group[i])).to);
                return solve_many(costs, from(group[0]), targets, [&](std::size_t i) { return z(group[i]); });
            });
        }
        return solved ? solve_status::solved : solve_status::infeasible;
    }

  private:
    using index = detail::network_plan::index;

    static std::vector<Eigen::Index> ends(const std::vector<od_pair>& pairs) {
        std::vector<Eigen::Index> nodes;
        for (const od_pair& pair : pairs) nodes.insert(nodes.end(), {pair.from, pair.to});
        return nodes;
    }

    template <class Scalar>
    void check(const Scalar* theta, const solve_context& context) const {
        if (context.id >= pairs_->size())
            detail::throw_invalid("solve_context::id", context.id,
                                  detail::message("less than ", pairs_->size(), ", the number of pairs"));
        detail::require_mask(context.mask, network_->edges());
        network_->check_costs(theta, context.mask, context.instance);
    }

    [[nodiscard]] od_pair pair_of(const solve_context& context) const noexcept {
        return (*pairs_)[static_cast<std::size_t>(context.id)];
    }

    [[nodiscard]] static bool same_mask(std::span<const bool> a, std::span<const bool> b) noexcept {
        return a.size() == b.size() && (a.data() == b.data() || std::equal(a.begin(), a.end(), b.begin()));
    }

    /// z: zeros.
    template <class CostT, class Scalar>
    solve_status solve_one(CostT costs, od_pair pair, Scalar* z) {
        const detail::network_plan& plan = network_->plan;
        return detail::mark_cheapest_path(plan, network_->steps, costs, memory_, plan.place(pair.from),
                                          plan.place(pair.to), z);
    }

    /// z(i): the z of the i-th target, zeros. Returns whether all have a path.
    template <class CostT, class ZOf>
    bool solve_many(CostT costs, Eigen::Index from, std::span<const index> targets, const ZOf& z) {
        detail::network_search search(network_->plan, network_->steps, costs, memory_,
                                      network_->plan.place(from));
        search.find(targets);
        const auto is_reached = [&](index target) { return detail::is_finite(search.distance(target)); };
        detail::network_trace trace(search, true);
        for (std::size_t i = 0; i < targets.size(); ++i)
            if (is_reached(targets[i])) trace.path(targets[i], [to = z(i)](index edge) { to[edge] = 1; });
        bool all = true;
        for (const index target : targets) {
            if (is_reached(target)) continue;
            if (all) search.require_unreachable(target);
            all = false;
        }
        return all;
    }

    std::shared_ptr<const detail::network> network_;
    std::shared_ptr<const std::vector<od_pair>> pairs_;
    detail::network_memory memory_;
    /// A batch's items, in their order, in groups, and their targets.
    detail::basic_scratch<index> items_;
};

}  // namespace imle::inline IMLE_ABI
