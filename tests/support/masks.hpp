#pragma once

// Masks in tests: which coordinates a solver may choose, and the smaller problem of those alone.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <imle/concepts/solver.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/tensor.hpp>

#include "support/tally.hpp"

namespace support {

class mask {
  public:
    explicit mask(std::size_t size, bool allowed = true) : size_(size), values_(new bool[size]) {
        for (std::size_t i = 0; i < size; ++i) values_[i] = allowed;
    }
    [[nodiscard]] bool& operator[](std::size_t i) { return values_[i]; }
    [[nodiscard]] bool operator[](std::size_t i) const { return values_[i]; }
    [[nodiscard]] const bool* data() const { return values_.get(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t count() const {
        std::size_t allowed = 0;
        for (std::size_t i = 0; i < size_; ++i) allowed += values_[i] ? 1 : 0;
        return allowed;
    }
    [[nodiscard]] std::span<const bool> span() const { return {values_.get(), size_}; }

  private:
    std::size_t size_;
    std::unique_ptr<bool[]> values_;
};

// Nearly all allowed, half of them, a few, now and then none or all.
inline mask random_mask(std::size_t size, std::mt19937& random) {
    mask result(size);
    const unsigned in_16 =
        std::vector<unsigned>{15, 14, 12, 8, 4, random() % 2 == 0 ? 0U : 16U}[random() % 6];
    for (std::size_t i = 0; i < size; ++i) result[i] = random() % 16 < in_16;
    return result;
}

// What no solver may look at: NaN, infinities and numbers better than all others.
template <class Scalar>
void spoil_forbidden(std::vector<Scalar>& theta, const mask& allowed, std::mt19937& random) {
    using limits = std::numeric_limits<Scalar>;
    const Scalar bad[] = {0, limits::max(), limits::quiet_NaN(), limits::infinity(), -limits::infinity()};
    const auto kinds = random() % 2 == 0 ? 2U : 5U;
    for (std::size_t i = 0; i < theta.size(); ++i)
        if (!allowed[i]) theta[i] = bad[random() % kinds];
}

template <class Scalar>
std::vector<Scalar> gather(const std::vector<Scalar>& values, const mask& allowed) {
    std::vector<Scalar> result;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (allowed[i]) result.push_back(values[i]);
    return result;
}

// Zeros where it is forbidden.
template <class Scalar>
std::vector<Scalar> scatter(const std::vector<Scalar>& values, const mask& allowed) {
    std::vector<Scalar> result(allowed.size(), 0);
    for (std::size_t i = 0, next = 0; i < allowed.size(); ++i)
        if (allowed[i]) result[i] = values[next++];
    return result;
}

template <class Scalar>
struct answer {
    imle::solve_status status;
    std::vector<Scalar> z;

    friend bool operator==(const answer&, const answer&) = default;
};

// The answer without a feasible z.
template <class Scalar>
answer<Scalar> infeasible(std::size_t size) {
    return {imle::solve_status::infeasible, std::vector<Scalar>(size, 0)};
}

// Solves one instance, z being filled with NaN first.
template <int Layout, class SolverT, class Scalar, std::size_t Rank>
answer<Scalar> solve(SolverT& solver, const std::vector<Scalar>& theta,
                     const Eigen::array<Eigen::Index, Rank>& dimensions, std::span<const bool> allowed) {
    answer<Scalar> result{imle::solve_status::unbounded,
                          std::vector<Scalar>(theta.size(), imle::detail::unwritten<Scalar>())};
    constexpr int rank = static_cast<int>(Rank);
    imle::const_view<Scalar, rank, Layout> theta_view(theta.data(), dimensions);
    imle::mutable_view<Scalar, rank, Layout> z_view(result.z.data(), dimensions);
    const imle::solve_context context{.mask = allowed};
    result.status = imle::detail::status_of([&] { return solver(theta_view, z_view, context); });
    return result;
}

// Whether an answer is the best of the states that are 0 where it is forbidden, or, where there is none, says
// so. theta: integers, so that sums are exact.
template <class Scalar>
bool is_best(const answer<Scalar>& found, const std::vector<std::vector<double>>& states,
             const std::vector<Scalar>& theta, const mask& allowed) {
    bool feasible = false, is_state = false;
    double best = 0, reached = 0;
    for (const std::vector<double>& state : states) {
        double value = 0;
        bool keeps = true, same = true;
        for (std::size_t i = 0; i < state.size(); ++i) {
            keeps = keeps && (allowed[i] || state[i] == 0);
            same = same && static_cast<double>(found.z[i]) == state[i];
            if (state[i] != 0 && allowed[i]) value += state[i] * static_cast<double>(theta[i]);
        }
        if (!keeps) continue;
        best = feasible ? std::max(best, value) : value;
        feasible = true;
        if (same) {
            is_state = true;
            reached = value;
        }
    }
    if (!feasible) return found == infeasible<Scalar>(theta.size());
    return found.status == imle::solve_status::solved && is_state && reached == best;
}

// Random integers and masks, one solve each.
template <int Layout, class Scalar, class SolverT, std::size_t Rank>
tally wrong_under_masks(SolverT solver, const Eigen::array<Eigen::Index, Rank>& dimensions,
                        const std::vector<std::vector<double>>& states, int count, std::uint32_t seed,
                        int lowest = -4, int highest = 4) {
    std::mt19937 random(seed);
    tally wrong;
    std::size_t n = 1;
    for (const Eigen::Index size : dimensions) n *= static_cast<std::size_t>(size);
    for (int i = 0; i < count; ++i) {
        std::vector<Scalar> theta(n);
        for (Scalar& t : theta)
            t = static_cast<Scalar>(lowest +
                                    static_cast<int>(random() % static_cast<unsigned>(highest - lowest + 1)));
        const mask allowed = random_mask(n, random);
        spoil_forbidden(theta, allowed, random);
        const auto found = solve<Layout>(solver, theta, dimensions, allowed.span());
        wrong.expect(is_best(found, states, theta, allowed), "theta ", theta, ", mask ", allowed, " gives ",
                     found.status, " ", found.z);
    }
    return wrong;
}

}  // namespace support
