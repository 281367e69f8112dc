#pragma once

/// @file
/// The simplex method on networks, in which a basis is a spanning tree.
///
/// Flows are integers, so they are exact. Costs are doubles; each sum of them carries what rounding took from
/// it, and where the sign of a reduced cost is in doubt it is found exactly. So all pivots are pivots of the
/// method in exact arithmetic. They keep the tree strongly feasible, and then no tree comes back (Cunningham,
/// "A network simplex method", 1976): the method ends, and at an optimum of the costs as they are.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <imle/core/rounded.hpp>
#include <imle/solvers/directed_graph.hpp>

namespace imle::inline IMLE_ABI::detail {

/// What is the same in all solves: the edges of a graph as arcs, and after them an artificial arc for each
/// node, which joins it with a root. Through the root goes what finds no other way.
struct flow_network {
    using index = std::int32_t;

    struct arc {
        index from;
        index to;
    };

    /// The capacity of an arc that has none.
    static constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

    index nodes;
    index edges;
    std::vector<arc> arcs;
    /// Of the edges.
    std::vector<std::int64_t> capacities;
    std::vector<std::int64_t> supplies;

    /// The arguments must be valid; capacities: empty, or one for each edge.
    flow_network(const directed_graph& graph, std::vector<std::int64_t> node_supplies,
                 std::vector<std::int64_t> edge_capacities)
        : nodes(static_cast<index>(graph.nodes())),
          edges(static_cast<index>(graph.edges().size())),
          capacities(std::move(edge_capacities)),
          supplies(std::move(node_supplies)) {
        if (capacities.empty()) capacities.assign(graph.edges().size(), unlimited);
        arcs.reserve(graph.edges().size() + supplies.size());
        for (const auto& [from, to] : graph.edges())
            arcs.push_back({static_cast<index>(from), static_cast<index>(to)});
        for (index v = 0; v < nodes; ++v)
            arcs.push_back(supplies[static_cast<std::size_t>(v)] < 0 ? arc{nodes, v} : arc{v, nodes});
    }

    /// What of an arc's capacity is left beside a flow.
    [[nodiscard]] std::int64_t room(index arc, std::int64_t flow) const noexcept {
        if (arc >= edges) return unlimited;
        const std::int64_t capacity = capacities[static_cast<std::size_t>(arc)];
        return capacity == unlimited ? unlimited : capacity - flow;
    }
};

/// A feasible flow, and a spanning tree that holds all arcs whose flow is neither 0 nor at its capacity.
struct flow_basis {
    using index = flow_network::index;

    /// Whether an arc is in the tree, or for good without flow, or which way its flow may change.
    enum state : std::int8_t { full = -1, fixed = 0, empty = 1 };

    /// A node's place in the tree. -1 is no node.
    struct place {
        index parent = -1;
        /// The arc that joins it with its parent.
        index arc = -1;
        index first_child = -1;
        index next = -1, previous = -1;  // other children of the parent
        index depth = 0;
    };

    std::vector<std::int64_t> flows;
    std::vector<std::int8_t> states;  // of the edges
    std::vector<place> tree;

    /// Every supply goes to the root and every demand comes from there. allowed(e): whether edge e may have a
    /// flow.
    template <class AllowedT>
    void reset(const flow_network& network, AllowedT&& allowed) {
        flows.assign(network.arcs.size(), 0);
        states.assign(at(network.edges), fixed);
        tree.assign(at(network.nodes) + 1, place{});
        for (index e = 0; e < network.edges; ++e) {
            const auto& [from, to] = network.arcs[at(e)];
            if (from != to && network.capacities[at(e)] > 0 && allowed(e)) states[at(e)] = empty;
        }
        for (index v = network.nodes; v-- > 0;) {
            flows[at(network.edges + v)] = std::abs(network.supplies[at(v)]);
            attach(v, network.nodes, network.edges + v);
        }
    }

    /// Makes a node the first child of another.
    void attach(index node, index parent, index arc) noexcept {
        place& here = tree[at(node)];
        place& above = tree[at(parent)];
        here.parent = parent;
        here.arc = arc;
        here.previous = -1;
        here.next = above.first_child;
        if (here.next >= 0) tree[at(here.next)].previous = node;
        above.first_child = node;
        here.depth = above.depth + 1;
    }
    /// Cuts the arc to the parent.
    void detach(index node) noexcept {
        const place& here = tree[at(node)];
        (here.previous >= 0 ? tree[at(here.previous)].next : tree[at(here.parent)].first_child) = here.next;
        if (here.next >= 0) tree[at(here.next)].previous = here.previous;
    }

    static std::size_t at(index i) noexcept { return static_cast<std::size_t>(i); }
};

/// Pivots from one basis to the next until none is better.
class network_simplex {
  public:
    using index = flow_network::index;

    /// The basis. Change it before `solve` only.
    flow_basis basis;

    /// Room for the costs of all arcs, the artificial ones last.
    [[nodiscard]] std::span<double> costs(const flow_network& network) {
        costs_.resize(network.arcs.size());
        return costs_;
    }

