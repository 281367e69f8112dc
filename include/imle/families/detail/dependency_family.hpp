#pragma once

/// @file
/// What the exact families of dependency trees share: each is a set of trees, summed by numbers of any kind.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/families/detail/family_numbers.hpp>
#include <imle/random/words.hpp>
#include <imle/solvers/dependency_words.hpp>

namespace imle::inline IMLE_ABI::detail {

/// An instance of trees for the functions of a family: the words that are there, and their scores in double,
/// -infinity where an arc is forbidden.
class tree_instance {
  public:
    /// solver: of the same trees; it knows whether there is one. Throws `std::invalid_argument` for what the
    /// solver throws it for, and for a mask that allows no tree.
    template <class SolverT, class ThetaT>
    tree_instance(SolverT solver, const ThetaT& theta, const solve_context& context) {
        scores_.read(theta, context, max_words, [](int words) { return words; });
        for (int j = 0; j < scores_.words(); ++j) {
            const double* const column = scores_.column(j);
            double most = column[0], least = std::numeric_limits<double>::infinity();
            for (int i = 0; i < scores_.words(); ++i) {
                most = std::max(most, column[i]);
                if (column[i] == dependency_scores::forbidden)
                    is_sparse_ = true;
                else
                    least = std::min(least, column[i]);
            }
            largest_.push_back(most);
            spread_ = std::max(spread_, most - least);
        }
        if (is_sparse_) {
            Eigen::Tensor<scalar_of<ThetaT>, 2, layout_of<ThetaT>> z(dimensions_of(theta));
            require_tree(solver(theta, z, context));
        }
    }

    /// Throws unless a solver found a tree.
    static void require_tree(solve_status status) {
        if (!has_answer(status)) throw_invalid("context.mask", "one that allows no tree", "a tree");
    }

    [[nodiscard]] std::size_t words() const noexcept { return largest_.size(); }
    /// Whether an arc between two words is forbidden.
    [[nodiscard]] bool is_sparse() const noexcept { return is_sparse_; }
    /// How far the scores of a column are apart.
    [[nodiscard]] double spread() const noexcept { return spread_; }
    /// The largest score of a column.
    [[nodiscard]] double largest(std::size_t j) const noexcept { return largest_[j]; }
    /// The score of word j hanging from word i, of it being a root if i = j, less the largest of its column.
    [[nodiscard]] double score(std::size_t i, std::size_t j) const noexcept {
        const double score = scores_.column(static_cast<int>(j))[i];
        if (score == dependency_scores::forbidden) return score;
        return std::max(score - largest_[j], std::numeric_limits<double>::lowest());
    }
    /// Where in memory theta has it.
    [[nodiscard]] Eigen::Index place(std::size_t i, std::size_t j) const noexcept {
        return scores_.place(static_cast<int>(i), static_cast<int>(j));
    }

  private:
    static constexpr Eigen::Index max_words = 4096;

    dependency_scores scores_;
    std::vector<double> largest_;
    double spread_ = 0;
    bool is_sparse_ = false;
};

/// The functions of a family of dependency trees: `ExponentialFamily`, with all that is optional.
///
/// TreesT<Number>(words, single) has the weights of all arcs, `weight(i, j)`, and
/// - `factors(visit)`: calls visit(s) for numbers whose product is the sum over all trees;
/// - `arcs(visit)`: calls visit(i, j, m, total), m / total being the share of the trees with arc (i, j);
/// - `prepare_draws()`, then `draw(u, mark)`: marks the arcs of a tree drawn by the uniform numbers u,
///   `draws_per_word` for each word;
/// - `fits_in_double(instance)`: whether doubles are enough;
/// - `needs_all_arcs`: whether a single root needs all arcs between words to be allowed.
///
/// SolverT finds the best of the same trees.
template <template <class> class TreesT, class SolverT>
class dependency_family {
  public:
    /// theta has this many dimensions.
    static constexpr int instance_rank = 2;

    /// The options.
    [[nodiscard]] const arborescence_options& options() const noexcept { return options_; }

