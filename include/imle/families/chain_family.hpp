#pragma once

/// @file
/// Exact sequences of labels: samples, marginals and their gradient, entropies.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <imle/concepts/solver.hpp>
#include <imle/core/backports.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/rounded.hpp>
#include <imle/families/detail/family_chain.hpp>
#include <imle/families/detail/family_of_paths.hpp>
#include <imle/random/words.hpp>
#include <imle/solvers/instance.hpp>
#include <imle/solvers/linear_chain.hpp>

namespace imle::inline IMLE_ABI {

/// The exponential family of `linear_chain`, a linear-chain conditional random field: p(z; theta)
/// proportional to exp(<theta, z>) over the label sequences of [steps, labels, labels], where z(t, i, j) = 1
/// if label i is at position t and label j at t + 1.
///
/// Forward in the logarithmic domain, backward in conditional probabilities (detail/family_chain.hpp), in
/// double for float too. Each step's largest score is subtracted first, so scores of any size are as accurate
/// as their differences are. No result is computed as a difference of large sums. Differences of scores
/// beyond 2^1000 count as that.
///
/// theta is one instance, a tensor or view in either layout. `context` is optional, as for `linear_chain`:
/// its mask forbids transitions and marks padding, its id selects the number of steps, if the family was made
/// with a list. Results are 0 at forbidden and padded transitions, whose theta is ignored. All functions take
/// O(steps * labels^2) time and memory, and throw `std::invalid_argument` for what `linear_chain` throws it
/// for, and for a mask that allows no sequence. Several threads may use one family at once.
///
/// `sample`: position t of draw `item` uses element item * (steps + 1) + t of the key's sequence of uniform
/// doubles (`uniforms`), for float too, where steps is theta's. Of several draws, each takes O(steps *
/// labels).
class chain_family : public detail::family_of_paths<chain_family, linear_chain, detail::family_chain, 3> {
  public:
    /// Chains of as many steps as theta has.
    chain_family() = default;
    /// steps: the number of steps of each chain; `context.id` selects one.
    explicit chain_family(std::vector<Eigen::Index> steps)
        : family_of_paths(linear_chain(std::move(steps))) {}

    /// The steps of each id; empty if all chains have theta's.
    [[nodiscard]] std::span<const Eigen::Index> steps() const noexcept { return solver().steps(); }

    /// mu(t, i, j) = P(label i at position t, label j at t + 1).
    template <detail::InstanceOfRank<3> ThetaT, detail::StateOf<ThetaT> ZT>
    void marginals(const ThetaT& theta, ZT&& mu, const solve_context& context = {}) const {
        using Scalar = scalar_of<ThetaT>;
        detail::require_theta_shape("mu", mu, theta);
        const detail::family_chain chain = law_of(theta, context);
        std::fill_n(mu.data(), mu.size(), Scalar(0));
        const std::size_t labels = chain.shape().labels;
        chain.for_each_row([&](std::size_t t, std::size_t i, const double* row) {
            for (std::size_t j = 0; j < labels; ++j)
                mu.data()[chain.shape().place(t, i, j)] = static_cast<Scalar>(std::min(row[j], 1.0));
        });
    }

    /// The gradient of <dmu, mu(theta)>, which is Cov(z) dmu: exact. With E the expectation given the labels
    /// at t and t + 1, Cov(z(t, i, j), <dmu, z>) = mu(t, i, j) (E <dmu, z> - the mean of <dmu, z>); the parts
    /// of E before and after the transition follow the chain's two conditional laws. dmu must be finite where
    /// it is used.
    template <detail::InstanceOfRank<3> ThetaT, detail::InstanceOfRank<3> CotangentT,
              detail::StateOf<ThetaT> ZT>
    void marginals_vjp(const ThetaT& theta, const CotangentT& dmu, ZT&& gradient,
                       const solve_context& context = {}) const {
        using Scalar = scalar_of<ThetaT>;
        detail::require_theta_shape("dmu", dmu, theta);
        detail::require_theta_shape("gradient", gradient, theta);
        const detail::family_chain chain = law_of(theta, context);
        std::fill_n(gradient.data(), gradient.size(), Scalar(0));
        const detail::family_chain_shape& shape = chain.shape();
        const double largest = detail::largest_cotangent(dmu, [&](Eigen::Index i) {
            const auto at = static_cast<std::size_t>(i);
            const std::size_t t = shape.row_major ? at / (shape.labels * shape.labels) : at % shape.steps;
            return t < shape.used && context.allows(i);
        });
        if (largest == 0) return;
        write_product(chain, dmu.data(), context.mask, largest, gradient.data());
    }

  private:
    friend family_of_paths;

    template <class ThetaT>
    [[nodiscard]] detail::family_chain law_of(
        const ThetaT& theta, const solve_context& context,
        detail::family_chain::extras extra = detail::family_chain::extras::none) const {
        detail::require_numbers(detail::values_of(theta), context.mask);
        const auto dimensions = detail::dimensions_of(theta);
        if (dimensions[1] != dimensions[2] || (dimensions[0] > 0 && dimensions[1] == 0))
            detail::throw_invalid("theta", "of shape " + detail::shape_string(dimensions),
                                  "[steps, labels, labels] with at least one label");
        const Eigen::Index steps = solver().steps_of(dimensions[0], context);
        detail::family_chain_shape shape{
            static_cast<std::size_t>(dimensions[0]), static_cast<std::size_t>(dimensions[1]),
            layout_of<ThetaT> == Eigen::RowMajor, static_cast<std::size_t>(steps)};
        if (!context.mask.empty()) {
            while (shape.used > 0 && !allows_any(shape, shape.used - 1, context.mask)) --shape.used;
            if (shape.used == 0 && steps > 0) detail::family_chain::throw_infeasible();
        }
        return {shape, theta.data(), context.mask, extra};
    }

