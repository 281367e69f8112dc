#pragma once

/// @file
/// The cheapest path through a directed graph whose edges cost something.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/path_plan.hpp>
#include <imle/solvers/detail/path_search.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>
#include <imle/solvers/negative_costs.hpp>

namespace imle::inline IMLE_ABI {

/// The options of `shortest_path`; the order of the members is part of the contract.
struct shortest_path_options {
    /// What to do with negative costs where the graph has cycles. Without cycles they are exact, and this
    /// option does nothing.
    imle::negative_costs negative_costs = imle::negative_costs::clamp;
};

/// The MAP state of a distribution over the paths from a source to a target of a directed graph: an edge
/// costs -theta, a path the sum over its edges; z is 1 on the cheapest path's edges, 0 elsewhere. If the
/// source is the target, z is zeros.
///
///     imle::shortest_path solver{imle::directed_graph{4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}}}, 0, 3};
///
/// Where no cycle lies between source and target (so always in a graph without cycles), costs of any sign are
/// exact: one pass in topological order, O(edges). Where one does, negative costs count as 0 or are rejected,
/// see `shortest_path_options`. Loops, edges into the source and edges out of the target are on no path, and
/// make no cycle that counts here.
///
/// Ties: the lowest cost, as summed in Scalar from the source on; then the fewest edges; then, at each step
/// back from the target, the edge of lowest index.
///
/// When made: throws `std::invalid_argument` for a source or target that is no node and for a target that
/// cannot be reached; O(nodes + edges). Copies share graph and plan. When solving: throws
/// `std::invalid_argument` for a theta that is not one number for each edge, for numbers that are not finite,
/// for sums of costs that overflow and, if negative costs are to be rejected, for the first one. With cycles,
/// a solve takes O(edges log edges) at worst, and time like O(edges) for costs of like size.
class shortest_path {
  public:
    static constexpr imle::sense sense = imle::sense::maximize;

    shortest_path(directed_graph graph, Eigen::Index source, Eigen::Index target,
                  shortest_path_options options = {})
        : graph_(std::move(graph)),
          plan_(std::make_shared<const detail::path_plan>(graph_, source, target)),
          source_(source),
          target_(target),
          options_(options) {
        detail::require_valid(options.negative_costs, "shortest_path_options::negative_costs");
    }

    [[nodiscard]] const directed_graph& graph() const noexcept { return graph_; }
    [[nodiscard]] Eigen::Index source() const noexcept { return source_; }
    [[nodiscard]] Eigen::Index target() const noexcept { return target_; }
    [[nodiscard]] const shortest_path_options& options() const noexcept { return options_; }
    /// True if no cycle lies between source and target, so that negative costs are exact.
    [[nodiscard]] bool takes_negative_costs() const noexcept { return plan_->acyclic; }

    /// theta: one number for each edge, [edges]; z: of its dimensions, all of it is written.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        check(theta, z, theta.dimension(0));
        solve_one(theta.data(), z.data());
    }

    /// thetas: several instances, [batch, edges] if row-major, [edges, batch] if column-major; zs: of its
    /// dimensions. The bits of single solves, at a fraction of the time: one instance in each lane of a
    /// register.
    template <detail::InstanceOfRank<2> ThetasT, detail::StateOf<ThetasT> ZsT>
    void solve_batch(const ThetasT& thetas, ZsT&& zs) {
        using Scalar = scalar_of<ThetasT>;
        using L = detail::lanes<Scalar, detail::native_lanes<Scalar>>;
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        check(thetas, zs, thetas.dimension(row_major ? 1 : 0));
        const Eigen::Index batch = thetas.dimension(row_major ? 0 : 1);
        const auto edges = static_cast<Eigen::Index>(graph_.edges().size());
        for (Eigen::Index done = 0; done < batch;) {
            const Scalar* const from = thetas.data() + done * edges;
            Scalar* const to = zs.data() + done * edges;
            const auto used = std::min<Eigen::Index>(batch - done, L::width);
            if (!in_lanes<L>(used) || !solve_lanes<L>(static_cast<int>(used), from, to))
                for (Eigen::Index i = 0; i < used; ++i) solve_one(from + i * edges, to + i * edges);
            done += used;
        }
    }

