#pragma once

/// @file
/// The best labelling of a binary pairwise model with attractive edges, by a minimum cut.
///
/// A node that gets label 0 loses its score, if that is positive, and one that gets label 1 loses minus its
/// score, if that is negative; an edge whose ends differ loses its score. The least loss is a minimum cut
/// (Greig, Porteous and Seheult, "Exact maximum a posteriori estimation for binary images", 1989), and that
/// comes from a maximum flow (Goldberg and Tarjan, "A new approach to the maximum-flow problem", 1988, with
/// levels that are measured now and then, after Cherkassky and Goldberg, "On implementing the push-relabel
/// method for the maximum flow problem", 1997).

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

#include <imle/core/shared_object.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// What to do with a negative score of agreeing, for which the best labelling is no minimum cut (and hard to
/// find).
enum class negative_scores {
    /// Throws `std::invalid_argument`, which names the edge and its score.
    reject,
    /// The score counts as 0. Noise on the scores makes some negative.
    clamp
};

/// The options of `graph_cut`; the order of the members is part of the contract.
struct graph_cut_options {
    /// How to handle an edge with a negative score.
    imle::negative_scores negative_scores = imle::negative_scores::reject;
};

namespace detail {

/// The arcs of an undirected graph, two for each edge that joins different nodes: those that leave node v
/// are first[v] to first[v + 1] - 1.
struct cut_network {
    Eigen::Index nodes;
    std::vector<graph_edge> edges;
    std::vector<std::int32_t> first;
    /// Of each edge, the arc that leaves `from` and the one that leaves `to`; -1 for a loop.
    std::vector<std::int32_t> there, back;

    cut_network(Eigen::Index node_count, std::vector<graph_edge> edge_list)
        : nodes(node_count), edges(std::move(edge_list)) {
        require_graph(nodes, edges);
        if (edges.size() > most_edges) throw_invalid("the number of edges", edges.size(), most_edges);
        there.assign(edges.size(), -1);
        back.assign(edges.size(), -1);
        first = begin_edge_lists<std::int32_t>(nodes, edges,
                                               [&](std::size_t e, std::int32_t place, std::int32_t other) {
                                                   there[e] = place;
                                                   back[e] = other;
                                               });
    }

    static constexpr std::size_t most_edges = std::numeric_limits<std::int32_t>::max() / 2;
};

/// A maximum flow from nodes with an excess to nodes with a deficit, by pushes along arcs that lead one level
/// down, where a node's level is a lower bound of its distance to a deficit.
class push_relabel_flow {
  public:
    /// Makes room for a network. All excesses are 0.
    void resize(const cut_network& network) {
        node_count_ = static_cast<std::int32_t>(network.nodes);
        first_ = network.first.data();
        nodes_ = scratch_.get<node>(static_cast<std::size_t>(network.nodes)).data();
        arcs_ = scratch_.get<arc>(static_cast<std::size_t>(network.first.back())).data();
        std::fill_n(nodes_, node_count_, node{});
    }

    /// Sets the capacity of an undirected edge. there, back: its arcs; from, to: its ends.
    void set_edge(std::int32_t there, std::int32_t back, std::int32_t from, std::int32_t to,
                  double capacity) noexcept {
        arcs_[there] = {capacity, to, back};
        arcs_[back] = {capacity, from, there};
    }
    /// What a node has to give or, if it is negative, what it can take.
    double& excess(std::int32_t v) noexcept { return nodes_[v].excess; }

    /// Sends as much as possible. O(nodes^3) in the worst case.
    void solve() {
        push_to_neighbours();
        measure_levels();
        // First in, first out, in rounds. Levels that are far too low cost most, so they are measured again
        // after a raise for every second node.
        std::int32_t raises = 0;
        while (!active_.empty()) {
            next_active_.clear();
            for (const std::int32_t v : active_) raises += discharge(v);
            std::swap(active_, next_active_);
            if (raises > node_count_ / 2) {
                raises = 0;
                measure_levels();
            }
        }
    }

    /// Calls f(v) for each node that what is left over could still reach: the smallest minimum cut's side.
    template <class F>
    void for_each_on_source_side(F&& f) {
        active_.clear();
        for (std::int32_t v = 0; v < node_count_; ++v) {
            nodes_[v].level = nodes_[v].excess > 0 ? 1 : 0;
            if (nodes_[v].excess > 0) active_.push_back(v);
        }
        for (std::size_t i = 0; i < active_.size(); ++i) {
            f(active_[i]);
            for_each_arc(active_[i], [&](const arc& out) {
                if (out.residual <= 0 || nodes_[out.to].level != 0) return;
                nodes_[out.to].level = 1;
                active_.push_back(out.to);
            });
        }
        active_.clear();
    }

