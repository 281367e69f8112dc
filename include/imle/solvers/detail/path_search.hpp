#pragma once

/// @file
/// Shortest distances from the source over the places of a `path_plan`, for one instance and for a register
/// of instances, and the way from them back to the one path that the tie rule names.
///
/// All ways have the same answer, bit for bit, although sums are rounded. x -> fl(x + c) does not decrease in
/// x, so a least sum to one place extends a least sum to the place before it; and where c >= 0, fl(x + c) >=
/// x, so that going round in a loop gains nothing. The distance to a place is the least of the sums of costs
/// along paths, added up from the source on. Where costs are >= 0 the search ends when no distance up to the
/// target's can change; the larger ones may still be too large then, and no path to the target needs them.
///
/// An edge is tight if fl(distance(tail) + cost) = distance(head). Where each place on the way back from the
/// target has one tight edge only, there is one cheapest path, and nothing more to know. Where there are
/// several (parallel edges, equal costs, costs that rounding absorbs) following any of them may go round in a
/// loop of cost 0; then the number of edges from the source is counted along tight edges, which falls by 1 in
/// each step of a path of fewest edges.
///
/// A closed edge costs infinitely much: it makes no distance smaller, and is tight at no place that is
/// reached.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <utility>

#include <imle/core/finite.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/path_plan.hpp>

