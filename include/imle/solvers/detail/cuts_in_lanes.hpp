#pragma once

/// @file
/// The minimum cuts of several instances of a graph at the same time: each lane handles one instance.
///
/// Pushes and relabels as in push_relabel_flow.hpp, but the nodes are visited in sweeps, to and fro,
/// whichever lanes have something to push. A lane waits for the others, but nothing branches on a number,
/// where a search on its own spends half of its time on branches that were predicted wrongly.
///
/// Another order of pushes gives other flows of the same value. The smallest minimum cut is the same for all
/// of them, if no sum was rounded: so only instances are taken whose sums are all exact.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <imle/selection/columns.hpp>
#include <imle/simd/lanes.hpp>
#include <imle/solvers/detail/cut_network.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Up to `size` instances at a time, one after the other in the same memory.
class cuts_in_lanes {
    using lanes = widest_lanes<double>;

  public:
    static constexpr std::size_t size = lanes::size;
    /// Whether lanes are faster for a graph, alone or beyond the second-level cache. (With two they are not.)
    [[nodiscard]] static bool is_suited(const cut_network& network) noexcept {
        return size >= 4 && network.nodes >= fewest_nodes && network.to.size() <= most_arcs;
    }

    /// thetas: `left` instances of [nodes + edges] finite numbers, of which up to `size` are solved: scores
    /// of label 1, and of agreeing, which count as 0 below 0. Writes labels, then 1 for each edge whose ends
    /// agree. Then calls repeat(instance) for those whose z is not to be trusted, because of rounding.
    /// Returns false if lanes do not suit such instances: they took so long that all are to be repeated.
    template <class RepeatT>
    [[nodiscard]] bool solve(const cut_network& network, const float* thetas, std::size_t left, float* z,
                             RepeatT&& repeat) {
        const std::size_t used = std::min(left, size);
        const lanes is_exact = load(network, thetas, used);
        push_to_neighbours();
        if (!send()) {
            for (std::size_t lane = 0; lane < used; ++lane) repeat(lane);
            return false;
        }
        mark_source_side();
        write(network, used, z);
        double exact[size];
        is_exact.store(exact);
        for (std::size_t lane = 0; lane < used; ++lane)
            if (exact[lane] == 0) repeat(lane);
        return true;
    }

  private:
    static constexpr Eigen::Index fewest_nodes = 8;
    static constexpr std::size_t most_arcs = std::size_t{1} << 14;
    /// As often as a sweep is worth it, by measurement: sweeps until levels are measured again, and visits of
    /// a node before the next one.
    static constexpr int sweeps_between_measures = 6, visits_of_a_node = 2;
    /// Images take 10 to 60. Along a path whose nodes are numbered at random, flow goes a few nodes a sweep.
    static constexpr int most_sweeps = 120;

    /// Whether a lane is set.
    [[nodiscard]] static bool any(const lanes::mask& which) noexcept { return lanes::bits(which) != 0; }

    /// Returns 1 for the lanes whose sums will all be exact, 0 for others.
    [[nodiscard]] lanes load(const cut_network& network, const float* thetas, std::size_t used) {
        node_count_ = static_cast<std::int32_t>(network.nodes);
        first_ = network.first.data();
        to_ = network.to.data();
        reverse_ = network.reverse.data();
        const auto nodes = static_cast<std::size_t>(network.nodes), arcs = network.to.size(),
                   numbers = nodes + network.edges.size();
        double* const memory = aligned_columns(
            memory_.template get<double>((2 * nodes + arcs) * size + column_memory<double>(0)));
        excess_ = memory;
        level_ = excess_ + nodes * size;
        residual_ = level_ + nodes * size;
        queue_ = memory_.template get<std::int32_t>(2 * nodes).data();
        is_queued_ = queue_ + nodes;

        const lanes zero(0.0);
        lanes smallest(std::numeric_limits<double>::infinity()), largest(0.0), supply(0.0);
        const auto numbers_at = [&](std::size_t i) {
            alignas(lanes) double each[size] = {};
            for (std::size_t lane = 0; lane < used; ++lane) each[lane] = double{thetas[lane * numbers + i]};
            return lanes::load(each);
        };
        const auto note = [&](const lanes& x) {
            const lanes magnitude = maximum(x, zero - x);
            largest = maximum(largest, magnitude);
            smallest = minimum(smallest, select(less(zero, magnitude), magnitude, smallest));
        };
        for (std::size_t v = 0; v < nodes; ++v) {
            const lanes score = numbers_at(v);
            note(score);
            supply = supply + maximum(score, zero);
            score.store(excess_ + v * size);
        }
        for (std::size_t e = 0; e < network.edges.size(); ++e) {
            if (network.there[e] < 0) continue;
            const lanes score = maximum(numbers_at(nodes + e), zero);
            note(score);
            score.store(residual(network.there[e]));
            score.store(residual(network.back[e]));
        }
        // All sums are whole numbers of units of the lowest bit that a float as small as the smallest may
        // have, none is above the supply or twice the largest, and a double holds 2^53 units. (One bit to
        // spare for the rounding of the supply.)
        const lanes most = maximum(supply, largest + largest);
        return select(less(product(smallest, lanes(0x1p28)), most), zero, lanes(1.0));
    }

