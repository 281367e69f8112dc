#include "bias_problems.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "reference_normals.hpp"

namespace experiments::bias_experiment {
namespace {

/// d/d theta_i of sum_j p_j f_j is p_i (f_i - sum_j p_j f_j). f_i, the loss of state i, is a constant plus
/// 1 - 2 b_i, and the constant cancels.
void differentiate(problems& of, Eigen::Index problem) {
    std::array<double, n> chance{}, loss{};
    double total = 0, mean = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const auto at = static_cast<Eigen::Index>(i);
        chance[i] = std::exp(static_cast<double>(of.theta(problem, at)));
        loss[i] = 1 - 2 * static_cast<double>(of.b(problem, at));
        total += chance[i];
    }
    for (std::size_t i = 0; i < n; ++i) mean += (chance[i] /= total) * loss[i];
    for (std::size_t i = 0; i < n; ++i)
        of.exact_gradient(problem, static_cast<Eigen::Index>(i)) =
            static_cast<float>(chance[i] * (loss[i] - mean));
}

}  // namespace

problems::problems(Eigen::Index count) : theta(count, n), b(count, n), exact_gradient(count, n) {
    for (Eigen::Index p = 0; p < count; ++p) {
        reference_normals normal(static_cast<std::uint32_t>(p));
        for (Eigen::Index i = 0; i < n; ++i) theta(p, i) = static_cast<float>(normal());
        for (Eigen::Index i = 0; i < n; ++i) b(p, i) = static_cast<float>(std::abs(normal()));
        differentiate(*this, p);
    }
}

problems problems::only(Eigen::Index problem) const {
    problems one(0);
    const Eigen::array<Eigen::Index, 2> begin{problem, 0}, size{1, n};
    one.theta = theta.slice(begin, size);
    one.b = b.slice(begin, size);
    one.exact_gradient = exact_gradient.slice(begin, size);
    return one;
}

tensor3 problems::cotangent(const tensor3& z) const {
    tensor3 dz(z.dimensions());
    for (Eigen::Index p = 0; p < z.dimension(0); ++p)
        for (Eigen::Index s = 0; s < z.dimension(1); ++s)
            for (Eigen::Index i = 0; i < n; ++i) dz(p, s, i) = 2 * (z(p, s, i) - b(p, i));
    return dz;
}

tensor2 problems::losses(const tensor3& z) const {
    tensor2 result(z.dimension(0), z.dimension(1));
    for (Eigen::Index p = 0; p < z.dimension(0); ++p)
        for (Eigen::Index s = 0; s < z.dimension(1); ++s) {
            double sum = 0;
            for (Eigen::Index i = 0; i < n; ++i) {
                const auto distance = static_cast<double>(z(p, s, i) - b(p, i));
                sum += distance * distance;
            }
            result(p, s) = static_cast<float>(sum);
        }
    return result;
}

std::vector<double> problems::cosines(const tensor2& gradient) const {
    std::vector<double> result;
    for (Eigen::Index p = 0; p < gradient.dimension(0); ++p) {
        double product = 0, square = 0, exact_square = 0;
        for (Eigen::Index i = 0; i < n; ++i) {
            const auto found = static_cast<double>(gradient(p, i));
            const auto exact = static_cast<double>(exact_gradient(p, i));
            product += found * exact;
            square += found * found;
            exact_square += exact * exact;
        }
        result.push_back(square > 0 ? product / std::sqrt(square * exact_square) : 0);
    }
    return result;
}

}  // namespace experiments::bias_experiment
