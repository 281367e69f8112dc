#pragma once

// Whole steps of a layer, forward and backward, and how they grow.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "problem.hpp"

namespace imle_benchmarks {

/// One line of the table of steps.
struct step {
    std::string name;
    std::vector<way> ways;
};

inline constexpr const char* one_thread = "1 thread";
inline constexpr const char* textbook_solves = "textbook, solves alone";

[[nodiscard]] std::vector<step> layer_steps();

inline constexpr const char* whole_call = "forward_into";
inline constexpr const char* noise_alone = "noise alone";
inline constexpr const char* solves_alone = "solves alone";

/// Calls that take less than a few microseconds: what the layer adds to noise and solves.
[[nodiscard]] std::vector<step> small_calls();

/// What no solver can do without. For a step: the noise, which it draws twice. For a solve: to read theta
/// and write z once.
inline constexpr const char* limit = "limit";

/// One place of a curve: a step on 16 x 16 maps but for what `curve` names, or one solve of a map or a city.
struct growth_point {
    std::string curve;  // samples, batch, side; solves: map, city
    Eigen::Index value = 0;
    std::vector<way> ways;
    /// Of a step: what a pass of `forward` and one of `marginals` hold after it, their layer's memory
    /// included.
    std::function<std::size_t()> sampled_bytes;
    std::function<std::size_t()> marginals_bytes;
};

[[nodiscard]] std::vector<growth_point> growth_points();

}  // namespace imle_benchmarks
