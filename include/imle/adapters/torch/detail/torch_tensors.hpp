#pragma once

/// @file
/// Torch's tensors seen as Eigen's, and the other way round, without a copy.

#include <array>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include <torch/types.h>

#include <imle/concepts/exponential_family.hpp>
#include <imle/concepts/noise_distribution.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/concepts/target_distribution.hpp>
#include <imle/core/config.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// A batch as torch has it, batch first.
template <class Scalar, int Rank>
using torch_batch = Eigen::Tensor<Scalar, Rank, Eigen::RowMajor>;

/// The same numbers with each where its index says, in this process's memory: tensors of any stride, views
/// that negate when they are read, zeros that have no memory. A contiguous tensor is returned as it is.
[[nodiscard]] inline torch::Tensor in_order(const torch::Tensor& tensor) {
    return (tensor._is_zerotensor() ? tensor.clone() : tensor.resolve_neg()).contiguous();
}

/// Views a tensor for which `in_order` holds. Valid as long as it.
template <class Scalar, int Rank>
[[nodiscard]] const_view<Scalar, Rank, Eigen::RowMajor> as_eigen(const torch::Tensor& tensor) {
    Eigen::DSizes<Eigen::Index, Rank> dimensions;
    for (int i = 0; i < Rank; ++i)
        dimensions[static_cast<std::size_t>(i)] = static_cast<Eigen::Index>(tensor.size(i));
    return {tensor.data_ptr<Scalar>(), dimensions};
}

/// A torch tensor that owns what the Eigen tensor owned.
template <class Scalar, int Rank>
[[nodiscard]] torch::Tensor as_torch(torch_batch<Scalar, Rank>&& tensor) {
    std::array<std::int64_t, static_cast<std::size_t>(Rank)> sizes{};
    for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = tensor.dimensions()[i];
    const auto options = torch::TensorOptions().dtype(c10::CppTypeToScalarType<Scalar>::value);
    if (tensor.size() == 0) return torch::empty(sizes, options);
    const auto owner = std::make_shared<torch_batch<Scalar, Rank>>(std::move(tensor));
    return torch::from_blob(
        owner->data(), sizes, [owner](void*) {}, options);
}

/// Whether a layer's parts take this scalar. A solver or a noise may be written for one of the two alone; the
/// other estimators lack some of the parts, or have a family.
template <class LayerT, class Scalar, int InstanceRank>
inline constexpr bool layer_takes = [] {
    bool takes = true;
    if constexpr (requires(const LayerT& layer) { layer.solver(); })
        takes = takes && Solver<std::remove_cvref_t<decltype(std::declval<const LayerT&>().solver())>, Scalar,
                                InstanceRank, Eigen::RowMajor>;
    if constexpr (requires(const LayerT& layer) { layer.noise(); })
        takes =
            takes &&
            NoiseDistribution<std::remove_cvref_t<decltype(std::declval<const LayerT&>().noise())>, Scalar>;
    if constexpr (requires(const LayerT& layer) { layer.target(); })
        takes =
            takes &&
            TargetDistribution<std::remove_cvref_t<decltype(std::declval<const LayerT&>().target())>, Scalar>;
    if constexpr (requires(const LayerT& layer) { layer.family(); })
        takes =
            takes &&
            ExponentialFamily<std::remove_cvref_t<decltype(std::declval<const LayerT&>().family())>, Scalar>;
    return takes;
}();

/// Throws `c10::Error` unless theta is what a layer can take, whatever its numbers are.
inline void require_theta(const torch::Tensor& theta, int instance_rank) {
    TORCH_CHECK(theta.defined(),
                "imle: theta is an undefined tensor; expected a tensor [batch, instance...]");
    TORCH_CHECK(theta.device().is_cpu(), "imle: theta is on device ", theta.device(),
                "; expected a tensor on the CPU, where the solver runs (theta.cpu() is differentiable)");
    TORCH_CHECK(theta.layout() == torch::kStrided, "imle: theta has the layout ", theta.layout(),
                "; expected a dense tensor (theta.to_dense() is differentiable)");
    TORCH_CHECK(theta.scalar_type() == torch::kFloat32 || theta.scalar_type() == torch::kFloat64,
                "imle: theta's numbers are of type ", theta.scalar_type(), "; expected Float or Double");
    TORCH_CHECK(theta.dim() == instance_rank + 1, "imle: theta is a tensor of shape ", theta.sizes(),
                "; expected a batch dimension and ", instance_rank, " instance dimension",
                instance_rank == 1 ? "" : "s", " (a single instance is a batch of one: theta.unsqueeze(0))");
    TORCH_CHECK(!theta._fw_grad(0).defined(),
                "imle: theta has a forward-mode tangent; expected none, since the layer has a backward pass "
                "only (forward-mode differentiation through a solver is not defined)");
}

/// Calls `f(Scalar{})` with theta's scalar. Throws `c10::Error` if the layer's parts do not take it.
template <class LayerT, int InstanceRank, class F>
[[nodiscard]] torch::Tensor with_scalar_of(const torch::Tensor& theta, F&& f) {
    constexpr bool takes_float = layer_takes<LayerT, float, InstanceRank>;
    constexpr bool takes_double = layer_takes<LayerT, double, InstanceRank>;
    static_assert(takes_float || takes_double,
                  "imle: the layer's solver, noise or target takes neither float nor double at this instance "
                  "rank. See docs/adapters/torch.md");
    if (theta.scalar_type() == torch::kFloat32) {
        if constexpr (takes_float) return f(float{});
    } else {
        if constexpr (takes_double) return f(double{});
    }
    TORCH_CHECK(false, "imle: theta's numbers are of type ", theta.scalar_type(),
                ", which the layer's solver, noise or target does not take; expected ",
                takes_float ? "Float" : "Double");
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
