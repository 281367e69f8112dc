#pragma once

/// @file
/// The way back from a target to the source of a `network_search`, by the tie rule of `shortest_path`: the
/// fewest edges, then at each step back the edge of lowest index.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>

#include <imle/solvers/detail/network_search.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Which link a cheapest path takes into a place: a function of the place alone, so the paths to all targets
/// make a tree. Valid for places on cheapest paths to what the search was asked for.
///
/// An edge is tight if fl(distance(tail) + cost) = distance(head). Where several enter a place, the number of
/// edges from the source tells (see `path_search.hpp`); it is counted where that is needed.
template <class SearchT>
class network_trace {
  public:
    using index = network_plan::index;
    using link = network_plan::link;

    /// for_many: numbers of edges are counted once, to all places, rather than to those that lead to one.
    network_trace(const SearchT& search, bool for_many) noexcept
        : search_(search),
          count_(search.integers().first(search.integers().size() / 2)),
          queue_(search.integers().last(count_.size())),
          for_many_(for_many) {}

    /// Calls visit(edge) for the path's edges, from the last one back.
    template <class VisitT>
    void path(index target, VisitT&& visit) {
        for (index place = target; place != search_.source();) {
            const link last = link_into(place);
            visit(last.edge);
            place = last.place;
        }
        if (!for_many_) counted_ = false;
    }

    /// The last link of the cheapest path to a place, which is not the source.
    [[nodiscard]] link link_into(index place) {
        if (!counted_) {
            index tights = 0;
            link only{};
            for_each_tight(place, [&](link l) {
                only = l;
                ++tights;
            });
            if (tights == 1) return only;
            if (for_many_)
                std::fill(count_.begin(), count_.end(), unreached);
            else
                mark_between(place);
            count_edges(for_many_ ? index{-1} : place);
            counted_ = true;
        }
        const index before = count(place) - 1;
        link best{0, std::numeric_limits<index>::max()};
        for_each_tight(place, [&](link l) {
            if (count(l.place) == before && l.edge < best.edge) best = l;
        });
        return best;
    }

  private:
    static constexpr index unreached = std::numeric_limits<index>::max();
    static constexpr index barred = -2;

    [[nodiscard]] index& count(index place) const noexcept { return count_[static_cast<std::size_t>(place)]; }

    [[nodiscard]] bool is_tight(index tail, index edge, index head) const noexcept {
        return search_.distance(tail) + search_.cost(edge) == search_.distance(head);
    }

    template <class VisitT>
    void for_each_tight(index place, VisitT&& visit) const {
        for (const link l : search_.plan().links_in(place))
            if (is_tight(l.place, l.edge, place)) visit(l);
        for (const link l : search_.plan().first_links_in(place))
            if (l.place == search_.source() && is_tight(l.place, l.edge, place)) visit(l);
    }

    /// Bars all places but those that lead to one by tight edges, breadth first until the source is found:
    /// places farther back are on no path of fewest edges.
    void mark_between(index place) const {
        std::fill(count_.begin(), count_.end(), barred);
        std::size_t found = 0;
        const auto find = [&](index tail) {
            if (count(tail) == unreached) return;
            count(tail) = unreached;
            queue_[found++] = tail;
        };
        find(place);
        for (std::size_t done = 0; count(search_.source()) != unreached; ++done)
            for_each_tight(queue_[done], [&](link l) { find(l.place); });
    }

    /// The least number of tight edges from the source to each place that is not barred, breadth first up to
    /// `last`.
    void count_edges(index last) const {
        std::size_t found = 0;
        count(search_.source()) = 0;
        queue_[found++] = search_.source();
        for (std::size_t done = 0; done < found; ++done) {
            const index place = queue_[done];
            if (place == last) return;
            for (const link l : search_.plan().links_out(place, search_.source())) {
                if (count(l.place) != unreached || !is_tight(place, l.edge, l.place)) continue;
                count(l.place) = count(place) + 1;
                queue_[found++] = l.place;
            }
        }
    }

    const SearchT& search_;
    std::span<index> count_;
    std::span<index> queue_;
    bool for_many_;
    bool counted_ = false;
};

/// One source's cheapest path to one target at one theta. z: zeros, by edges of the graph. Throws if the sum
/// of its costs is too large.
template <class CostT>
solve_status mark_cheapest_path(const network_plan& plan, const network_steps& steps, CostT costs,
                                network_memory& memory, network_plan::index source,
                                network_plan::index target, typename CostT::Scalar* z) {
    network_search search(plan, steps, costs, memory, source);
    search.find(target);
    if (!is_finite(search.distance(target))) {
        search.require_unreachable(target);
        return solve_status::infeasible;
    }
    network_trace(search, false).path(target, [=](network_plan::index edge) { z[edge] = 1; });
    return solve_status::solved;
}

}  // namespace imle::inline IMLE_ABI::detail
