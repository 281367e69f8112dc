#pragma once

/// @file
/// The k largest of n.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/tensor.hpp>
#include <imle/solvers/detail/instance.hpp>
#include <imle/solvers/detail/kth_largest.hpp>
#include <imle/solvers/detail/scratch.hpp>

namespace imle::inline IMLE_ABI {

/// The MAP state of a distribution over the subsets of k of n elements: 1 at the k largest theta, 0
/// elsewhere. Of equal ones the lowest indices in the order of memory win (0.0 and -0.0 are equal).
///
/// `top_k{k}` takes k at run time, `top_k<10>{}` at compile time; n comes with each instance, of any rank, of
/// float or double. k = 0 gives zeros. Throws `std::invalid_argument` for k < 0 (when made), for k > n and
/// for numbers that are not finite (when solving). O(n) on average.
template <Eigen::Index K = Eigen::Dynamic>
class top_k {
    static_assert(K == Eigen::Dynamic || K >= 0, "imle::top_k<K> needs K >= 0");

  public:
    /// k: how many elements are chosen, at least 0.
    template <std::integral Count>
    explicit top_k(Count k) requires(K == Eigen::Dynamic) : k_(static_cast<Eigen::Index>(k)) {
        if (k_ < 0) detail::throw_invalid("top_k's k", k, "0 or more");
    }
    top_k() requires(K != Eigen::Dynamic) = default;

    /// How many elements are chosen.
    [[nodiscard]] Eigen::Index k() const noexcept { return k_; }

    /// theta: one instance; z: of its dimensions, all of it is written.
    template <class ThetaT, class ZT>
    requires detail::instance_and_state<ThetaT, ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        using Scalar = scalar_of<ThetaT>;
        detail::require_instance(theta, z);
        const auto values = detail::values_of(theta);
        const auto k = static_cast<std::size_t>(k_);
        if (k > values.size())
            detail::throw_invalid("top_k's k", k, detail::message("at most n = ", values.size()));
        if (k == 0 || k == values.size()) {
            std::fill_n(z.data(), z.size(), Scalar(k == 0 ? 0 : 1));
            return;
        }
        const Scalar kth = detail::kth_largest(values, k, scratch_.template get<Scalar>(values.size()));
        select(values, kth, k, z.data());
    }

  private:
    /// Takes whatever reaches the k-th largest value; if several equal it and so too many are taken, gives
    /// back the last of those.
    template <class Scalar>
    static void select(std::span<const Scalar> values, Scalar kth, std::size_t k, Scalar* z) {
        // Counts as wide as Scalar let the loop vectorise; a block is too short for them to overflow.
        using count = std::conditional_t<sizeof(Scalar) == 4, std::int32_t, std::int64_t>;
        constexpr std::size_t block = 4096;
        std::size_t taken = 0;
        for (std::size_t first = 0; first < values.size(); first += block) {
            count reached = 0;
            for (std::size_t i = first; i < std::min(first + block, values.size()); ++i) {
                reached += values[i] >= kth ? 1 : 0;
                z[i] = values[i] >= kth ? Scalar(1) : Scalar(0);
            }
            taken += static_cast<std::size_t>(reached);
        }
        for (std::size_t i = values.size(); taken > k; --i)
            if (values[i - 1] == kth) {
                z[i - 1] = 0;
                --taken;
            }
    }

    Eigen::Index k_ = K;
    detail::scratch scratch_;
};

template <std::integral Count>
top_k(Count) -> top_k<>;

}  // namespace imle::inline IMLE_ABI
