#pragma once

/// @file
/// Layers for libtorch, https://pytorch.org/cppdocs (Debian: libtorch-dev; CMake: find_package(Torch)). Not
/// part of `imle.hpp`: include it where you use it, and link torch. GCC only: clang 14 does not compile
/// libtorch 1.13's headers as C++20. See docs/adapters/torch.md.

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <memory>
#include <ostream>
#include <type_traits>
#include <utility>

#include <torch/csrc/autograd/grad_mode.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/serialize.h>
#include <torch/types.h>

#include <imle/adapters/torch/detail/torch_node.hpp>
#include <imle/layer/call.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/targets/adaptive_target.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// A layer whose target has the state of `adaptive_target`.
template <class LayerT>
concept AdaptiveLayer = requires(LayerT& layer, const adaptive_target_state& state) {
    { layer.target().state() } -> std::convertible_to<adaptive_target_state>;
    layer.target().restore(state);
};
/// A layer whose target has any state.
template <class LayerT>
concept LearningLayer = requires(LayerT& layer) {
    requires has_update<std::remove_cvref_t<decltype(layer.target())>>;
};

/// Names within the module's part of an archive.
inline constexpr const char* sequence_name = "imle_key_and_step";
inline constexpr const char* adaptive_name = "imle_adaptive_target";

/// Writes the key and the step, 3 words as integers, and the 4 numbers of an adaptive target.
template <class LayerT>
void write_state(torch::serialize::OutputArchive& archive, random_key key, std::uint64_t step,
                 const LayerT& layer) {
    const auto key_words = std::bit_cast<std::array<std::int64_t, 2>>(key);
    const std::int64_t words[] = {key_words[0], key_words[1], std::bit_cast<std::int64_t>(step)};
    if constexpr (AdaptiveLayer<LayerT>) {
        const adaptive_target_state state = layer.target().state();
        const double numbers[] = {state.beta, state.grad_norm, state.previous_update, state.gain};
        archive.write(adaptive_name, torch::tensor(at::ArrayRef<double>(numbers), torch::kFloat64), true);
    } else {
        TORCH_CHECK(
            !LearningLayer<LayerT>,
            "imle: torch_layer cannot save the state of the layer's target; expected a target with the "
            "state() and restore() of adaptive_target (or save the state yourself)");
    }
    archive.write(sequence_name, torch::tensor(at::ArrayRef<std::int64_t>(words), torch::kInt64), true);
}

/// Reads numbers of an archive, `count` or, in older ones, `least` of them, or throws c10::Error.
template <class Scalar>
[[nodiscard]] torch::Tensor saved_numbers(torch::serialize::InputArchive& archive, const char* name,
                                          std::int64_t least, std::int64_t count) {
    torch::Tensor numbers;
    TORCH_CHECK(archive.try_read(name, numbers, true), "imle: the archive has no ", name,
                " for this module; expected one that was saved from a torch_layer with such a target");
    TORCH_CHECK(numbers.scalar_type() == c10::CppTypeToScalarType<Scalar>::value &&
                    (numbers.numel() == least || numbers.numel() == count),
                "imle: the archive's ", name, " is of type ", numbers.scalar_type(), " and shape ",
                numbers.sizes(), "; expected ", count, " numbers of type ",
                c10::CppTypeToScalarType<Scalar>::value);
    return in_order(numbers.cpu());
}

/// Reads the output of `write_state`.
template <class LayerT>
void read_state(torch::serialize::InputArchive& archive, random_key& key, std::uint64_t& step,
                LayerT& layer) {
    const torch::Tensor sequence = saved_numbers<std::int64_t>(archive, sequence_name, 3, 3);
    if constexpr (AdaptiveLayer<LayerT>) {
        const torch::Tensor state = saved_numbers<double>(archive, adaptive_name, 3, 4);
        const double* const numbers = state.data_ptr<double>();
        const double gain = state.numel() == 4 ? numbers[3] : adaptive_target_state{}.gain;
        layer.target().restore({numbers[0], numbers[1], numbers[2], gain});
    }
    const std::int64_t* const words = sequence.data_ptr<std::int64_t>();
    key = std::bit_cast<random_key>(std::array<std::int64_t, 2>{words[0], words[1]});
    step = std::bit_cast<std::uint64_t>(words[2]);
}