  private:
    struct arc {
        double residual;  // what can still flow
        std::int32_t to;
        std::int32_t reverse;
    };
    struct node {
        double excess = 0;
        std::int32_t level = 0;
        std::int32_t next_arc = 0;  // those before lead nowhere at this level
    };

    template <class F>
    void for_each_arc(std::int32_t v, F&& f) {
        for (std::int32_t a = first_[v]; a < first_[v + 1]; ++a) f(arcs_[a]);
    }

    void push(std::int32_t from, arc& out, double amount) noexcept {
        out.residual -= amount;
        arcs_[out.reverse].residual += amount;
        nodes_[from].excess -= amount;
        nodes_[out.to].excess += amount;
    }

    /// Much of the flow can go from a node to its neighbours, for which no levels are needed.
    void push_to_neighbours() noexcept {
        for (std::int32_t v = 0; v < node_count_; ++v)
            if (nodes_[v].excess > 0)
                for_each_arc(v, [&](arc& out) {
                    const double amount = std::min({nodes_[v].excess, -nodes_[out.to].excess, out.residual});
                    if (amount > 0) push(v, out, amount);
                });
    }

    /// Sets each level to the distance to a deficit, by breadth-first search; `node_count_` if there is no
    /// path. The nodes that have something to push become active, the nearest first.
    void measure_levels() {
        active_.clear();
        for (std::int32_t v = 0; v < node_count_; ++v) {
            const bool is_goal = nodes_[v].excess < 0;
            nodes_[v].level = is_goal ? 0 : node_count_;
            nodes_[v].next_arc = first_[v];
            if (is_goal) active_.push_back(v);
        }
        for (std::size_t i = 0; i < active_.size(); ++i) {
            const std::int32_t level = nodes_[active_[i]].level + 1;
            for_each_arc(active_[i], [&](const arc& out) {
                if (nodes_[out.to].level != node_count_ || arcs_[out.reverse].residual <= 0) return;
                nodes_[out.to].level = level;
                active_.push_back(out.to);
            });
        }
        std::erase_if(active_, [&](std::int32_t v) { return nodes_[v].excess <= 0; });
    }

    /// Pushes a node's excess on, raising the node as far as needed. Returns how many times it was raised.
    std::int32_t discharge(std::int32_t v) {
        node& here = nodes_[v];
        std::int32_t raises = 0;
        while (here.level < node_count_) {
            for (; here.next_arc < first_[v + 1]; ++here.next_arc) {
                arc& out = arcs_[here.next_arc];
                node& next = nodes_[out.to];
                if (out.residual <= 0 || next.level != here.level - 1) continue;
                const bool was_active = next.excess > 0;
                push(v, out, std::min(here.excess, out.residual));
                if (!was_active && next.excess > 0) next_active_.push_back(out.to);
                if (here.excess <= 0) return raises;
            }
            std::int32_t level = node_count_;
            for_each_arc(v, [&](const arc& out) {
                if (out.residual > 0) level = std::min(level, nodes_[out.to].level + 1);
            });
            here.level = level;
            here.next_arc = first_[v];
            ++raises;
        }
        return raises;
    }

    std::int32_t node_count_ = 0;
    const std::int32_t* first_ = nullptr;  // of the network
    node* nodes_ = nullptr;                // in the scratch, like arcs_
    arc* arcs_ = nullptr;
    std::vector<std::int32_t> active_, next_active_;
    basic_scratch<node, arc> scratch_;
};

}  // namespace detail

/// The MAP state of a binary pairwise model: theta and z are [nodes + edges]. The first numbers of theta are
/// the scores of label 1, one for each node; then follow the scores of agreeing, one for each edge. z holds
/// the labels, then 1 for each edge whose ends have the same label. Segmentation and denoising of images are
/// such models.
///
/// Edges must attract: a negative score of agreeing throws or counts as 0, see `graph_cut_options`. A loop
/// always agrees; parallel edges are allowed. Ties: of the best labellings, the one whose set of 1s is
/// contained in those of all others. Computes in double for float too; the answer is optimal, and ties are
/// found, up to the rounding of doubles. Numbers beyond 2^900 are scaled, so that no sum overflows.
///
/// A mask that forbids a node makes its label 0. One that forbids an edge takes the edge out: its z is 0.
///
/// Throws `std::invalid_argument` on construction for an invalid option, a negative number of nodes, an edge
/// whose ends are not nodes, and more than 2^30 - 1 edges. Throws it when solving for a theta that is not of
/// nodes + edges numbers, and for numbers that are not finite. Copies share the graph. O(nodes^3) in
/// the worst case; close to linear for images.
class graph_cut {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// nodes: how many there are, numbered from 0; edges: in the order of theta.
    graph_cut(Eigen::Index nodes, std::vector<graph_edge> edges, const graph_cut_options& options = {})
        : network_(detail::make_shared_object<const detail::cut_network>(nodes, std::move(edges))),
          options_(options) {
        if (options.negative_scores != negative_scores::reject &&
            options.negative_scores != negative_scores::clamp)
            detail::throw_invalid("graph_cut_options::negative_scores",
                                  static_cast<int>(options.negative_scores),
                                  "negative_scores::reject or negative_scores::clamp");
    }

