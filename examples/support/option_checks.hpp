#pragma once

/// @file
/// Checks of command lines that CLI11 does not have. A check returns a complaint, or nothing if all is well.

#include <charconv>
#include <optional>
#include <string>
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

/// A seed is a whole number from 0 to 2^64 - 1. CLI11 itself would wrap a negative one round.
[[nodiscard]] std::string refuse_bad_seed(const std::string& text);

/// A folder may be missing, since it can be made, but the name may not be another thing's.
[[nodiscard]] std::string refuse_what_is_not_a_folder(const std::string& path);

}  // namespace example_support
