#pragma once

/// @file
/// Shortest distances over the places of a `network_plan`: from a source to one target or to several.
///
/// Each way gives the distances of `path_search.hpp`, bit for bit: the least sums of costs along paths, as
/// rounded from the source on, at the targets and at every place that a cheapest path to them can go through.
/// Other places may have a distance that is too large, or none.
///
/// To one target the search goes from both ends (Pohl, "Bi-directional search", 1971): two circles of half
/// the radius are half of one circle. Sums from the target's end are rounded differently, so they serve as
/// bounds alone: a place at distances f and b from the ends is on no cheapest path if f + b exceeds the cost
/// of some path by more than rounding can do. Once the ends have met, the search from the source goes on to
/// the target within the few places that are left.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <type_traits>

#include <imle/core/backports.hpp>
#include <imle/core/rounded.hpp>
#include <imle/solvers/detail/network_plan.hpp>
#include <imle/solvers/detail/network_steps.hpp>
#include <imle/solvers/instance.hpp>
#include <imle/solvers/negative_costs.hpp>

namespace imle::inline IMLE_ABI::detail {

/// An edge's cost, -theta; negative ones count as 0 unless Signed. If Masked, an edge that is not open costs
/// infinitely much.
template <class ScalarT, bool Signed, bool Masked>
struct edge_costs {
    using Scalar = ScalarT;
    const Scalar* theta;
    const bool* open;

    [[nodiscard]] Scalar operator()(network_plan::index edge) const noexcept {
        const Scalar reward = theta[edge];
        const Scalar cost = Signed || reward < 0 ? -reward : Scalar(0);
        return !Masked || open[edge] ? cost : std::numeric_limits<Scalar>::infinity();
    }
    /// The sum of a path's costs after a step, if it was `here` before.
    [[nodiscard]] Scalar after(Scalar here, network_steps::step step) const noexcept {
        // By bits: of a condition compilers make a branch, which is badly predicted.
        using bits = std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>;
        const bits kept = bits{0} - bits{!step.is_single()};
        const auto second = bit_cast<bits>((*this)(step.last())) & kept;
        return here + (*this)(step.first) + bit_cast<Scalar>(second);
    }
    /// Has a cost brought into the cache.
    void prefetch(network_plan::index edge) const noexcept { __builtin_prefetch(theta + edge); }
};

/// The distances of a place from the source (0) and from the target (1), which are 0 or more. Their signs
/// tell whether its steps are still to be followed: then they are negative.
template <class Scalar>
struct network_label {
    Scalar distance[2];
};

/// A place and its distance, in a heap.
template <class Scalar>
struct network_heap_entry {
    Scalar distance;
    network_plan::index place;
    [[nodiscard]] friend bool operator>(const network_heap_entry& a, const network_heap_entry& b) noexcept {
        return a.distance > b.distance;
    }
};

/// The memory of a thread's searches: O(nodes + edges).
using network_memory =
    basic_scratch<float, double, network_plan::index, network_label<float>, network_label<double>,
                  network_heap_entry<float>, network_heap_entry<double>>;

/// One source's search at one theta.
template <class CostT>
class network_search {
  public:
    using Scalar = typename CostT::Scalar;
    using index = network_plan::index;

    network_search(const network_plan& plan, const network_steps& steps, CostT cost, network_memory& memory,
                   index source)
        : plan_(plan), steps_(steps), cost_(cost), memory_(memory), source_(source) {
        const auto places = static_cast<std::size_t>(plan.places);
        room_ = 2 * static_cast<std::size_t>(plan.stops) + static_cast<std::size_t>(steps.most) + 1 + ahead;
        labels_ = memory.get<network_label<Scalar>>(places).data();
        lists_ = memory.get<index>(std::max(4 * room_, 2 * places));
        for (std::size_t side = 0; side < 2; ++side) {
            sides_[side].near = lists_.data() + 2 * side * room_;
            sides_[side].far = sides_[side].near + room_;
        }
    }