    /// The MAP state, as the solver of the same trees gives it.
    template <InstanceOfRank<2> ThetaT, StateOf<ThetaT> ZT>
    void map(const ThetaT& theta, ZT&& z, const solve_context& context = {}) const {
        tree_instance::require_tree(SolverT(options_)(theta, z, context));
    }

    /// One draw: 0/1 [words, words].
    template <InstanceOfRank<2> ThetaT, StateOf<ThetaT> ZT>
    void sample(const ThetaT& theta, random_key key, std::uint64_t item, ZT&& z,
                const solve_context& context = {}) const {
        require_dimensions(theta, z);
        draw(theta, key, item, 1, z.data(), context);
    }

    /// Draws first_item, first_item + 1, ..., as many as zs holds: [draws, words, words] if row-major,
    /// [words, words, draws] if column-major. The bits are those of `sample`.
    template <InstanceOfRank<2> ThetaT, InstanceOfRank<3> ZsT>
    void sample_several(const ThetaT& theta, random_key key, std::uint64_t first_item, ZsT&& zs,
                        const solve_context& context = {}) const {
        const auto shape = shape_of(zs);
        if (layout_of<ZsT> != layout_of<ThetaT> || shape.instance != dimensions_of(theta))
            throw_invalid("zs", "of shape " + shape_string(dimensions_of(zs)),
                          "draws of theta's shape, " + shape_string(dimensions_of(theta)));
        draw(theta, key, first_item, static_cast<std::size_t>(shape.batch), zs.data(), context);
    }

    /// mu(i, j) = P(word j hangs from word i), mu(j, j) = P(word j is a root). O(words^3).
    template <InstanceOfRank<2> ThetaT, StateOf<ThetaT> ZT>
    void marginals(const ThetaT& theta, ZT&& mu, const solve_context& context = {}) const {
        using Scalar = scalar_of<ThetaT>;
        require_shape("mu", mu, theta);
        const tree_instance instance(SolverT(options_), theta, context);
        std::fill_n(mu.data(), mu.size(), Scalar(0));
        for_each_marginal(instance, [&](std::size_t i, std::size_t j, double p) {
            mu.data()[instance.place(i, j)] = static_cast<Scalar>(std::min(p, 1.0));
        });
    }

    /// The gradient of <dmu, mu(theta)>, which is Cov(z) dmu: the derivative of the marginals in direction
    /// dmu. O(words^3). dmu must be finite where arcs are allowed.
    template <InstanceOfRank<2> ThetaT, InstanceOfRank<2> CotangentT, StateOf<ThetaT> ZT>
    void marginals_vjp(const ThetaT& theta, const CotangentT& dmu, ZT&& gradient,
                       const solve_context& context = {}) const {
        using Scalar = scalar_of<ThetaT>;
        require_shape("dmu", dmu, theta);
        require_shape("gradient", gradient, theta);
        const tree_instance instance(SolverT(options_), theta, context);
        std::fill_n(gradient.data(), gradient.size(), Scalar(0));
        // Scaling prevents overflow. Each column of z has one 1, so a constant may be subtracted from each
        // column of dmu: its mean, so that less cancels in differences of expectations.
        const std::size_t n = instance.words();
        const double largest = largest_allowed("dmu", instance, dmu.data());
        if (largest == 0) return;
        std::vector<double> mu(n * n, 0.0), direction(n * n, 0.0), slopes(n * n, 0.0);  // by columns
        for_each_marginal(instance, [&](std::size_t i, std::size_t j, double p) { mu[j * n + i] = p; });
        for (std::size_t j = 0; j < n; ++j) {
            double mean = 0;
            for (std::size_t i = 0; i < n; ++i) {
                if (instance.score(i, j) == dependency_scores::forbidden) continue;
                direction[j * n + i] =
                    rounded(static_cast<double>(dmu.data()[instance.place(i, j)]) / largest);
                mean += rounded(mu[j * n + i] * direction[j * n + i]);
            }
            for (std::size_t i = 0; i < n; ++i) direction[j * n + i] -= mean;
        }
        if (TreesT<double>::fits_in_double(instance) && !orders_roots(instance))
            write_slopes<double>(instance, direction, slopes);
        else
            write_slopes<wide_number>(instance, direction, slopes);
        for (std::size_t j = 0; j < n; ++j) {
            // A column's derivatives add up to 0. That of the likeliest head may be tiny, by cancellation.
            std::size_t likely = 0;
            for (std::size_t i = 1; i < n; ++i)
                if (mu[j * n + i] > mu[j * n + likely]) likely = i;
            double others = 0;
            for (std::size_t i = 0; i < n; ++i) others += i == likely ? 0 : slopes[j * n + i];
            slopes[j * n + likely] = -others;
            for (std::size_t i = 0; i < n; ++i)
                if (mu[j * n + i] > 0)
                    gradient.data()[instance.place(i, j)] = static_cast<Scalar>(largest * slopes[j * n + i]);
        }
    }