  private:
    template <class ThetaT, class ZT>
    void check(const ThetaT& theta, const ZT& z, Eigen::Index edges) const {
        detail::require_edges(edges, graph_.edges().size());
        detail::require_instance(theta, z);
        if (plan_->acyclic || options_.negative_costs == negative_costs::clamp) return;
        const std::size_t count = graph_.edges().size();
        detail::reject_negative_costs(detail::values_of(theta), [=](std::size_t i) {
            return detail::message("edge ", i % count, " of instance ", i / count);
        });
    }

    template <class Scalar>
    void solve_one(const Scalar* theta, Scalar* z) {
        const detail::path_plan& plan = *plan_;
        const std::size_t edges = graph_.edges().size();
        const auto places = static_cast<std::size_t>(plan.places);
        const auto numbers = scratch_.template get<Scalar>(edges + 2 * places);
        const auto cost = numbers.first(edges), distance = numbers.subspan(edges, places);
        // As many places in each of two lists as there are slots, and room for the trace.
        const std::size_t room = plan.slots() + places + 1;
        const auto integers = scratch_.template get<std::int32_t>(2 * room);

        if (plan.acyclic) {
            for (std::size_t e = 0; e < edges; ++e) cost[e] = -theta[e];
            detail::acyclic_distances<detail::lanes<Scalar, 1>>(
                plan, [to = distance.data()](std::int32_t place) -> auto& { return to[place]; },
                [&](std::size_t slot) { return cost[static_cast<std::size_t>(plan.edge[slot])]; });
            if (!detail::all_finite(std::span<const Scalar>(distance))) detail::throw_path_overflow();
        } else {
            for (std::size_t e = 0; e < edges; ++e) cost[e] = theta[e] < 0 ? -theta[e] : Scalar(0);
            const detail::near_far_work<Scalar> work{numbers.last(places), integers.first(room),
                                                     integers.last(room)};
            if (!detail::near_far_distances<Scalar>(plan, cost, distance.data(), work))
                detail::heap_distances<Scalar>(
                    plan, cost, distance.data(),
                    scratch_.template get<detail::heap_entry<Scalar>>(plan.slots() + 1));
            if (!detail::is_finite(distance[static_cast<std::size_t>(plan.target)]))
                detail::throw_path_overflow();
        }
        std::fill_n(z, edges, Scalar(0));
        const detail::path_trace trace(
            plan, [&](std::int32_t place) { return distance[static_cast<std::size_t>(place)]; },
            [&](std::int32_t slot) {
                return cost[static_cast<std::size_t>(plan.edge[static_cast<std::size_t>(slot)])];
            },
            z);
        const std::int32_t stopped = trace.while_unique();
        if (stopped == 0) return;
        const auto count = integers.first(places);
        detail::count_edges<Scalar>(plan, cost.data(), distance.data(), stopped, count, integers.last(room));
        trace.by_counts(stopped, [&](std::int32_t place) { return count[static_cast<std::size_t>(place)]; });
    }

