#pragma once

/// @file
/// An estimator's samples and its pullback.

#include <cstdint>
#include <memory>
#include <utility>

#include <imle/core/config.hpp>
#include <imle/layer/pullback.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// What an estimator's `value_and_pullback` returns: its forward pass, and a pullback that holds a copy of
/// the estimator. The pullback hands S * dz to `vjp`, see `imle::pullback`.
template <class LayerT, class ThetaT>
[[nodiscard]] auto value_and_pullback_of(const LayerT& layer, const ThetaT& theta, random_key key,
                                         std::uint64_t first_instance) {
    auto kept = layer.forward(theta, key, first_instance);
    using pass = decltype(kept);
    auto shared = std::make_shared<const pass>(std::move(kept));
    typename pass::sample_tensor value = shared->samples();
    return value_and_pullback_result<typename pass::sample_tensor, pullback<LayerT, pass>>{
        std::move(value), pullback<LayerT, pass>(layer, std::move(shared))};
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
