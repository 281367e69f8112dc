#pragma once

/// @file
/// What an adapter asks of a layer that not every layer can answer.

#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <imle/concepts/target_distribution.hpp>
#include <imle/core/config.hpp>
#include <imle/layer/layer_options.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// How many rows of a batch may be without an answer: all or none.
template <class LayerT>
[[nodiscard]] Eigen::Index rows_that_fail(const LayerT& layer, Eigen::Index batch) {
    if constexpr (requires { layer.options().failures; })
        return layer.options().failures == failure_policy::zero_gradient ? batch : 0;
    else
        return 0;
}

/// A layer with a target of the library's kind; other estimators have none.
template <class LayerT>
concept HasTarget = requires(LayerT& layer) {
    layer.target();
};

/// True if an instance's gradient may depend on the others': through a target that looks at the whole call.
template <class LayerT>
inline constexpr bool mixes_instances = false;
template <HasTarget LayerT>
inline constexpr bool mixes_instances<LayerT> =
    has_for_call<std::remove_cvref_t<decltype(std::declval<LayerT&>().target())>>;

/// A layer whose passes of `marginals` can be pulled back through.
template <class LayerT>
concept HasMarginals = LayerT::pulls_back_marginals;

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