namespace imle::inline IMLE_ABI::detail {

// ---- Plans without cycles: costs of any sign, one pass in topological order

/// One instance, or a register of them, all lanes in step. distance(place): to be written; cost(slot).
template <class L, class DistanceT, class CostT>
void acyclic_distances(const path_plan& plan, const DistanceT& distance, const CostT& cost) noexcept {
    using number = typename L::number;
    distance(0) = number{};
    std::size_t slot = 0;
    for (std::size_t place = 1; place < static_cast<std::size_t>(plan.places); ++place) {
        const auto end = static_cast<std::size_t>(plan.first_in[place + 1]);
        number best = distance(plan.tail[slot]) + cost(slot);
        for (++slot; slot < end; ++slot) {
            const number through = distance(plan.tail[slot]) + cost(slot);
            best = through < best ? through : best;
        }
        distance(static_cast<path_plan::index>(place)) = best;
    }
}

// ---- Plans with cycles: costs >= 0

/// Fills the values of places: 0 at the source, elsewhere the least of through(place, slot) over the slots
/// into a place. In sweeps over all places, outward and back in turn, until no value up to the target's
/// changes in any lane. Returns false if that takes more than `most_sweeps`: paths that wind through the
/// order of places.
template <class L, class Cell, class ThroughT>
[[nodiscard]] bool sweep_places(const path_plan& plan, Cell* values, const Cell& unreached, int most_sweeps,
                                const ThroughT& through) noexcept {
    using integer = typename L::integer;
    const auto places = static_cast<std::size_t>(plan.places);
    for (std::size_t place = 1; place < places; ++place) values[place] = unreached;
    values[0].lane = decltype(Cell::lane){};
    for (int sweep = 0; sweep < most_sweeps; ++sweep) {
        integer changed{};
        const auto bound = values[plan.target].lane;
        const auto relax = [&](std::size_t place) {
            const auto old = values[place].lane;
            auto least = old;
            const auto end = static_cast<std::size_t>(plan.first_in[place + 1]);
            for (auto slot = static_cast<std::size_t>(plan.first_in[place]); slot < end; ++slot) {
                const auto value = through(place, slot);
                least = value < least ? value : least;
            }
            values[place].lane = least;
            changed |= integer(least < old) & integer(least <= bound);
        };
        if (sweep % 2 == 0)
            for (std::size_t place = 1; place < places; ++place) relax(place);
        else
            for (std::size_t place = places - 1; place > 0; --place) relax(place);
        if (!L::any(changed)) return true;
    }
    return false;
}

/// A register of instances. cost: by slots; distance: by places. Returns false if it gave up.
template <class L>
[[nodiscard]] bool swept_lane_distances(const path_plan& plan, const typename L::number_cell* cost,
                                        typename L::number_cell* distance, int most_sweeps) noexcept {
    using number = typename L::number;
    const typename L::number_cell infinite{number{} + std::numeric_limits<typename L::Scalar>::infinity()};
    return sweep_places<L>(plan, distance, infinite, most_sweeps, [=, &plan](std::size_t, std::size_t slot) {
        return distance[plan.tail[slot]].lane + cost[slot].lane;
    });
}

/// The memory of `near_far_distances`.
template <class Scalar>
struct near_far_work {
    /// As many numbers as there are places: the distance with which a place was last relaxed.
    std::span<Scalar> relaxed;
    /// Two lists of as many places, at least one for each slot.
    std::span<path_plan::index> near;
    std::span<path_plan::index> far;
};

/// One instance, by the near-far pile of Davidson, Baxter, Garland and Owens ("Work-efficient parallel GPU
/// methods for single-source shortest paths", IPDPS 2014), a delta-stepping with two buckets: places nearer
/// than a threshold are relaxed in any order, until none is left; then the threshold moves up by the mean
/// cost. There is no heap, and in the inner loop no branch that depends on the costs, which is where a
/// Dijkstra spends its time.
///
/// cost: by edges of the graph; distance: by places. Returns false, with distances that are too large, if it
/// takes too long: a threshold does not fit costs of very different size. Large: reads its list ahead, which
/// hides how far away places are that are in no near cache.
template <bool Large, class Scalar>
[[nodiscard]] bool near_far_distances(const path_plan& plan, std::span<const Scalar> cost, Scalar* distance,
                                      const near_far_work<Scalar>& work) noexcept {
    using index = path_plan::index;
    constexpr Scalar infinite = std::numeric_limits<Scalar>::infinity();
    const auto places = static_cast<std::size_t>(plan.places);
    std::fill_n(distance, places, infinite);
    std::fill_n(work.relaxed.begin(), places, infinite);
    const auto relaxed = [&](index place) -> Scalar& {
        return work.relaxed[static_cast<std::size_t>(place)];
    };

    // Sums side by side, as a compiler may not change the order of one sum.
    std::array<Scalar, 16> sums{};
    for (std::size_t i = 0; i + sums.size() <= cost.size(); i += sums.size())
        for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += cost[i + j];
    Scalar step = 0;
    for (const Scalar sum : sums) step += sum / static_cast<Scalar>(cost.size());
    if (!(step < infinite)) {
        // Closed edges cost infinitely much.
        step = 0;
        for (const Scalar one : cost) step += one < infinite ? one / static_cast<Scalar>(cost.size()) : 0;
    }

    index* const near = work.near.data();
    index* const far = work.far.data();
    const std::size_t room = work.near.size();
    std::size_t nears = 1, fars = 0;
    near[0] = 0;
    distance[0] = 0;
    Scalar threshold = step;
    for (std::size_t left = 8 * (plan.slots() + places);;) {
        for (std::size_t i = 0; i < nears; ++i) {
            if constexpr (Large) {
                constexpr std::size_t ahead = 16;
                const auto coming = [&](std::size_t by) {  // behind the list's end: old numbers
                    const std::uint32_t place = static_cast<std::uint32_t>(i + by < room ? near[i + by] : 0);
                    return std::min(std::size_t{place}, places);
                };
                const std::size_t last = coming(ahead);
                __builtin_prefetch(distance + last);
                __builtin_prefetch(work.relaxed.data() + last);
                __builtin_prefetch(plan.first_out.data() + last);
                const path_plan::out_edge* const out = plan.out.data();
                __builtin_prefetch(out + plan.first_out[coming(ahead / 2)]);
                const path_plan::out_edge* const next = out + plan.first_out[coming(ahead / 4)];
                for (std::size_t o = 0; o < path_plan::spare; ++o) {
                    __builtin_prefetch(distance + next[o].head);
                    __builtin_prefetch(cost.data() + next[o].edge);
                }
            }
            const index place = near[i];
            const Scalar here = distance[place];
            if (relaxed(place) == here) continue;
            relaxed(place) = here;
            const auto first = static_cast<std::size_t>(plan.first_out[static_cast<std::size_t>(place)]);
            const auto end = static_cast<std::size_t>(plan.first_out[static_cast<std::size_t>(place) + 1]);
            const std::size_t work_here = end - first;
            if (nears + work_here > room || fars + work_here > room || work_here > left) return false;
            left -= work_here;
            for (std::size_t o = first; o < end; ++o) {
                const index head = plan.out[o].head;
                const Scalar through = here + cost[static_cast<std::size_t>(plan.out[o].edge)];
                const Scalar old = distance[head];
                const bool better = through < old, is_near = through < threshold;
                distance[head] = better ? through : old;
                near[nears] = head;
                far[fars] = head;
                nears += static_cast<std::size_t>(better & is_near);
                fars += static_cast<std::size_t>(better & !is_near);
            }
        }
        // All distances below the threshold are final.
        if (distance[plan.target] < threshold || fars == 0) return true;

        Scalar nearest = infinite;
        std::size_t waiting = 0;
        for (std::size_t i = 0; i < fars; ++i) {
            const index place = far[i];
            const bool waits = relaxed(place) != distance[place];
            const Scalar at = waits ? distance[place] : infinite;
            nearest = at < nearest ? at : nearest;
            far[waiting] = place;
            waiting += static_cast<std::size_t>(waits);
        }
        if (waiting == 0) return true;
        if (fars > left) return false;
        left -= fars;
        threshold = nearest + step;
        if (!(threshold > nearest)) threshold = std::nextafter(nearest, infinite);
        nears = fars = 0;
        for (std::size_t i = 0; i < waiting; ++i) {
            const index place = far[i];
            const bool is_near = distance[place] < threshold;
            near[nears] = place;
            far[fars] = place;
            nears += static_cast<std::size_t>(is_near);
            fars += static_cast<std::size_t>(!is_near);
        }
    }
}

/// Whether a path of edges that are not closed leads to the target; a closed one costs infinitely much.
/// cost(edge of the graph); reached: by places; queue: as many.
template <class CostT>
[[nodiscard]] bool reaches_target(const path_plan& plan, const CostT& cost,
                                  std::span<path_plan::index> reached,
                                  std::span<path_plan::index> queue) noexcept {
    std::fill(reached.begin(), reached.end(), 0);
    std::size_t found = 0;
    const auto find = [&](path_plan::index place) {
        if (std::exchange(reached[static_cast<std::size_t>(place)], 1) == 0) queue[found++] = place;
    };
    find(0);
    for (std::size_t done = 0; done < found; ++done) {
        const auto place = static_cast<std::size_t>(queue[done]);
        const auto end = static_cast<std::size_t>(plan.first_out[place + 1]);
        for (auto o = static_cast<std::size_t>(plan.first_out[place]); o < end; ++o)
            if (is_finite(cost(plan.out[o].edge))) find(plan.out[o].head);
    }
    return reached[static_cast<std::size_t>(plan.target)] != 0;
}

/// A place and its distance, in a heap.
template <class Scalar>
struct heap_entry {
    Scalar distance;
    path_plan::index place;
    [[nodiscard]] friend bool operator>(const heap_entry& a, const heap_entry& b) noexcept {
        return a.distance > b.distance;
    }
};

/// One instance, by Dijkstra's algorithm: O(slots log slots), whatever the costs. heap: one more than the
/// slots.
template <class Scalar>
void heap_distances(const path_plan& plan, std::span<const Scalar> cost, Scalar* distance,
                    std::span<heap_entry<Scalar>> heap) noexcept {
    std::fill_n(distance, plan.places, std::numeric_limits<Scalar>::infinity());
    distance[0] = 0;
    heap[0] = {0, 0};
    std::ptrdiff_t size = 1;
    while (size > 0) {
        const auto [here, place] = heap[0];
        std::pop_heap(heap.begin(), heap.begin() + size--, std::greater<>{});
        if (here > distance[place]) continue;
        if (here > distance[plan.target]) return;
        const auto first = static_cast<std::size_t>(plan.first_out[static_cast<std::size_t>(place)]);
        const auto end = static_cast<std::size_t>(plan.first_out[static_cast<std::size_t>(place) + 1]);
        for (std::size_t o = first; o < end; ++o) {
            const path_plan::index head = plan.out[o].head;
            const Scalar through = here + cost[static_cast<std::size_t>(plan.out[o].edge)];
            if (!(through < distance[head])) continue;
            distance[head] = through;
            heap[static_cast<std::size_t>(size++)] = {through, head};
            std::push_heap(heap.begin(), heap.begin() + size, std::greater<>{});
        }
    }
}

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

/// The same for a register of instances, to the target. cost: by slots. Returns false if it gave up.
template <class L>
[[nodiscard]] bool swept_lane_counts(const path_plan& plan, const typename L::number_cell* cost,
                                     const typename L::number_cell* distance, typename L::integer_cell* count,
                                     int most_sweeps) noexcept {
    using integer = typename L::integer;
    const typename L::integer_cell unreached{integer{} + unreached_count<lane_integer<typename L::Scalar>>};
    return sweep_places<L>(plan, count, unreached, most_sweeps,
                           [=, &plan](std::size_t place, std::size_t slot) {
                               const auto tail = static_cast<std::size_t>(plan.tail[slot]);
                               return L::if_equal(distance[tail].lane + cost[slot].lane, distance[place].lane,
                                                  count[tail].lane + 1, unreached.lane);
                           });
}

}  // namespace imle::inline IMLE_ABI::detail
