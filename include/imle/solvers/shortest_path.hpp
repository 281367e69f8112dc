#pragma once

/// @file
/// The cheapest path through a directed graph whose edges cost something.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <imle/core/shared_object.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/network_plan.hpp>
#include <imle/solvers/detail/network_search.hpp>
#include <imle/solvers/detail/network_steps.hpp>
#include <imle/solvers/detail/network_trace.hpp>
#include <imle/solvers/detail/path_plan.hpp>
#include <imle/solvers/detail/path_search.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>
#include <imle/solvers/negative_costs.hpp>

namespace imle::inline IMLE_ABI {

/// The options of `shortest_path`; the order of the members is part of the contract.
struct shortest_path_options {
    /// What to do with negative costs if a cycle lies between source and target. Without such a cycle they
    /// are exact, and this option has no effect.
    imle::negative_costs negative_costs = imle::negative_costs::clamp;
};

/// The MAP state of a distribution over the paths from a source to a target of a directed graph. An edge
/// costs -theta, and a path costs the sum over its edges; z is 1 on the cheapest path's edges, 0 elsewhere.
/// If the source is the target, z is zeros. For many pairs of one graph use `shortest_paths`.
///
///     imle::shortest_path solver{imle::directed_graph{4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}}}, 0, 3};
///
/// If no cycle lies between source and target (so always in a graph without cycles), costs of any sign are
/// exact: one pass in topological order, O(edges). Otherwise negative costs count as 0 or are rejected, see
/// `shortest_path_options`. Loops, edges into the source and edges out of the target are on no path, and
/// make no cycle that counts here.
///
/// Ties: the lowest cost, as summed in Scalar from the source on; then the fewest edges; then, at each step
/// back from the target, the edge of lowest index.
///
/// `solve_context::mask` closes edges for one solve: those where it is false. If they leave no path, z is
/// zeros and the status is `solve_status::infeasible`.
///
/// Throws `std::invalid_argument` on construction, which takes O(nodes + edges), for a source or target that
/// is not a node and for a target that cannot be reached. Throws it when solving for a theta that does not
/// have one number for each edge, for numbers that are not finite, for sums of costs that overflow, and for
/// a negative cost that is to be rejected. Copies share graph and plan. With cycles, a solve takes O(edges
/// log edges) in the worst case, and about O(edges) for costs of similar size.
class shortest_path {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// From source to target, which are nodes of the graph. O(nodes + edges).
    shortest_path(directed_graph graph, Eigen::Index source, Eigen::Index target,
                  shortest_path_options options = {})
        : graph_(std::move(graph)), source_(source), target_(target), options_(options) {
        detail::require_valid(options.negative_costs, "shortest_path_options::negative_costs");
        const detail::path_edges edges(graph_, source, target);
        if (edges.suit_both_ends) {
            auto between = detail::make_shared_object<const network>(graph_, edges, source, target);
            if (!between->plan.acyclic) network_ = std::move(between);
        }
        if (!network_)
            plan_ = detail::make_shared_object<const detail::path_plan>(graph_, edges, source, target);
    }

    /// The graph.
    [[nodiscard]] const directed_graph& graph() const noexcept { return graph_; }
    /// The node where paths begin.
    [[nodiscard]] Eigen::Index source() const noexcept { return source_; }
    /// The node where paths end.
    [[nodiscard]] Eigen::Index target() const noexcept { return target_; }
    /// The options that it was made with.
    [[nodiscard]] const shortest_path_options& options() const noexcept { return options_; }
    /// True if no cycle lies between source and target, so that negative costs are exact.
    [[nodiscard]] bool takes_negative_costs() const noexcept { return plan_ && plan_->acyclic; }

