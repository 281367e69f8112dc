#pragma once

/// @file
/// One tile of a grid: shortest distances to its cells, relaxed in registers.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/grid_trace.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The size of a tile, the fastest of those that were measured: `outer` lines of `inner` cells. `parts`
/// registers side by side hold a line.
template <class Scalar>
struct grid_tile {
    static constexpr std::size_t lanes = native_lanes<Scalar>;
    static constexpr std::size_t parts = lanes < 8 ? 8 / lanes : 1;
    static constexpr std::size_t inner = parts * lanes;
    static constexpr std::size_t outer = lanes < 8 ? 8 : 16;
};

/// The distances in a tile that became less, where other tiles see them: the least in its first and last
/// line, at the first and last place of its lines, and in its corners. Infinite if there is none.
template <class Scalar>
struct tile_news {
    Scalar above, below, before, after;
    Scalar above_before, above_after, below_before, below_after;
};

/// The distances to the cells of one tile, or of some of its lines. All loops over lines are unrolled, so
/// that they stay in registers. ClosedCorners: whether steps of `octile` may pass closed corners.
template <grid_moves Moves, bool ClosedCorners, class Scalar, std::size_t Lines = grid_tile<Scalar>::outer>
class tile_distances {
    using tile = grid_tile<Scalar>;
    using L = lanes<Scalar, static_cast<int>(tile::lanes)>;
    using number = typename L::number;
    using integer = typename L::integer;
    using cell = typename lanes<Scalar, 1>::number_cell;
    static constexpr std::size_t width = tile::lanes;

    struct line {
        std::array<typename L::number_cell, tile::parts> part;

        [[nodiscard]] number& operator[](std::size_t p) noexcept { return part[p].lane; }
        [[nodiscard]] const number& operator[](std::size_t p) const noexcept { return part[p].lane; }
    };
    /// A line as cells of the lines above, on and below it see it.
    struct view {
        /// The distances of its cells. For `eight` the least of `same` and `beside`: steps from there cost
        /// the same.
        line same;
        /// The lesser of the distances before and after each cell; both only for closed corners.
        line beside, before, after;
    };

  public:
    /// costs, distance: of the grid. first: the first cell here. stride: from line to line.
    [[gnu::always_inline]] tile_distances(const grid_costs<lanes<Scalar, 1>>& costs, cell* distance,
                                          Eigen::Index first, Eigen::Index stride) noexcept
        : costs_(costs), distance_(distance + first), stride_(stride) {
        costs_.straight += first;
        if constexpr (Moves == grid_moves::octile) {
            costs_.diagonal += first;
            costs_.corner += first;
        }
        for_lines([&](auto i) {
            now_[i] = load(distance_, place(i));
            enter_[i] = load(costs_.straight, place(i));
        });
    }

    /// Relaxes from the cells around the tile, then within it until nothing changes, and stores the
    /// distances.
    [[nodiscard, gnu::always_inline]] tile_news<Scalar> settle() noexcept {
        integer changed = relax<from::around>();
        while (L::any(changed))
            // Asking takes time. As a loop this is in the code once.
            for (int pass = 0; pass < 2; ++pass) changed = relax<from::within>();
        return store();
    }

    /// Which of the outer lines changed.
    struct changed_ends {
        bool first, last;
    };
    /// The same for lines of a tile that nothing has reached from the sides: relaxes from the lines above and
    /// below, then within.
    [[nodiscard, gnu::always_inline]] changed_ends settle_between() noexcept {
        const line first = now_[0], last = now_[Lines - 1];
        integer changed = relax<from::lines_around>();
        while (L::any(changed)) changed = relax<from::within>();
        for_lines([&](auto i) { store_line(i); });
        return {L::any(difference(now_[0], first)), L::any(difference(now_[Lines - 1], last))};
    }

  private:
    enum class from { around, lines_around, within };

    template <std::size_t... I, class F>
    [[gnu::always_inline]] static void for_each(std::index_sequence<I...>, F&& f) noexcept {
        (f(std::integral_constant<std::size_t, I>{}), ...);
    }
    template <class F>
    [[gnu::always_inline]] static void for_lines(F&& f) noexcept {
        for_each(std::make_index_sequence<Lines>{}, f);
    }
    template <class F>
    [[gnu::always_inline]] static line by_parts(F&& f) noexcept {
        line made;
        for_each(std::make_index_sequence<tile::parts>{}, [&](auto p) { made[p] = f(p); });
        return made;
    }