    /// Solves `used` instances, one after the other in memory, in as many lanes. Returns false if that would
    /// take longer than one by one.
    template <class L>
    [[nodiscard]] bool solve_lanes(int used, const typename L::Scalar* theta, typename L::Scalar* z) {
        using Scalar = typename L::Scalar;
        using number = typename L::number;
        const detail::path_plan& plan = *plan_;
        const std::size_t edges = graph_.edges().size();
        const auto places = static_cast<std::size_t>(plan.places);
        // What was left out of the plan has a slot behind the last.
        const auto cells = scratch_.template get<typename L::number_cell>(plan.slots() + 1 + places);
        auto* const cost = cells.data();
        auto* const distance = cost + plan.slots() + 1;

        // Lanes without an instance repeat the last one, and so end when it does.
        std::array<const Scalar*, L::width> instances;
        for (int lane = 0; lane < L::width; ++lane)
            instances[static_cast<std::size_t>(lane)] =
                theta + static_cast<std::size_t>(std::min(lane, used - 1)) * edges;
        if (plan.acyclic) {
            detail::for_each_across<L>(instances, edges, [&](std::size_t edge, const number& reward) {
                cost[plan.slot[edge]].lane = -reward;
            });
            detail::acyclic_distances<L>(
                plan, [=](std::int32_t place) -> auto& { return distance[place].lane; },
                [=](std::size_t slot) { return cost[slot].lane; });
            const auto* const first = reinterpret_cast<const Scalar*>(distance);
            if (!detail::all_finite(std::span<const Scalar>(first, places * L::width)))
                detail::throw_path_overflow();
        } else {
            detail::for_each_across<L>(instances, edges, [&](std::size_t edge, const number& reward) {
                const number none{};
                cost[plan.slot[edge]].lane = reward < none ? -reward : none;
            });
            if (!detail::swept_lane_distances<L>(plan, cost, distance, most_sweeps<L>)) return give_up();
            for (int lane = 0; lane < used; ++lane)
                if (!detail::is_finite(L::get(distance[plan.target], lane))) detail::throw_path_overflow();
        }
        std::fill_n(z, static_cast<std::size_t>(used) * edges, Scalar(0));
        const auto trace = [&](int lane) {
            return detail::path_trace(
                plan, [=](std::int32_t place) { return L::get(distance[place], lane); },
                [=](std::int32_t slot) { return L::get(cost[slot], lane); },
                z + static_cast<std::size_t>(lane) * edges);
        };
        std::array<std::int32_t, L::width> stopped;
        bool tied = false;
        for (int lane = 0; lane < used; ++lane) {
            const std::int32_t at = trace(lane).while_unique();
            stopped[static_cast<std::size_t>(lane)] = at;
            tied |= at != 0;
        }
        if (!tied) return true;
        const auto count = scratch_.template get<typename L::integer_cell>(places);
        if (!detail::swept_lane_counts<L>(plan, cost, distance, count.data(), most_sweeps<L>))
            return give_up();
        for (int lane = 0; lane < used; ++lane)
            trace(lane).by_counts(stopped[static_cast<std::size_t>(lane)], [&](std::int32_t place) {
                return L::get(count[static_cast<std::size_t>(place)], lane);
            });
        return true;
    }

    bool give_up() noexcept {
        alone_ = 16;
        return false;
    }

    /// True if `used` instances are likely solved sooner in lanes than one by one.
    template <class L>
    [[nodiscard]] bool in_lanes(Eigen::Index used) noexcept {
        // A register takes as long for one instance as for all of its lanes: about that of four alone.
        if (L::width == 1 || used == 1 || 4 * used < L::width) return false;
        if (plan_->acyclic) return true;
        if (alone_ > 0) --alone_;
        return alone_ == 0 && plan_->slots() * sizeof(typename L::number_cell) <= most_bytes;
    }

    /// Each lane's share of a sweep is a small part of the time of one instance alone: four times the lanes
    /// is where both ways take about as long (measured).
    template <class L>
    static constexpr int most_sweeps = 4 * L::width;
    /// Sweeps read all costs each time; where those do not stay in a cache, lanes win nothing (measured: at
    /// 128 x 128 cells with 8 neighbours, 16 lanes of float).
    static constexpr std::size_t most_bytes = std::size_t{1} << 22;

    template <class Scalar>
    using native = detail::lanes<Scalar, detail::native_lanes<Scalar>>;

    directed_graph graph_;
    std::shared_ptr<const detail::path_plan> plan_;
    Eigen::Index source_;
    Eigen::Index target_;
    shortest_path_options options_;
    /// Registers of instances that are solved one by one, since sweeps took too long for one of late.
    Eigen::Index alone_ = 0;
    detail::basic_scratch<float, double, std::int32_t, detail::heap_entry<float>, detail::heap_entry<double>,
                          native<float>::number_cell, native<double>::number_cell,
                          native<float>::integer_cell, native<double>::integer_cell>
        scratch_;
};

}  // namespace imle::inline IMLE_ABI
