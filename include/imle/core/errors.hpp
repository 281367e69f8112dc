#pragma once

/// @file
/// The exceptions that the library throws, and the one form that all messages have.
///
/// A caller's mistake is a `std::invalid_argument`; what a user's solver or noise did wrong has a type of its
/// own, which says where; a solve without an answer is a `solve_failure`. What a user's code throws itself is
/// never wrapped.

#include <cstdint>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// Something went wrong at one instance and sample: the base of `solver_error` and `noise_error`.
class located_error : public std::runtime_error {
  public:
    /// message: what `what()` returns; instance and sample: where it happened.
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

/// What became of a solve. A solver that writes z may return one; anything but `solved` and `not_proven` is a
/// failure.
enum class solve_status {
    /// z is the optimum.
    solved,
    /// No z fulfils the constraints.
    infeasible,
    /// The value of z has no upper bound.
    unbounded,
    /// The solver's limit of time, nodes or iterations came before the proof of an optimum.
    time_limit,
    /// z is the best answer that was found, which nothing proves the optimum: of a heuristic, or of a search
    /// that ended early and was asked for what it had. A layer uses it.
    not_proven
};

/// Whether a solve with this status has an answer.
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

/// A solve has no answer. A solver throws it, or returns its status, in which case the layer throws it. What
/// a layer does about it is `layer_options::failures`.
class solve_failure : public std::runtime_error {
  public:
    /// `what`: for people; what was asked, and what could be changed.
    solve_failure(solve_status status, const std::string& what) : std::runtime_error(what), status_(status) {}
    /// With a message that names the status.
    explicit solve_failure(solve_status status)
        : solve_failure(status, detail::message("imle: a solve ended with the status '", status,
                                                "'; expected an optimal z")) {}

    /// The status of the solve.
    [[nodiscard]] solve_status status() const noexcept { return status_; }

  private:
    solve_status status_;
};

}  // namespace imle::inline IMLE_ABI