    /// Finds the distance of one target.
    void find(index target) {
        if (plan_.acyclic) return in_order(target);
        clear();
        count_cheap_edges();
        const bool found = from_both_ends(target);
        if (!found) return by_heap(target);
        finish();
    }

    /// Finds the distances of several targets.
    void find(std::span<const index> targets) {
        if (plan_.acyclic) return in_order(plan_.places);
        clear();
        if (!from_source(targets)) return by_heap(plan_.places);
        finish();
    }

    /// The least sum of costs to a place, if that was looked for: infinite if there is no path.
    [[nodiscard]] Scalar distance(index place) const noexcept {
        Scalar& known = labels_[place].distance[0];
        if (place < plan_.stops || known < infinite) return known;
        const auto come_from = [&](network_plan::link link) {
            known = std::min(known, labels_[link.place].distance[0] + cost_(link.edge));
        };
        for (const network_plan::link link : plan_.links_in(place)) come_from(link);
        for (const network_plan::link link : plan_.first_links_in(place))
            if (link.place == source_) come_from(link);
        return known;
    }

    /// Throws if there is a path to a place, whose costs then have a sum that is too large.
    void require_unreachable(index target) {
        const auto places = static_cast<std::size_t>(plan_.places);
        const auto reached = integers().first(places), queue = integers().last(places);
        std::fill(reached.begin(), reached.end(), 0);
        reached[static_cast<std::size_t>(source_)] = 1;
        std::size_t found = 0;
        queue[found++] = source_;
        for (std::size_t done = 0; done < found; ++done)
            for (const network_plan::link link : plan_.links_out(queue[done], source_)) {
                index& mark = reached[static_cast<std::size_t>(link.place)];
                if (mark != 0 || !(cost_(link.edge) < infinite)) continue;
                mark = 1;
                queue[found++] = link.place;
            }
        if (reached[static_cast<std::size_t>(target)] != 0) throw_path_overflow();
    }

    [[nodiscard]] const network_plan& plan() const noexcept { return plan_; }
    [[nodiscard]] index source() const noexcept { return source_; }
    [[nodiscard]] Scalar cost(index edge) const noexcept { return cost_(edge); }
    /// Twice as many integers as there are places, for what comes after the search.
    [[nodiscard]] std::span<index> integers() const noexcept {
        return lists_.first(2 * static_cast<std::size_t>(plan_.places));
    }

  private:
    static constexpr Scalar infinite = std::numeric_limits<Scalar>::infinity();
    /// How many places ahead a list is read: 8 to 16 take as long, measured.
    static constexpr std::size_t ahead = 16;

    /// The search from one end: all distances below `settled` are final. The places in `near` are nearer than
    /// the threshold.
    struct side {
        index* near;
        index* far;
        std::size_t nears = 0;
        std::size_t fars = 0;
        Scalar threshold = 0;
        Scalar settled = 0;
        bool ended = false;
    };

    void clear() noexcept {
        const auto places = static_cast<std::size_t>(plan_.places);
        std::fill_n(labels_, places, network_label<Scalar>{{infinite, infinite}});
        left_ = 8 * (plan_.out.size() + places);
        step_ = 4 * mean_cost();  // measured: 2 to 6 take as long
    }

    /// The mean cost of up to a thousand open edges.
    [[nodiscard]] Scalar mean_cost() const noexcept {
        const std::size_t links = plan_.out.size(), stride = links / 1024 + 1;
        Scalar sum = 0;
        std::size_t count = 0;
        for (std::size_t i = 0; i < links; i += stride) {
            const Scalar cost = cost_(plan_.out[i].edge);
            if (!(cost < infinite)) continue;
            sum += cost;
            ++count;
        }
        return count == 0 ? Scalar(0) : sum / static_cast<Scalar>(count);
    }