    /// Much of the flow can go from a node to its neighbours, for which no levels are needed.
    void push_to_neighbours() noexcept {
        const lanes zero(0.0);
        for (std::int32_t v = 0; v < node_count_; ++v) {
            const lanes before = lanes::load(excess(v));
            if (!any(less(zero, before))) continue;
            lanes left = maximum(before, zero);
            for (std::int32_t a = first_[v]; a < first_[v + 1]; ++a) {
                const lanes there = lanes::load(excess(to_[a]));
                left = left - push(a, there, minimum(left, maximum(zero - there, zero)));
            }
            select(less(zero, before), left, before).store(excess(v));
        }
    }

    /// Pushes what fits of an amount along an arc, to a node with this excess. Returns how much.
    lanes push(std::int32_t a, const lanes& there, const lanes& amount) noexcept {
        const lanes residual_here = lanes::load(residual(a)), pushed = minimum(amount, residual_here);
        (residual_here - pushed).store(residual(a));
        (lanes::load(residual(reverse_[a])) + pushed).store(residual(reverse_[a]));
        (there + pushed).store(excess(to_[a]));
        return pushed;
    }

    /// Sends as much as possible. False if that takes too long.
    [[nodiscard]] bool send() noexcept {
        measure_levels();
        for (int sweep = 1; sweep <= most_sweeps; ++sweep) {
            bool is_active = false;
            for (std::int32_t i = 0; i < node_count_; ++i)
                is_active |= discharge(sweep % 2 == 1 ? i : node_count_ - 1 - i);
            if (!is_active) return true;
            if (sweep % sweeps_between_measures == 0) measure_levels();
        }
        return false;
    }

    /// Pushes a node's excess on, and raises it in the lanes where something is left. Returns whether any had
    /// something to push.
    bool discharge(std::int32_t v) noexcept {
        const lanes zero(0.0), one(1.0), top(static_cast<double>(node_count_));
        lanes all = lanes::load(excess(v)), level = lanes::load(level_of(v));
        lanes left = select(less(level, top), maximum(all, zero), zero);
        if (!any(less(zero, left))) return false;
        for (int visit = 0; visit < visits_of_a_node; ++visit) {
            const lanes before = left, below = level - one;
            lanes next_level = top;
            for (std::int32_t a = first_[v]; a < first_[v + 1]; ++a) {
                const lanes level_there = lanes::load(level_of(to_[a]));
                const lanes amount = select(less(below, level_there), zero, left);
                left = left - push(a, lanes::load(excess(to_[a])), amount);
                const lanes higher = minimum(level_there + one, top);
                next_level = minimum(next_level, select(less(zero, lanes::load(residual(a))), higher, top));
            }
            all = select(less(zero, before), left, all);
            level = select(less(zero, left), next_level, level);
            left = select(less(level, top), left, zero);
            if (!any(less(zero, left))) break;
        }
        all.store(excess(v));
        level.store(level_of(v));
        return true;
    }

