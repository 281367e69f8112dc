#pragma once

/// @file
/// A function that Stan's reverse pass calls, in any version of Stan Math.

// Stan's headers come before all others: they configure Eigen.
#include <stan/math/rev/core.hpp>
#if __has_include(<stan/math/rev/core/reverse_pass_callback.hpp>)
#include <stan/math/rev/core/reverse_pass_callback.hpp>
#endif

#include <memory>
#include <type_traits>
#include <utility>

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

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
