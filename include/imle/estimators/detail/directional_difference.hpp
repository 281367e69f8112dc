#pragma once

/// @file
/// The derivative of a solver's marginals under normal noise in one direction, from pairs of solves.
///
/// With d = dmu / |dmu| and eps = m + sigma * (x + r * d), x orthogonal to d, integration by parts over r
/// alone gives
///
///     J dmu = |dmu| / (T sigma sqrt(2 pi)) * E( MAP(theta + T * eps+) - MAP(theta + T * eps-) ),
///     eps+- = eps - <eps - m, d> d +- sigma * b * d
///
/// for b of the Rayleigh law, whose density is b exp(-b^2 / 2): see docs/math.md.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/core/elementary.hpp>
#include <imle/estimators/detail/score_sums.hpp>
#include <imle/layer/perturbed_sampler.hpp>
#include <imle/random/words.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The parameters of a normal law.
struct normal_parameters {
    double mean;
    double stddev;
};

/// The parameters of a noise that is added to theta and is normal: it has mean() and stddev(), and a score
/// that is linear in x, which no other law has.
template <ScoredNoise NoiseT>
[[nodiscard]] std::optional<normal_parameters> normal_law(const NoiseT& noise) {
    if constexpr (!is_multiplicative_noise<NoiseT> && requires {
                      { noise.mean() } -> std::convertible_to<double>;
                      { noise.stddev() } -> std::convertible_to<double>;
                  }) {
        const normal_parameters law{static_cast<double>(noise.mean()), static_cast<double>(noise.stddev())};
        if (!is_finite(law.mean) || !is_finite(law.stddev) || !(law.stddev > 0)) return std::nullopt;
        for (const double z : {-3.0, -1.0, -0.25, 0.5, 2.0}) {
            const double x = law.mean + rounded(law.stddev * z), expected = (x - law.mean) / law.stddev;
            const double found = rounded(static_cast<double>(noise.score(x)) * law.stddev);
            if (!(std::abs(found - expected) < 1e-6)) return std::nullopt;
        }
        return law;
    } else {
        return std::nullopt;
    }
}

/// Numbers of the Rayleigh law, one for each item of a call: item ((first_instance + b) * S + s) uses that
/// element of the uniform numbers of a key folded from the call's. They are the same for float and double.
/// `items` are in ascending order.
template <class CallT>
[[nodiscard]] std::vector<double> rayleigh_numbers(const CallT& call, std::span<const Eigen::Index> items) {
    const random_key key = call.key.fold_in(0x5261796c65696768);  // "Rayleigh"
    const std::uint64_t first = call.first_instance() * static_cast<std::uint64_t>(call.samples);
    std::vector<double> numbers(items.size());
    for (std::size_t j = 0, end; j < items.size(); j = end) {
        end = j + 1;
        while (end < items.size() && items[end] == items[end - 1] + 1) ++end;
        uniforms(key, first + static_cast<std::uint64_t>(items[j]),
                 std::span<double>(numbers).subspan(j, end - j));
    }
    for (double& u : numbers) u = std::sqrt(-2 * elementary::log(u));
    return numbers;
}

/// The directions and lengths of the cotangents of a call's rows.
template <class Scalar>
class directions {
  public:
    /// cotangent: batch * n numbers. Rows of `left_out` count as 0.
    directions(std::span<const double> cotangent, std::span<const Eigen::Index> left_out, Eigen::Index batch,
               Eigen::Index n)
        : size_(static_cast<std::size_t>(n)),
          unit_(cotangent.size(), Scalar(0)),
          lengths_(static_cast<std::size_t>(batch)) {
        for (std::size_t row = 0; row < lengths_.size(); ++row) {
            if (std::binary_search(left_out.begin(), left_out.end(), static_cast<Eigen::Index>(row)))
                continue;
            const std::span<const double> d = cotangent.subspan(row * size_, size_);
            length& of = lengths_[row];
            for (const double x : d) of.largest = std::max(of.largest, std::abs(x));
            if (of.largest == 0) continue;
            double squares = 0;
            for (const double x : d) squares += rounded((x / of.largest) * (x / of.largest));
            of.root = std::sqrt(squares);
            for (std::size_t i = 0; i < size_; ++i)
                unit_[row * size_ + i] = static_cast<Scalar>(d[i] / of.largest / of.root);
        }
    }