    /// log sum exp(<theta, z>) over all trees z. Its gradient are the marginals. O(words^3).
    template <InstanceOfRank<2> ThetaT>
    [[nodiscard]] double log_partition(const ThetaT& theta, const solve_context& context = {}) const {
        const tree_instance instance(SolverT(options_), theta, context);
        wide_number sum = wide_number::one();
        with_trees(instance, [&](auto trees) {
            trees.factors([&](const auto& factor) { sum = times(sum, to_wide(factor)); });
        });
        if (orders_roots(instance)) sum.exponent += root_exponent;
        double scale = 0;
        for (std::size_t j = 0; j < instance.words(); ++j) scale += instance.largest(j);
        return scale + log_of(sum);
    }

    /// The entropy of p(z; theta), -E log p(z), in nats. O(words^3) logarithms. No large numbers cancel in
    /// it.
    template <InstanceOfRank<2> ThetaT>
    [[nodiscard]] double entropy(const ThetaT& theta, const solve_context& context = {}) const {
        const tree_instance instance(SolverT(options_), theta, context);
        double sum = 0;
        if (instance.words() == 0) return sum;
        auto trees = weighted<entropy_number>(instance, [&](std::size_t i, std::size_t j) {
            return entropy_number{exponential_of<wide_number>(instance.score(i, j)), 0};
        });
        trees.factors([&](const entropy_number& factor) { sum += factor.entropy; });
        return std::max(sum, 0.0);
    }

    /// The Kullback-Leibler divergence E log (p(z; theta) / p(z; other)), z drawn from p(z; theta), in nats.
    /// The context is that of both. O(words^3) logarithms.
    template <InstanceOfRank<2> ThetaT, InstanceOfRank<2> OtherT>
    [[nodiscard]] double kl_divergence(const ThetaT& theta, const OtherT& other,
                                       const solve_context& context = {}) const {
        require_shape("other", other, theta);
        const tree_instance instance(SolverT(options_), theta, context);
        largest_allowed("other", instance, other.data());
        const tree_instance of_other(SolverT(options_), other, context);
        double sum = 0;
        if (instance.words() == 0) return sum;
        auto trees = weighted<divergence_number>(instance, [&](std::size_t i, std::size_t j) {
            return divergence_number{exponential_of<wide_number>(instance.score(i, j)),
                                     exponential_of<wide_number>(of_other.score(i, j)), 0};
        });
        trees.factors([&](const divergence_number& factor) { sum += factor.divergence; });
        return std::max(sum, 0.0);
    }

    // The same for the numbers of a row-major instance [words, words].