    [[nodiscard]] static bool allows_any(const detail::family_chain_shape& shape, std::size_t t,
                                         std::span<const bool> mask) noexcept {
        for (std::size_t i = 0; i < shape.labels; ++i)
            for (std::size_t j = 0; j < shape.labels; ++j)
                if (mask[shape.place(t, i, j)]) return true;
        return false;
    }

    /// The first index whose cumulative weight exceeds u. The weights sum to 1 up to rounding: should u be
    /// beyond the sum, the last of positive weight.
    template <class WeightT>
    [[nodiscard]] static std::size_t chosen(std::size_t count, double u, WeightT&& weight) noexcept {
        double sum = 0;
        std::size_t last = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const double w = weight(i);
            if (w > 0) last = i;
            sum += w;
            if (u < sum) return i;
        }
        return last;
    }

    template <class Scalar>
    static void draw(const detail::family_chain& chain, random_key key, std::uint64_t first_item,
                     std::size_t draws, Scalar* zs) {
        const detail::family_chain_shape& shape = chain.shape();
        const std::size_t size = shape.steps * shape.labels * shape.labels, row = chain.row_size();
        std::fill_n(zs, draws * size, Scalar(0));
        if (shape.used == 0) return;
        const auto memory = detail::make_unique_for_overwrite<double[]>(shape.used + 1);
        const std::span<double> chance(memory.get(), shape.used + 1);
        for (std::size_t s = 0; s < draws; ++s) {
            uniforms(key, (first_item + s) * (shape.steps + 1), chance);
            std::size_t label =
                chosen(shape.labels, chance[shape.used], [&](std::size_t j) { return chain.last()[j]; });
            for (std::size_t t = shape.used; t-- > 0;) {
                const double* const weights = chain.before(t, 0) + label;
                const std::size_t i =
                    chosen(shape.labels, chance[t], [&](std::size_t l) { return weights[l * row]; });
                zs[s * size + shape.place(t, i, label)] = 1;
                label = i;
            }
        }
    }

    /// largest: that of |dmu|, by which it is divided, so that nothing overflows before the end.
    template <class Scalar>
    static void write_product(const detail::family_chain& chain, const Scalar* dmu,
                              std::span<const bool> mask, double largest, Scalar* gradient) {
        using vector = detail::family_lanes;
        const detail::family_chain_shape& shape = chain.shape();
        const std::size_t steps = shape.used, labels = shape.labels, row = chain.row_size();
        // mu and dmu of all transitions; of all positions the law, and the expectations of <dmu, z> before.
        const std::size_t table = steps * labels * row, positions = (steps + 1) * row;
        const auto memory = detail::make_unique_for_overwrite<double[]>(2 * table + 2 * positions + 2 * row);
        double* const mu = memory.get();
        double* const weights = mu + table;
        double* const laws = weights + table;
        double* const earlier = laws + positions;
        double* later = earlier + positions;
        double* next = later + row;
        chain.for_each_row([&](std::size_t t) { return laws + t * row; },
                           [&](std::size_t t, std::size_t i, const double* here) {
                               std::copy_n(here, row, mu + (t * labels + i) * row);
                           });
        // Each step adds exactly one weight, so a constant for each step may be subtracted. Without its mean
        // the mean of <dmu, z> is 0, and nothing cancels.
        for (std::size_t t = 0; t < steps; ++t) {
            double mean = 0;
            for (std::size_t i = 0; i < labels; ++i) {
                double* const w = weights + (t * labels + i) * row;
                for (std::size_t j = 0; j < labels; ++j) {
                    const std::size_t at = shape.place(t, i, j);
                    w[j] = mask.empty() || mask[at] ? static_cast<double>(dmu[at]) / largest : 0.0;
                }
                std::fill(w + labels, w + row, 0.0);
                mean += detail::family_dot(w, mu + (t * labels + i) * row, row);
            }
            for (std::size_t i = 0; i < labels * row; ++i) weights[t * labels * row + i] -= mean;
        }
        // The expectation of the weights before a position, given its label.
        std::fill_n(earlier, row, 0.0);
        for (std::size_t t = 0; t < steps; ++t)
            for (std::size_t j = 0; j < row; j += vector::size) {
                vector sum(0.0);
                for (std::size_t i = 0; i < labels; ++i)
                    sum = multiply_add(
                        vector::load(chain.before(t, i) + j),
                        vector(earlier[t * row + i]) + vector::load(weights + (t * labels + i) * row + j),
                        sum);
                sum.store(earlier + (t + 1) * row + j);
            }
        // The expectation after a position, given its label, and the products.
        std::fill_n(later, row, 0.0);
        std::fill_n(next, row, 0.0);
        for (std::size_t t = steps; t-- > 0;) {
            for (std::size_t i = 0; i < labels; ++i) {
                const double* const here = mu + (t * labels + i) * row;
                double* const w = weights + (t * labels + i) * row;
                for (std::size_t j = 0; j < row; j += vector::size)
                    (vector::load(w + j) + vector::load(later + j)).store(w + j);
                const double law = laws[t * row + i];
                next[i] = law > 0 ? detail::family_dot(w, here, row) / law : 0.0;
                for (std::size_t j = 0; j < labels; ++j) {
                    const std::size_t at = shape.place(t, i, j);
                    if (mask.empty() || mask[at])
                        gradient[at] =
                            static_cast<Scalar>(largest * (here[j] * (earlier[t * row + i] + w[j])));
                }
            }
            std::swap(later, next);
        }
    }
};

}  // namespace imle::inline IMLE_ABI
