#pragma once

/// @file
/// The constraints that hold a tour together, found when they are broken.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include <imle/adapters/cbc/detail/search_state.hpp>
#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// For each set S of nodes, neither empty nor all, a tour crosses its border at least twice: sum of x over
/// the edges between S and the rest >= 2 (Dantzig, Fulkerson and Johnson 1954). Finds sets where x does not.
///
/// Directed tours enter S as often as they leave it, so the same sums over both directions serve them.
class subtour_cuts {
  public:
    /// nodes: n; directed: x is [n, n] in row-major order, else the n(n-1)/2 edges (0,1), (0,2), ..., (1,2),
    /// ...
    subtour_cuts(int nodes, bool directed) : n_(nodes), directed_(directed) {}

    /// The sets of nodes that hang together, if there are several; else those that Stoer and Wagner's minimum
    /// cut (1997) meets on its way, O(n^3).
    void operator()(std::span<const double> x, cutting_rows& found) {
        const std::size_t n = size();
        weights_.assign(n * n, 0);
        for (int i = 0; i < n_; ++i)
            for (int j = i + 1; j < n_; ++j) {
                const double weight = directed_ ? x[at(arc(i, j))] + x[at(arc(j, i))] : x[at(edge(i, j))];
                weight_of(i, j) = weight_of(j, i) = weight;
            }
        if (!cut_components(found)) cut_phases(found);
    }

  private:
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(n_); }
    [[nodiscard]] static std::size_t at(int i) { return static_cast<std::size_t>(i); }
    [[nodiscard]] int arc(int i, int j) const { return i * n_ + j; }
    [[nodiscard]] int edge(int i, int j) const { return i * (2 * n_ - i - 1) / 2 + j - i - 1; }
    [[nodiscard]] double& weight_of(int i, int j) { return weights_[at(i) * size() + at(j)]; }

    /// The constraint of the set of nodes that `inside` marks.
    void add_cut(const std::vector<char>& inside, cutting_rows& found) const {
        found.begin_row(2);
        for (int i = 0; i < n_; ++i)
            for (int j = i + 1; j < n_; ++j) {
                if (inside[at(i)] == inside[at(j)]) continue;
                if (!directed_) {
                    found.add(edge(i, j), 1);
                } else {
                    found.add(arc(i, j), 1);
                    found.add(arc(j, i), 1);
                }
            }
    }

    bool cut_components(cutting_rows& found) {
        component_.assign(size(), -1);
        int components = 0;
        for (int start = 0; start < n_; ++start) {
            if (component_[at(start)] >= 0) continue;
            stack_.assign(1, start);
            component_[at(start)] = components;
            while (!stack_.empty()) {
                const int i = stack_.back();
                stack_.pop_back();
                for (int j = 0; j < n_; ++j)
                    if (component_[at(j)] < 0 && weight_of(i, j) > tolerance) {
                        component_[at(j)] = components;
                        stack_.push_back(j);
                    }
            }
            ++components;
        }
        if (components == 1) return false;
        // Two components share one border.
        for (int c = components == 2 ? 1 : 0; c < components; ++c) {
            inside_.assign(size(), 0);
            for (std::size_t i = 0; i < size(); ++i) inside_[i] = component_[i] == c;
            add_cut(inside_, found);
        }
        return true;
    }

    /// Stoer and Wagner: each phase orders the nodes by how strongly they are tied to those before; the last
    /// one alone is a cut, and then is merged with the one before it.
    void cut_phases(cutting_rows& found) {
        std::vector<std::vector<char>> merged(size(), std::vector<char>(size(), 0));
        for (std::size_t i = 0; i < size(); ++i) merged[i][i] = 1;
        std::vector<int> left(size());
        std::iota(left.begin(), left.end(), 0);
        std::vector<double> tie(size());
        while (left.size() > 1) {
            std::fill(tie.begin(), tie.end(), 0);
            std::vector<int> open = left;
            int last = -1, before = -1;
            while (!open.empty()) {
                const auto next = std::max_element(open.begin(), open.end(),
                                                   [&](int a, int b) { return tie[at(a)] < tie[at(b)]; });
                before = last;
                last = *next;
                open.erase(next);
                for (const int j : open) tie[at(j)] += weight_of(last, j);
            }
            if (tie[at(last)] < 2 - tolerance) add_cut(merged[at(last)], found);
            for (const int j : left) {
                if (j == last || j == before) continue;
                weight_of(before, j) += weight_of(last, j);
                weight_of(j, before) = weight_of(before, j);
            }
            for (std::size_t i = 0; i < size(); ++i) merged[at(before)][i] |= merged[at(last)][i];
            left.erase(std::find(left.begin(), left.end(), last));
        }
    }

    static constexpr double tolerance = 1e-6;

    int n_;
    bool directed_;
    std::vector<double> weights_;  // [n, n], symmetric
    std::vector<int> component_, stack_;
    std::vector<char> inside_;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
