#pragma once

/// @file
/// From distances over the places of a `path_plan` back to the one path that the tie rule names.
///
/// An edge is tight if fl(distance(tail) + cost) = distance(head). Where each place on the way back from the
/// target has one tight edge only, there is one cheapest path, and nothing more to know. Where there are
/// several (parallel edges, equal costs, costs that rounding absorbs) following any of them may go round in a
/// loop of cost 0; then the number of edges from the source is counted along tight edges, which falls by 1 in
/// each step of a path of fewest edges.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>

#include <imle/core/config.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/path_plan.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The number of edges to a place that has not been reached; half of the largest, so that one more does not
/// overflow.
template <class Count>
inline constexpr Count unreached_count = std::numeric_limits<Count>::max() / 2;

/// Reads the numbers of one instance: distance(place), cost(slot). Marks the edges of its path in z, which is
/// by edges of the graph and holds zeros.
template <class DistanceT, class CostT, class Scalar>
class path_trace {
  public:
    using index = path_plan::index;

    path_trace(const path_plan& plan, DistanceT distance, CostT cost, Scalar* z) noexcept
        : plan_(plan), distance_(distance), cost_(cost), z_(z) {}

    /// Marks edges from the target back as long as there is one tight edge, and returns where it stopped: the
    /// source, place 0, if it got there.
    [[nodiscard]] index while_unique() const noexcept {
        index place = plan_.target;
        while (place != 0) {
            index tights = 0, only = 0;
            for (index slot = first_in(place); slot < first_in(place + 1); ++slot) {
                const bool tight = is_tight(slot, place);
                only = tight ? slot : only;
                tights += tight ? 1 : 0;
            }
            if (tights != 1) break;
            mark(only);
            place = tail(only);
        }
        return place;
    }

    /// Marks the path of fewest edges from a place to the source: of tight edges from places that are one
    /// edge nearer to the source, the lowest. count(place): the number of edges.
    template <class CountT>
    void by_counts(index place, const CountT& count) const noexcept {
        for (auto left = count(place); left-- > 0;) {
            index slot = first_in(place);
            while (count(tail(slot)) != left || !is_tight(slot, place)) ++slot;
            mark(slot);
            place = tail(slot);
        }
    }

  private:
    [[nodiscard]] index first_in(index place) const noexcept {
        return plan_.first_in[static_cast<std::size_t>(place)];
    }
    [[nodiscard]] index tail(index slot) const noexcept { return plan_.tail[static_cast<std::size_t>(slot)]; }
    [[nodiscard]] bool is_tight(index slot, index place) const noexcept {
        return distance_(tail(slot)) + cost_(slot) == distance_(place);
    }
    void mark(index slot) const noexcept { z_[plan_.edge[static_cast<std::size_t>(slot)]] = 1; }

    const path_plan& plan_;
    DistanceT distance_;
    CostT cost_;
    Scalar* z_;
};

/// For one instance: the least number of tight edges to each place that is no farther from the source than
/// `last`, breadth first. cost: by edges of the graph; distance, count: by places; queue: one more than the
/// places.
template <class Scalar>
void count_edges(const path_plan& plan, const Scalar* cost, const Scalar* distance, path_plan::index last,
                 std::span<path_plan::index> count, std::span<path_plan::index> queue) noexcept {
    using index = path_plan::index;
    constexpr index unreached = unreached_count<index>;
    std::fill(count.begin(), count.end(), unreached);
    count[0] = 0;
    queue[0] = 0;
    std::size_t reached = 1;
    for (std::size_t done = 0; count[static_cast<std::size_t>(last)] == unreached; ++done) {
        const auto place = static_cast<std::size_t>(queue[done]);
        const index next = count[place] + 1;
        const auto end = static_cast<std::size_t>(plan.first_out[place + 1]);
        for (auto o = static_cast<std::size_t>(plan.first_out[place]); o < end; ++o) {
            const auto head = static_cast<std::size_t>(plan.out[o].head);
            // By bits and a minimum: of a condition compilers make a branch, which plateaus predict badly.
            const index tight = -index{distance[place] + cost[plan.out[o].edge] == distance[head]};
            const index old = count[head];
            count[head] = std::min(old, (next & tight) | (unreached & ~tight));
            queue[reached] = static_cast<index>(head);
            reached += static_cast<std::size_t>(count[head] != old);
        }
    }
}

/// The same for a register of instances, to the target, by the sweeps of `swept_lane_distances`. cost: by
/// slots. Returns false if that takes more than `most_sweeps`.
template <class L>
[[nodiscard]] bool swept_lane_counts(const path_plan& plan, const typename L::number_cell* cost,
                                     const typename L::number_cell* distance, typename L::integer_cell* count,
                                     int most_sweeps) noexcept {
    using number = typename L::number;
    using integer = typename L::integer;
    const auto places = static_cast<std::size_t>(plan.places);
    const integer unreached = integer{} + unreached_count<lane_integer<typename L::Scalar>>;
    for (std::size_t place = 0; place < places; ++place) count[place].lane = unreached;
    count[0].lane = integer{};

    for (int sweep = 0; sweep < most_sweeps; ++sweep) {
        integer changed{};
        const integer bound = count[plan.target].lane;
        const auto relax = [&](std::size_t place) {
            const number here = distance[place].lane;
            const integer old = count[place].lane;
            integer fewest = old;
            const auto end = static_cast<std::size_t>(plan.first_in[place + 1]);
            for (auto slot = static_cast<std::size_t>(plan.first_in[place]); slot < end; ++slot) {
                const auto tail = static_cast<std::size_t>(plan.tail[slot]);
                const integer through =
                    L::if_equal(distance[tail].lane + cost[slot].lane, here, count[tail].lane + 1, unreached);
                fewest = through < fewest ? through : fewest;
            }
            count[place].lane = fewest;
            changed |= integer(fewest < old) & integer(fewest <= bound);
        };
        if (sweep % 2 == 0)
            for (std::size_t place = 1; place < places; ++place) relax(place);
        else
            for (std::size_t place = places - 1; place > 0; --place) relax(place);
        if (!L::any(changed)) return true;
    }
    return false;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