    /// Makes a feasible basis; returns whether there is one. Overwrites the costs. The basis depends on the
    /// network and on `allowed` alone.
    template <class AllowedT>
    [[nodiscard]] bool make_feasible(const flow_network& network, AllowedT&& allowed) {
        basis.reset(network, allowed);
        const auto cost = costs(network);
        std::fill_n(cost.begin(), network.edges, 0.0);
        std::fill(cost.begin() + network.edges, cost.end(), 1.0);
        static_cast<void>(solve(network));
        return std::all_of(basis.flows.begin() + network.edges, basis.flows.end(),
                           [](std::int64_t flow) { return flow == 0; });
    }

    /// Makes the basis optimal for the costs. Returns false if a cycle of unlimited capacity has a negative
    /// cost. Sums of costs must not overflow.
    [[nodiscard]] bool solve(const flow_network& network) {
        potentials_.resize(basis.tree.size());
        potentials_[at(network.nodes)] = {};
        measure_below(network, network.nodes);
        next_ = 0;
        for (index entering = find_entering(network); entering >= 0; entering = find_entering(network))
            if (!pivot(network, entering)) return false;
        return true;
    }

    /// After `solve` returned true: whether all other flows are worse.
    [[nodiscard]] bool is_unique() const noexcept { return is_unique_; }

  private:
    /// The sum of costs along the tree from the root to a node: forward arcs less backward ones, in the order
    /// of the path. It depends on the tree, not on the pivots that led to it.
    struct potential {
        double value = 0;
        /// The sum of what was lost by rounding.
        double low = 0;
        /// How far value + low may be from the exact sum; 0 almost always. (Up to the rounding of this sum.)
        double error = 0;
    };

    static std::size_t at(index i) noexcept { return static_cast<std::size_t>(i); }

    /// The edge whose reduced cost (for a full edge, its negative) is least in the first block with one below
    /// 0; -1 if there is none.
    [[nodiscard]] index find_entering(const flow_network& network) noexcept {
        const auto block =
            std::max<index>(least_block, static_cast<index>(std::sqrt(static_cast<double>(network.edges))));
        index best = -1, e = next_;
        double least = 0;
        for (index left = network.edges; left > 0 && best < 0;) {
            const index end = std::min({network.edges, e + block, e + left});
            left -= end - e;
            for (; e < end; ++e) {
                const auto& [from, to] = network.arcs[at(e)];
                const double reduced = basis.states[at(e)] * ((costs_[at(e)] + potentials_[at(from)].value) -
                                                              potentials_[at(to)].value);
                if (reduced < least && basis.states[at(e)] * sign_of_reduced_cost(network, e) < 0) {
                    least = reduced;
                    best = e;
                }
            }
            if (e == network.edges) e = 0;
        }
        next_ = e;
        return best >= 0 ? best : find_hidden(network);
    }

    /// An edge to enter whose reduced cost is rounded to 0 or more; -1 if the basis is optimal.
    [[nodiscard]] index find_hidden(const flow_network& network) noexcept {
        is_unique_ = true;
        for (index e = 0; e < network.edges; ++e) {
            if (basis.states[at(e)] == flow_basis::fixed) continue;
            const int sign = basis.states[at(e)] * sign_of_reduced_cost(network, e);
            if (sign < 0) return e;
            if (sign == 0) is_unique_ = false;
        }
        return -1;
    }

    /// The sign of an edge's exact reduced cost.
    [[nodiscard]] int sign_of_reduced_cost(const flow_network& network, index edge) const noexcept {
        const potential& from = potentials_[at(network.arcs[at(edge)].from)];
        const potential& to = potentials_[at(network.arcs[at(edge)].to)];
        const double cost = costs_[at(edge)];
        const double_double sum = exact_sum(cost, from.value), difference = exact_sum(sum.high, -to.value);
        const double reduced = difference.high.value();
        const double beyond =
            (std::abs(sum.low.value()) + std::abs(difference.low.value())) +
            (std::abs(from.low) + std::abs(to.low)) + (from.error + to.error);
        // Twice, for the rounding of this sum.
        if (std::abs(reduced) > beyond + beyond || beyond == 0) return (reduced > 0) - (reduced < 0);
        exact_total exact;
        exact.add(cost);
        if (from.error + to.error == 0)
            for (const double term : {from.value, from.low, -to.value, -to.low}) exact.add(term);
        else
            add_path(network, network.arcs[at(edge)], exact);
        return exact.sign();
    }

    /// Adds the costs along the tree from where an edge ends to where it begins.
    void add_path(const flow_network& network, flow_network::arc edge, exact_total& sum) const noexcept {
        for (index from = edge.from, to = edge.to; from != to;) {
            const bool at_from = basis.tree[at(from)].depth >= basis.tree[at(to)].depth;
            index& node = at_from ? from : to;
            const double cost = costs_[at(basis.tree[at(node)].arc)];
            sum.add(leads_up(network, node) == at_from ? -cost : cost);
            node = basis.tree[at(node)].parent;
        }
    }

