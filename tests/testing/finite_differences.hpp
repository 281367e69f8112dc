#pragma once

// The oracle of every gradient in the exact families: central differences.

#include <cstddef>
#include <vector>

namespace reference {

/// The gradient of a function of a vector, to about 1e-9 for functions of curvature and third derivative
/// near 1.
template <class FunctionT>
std::vector<double> gradient(std::vector<double> x, FunctionT&& f, double step = 1e-5) {
    std::vector<double> slopes;
    for (double& xi : x) {
        const double kept = xi;
        xi = kept + step;
        const double above = f(x);
        xi = kept - step;
        const double below = f(x);
        xi = kept;
        slopes.push_back((above - below) / (2 * step));
    }
    return slopes;
}

inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

}  // namespace reference