/// The layer's output for theta: value_of(view) if no gradient is needed, else the value of
/// with_pullback(view) as the output of a node.
template <int InstanceRank, int OutputRank, class LayerT, class ValueT, class PullbackT>
[[nodiscard]] torch::Tensor on_graph(const char* name, const torch::Tensor& theta, ValueT&& value_of,
                                     PullbackT&& with_pullback) {
    require_theta(theta, InstanceRank);
    return with_scalar_of<LayerT, InstanceRank>(theta, [&]<class Scalar>(Scalar) {
        const torch::Tensor numbers = in_order(theta.detach());
        const auto view = as_eigen<Scalar, InstanceRank + 1>(numbers);
        if (!torch::GradMode::is_enabled() || !theta.requires_grad()) return as_torch(value_of(view));
        auto [value, pullback] = with_pullback(view);
        return with_node<Scalar, OutputRank>(as_torch(std::move(value)), name, theta, std::move(pullback));
    });
}

}  // namespace detail

/// Samples z of the layer. theta [batch, instance...] with `InstanceRank` instance dimensions gives z [batch,
/// sample, instance...], of theta's type. Differentiable once with respect to theta, by the chain rule: it
/// uses `imle_layer::value_and_pullback`, whose pullback gets the whole accumulated cotangent.
///
/// theta is a dense tensor of float or double on the CPU, of any stride; it is copied only if it is not
/// contiguous. z owns its memory and may be changed in place. If no gradient is needed (theta does not
/// require one, or under `torch::NoGradGuard`), nothing is kept.
///
/// The graph shares the layer's parts and outlives the layer. Layer and graphs count as one for the rule of
/// one thread at a time, and the layer gets whatever an adaptive target learns in a backward pass.
///
/// Throws `c10::Error` for a wrong device, type, layout or rank, and otherwise like `imle_layer::forward`;
/// `backward()` throws like `imle_layer::vjp`. batch * S solves each.
template <int InstanceRank, class LayerT, CallOptions OptionsT = call_options>
[[nodiscard]] torch::Tensor torch_samples(LayerT& layer, const torch::Tensor& theta, random_key key,
                                          const OptionsT& options = {}) {
    return detail::on_graph<InstanceRank, InstanceRank + 2, LayerT>(
        "imle::torch_samples", theta,
        [&](const auto& view) { return std::move(layer.forward(view, key, options)).samples(); },
        [&](const auto& view) { return layer.value_and_pullback(view, key, options); });
}

/// The mean of the layer's samples, none of which is kept. theta [batch, instance...] with `InstanceRank`
/// instance dimensions gives mu of the same shape and type. Differentiable once with respect to theta: it
/// uses `imle_layer::marginals_and_pullback`, with the whole accumulated cotangent of mu.
///
/// For theta, errors, lifetime and threads see `torch_samples`. batch * S solves each way, and as many again
/// if an adaptive target counts.
template <int InstanceRank, class LayerT, CallOptions OptionsT = call_options>
[[nodiscard]] torch::Tensor torch_marginals(LayerT& layer, const torch::Tensor& theta, random_key key,
                                            const OptionsT& options = {}) {
    static_assert(
        requires { requires LayerT::pulls_back_marginals; },
        "imle::torch_marginals: the layer does not pull back through passes of marginals; "
        "expected a layer that does, or imle::torch_samples. See docs/adapters/torch.md");
    return detail::on_graph<InstanceRank, InstanceRank + 1, LayerT>(
        "imle::torch_marginals", theta,
        [&](const auto& view) { return std::move(layer.marginals(view, key, options)).marginals(); },
        [&](const auto& view) { return layer.marginals_and_pullback(view, key, options); });
}

/// The output of a `torch_layer`.
enum class torch_output {
    /// [batch, sample, instance...]: `torch_samples`.
    samples,
    /// [batch, instance...], the mean over samples: `torch_marginals`.
    marginals
};

/// The module of a `torch_layer`: a layer, a key and the number of the next call.
///
/// Call t of `forward(theta)` draws the noise of `key().fold_in(t)`, in training and in evaluation: train()
/// and eval() have no effect. `torch::save` and `torch::load` save and restore the key, the number and what
/// an `adaptive_target` has learned, so a run can be resumed. They are not buffers, because a module's
/// to(dtype) would round them.
template <int InstanceRank, class LayerT>
class torch_layer_impl : public torch::nn::Module {
    static constexpr bool has_marginals = requires { requires LayerT::pulls_back_marginals; };

