#pragma once

/// @file
/// Numbers from text.

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace example_support {

/// Reads all of `text` as a number, or nothing.
template <class Number>
[[nodiscard]] std::optional<Number> read_number(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

}  // namespace example_support
