#pragma once

// What the tests of dependency trees share: instances as plain vectors, and masks that leave words out.

#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <imle/solvers/dependency_words.hpp>
#include <imle/testing/enumerated_family.hpp>

#include "support/masks.hpp"
#include "support/tally.hpp"

namespace reference {

using matrix = std::vector<std::vector<double>>;  // [head][word]

template <int Layout>
std::size_t place(std::size_t i, std::size_t j, std::size_t n) {
    return Layout == Eigen::RowMajor ? i * n + j : i + j * n;
}

template <int Layout, class Scalar>
std::vector<Scalar> in_memory(const matrix& theta) {
    std::vector<Scalar> values(theta.size() * theta.size());
    for (std::size_t i = 0; i < theta.size(); ++i)
        for (std::size_t j = 0; j < theta.size(); ++j)
            values[place<Layout>(i, j, theta.size())] = static_cast<Scalar>(theta[i][j]);
    return values;
}

/// Each word's head, itself for a root; empty if some column has no single 1.
template <int Layout, class Scalar>
std::vector<std::size_t> heads_of(const std::vector<Scalar>& z, std::size_t n) {
    std::vector<std::size_t> heads;
    for (std::size_t j = 0; j < n; ++j) {
        std::size_t ones = 0, head = n;
        for (std::size_t i = 0; i < n; ++i) {
            const Scalar entry = z[place<Layout>(i, j, n)];
            if (entry == 0) continue;
            if (entry != 1) return {};
            ++ones;
            head = i;
        }
        if (ones != 1) return {};
        heads.push_back(head);
    }
    return heads;
}

/// Whether the heads are those of a tree with as many roots as wanted.
inline bool is_tree(const std::vector<std::size_t>& heads, imle::roots wanted) {
    std::size_t root_count = 0;
    for (std::size_t j = 0; j < heads.size(); ++j) {
        std::size_t at = j;
        for (std::size_t step = 0; step < heads.size() && heads[at] != at; ++step) at = heads[at];
        if (heads[at] != at) return false;
        root_count += heads[j] == j ? 1 : 0;
    }
    return wanted == imle::roots::any || root_count == 1;
}

inline long double value_of(const matrix& theta, const std::vector<std::size_t>& heads) {
    long double sum = 0;
    for (std::size_t j = 0; j < heads.size(); ++j) sum += theta[heads[j]][j];
    return sum;
}

/// A random mask of [n, n]: random, of fewer words, or both.
template <int Layout>
support::mask random_mask(std::size_t n, std::mt19937& random) {
    support::mask allowed = random() % 3 == 0 ? support::mask(n * n) : support::random_mask(n * n, random);
    if (random() % 2 == 0)
        for (std::size_t word = 0; word < n; ++word) {
            if (random() % 3 != 0) continue;
            for (std::size_t other = 0; other < n; ++other)
                allowed[place<Layout>(word, other, n)] = allowed[place<Layout>(other, word, n)] = false;
        }
    return allowed;
}

/// Solves random integers under random masks, and compares with all trees of the words that are there:
/// family(words) lists them.
template <int Layout, class Scalar, class SolverT, class FamilyT>
support::tally wrong_under_masks(SolverT solver, FamilyT&& family, int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    std::vector<imle::testing::enumerated_family<2>> families;
    for (std::size_t words = 1; words <= 4; ++words) families.push_back(family(words));
    for (int trial = 0; trial < count; ++trial) {
        const std::size_t n = 1 + random() % 4;
        std::vector<Scalar> theta(n * n);
        for (Scalar& t : theta) t = static_cast<Scalar>(static_cast<int>(random() % 9) - 4);
        const support::mask allowed = random_mask<Layout>(n, random);
        support::spoil_forbidden(theta, allowed, random);
        std::vector<std::size_t> words;
        for (std::size_t word = 0; word < n; ++word)
            for (std::size_t other = 0; other < n; ++other)
                if (allowed[place<Layout>(word, other, n)] || allowed[place<Layout>(other, word, n)]) {
                    words.push_back(word);
                    break;
                }
        std::vector<std::vector<double>> states;
        if (words.empty()) {
            states.emplace_back(n * n, 0);
        } else {
            for (const auto& small : families[words.size() - 1].states()) {
                std::vector<double> state(n * n, 0);
                for (std::size_t i = 0; i < words.size(); ++i)
                    for (std::size_t j = 0; j < words.size(); ++j)
                        state[place<Layout>(words[i], words[j], n)] = small[i * words.size() + j];
                states.push_back(state);
            }
        }
        const auto side = static_cast<Eigen::Index>(n);
        const auto found =
            support::solve<Layout>(solver, theta, Eigen::array<Eigen::Index, 2>{side, side}, allowed.span());
        wrong.expect(support::is_best(found, states, theta, allowed), "theta ", theta, ", mask ", allowed,
                     " gives ", found.status, " ", found.z);
    }
    return wrong;
}

/// Random sentences of 1 to `most` words, each alone and as the first words of a longer one under a mask:
/// whether both have the same answer, in float, double and both layouts. Integers: they tie.
template <class SolverT>
support::tally differences(SolverT solver, std::size_t most, int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally different;
    for (int trial = 0; trial < count; ++trial) {
        const std::size_t n = 1 + random() % most, longer = n + random() % 9;
        matrix theta(longer, std::vector<double>(longer));
        for (auto& row : theta)
            for (double& t : row) t = static_cast<double>(random() % 5);
        const auto solved = [&]<int Layout, class Scalar>(std::integral_constant<int, Layout>, Scalar,
                                                          std::size_t words, bool masked) {
            matrix part(words, std::vector<double>(words));
            support::mask allowed(words * words, false);
            for (std::size_t i = 0; i < words; ++i)
                for (std::size_t j = 0; j < words; ++j) {
                    part[i][j] = theta[i][j];
                    allowed[place<Layout>(i, j, words)] = i < n && j < n;
                }
            const auto side = static_cast<Eigen::Index>(words);
            const auto found = support::solve<Layout>(solver, in_memory<Layout, Scalar>(part),
                                                      Eigen::array<Eigen::Index, 2>{side, side},
                                                      masked ? allowed.span() : std::span<const bool>{});
            std::vector<double> z(n * n);
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t j = 0; j < n; ++j)
                    z[i * n + j] = static_cast<double>(found.z[place<Layout>(i, j, words)]);
            return z;
        };
        const std::integral_constant<int, Eigen::RowMajor> rows;
        const std::integral_constant<int, Eigen::ColMajor> columns;
        const auto expected = solved(rows, 0.0, n, false);
        for (const bool masked : {false, true}) {
            const std::size_t words = masked ? longer : n;
            different.expect(solved(rows, 0.0F, words, masked) == expected, "float, rows, ", words);
            different.expect(solved(columns, 0.0F, words, masked) == expected, "float, columns, ", words);
            different.expect(solved(rows, 0.0, words, masked) == expected, "double, rows, ", words);
            different.expect(solved(columns, 0.0, words, masked) == expected, "double, columns, ", words);
        }
    }
    return different;
}

}  // namespace reference