    /// How much larger, relatively, the sum of a cheapest path's two parts may be than the least sum seen: as
    /// rounding adds up over the edges of two paths, on both sides of a comparison. The paths' edges are
    /// distinct, so few of them are cheap: at most as many as there are, and of those that cost more than
    /// some threshold at most so many that they cost twice the least sum.
    [[nodiscard]] Scalar slack_of_bound() const noexcept {
        Scalar most = static_cast<Scalar>(plan_.places);
        for (const cheap_edges& cheap : cheap_) {
            if (!(cheap.threshold > 0)) continue;
            const Scalar with_it = static_cast<Scalar>(cheap.count) + 2 * shortest_ / cheap.threshold;
            most = with_it < most ? with_it : most;
        }
        return 4 * std::numeric_limits<Scalar>::epsilon() * (most + 4);
    }

    /// Counts the edges that cost little, where that matters: in large graphs.
    void count_cheap_edges() noexcept {
        cheap_ = {};
        const Scalar worst = std::numeric_limits<Scalar>::epsilon() * static_cast<Scalar>(plan_.places);
        if (worst < Scalar(0.005)) return;
        const Scalar mean = step_ / 4, quarter = mean / 4, less = mean / 16, least = mean / 64;
        index quarters = 0, lesses = 0, leasts = 0;  // apart, so that compilers use whole registers
        // Compared as integers, of whose comparisons compilers make no branches: of numbers that are 0 or
        // more, the greater one has the greater bits. The bits of 0, less 1, are the greatest.
        const auto end = static_cast<std::size_t>(plan_.graph_edges);
        const auto rank = [](Scalar number) {
            return bit_cast<std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>>(number);
        };
        const auto of_quarter = rank(quarter), of_less = rank(less), of_least = rank(least);
        for (std::size_t edge = 0; edge < end; ++edge) {
            const auto of_cost = rank(cost_(static_cast<index>(edge))) - 1;
            quarters += static_cast<index>(of_cost < of_quarter);
            lesses += static_cast<index>(of_cost < of_less);
            leasts += static_cast<index>(of_cost < of_least);
        }
        cheap_ = {cheap_edges{quarter, quarters}, cheap_edges{less, lesses}, cheap_edges{least, leasts}};
    }

    /// Costs of any sign, where no cycle is left: one pass in topological order, up to place `end`.
    void in_order(index end) {
        for (index place = 0; place < plan_.places; ++place) labels_[place].distance[0] = infinite;
        labels_[source_].distance[0] = 0;
        const auto follow = [&](index place) {
            const Scalar here = distance(place);
            if (!(here < infinite)) return;
            for (const network_plan::link link : plan_.links_out(place, source_)) {
                const Scalar cost = cost_(link.edge), through = here + cost;
                if (!(cost < infinite)) continue;
                if (!is_finite(through)) throw_path_overflow();
                Scalar& head = labels_[link.place].distance[0];
                head = std::min(head, through);
            }
        };
        follow(source_);
        const index first = source_ < plan_.throughs ? source_ + 1 : 0;
        for (index place = first; place < std::min(plan_.throughs, end); ++place) follow(place);
        labels_[source_].distance[0] = 0;  // Another path may end here.
    }

    /// Returns false if it takes too long: costs of very different size fit no threshold.
    [[nodiscard]] bool from_both_ends(index target) noexcept {
        start<0>(source_);
        start<1>(target);
        while (!sides_[0].ended && !(std::abs(labels_[target].distance[0]) < sides_[0].settled)) {
            const Scalar slack = slack_of_bound();
            bound_ = slack < Scalar(0.25) ? shortest_ + rounded(shortest_ * slack) : infinite;
            const bool useful = bound_ < infinite || !(shortest_ < infinite);
            const bool backward = useful && !sides_[1].ended &&
                                  sides_[0].settled + sides_[1].settled <= bound_ &&
                                  sides_[1].nears < sides_[0].nears;
            if (!(backward ? advance<1, true>() : advance<0, true>())) return false;
        }
        return true;
    }