    /// The MAP state.
    template <std::floating_point Scalar>
    void map(std::span<const Scalar> theta, std::span<Scalar> z) const {
        const auto view = square("theta", theta);
        map(view, square("z", z));
    }
    /// One draw.
    template <std::floating_point Scalar>
    void sample(std::span<const Scalar> theta, random_key key, std::uint64_t item,
                std::span<Scalar> z) const {
        const auto view = square("theta", theta);
        sample(view, key, item, square("z", z));
    }
    /// Draws first_item, first_item + 1, ..., as many as fit into zs.
    template <std::floating_point Scalar>
    void sample_several(std::span<const Scalar> theta, random_key key, std::uint64_t first_item,
                        std::span<Scalar> zs) const {
        const auto one = square("theta", theta);
        if (theta.empty() ? !zs.empty() : zs.size() % theta.size() != 0)
            throw_invalid("zs", message("of ", zs.size(), " numbers"),
                          message("a multiple of theta's size, ", theta.size()));
        draw(one, key, first_item, theta.empty() ? 0 : zs.size() / theta.size(), zs.data(), {});
    }
    /// E z.
    template <std::floating_point Scalar>
    void marginals(std::span<const Scalar> theta, std::span<Scalar> mu) const {
        const auto view = square("theta", theta);
        marginals(view, square("mu", mu));
    }
    /// Cov(z) dmu.
    template <std::floating_point Scalar>
    void marginals_vjp(std::span<const Scalar> theta, std::span<const Scalar> dmu,
                       std::span<Scalar> gradient) const {
        const auto view = square("theta", theta), cotangent = square("dmu", dmu);
        marginals_vjp(view, cotangent, square("gradient", gradient));
    }
    /// log sum exp(<theta, z>).
    template <std::floating_point Scalar>
    [[nodiscard]] double log_partition(std::span<const Scalar> theta) const {
        return log_partition(square("theta", theta));
    }
    /// -E log p(z).
    template <std::floating_point Scalar>
    [[nodiscard]] double entropy(std::span<const Scalar> theta) const {
        return entropy(square("theta", theta));
    }
    /// E log (p(z; theta) / p(z; other)).
    template <std::floating_point Scalar>
    [[nodiscard]] double kl_divergence(std::span<const Scalar> theta, std::span<const Scalar> other) const {
        const auto view = square("theta", theta);
        return kl_divergence(view, square("other", other));
    }

  protected:
    explicit dependency_family(const arborescence_options& options) : options_(options) {
        require_valid(options.roots);
    }
    ~dependency_family() = default;
    dependency_family(const dependency_family&) = default;
    dependency_family& operator=(const dependency_family&) = default;

  private:
    // If not all arcs are allowed, an elimination cannot leave out the arcs from the root as infinitely
    // small: they may be the only ones left. They are then smaller by this exponent than all else.
    static constexpr double root_exponent = 0x1p50;

    /// A view of the numbers of a row-major instance.
    template <class Scalar>
    [[nodiscard]] static auto square(const char* name, std::span<Scalar> numbers) {
        using tensor = Eigen::Tensor<std::remove_const_t<Scalar>, 2, Eigen::RowMajor>;
        const auto n = static_cast<Eigen::Index>(std::sqrt(static_cast<double>(numbers.size())));
        if (static_cast<std::size_t>(n) * static_cast<std::size_t>(n) != numbers.size())
            throw_invalid(name, message("of ", numbers.size(), " numbers"),
                          "a square matrix, [words, words]");
        return Eigen::TensorMap<std::conditional_t<std::is_const_v<Scalar>, const tensor, tensor>>(
            numbers.data(), n, n);
    }
    template <class TensorT, class ThetaT>
    static void require_shape(const char* name, const TensorT& tensor, const ThetaT& theta) {
        static_assert(layout_of<TensorT> == layout_of<ThetaT>,
                      "imle::ExponentialFamily: all tensors of a call must have theta's layout");
        if (dimensions_of(tensor) != dimensions_of(theta))
            throw_invalid(name, "of shape " + shape_string(dimensions_of(tensor)),
                          "theta's shape, " + shape_string(dimensions_of(theta)));
    }
    /// The largest |number| where arcs are allowed. Throws unless all of these are finite.
    template <class Scalar>
    static double largest_allowed(const char* name, const tree_instance& instance, const Scalar* numbers) {
        double largest = 0;
        for (std::size_t j = 0; j < instance.words(); ++j)
            for (std::size_t i = 0; i < instance.words(); ++i) {
                if (instance.score(i, j) == dependency_scores::forbidden) continue;
                const Eigen::Index at = instance.place(i, j);
                if (!is_finite(numbers[at]))
                    throw_invalid(name, message(numbers[at], " at element ", at, " in memory"),
                                  "finite numbers");
                largest = std::max(largest, std::abs(static_cast<double>(numbers[at])));
            }
        return largest;
    }

