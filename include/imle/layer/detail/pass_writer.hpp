#pragma once

/// @file
/// How a layer writes into a pass that its caller uses again.

#include <algorithm>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The only one that may change a pass. Memory is kept where the shape stays the same.
struct pass_writer {
    /// The pass's theta, key, place and failures become the call's. theta may be the pass's own.
    template <class PassT, class CallT>
    static void set_call(PassT& pass, const CallT& call, const std::vector<Eigen::Index>& failed_rows) {
        pass.failed_rows_ = failed_rows;
        resize(pass.theta_, call.shape.theta());
        if (pass.theta_.data() != call.theta) std::copy_n(call.theta, pass.theta_.size(), pass.theta_.data());
        pass.key_ = call.key;
        pass.first_instance_ = call.first_instance;
        if constexpr (requires { pass.sample_count_; }) pass.sample_count_ = call.samples;
    }
    /// Where z goes, or its mean.
    template <class PassT, class CallT>
    [[nodiscard]] static auto* values(PassT& pass, const CallT& call) {
        if constexpr (requires { pass.samples_; }) {
            resize(pass.samples_, call.shape.samples(call.samples));
            return pass.samples_.data();
        } else {
            resize(pass.marginals_, call.shape.theta());
            return pass.marginals_.data();
        }
    }
    /// After an exception the pass must not look like a result.
    template <class PassT>
    static void spoil(PassT& pass) noexcept {
        using Scalar = scalar_of<typename PassT::theta_tensor>;
        if constexpr (requires { pass.samples_; })
            std::fill_n(pass.samples_.data(), pass.samples_.size(), unwritten<Scalar>());
        else
            std::fill_n(pass.marginals_.data(), pass.marginals_.size(), unwritten<Scalar>());
    }

  private:
    template <class TensorT, class Dimensions>
    static void resize(TensorT& tensor, const Dimensions& dimensions) {
        if (dimensions_of(tensor) != dimensions) tensor.resize(dimensions);
    }
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
