#pragma once

/// @file
/// The backward pass of one use of a layer on Stan's tape.

// Stan's headers come before all others: they configure Eigen.
#include <imle/adapters/stan/detail/reverse_pass.hpp>
#include <imle/adapters/stan/detail/stan_numbers.hpp>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <imle/core/config.hpp>
#include <imle/core/shape.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Takes the cotangent out of z's nodes, and adds theta's gradient to theta's. `BackwardT` maps the one to
/// the other, both as tensors.
template <class CotangentT, class BackwardT>
class layer_use {
  public:
    layer_use(std::vector<stan::math::vari*> theta, std::vector<stan::math::vari*> z, CotangentT dz,
              BackwardT backward)
        : theta_(std::move(theta)), z_(std::move(z)), dz_(std::move(dz)), backward_(std::move(backward)) {}

    void operator()() {
        bool reached = false;
        for (std::size_t i = 0; i < z_.size(); ++i) {
            dz_.data()[i] = z_[i]->adj_;
            reached = reached || z_[i]->adj_ != 0;
        }
        // Stan runs through all of its tape, also through what the differentiated number does not use.
        if (!reached) return;
        const auto gradient = backward_(dz_);
        for (std::size_t i = 0; i < theta_.size(); ++i) theta_[i]->adj_ += gradient.data()[i];
    }

  private:
    std::vector<stan::math::vari*> theta_;
    std::vector<stan::math::vari*> z_;
    CotangentT dz_;
    BackwardT backward_;
};

/// z's nodes for theta's: fresh ones with the values of `z`, and the use that joins them.
template <class TensorT, class BackwardT>
[[nodiscard]] std::vector<stan::math::vari*> put_on_tape(std::vector<stan::math::vari*> theta, TensorT z,
                                                         BackwardT backward) {
    auto nodes = fresh_nodes(z);
    call_in_reverse_pass(std::make_unique<layer_use<TensorT, BackwardT>>(std::move(theta), nodes,
                                                                         std::move(z), std::move(backward)));
    return nodes;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
