#pragma once

/// @file
/// The steps of a search through a `network_plan`: its links, but over places that only pass a path on.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <imle/solvers/detail/network_plan.hpp>

namespace imle::inline IMLE_ABI::detail {

/// A bend of a street, a crossing with one way on, the end of a blind alley: a search that stops there does
/// nothing but go on. So such places are skipped: a step goes over one, along two edges. Half of the places
/// of a road network are like that.
///
/// A place is skipped if that leaves fewer steps, if paths may go through it, if no search begins or ends
/// there, and if none of its neighbours is skipped. Its distance is known from theirs. Sums are those of the
/// path's edges one by one, so distances keep their bits.
struct network_steps {
    using index = network_plan::index;

    /// A place, and the edges to it, or from it: one, or two, in the order of a path.
    struct step {
        index place;
        index first;
        /// The second edge; ~first if there is none.
        index second;
        [[nodiscard]] bool is_single() const noexcept { return second < 0; }
        [[nodiscard]] index last() const noexcept { return is_single() ? ~second : second; }
    };
    /// Where a place's steps are. A search that begins at the place may take those up to the next place's,
    /// another one those up to `last` - 1: all, or none.
    struct range {
        index first;
        index last;
    };
    /// The steps out of places, or into them.
    struct direction {
        std::vector<range> ranges;
        /// With a few more behind the last one, for who reads ahead.
        std::vector<step> steps;
    };

    static constexpr index spare = 3;

    direction out, in;
    /// The largest number of steps out of a place, or into one.
    index most = 0;

    network_steps() = default;
    explicit network_steps(const network_plan& plan) {
        constexpr index from_elsewhere = -1;
        fill(plan.stops, out, [&](index place, auto&& add) {
            for (const link first : plan.links_out(place, place)) {
                if (first.place < plan.stops)
                    add({first.place, first.edge, ~first.edge});
                else
                    for (const link second : plan.links_out(first.place, from_elsewhere))
                        if (second.place != place) add({second.place, first.edge, second.edge});
            }
            return plan.links_out(place, from_elsewhere).empty();
        });
        fill(plan.stops, in, [&](index place, auto&& add) {
            for (const link last : plan.links_in(place)) {
                if (last.place < plan.stops)
                    add({last.place, last.edge, ~last.edge});
                else
                    for (const link first : plan.links_in(last.place))
                        if (first.place != place) add({first.place, first.edge, last.edge});
            }
            return false;
        });
    }

  private:
    using link = network_plan::link;

    /// add_steps(place, add): calls add(step) for all, and tells whether only a search that begins at the
    /// place may take them.
    template <class AddT>
    void fill(index stops, direction& to, const AddT& add_steps) {
        to.ranges.reserve(static_cast<std::size_t>(stops) + 1);
        for (index place = 0; place < stops; ++place) {
            const auto first = static_cast<index>(to.steps.size());
            const bool only_first = add_steps(place, [&](step next) { to.steps.push_back(next); });
            const auto end = static_cast<index>(to.steps.size());
            to.ranges.push_back({first, only_first ? first : end});
            most = std::max(most, end - first);
        }
        const auto end = static_cast<index>(to.steps.size());
        to.ranges.push_back({end, end});
        to.steps.insert(to.steps.end(), spare, {0, 0, ~0});
        to.steps.shrink_to_fit();
    }
};

}  // namespace imle::inline IMLE_ABI::detail
