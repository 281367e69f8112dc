#pragma once

/// @file
/// All sequences of labels along a short chain.

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The family of `linear_chain`: 0/1 tensors [steps, labels, labels] with the transitions of a sequence of
/// steps + 1 labels. There are labels^(steps + 1) of them; more than 4096, or no step or label, throw
/// `std::invalid_argument`.
///
/// Sequences are in the order of their last label, those of one last label in the order of the label before
/// it, and so on. So `map`, which returns the first of several best states, breaks ties as the solver does.
class label_sequences : public enumerated_family<3> {
  public:
    /// At least one step and one label, and at most 4096 sequences.
    label_sequences(Eigen::Index steps, Eigen::Index labels)
        : enumerated_family<3>(detail::message("the sequences of ", labels, " labels over ", steps, " steps"),
                               {steps, labels, labels}, all_sequences(steps, labels)) {}

  private:
    static std::vector<vector> all_sequences(Eigen::Index steps, Eigen::Index labels) {
        constexpr Eigen::Index most = 4096;
        Eigen::Index count = steps < 1 || labels < 1 ? 0 : labels;
        for (Eigen::Index t = 0; t < steps && count <= most; ++t) {
            count *= labels;
            if (labels == 1) break;
        }
        if (count < 1 || count > most || steps > most)
            detail::throw_invalid("the chain", detail::message(steps, " steps, ", labels, " labels"),
                                  "at least one of each, and at most 4096 sequences");
        const auto length = static_cast<std::size_t>(steps), size = static_cast<std::size_t>(labels);
        std::vector<vector> states;
        vector state(length * size * size, 0);
        const auto choose = [&](const auto& again, std::size_t before, std::size_t next) -> void {
            if (before == 0) return states.push_back(state);
            for (std::size_t label = 0; label < size; ++label) {
                double& here = state[((before - 1) * size + label) * size + next];
                here = 1;
                again(again, before - 1, label);
                here = 0;
            }
        };
        for (std::size_t last = 0; last < size; ++last) choose(choose, length, last);
        return states;
    }
};

}  // namespace imle::inline IMLE_ABI::testing
