#pragma once

/// @file
/// The layer's node in torch's graph.

#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/types.h>

#include <imle/adapters/torch/detail/torch_tensors.hpp>
#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// What a gradient made with create_graph hangs on: there is no second derivative, and whoever asks for it
/// should hear so. It leads on to all that the gradient depends on, since torch visits only nodes that lie on
/// a path to what is differentiated.
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

/// Hands the accumulated cotangent of the layer's output to `PullbackT`, which returns theta's gradient.
///
/// torch runs a node once, after everything that uses its output, so the whole cotangent comes in one call:
/// what a backward pass that is not linear needs (docs/design/cotangents.md).
///
/// A node and not a `torch::autograd::Function`, whose context is not freed until the output goes: this one
/// frees the pass with the graph's other buffers, and has a name of its own in `grad_fn`.
template <class Scalar, int OutputRank, class PullbackT>
class torch_node final : public torch::autograd::Node {
  public:
    torch_node(std::string name, PullbackT pullback, torch::autograd::edge_list&& edges)
        : Node(std::move(edges)), name_(std::move(name)), pullback_(std::move(pullback)) {}

    [[nodiscard]] std::string name() const override { return name_; }

    /// After a backward pass without retain_graph.
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
        } catch (...) {  // torch's engine cleans up after std::exception alone
            std::throw_with_nested(std::runtime_error(
                "imle: in the backward pass the solver, noise or target threw what is no std::exception; see "
                "std::rethrow_if_nested"));
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

/// Whether something will want theta's gradient.
[[nodiscard]] inline bool wants_gradient(const torch::Tensor& theta) {
    return torch::GradMode::is_enabled() && theta.requires_grad();
}

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

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
