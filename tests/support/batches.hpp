#pragma once

// Batches in tests: solve_batch must give the bits of single solves, and touch no other memory.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include <imle/concepts/solver.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/tensor.hpp>

#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace support {

// Instances of rank 1.
struct in_line {
    Eigen::array<Eigen::Index, 1> operator()(std::size_t n) const { return {static_cast<Eigen::Index>(n)}; }
};
// Square ones, of n numbers.
struct in_square {
    Eigen::array<Eigen::Index, 2> operator()(std::size_t n) const {
        Eigen::Index side = 0;
        while (side * side < static_cast<Eigen::Index>(n)) ++side;
        return {side, side};
    }
};

// Batches of instances: every third one without masks, the others with masks for some rows. make(n): a
// solver of n numbers; draw(n): the numbers of one instance; shape(n): its dimensions. sizes: n.
template <class Scalar, int Layout, class MakeT, class DrawT, class ShapeT = in_line>
tally wrong_batches(std::span<const std::size_t> sizes, int count, std::uint32_t seed, MakeT make, DrawT draw,
                    ShapeT shape_of = {}) {
    std::mt19937 random(seed);
    tally wrong;
    count = std::max(support::repeats(count), std::min(count, 40));  // enough for each size, and sanitizers
    for (int trial = 0; trial < count; ++trial) {
        const std::size_t n = sizes[random() % sizes.size()];
        const std::size_t batch = random() % 4 == 0 ? 1 + random() % 3 : random() % 70;
        const bool masked = trial % 3 != 0;
        std::vector<Scalar> thetas, expected;
        std::vector<mask> masks;
        std::vector<imle::solve_context> contexts;
        imle::solve_status status = imle::solve_status::solved;
        auto solver = make(n, random);
        auto single = solver;
        for (std::size_t row = 0; row < batch; ++row) {
            std::vector<Scalar> theta = draw(n, random);
            const bool has_mask = masked && random() % 4 != 0;
            masks.push_back(has_mask ? random_mask(n, random) : mask(0));
            if (has_mask) spoil_forbidden(theta, masks.back(), random);
            contexts.push_back({row, 0, row, masks.back().span()});
            const auto one = solve<Layout>(single, theta, shape_of(n), masks.back().span());
            if (one.status != imle::solve_status::solved) status = one.status;
            thetas.insert(thetas.end(), theta.begin(), theta.end());
            expected.insert(expected.end(), one.z.begin(), one.z.end());
        }
        constexpr bool row_major = Layout == Eigen::RowMajor;
        const auto instance = shape_of(n);
        constexpr std::size_t rank = std::tuple_size<decltype(instance)>::value;
        Eigen::DSizes<Eigen::Index, rank + 1> shape;
        shape[row_major ? 0 : rank] = static_cast<Eigen::Index>(batch);
        for (std::size_t d = 0; d < rank; ++d) shape[d + (row_major ? 1 : 0)] = instance[d];
        // Memory behind z must stay as it is.
        constexpr Scalar guard = 7;
        std::vector<Scalar> z(batch * n, imle::detail::unwritten<Scalar>());
        z.resize(z.size() + 64, guard);
        imle::const_view<Scalar, rank + 1, Layout> theta_view(thetas.data(), shape);
        imle::mutable_view<Scalar, rank + 1, Layout> z_view(z.data(), shape);
        imle::solve_status found = imle::solve_status::solved;
        if (masked)
            found = solver.solve_batch(theta_view, z_view, std::span<const imle::solve_context>(contexts));
        else
            solver.solve_batch(theta_view, z_view);
        const auto end = z.begin() + static_cast<std::ptrdiff_t>(expected.size());
        wrong.expect(found == status && std::equal(expected.begin(), expected.end(), z.begin()), batch,
                     " instances of ", n, masked ? ", masked" : "", ": status ", found, ", z ", z, ", not ",
                     status, ", ", expected, "; thetas ", thetas);
        wrong.expect(std::all_of(end, z.end(), [](Scalar x) { return x == guard; }), batch, " instances of ",
                     n, ": memory behind z has changed");
    }
    return wrong;
}

}  // namespace support
