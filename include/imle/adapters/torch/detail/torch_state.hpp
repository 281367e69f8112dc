#pragma once

/// @file
/// What a torch_layer writes into torch's archives.

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <torch/serialize/archive.h>
#include <torch/types.h>

#include <imle/adapters/any_layer.hpp>
#include <imle/adapters/torch/detail/torch_tensors.hpp>
#include <imle/concepts/target_distribution.hpp>
#include <imle/core/config.hpp>
#include <imle/random/random_key.hpp>
#include <imle/targets/adaptive_target.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// A layer with a target whose state is `adaptive_target`'s.
template <class LayerT>
concept AdaptiveLayer = requires(LayerT& layer, const adaptive_target_state& state) {
    { layer.target().state() } -> std::convertible_to<adaptive_target_state>;
    layer.target().restore(state);
};
/// A layer with a target that has any state.
template <class LayerT>
concept LearningLayer =
    HasTarget<LayerT> && has_update<std::remove_cvref_t<decltype(std::declval<LayerT&>().target())>>;

/// Names within the module's part of an archive.
inline constexpr const char* sequence_name = "imle_key_and_step";
inline constexpr const char* adaptive_name = "imle_adaptive_target";

/// Writes the key and the step, 3 words as integers, and an adaptive target's 3 numbers.
template <class LayerT>
void write_state(torch::serialize::OutputArchive& archive, random_key key, std::uint64_t step,
                 const LayerT& layer) {
    const auto key_words = std::bit_cast<std::array<std::int64_t, 2>>(key);
    const std::int64_t words[] = {key_words[0], key_words[1], std::bit_cast<std::int64_t>(step)};
    if constexpr (AdaptiveLayer<LayerT>) {
        const adaptive_target_state state = layer.target().state();
        const double numbers[] = {state.beta, state.grad_norm, state.previous_update};
        archive.write(adaptive_name, torch::tensor(at::ArrayRef<double>(numbers), torch::kFloat64), true);
    } else {
        TORCH_CHECK(!LearningLayer<LayerT>,
                    "imle: the layer's target has a state, of which torch_layer knows nothing; expected a "
                    "target whose state() and restore() are adaptive_target's (or save the state yourself)");
    }
    archive.write(sequence_name, torch::tensor(at::ArrayRef<std::int64_t>(words), torch::kInt64), true);
}

/// Three numbers of an archive, or c10::Error.
template <class Scalar>
[[nodiscard]] torch::Tensor three_numbers(torch::serialize::InputArchive& archive, const char* name) {
    torch::Tensor numbers;
    TORCH_CHECK(archive.try_read(name, numbers, true), "imle: the archive has no ", name,
                " for this module; expected one that was saved from a torch_layer with such a target");
    TORCH_CHECK(numbers.scalar_type() == c10::CppTypeToScalarType<Scalar>::value && numbers.numel() == 3,
                "imle: the archive's ", name, " is of type ", numbers.scalar_type(), " and shape ",
                numbers.sizes(), "; expected 3 numbers of type ", c10::CppTypeToScalarType<Scalar>::value);
    return in_order(numbers.cpu());
}

/// Reads what `write_state` wrote.
template <class LayerT>
void read_state(torch::serialize::InputArchive& archive, random_key& key, std::uint64_t& step,
                LayerT& layer) {
    const torch::Tensor sequence = three_numbers<std::int64_t>(archive, sequence_name);
    if constexpr (AdaptiveLayer<LayerT>) {
        const torch::Tensor state = three_numbers<double>(archive, adaptive_name);
        const double* const numbers = state.data_ptr<double>();
        layer.target().restore({numbers[0], numbers[1], numbers[2]});
    }
    const std::int64_t* const words = sequence.data_ptr<std::int64_t>();
    key = std::bit_cast<random_key>(std::array<std::int64_t, 2>{words[0], words[1]});
    step = std::bit_cast<std::uint64_t>(words[2]);
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