    /// Whether the arc to the parent leads there.
    [[nodiscard]] bool leads_up(const flow_network& network, index node) const noexcept {
        return network.arcs[at(basis.tree[at(node)].arc)].from == node;
    }

    /// How much more can go from a node to its parent, or back.
    [[nodiscard]] std::int64_t residual(const flow_network& network, index node, bool up) const noexcept {
        const index arc = basis.tree[at(node)].arc;
        const std::int64_t flow = basis.flows[at(arc)];
        return leads_up(network, node) == up ? network.room(arc, flow) : flow;
    }

    void push(const flow_network& network, index node, bool up, std::int64_t amount) noexcept {
        std::int64_t& flow = basis.flows[at(basis.tree[at(node)].arc)];
        flow += leads_up(network, node) == up ? amount : -amount;
    }

    /// Sends as much as possible round the cycle that an edge closes, and exchanges it with an arc that stops
    /// more. Returns false if nothing does.
    bool pivot(const flow_network& network, index entering) noexcept {
        auto& tree = basis.tree;
        std::int8_t& state = basis.states[at(entering)];
        auto [first, last] = network.arcs[at(entering)];
        if (state == flow_basis::full) std::swap(first, last);

        // The cycle goes from its highest node down to `first`, along the entering edge to `last`, and back
        // up. Of the arcs that stop it, the last one on this way leaves: that keeps the tree strongly
        // feasible.
        std::int64_t most = unlimited, most_back = unlimited;
        index leaving = -1, leaving_back = -1;
        index down = first, up = last;
        while (down != up) {
            if (tree[at(down)].depth >= tree[at(up)].depth) {
                const std::int64_t here = residual(network, down, false);
                if (here < most) {
                    most = here;
                    leaving = down;
                }
                down = tree[at(down)].parent;
            } else {
                const std::int64_t here = residual(network, up, true);
                if (here <= most_back) {
                    most_back = here;
                    leaving_back = up;
                }
                up = tree[at(up)].parent;
            }
        }
        const index top = up;
        const std::int64_t through = network.room(entering, 0);
        const std::int64_t amount = std::min({most, through, most_back});
        if (amount == unlimited) return false;
        if (amount > 0) {
            basis.flows[at(entering)] += state == flow_basis::full ? -amount : amount;
            for (index v = first; v != top; v = tree[at(v)].parent) push(network, v, false, amount);
            for (index v = last; v != top; v = tree[at(v)].parent) push(network, v, true, amount);
        }
        if (most_back == amount)
            exchange(network, leaving_back, last, first, entering);
        else if (through == amount)
            state = state == flow_basis::full ? flow_basis::empty : flow_basis::full;
        else
            exchange(network, leaving, first, last, entering);
        return true;
    }

    /// Cuts a node's arc to its parent, and hangs what was below by another arc: from `node`, one of those
    /// below, to `parent`.
    void exchange(const flow_network& network, index cut, index node, index parent, index entering) noexcept {
        const index leaving = basis.tree[at(cut)].arc;
        if (leaving < network.edges)
            basis.states[at(leaving)] = basis.flows[at(leaving)] == 0 ? flow_basis::empty : flow_basis::full;
        basis.states[at(entering)] = flow_basis::fixed;
        // What was above `node` in the part comes to hang below it.
        for (index v = node, above = parent, arc = entering;;) {
            const flow_basis::place before = basis.tree[at(v)];
            basis.detach(v);
            basis.attach(v, above, arc);
            if (v == cut) break;
            above = v;
            arc = before.arc;
            v = before.parent;
        }
        measure(network, node);
        measure_below(network, node);
    }

    /// The potential and depth of a node, from its parent's.
    void measure(const flow_network& network, index node) noexcept {
        flow_basis::place& here = basis.tree[at(node)];
        const potential& above = potentials_[at(here.parent)];
        const double cost = costs_[at(here.arc)], step = leads_up(network, node) ? -cost : cost;
        const double_double value = exact_sum(above.value, step), low = exact_sum(above.low, value.low);
        potentials_[at(node)] = {value.high.value(), low.high.value(),
                                 above.error + std::abs(low.low.value())};
        here.depth = basis.tree[at(here.parent)].depth + 1;
    }

    /// The same for all nodes below one.
    void measure_below(const flow_network& network, index top) noexcept {
        const auto& tree = basis.tree;
        for (index v = top;;) {
            if (tree[at(v)].first_child >= 0) {
                v = tree[at(v)].first_child;
            } else {
                while (v != top && tree[at(v)].next < 0) v = tree[at(v)].parent;
                if (v == top) return;
                v = tree[at(v)].next;
            }
            measure(network, v);
        }
    }

    static constexpr std::int64_t unlimited = flow_network::unlimited;
    static constexpr index least_block = 16;

    std::vector<double> costs_;
    std::vector<potential> potentials_;
    index next_ = 0;  // where the search for an edge goes on
    bool is_unique_ = false;
};

}  // namespace imle::inline IMLE_ABI::detail
