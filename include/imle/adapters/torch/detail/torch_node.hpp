#pragma once

/// @file
/// Views of torch tensors as Eigen tensors without a copy, and the layer's node in torch's graph.

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/types.h>

#include <imle/concepts/exponential_family.hpp>
#include <imle/concepts/noise_distribution.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/concepts/target_distribution.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The same numbers, contiguous and in order, in this process's memory. Handles tensors of any stride, views
/// that negate when read, and zeros without memory. A contiguous tensor is returned unchanged.
[[nodiscard]] inline torch::Tensor in_order(const torch::Tensor& tensor) {
    return (tensor._is_zerotensor() ? tensor.clone() : tensor.resolve_neg()).contiguous();
}

/// Views a tensor returned by `in_order`. Valid as long as that tensor.
template <class Scalar, int Rank>
[[nodiscard]] const_view<Scalar, Rank, Eigen::RowMajor> as_eigen(const torch::Tensor& tensor) {
    Eigen::DSizes<Eigen::Index, Rank> dimensions;
    for (int i = 0; i < Rank; ++i)
        dimensions[static_cast<std::size_t>(i)] = static_cast<Eigen::Index>(tensor.size(i));
    return {tensor.data_ptr<Scalar>(), dimensions};
}

/// A torch tensor that takes over the memory of an Eigen tensor.
template <class Scalar, int Rank>
[[nodiscard]] torch::Tensor as_torch(Eigen::Tensor<Scalar, Rank, Eigen::RowMajor>&& tensor) {
    std::array<std::int64_t, static_cast<std::size_t>(Rank)> sizes{};
    for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = tensor.dimensions()[i];
    const auto options = torch::TensorOptions().dtype(c10::CppTypeToScalarType<Scalar>::value);
    if (tensor.size() == 0) return torch::empty(sizes, options);
    const auto owner = std::make_shared<Eigen::Tensor<Scalar, Rank, Eigen::RowMajor>>(std::move(tensor));
    return torch::from_blob(
        owner->data(), sizes, [owner](void*) {}, options);
}

/// Whether a layer's parts accept this scalar. A solver or a noise may be written for only one of the two;
/// the other estimators lack some of the parts, or have a family.
template <class LayerT, class Scalar, int InstanceRank>
inline constexpr bool layer_takes = [](const LayerT* layer) {
    bool takes = true;
    if constexpr (requires { layer->solver(); })
        takes = Solver<std::remove_cvref_t<decltype(layer->solver())>, Scalar, InstanceRank, Eigen::RowMajor>;
    if constexpr (requires { layer->noise(); })
        takes = takes && NoiseDistribution<std::remove_cvref_t<decltype(layer->noise())>, Scalar>;
    if constexpr (requires { layer->target(); })
        takes = takes && TargetDistribution<std::remove_cvref_t<decltype(layer->target())>, Scalar>;
    if constexpr (requires { layer->family(); })
        takes = takes && ExponentialFamily<std::remove_cvref_t<decltype(layer->family())>, Scalar>;
    return takes;
}(nullptr);

/// Throws `c10::Error` unless theta is a tensor that a layer accepts, whatever its numbers are.
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

/// Calls `f(Scalar{})` with theta's scalar. Throws `c10::Error` if the layer's parts do not accept it.
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

/// The node behind a gradient made with create_graph. There is no second derivative, and this node reports it
/// to whoever asks for one. It is connected to everything that the gradient depends on, because torch visits
/// only nodes on a path to the differentiated tensor.
class torch_second_derivative final : public torch::autograd::Node {
  public:
    using Node::Node;

    [[nodiscard]] std::string name() const override { return "imle::second_derivative"; }

  private:
    torch::autograd::variable_list apply(torch::autograd::variable_list&&) override {
        TORCH_CHECK(false,
                    "imle: a second derivative through the layer was asked for, which I-MLE does not define; "
                    "expected first derivatives only (detach() the gradient where it is used as a number)");
    }
};

/// Passes the accumulated cotangent of the layer's output to `PullbackT`, which returns theta's gradient.
///
/// torch runs a node once, after everything that uses its output, so the whole cotangent arrives in one call,
/// as a nonlinear backward pass requires (docs/design/cotangents.md).
///
/// It is a node instead of a `torch::autograd::Function`, whose context is not freed until the output is.
/// This node frees the pass together with the graph's other buffers, and has its own name in `grad_fn`.
template <class Scalar, int OutputRank, class PullbackT>
class torch_node final : public torch::autograd::Node {
  public:
    torch_node(std::string name, PullbackT pullback, torch::autograd::edge_list&& edges)
        : Node(std::move(edges)), name_(std::move(name)), pullback_(std::move(pullback)) {}

    [[nodiscard]] std::string name() const override { return name_; }

    /// Called after a backward pass without retain_graph.
    void release_variables() override {
        const std::lock_guard<std::mutex> lock(mutex_);
        pullback_.reset();
    }

  private:
    torch::autograd::variable_list apply(torch::autograd::variable_list&& cotangents) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        const torch::Tensor& dz = cotangents[0];
        if (!dz.defined()) return {torch::Tensor()};  // nothing depends on the output
        TORCH_CHECK(pullback_.has_value(), torch::autograd::ERR_BACKWARD_TWICE);
        TORCH_CHECK(dz.layout() == torch::kStrided, "imle: the cotangent has the layout ", dz.layout(),
                    "; expected a dense tensor");
        torch::Tensor gradient;
        {
            const torch::AutoGradMode no_graph(false);
            const torch::Tensor whole = in_order(dz);
            gradient = gradient_for(as_eigen<Scalar, OutputRank>(whole));
        }
        if (torch::GradMode::is_enabled()) forbid_second_derivative(gradient, dz);
        return {gradient};
    }

    template <class CotangentT>
    [[nodiscard]] torch::Tensor gradient_for(const CotangentT& dz) {
        try {
            return as_torch((*pullback_)(dz));
        } catch (const std::exception&) {
            throw;
        } catch (...) {  // torch's engine cleans up only after std::exception
            std::throw_with_nested(std::runtime_error(
                "imle: in the backward pass the solver, noise or target threw something that is no "
                "std::exception; see std::rethrow_if_nested"));
        }
    }

    void forbid_second_derivative(torch::Tensor& gradient, const torch::Tensor& dz) const {
        torch::autograd::edge_list edges{next_edge(0)};
        if (dz.requires_grad()) edges.push_back(torch::autograd::impl::gradient_edge(dz));
        torch::autograd::set_history(
            gradient, std::shared_ptr<torch_second_derivative>(new torch_second_derivative(std::move(edges)),
                                                               torch::autograd::deleteNode));
    }

    std::string name_;
    std::optional<PullbackT> pullback_;
};

/// Makes `value` the output of a node that pulls its cotangent back to theta.
template <class Scalar, int OutputRank, class PullbackT>
[[nodiscard]] torch::Tensor with_node(torch::Tensor value, const char* name, const torch::Tensor& theta,
                                      PullbackT pullback) {
    using node = torch_node<Scalar, OutputRank, PullbackT>;
    torch::autograd::set_history(
        value,
        std::shared_ptr<node>(new node(name, std::move(pullback), torch::autograd::collect_next_edges(theta)),
                              torch::autograd::deleteNode));
    return value;
}

}  // namespace imle::inline IMLE_ABI::detail
