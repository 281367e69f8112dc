#pragma once

/// @file
/// Matchings of largest weight in general graphs: Edmonds' primal-dual algorithm, one search at a time.
///
/// The dual problem has a price y for each node and z >= 0 for each blossom, an odd set of nodes. The slack
/// of an edge is y + y (of its ends) + z of all blossoms that hold both ends - weight, and never negative;
/// edges of the matching, and those that make up a blossom, have slack 0. If each node without a partner has
/// price 0, then the matching is a heaviest one (complementary slackness).
///
/// A search starts at one node without a partner and grows a tree of edges of slack 0, whose nodes are in
/// turn outer and inner. Time passes: outer prices fall and inner ones rise with it, until
///
/// - an edge reaches a node without a partner, or an outer price reaches 0: the search ends, and the edges on
///   the way change places with those of the matching;
/// - an edge reaches a matched pair: the tree grows;
/// - an edge between two outer nodes closes an odd cycle: it shrinks to a blossom, an outer node of its own;
/// - the z of an inner blossom reaches 0: it expands.
///
/// Outer prices fall with the time, so when an event will come is known as soon as its edge is seen. Events
/// wait in a heap, and only those that come before the earliest known end. All numbers are whole and weights
/// are even, so that nothing is ever rounded: all outer nodes of a tree have even or odd prices together.
///
/// It ends whatever the numbers: an outer node stays in a blossom that is outer, only blossoms that were
/// there when the search began expand, and each search leaves one node less to start from.
///
/// Edmonds, "Maximum matching and a polyhedron with 0,1-vertices" (1965); Galil, "Efficient algorithms for
/// finding maximum matching in graphs" (1986), which grows from all such nodes at once.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <imle/solvers/detail/exact_scores.hpp>
#include <imle/solvers/detail/matching_graph.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Solves one problem after another in the same memory. Number: a type of whole numbers for all prices and
/// times.
template <class Number>
class blossom_search {
  public:
    /// Room for the weights of the edges, to be filled before `solve`: even numbers from 0 on, or -1 for an
    /// edge that may not be taken.
    [[nodiscard]] std::span<Number> weights(std::size_t edges) {
        return weights_ = memory_.template get<Number>(edges);
    }

    /// How many bits the numbers need for weights of this many: see the bounds below.
    [[nodiscard]] static int bits_for(int weight_bits, Eigen::Index nodes, bool perfect) noexcept {
        // Of weights below W: prices are between 0 and W, because a node that has left its first price, at
        // most W / 2, has an edge of slack 0. Times are at most W / 2, so that two outer prices with their
        // times are below 3 W. If the matching must be perfect, a price is an alternating sum of weights
        // along a way of at most 2 * nodes edges to a node at its first price: below P = (2 * nodes + 2) W,
        // or twice that in the search that finds no partner. Times are then below 4 P, and sums below 16 P.
        return perfect ? weight_bits +
                             static_cast<int>(std::bit_width(2 * static_cast<std::uint64_t>(nodes) + 2)) + 4
                       : weight_bits + 2;
    }

    /// Finds a matching of largest weight, or a perfect one of largest weight; false if there is none.
    [[nodiscard]] bool solve(const matching_graph& graph, bool perfect) {
        perfect_ = perfect;
        if (perfect && graph.nodes % 2 != 0) return false;
        load(graph);
        match_greedily();
        for (std::int32_t v = 0; v < node_count_; ++v) {
            const std::int32_t root = vertices_[v].top;
            // A blossom without a partner was left by a search, so its base has price 0.
            if (root != v || nodes_[root].partner.edge >= 0) continue;
            if (!perfect && vertices_[v].price == Number(0)) continue;
            if (!search(root)) return false;
        }
        return true;
    }

    /// Calls f(edge) for each edge of the matching, once `solve` has returned true.
    template <class F>
    void for_each_edge(F&& f) {
        // Inside a blossom the matching follows from its base: from the outside in.
        pending_.clear();
        for (std::int32_t v = 0; v < node_count_; ++v) {
            const std::int32_t top = vertices_[v].top;
            if (top >= node_count_ && nodes_[top].first == v) pending_.push_back(top);
        }
        while (!pending_.empty()) {
            const std::int32_t blossom = pending_.back();
            pending_.pop_back();
            match_inside(blossom);
            for_each_part(blossom, [&](std::int32_t part) {
                if (part >= node_count_) pending_.push_back(part);
            });
        }
        for (std::int32_t v = 0; v < node_count_; ++v)
            if (nodes_[v].partner.edge >= 0 && v < nodes_[v].partner.to) f(nodes_[v].partner.edge);
    }