    [[nodiscard]] bool from_source(std::span<const index> targets) noexcept {
        start<0>(source_);
        while (!sides_[0].ended) {
            while (!targets.empty() && std::abs(labels_[targets.back()].distance[0]) < sides_[0].settled)
                targets = targets.first(targets.size() - 1);
            if (targets.empty()) return true;
            if (!advance<0, false>()) return false;
        }
        return true;
    }

    /// Makes the distances numbers without a meaning in their signs.
    void finish() noexcept {
        const auto clear_signs = [&](const index* list, std::size_t size) {
            for (std::size_t i = 0; i < size; ++i) {
                Scalar& distance = labels_[list[i]].distance[0];
                distance = std::abs(distance);
            }
        };
        clear_signs(sides_[0].near, sides_[0].nears);
        clear_signs(sides_[0].far, sides_[0].fars);
    }

    template <int Side>
    void start(index place) noexcept {
        sides_[Side].near[0] = place;
        sides_[Side].nears = 1;
        sides_[Side].threshold = step_;
        labels_[place].distance[Side] = -Scalar(0);
    }

    /// The near-far pile of `path_search.hpp`: follows the links of all places below the threshold, and of
    /// those that get there; then moves it up. Bounded: the search from the other end tells which places need
    /// not be looked at.
    template <int Side, bool Bounded>
    [[nodiscard]] bool advance() noexcept {
        side& mine = sides_[Side];
        network_label<Scalar>* const labels = labels_;
        index* const near = mine.near;
        index* const far = mine.far;
        const network_steps::direction& ways = Side == 0 ? steps_.out : steps_.in;
        const network_steps::step* const steps = ways.steps.data();
        const network_steps::range* const ranges = ways.ranges.data();
        // All that leaves the source may be gone; from the target's end, no place is like that.
        const index start_place = Side == 0 ? source_ : index{-1};
        const Scalar threshold = mine.threshold, bound = bound_, others = sides_[1 - Side].settled;
        const std::size_t most = room_ - static_cast<std::size_t>(steps_.most) - ahead;
        Scalar shortest = shortest_;
        const auto none = static_cast<std::uint32_t>(plan_.stops);
        std::size_t nears = mine.nears, fars = mine.fars, work = fars;
        for (std::size_t i = 0; i < nears; ++i) {
            // The list tells what will be needed: reading it ahead hides how far away that is. Behind the
            // list's end are old numbers.
            const auto coming = [=](std::size_t distance) {
                return std::min(static_cast<std::uint32_t>(near[i + distance]), none);
            };
            __builtin_prefetch(labels + coming(ahead));
            __builtin_prefetch(ranges + coming(ahead));
            __builtin_prefetch(steps + ranges[coming(ahead / 2)].first);
            const network_steps::step* const next = steps + ranges[coming(ahead / 4)].first;
            for (index l = 0; l < network_steps::spare; ++l) {
                __builtin_prefetch(labels + next[l].place);
                cost_.prefetch(next[l].first);
                cost_.prefetch(next[l].last());
            }
            const index place = near[i];
            if (!std::signbit(labels[place].distance[Side])) continue;
            const Scalar here = -labels[place].distance[Side];
            labels[place].distance[Side] = here;
            if (nears > most || fars > most) return false;
            const auto [begin, last] = ranges[place];
            const index end = place == start_place ? ranges[place + 1].first : last;
            work += static_cast<std::size_t>(end - begin) + 1;
            for (index l = begin; l < end; ++l) {
                const network_steps::step step = steps[l];
                const index head = step.place;
                network_label<Scalar>& label = labels[head];
                const Scalar through = cost_.after(here, step), old = label.distance[Side];
                Scalar offered = through;
                if constexpr (Bounded) {
                    const Scalar rest = std::abs(label.distance[1 - Side]);
                    // Minima and no conditions: of those a compiler makes branches, which are badly
                    // predicted.
                    offered = through + (rest < others ? rest : others) <= bound ? through : infinite;
                    const Scalar whole = through + rest;
                    shortest = whole < shortest ? whole : shortest;
                }
                const bool better = offered < std::abs(old), is_near = offered < threshold;
                label.distance[Side] = better ? -offered : old;
                near[nears] = head;
                far[fars] = head;
                nears += static_cast<std::size_t>(better & is_near);
                fars += static_cast<std::size_t>(better & !is_near);
            }
        }
        shortest_ = shortest;
        if (work > left_) return false;
        left_ -= work;

        // Of the places beyond the threshold, those whose links are still to be followed.
        Scalar nearest = infinite;
        std::size_t waiting = 0;
        for (std::size_t i = 0; i < fars; ++i) {
            const index place = far[i];
            const Scalar here = labels[place].distance[Side];
            const bool waits = std::signbit(here);
            const Scalar at = waits ? -here : infinite;
            nearest = at < nearest ? at : nearest;
            far[waiting] = place;
            waiting += static_cast<std::size_t>(waits);
        }
        mine.nears = mine.fars = 0;
        mine.settled = nearest;
        mine.ended = waiting == 0;
        if (mine.ended) return true;
        mine.threshold = nearest + step_;
        if (!(mine.threshold > nearest)) mine.threshold = std::nextafter(nearest, infinite);
        for (std::size_t i = 0; i < waiting; ++i) {
            const index place = far[i];
            const bool is_near = std::abs(labels[place].distance[Side]) < mine.threshold;
            near[mine.nears] = place;
            far[mine.fars] = place;
            mine.nears += static_cast<std::size_t>(is_near);
            mine.fars += static_cast<std::size_t>(!is_near);
        }
        return true;
    }

