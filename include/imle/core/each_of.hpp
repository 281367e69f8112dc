#pragma once

/// @file
/// One object of each type: a `std::tuple` that takes no time to compile.

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Objects of different classes, each of which it converts to: `T& mine = objects`. A `std::tuple` of as many
/// would be some fifty functions, and as many types.
template <class... Ts>
struct each_of : Ts... {
    constexpr each_of() : Ts()... {}
};

}  // namespace imle::inline IMLE_ABI::detail