    /// The number of nodes.
    [[nodiscard]] Eigen::Index nodes() const noexcept { return network_->nodes; }
    /// All edges, in the order of theta.
    [[nodiscard]] std::span<const graph_edge> edges() const noexcept { return network_->edges; }

    /// theta: one instance [nodes + edges]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        static_cast<void>((*this)(theta, z, solve_context{}));
    }

    /// The best labelling whose 1s the context's mask allows.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        using Scalar = scalar_of<ThetaT>;
        const Eigen::Index count = nodes() + std::ssize(edges());
        if (theta.dimension(0) != count)
            detail::throw_invalid(
                "theta", detail::message("of ", theta.dimension(0), " numbers"),
                detail::message("one for each of the ", nodes(), " nodes, then one for each ", "of the ",
                                edges().size(), " edges"));
        detail::require_instance(theta, z, context);
        load(theta.data(), context);
        flow_.solve();
        std::fill_n(z.data(), count, Scalar(0));
        flow_.for_each_on_source_side([&](std::int32_t v) { z.data()[v] = 1; });
        Scalar* agrees = z.data() + nodes();
        for (const auto& [from, to] : edges()) {
            const bool counts = context.allows(agrees - z.data());
            *agrees++ = counts && z.data()[from] == z.data()[to] ? Scalar(1) : Scalar(0);
        }
        return solve_status::solved;
    }

  private:
    template <class Scalar>
    void load(const Scalar* theta, const solve_context& context) {
        const double factor = scale(theta, context);
        flow_.resize(*network_);
        for (Eigen::Index v = 0; v < nodes(); ++v)
            if (context.allows(v)) flow_.excess(static_cast<std::int32_t>(v)) = factor * double{theta[v]};
        for (std::size_t e = 0; e < edges().size(); ++e) {
            if (network_->there[e] < 0) continue;
            const auto from = static_cast<std::int32_t>(edges()[e].from),
                       to = static_cast<std::int32_t>(edges()[e].to);
            const double score = score_of(theta, e, context) * factor;
            const bool both = context.allows(from) && context.allows(to);
            flow_.set_edge(network_->there[e], network_->back[e], from, to, both ? score : 0);
            // Label 0 at one end: agreeing is a score of the other end's label 0.
            if (!both && context.allows(from)) flow_.excess(from) -= detail::rounded(score);
            if (!both && context.allows(to)) flow_.excess(to) -= detail::rounded(score);
        }
    }

    /// The score of agreeing, at least 0; 0 for an edge that the mask takes out.
    template <class Scalar>
    [[nodiscard]] double score_of(const Scalar* theta, std::size_t edge, const solve_context& context) const {
        const Eigen::Index at = nodes() + static_cast<Eigen::Index>(edge);
        if (!context.allows(at)) return 0;
        if (theta[at] < 0 && options_.negative_scores == negative_scores::reject)
            detail::throw_invalid(
                "theta", detail::message(theta[at], " for agreeing along edge ", edge),
                "0 or more, or graph_cut_options{.negative_scores = negative_scores::clamp}");
        return std::max(0.0, double{theta[at]});
    }

    /// 1, or a power of 2 that leaves room for sums of the largest numbers.
    template <class Scalar>
    [[nodiscard]] double scale(const Scalar* theta, const solve_context& context) const noexcept {
        if constexpr (std::is_same_v<Scalar, double>)
            for (Eigen::Index i = 0; i < nodes() + std::ssize(edges()); ++i)
                if (context.allows(i) && std::abs(theta[i]) > 0x1p900) return 0x1p-160;
        return 1;
    }

    std::shared_ptr<const detail::cut_network> network_;
    graph_cut_options options_;
    detail::push_relabel_flow flow_;
};

}  // namespace imle::inline IMLE_ABI