    [[nodiscard]] Eigen::Index place(std::size_t i) const noexcept {
        return static_cast<Eigen::Index>(i) * stride_;
    }
    [[nodiscard, gnu::always_inline]] static line load(const cell* from, Eigen::Index at) noexcept {
        return by_parts([=](std::size_t p) {
            return load_vector<Scalar, width>(&from[at + static_cast<Eigen::Index>(p * width)].lane);
        });
    }

    [[nodiscard]] static number infinite() noexcept {
        return number{} + std::numeric_limits<Scalar>::infinity();
    }
    [[nodiscard, gnu::always_inline]] static line least(const line& a, const line& b) noexcept {
        return by_parts([&](std::size_t p) { return L::least(a[p], b[p]); });
    }
    [[nodiscard, gnu::always_inline]] static line sum(const line& a, const line& b) noexcept {
        return by_parts([&](std::size_t p) { return a[p] + b[p]; });
    }
    /// Nonzero if a and b differ.
    [[nodiscard, gnu::always_inline]] static integer difference(const line& a, const line& b) noexcept {
        integer found{};
        for_each(std::make_index_sequence<tile::parts>{},
                 [&](auto p) { found |= L::difference(a[p], b[p]); });
        return found;
    }
    /// Each cell's value one place further; the last of `first` comes first.
    [[nodiscard, gnu::always_inline]] static line forwards(const line& of, const number& first) noexcept {
        return by_parts([&](std::size_t p) {
            const number& previous = p == 0 ? first : of[p - 1];
            if constexpr (width == 1)
                return previous;
            else
                return lanes_from<Scalar, width, width - 1>(previous, of[p]);
        });
    }
    /// Each cell's value one place back; the first of `last` comes last.
    [[nodiscard, gnu::always_inline]] static line backwards(const line& of, const number& last) noexcept {
        return by_parts([&](std::size_t p) {
            const number& next = p + 1 == tile::parts ? last : of[p + 1];
            if constexpr (width == 1)
                return next;
            else
                return lanes_from<Scalar, width, 1>(of[p], next);
        });
    }

    [[nodiscard, gnu::always_inline]] static view seen(const line& same, const line& before,
                                                       const line& after) noexcept {
        const line beside = least(before, after);
        return {Moves == grid_moves::eight ? least(same, beside) : same, beside, before, after};
    }
    /// A line with nothing before and after it.
    [[nodiscard, gnu::always_inline]] static view seen_alone(const line& same) noexcept {
        return seen(same, forwards(same, infinite()), backwards(same, infinite()));
    }
    [[nodiscard]] static constexpr bool is_inside(Eigen::Index i) noexcept {
        return i >= 0 && i < static_cast<Eigen::Index>(Lines);
    }
    /// Line i as far as it is in this tile; everything else looks infinitely far.
    [[nodiscard, gnu::always_inline]] view view_from_inside(Eigen::Index i) const noexcept {
        if (!is_inside(i)) {
            const line none = by_parts([](std::size_t) { return infinite(); });
            return {none, none, none, none};
        }
        return seen_alone(now_[static_cast<std::size_t>(i)]);
    }
    /// Line i as far as it is outside of this tile.
    [[nodiscard, gnu::always_inline]] view view_from_outside(Eigen::Index i) const noexcept {
        const line before = load(distance_, i * stride_ - 1), after = load(distance_, i * stride_ + 1);
        if (!is_inside(i)) return seen(load(distance_, i * stride_), before, after);
        const line none = by_parts([](std::size_t) { return infinite(); });
        line first = none, last = none;
        first[0] = only<0>(before[0]);
        last[tile::parts - 1] = only<width - 1>(after[tile::parts - 1]);
        return seen(none, first, last);
    }
    /// One lane, the others infinite.
    template <std::size_t Lane>
    [[nodiscard, gnu::always_inline]] static number only(const number& of) noexcept {
        if constexpr (width == 1)
            return of;
        else
            return shuffle<Scalar, width>(of, infinite(),
                                          [](std::size_t i) { return i == Lane ? i : width + i; });
    }

    /// The least distances to the cells of line i by steps from what is seen.
    [[nodiscard, gnu::always_inline]] line reached(const view& above, const view& here, const view& below,
                                                   std::size_t i) const noexcept {
        if constexpr (Moves == grid_moves::eight)
            return sum(least(above.same, least(here.same, below.same)), enter_[i]);
        const line straight = sum(least(least(above.same, below.same), here.beside), enter_[i]);
        if constexpr (Moves == grid_moves::four) return straight;
        const auto slanting = [&](const view& from, Eigen::Index line_of_corners) {
            if constexpr (!ClosedCorners) return from.beside;
            return sum(least(sum(from.before, load(costs_.corner, place(i) - 1)),
                             sum(from.after, load(costs_.corner, place(i) + 1))),
                       load(costs_.corner, line_of_corners));
        };
        return least(straight,
                     sum(least(slanting(above, place(i) - stride_), slanting(below, place(i) + stride_)),
                         load(costs_.diagonal, place(i))));
    }

