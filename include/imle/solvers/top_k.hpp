#pragma once

/// @file
/// The k largest of n.

#include <concepts>
#include <cstddef>
#include <span>

#include <imle/core/each_of.hpp>
#include <imle/selection/k_largest.hpp>
#include <imle/solvers/detail/batch_selection.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The MAP state of a distribution over the subsets of k of n elements: 1 at the k largest theta, 0
/// elsewhere. Ties: the lowest indices in memory order win (0.0 and -0.0 are equal).
///
/// `top_k{k}` takes k at run time, `top_k<10>{}` at compile time. An instance has any rank and size n, of
/// float or double. k = 0 gives zeros. Throws `std::invalid_argument` for k
/// < 0 (on construction), and for k > n and numbers that are not finite (when solving). O(n) on average.
template <Eigen::Index K = Eigen::Dynamic>
class top_k : public detail::batch_forms<top_k<K>> {
    static_assert(K == Eigen::Dynamic || K >= 0, "imle::top_k<K> needs K >= 0");

  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;
    /// `solve_batch` is as good for a few instances.
    static constexpr bool takes_any_batch = true;
    /// A layer need not check z.
    static constexpr bool writes_all = true;

    /// k: the number of elements to choose, at least 0.
    template <std::integral Count>
    explicit top_k(Count k) requires(K == Eigen::Dynamic) : k_(static_cast<Eigen::Index>(k)) {
        if (k_ < 0) detail::throw_invalid("top_k's k", k, "0 or more");
    }
    /// K elements are chosen.
    top_k() requires(K != Eigen::Dynamic) = default;

    /// The number of elements to choose.
    [[nodiscard]] Eigen::Index k() const noexcept { return k_; }

    /// theta: one instance; z: a tensor of its dimensions, which is written in full.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        static_cast<void>((*this)(theta, z, solve_context{}));
    }

    /// The k largest of the elements that the context's mask allows.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        using Scalar = scalar_of<ThetaT>;
        detail::require_instance(theta, z, context);
        auto values = detail::values_of(theta);
        const std::size_t n = values.size(), k = static_cast<std::size_t>(k_);
        require_k(n);
        if (!context.mask.empty()) {
            const auto copy = allowed_.template get<Scalar>(n);
            if (detail::copy_allowed(values, context.mask, copy.data()) < k) return detail::no_answer(z);
            values = copy;
        }
        detail::select_largest(values, k, scratch_.template get<Scalar>(n),
                               static_cast<detail::kth_guess<Scalar>&>(guesses_), z.data());
        return solve_status::solved;
    }

    /// Calls f(first, size) for its one group, the whole instance (see `ThresholdSolver`).
    template <detail::Instance ThetaT, class F>
    void for_each_group(const ThetaT& theta, const solve_context&, F&& f) const {
        f(Eigen::Index{0}, static_cast<Eigen::Index>(theta.size()));
    }

  private:
    friend class detail::batch_forms<top_k>;

    void require_k(std::size_t n) const {
        if (static_cast<std::size_t>(k_) > n)
            detail::throw_invalid("top_k's k", k_, detail::message("at most n = ", n));
    }

    template <class ThetasT, class ZsT>
    solve_status solve_all(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        using Scalar = scalar_of<ThetasT>;
        detail::require_dimensions(thetas, zs);
        require_k(static_cast<std::size_t>(detail::shape_of(thetas).n));
        return detail::select_batch(thetas, zs, contexts, static_cast<std::size_t>(k_), allowed_, scratch_,
                                    static_cast<detail::kth_guess<Scalar>&>(guesses_));
    }

    Eigen::Index k_ = K;
    detail::scratch scratch_, allowed_;
    detail::each_of<detail::kth_guess<float>, detail::kth_guess<double>> guesses_;
};

namespace detail {
template <Eigen::Index K>
inline constexpr bool chooses_largest<top_k<K>> = true;
}  // namespace detail

}  // namespace imle::inline IMLE_ABI
