#pragma once

/// @file
/// All dependency trees of a few words.

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <imle/solvers/dependency_words.hpp>
#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The trees of `arborescence`: 0/1 matrices [words, words] with one 1 in each column. Word j hangs from word
/// i where (i, j) is 1, and is a root where (j, j) is. n words have n^(n - 1) trees with one root and (n +
/// 1)^(n - 1) with any number of roots. 1 to 6 words; others throw `std::invalid_argument`.
class arborescences : public enumerated_family<2> {
  public:
    /// The words from which the words hang; a root's is its own.
    using heads = std::vector<std::size_t>;

    /// words: 1 to 6.
    explicit arborescences(std::size_t words, roots wanted = roots::single)
        : arborescences("the dependency trees", words, wanted, [](const heads&) { return true; }) {}

  protected:
    /// The trees of which keeps(heads) is true.
    template <class KeepsT>
    arborescences(const char* name, std::size_t words, roots wanted, KeepsT&& keeps)
        : enumerated_family<2>(
              detail::message(name, " of ", words, " words with ",
                              wanted == roots::single ? "a single root" : "any number of roots"),
              {static_cast<Eigen::Index>(words), static_cast<Eigen::Index>(words)},
              all_trees(words, wanted, keeps)) {}

  private:
    template <class KeepsT>
    static std::vector<vector> all_trees(std::size_t words, roots wanted, KeepsT& keeps) {
        if (words < 1 || words > 6) detail::throw_invalid("the number of words", words, "1 to 6");
        std::vector<vector> states;
        heads of(words, 0);
        while (true) {
            if (is_tree(of, wanted) && keeps(of)) {
                vector state(words * words, 0);
                for (std::size_t j = 0; j < words; ++j) state[of[j] * words + j] = 1;
                states.push_back(state);
            }
            std::size_t j = 0;  // counts through all lists of heads
            while (j < words && ++of[j] == words) of[j++] = 0;
            if (j == words) return states;
        }
    }

    static bool is_tree(const heads& of, roots wanted) {
        std::size_t root_count = 0;
        for (std::size_t j = 0; j < of.size(); ++j) {
            root_count += of[j] == j ? 1 : 0;
            std::size_t at = j;
            for (std::size_t step = 0; step < of.size() && of[at] != at; ++step) at = of[at];
            if (of[at] != at) return false;
        }
        return wanted == roots::any || root_count == 1;
    }
};

}  // namespace imle::inline IMLE_ABI::testing