    /// theta: one number for each edge, [edges]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        (*this)(theta, z, solve_context{});
    }
    /// The same without the edges at which the context's mask is false. If they leave no path, returns
    /// `infeasible`, and z is zeros.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        check(theta, z, theta.dimension(0), closing(masks(&context, 1)));
        return solve_one(theta.data(), z.data(), context.mask);
    }

    /// thetas: several instances, [batch, edges] if row-major, [edges, batch] if column-major; zs: a tensor
    /// of its dimensions. Gives the bits of single solves in a fraction of the time, with one instance in
    /// each lane of a register.
    template <detail::InstanceOfRank<2> ThetasT, detail::StateOf<ThetasT> ZsT>
    void solve_batch(const ThetasT& thetas, ZsT&& zs) {
        solve_all(thetas, zs, {});
    }
    /// The same, each instance without the edges at which its context's mask is false. Returns `infeasible`
    /// if one of them has no path; its z is zeros.
    template <detail::InstanceOfRank<2> ThetasT, detail::StateOf<ThetasT> ZsT>
    solve_status solve_batch(const ThetasT& thetas, ZsT&& zs, std::span<const solve_context> contexts) {
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        detail::require_contexts(contexts.size(), thetas.dimension(row_major ? 0 : 1));
        return solve_all(thetas, zs, closing(contexts));
    }

  private:
    using masks = std::span<const solve_context>;

    /// The part of the graph between source and target, laid out for searches from both ends.
    struct network {
        detail::network_plan plan;
        detail::network_steps steps;
        detail::network_plan::index source, target;

        network(const directed_graph& graph, const detail::path_edges& edges, Eigen::Index from,
                Eigen::Index to)
            : plan(graph, {0, {}, left_out(edges)}, std::array{from, to}),
              source(plan.place(from)),
              target(plan.place(to)) {
            if (!plan.acyclic) steps = detail::network_steps(plan);
        }
        static std::vector<Eigen::Index> left_out(const detail::path_edges& edges) {
            std::vector<Eigen::Index> result;
            for (std::size_t e = 0; e < edges.kept.size(); ++e)
                if (!edges.kept[e]) result.push_back(static_cast<Eigen::Index>(e));
            return result;
        }
    };

    [[nodiscard]] static bool closes_edges(const solve_context& context) noexcept {
        return !context.mask.empty();
    }
    /// The contexts if one of them closes edges; otherwise none.
    [[nodiscard]] static masks closing(masks contexts) noexcept {
        return std::any_of(contexts.begin(), contexts.end(), closes_edges) ? contexts : masks{};
    }

    /// contexts: one for each instance, or none.
    template <class ThetaT, class ZT>
    void check(const ThetaT& theta, const ZT& z, Eigen::Index edges, masks contexts) const {
        const std::size_t count = graph_.edges().size();
        detail::require_edges(edges, count);
        detail::require_instance(theta, z);
        for (const solve_context& context : contexts) detail::require_mask(context.mask, count);
        if (takes_negative_costs() || options_.negative_costs == negative_costs::clamp) return;
        const auto values = detail::values_of(theta);
        const auto reject = [&](std::size_t first, std::size_t size) {
            detail::reject_negative_costs(values.subspan(first, size), [&](std::size_t i) {
                return detail::message("edge ", (first + i) % count, " of instance ", (first + i) / count);
            });
        };
        if (contexts.empty()) return reject(0, values.size());
        for (std::size_t b = 0; b < contexts.size(); ++b)
            for (std::size_t e = 0; e < count; ++e)
                if (contexts[b].allows(static_cast<Eigen::Index>(e))) reject(b * count + e, 1);
    }

    template <class ThetasT, class ZsT>
    solve_status solve_all(const ThetasT& thetas, ZsT& zs, masks contexts) {
        using Scalar = scalar_of<ThetasT>;
        using L = detail::lanes<Scalar, detail::native_lanes<Scalar>>;
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        check(thetas, zs, thetas.dimension(row_major ? 1 : 0), contexts);
        const Eigen::Index batch = thetas.dimension(row_major ? 0 : 1);
        const auto edges = static_cast<Eigen::Index>(graph_.edges().size());
        bool solved = true;
        for (Eigen::Index done = 0; done < batch;) {
            const Scalar* const from = thetas.data() + done * edges;
            Scalar* const to = zs.data() + done * edges;
            const auto used = std::min<Eigen::Index>(batch - done, L::width);
            const masks these = contexts.empty() ? contexts
                                                 : contexts.subspan(static_cast<std::size_t>(done),
                                                                    static_cast<std::size_t>(used));
            // The lanes of a register close edges all, or none.
            const auto closed = std::count_if(these.begin(), these.end(), closes_edges);
            const auto alone = [&](Eigen::Index i) {
                const auto mask =
                    these.empty() ? std::span<const bool>{} : these[static_cast<std::size_t>(i)].mask;
                solved &= solve_one(from + i * edges, to + i * edges, mask) == solve_status::solved;
            };
            std::uint64_t left_out = 0;
            if ((closed != 0 && closed != used) || !in_lanes<L>(used) ||
                !solve_lanes<L>(static_cast<int>(used), from, to, closing(these), left_out))
                for (Eigen::Index i = 0; i < used; ++i) alone(i);
            else
                for (Eigen::Index i = 0; left_out != 0; ++i, left_out >>= 1)
                    if ((left_out & 1) != 0) alone(i);
            done += used;
        }
        return solved ? solve_status::solved : solve_status::infeasible;
    }

    /// mask: of edges, empty if all are open.
    template <class Scalar>
    solve_status solve_one(const Scalar* theta, Scalar* z, std::span<const bool> mask) {
        const std::size_t edges = graph_.edges().size();
        if (network_) {
            std::fill_n(z, edges, Scalar(0));
            const auto solve = [&](auto costs) {
                return detail::mark_cheapest_path(network_->plan, network_->steps, costs, memory_,
                                                  network_->source, network_->target, z);
            };
            return mask.empty() ? solve(detail::edge_costs<Scalar, false, false>{theta, nullptr})
                                : solve(detail::edge_costs<Scalar, false, true>{theta, mask.data()});
        }
        const detail::path_plan& plan = *plan_;
        const auto places = static_cast<std::size_t>(plan.places);
        const auto numbers = scratch_.template get<Scalar>(edges + 2 * places);
        const auto cost = numbers.first(edges), distance = numbers.subspan(edges, places);
        // As many places in each of two lists as there are slots, and room for the trace.
        const std::size_t room = plan.slots() + places + 1;
        const auto integers = scratch_.template get<std::int32_t>(2 * room);

        const auto close_edges = [&] {
            for (std::size_t e = 0; e < mask.size(); ++e)
                if (!mask[e]) cost[e] = std::numeric_limits<Scalar>::infinity();
        };
        if (plan.acyclic) {
            for (std::size_t e = 0; e < edges; ++e) cost[e] = -theta[e];
            close_edges();
            detail::acyclic_distances<detail::lanes<Scalar, 1>>(
                plan, [to = distance.data()](std::int32_t place) -> auto& { return to[place]; },
                [&](std::size_t slot) { return cost[static_cast<std::size_t>(plan.edge[slot])]; });
            if (mask.empty() ? !detail::all_finite(std::span<const Scalar>(distance))
                             : falls_too_low(std::span<const Scalar>(distance)))
                detail::throw_path_overflow();
        } else {
            for (std::size_t e = 0; e < edges; ++e) cost[e] = theta[e] < 0 ? -theta[e] : Scalar(0);
            close_edges();
            const detail::near_far_work<Scalar> work{numbers.last(places), integers.first(room),
                                                     integers.last(room)};
            const bool found =
                plan.slots() < detail::path_edges::large
                    ? detail::near_far_distances<false, Scalar>(plan, cost, distance.data(), work)
                    : detail::near_far_distances<true, Scalar>(plan, cost, distance.data(), work);
            if (!found)
                detail::heap_distances<Scalar>(
                    plan, cost, distance.data(),
                    scratch_.template get<detail::heap_entry<Scalar>>(plan.slots() + 1));
        }
        std::fill_n(z, edges, Scalar(0));
        if (!detail::is_finite(distance[static_cast<std::size_t>(plan.target)])) {
            const auto cost_of = [&](std::int32_t edge) { return cost[static_cast<std::size_t>(edge)]; };
            if (mask.empty() || detail::reaches_target(plan, cost_of, integers.first(places),
                                                       integers.subspan(places, places)))
                detail::throw_path_overflow();
            return solve_status::infeasible;
        }
        const detail::path_trace trace(
            plan, [&](std::int32_t place) { return distance[static_cast<std::size_t>(place)]; },
            [&](std::int32_t slot) {
                return cost[static_cast<std::size_t>(plan.edge[static_cast<std::size_t>(slot)])];
            },
            z);
        const std::int32_t stopped = trace.while_unique();
        if (stopped == 0) return solve_status::solved;
        const auto count = integers.first(places);
        detail::count_edges<Scalar>(plan, cost.data(), distance.data(), stopped, count, integers.last(room));
        trace.by_counts(stopped, [&](std::int32_t place) { return count[static_cast<std::size_t>(place)]; });
        return solve_status::solved;
    }

    /// True if a sum has overflowed downwards, or met another that has.
    template <class Scalar>
    [[nodiscard]] static bool falls_too_low(std::span<const Scalar> distances) noexcept {
        return !std::all_of(distances.begin(), distances.end(),
                            [](Scalar d) { return d >= std::numeric_limits<Scalar>::lowest(); });
    }

    /// Solves `used` instances, one after the other in memory, in as many lanes. contexts: one for each, or
    /// none if all edges are open. left_out: bit i is set if instance i has no path, or no path of finite
    /// cost. Returns false if this would take longer than solving one by one.
    template <class L>
    [[nodiscard]] bool solve_lanes(int used, const typename L::Scalar* theta, typename L::Scalar* z,
                                   masks contexts, std::uint64_t& left_out) {
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
            if (!contexts.empty()) close_lanes<L>(contexts, used, cost);
            detail::acyclic_distances<L>(
                plan, [=](std::int32_t place) -> auto& { return distance[place].lane; },
                [=](std::size_t slot) { return cost[slot].lane; });
            const auto* const first = reinterpret_cast<const Scalar*>(distance);
            const std::span<const Scalar> all(first, places * L::width);
            if (contexts.empty() ? !detail::all_finite(all) : falls_too_low(all))
                detail::throw_path_overflow();
        } else {
            detail::for_each_across<L>(instances, edges, [&](std::size_t edge, const number& reward) {
                const number none{};
                cost[plan.slot[edge]].lane = reward < none ? -reward : none;
            });
            if (!contexts.empty()) close_lanes<L>(contexts, used, cost);
            if (!detail::swept_lane_distances<L>(plan, cost, distance, most_sweeps<L>)) return give_up();
        }
        // Without cycles and closed edges, all distances are finite.
        for (int lane = 0; (!plan.acyclic || !contexts.empty()) && lane < used; ++lane)
            if (!detail::is_finite(L::get(distance[plan.target], lane))) left_out |= std::uint64_t{1} << lane;
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
            if ((left_out >> lane & 1) != 0) {
                stopped[static_cast<std::size_t>(lane)] = 0;
                continue;
            }
            const std::int32_t at = trace(lane).while_unique();
            stopped[static_cast<std::size_t>(lane)] = at;
            tied |= at != 0;
        }
        if (!tied) return true;
        const auto count = scratch_.template get<typename L::integer_cell>(places);
        if (!detail::swept_lane_counts<L>(plan, cost, distance, count.data(), most_sweeps<L>))
            return give_up();
        for (int lane = 0; lane < used; ++lane)
            if (stopped[static_cast<std::size_t>(lane)] != 0)
                trace(lane).by_counts(stopped[static_cast<std::size_t>(lane)], [&](std::int32_t place) {
                    return L::get(count[static_cast<std::size_t>(place)], lane);
                });
        return true;
    }

    /// Makes the edges that each lane's mask closes infinitely expensive.
    template <class L>
    void close_lanes(masks contexts, int used, typename L::number_cell* cost) const noexcept {
        for (int lane = 0; lane < L::width; ++lane) {
            const auto mask = contexts[static_cast<std::size_t>(std::min(lane, used - 1))].mask;
            for (std::size_t edge = 0; edge < mask.size(); ++edge)
                if (!mask[edge])
                    L::set(cost[plan_->slot[edge]], lane,
                           std::numeric_limits<typename L::Scalar>::infinity());
        }
    }

    bool give_up() noexcept {
        alone_ = 16;
        return false;
    }

    /// True if `used` instances are probably solved sooner in lanes than one by one.
    template <class L>
    [[nodiscard]] bool in_lanes(Eigen::Index used) noexcept {
        // A register takes as long for one instance as for all of its lanes: about that of four alone.
        if (L::width == 1 || used == 1 || 4 * used < L::width || network_) return false;
        if (plan_->acyclic) return true;
        if (alone_ > 0) --alone_;
        return alone_ == 0 && plan_->slots() * sizeof(typename L::number_cell) <= most_bytes;
    }

    /// A lane's share of a sweep is a small part of the time of a single instance: with four times the lanes
    /// both ways take about as long (measured).
    template <class L>
    static constexpr int most_sweeps = 4 * L::width;
    /// Sweeps read all costs each time. If those do not stay in a cache, lanes gain nothing (measured: at
    /// 128 x 128 cells with 8 neighbours, 16 lanes of float).
    static constexpr std::size_t most_bytes = std::size_t{1} << 22;

    template <class Scalar>
    using native = detail::lanes<Scalar, detail::native_lanes<Scalar>>;

    directed_graph graph_;
    /// One of the two.
    std::shared_ptr<const detail::path_plan> plan_;
    std::shared_ptr<const network> network_;
    Eigen::Index source_;
    Eigen::Index target_;
    shortest_path_options options_;
    /// The number of registers of instances to solve one by one, since sweeps recently took too long for
    /// one.
    Eigen::Index alone_ = 0;
    detail::basic_scratch<float, double, std::int32_t, detail::heap_entry<float>, detail::heap_entry<double>,
                          native<float>::number_cell, native<double>::number_cell,
                          native<float>::integer_cell, native<double>::integer_cell>
        scratch_;
    detail::network_memory memory_;
};

}  // namespace imle::inline IMLE_ABI