  private:
    enum class label : std::int8_t { none, outer, inner };

    /// An edge, seen from one of its ends.
    struct link {
        std::int32_t from = -1, to = -1, edge = -1;
        [[nodiscard]] link reversed() const noexcept { return {to, from, edge}; }
    };
    struct arc {
        Number weight;
        std::int32_t to, edge;
    };
    /// One node of the graph.
    struct vertex {
        /// The price; of an outer one plus, of an inner one minus the time, so that it need not be changed.
        Number price;
        /// The least `price - weight` of an edge from an outer vertex, if there is one: by `from`.
        Number reach;
        std::int32_t from, edge;
        /// The blossom that holds it and is in no other, or itself.
        std::int32_t top;
        /// The next in its blossoms' lists.
        std::int32_t next;
        std::size_t first_arc, last_arc;
        label mark;
    };
    /// A vertex or, numbered from `node_count_` on, a blossom. What is said of partner, base and entry holds
    /// for those that are in no other blossom.
    struct node {
        /// Half of a blossom's z; minus the time if it is outer, plus the time if it is inner.
        Number size;
        /// The blossom that it is a part of, or -1.
        std::int32_t parent;
        /// Its first and last vertex.
        std::int32_t first, last;
        /// The vertex whose partner is outside, or that has none.
        std::int32_t base;
        /// From the base to its partner.
        link partner;
        /// From outside, how the tree reached this inner node.
        link entry;
        /// The neighbours in the cycle of its parent, and the edge to the next one.
        std::int32_t next, previous;
        link to_next;
        std::int64_t visit;
    };
    /// Code: a vertex that is reached, an inner blossom that expands, or an edge between outer vertices.
    struct event {
        Number time;
        std::int64_t code;
        friend bool operator>(const event& a, const event& b) noexcept {
            return b.time < a.time || (b.time == a.time && a.code > b.code);
        }
    };

    template <class F>
    void for_each_vertex(std::int32_t of, F&& f) {
        for (std::int32_t v = nodes_[of].first;; v = vertices_[v].next) {
            f(v);
            if (v == nodes_[of].last) return;
        }
    }
    template <class F>
    void for_each_part(std::int32_t blossom, F&& f) {
        const std::int32_t start = part_with(blossom, nodes_[blossom].first);
        std::int32_t part = start;
        do {
            const std::int32_t next = nodes_[part].next;
            f(part);
            part = next;
        } while (part != start);
    }
    /// The part of a blossom that holds a vertex.
    [[nodiscard]] std::int32_t part_with(std::int32_t blossom, std::int32_t v) const noexcept {
        while (nodes_[v].parent != blossom) v = nodes_[v].parent;
        return v;
    }
    [[nodiscard]] std::int32_t top(std::int32_t v) const noexcept { return vertices_[v].top; }
    [[nodiscard]] label label_of(std::int32_t of) const noexcept { return vertices_[nodes_[of].first].mark; }

    // -- The start ----------------------------------------------------------------------------------------

    void load(const matching_graph& graph) {
        node_count_ = static_cast<std::int32_t>(graph.nodes);
        edges_ = graph.edges.data();
        const auto count = static_cast<std::size_t>(graph.nodes), most_blossoms = count / 2;
        vertices_ = memory_.template get<vertex>(count).data();
        nodes_ = memory_.template get<node>(count + most_blossoms).data();
        arcs_ = memory_.template get<arc>(graph.neighbours.size() + 1).data();
        free_blossoms_.clear();
        for (std::size_t b = most_blossoms; b-- > 0;)
            free_blossoms_.push_back(node_count_ + static_cast<std::int32_t>(b));
        visits_ = 0;
        for (std::size_t i = 0; i < count + most_blossoms; ++i) nodes_[i] = node{};
        std::size_t last = 0;
        for (std::int32_t v = 0; v < node_count_; ++v) {
            const auto at = static_cast<std::size_t>(v);
            nodes_[v].parent = -1;
            nodes_[v].first = nodes_[v].last = nodes_[v].base = v;
            const std::size_t begin = last;
            Number most = 0;
            for (std::size_t i = graph.first[at]; i < graph.first[at + 1]; ++i) {
                const auto [to, edge] = graph.neighbours[i];
                const Number weight = weights_[static_cast<std::size_t>(edge)];
                arcs_[last] = {weight, to, edge};
                last += weight < Number(0) ? 0 : 1;
                most = std::max(most, weight);
            }
            vertices_[v] = {half(most), Number(0), -1, -1, v, v, begin, last, label::none};
        }
        // So that the next solve of the graph allocates nothing.
        events_.reserve(graph.neighbours.size() + 2 * count);
        tree_.reserve(3 * count);
        for (auto* list : {&fresh_, &pending_}) list->reserve(count);
    }

