#pragma once

/// @file
/// The part of a graph in which paths from a source to a target can lie, in the order in which it is walked.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <imle/solvers/directed_graph.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The edges on which a simple path from a source to a target may go: no loop, no edge into the source or out
/// of the target, and none at a node that the source does not reach or from which the target is not reached.
struct path_edges {
    /// By edges of the graph, and how many they are.
    std::vector<bool> kept;
    std::size_t count = 0;
    /// True if searches from both ends are likely to look at far less than one from the source.
    bool suit_both_ends = false;

    /// Throws `std::invalid_argument` if source or target is no node, or the target is not reached.
    path_edges(const directed_graph& graph, Eigen::Index from, Eigen::Index to) : kept(graph.edges().size()) {
        const auto require_node = [&](const char* argument, Eigen::Index node) {
            if (node < 0 || node >= graph.nodes())
                throw_invalid(argument, node, message("one of the ", graph.nodes(), " nodes, from 0"));
        };
        require_node("shortest_path's source", from);
        require_node("shortest_path's target", to);
        const auto edges = graph.edges();
        const auto is_useful = [&](const graph_edge& edge) {
            return edge.from != edge.to && edge.to != from && edge.from != to;
        };
        // How many edges each node is away; -1 if it is not reached.
        const auto levels_from = [&](Eigen::Index start, bool forward) {
            std::vector<index> levels(at(graph.nodes()), -1);
            std::vector<Eigen::Index> order{start};
            levels[at(start)] = 0;
            for (std::size_t done = 0; done < order.size(); ++done) {
                const Eigen::Index node = order[done];
                for (const Eigen::Index e : forward ? graph.out_edges(node) : graph.in_edges(node)) {
                    const Eigen::Index next = forward ? edges[at(e)].to : edges[at(e)].from;
                    if (!is_useful(edges[at(e)]) || levels[at(next)] >= 0) continue;
                    levels[at(next)] = levels[at(node)] + 1;
                    order.push_back(next);
                }
            }
            return levels;
        };
        const auto after = levels_from(from, true), before = levels_from(to, false);
        if (after[at(to)] < 0)
            throw_invalid("shortest_path's target", message("node ", to),
                          message("a node that can be reached from the source, node ", from));
        const auto is_between = [&](Eigen::Index node) {
            return after[at(node)] >= 0 && before[at(node)] >= 0;
        };
        std::vector<ends> ends_at(at(graph.nodes()));
        for (std::size_t e = 0; e < edges.size(); ++e) {
            kept[e] = is_useful(edges[e]) && is_between(edges[e].from) && is_between(edges[e].to);
            if (!kept[e]) continue;
            ++count;
            ++ends_at[at(edges[e].from)].out;
            ++ends_at[at(edges[e].to)].in;
        }

        const index away = after[at(to)], half = (away + 1) / 2;
        std::size_t between = 0, bends = 0, circle = 0, halves = 0;
        for (std::size_t node = 0; node < after.size(); ++node) {
            if (after[node] < 0 || before[node] < 0) continue;
            ++between;
            bends += std::size_t{ends_at[node].in <= 2 && ends_at[node].out <= 2};
            circle += std::size_t{after[node] <= away};
            halves += std::size_t{after[node] <= half} + std::size_t{before[node] <= half};
        }
        suit_both_ends = count >= very_large && (4 * bends >= between || 4 * halves <= circle);
    }

    /// From this number of edges on searches read memory ahead, and from that one on they may begin at both
    /// ends: a register of instances would not fit in a cache, see `shortest_path`.
    static constexpr std::size_t large = std::size_t{1} << 15;
    static constexpr std::size_t very_large = std::size_t{1} << 16;

  private:
    using index = std::int32_t;
    struct ends {
        index in = 0, out = 0;
    };
    static std::size_t at(Eigen::Index i) noexcept { return static_cast<std::size_t>(i); }
};

/// What `shortest_path` knows of its graph: the edges on which its paths may go, and the nodes at them, which
/// are numbered anew. `places` are its nodes, the source being place 0: where that is possible in a
/// topological order, else in the order of a breadth-first search from the source. `slots` are its edges, in
/// the order of the place that they enter, those into one place in the order of the graph.
struct path_plan {
    using index = std::int32_t;

