#pragma once

/// @file
/// A discrete exponential family that is small enough to be enumerated.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <imle/core/errors.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The family p(z; theta) = exp(<theta, z> / T) / Z over a list of states. It computes exact results by
/// enumeration, to compare samples and gradients with.
///
/// A state consists of n numbers, the instance in row-major order; so do theta and the results. All
/// computations are in double, with the largest exponent factored out of every sum, so no theta is too large.
/// Each call costs O(states * n), or O(states * n^2) where stated. A theta or z whose size is not n, or a
/// temperature that is not positive, throws `std::invalid_argument`.
template <int Rank = 1>
class enumerated_family {
  public:
    /// One state, or one theta: n numbers.
    using vector = std::vector<double>;

    /// name: for messages; dimensions: of an instance; states: each listed once, with as many numbers as the
    /// dimensions imply.
    enumerated_family(std::string name, std::array<Eigen::Index, Rank> dimensions, std::vector<vector> states)
        : name_(std::move(name)), dimensions_(dimensions), states_(std::move(states)) {
        size_ = 1;
        for (const Eigen::Index d : dimensions_) size_ *= static_cast<std::size_t>(d);
        if (states_.empty()) detail::throw_invalid("the list of states", "empty", "at least one state");
        for (const vector& state : states_)
            if (state.size() != size_)
                detail::throw_invalid("a state", detail::message("of ", state.size(), " numbers"), size_);
        sorted_.insert(states_.begin(), states_.end());
    }

    /// The name, for messages.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// The dimensions of an instance.
    [[nodiscard]] const std::array<Eigen::Index, Rank>& dimensions() const noexcept { return dimensions_; }
    /// n, the number of numbers in an instance.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// All states.
    [[nodiscard]] const std::vector<vector>& states() const noexcept { return states_; }

    /// True if z is a state, number by number. O(n log states).
    [[nodiscard]] bool contains(std::span<const double> z) const {
        require_size("z", z.size());
        const vector wanted(z.begin(), z.end());
        const auto found = sorted_.lower_bound(wanted);
        return found != sorted_.end() && *found == wanted;
    }

    /// <theta, z> for each state.
    [[nodiscard]] vector values(std::span<const double> theta) const {
        require_size("theta", theta.size());
        vector result;
        result.reserve(states_.size());
        for (const vector& state : states_)
            result.push_back(std::inner_product(state.begin(), state.end(), theta.begin(), 0.0));
        return result;
    }

    /// The indices of all states whose value is within `slack` of the largest.
    [[nodiscard]] std::vector<std::size_t> maximizers(std::span<const double> theta, double slack = 0) const {
        const vector value = values(theta);
        const double largest = *std::max_element(value.begin(), value.end());
        std::vector<std::size_t> found;
        for (std::size_t s = 0; s < value.size(); ++s)
            if (value[s] >= largest - slack) found.push_back(s);
        return found;
    }

    /// A state of largest value; the first in the list if several tie.
    [[nodiscard]] const vector& map(std::span<const double> theta) const {
        return states_[maximizers(theta).front()];
    }

    /// p(z; theta) for each state.
    [[nodiscard]] vector gibbs_probabilities(std::span<const double> theta, double temperature = 1) const {
        require_temperature(temperature);
        vector p = values(theta);
        const double largest = *std::max_element(p.begin(), p.end());
        double total = 0;
        for (double& x : p) total += x = std::exp((x - largest) / temperature);
        for (double& x : p) x /= total;
        return p;
    }

    /// log p(z; theta) for each state.
    [[nodiscard]] vector gibbs_log_probabilities(std::span<const double> theta,
                                                 double temperature = 1) const {
        require_temperature(temperature);
        vector log_p = values(theta);
        const double largest = *std::max_element(log_p.begin(), log_p.end());
        double total = 0;
        for (double& x : log_p) total += std::exp(x = (x - largest) / temperature);
        for (double& x : log_p) x -= std::log(total);
        return log_p;
    }

    /// The entropy -E log p(z; theta), in nats.
    [[nodiscard]] double gibbs_entropy(std::span<const double> theta, double temperature = 1) const {
        double sum = 0;
        for (const double log_p : gibbs_log_probabilities(theta, temperature))
            if (const double p = std::exp(log_p); p > 0) sum -= p * log_p;
        return sum;
    }

