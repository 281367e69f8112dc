#pragma once

/// @file
/// The backward pass of one use of a layer on Stan's tape, in any version of Stan Math.

// Stan's headers come before all others: they configure Eigen.
#include <imle/adapters/stan/detail/stan_numbers.hpp>

#include <stan/math/rev/core.hpp>
#if __has_include(<stan/math/rev/core/reverse_pass_callback.hpp>)
#include <stan/math/rev/core/reverse_pass_callback.hpp>
#endif

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// A function as a variable: how it was done before Stan Math 4 had `reverse_pass_callback`. Its value is
/// never read. It lies in Stan's arena, where no destructor runs.
template <class F>
class stan_callback final : public stan::math::vari {
    static_assert(std::is_trivially_destructible_v<F>);

  public:
    explicit stan_callback(F f) : stan::math::vari(0.0), f_(f) {}
    void chain() override { f_(); }

  private:
    F f_;
};

/// What a tape owns: gone when its memory is recovered.
template <class T>
class stan_owner final : public stan::math::chainable_alloc {
  public:
    explicit stan_owner(std::unique_ptr<T> owned) : owned_(std::move(owned)) {}

  private:
    std::unique_ptr<T> owned_;
};

/// Hands `use` to the tape, and has the reverse pass call it after all that is put on the tape from now on,
/// hence with the whole cotangent.
template <class UseT>
void call_in_reverse_pass(std::unique_ptr<UseT> use) {
    UseT* const it = use.get();
    new stan_owner<UseT>(std::move(use));  // registers itself with the tape, which deletes it
    const auto call = [it] { (*it)(); };
#if __has_include(<stan/math/rev/core/reverse_pass_callback.hpp>)
    stan::math::reverse_pass_callback(std::move(call));
#else
    new stan_callback<std::remove_const_t<decltype(call)>>(call);
#endif
}

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