    /// Lowers one price after the other as far as it goes, and matches along edges of slack 0.
    void match_greedily() noexcept {
        for (std::int32_t v = 0; v < node_count_; ++v) {
            if (nodes_[v].partner.edge >= 0) continue;
            vertex& here = vertices_[v];
            if (here.first_arc == here.last_arc) continue;
            Number price = arcs_[here.first_arc].weight - vertices_[arcs_[here.first_arc].to].price;
            for (std::size_t a = here.first_arc; a < here.last_arc; ++a)
                price = std::max(price, arcs_[a].weight - vertices_[arcs_[a].to].price);
            if (!perfect_ && price < Number(0)) price = 0;
            here.price = price;
            for (std::size_t a = here.first_arc; a < here.last_arc; ++a) {
                const arc& out = arcs_[a];
                if (!(out.weight - vertices_[out.to].price == price) || nodes_[out.to].partner.edge >= 0)
                    continue;
                nodes_[v].partner = {v, out.to, out.edge};
                nodes_[out.to].partner = nodes_[v].partner.reversed();
                break;
            }
        }
    }

    // -- One search ---------------------------------------------------------------------------------------

    /// Finds the root a partner, or leaves a node of price 0 without one in its place. False if neither is
    /// possible.
    [[nodiscard]] bool search(std::int32_t root) {
        now_ = Number(0);
        end_ = whole_number<Number>::largest;
        end_link_ = {};
        events_.clear();
        tree_.clear();
        for (std::int32_t v = 0; v < node_count_; ++v) vertices_[v].from = -1;
        relabel(root, label::outer);
        scan(root);
        while (!events_.empty() && events_.front().time < end_) {
            std::pop_heap(events_.begin(), events_.end(), std::greater<>{});
            const event next = events_.back();
            events_.pop_back();
            if (next.code >= 2 * std::int64_t{node_count_})
                close_cycle(next);
            else if (next.code >= node_count_)
                expand(next);
            else
                grow(next);
        }
        if (end_link_.from < 0) return false;
        now_ = end_;
        augment();
        for (const std::int32_t at : tree_)
            if (top(nodes_[at].first) == at && label_of(at) != label::none) {
                settle(at);
                relabel(at, label::none);
            }
        return true;
    }

    void wait_for(const Number& time, std::int64_t code) {
        if (!(time < end_)) return;
        events_.push_back({time, code});
        std::push_heap(events_.begin(), events_.end(), std::greater<>{});
    }

    /// Makes a node's size its present one, before its label changes or it becomes a part.
    void settle(std::int32_t of) noexcept {
        const label mark = label_of(of);
        if (mark == label::outer) nodes_[of].size = nodes_[of].size + now_;
        if (mark == label::inner) nodes_[of].size = nodes_[of].size - now_;
    }
    /// Gives a settled node a label, and its vertices too.
    void relabel(std::int32_t of, label to) {
        for_each_vertex(of, [&](std::int32_t v) { relabel_vertex(v, to); });
        if (to == label::none) return;
        nodes_[of].size = to == label::outer ? nodes_[of].size - now_ : nodes_[of].size + now_;
        tree_.push_back(of);
        if (to == label::inner && of >= node_count_) wait_for(nodes_[of].size, of);
    }
    void relabel_vertex(std::int32_t v, label to) noexcept {
        vertex& here = vertices_[v];
        if (here.mark == to) return;
        if (here.mark == label::outer) here.price = here.price - now_;
        if (here.mark == label::inner) here.price = here.price + now_;
        if (to == label::outer) here.price = here.price + now_;
        if (to == label::inner) here.price = here.price - now_;
        here.mark = to;
    }

