#pragma once

/// @file
/// A layer on the tapes of CppAD (https://github.com/coin-or/CppAD), 2024 or later.

#include <cstddef>

#include <Eigen/Core>

#include <imle/adapters/cppad/detail/cppad_atomic.hpp>
#include <imle/core/config.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/layer/pass.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// A layer as an atomic function of CppAD: theta, batch * n numbers, to samples, batch * S * n numbers.
///
///     imle::cppad_layer choose{layer, {n}, imle::random_key{seed}};   // {n}: the dimensions of an instance
///     CppAD::Independent(theta);                    // std::vector<CppAD::AD<double>>, [batch, n]
///     const auto z = choose(theta);                 // [batch, sample, n]
///     CppAD::ADFun<double> f(theta, loss_of(z));
///     f.Forward(0, values); gradient = f.Reverse(1, weights);
///
/// The chain rule: Reverse hands S times the partial derivatives of all of z to one vjp. Each Forward(0, x)
/// samples anew from the key, which `set_key` changes between replays; its Reverse uses the same noise.
///
/// Errors: what the layer throws passes through CppAD unchanged, for a wrong size, say. Derivatives that do
/// not exist, of order 2 or forward, are reported to CppAD's ErrorHandler.
///
/// The object must outlive the ADFun objects that use it. It is used by one thread at a time.
template <class LayerT, int InstanceRank = 1, int Layout = Eigen::RowMajor>
class cppad_layer final
    : public detail::cppad_atomic<LayerT, sampled_pass<double, InstanceRank + 1, Layout>> {
  public:
    using detail::cppad_atomic<LayerT, sampled_pass<double, InstanceRank + 1, Layout>>::cppad_atomic;
};

/// The same for the mean over samples, batch * n numbers. No sample is kept, and the partial derivatives of
/// the mean go to vjp as they are.
template <class LayerT, int InstanceRank = 1, int Layout = Eigen::RowMajor>
class cppad_marginals final
    : public detail::cppad_atomic<LayerT, marginals_pass<double, InstanceRank + 1, Layout>> {
  public:
    using detail::cppad_atomic<LayerT, marginals_pass<double, InstanceRank + 1, Layout>>::cppad_atomic;
};

template <class LayerT, std::size_t Rank>
cppad_layer(LayerT, const Eigen::Index (&)[Rank], random_key) -> cppad_layer<LayerT, static_cast<int>(Rank)>;
template <class LayerT, std::size_t Rank>
cppad_marginals(LayerT, const Eigen::Index (&)[Rank], random_key)
    -> cppad_marginals<LayerT, static_cast<int>(Rank)>;

}  // namespace imle::inline IMLE_ABI
