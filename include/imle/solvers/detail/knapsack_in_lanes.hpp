#pragma once

/// @file
/// Tables of the values of one knapsack problem for several instances at the same time: each lane handles one
/// instance.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <imle/selection/columns.hpp>
#include <imle/simd/lanes.hpp>
#include <imle/solvers/detail/knapsack_problem.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Whether a problem's table is small enough for lanes to be faster than vectors along the room.
[[nodiscard]] inline bool suits_lanes(const knapsack_problem& problem) noexcept {
    constexpr std::size_t most_cells = std::size_t{1} << 13;  // of one instance
    return group_lanes<double> > 1 && problem.dimensions == 1 && !problem.whole_weights.empty() &&
           problem.whole_capacity < std::min<std::size_t>(most_cells / problem.items, 128);
}

/// What a table's cell says in each lane.
struct knapsack_choices {
    std::uint8_t take, tie;
};

/// theta: `groups` >= 1 instances of a value for each item, -infinity where it is forbidden. Writes z of up
/// to `group_lanes` (of doubles) of them. Calls repeat(instance) for those that may have several best sets,
/// for which the order of items matters, and for those whose sum is not finite.
template <class Scalar, class RepeatT>
void choose_in_lanes(const knapsack_problem& problem, const Scalar* theta, std::size_t groups,
                     scratch& memory, basic_scratch<knapsack_choices>& cells, Scalar* z, RepeatT&& repeat) {
    using lanes = widest_lanes<double>;
    constexpr std::size_t size = lanes::size;
    constexpr std::uint32_t all_lanes = (1u << size) - 1;
    constexpr double closed = -std::numeric_limits<double>::infinity();
    const std::size_t n = problem.items, capacity = problem.whole_capacity, used = std::min(groups, size);
    double* const values = aligned_columns(memory.template get<double>((n + 1 + capacity + 1) * size));
    double* const best = values + n * size;  // [room][lane]: of the items from one on
    knapsack_choices* const choices = cells.template get<knapsack_choices>(n * (capacity + 1)).data();

    double sums[size] = {};
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t lane = 0; lane < size; ++lane) {
            const auto value = static_cast<double>(theta[std::min(lane, used - 1) * n + i]);
            const bool is_open = value > 0 && problem.fits[i] != 0;
            values[i * size + lane] = is_open ? value : closed;
            sums[lane] += is_open ? value : 0;
        }
    // More than the other ways to the best set take for equal. Not a number of sums that are not finite.
    const lanes margin = product(
        lanes::load(sums), lanes(static_cast<double>(16 * (n + 4)) * std::numeric_limits<double>::epsilon()));

    std::fill_n(best, (capacity + 1) * size, 0.0);
    std::size_t before = 0;  // the weight of all items in front
    for (const std::uint32_t weight : problem.whole_weights) before += weight;
    for (std::size_t i = n; i-- > 0;) {
        const std::size_t weight = problem.whole_weights[i];
        const lanes value = lanes::load(values + i * size);
        knapsack_choices* const row = choices + i * (capacity + 1);
        before -= weight;
        // The items in front leave at least this much room. Downwards, so that one row is enough.
        const std::size_t least = std::max(weight, capacity - std::min(capacity, before));
        for (std::size_t room = capacity + 1; room-- > least;) {
            const lanes with = lanes::load(best + (room - weight) * size) + value,
                        without = lanes::load(best + room * size);
            const std::uint32_t take = lanes::bits(less(without + margin, with)),
                                leave = lanes::bits(less(with + margin, without));
            row[room] = {static_cast<std::uint8_t>(take),
                         static_cast<std::uint8_t>(all_lanes & ~(take | leave))};
            maximum(without, with).store(best + room * size);
        }
    }

    for (std::size_t lane = 0; lane < used; ++lane) {
        std::size_t at = capacity;
        std::uint32_t tie = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t weight = problem.whole_weights[i];
            const bool fits = weight <= at;
            const knapsack_choices here = fits ? choices[i * (capacity + 1) + at] : knapsack_choices{0, 0};
            const bool is_taken = (here.take >> lane & 1u) != 0;
            tie |= std::uint32_t{here.tie} >> lane;
            z[lane * n + i] = static_cast<Scalar>(is_taken ? 1 : 0);
            at -= is_taken ? weight : 0;
        }
        if ((tie & 1u) != 0) repeat(lane);
    }
}

}  // namespace imle::inline IMLE_ABI::detail