    /// Looks at the edges of vertices that have just become outer.
    void scan(std::int32_t of) {
        for_each_vertex(of, [&](std::int32_t v) {
            const vertex& here = vertices_[v];
            if (!perfect_ && here.price < end_) {
                end_ = here.price;
                end_link_ = {v, -1, -1};
            }
            for (std::size_t a = here.first_arc; a < here.last_arc; ++a) {
                const arc& out = arcs_[a];
                vertex& other = vertices_[out.to];
                const Number reach = here.price - out.weight;
                if (other.mark == label::outer) {
                    if (other.top != here.top)
                        wait_for(half(reach + other.price), 2 * std::int64_t{node_count_} + out.edge);
                    continue;
                }
                if (other.from >= 0 && !(reach < other.reach)) continue;
                other.reach = reach;
                other.from = v;
                other.edge = out.edge;
                if (other.mark == label::none) await(out.to);
            }
        });
    }
    /// The time when the tree will reach a vertex outside.
    void await(std::int32_t v) {
        const vertex& here = vertices_[v];
        const Number time = here.reach + here.price;
        if (!(time < end_)) return;
        if (nodes_[here.top].partner.edge >= 0) return wait_for(time, v);
        end_ = time;
        end_link_ = {here.from, v, here.edge};
    }

    void grow(const event& next) {
        const auto v = static_cast<std::int32_t>(next.code);
        const vertex& here = vertices_[v];
        // It may be inside by now, or have been and have come out later.
        if (here.mark != label::none || !(here.reach + here.price == next.time)) return;
        now_ = next.time;
        const std::int32_t inner = here.top, outer = top(nodes_[inner].partner.to);
        nodes_[inner].entry = {here.from, v, here.edge};
        relabel(inner, label::inner);
        relabel(outer, label::outer);
        scan(outer);
    }

    /// The next outer node on the way to the root, or -1 at the root.
    [[nodiscard]] std::int32_t next_outer(std::int32_t outer) const noexcept {
        if (nodes_[outer].partner.edge < 0) return -1;
        return top(nodes_[top(nodes_[outer].partner.to)].entry.from);
    }
    void join(std::int32_t one, std::int32_t other, const link& by) noexcept {
        nodes_[one].next = other;
        nodes_[one].to_next = by;
        nodes_[other].previous = one;
    }

    void close_cycle(const event& next) {
        const auto edge = static_cast<std::int32_t>(next.code - 2 * std::int64_t{node_count_});
        link closing = ends(edge);
        const std::int32_t left = top(closing.from), right = top(closing.to);
        if (left == right) return;
        now_ = next.time;
        // Where the ways to the root meet, found in steps from both sides.
        ++visits_;
        std::int32_t meeting = left, waiting = right;
        while (true) {
            if (meeting >= 0) {
                if (nodes_[meeting].visit == visits_) break;
                nodes_[meeting].visit = visits_;
                meeting = next_outer(meeting);
            }
            std::swap(meeting, waiting);
        }
        for (std::int32_t at = left; at != meeting;) {
            const std::int32_t inner = top(nodes_[at].partner.to), outer = next_outer(at);
            join(inner, at, nodes_[at].partner.reversed());
            join(outer, inner, nodes_[inner].entry);
            at = outer;
        }
        join(left, right, closing);
        for (std::int32_t at = right; at != meeting;) {
            const std::int32_t inner = top(nodes_[at].partner.to), outer = next_outer(at);
            join(at, inner, nodes_[at].partner);
            join(inner, outer, nodes_[inner].entry.reversed());
            at = outer;
        }
        const std::int32_t blossom = free_blossoms_.back();
        free_blossoms_.pop_back();
        node& made = nodes_[blossom];
        made.size = Number(0) - now_;
        made.parent = -1;
        made.base = nodes_[meeting].base;
        made.partner = nodes_[meeting].partner;
        made.first = nodes_[meeting].first;
        tree_.push_back(blossom);
        fresh_.clear();
        std::int32_t last = -1, part = meeting;
        do {
            node& here = nodes_[part];
            settle(part);
            here.parent = blossom;
            if (label_of(part) == label::inner) fresh_.push_back(part);
            if (last >= 0) vertices_[last].next = here.first;
            last = here.last;
            for_each_vertex(part, [&](std::int32_t v) {
                relabel_vertex(v, label::outer);
                vertices_[v].top = blossom;
            });
            part = here.next;
        } while (part != meeting);
        made.last = last;
        for (const std::int32_t inner : fresh_) scan(inner);
    }

