#pragma once

/// @file
/// The exceptions that the library throws, and the one form that all messages have.
///
/// A caller's mistake is a `std::invalid_argument`; what a user's solver or noise did wrong has a type of its
/// own, which says where. What a user's code throws itself is never wrapped.

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// Something went wrong at one instance and sample: the base of `solver_error` and `noise_error`.
class located_error : public std::runtime_error {
  public:
    located_error(const std::string& message, std::uint64_t instance, std::uint64_t sample)
        : std::runtime_error(message), instance_(instance), sample_(sample) {}

    /// The global index of the instance (`first_instance` included).
    [[nodiscard]] std::uint64_t instance() const noexcept { return instance_; }
    /// The sample within the instance.
    [[nodiscard]] std::uint64_t sample() const noexcept { return sample_; }

  private:
    std::uint64_t instance_;
    std::uint64_t sample_;
};

/// A solver broke its contract: a wrong shape, a value that is not finite, or cells that were not written.
class solver_error : public located_error {
  public:
    using located_error::located_error;
};

/// A noise distribution produced a number that is not finite.
class noise_error : public located_error {
  public:
    using located_error::located_error;
};

namespace detail {

/// Joins anything that streams into one string.
template <class... Parts>
[[nodiscard]] std::string message(const Parts&... parts) {
    std::ostringstream out;
    (out << ... << parts);
    return out.str();
}

/// Throws the library's `std::invalid_argument`: which argument, what it was, what was expected.
template <class Was, class Expected>
[[noreturn]] void throw_invalid(const char* argument, const Was& was, const Expected& expected) {
    throw std::invalid_argument(message("imle: ", argument, " is ", was, "; expected ", expected));
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