    /// Sets each level to the distance to a deficit, or to the number of nodes if there is no path.
    void measure_levels() noexcept {
        const lanes zero(0.0), top(static_cast<double>(node_count_));
        search(
            top, 1, [&](std::int32_t v) { return select(less(lanes::load(excess(v)), zero), zero, top); },
            [&](std::int32_t a) { return residual(reverse_[a]); });
    }

    /// Sets levels to 0 where what is left over could still come, the smallest minimum cut's side, and to 1
    /// elsewhere.
    void mark_source_side() noexcept {
        const lanes zero(0.0), one(1.0);
        search(
            one, 0, [&](std::int32_t v) { return select(less(zero, lanes::load(excess(v))), zero, one); },
            [&](std::int32_t a) { return residual(a); });
    }

    /// Sets levels to start(v) or, where that is less, to the level of a neighbour plus `step`: of one from
    /// which an arc `a` leads here, if *capacity(a) > 0. Breadth first, so that few nodes are met twice for a
    /// lane.
    template <class StartT, class CapacityT>
    void search(const lanes& none, double step, StartT&& start, CapacityT&& capacity) noexcept {
        const lanes zero(0.0), more(step);
        std::int32_t head = 0, tail = 0, waiting = 0;
        const auto wait = [&](std::int32_t v) {
            is_queued_[v] = 1;
            queue_[tail] = v;
            tail = tail + 1 == node_count_ ? 0 : tail + 1;
            ++waiting;
        };
        for (std::int32_t v = 0; v < node_count_; ++v) {
            const lanes level = start(v);
            level.store(level_of(v));
            if (any(less(level, none)))
                wait(v);
            else
                is_queued_[v] = 0;
        }
        for (; waiting > 0; --waiting) {
            const std::int32_t v = queue_[head];
            head = head + 1 == node_count_ ? 0 : head + 1;
            is_queued_[v] = 0;
            const lanes offered = lanes::load(level_of(v)) + more;
            for (std::int32_t a = first_[v]; a < first_[v + 1]; ++a) {
                const lanes known = lanes::load(level_of(to_[a])),
                            level = select(less(zero, lanes::load(capacity(a))), offered, none);
                if (!any(less(level, known))) continue;
                minimum(known, level).store(level_of(to_[a]));
                if (is_queued_[to_[a]] == 0) wait(to_[a]);
            }
        }
    }

    /// Labels from levels 0 and 1.
    void write(const cut_network& network, std::size_t used, float* z) const noexcept {
        const std::size_t nodes = static_cast<std::size_t>(node_count_),
                          numbers = nodes + network.edges.size();
        const lanes zero(0.0), one(1.0);
        const auto write_one = [&](std::size_t i, const lanes& x) {
            double each[size];
            x.store(each);
            for (std::size_t lane = 0; lane < used; ++lane)
                z[lane * numbers + i] = static_cast<float>(each[lane]);
        };
        for (std::size_t v = 0; v < nodes; ++v) write_one(v, one - lanes::load(level_ + v * size));
        for (std::size_t e = 0; e < network.edges.size(); ++e) {
            const auto [from, to] = network.edges[e];
            const lanes difference = lanes::load(level_ + static_cast<std::size_t>(from) * size) -
                                     lanes::load(level_ + static_cast<std::size_t>(to) * size);
            write_one(nodes + e, one - maximum(difference, zero - difference));
        }
    }

    /// The lanes' numbers of a node or an arc.
    [[nodiscard]] double* excess(std::int32_t v) const noexcept { return excess_ + place(v); }
    [[nodiscard]] double* level_of(std::int32_t v) const noexcept { return level_ + place(v); }
    [[nodiscard]] double* residual(std::int32_t a) const noexcept { return residual_ + place(a); }
    [[nodiscard]] static std::size_t place(std::int32_t i) noexcept {
        return static_cast<std::size_t>(i) * size;
    }

    std::int32_t node_count_ = 0;
    const std::int32_t *first_ = nullptr, *to_ = nullptr, *reverse_ = nullptr;  // of the network
    double *excess_ = nullptr, *level_ = nullptr, *residual_ = nullptr;  // in the memory, like the next
    std::int32_t *queue_ = nullptr, *is_queued_ = nullptr;
    basic_scratch<double, std::int32_t> memory_;
};

}  // namespace imle::inline IMLE_ABI::detail
