#pragma once

/// @file
/// All divisions of a short chain into labelled segments.

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The family of `semi_markov_chain`: 0/1 tensors [steps, max_width, labels, labels] with the segments of a
/// division of the chain, each from the label at which the one before ends. More than 4096 of them, or no
/// step, width or label, throw `std::invalid_argument`.
///
/// Divisions are in the order of their last label, of those of one last label the shortest last segment is
/// first, of those the lowest label before it, and so on. So `map`, which returns the first of several best
/// states, breaks ties as the solver does.
class segmentations : public enumerated_family<4> {
  public:
    /// At least one step, width and label, and at most 4096 divisions.
    segmentations(Eigen::Index steps, Eigen::Index max_width, Eigen::Index labels)
        : enumerated_family<4>(detail::message("the divisions of ", steps, " steps into segments of 1 to ",
                                               max_width, ", ", labels, " labels"),
                               {steps, max_width, labels, labels}, all_divisions(steps, max_width, labels)) {}

  private:
    static std::vector<vector> all_divisions(Eigen::Index steps, Eigen::Index max_width,
                                             Eigen::Index labels) {
        constexpr Eigen::Index most_size = 4096;
        constexpr std::size_t most = 4096;
        const auto too_large = [=] {
            detail::throw_invalid(
                "the chain",
                detail::message(steps, " steps, widths of 1 to ", max_width, ", ", labels, " labels"),
                "at least one of each, and at most 4096 divisions");
        };
        if (steps < 1 || max_width < 1 || labels < 1 || steps > most_size || max_width > most_size ||
            labels > 64)
            too_large();
        const auto length = static_cast<std::size_t>(steps), widths = static_cast<std::size_t>(max_width),
                   size = static_cast<std::size_t>(labels);
        std::vector<vector> states;
        vector state(length * widths * size * size, 0);
        const auto choose = [&](const auto& again, std::size_t end, std::size_t next) -> void {
            if (end == 0) {
                if (states.size() == most) too_large();
                states.push_back(state);
                return;
            }
            for (std::size_t k = 0; k < widths && k < end; ++k)
                for (std::size_t label = 0; label < size; ++label) {
                    const std::size_t start = end - 1 - k;
                    double& here = state[((start * widths + k) * size + label) * size + next];
                    here = 1;
                    again(again, start, label);
                    here = 0;
                }
        };
        for (std::size_t last = 0; last < size; ++last) choose(choose, length, last);
        return states;
    }
};

}  // namespace imle::inline IMLE_ABI::testing