    /// The ends of an edge.
    [[nodiscard]] link ends(std::int32_t edge) const noexcept {
        return {static_cast<std::int32_t>(edges_[edge].from), static_cast<std::int32_t>(edges_[edge].to),
                edge};
    }

    /// Matches the parts of a blossom but the one that holds its base, and makes them free of it.
    void match_inside(std::int32_t blossom) noexcept {
        const std::int32_t base = part_with(blossom, nodes_[blossom].base);
        nodes_[base].base = nodes_[blossom].base;
        nodes_[base].partner = nodes_[blossom].partner;
        for (std::int32_t one = nodes_[base].next; one != base;) {
            const std::int32_t other = nodes_[one].next;
            const link& by = nodes_[one].to_next;
            nodes_[one].base = by.from;
            nodes_[one].partner = by;
            nodes_[other].base = by.to;
            nodes_[other].partner = by.reversed();
            one = nodes_[other].next;
        }
    }

    void expand(const event& next) {
        const auto blossom = static_cast<std::int32_t>(next.code);
        const std::int32_t first = nodes_[blossom].first;
        // It may have become a part of another.
        if (top(first) != blossom || label_of(blossom) != label::inner) return;
        now_ = next.time;
        match_inside(blossom);
        const link entry = nodes_[blossom].entry;
        const std::int32_t start = part_with(blossom, entry.to),
                           goal = part_with(blossom, nodes_[blossom].base);
        for_each_part(blossom, [&](std::int32_t part) {
            nodes_[part].parent = -1;
            for_each_vertex(part, [&](std::int32_t v) { vertices_[v].top = part; });
        });
        // The tree goes on from where it came in to the base, round the cycle by the way of even length.
        ++visits_;
        fresh_.clear();
        nodes_[start].entry = entry;
        const bool forward = start != goal && top(nodes_[start].partner.to) == nodes_[start].next;
        std::int32_t inner = start;
        while (true) {
            nodes_[inner].visit = visits_;
            relabel(inner, label::inner);
            if (inner == goal) break;
            const std::int32_t outer = forward ? nodes_[inner].next : nodes_[inner].previous;
            nodes_[outer].visit = visits_;
            relabel(outer, label::outer);
            fresh_.push_back(outer);
            inner = forward ? nodes_[outer].next : nodes_[outer].previous;
            nodes_[inner].entry = forward ? nodes_[outer].to_next : nodes_[inner].to_next.reversed();
        }
        for (std::int32_t part = nodes_[start].next; part != start; part = nodes_[part].next) {
            if (nodes_[part].visit == visits_) continue;
            relabel(part, label::none);
            for_each_vertex(part, [&](std::int32_t v) {
                if (vertices_[v].from >= 0) await(v);
            });
        }
        free_blossoms_.push_back(blossom);
        for (const std::int32_t outer : fresh_) scan(outer);
    }

    /// Changes the matching along the way from the end to the root.
    void augment() noexcept {
        link by = end_link_;
        if (by.edge >= 0) {
            node& reached = nodes_[top(by.to)];
            reached.base = by.to;
            reached.partner = by.reversed();
        }
        for (std::int32_t at = top(by.from); at >= 0;) {
            const std::int32_t outer = next_outer(at);
            const std::int32_t inner = outer < 0 ? -1 : top(nodes_[at].partner.to);
            nodes_[at].base = by.from;
            nodes_[at].partner = by;
            if (outer < 0) return;
            by = nodes_[inner].entry;
            nodes_[inner].base = by.to;
            nodes_[inner].partner = by.reversed();
            at = outer;
        }
    }

    std::int32_t node_count_ = 0;
    bool perfect_ = false;
    std::span<Number> weights_;
    const graph_edge* edges_ = nullptr;
    vertex* vertices_ = nullptr;  // in the memory, like nodes_ and arcs_
    node* nodes_ = nullptr;
    arc* arcs_ = nullptr;
    Number now_ = 0, end_ = 0;
    link end_link_;  // with which the search will end; without `to`, by the price of `from`
    std::int64_t visits_ = 0;
    std::vector<event> events_;
    std::vector<std::int32_t> tree_, fresh_, pending_, free_blossoms_;
    basic_scratch<Number, vertex, node, arc> memory_;
};

}  // namespace imle::inline IMLE_ABI::detail