    /// Dijkstra's algorithm, O(edges log edges) whatever the costs: to place `target`, or to all if that is
    /// none.
    void by_heap(index target) {
        const auto heap = memory_.get<network_heap_entry<Scalar>>(plan_.out.size() + 1);
        // Not by `distance`: here searches stop at all places.
        const auto label = [&](index place) -> Scalar& { return labels_[place].distance[0]; };
        for (index place = 0; place < plan_.places; ++place) label(place) = infinite;
        label(source_) = 0;
        heap[0] = {0, source_};
        std::ptrdiff_t size = 1;
        while (size > 0) {
            const auto [here, place] = heap[0];
            std::pop_heap(heap.begin(), heap.begin() + size--, std::greater<>{});
            if (here > label(place)) continue;
            if (target < plan_.places && here > label(target)) return;
            for (const network_plan::link link : plan_.links_out(place, source_)) {
                const Scalar through = here + cost_(link.edge);
                if (!(through < label(link.place))) continue;
                label(link.place) = through;
                heap[static_cast<std::size_t>(size++)] = {through, link.place};
                std::push_heap(heap.begin(), heap.begin() + size, std::greater<>{});
            }
        }
    }

    const network_plan& plan_;
    const network_steps& steps_;
    CostT cost_;
    network_memory& memory_;
    index source_;
    std::size_t room_ = 0;
    network_label<Scalar>* labels_ = nullptr;
    std::span<index> lists_;
    std::array<side, 2> sides_{};
    Scalar step_ = 0;
    /// The cost of the cheapest path seen so far, and how much that of a cheapest one can be.
    Scalar shortest_ = infinite;
    Scalar bound_ = infinite;
    /// Thresholds of cost, and how many edges cost more than 0 but no more than that.
    struct cheap_edges {
        Scalar threshold = 0;
        index count = 0;
    };
    std::array<cheap_edges, 3> cheap_{};
    /// How many more links and places may be looked at.
    std::size_t left_ = 0;
};

}  // namespace imle::inline IMLE_ABI::detail
