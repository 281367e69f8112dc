#pragma once

/// @file
/// Exact alignments: samples, marginals and their gradient, entropies.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <imle/concepts/solver.hpp>
#include <imle/core/backports.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/rounded.hpp>
#include <imle/families/detail/family_alignment.hpp>
#include <imle/families/detail/family_of_paths.hpp>
#include <imle/random/words.hpp>
#include <imle/solvers/alignment.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The exponential family of `alignment`: p(z; theta) proportional to exp(<theta, z> + gap * (moves right or
/// down)) over the paths from cell (0, 0) to the last cell. With theta = -distances / T its log-partition is
/// soft dynamic time warping (Cuturi and Blondel, 2017), -1 / T of it, and the marginals are its gradient.
///
/// Forward in the logarithmic domain, in two doubles; backward in conditional probabilities
/// (detail/family_alignment.hpp). So scores of any size are as accurate as their differences are. Scores
/// beyond 2^990 count as that.
///
/// theta is one instance [rows, columns], a tensor or view in either layout. `context` is optional, as for
/// `alignment`: its mask forbids cells and marks padding. Results are 0 there, and theta is ignored. All
/// functions take O(rows * columns) time and memory, and throw `std::invalid_argument` for what `alignment`
/// throws it for, and for a mask that allows no path. Several threads may use one family at once.
///
/// `sample`: element item * (rows + columns - 1) + i + j of the key's sequence of uniform doubles
/// (`uniforms`) decides how draw `item` came to cell (i, j), for float too. Of several draws, each takes
/// O(rows + columns).
class alignment_family
    : public detail::family_of_paths<alignment_family, alignment, detail::family_alignment, 2> {
  public:
    /// options: the score of gaps.
    explicit alignment_family(alignment_options options = {}) : family_of_paths(alignment(options)) {}

    /// The options of this family.
    [[nodiscard]] const alignment_options& options() const noexcept { return solver().options(); }

    /// mu(i, j) = P(cell (i, j) is on the path).
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    void marginals(const ThetaT& theta, ZT&& mu, const solve_context& context = {}) const {
        using Scalar = scalar_of<ThetaT>;
        detail::require_theta_shape("mu", mu, theta);
        const detail::family_alignment law = law_of(theta, context);
        std::fill_n(mu.data(), mu.size(), Scalar(0));
        const auto on_path = law.marginals();
        law.for_each_back([&](Eigen::Index i, Eigen::Index j, Eigen::Index at) {
            mu.data()[law.shape().place(i, j)] = static_cast<Scalar>(on_path[static_cast<std::size_t>(at)]);
        });
    }

    /// The gradient of <dmu, mu(theta)>, which is Cov(z) dmu: exact. Cov(z(i, j), <dmu, z>) = mu(i, j) (E -
    /// mean), where E is the expectation of <dmu, z> over paths through the cell: the parts before and after
    /// the cell follow the chain's two conditional laws. dmu must be finite where the mask allows.
    template <detail::InstanceOfRank<2> ThetaT, detail::InstanceOfRank<2> CotangentT,
              detail::StateOf<ThetaT> ZT>
    void marginals_vjp(const ThetaT& theta, const CotangentT& dmu, ZT&& gradient,
                       const solve_context& context = {}) const {
        using Scalar = scalar_of<ThetaT>;
        detail::require_theta_shape("dmu", dmu, theta);
        detail::require_theta_shape("gradient", gradient, theta);
        const detail::family_alignment law = law_of(theta, context);
        // Divided by the largest, so that nothing overflows before the end.
        const double largest =
            detail::largest_cotangent(dmu, [&](Eigen::Index i) { return context.allows(i); });
        const auto on_path = law.marginals();
        const auto size = static_cast<std::size_t>(law.size());
        const auto memory = detail::make_unique_for_overwrite<double[]>(3 * size);
        double* const weight = memory.get();
        double* const until = weight + size;  // the expectation of the weights up to a cell, itself included
        double* const after = until + size;   // of those after it, times the probability of the cell
        std::fill_n(after, size, 0.0);
        for (Eigen::Index i = 0, at = 0; at < law.size(); ++i)
            for (Eigen::Index j = 0; j < law.columns(); ++j, ++at) {
                const Eigen::Index place = law.shape().place(i, j);
                double sum = context.allows(place) && largest > 0
                                 ? static_cast<double>(dmu.data()[place]) / largest
                                 : 0.0;
                weight[at] = sum;
                law.for_each_move(i, j, [&](std::size_t k, Eigen::Index from) {
                    sum += detail::rounded(law.chances(i, j)[k] * until[from]);
                });
                until[at] = sum;
            }
        std::fill_n(gradient.data(), gradient.size(), Scalar(0));
        const double mean = until[size - 1];
        law.for_each_back([&](Eigen::Index i, Eigen::Index j, Eigen::Index at) {
            const double chance = on_path[static_cast<std::size_t>(at)];
            if (chance == 0) return;
            const double later = after[at] / chance;
            law.for_each_move(i, j, [&](std::size_t k, Eigen::Index from) {
                after[from] +=
                    detail::rounded(detail::rounded(chance * law.chances(i, j)[k]) * (weight[at] + later));
            });
            gradient.data()[law.shape().place(i, j)] =
                static_cast<Scalar>(largest * (chance * ((until[at] - mean) + later)));
        });
    }

  private:
    friend family_of_paths;

    template <class ThetaT>
    [[nodiscard]] detail::family_alignment law_of(
        const ThetaT& theta, const solve_context& context,
        detail::family_alignment::extras extra = detail::family_alignment::extras::none) const {
        detail::require_numbers(detail::values_of(theta), context.mask);
        const auto dimensions = detail::dimensions_of(theta);
        if (theta.size() == 0)
            detail::throw_invalid("theta", "of shape " + detail::shape_string(dimensions),
                                  "at least one cell");
        const auto shape = detail::alignment_shape::of(dimensions[0], dimensions[1],
                                                       layout_of<ThetaT> == Eigen::RowMajor, context.mask);
        return {shape, theta.data(), context.mask, options().gap, extra};
    }

    template <class Scalar>
    static void draw(const detail::family_alignment& law, random_key key, std::uint64_t first_item,
                     std::size_t draws, Scalar* zs) {
        const detail::alignment_shape& shape = law.shape();
        const auto longest = static_cast<std::size_t>(shape.rows + shape.columns - 1);
        std::fill_n(zs, draws * static_cast<std::size_t>(shape.size()), Scalar(0));
        const auto memory = detail::make_unique_for_overwrite<double[]>(longest);
        const std::span<double> chance(memory.get(),
                                       static_cast<std::size_t>(shape.last_row + shape.last_column + 1));
        for (std::size_t s = 0; s < draws; ++s) {
            uniforms(key, (first_item + s) * longest, chance);
            Scalar* const z = zs + s * static_cast<std::size_t>(shape.size());
            Eigen::Index i = shape.last_row, j = shape.last_column;
            for (z[shape.place(i, j)] = 1; i > 0 || j > 0; z[shape.place(i, j)] = 1) {
                // The first move whose cumulative probability exceeds the number; should none, by rounding,
                // the last one.
                const double u = chance[static_cast<std::size_t>(i + j)];
                double sum = 0;
                std::size_t chosen = 3;
                bool found = false;
                law.for_each_move(i, j, [&](std::size_t k, Eigen::Index) {
                    if (found) return;
                    chosen = k;
                    sum += law.chances(i, j)[k];
                    found = u < sum;
                });
                i -= detail::alignment_moves[chosen].up;
                j -= detail::alignment_moves[chosen].left;
            }
        }
    }
};

}  // namespace imle::inline IMLE_ABI
