#pragma once

/// @file
/// The noise of consecutive items of a call, drawn independently or stratified.

#include <cstddef>
#include <cstdint>
#include <span>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/core/errors.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/random/latin.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Whether a noise can be drawn with `sampling::latin`.
template <class NoiseT, class Scalar>
inline constexpr bool can_stratify = is_zero_noise<NoiseT> || QuantileNoise<NoiseT, Scalar>;

[[noreturn]] inline void refuse_latin() {
    throw_invalid("layer_options::sampling", "sampling::latin with a noise that has no fill_quantiles",
                  "sampling::independent, or a QuantileNoise, as those are that draw from a table "
                  "(docs/concepts/noise_distribution.md)");
}

/// Writes the noise of items first_item, first_item + 1, ..., n numbers each. Item i is sample i % samples of
/// instance i / samples, of the whole batch. It gets elements i * n to i * n + n - 1 of the key's sequence;
/// with `sampling::latin`, the numbers of the same random words once the words are stratified over the
/// samples of their instance and coordinate. Random access: items have the same bits alone and with others.
/// O(out.size()). For one sample both ways are the same.
template <class NoiseT, class Scalar>
void fill_item_noise(const NoiseT& noise, sampling how, const random_key& key, std::uint64_t samples,
                     std::size_t n, std::uint64_t first_item, std::span<Scalar> out) {
    if (how == sampling::independent || samples == 1) {
        noise.fill(key, first_item * n, out);
    } else if constexpr (QuantileNoise<NoiseT, Scalar>) {
        if (n == 0) return;
        latin_words<word_of<Scalar>>(key, samples, n)
            .for_each(first_item, out.size() / n,
                      [&](std::span<const word_of<Scalar>> words, std::size_t at) {
                          noise.fill_quantiles(words, out.subspan(at, words.size()));
                      });
    } else {
        refuse_latin();
    }
}

}  // namespace imle::inline IMLE_ABI::detail