    [[nodiscard]] bool orders_roots(const tree_instance& instance) const noexcept {
        return TreesT<double>::needs_all_arcs && options_.roots == roots::single && instance.is_sparse();
    }

    /// Trees with weight(i, j) for each arc.
    template <class Number, class WeightT>
    [[nodiscard]] TreesT<Number> weighted(const tree_instance& instance, WeightT&& weight) const {
        const bool ordered = orders_roots(instance);
        TreesT<Number> trees(instance.words(), options_.roots == roots::single && !ordered);
        for (std::size_t j = 0; j < instance.words(); ++j)
            for (std::size_t i = 0; i < instance.words(); ++i) {
                if (instance.score(i, j) == dependency_scores::forbidden) continue;
                trees.weight(i, j) = weight(i, j);
                if (i == j && ordered) lower(trees.weight(i, j), root_exponent);
            }
        return trees;
    }

    /// Calls f with the trees, by doubles if these are enough, unless there are no words.
    template <class F>
    void with_trees(const tree_instance& instance, F&& f) const {
        if (instance.words() == 0) return;
        const auto call = [&]<class Number>(Number) {
            f(weighted<Number>(instance, [&](std::size_t i, std::size_t j) {
                return exponential_of<Number>(instance.score(i, j));
            }));
        };
        if (TreesT<double>::fits_in_double(instance) && !orders_roots(instance))
            call(double{});
        else
            call(wide_number{});
    }

    template <class WriteT>
    void for_each_marginal(const tree_instance& instance, WriteT&& write) const {
        with_trees(instance, [&](auto trees) {
            trees.arcs([&](std::size_t i, std::size_t j, const auto& mass, const auto& total) {
                write(i, j, ratio(mass, total));
            });
        });
    }

    /// The derivative of each marginal in a direction, both by columns.
    template <class Number>
    void write_slopes(const tree_instance& instance, const std::vector<double>& direction,
                      std::vector<double>& slopes) const {
        using sloped = sloped_number<Number>;
        const std::size_t n = instance.words();
        auto trees = weighted<sloped>(instance, [&](std::size_t i, std::size_t j) {
            const Number value = exponential_of<Number>(instance.score(i, j));
            return sloped{value, times(value, number_of<Number>(direction[j * n + i]))};
        });
        trees.arcs([&](std::size_t i, std::size_t j, const sloped& mass, const sloped& total) {
            slopes[j * n + i] = to_double(over(mass, total).slope);
        });
    }

    template <class ThetaT, class Scalar>
    void draw(const ThetaT& theta, random_key key, std::uint64_t first_item, std::size_t draws, Scalar* zs,
              const solve_context& context) const {
        const tree_instance instance(SolverT(options_), theta, context);
        const auto size = static_cast<std::size_t>(theta.size());
        std::fill_n(zs, draws * size, Scalar(0));
        std::vector<double> numbers(TreesT<double>::draws_per_word * instance.words());
        with_trees(instance, [&](auto trees) {
            trees.prepare_draws();
            for (std::size_t d = 0; d < draws; ++d) {
                uniforms(key.fold_in(first_item + d), 0, std::span<double>(numbers));
                Scalar* const z = zs + d * size;
                trees.draw(numbers.data(),
                           [&](std::size_t i, std::size_t j) { z[instance.place(i, j)] = 1; });
            }
        });
    }

    arborescence_options options_;
};

}  // namespace imle::inline IMLE_ABI::detail
