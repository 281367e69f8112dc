#pragma once

/// @file
/// A layer as a torch module.

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/serialize.h>
#include <torch/types.h>

#include <imle/adapters/torch/detail/torch_state.hpp>
#include <imle/adapters/torch/torch_marginals.hpp>
#include <imle/adapters/torch/torch_samples.hpp>
#include <imle/core/config.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// What a `torch_layer` returns.
enum class torch_output {
    /// [batch, sample, instance...]: `torch_samples`.
    samples,
    /// [batch, instance...], the mean over samples: `torch_marginals`.
    marginals
};

/// What a `torch_layer` holds: a layer, a key and the number of the next call.
///
/// Call t of `forward(theta)` draws the noise of `key().fold_in(t)`, in training and in evaluation: train()
/// and eval() change nothing here. `torch::save` and `torch::load` keep key, number and what an
/// `adaptive_target` has learned, so that a run goes on where it was. They are no buffers, since a module's
/// to(dtype) would round them.
template <int InstanceRank, class LayerT>
class torch_layer_impl : public torch::nn::Module {
  public:
    explicit torch_layer_impl(LayerT layer, random_key key = random_key{0},
                              torch_output output = torch_output::samples)
        : Module("imle::torch_layer"), layer_(std::move(layer)), key_(key), output_(output) {}

    /// The layer's output for the next number. Only a call that returns counts. Throws as `torch_samples`.
    torch::Tensor forward(const torch::Tensor& theta) {
        torch::Tensor output = forward_with(theta, key_.fold_in(step_));
        ++step_;
        return output;
    }

    /// The layer's output for a key of one's own, say for a shard of a batch or to draw the same noise twice.
    /// Does not count.
    [[nodiscard]] torch::Tensor forward_with(const torch::Tensor& theta, random_key key,
                                             std::uint64_t first_instance = 0) {
        if (output_ == torch_output::marginals)
            return torch_marginals<InstanceRank>(layer_, theta, key, first_instance);
        return torch_samples<InstanceRank>(layer_, theta, key, first_instance);
    }

    [[nodiscard]] LayerT& layer() noexcept { return layer_; }
    [[nodiscard]] const LayerT& layer() const noexcept { return layer_; }
    [[nodiscard]] random_key key() const noexcept { return key_; }
    /// The number of the next call.
    [[nodiscard]] std::uint64_t step() const noexcept { return step_; }
    void set_step(std::uint64_t step) noexcept { step_ = step; }

    /// Throws `c10::Error` if the target learns but is no `adaptive_target`: its state is not known here.
    void save(torch::serialize::OutputArchive& archive) const override {
        Module::save(archive);
        detail::write_state(archive, key_, step_, layer_.target());
    }

    /// Throws `c10::Error` if the archive holds none, or not this, and then changes nothing.
    void load(torch::serialize::InputArchive& archive) override {
        detail::read_state(archive, key_, step_, layer_.target());
        Module::load(archive);
    }

    /// An independent module with a copy of the layer.
    [[nodiscard]] std::shared_ptr<Module> clone(
        const torch::optional<torch::Device>& = torch::nullopt) const override {
        auto copy = std::make_shared<torch_layer_impl>(layer_, key_, output_);
        copy->step_ = step_;
        copy->train(is_training());
        return copy;
    }

    void pretty_print(std::ostream& out) const override {
        const layer_options& options = layer_.options();
        out << "imle::torch_layer(instance_rank=" << InstanceRank
            << ", output=" << (output_ == torch_output::samples ? "samples" : "marginals")
            << ", samples=" << options.samples << ", input_temperature=" << options.input_temperature
            << ", target_temperature=" << options.target_temperature
            << ", difference=" << (options.difference == difference::forward ? "forward" : "central")
            << ", threads=" << options.threads << ", failures="
            << (options.failures == failure_policy::throw_error ? "throw_error" : "zero_gradient")
            << ", statistics=" << (options.statistics ? "true" : "false") << ")";
    }

  private:
    LayerT layer_;
    random_key key_;
    std::uint64_t step_ = 0;
    torch_output output_;
};

/// The holder of a `torch_layer_impl`, as `torch::nn::Linear` is one: a shared pointer that can be registered
/// as a submodule, put into a `torch::nn::Sequential`, called, saved, loaded and printed.
template <int InstanceRank, class LayerT>
class torch_layer : public torch::nn::ModuleHolder<torch_layer_impl<InstanceRank, LayerT>> {
  public:
    using torch::nn::ModuleHolder<torch_layer_impl<InstanceRank, LayerT>>::ModuleHolder;
};

/// A `torch_layer` whose layer's type is deduced.
template <int InstanceRank, class LayerT>
[[nodiscard]] torch_layer<InstanceRank, LayerT> make_torch_layer(
    LayerT layer, random_key key = random_key{0}, torch_output output = torch_output::samples) {
    return torch_layer<InstanceRank, LayerT>(std::move(layer), key, output);
}

}  // namespace imle::inline IMLE_ABI
