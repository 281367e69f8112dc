#pragma once

/// @file
/// The ranks of n numbers.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/ascending_order.hpp>
#include <imle/solvers/detail/batch_selection.hpp>
#include <imle/solvers/detail/rank_in_lanes.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The MAP state of a distribution over the permutations of 1, ..., n: z_i is the rank of theta_i, n for the
/// largest and 1 for the smallest. (By the rearrangement inequality no other permutation has a larger
/// <theta, z>.) Ties: the lowest index in memory order ranks highest (0.0 and -0.0 are equal). So the
/// elements of rank > n - k are those that `top_k{k}` chooses, ties included.
///
/// An instance has any rank, of float or double. `ranking{}` takes any n; `ranking<10>{}` takes exactly 10
/// numbers. Throws `std::invalid_argument` for numbers that are not finite, for an n other than N, and for
/// more elements than Scalar can count (2^24 floats, 2^32 - 1 doubles).
///
/// With a mask that allows m coordinates, these have the ranks 1, ..., m, and the others 0. Every mask is
/// feasible: if none is allowed, z = 0.
///
/// O(n); O(n log n) if many doubles agree in their first six digits. Up to 256 numbers are compared pair by
/// pair, which is faster.
template <Eigen::Index N = Eigen::Dynamic>
class ranking : public detail::batch_forms<ranking<N>> {
    static_assert(N == Eigen::Dynamic || N >= 0, "imle::ranking<N> needs N >= 0");

  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;
    /// `solve_batch` is as good for a few instances.
    static constexpr bool takes_any_batch = true;

    /// theta: one instance; z: a tensor of its dimensions, which is written in full.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        static_cast<void>((*this)(theta, z, solve_context{}));
    }

    /// The ranks, from 1 on, of the elements that the context's mask allows; 0 elsewhere.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        using Scalar = scalar_of<ThetaT>;
        detail::require_instance(theta, z, context);
        const auto values = detail::values_of(theta);
        require_size<Scalar>(values.size());
        rank_one(values, context.mask, z.data());
        return solve_status::solved;
    }

  private:
    friend class detail::batch_forms<ranking>;

    template <class Scalar>
    static void require_size(std::size_t n) {
        if (N != Eigen::Dynamic && static_cast<Eigen::Index>(n) != N)
            detail::throw_invalid("theta", detail::message("of ", n, " numbers"), N);
        // Beyond this n there are ranks that Scalar, or an index, cannot hold.
        constexpr std::uint64_t limit = std::min(std::uint64_t{1} << std::numeric_limits<Scalar>::digits,
                                                 std::uint64_t{std::numeric_limits<std::uint32_t>::max()});
        if (n > limit)
            detail::throw_invalid("theta", detail::message("of ", n, " numbers"),
                                  detail::message("at most ", limit));
    }

    template <class ThetasT, class ZsT>
    solve_status solve_all(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        using Scalar = scalar_of<ThetasT>;
        detail::require_dimensions(thetas, zs);
        const auto shape = detail::shape_of(thetas);
        const auto n = static_cast<std::size_t>(shape.n), batch = static_cast<std::size_t>(shape.batch);
        require_size<Scalar>(n);
        const auto values = detail::values_of(thetas);
        std::size_t done = 0;
        if (n > 0 && n <= most_in_lanes && !detail::any_mask(contexts)) {
            detail::require_numbers(values, {});
            // A single one is faster alone.
            done = batch % detail::group_lanes<Scalar> == 1 ? batch - 1 : batch;
            const auto memory = allowed_.template get<Scalar>(2 * detail::column_memory<Scalar>(n));
            detail::rank_in_lanes(values.data(), done, n, memory, zs.data());
        }
        for (; done < batch; ++done) {
            const auto mask = detail::mask_of(contexts, done);
            const auto one = values.subspan(done * n, n);
            detail::require_numbers(one, mask);
            rank_one(one, mask, zs.data() + done * n);
        }
        return solve_status::solved;
    }

    template <class Scalar>
    void rank_one(std::span<const Scalar> values, std::span<const bool> mask, Scalar* z) {
        if (mask.empty())
            rank(values, z);
        else
            rank_allowed(values, mask, z);
    }

    /// Measured: up to this size lanes are faster.
    static constexpr std::size_t most_in_lanes = 64;

    /// Measured: from this size on a radix sort is faster.
    static constexpr std::size_t most_to_compare = 256;

    template <class Scalar>
    void rank(std::span<const Scalar> values, Scalar* z) {
        if (values.size() <= most_to_compare && rank_by_comparing(values, z)) return;
        rank_by_sorting(values, z);
    }

    /// Moves the allowed numbers together, and their ranks back to their places.
    template <class Scalar>
    void rank_allowed(std::span<const Scalar> values, std::span<const bool> mask, Scalar* z) {
        const auto allowed = allowed_.template get<Scalar>(values.size());
        std::size_t count = 0;
        for (std::size_t i = 0; i < values.size(); ++i)
            if (mask[i]) allowed[count++] = values[i];
        rank(std::span<const Scalar>(allowed.first(count)), z);
        // From the end: no rank is written over before it is moved.
        for (std::size_t i = values.size(); i-- > 0;) z[i] = mask[i] ? z[--count] : Scalar(0);
    }

    /// z_i = 1 + the number of smaller elements. Returns false if two numbers are equal; z is then not
    /// valid.
    template <class Scalar>
    static bool rank_by_comparing(std::span<const Scalar> values, Scalar* z) noexcept {
        // A few registers' worth, so that counts stay in registers while all numbers go by.
        using count = detail::lane_integer<Scalar>;
        constexpr std::size_t columns = 128 / sizeof(Scalar);
        count sum = 0;
        for (std::size_t first = 0; first < values.size(); first += columns) {
            const std::size_t used = std::min(columns, values.size() - first);
            std::array<Scalar, columns> column{};
            std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(first), used, column.begin());
            std::array<count, columns> smaller{};
            for (const Scalar value : values)
                for (std::size_t j = 0; j < columns; ++j) smaller[j] += value < column[j] ? 1 : 0;
            for (std::size_t j = 0; j < used; ++j) {
                sum += smaller[j];
                z[first + j] = static_cast<Scalar>(smaller[j] + 1);
            }
        }
        // Each pair counts once, unless its numbers are equal.
        const auto n = static_cast<count>(values.size());
        return sum == n * (n - 1) / 2;
    }

    template <class Scalar>
    void rank_by_sorting(std::span<const Scalar> values, Scalar* z) {
        const auto entries = scratch_.template get<detail::order_entry>(2 * values.size());
        const auto order = detail::ascending_order(values, entries);
        for (std::size_t i = 0; i < order.size(); ++i)
            z[detail::index_of(order[i])] = static_cast<Scalar>(i + 1);
    }

    detail::basic_scratch<detail::order_entry> scratch_;
    detail::scratch allowed_;
};

}  // namespace imle::inline IMLE_ABI
