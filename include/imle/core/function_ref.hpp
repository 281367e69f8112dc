#pragma once

/// @file
/// A reference to a function object of any type, so that what takes one is compiled once.

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

/// F, by value or reference, is not T.
template <class F, class T>
concept OtherThan = !std::same_as<std::remove_cvref_t<F>, T>;

template <class Signature>
class function_ref;

/// Like C++26's `std::function_ref`: refers to a function object that outlives it. A call costs one indirect
/// jump, so a function that is called for each number stays a template parameter.
template <class Result, class... Arguments>
class function_ref<Result(Arguments...)> {
  public:
    template <OtherThan<function_ref> F>
    function_ref(F&& f) noexcept
        : function_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
          call_(&call<std::remove_reference_t<F>>) {}

    Result operator()(Arguments... arguments) const {
        return call_(function_, std::forward<Arguments>(arguments)...);
    }

  private:
    template <class F>
    static Result call(void* function, Arguments... arguments) {
        return (*static_cast<F*>(function))(std::forward<Arguments>(arguments)...);
    }

    void* function_;
    Result (*call_)(void*, Arguments...);
};

}  // namespace imle::inline IMLE_ABI::detail