    /// The Kullback-Leibler divergence E log(p(z; theta) / p(z; other)), z drawn from p(z; theta), in nats.
    [[nodiscard]] double gibbs_kl_divergence(std::span<const double> theta, std::span<const double> other,
                                             double temperature = 1) const {
        const vector log_p = gibbs_log_probabilities(theta, temperature),
                     log_q = gibbs_log_probabilities(other, temperature);
        double sum = 0;
        for (std::size_t s = 0; s < log_p.size(); ++s)
            if (const double p = std::exp(log_p[s]); p > 0) sum += p * (log_p[s] - log_q[s]);
        return std::max(sum, 0.0);
    }

    /// T log sum_z exp(<theta, z> / T). Its gradient are the marginals.
    [[nodiscard]] double gibbs_log_partition(std::span<const double> theta, double temperature = 1) const {
        require_temperature(temperature);
        const vector value = values(theta);
        const double largest = *std::max_element(value.begin(), value.end());
        double total = 0;
        for (const double x : value) total += std::exp((x - largest) / temperature);
        return largest + temperature * std::log(total);
    }

    /// E f(z); f maps a state, `std::span<const double>`, to a number.
    template <class FunctionT>
    [[nodiscard]] double gibbs_expected(std::span<const double> theta, double temperature,
                                        FunctionT&& f) const {
        const vector p = gibbs_probabilities(theta, temperature);
        double sum = 0;
        for (std::size_t s = 0; s < p.size(); ++s)
            sum += p[s] * static_cast<double>(std::invoke(f, std::span<const double>(states_[s])));
        return sum;
    }

    /// The gradient of E f(z) with respect to theta: Cov(f(z), z) / T.
    template <class FunctionT>
    [[nodiscard]] vector gibbs_expected_gradient(std::span<const double> theta, double temperature,
                                                 FunctionT&& f) const {
        const vector p = gibbs_probabilities(theta, temperature);
        const double mean = gibbs_expected(theta, temperature, f);
        vector gradient(size_, 0);
        for (std::size_t s = 0; s < p.size(); ++s) {
            const double weight =
                p[s] * (static_cast<double>(std::invoke(f, std::span<const double>(states_[s]))) - mean);
            for (std::size_t i = 0; i < size_; ++i) gradient[i] += weight * states_[s][i] / temperature;
        }
        return gradient;
    }

    /// mu = E z.
    [[nodiscard]] vector gibbs_marginals(std::span<const double> theta, double temperature = 1) const {
        const vector p = gibbs_probabilities(theta, temperature);
        vector mean(size_, 0);
        for (std::size_t s = 0; s < p.size(); ++s)
            for (std::size_t i = 0; i < size_; ++i) mean[i] += p[s] * states_[s][i];
        return mean;
    }

    /// The vector-Jacobian product of the marginals: the gradient of <w, mu(theta)>, Cov(z) w / T.
    [[nodiscard]] vector gibbs_marginals_vjp(std::span<const double> theta, double temperature,
                                             std::span<const double> w) const {
        require_size("w", w.size());
        return gibbs_expected_gradient(theta, temperature, [&](std::span<const double> z) {
            return std::inner_product(z.begin(), z.end(), w.begin(), 0.0);
        });
    }

    /// Cov(z), n x n. Divided by T, it is the Jacobian of the marginals. O(states * n^2).
    [[nodiscard]] Eigen::MatrixXd gibbs_covariance(std::span<const double> theta,
                                                   double temperature = 1) const {
        const vector p = gibbs_probabilities(theta, temperature);
        const vector mean = gibbs_marginals(theta, temperature);
        const auto n = static_cast<Eigen::Index>(size_);
        const Eigen::Map<const Eigen::VectorXd> mu(mean.data(), n);
        Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(n, n);
        for (std::size_t s = 0; s < p.size(); ++s) {
            const Eigen::VectorXd centred = Eigen::Map<const Eigen::VectorXd>(states_[s].data(), n) - mu;
            covariance += p[s] * centred * centred.transpose();
        }
        return covariance;
    }

    /// Throws `std::invalid_argument` unless `numbers`, the size of the argument of this name, is n.
    void require_size(const char* argument, std::size_t numbers) const {
        if (numbers != size_)
            detail::throw_invalid(argument, detail::message("of ", numbers, " numbers"),
                                  detail::message(size_, ", the size of ", name_));
    }

  protected:
    static void require_temperature(double temperature) {
        if (!(temperature > 0)) detail::throw_invalid("temperature", temperature, "a positive number");
    }

  private:
    std::string name_;
    std::array<Eigen::Index, Rank> dimensions_;
    std::size_t size_;
    std::vector<vector> states_;
    std::set<vector> sorted_;  // the states in lexicographic order, for `contains`
};

}  // namespace imle::inline IMLE_ABI::testing