  public:
    /// key: call t draws its noise from `key.fold_in(t)`. Throws `c10::Error` if `output` is marginals and
    /// the layer cannot pull back through them.
    explicit torch_layer_impl(LayerT layer, random_key key = random_key{0},
                              torch_output output = torch_output::samples)
        : Module("imle::torch_layer"), layer_(std::move(layer)), key_(key), output_(output) {
        TORCH_CHECK(
            has_marginals || output == torch_output::samples,
            "imle: torch_layer's output is marginals, and the layer does not pull back through passes of "
            "marginals; expected torch_output::samples, or another layer");
    }

    /// The layer's output for the next number. Only a call that returns advances the number. Throws like
    /// `torch_samples`.
    torch::Tensor forward(const torch::Tensor& theta) {
        torch::Tensor output = forward_with(theta, key_.fold_in(step_));
        ++step_;
        return output;
    }

    /// The layer's output for a key of your own, for example for a shard of a batch or to draw the same noise
    /// twice. Does not advance the number.
    template <CallOptions OptionsT = call_options>
    [[nodiscard]] torch::Tensor forward_with(const torch::Tensor& theta, random_key key,
                                             const OptionsT& options = {}) {
        if constexpr (has_marginals)
            if (output_ == torch_output::marginals)
                return torch_marginals<InstanceRank>(layer_, theta, key, options);
        return torch_samples<InstanceRank>(layer_, theta, key, options);
    }

    /// The layer. Use it to read its options or an adaptive target's state.
    [[nodiscard]] LayerT& layer() noexcept { return layer_; }
    /// The layer, read-only.
    [[nodiscard]] const LayerT& layer() const noexcept { return layer_; }
    /// The key, into which every call folds its number.
    [[nodiscard]] random_key key() const noexcept { return key_; }
    /// The number of the next call.
    [[nodiscard]] std::uint64_t step() const noexcept { return step_; }
    /// Sets the number of the next call.
    void set_step(std::uint64_t step) noexcept { step_ = step; }

    /// Throws `c10::Error` if the target learns but is not an `adaptive_target`, because its state is unknown
    /// here.
    void save(torch::serialize::OutputArchive& archive) const override {
        Module::save(archive);
        detail::write_state(archive, key_, step_, layer_);
    }

    /// Throws `c10::Error`, and changes nothing, if the archive has no state or a different one.
    void load(torch::serialize::InputArchive& archive) override {
        detail::read_state(archive, key_, step_, layer_);
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

    /// Prints the output and the options in one line, for `std::cout << module`.
    void pretty_print(std::ostream& out) const override {
        out << "imle::torch_layer(instance_rank=" << InstanceRank
            << ", output=" << (output_ == torch_output::samples ? "samples" : "marginals")
            << ", samples=" << layer_.sample_count();
        const auto& options = layer_.options();
        if constexpr (std::same_as<std::remove_cvref_t<decltype(options)>, layer_options>)
            out << ", input_temperature=" << options.input_temperature
                << ", target_temperature=" << options.target_temperature
                << ", difference=" << (options.difference == difference::forward ? "forward" : "central")
                << ", threads=" << options.threads << ", failures="
                << (options.failures == failure_policy::throw_error ? "throw_error" : "zero_gradient")
                << ", statistics=" << (options.statistics ? "true" : "false");
        out << ")";
    }

  private:
    LayerT layer_;
    random_key key_;
    std::uint64_t step_ = 0;
    torch_output output_;
};

/// The holder of a `torch_layer_impl`, as `torch::nn::Linear` is for `LinearImpl`: a shared pointer that can
/// be registered as a submodule, put into a `torch::nn::Sequential`, called, saved, loaded and printed.
template <int InstanceRank, class LayerT>
class torch_layer : public torch::nn::ModuleHolder<torch_layer_impl<InstanceRank, LayerT>> {
  public:
    using torch::nn::ModuleHolder<torch_layer_impl<InstanceRank, LayerT>>::ModuleHolder;
};

/// Makes a `torch_layer` and deduces the layer's type.
template <int InstanceRank, class LayerT>
[[nodiscard]] torch_layer<InstanceRank, LayerT> make_torch_layer(
    LayerT layer, random_key key = random_key{0}, torch_output output = torch_output::samples) {
    return torch_layer<InstanceRank, LayerT>(std::move(layer), key, output);
}

}  // namespace imle::inline IMLE_ABI
