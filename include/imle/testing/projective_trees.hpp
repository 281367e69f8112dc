#pragma once

/// @file
/// All projective dependency trees of a few words.

#include <algorithm>
#include <cstddef>

#include <imle/testing/arborescences.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The trees of `projective_tree`: those of `arborescences` in which each word is above all words between
/// itself and the words that hang from it, the root being in front of all words. 1, 2, 7, 30, 143, 728 with
/// one root; 1, 3, 12, 55, 273, 1428 with any number of roots. 1 to 6 words; others throw
/// `std::invalid_argument`.
class projective_trees : public arborescences {
  public:
    /// words: 1 to 6.
    explicit projective_trees(std::size_t words, roots wanted = roots::single)
        : arborescences("the projective trees", words, wanted, is_projective) {}

  private:
    static bool is_above(const heads& of, std::size_t upper, std::size_t word) {
        while (word != upper && of[word] != word) word = of[word];
        return word == upper;
    }

    static bool is_projective(const heads& of) {
        for (std::size_t j = 0; j < of.size(); ++j) {
            // (A root's arc spans the words before it, which another root may be above.)
            if (of[j] == j) {
                for (std::size_t k = 0; k < j; ++k) {
                    std::size_t top = k;
                    while (of[top] != top) top = of[top];
                    if (top > j) return false;
                }
                continue;
            }
            for (std::size_t k = std::min(j, of[j]) + 1; k < std::max(j, of[j]); ++k)
                if (!is_above(of, of[j], k)) return false;
        }
        return true;
    }
};

}  // namespace imle::inline IMLE_ABI::testing