    /// True if every edge goes from a lower to a higher place.
    bool acyclic = false;
    index places = 0;
    index target = 0;
    /// The edges into place p are the slots first_in[p] to first_in[p + 1] - 1.
    std::vector<index> first_in;
    /// Slot -> the place that the edge leaves, and the edge's index in the graph.
    std::vector<index> tail;
    std::vector<index> edge;
    /// Edge of the graph -> slot; the number of slots for an edge that was left out.
    std::vector<index> slot;
    /// The edges out of place p are out[first_out[p]] to out[first_out[p + 1] - 1].
    struct out_edge {
        index head;
        index edge;
    };
    std::vector<index> first_out;
    /// With a few more behind the last one, for who reads ahead.
    std::vector<out_edge> out;
    static constexpr std::size_t spare = 3;

    [[nodiscard]] std::size_t slots() const noexcept { return tail.size(); }

    path_plan(const directed_graph& graph, const path_edges& edges, Eigen::Index from, Eigen::Index to) {
        number_places(graph, from, edges.kept);
        fill_slots(graph, edges.kept);
        target = place_of_[at(to)];
        place_of_ = {};
    }

  private:
    static std::size_t at(Eigen::Index i) noexcept { return static_cast<std::size_t>(i); }

    /// Kahn's order by a first-in, first-out queue, which keeps apart what depends on each other; where it
    /// does not get through, breadth first.
    void number_places(const directed_graph& graph, Eigen::Index from, const std::vector<bool>& kept) {
        std::vector<index> waiting(at(graph.nodes()), 0);
        std::size_t edges = 0;
        for (std::size_t e = 0; e < kept.size(); ++e)
            if (kept[e]) {
                ++waiting[at(graph.edges()[e].to)];
                ++edges;
            }
        const auto number = [&](bool when_complete) {
            place_of_.assign(at(graph.nodes()), -1);
            std::vector<Eigen::Index> order{from};
            place_of_[at(from)] = 0;
            std::size_t passed = 0;
            for (std::size_t done = 0; done < order.size(); ++done)
                for (const Eigen::Index e : graph.out_edges(order[done])) {
                    if (!kept[at(e)]) continue;
                    ++passed;
                    const Eigen::Index next = graph.edges()[at(e)].to;
                    if (when_complete ? --waiting[at(next)] != 0 : place_of_[at(next)] >= 0) continue;
                    place_of_[at(next)] = static_cast<index>(order.size());
                    order.push_back(next);
                }
            places = static_cast<index>(order.size());
            return passed == edges;
        };
        acyclic = number(true);
        if (!acyclic) number(false);
    }

    void fill_slots(const directed_graph& graph, const std::vector<bool>& kept) {
        const auto place = [&](Eigen::Index node) { return place_of_[at(node)]; };
        first_in.assign(at(places) + 1, 0);
        first_out.assign(at(places) + 1, 0);
        std::size_t count = 0;
        for (std::size_t e = 0; e < kept.size(); ++e) {
            if (!kept[e]) continue;
            ++first_in[at(place(graph.edges()[e].to)) + 1];
            ++first_out[at(place(graph.edges()[e].from)) + 1];
            ++count;
        }
        for (std::size_t p = 1; p < first_in.size(); ++p) {
            first_in[p] += first_in[p - 1];
            first_out[p] += first_out[p - 1];
        }
        std::vector<index> next_in(first_in), next_out(first_out);
        tail.resize(count);
        edge.resize(count);
        out.resize(count + spare);
        slot.assign(kept.size(), static_cast<index>(count));
        for (std::size_t e = 0; e < kept.size(); ++e) {
            if (!kept[e]) continue;
            const index from = place(graph.edges()[e].from), to = place(graph.edges()[e].to);
            const index here = next_in[at(to)]++;
            tail[at(here)] = from;
            edge[at(here)] = static_cast<index>(e);
            slot[e] = here;
            out[at(next_out[at(from)]++)] = {to, static_cast<index>(e)};
        }
    }

    std::vector<index> place_of_;
};

}  // namespace imle::inline IMLE_ABI::detail