    template <from From>
    [[nodiscard, gnu::always_inline]] view look(Eigen::Index i) const noexcept {
        if constexpr (From == from::around) return view_from_outside(i);
        if (From == from::lines_around && !is_inside(i)) return seen_alone(load(distance_, i * stride_));
        return view_from_inside(i);
    }
    /// One pass over the lines. Nonzero where a distance changed.
    template <from From>
    [[nodiscard, gnu::always_inline]] integer relax() noexcept {
        integer changed{};
        view above = look<From>(-1), here = look<From>(0);
        // Left to themselves compilers call this for some lines, and then keep all of them in memory.
        for_lines([&](auto i) __attribute__((always_inline)) {
            const view below = look<From>(static_cast<Eigen::Index>(i) + 1);
            const line now = least(reached(above, here, below, i), now_[i]);
            changed |= difference(now, now_[i]);
            now_[i] = now;
            above = here;
            here = below;
        });
        return changed;
    }

    [[gnu::always_inline]] void store_line(std::size_t i) noexcept {
        for_each(std::make_index_sequence<tile::parts>{}, [&](auto p) {
            store_vector<Scalar, width>(now_[i][p],
                                        &distance_[place(i) + static_cast<Eigen::Index>(p * width)].lane);
        });
    }
    [[nodiscard, gnu::always_inline]] tile_news<Scalar> store() noexcept {
        line first, last;  // of the tile
        number before = infinite(), after = infinite();
        for_lines([&](auto i) {
            const line old = load(distance_, place(i));
            const line fresh =
                by_parts([&](std::size_t p) { return now_[i][p] < old[p] ? now_[i][p] : infinite(); });
            if (i == 0) first = fresh;
            if (i == Lines - 1) last = fresh;
            before = L::least(before, fresh[0]);
            after = L::least(after, fresh[tile::parts - 1]);
            store_line(i);
        });
        const auto front = [](const number& of) { return L::get(typename L::number_cell{of}, 0); };
        const auto back = [](const number& of) {
            return L::get(typename L::number_cell{of}, static_cast<int>(width) - 1);
        };
        constexpr std::size_t end = tile::parts - 1;
        return {.above = least_cell(first),
                .below = least_cell(last),
                .before = front(before),
                .after = back(after),
                .above_before = front(first[0]),
                .above_after = back(first[end]),
                .below_before = front(last[0]),
                .below_after = back(last[end])};
    }
    [[nodiscard, gnu::always_inline]] static Scalar least_cell(const line& of) noexcept {
        number least = of[0];
        for (std::size_t p = 1; p < tile::parts; ++p) least = L::least(least, of[p]);
        return L::least_lane(least);
    }

    grid_costs<lanes<Scalar, 1>> costs_;
    cell* distance_;
    Eigen::Index stride_;
    std::array<line, Lines> now_;
    /// The costs of straight steps.
    std::array<line, Lines> enter_;
};

/// Settles the tile of the start, whose distance is stored, while everything around the tile is infinitely
/// far. first: the tile's first cell. start, lines: its line of the start, and how many lines it has.
///
/// Half of a tile at a time: where distances spread from one cell, many passes over few lines are faster than
/// passes over all.
template <grid_moves Moves, bool ClosedCorners, class Scalar>
[[gnu::noinline]] void settle_start(const grid_costs<lanes<Scalar, 1>>& costs,
                                    typename lanes<Scalar, 1>::number_cell* distance, Eigen::Index first,
                                    Eigen::Index stride, Eigen::Index start, Eigen::Index lines) noexcept {
    constexpr std::size_t half = 8;
    static_assert(grid_tile<Scalar>::outer == half || grid_tile<Scalar>::outer == 2 * half);
    // The start's own distance is new to the other half.
    bool is_new = true;
    for (bool upper = start < Eigen::Index{half};; upper = !upper) {
        tile_distances<Moves, ClosedCorners, Scalar, half> own(
            costs, distance, upper ? first : first + Eigen::Index{half} * stride, stride);
        const auto changed = own.settle_between();
        if (lines <= Eigen::Index{half} || !(is_new || (upper ? changed.last : changed.first))) return;
        is_new = false;
    }
}

}  // namespace imle::inline IMLE_ABI::detail
