#pragma once

/// @file
/// Grids that are solved together, and the padded copies of what their cells cost.

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>

#include <imle/concepts/solver.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/grid_trace.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Grids that are solved together: `used` of them, one after the other in memory. There is one in each lane;
/// lanes without a grid repeat the last one, and so end when it does.
template <class L>
struct grid_group {
    const typename L::Scalar* theta;
    typename L::Scalar* z;
    int used;
    /// One for each grid, or none at all.
    std::span<const solve_context> contexts;
    std::array<grid_place, L::width> starts;
    std::array<grid_place, L::width> goals;
    typename L::Scalar diagonal_factor;
    bool corner_cutting;

    [[nodiscard]] int grid_of(int lane) const noexcept { return std::min(lane, used - 1); }
    [[nodiscard]] std::span<const bool> mask(int lane) const noexcept {
        if (contexts.empty()) return {};
        return contexts[static_cast<std::size_t>(grid_of(lane))].mask;
    }
    [[nodiscard]] bool masked() const noexcept {
        return std::any_of(contexts.begin(), contexts.end(),
                           [](const solve_context& context) { return !context.mask.empty(); });
    }
    /// One of them, of `size` cells.
    [[nodiscard]] grid_group<lanes<typename L::Scalar, 1>> alone(int grid, Eigen::Index size) const noexcept {
        const auto at = static_cast<std::size_t>(grid);
        return {.theta = theta + grid * size,
                .z = z + grid * size,
                .used = 1,
                .contexts = contexts.empty() ? contexts : contexts.subspan(at, 1),
                .starts = {starts[at]},
                .goals = {goals[at]},
                .diagonal_factor = diagonal_factor,
                .corner_cutting = corner_cutting};
    }
};

/// Makes the costs of blocked cells infinite, and those cells closed corners if `corner` is not null.
template <class L, class Shape>
void block_cells(const Shape& shape, const grid_group<L>& group, typename L::number_cell* cost,
                 typename L::number_cell* corner) {
    using Scalar = typename L::Scalar;
    std::array<const bool*, L::width> masks;
    for (int lane = 0; lane < L::width; ++lane)
        masks[static_cast<std::size_t>(lane)] = group.mask(lane).data();
    for (Eigen::Index outer = 0, plain = 0; outer < shape.outer(); ++outer)
        for (Eigen::Index i = shape.line(outer); i < shape.line(outer) + shape.inner(); ++i, ++plain) {
            typename L::number_cell closed;
            for (int lane = 0; lane < L::width; ++lane) {
                const bool* const mask = masks[static_cast<std::size_t>(lane)];
                const bool open = mask == nullptr || mask[plain];
                L::set(closed, lane, open ? Scalar(0) : std::numeric_limits<Scalar>::infinity());
            }
            cost[i].lane = cost[i].lane + closed.lane;
            if (corner != nullptr) corner[i] = closed;
        }
}

/// How many padded copies the costs of steps are.
template <grid_moves Moves>
inline constexpr std::size_t cost_arrays = Moves == grid_moves::octile ? 3 : 1;

/// Writes what steps into the cells of a group cost into padded copies, one after the other in `memory`.
template <grid_moves Moves, class L, class Shape>
[[nodiscard]] grid_costs<L> load_costs(const Shape& shape, const grid_group<L>& group,
                                       typename L::number_cell* memory) {
    using number = typename L::number;
    auto* const cost = memory;
    const number zero{};
    const number infinite = zero + std::numeric_limits<typename L::Scalar>::infinity();
    const Eigen::Index inner = shape.inner(), stride = shape.stride();
    if constexpr (L::width == 1) {
        const typename L::Scalar* reward = group.theta;
        auto* to = cost + shape.line(0);
        // The cells that complete the tiles are blocked, by whole registers: the next line overwrites the
        // rest.
        constexpr std::size_t width = native_lanes<typename L::Scalar>;
        const auto block = [&](auto* from, const auto* end) {
            const auto blocked = vector_of<typename L::Scalar, width>{} + infinite;
            for (; from < end; from += width) store_vector<typename L::Scalar, width>(blocked, &from->lane);
        };
        block(cost, to);
        for (Eigen::Index outer = 0; outer < shape.outer(); ++outer, reward += inner, to += stride) {
            block(to + inner, to + stride);
            for (Eigen::Index i = 0; i < inner; ++i) to[i].lane = reward[i] < zero ? -reward[i] : zero;
        }
        std::fill(to - 1, cost + shape.padded_size(), typename L::number_cell{infinite});
    } else {
        std::array<const typename L::Scalar*, L::width> grids;
        for (int lane = 0; lane < L::width; ++lane)
            grids[static_cast<std::size_t>(lane)] = group.theta + group.grid_of(lane) * shape.size();
        // All of a grid at once, as lines are often shorter than a register.
        auto* to = cost + shape.line(0);
        auto* end = to + inner;
        for_each_across<L>(grids, static_cast<std::size_t>(shape.size()),
                           [=](std::size_t, const number& reward) mutable {
                               if (to == end) {
                                   to += stride - inner;
                                   end = to + inner;
                               }
                               (to++)->lane = reward < zero ? -reward : zero;
                           });
    }
    if constexpr (Moves != grid_moves::octile) {
        if (group.masked()) block_cells(shape, group, cost, nullptr);
        return {cost, nullptr, nullptr};
    } else {
        auto* const diagonal = cost + shape.padded_size();
        auto* const corner = diagonal + shape.padded_size();
        for (Eigen::Index i = 0; i < shape.padded_size(); ++i) {
            corner[i].lane = zero;
            diagonal[i].lane = infinite;
        }
        if (group.masked()) block_cells(shape, group, cost, group.corner_cutting ? nullptr : corner);
        // In an array of its own: fused with an addition the product would have other bits.
        const number factor = zero + group.diagonal_factor;
        for (Eigen::Index outer = 0; outer < shape.outer(); ++outer)
            for (Eigen::Index i = shape.line(outer); i < shape.line(outer) + inner; ++i)
                diagonal[i].lane = factor * cost[i].lane;
        return {cost, diagonal, corner};
    }
}

}  // namespace imle::inline IMLE_ABI::detail
