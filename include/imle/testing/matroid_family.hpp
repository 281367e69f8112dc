#pragma once

/// @file
/// Families whose MAP state a greedy search finds, and their exact marginals under Gumbel noise.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The bases of a matroid on n elements, such as k-subsets or the spanning trees of a graph. Their MAP state
/// is found greedily: take the largest theta that may still be added, until none may.
///
/// So the perturb-and-MAP marginals under Gumbel noise have a closed form. The noisy thetas are a race: given
/// the elements taken so far (in whatever order), the next one is i with probability exp(theta_i / T) over
/// the sum of the same for all elements that may still be added. For k-subsets this is the Plackett-Luce
/// model without replacement; for matroids in general see Struminsky, Gadetsky, Rakitin, Karpushkin and
/// Vetrov, "Leveraging recursive Gumbel-max trick for approximate inference in combinatorial spaces" (NeurIPS
/// 2021). The recursion runs over independent sets, at most 2^n: n <= 20.
class matroid_family : public enumerated_family<1> {
  public:
    /// A set of elements; bit i represents element i.
    using subset = std::uint32_t;
    /// The largest n.
    static constexpr std::size_t max_size = 20;

    /// E z for z = MAP(theta + T * eps), eps Gumbel(0, 1). O(2^n n).
    [[nodiscard]] vector gumbel_marginals(std::span<const double> theta, double temperature = 1) const {
        require_size("theta", theta.size());
        require_temperature(temperature);
        const vector reached = forward(theta, temperature);
        vector mean(size(), 0);
        for (std::size_t s = 0; s < reached.size(); ++s)
            if (next_[s].empty())
                for (std::size_t i = 0; i < size(); ++i)
                    if (has(s, i)) mean[i] += reached[s];
        return mean;
    }

    /// The gradient of <w, gumbel_marginals(theta)>, by the reverse recursion. O(2^n n).
    [[nodiscard]] vector gumbel_marginals_vjp(std::span<const double> theta, double temperature,
                                              std::span<const double> w) const {
        require_size("theta", theta.size());
        require_size("w", w.size());
        require_temperature(temperature);
        const vector reached = forward(theta, temperature);
        // worth[s]: E <w, z> given that the set s has been taken. Adding an element increases the number of a
        // set.
        vector worth(reached.size(), 0);
        vector gradient(size(), 0);
        for (std::size_t s = reached.size(); s-- > 0;) {
            if (next_[s].empty()) {
                for (std::size_t i = 0; i < size(); ++i)
                    if (has(s, i)) worth[s] += w[i];
                continue;
            }
            const vector p = chances(s, theta, temperature);
            for (std::size_t e = 0; e < p.size(); ++e) worth[s] += p[e] * worth[with(s, next_[s][e])];
            // d p_e / d theta_j = p_e ([e = j] - p_j) / T, so the derivative of worth[s] in theta_j is a
            // covariance.
            for (std::size_t e = 0; e < p.size(); ++e)
                gradient[next_[s][e]] +=
                    reached[s] * p[e] * (worth[with(s, next_[s][e])] - worth[s]) / temperature;
        }
        return gradient;
    }

  protected:
    /// may_add(s, i): whether element i, which is not in the independent set s, may be added to it.
    matroid_family(std::string name, std::size_t n, const std::function<bool(subset, std::size_t)>& may_add)
        : matroid_family(std::move(name), n, elements_to_add(n, may_add)) {}

  private:
    /// next[s]: the elements that may be added to s.
    using additions = std::vector<std::vector<std::size_t>>;

    matroid_family(std::string name, std::size_t n, additions next)
        : enumerated_family<1>(std::move(name), {static_cast<Eigen::Index>(n)}, bases(n, next)),
          next_(std::move(next)) {}

    static bool has(std::size_t s, std::size_t i) { return ((s >> i) & 1u) != 0; }
    static std::size_t with(std::size_t s, std::size_t i) { return s | (std::size_t{1} << i); }

    static additions elements_to_add(std::size_t n, const std::function<bool(subset, std::size_t)>& may_add) {
        if (n < 1 || n > max_size)
            detail::throw_invalid("the number of elements", n, detail::message("1 to ", max_size));
        additions next(std::size_t{1} << n);
        std::vector<bool> independent(next.size());
        independent[0] = true;
        for (std::size_t s = 0; s < next.size(); ++s) {
            if (!independent[s]) continue;
            for (std::size_t i = 0; i < n; ++i)
                if (!has(s, i) && may_add(static_cast<subset>(s), i)) {
                    next[s].push_back(i);
                    independent[with(s, i)] = true;
                }
        }
        return next;
    }

    /// The independent sets to which nothing may be added, each once. Sets that are not independent have no
    /// additions either, but they are never reached.
    static std::vector<vector> bases(std::size_t n, const additions& next) {
        std::vector<bool> reached(next.size());
        reached[0] = true;
        std::vector<vector> states;
        for (std::size_t s = 0; s < next.size(); ++s) {
            if (!reached[s]) continue;
            for (const std::size_t i : next[s]) reached[with(s, i)] = true;
            if (!next[s].empty()) continue;
            vector state(n, 0);
            for (std::size_t i = 0; i < n; ++i) state[i] = has(s, i) ? 1 : 0;
            states.push_back(std::move(state));
        }
        return states;
    }

    /// The probability that each element that may be added to s is the next: a softmax.
    [[nodiscard]] vector chances(std::size_t s, std::span<const double> theta, double temperature) const {
        double largest = theta[next_[s].front()];
        for (const std::size_t i : next_[s]) largest = std::max(largest, theta[i]);
        vector p;
        double total = 0;
        for (const std::size_t i : next_[s]) {
            p.push_back(std::exp((theta[i] - largest) / temperature));
            total += p.back();
        }
        for (double& x : p) x /= total;
        return p;
    }

    /// The probability that the race passes through each set.
    [[nodiscard]] vector forward(std::span<const double> theta, double temperature) const {
        vector reached(next_.size(), 0);
        reached[0] = 1;
        for (std::size_t s = 0; s < reached.size(); ++s) {
            if (reached[s] == 0 || next_[s].empty()) continue;
            const vector p = chances(s, theta, temperature);
            for (std::size_t e = 0; e < p.size(); ++e) reached[with(s, next_[s][e])] += reached[s] * p[e];
        }
        return reached;
    }

    additions next_;
};

}  // namespace imle::inline IMLE_ABI::testing