    [[nodiscard]] bool is_zero(Eigen::Index row) const noexcept { return of(row).largest == 0; }
    /// The unit vector of a row, n numbers.
    [[nodiscard]] const Scalar* unit(Eigen::Index row) const noexcept {
        return unit_.data() + static_cast<std::size_t>(row) * size_;
    }
    /// x times the length of a row's cotangent, over `divisors`. 0 stays 0, and nothing overflows on the way
    /// to a result that does not.
    template <class... Divisors>
    [[nodiscard]] double times_length(Eigen::Index row, double x, Divisors... divisors) const noexcept {
        x *= of(row).root;
        ((x /= divisors), ...);
        return x * of(row).largest;
    }

  private:
    /// largest * root: the squares of x / largest neither overflow nor vanish.
    struct length {
        double largest = 0;
        double root = 0;
    };
    [[nodiscard]] const length& of(Eigen::Index row) const noexcept {
        return lengths_[static_cast<std::size_t>(row)];
    }

    std::size_t size_;
    std::vector<Scalar> unit_;
    std::vector<length> lengths_;
};

/// Writes the estimate of J dmu, or of its negative if theta is a cost, for all rows of a call: 2 S solves
/// for each row whose cotangent is not 0. `failed`: rows that get 0.
template <class Scalar, int Rank, int Layout>
void write_directional_difference(call_runner& runner, const perturbed_solve<Scalar, Rank, Layout>& solve,
                                  const normal_parameters& law, double temperature,
                                  std::span<const double> cotangent, std::span<const Eigen::Index> failed,
                                  Scalar* gradient) {
    constexpr const char* overflow = "theta + T * noise overflows; expected finite sums";
    const auto& call = solve.call();
    const Eigen::Index n = call.shape.n;
    const auto size = static_cast<std::size_t>(n);
    const directions<Scalar> direction(cotangent, failed, call.shape.batch, n);
    runner.expect_solves(2 * call.shape.batch * call.samples);
    runner.reduce(solve.work(), pass_kind::gradient, 1.0, gradient,
                  [&](worker& own, const item_range& piece, sample_sum<Scalar>& sum) {
                      std::erase_if(own.items, [&](Eigen::Index item) {
                          return direction.is_zero(item / call.samples);
                      });
                      auto& memory = own.memory_of<Scalar>();
                      const Eigen::Index numbers = own.item_count() * n;
                      // The pair's noise: eps- takes the place of eps.
                      Scalar* const below = memory.noise.take(numbers);
                      (void)solve.noise(own);
                      Scalar* const above = memory.other_z.take(numbers);
                      const std::vector<double> radius = rayleigh_numbers(call, own.items);
                      std::vector<double> centred(size), unit(size);
                      Eigen::Index row = -1;
                      for (std::size_t j = 0; j < radius.size(); ++j) {
                          Scalar* const eps = below + j * size;
                          if (const Eigen::Index next = own.items[j] / call.samples; next != row) {
                              row = next;
                              std::copy_n(direction.unit(row), size, unit.begin());
                          }
                          for (std::size_t i = 0; i < size; ++i)
                              centred[i] = static_cast<double>(eps[i]) - law.mean;
                          const double along = dot(unit.data(), centred.data(), size);
                          const double step = rounded(law.stddev * radius[j]);
                          scaled_sum(static_cast<Scalar>(step - along), direction.unit(row), eps,
                                     above + j * size, size);
                          scaled_sum(static_cast<Scalar>(-step - along), direction.unit(row), eps, eps, size);
                      }
                      const auto theta = solve.theta(own);
                      Scalar* const z_above = memory.z.take(numbers);
                      solve.solve(own, theta, temperature, above, nullptr, z_above, overflow);
                      Scalar* const z_below = memory.other_z.take(numbers);
                      solve.solve(own, theta, temperature, below, nullptr, z_below, overflow);
                      row_differences<Scalar> difference{{z_above, n}, {z_below, n}};
                      if (solve.minimizes()) std::swap(difference.near, difference.far);
                      sum.add(piece, own.items, difference);
                  });
    for (Eigen::Index row = 0; row < call.shape.batch; ++row)
        for (Scalar* g = gradient + row * n; g != gradient + (row + 1) * n; ++g)
            *g = static_cast<Scalar>(direction.times_length(row, static_cast<double>(*g),
                                                            2.50662827463100050242, law.stddev, temperature));
    runner.for_each_failure([&](Eigen::Index row) { std::fill_n(gradient + row * n, n, Scalar(0)); });
}

}  // namespace imle::inline IMLE_ABI::detail
