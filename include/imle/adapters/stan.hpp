#pragma once

/// @file
/// A layer on the tape of Stan Math, https://mc-stan.org/math (3.0 and 4). Not part of `imle.hpp`: include it
/// where you use it, and before other headers that include Eigen, as with Stan's own. See
/// docs/adapters/stan.md.

// Stan's headers come before all others: they configure Eigen.
#include <imle/adapters/stan/detail/layer_use.hpp>
#include <imle/adapters/stan/detail/stan_numbers.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <imle/adapters/any_layer.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/shape.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The values of theta's nodes, as the row-major tensor that the layer takes.
template <std::size_t InstanceRank>
[[nodiscard]] auto stan_theta(const std::vector<stan::math::vari*>& nodes, Eigen::Index rows,
                              Eigen::Index columns, const Eigen::Index (&instance)[InstanceRank]) {
    constexpr int rank = static_cast<int>(InstanceRank);
    Eigen::DSizes<Eigen::Index, rank> given;
    Eigen::DSizes<Eigen::Index, rank + 1> shape;
    shape[0] = rows;
    for (std::size_t i = 0; i < InstanceRank; ++i) shape[i + 1] = given[i] = instance[i];
    if (given.TotalSize() != columns)
        throw_invalid("instance", shape_string(given),
                      message("a shape that holds theta's ", columns, " numbers an instance"));
    Eigen::Tensor<double, rank + 1, Eigen::RowMajor> theta(shape);
    for (std::size_t i = 0; i < nodes.size(); ++i) theta.data()[i] = nodes[i]->val_;
    return theta;
}

template <class LayerT, class BatchT, std::size_t InstanceRank>
[[nodiscard]] auto samples_on_tape(LayerT& layer, const BatchT& batch,
                                   const Eigen::Index (&instance)[InstanceRank], random_key key,
                                   std::uint64_t first_instance) {
    auto theta = nodes_of(batch);
    auto result = layer.value_and_pullback(stan_theta(theta, batch.rows(), batch.columns(), instance), key,
                                           first_instance);
    const Eigen::Index samples = samples_of(layer), n = batch.columns();
    const auto nodes = put_on_tape(std::move(theta), std::move(result.value), std::move(result.pullback));
    std::vector<typename BatchT::container> z;
    z.reserve(static_cast<std::size_t>(samples));
    for (Eigen::Index s = 0; s < samples; ++s)
        z.push_back(batch.shaped([&](Eigen::Index b, Eigen::Index j) {
            return stan::math::var(nodes[static_cast<std::size_t>((b * samples + s) * n + j)]);
        }));
    return z;
}

template <class LayerT, class BatchT, std::size_t InstanceRank>
[[nodiscard]] auto marginals_on_tape(LayerT& layer, const BatchT& batch,
                                     const Eigen::Index (&instance)[InstanceRank], random_key key,
                                     std::uint64_t first_instance) {
    static_assert(
        HasMarginals<LayerT, Eigen::Tensor<double, static_cast<int>(InstanceRank) + 1, Eigen::RowMajor>>,
        "imle::stan_marginals: the layer has no marginals_and_pullback(theta, key, first_instance); "
        "expected one that has, or imle::stan_samples. See docs/adapters/stan.md");
    auto theta = nodes_of(batch);
    auto result = layer.marginals_and_pullback(stan_theta(theta, batch.rows(), batch.columns(), instance),
                                               key, first_instance);
    const auto nodes = put_on_tape(std::move(theta), std::move(result.value), std::move(result.pullback));
    return batch.shaped([&](Eigen::Index b, Eigen::Index j) {
        return stan::math::var(nodes[static_cast<std::size_t>(b * batch.columns() + j)]);
    });
}

}  // namespace detail

/// z on Stan's tape, one MAP state per instance and sample: S containers of theta's kind and shape,
/// `z[s](b, j)` for a matrix, `z[s](j)` or `z[s][j]` for a vector. batch * S solves.
///
/// The reverse pass calls the layer once, with the whole cotangent, by the chain rule (see `imle::pullback`):
/// batch * S solves again. If nothing came back to any z, it is not called.
///
/// What the tape keeps shares the layer's parts and outlives the layer. Errors: as of `imle_layer::forward`,
/// and from `grad` as of `imle_layer::vjp`; what a solver throws arrives unchanged. A variable without a
/// value throws `std::invalid_argument`.
template <class LayerT, StanTheta ThetaT>
[[nodiscard]] auto stan_samples(LayerT& layer, const ThetaT& theta, random_key key,
                                std::uint64_t first_instance = 0) {
    const detail::stan_batch<ThetaT> batch(theta);
    return detail::samples_on_tape(layer, batch, {batch.columns()}, key, first_instance);
}
/// The same for instances that are no vectors: `instance` is their shape, row-major, as {12, 12} for the 144
/// numbers of a row. Throws `std::invalid_argument` if it holds another number of them.
template <class LayerT, StanTheta ThetaT, std::size_t InstanceRank>
[[nodiscard]] auto stan_samples(LayerT& layer, const ThetaT& theta,
                                const Eigen::Index (&instance)[InstanceRank], random_key key,
                                std::uint64_t first_instance = 0) {
    return detail::samples_on_tape(layer, detail::stan_batch<ThetaT>(theta), instance, key, first_instance);
}

/// The mean of z over the samples on Stan's tape, of theta's kind and shape. As `stan_samples`, but the
/// cotangent goes to vjp as it is, and no sample is kept.
template <class LayerT, StanTheta ThetaT>
[[nodiscard]] auto stan_marginals(LayerT& layer, const ThetaT& theta, random_key key,
                                  std::uint64_t first_instance = 0) {
    const detail::stan_batch<ThetaT> batch(theta);
    return detail::marginals_on_tape(layer, batch, {batch.columns()}, key, first_instance);
}
/// The same for instances that are no vectors.
template <class LayerT, StanTheta ThetaT, std::size_t InstanceRank>
[[nodiscard]] auto stan_marginals(LayerT& layer, const ThetaT& theta,
                                  const Eigen::Index (&instance)[InstanceRank], random_key key,
                                  std::uint64_t first_instance = 0) {
    return detail::marginals_on_tape(layer, detail::stan_batch<ThetaT>(theta), instance, key, first_instance);
}

}  // namespace imle::inline IMLE_ABI
