#pragma once

/// @file
/// One of n: the argmax as a one-hot vector.

#include <algorithm>
#include <cstddef>
#include <span>

#include <imle/selection/k_largest.hpp>
#include <imle/solvers/detail/batch_selection.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The MAP state of a categorical distribution: 1 at the largest theta, 0 elsewhere. Ties: the lowest index
/// in memory order wins (0.0 and -0.0 are equal).
///
/// With `gumbel` noise its samples follow softmax(theta) exactly: the Gumbel-max trick.
///
/// An instance has any rank, of float or double. `categorical{}` takes any n; `categorical<10>{}` takes
/// exactly 10 numbers. Throws `std::invalid_argument` for an empty instance, a size other than N, and
/// numbers that are not finite. A mask that allows nothing: `solve_status::infeasible`. O(n) comparisons.
template <Eigen::Index N = Eigen::Dynamic>
class categorical : public detail::batch_forms<categorical<N>> {
    static_assert(N == Eigen::Dynamic || N > 0, "imle::categorical<N> needs a category to choose: N >= 1");

  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;
    /// `solve_batch` is as good for a few instances.
    static constexpr bool takes_any_batch = true;
    /// A layer need not check z.
    static constexpr bool writes_all = true;

    /// theta: one instance; z: a tensor of its dimensions, which is written in full.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) const {
        static_cast<void>((*this)(theta, z, solve_context{}));
    }

    /// The largest of the elements that the context's mask allows.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) const {
        detail::require_instance(theta, z, context);
        const auto values = detail::values_of(theta);
        require_categories(theta.size());
        const std::size_t best = context.mask.empty() ? detail::first_largest(values)
                                                      : detail::first_largest_allowed(values, context.mask);
        std::fill_n(z.data(), z.size(), scalar_of<ZT>(0));
        if (best == values.size()) return solve_status::infeasible;
        z.data()[best] = 1;
        return solve_status::solved;
    }

    /// Calls f(first, size) for its one group, the whole instance (see `ThresholdSolver`).
    template <detail::Instance ThetaT, class F>
    void for_each_group(const ThetaT& theta, const solve_context&, F&& f) const {
        f(Eigen::Index{0}, static_cast<Eigen::Index>(theta.size()));
    }

  private:
    friend class detail::batch_forms<categorical>;

    static void require_categories(Eigen::Index n) {
        if (n == 0) detail::throw_invalid("theta", "empty", "at least one category");
        if (N != Eigen::Dynamic && n != N)
            detail::throw_invalid("theta", detail::message("of ", n, " categories"), N);
    }

    template <class ThetasT, class ZsT>
    solve_status solve_all(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        detail::require_dimensions(thetas, zs);
        require_categories(detail::shape_of(thetas).n);
        detail::kth_guess<scalar_of<ThetasT>> no_guess;
        return detail::select_batch(thetas, zs, contexts, 1, allowed_, scratch_, no_guess);
    }

    detail::scratch scratch_, allowed_;
};

namespace detail {
template <>
inline constexpr bool chooses_largest<categorical<>> = true;
}  // namespace detail

}  // namespace imle::inline IMLE_ABI
