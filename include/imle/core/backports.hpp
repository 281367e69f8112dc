#pragma once

/// @file
/// C++20 standard-library features that emscripten 3.1 (Debian 12) lacks.

#include <bit>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <version>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

#if defined(__cpp_lib_bit_cast)
using std::bit_cast;
#else
/// Equivalent to `std::bit_cast`.
template <class To, class From>
[[nodiscard]] constexpr To bit_cast(const From& from) noexcept {
    return __builtin_bit_cast(To, from);
}
#endif

#if defined(__cpp_lib_smart_ptr_for_overwrite)
using std::make_unique_for_overwrite;
#else
/// Equivalent to `std::make_unique_for_overwrite` for an array.
template <class Array>
[[nodiscard]] std::unique_ptr<Array> make_unique_for_overwrite(std::size_t size) {
    return std::unique_ptr<Array>(new std::remove_extent_t<Array>[size]);
}
#endif

}  // namespace imle::inline IMLE_ABI::detail
