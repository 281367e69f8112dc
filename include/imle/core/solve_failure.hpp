#pragma once

/// @file
/// How a solver says that it has no answer.

#include <ostream>
#include <stdexcept>
#include <string>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>

namespace imle::inline IMLE_ABI {

/// What became of a solve. A solver that writes z may return one; anything but `solved` is a failure.
enum class solve_status {
    /// z is the optimum.
    solved,
    /// No z fulfils the constraints.
    infeasible,
    /// The value of z has no upper bound.
    unbounded,
    /// The solver's limit of time, nodes or iterations came before the proof of an optimum.
    time_limit
};

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
    }
    return out << "solve_status(" << static_cast<int>(status) << ')';
}

/// A solve has no answer. A solver throws it, or returns its status, in which case the layer throws it. What
/// a layer does about it is `layer_options::failures`.
class solve_failure : public std::runtime_error {
  public:
    /// `what`: for people; what was asked, and what could be changed.
    solve_failure(solve_status status, const std::string& what) : std::runtime_error(what), status_(status) {}
    explicit solve_failure(solve_status status)
        : solve_failure(status, detail::message("imle: a solve ended with the status '", status,
                                                "'; expected an optimal z")) {}

    [[nodiscard]] solve_status status() const noexcept { return status_; }

  private:
    solve_status status_;
};

}  // namespace imle::inline IMLE_ABI
