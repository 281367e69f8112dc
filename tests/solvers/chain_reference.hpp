#pragma once

// The oracle of chains: every sequence of segments, by recursion.

#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

#include <Eigen/Core>

namespace reference {

/// [steps, widths, labels, labels]; a linear chain has widths = 1.
struct chain_dimensions {
    Eigen::Index steps, widths, labels;

    [[nodiscard]] std::size_t size() const {
        return static_cast<std::size_t>(steps * widths * labels * labels);
    }
    [[nodiscard]] std::size_t place(Eigen::Index t, Eigen::Index k, Eigen::Index i, Eigen::Index j,
                                    bool row_major) const {
        return static_cast<std::size_t>(row_major ? ((t * widths + k) * labels + i) * labels + j
                                                  : t + steps * (k + widths * (i + labels * j)));
    }
};

struct best_chain {
    double value = -std::numeric_limits<double>::infinity();
    std::vector<bool> z;  // row-major; empty if nothing is allowed
};

/// The best sequence that ends at position `end`. value(t, k, i, j) is -infinity where it is forbidden. Of
/// equal ones the first in this order: the last label, then segment by segment from the end back the width
/// and the label before it.
inline best_chain best_of_all(
    const chain_dimensions& of, Eigen::Index end,
    const std::function<double(Eigen::Index, Eigen::Index, Eigen::Index, Eigen::Index)>& value) {
    best_chain best;
    std::vector<bool> state(of.size(), false);
    const auto extend = [&](const auto& again, Eigen::Index p, Eigen::Index next, double sum) -> void {
        if (sum == -std::numeric_limits<double>::infinity()) return;
        if (p == 0) {
            if (sum > best.value) best = {sum, state};
            return;
        }
        for (Eigen::Index k = 0; k < of.widths && k < p; ++k)
            for (Eigen::Index i = 0; i < of.labels; ++i) {
                const Eigen::Index start = p - 1 - k;
                const std::size_t at = of.place(start, k, i, next, true);
                state[at] = true;
                again(again, start, i, sum + value(start, k, i, next));
                state[at] = false;
            }
    };
    for (Eigen::Index last = 0; last < of.labels; ++last) extend(extend, end, last, 0);
    return best;
}

}  // namespace reference
