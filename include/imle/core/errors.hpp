#pragma once

/// @file
/// The exceptions that the library throws, and the common form of their messages.
///
/// A caller's mistake throws `std::invalid_argument`. A mistake of a user's solver or noise throws a type of
/// its own, which says where it happened. A solve without an answer throws a `solve_failure`. The library
/// never wraps an exception that a user's code throws.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// An error at one instance and sample: the base of `solver_error` and `noise_error`.
class located_error : public std::runtime_error {
  public:
    /// message: the text that `what()` returns; instance and sample: where the error happened.
    located_error(const std::string& message, std::uint64_t instance, std::uint64_t sample)
        : std::runtime_error(message), instance_(instance), sample_(sample) {}

    /// The global index of the instance (`first_instance` included).
    [[nodiscard]] std::uint64_t instance() const noexcept { return instance_; }
    /// The index of the sample within the instance.
    [[nodiscard]] std::uint64_t sample() const noexcept { return sample_; }

  private:
    std::uint64_t instance_;
    std::uint64_t sample_;
};

/// A solver broke its contract: z has a wrong shape, a value that is not finite, or cells that were not
/// written.
class solver_error : public located_error {
  public:
    using located_error::located_error;
};

/// A noise distribution produced a value that is not finite.
class noise_error : public located_error {
  public:
    using located_error::located_error;
};

namespace detail {

/// Refers to a part of a message: anything that streams. Functions that take parts are compiled once, and not
/// for each combination of their types.
class message_part {
  public:
    message_part(const char* text) noexcept : value_(text), write_(&write_text) {}
    template <class T>
    message_part(const T& value) noexcept : value_(std::addressof(value)), write_(&write<T>) {}

    friend std::ostream& operator<<(std::ostream& out, const message_part& part) {
        part.write_(out, part.value_);
        return out;
    }

  private:
    template <class T>
    static void write(std::ostream& out, const void* value) {
        out << *static_cast<const T*>(value);
    }
    static void write_text(std::ostream& out, const void* text) { out << static_cast<const char*>(text); }

    const void* value_;
    void (*write_)(std::ostream&, const void*);
};

/// Concatenates parts into one string.
[[nodiscard]] inline std::string joined(std::initializer_list<message_part> parts) {
    std::ostringstream out;
    for (const message_part& part : parts) out << part;
    return out.str();
}

/// Concatenates anything that streams into one string.
template <class... Parts>
[[nodiscard]] std::string message(const Parts&... parts) {
    return joined({parts...});
}

/// Throws the library's `std::invalid_argument`: it names the argument, its value and the expected value.
[[noreturn]] inline void throw_invalid(message_part argument, message_part was, message_part expected) {
    throw std::invalid_argument(joined({"imle: ", argument, " is ", was, "; expected ", expected}));
}

}  // namespace detail

/// The outcome of a solve. A solver that writes z may return one. Every status except `solved` and
/// `not_proven` is a failure.
enum class solve_status {
    /// z is optimal.
    solved,
    /// No z satisfies the constraints.
    infeasible,
    /// The objective has no upper bound.
    unbounded,
    /// The solver reached its limit of time, nodes or iterations before it proved an optimum.
    time_limit,
    /// z is the best answer found, without a proof that it is optimal: from a heuristic, or from a search
    /// that ended early and was asked for its best answer so far. A layer uses it.
    not_proven
};

/// True if a solve with this status has an answer.
[[nodiscard]] constexpr bool has_answer(solve_status status) noexcept {
    return status == solve_status::solved || status == solve_status::not_proven;
}

/// Writes the status in words: "solved", "infeasible", "unbounded", "time limit" or "not proven".
inline std::ostream& operator<<(std::ostream& out, solve_status status) {
    switch (status) {
        case solve_status::solved:
            return out << "solved";
        case solve_status::infeasible:
            return out << "infeasible";
        case solve_status::unbounded:
            return out << "unbounded";
        case solve_status::time_limit:
            return out << "time limit";
        case solve_status::not_proven:
            return out << "not proven";
    }
    return out << "solve_status(" << static_cast<int>(status) << ')';
}

/// A solve has no answer. A solver either throws this exception or returns a status, and the layer then
/// throws it. `layer_options::failures` says how a layer handles it.
class solve_failure : public std::runtime_error {
  public:
    /// `what`: a message for people, which says what was asked and what could be changed.
    solve_failure(solve_status status, const std::string& what) : std::runtime_error(what), status_(status) {}
    /// The same, with a message that names the status.
    explicit solve_failure(solve_status status)
        : solve_failure(status, detail::message("imle: a solve ended with the status '", status,
                                                "'; expected an optimal z")) {}

    /// The status of the solve.
    [[nodiscard]] solve_status status() const noexcept { return status_; }

  private:
    solve_status status_;
};

}  // namespace imle::inline IMLE_ABI
