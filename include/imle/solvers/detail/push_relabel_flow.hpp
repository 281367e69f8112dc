#pragma once

/// @file
/// The maximum flow by pushes and relabels (Goldberg and Tarjan, "A new approach to the maximum-flow
/// problem", 1988), with levels that are measured now and then, after Cherkassky and Goldberg, "On
/// implementing the push-relabel method for the maximum flow problem", 1997.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <imle/solvers/detail/cut_network.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

/// A maximum flow from nodes with an excess to nodes with a deficit, by pushes along arcs that lead one level
/// down, where a node's level is a lower bound of its distance to a deficit.
class push_relabel_flow {
  public:
    /// Makes room for a network. All excesses are 0. After the first time, nothing that follows allocates.
    void resize(const cut_network& network) {
        active_.reserve(static_cast<std::size_t>(network.nodes));
        next_active_.reserve(static_cast<std::size_t>(network.nodes));
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

}  // namespace imle::inline IMLE_ABI::detail
