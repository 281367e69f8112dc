#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/concepts/solver.hpp>
#include <imle/estimators/conditional_layer.hpp>
#include <imle/estimators/perturbed_layer.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/normal.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/assignment.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "sampling_measurement.hpp"

namespace experiments::sampling_experiment {
namespace {

/// [row, height, width]. Every row is a replication of one of the problems.
using tensor = Eigen::Tensor<float, 3, Eigen::RowMajor>;

/// Thetas and cotangents of each family.
constexpr std::size_t problems = 4;

/// The mean cotangent of a family's solutions, 0, says nothing.
void subtract_mean(std::span<float> numbers) {
    double mean = 0;
    for (const float x : numbers) mean += static_cast<double>(x) / static_cast<double>(numbers.size());
    for (float& x : numbers) x -= static_cast<float>(mean);
}

/// A solver, problems for it, and replications to measure with.
template <class SolverT>
class measured_family {
  public:
    /// theta and cotangents are standard normal; `offset` is added to theta.
    measured_family(SolverT solver, Eigen::Index height, Eigen::Index width, double offset,
                    std::size_t replications, const run_options& options)
        : solver_(std::move(solver)),
          size_(static_cast<std::size_t>(height * width)),
          groups_(options.quick ? 4 : 20),
          rows_(problems * (options.quick ? 12 : replications / groups_)),
          key_(imle::random_key{options.seed}.fold_in(6)),
          threads_(options.threads),
          quick_(options.quick),
          theta_(static_cast<Eigen::Index>(rows_), height, width),
          dmu_(theta_.dimensions()) {
        imle::normal{offset, 1}.fill(key_.fold_in(1), 0, std::span<float>(theta_.data(), problems * size_));
        imle::normal{}.fill(key_.fold_in(2), 0, std::span<float>(dmu_.data(), problems * size_));
        for (std::size_t p = 0; p < problems; ++p)
            subtract_mean(std::span<float>(dmu_.data() + p * size_, size_));
        for (float* const all : {theta_.data(), dmu_.data()})
            for (std::size_t row = problems; row < rows_; ++row)
                std::copy_n(all + row % problems * size_, size_, all + row * size_);
    }

    [[nodiscard]] family_result measure(std::string name) const {
        family_result result{std::move(name), marginals(), {}};
        const reference exact = exact_gradient();
        result.gradients = {imle_gradients("I-MLE, forward", exact, solves / 2, imle::difference::forward,
                                           imle::sampling::independent),
                            imle_gradients("I-MLE, forward, latin", exact, solves / 2,
                                           imle::difference::forward, imle::sampling::latin),
                            imle_gradients("I-MLE, central", exact, solves / 3, imle::difference::central,
                                           imle::sampling::independent),
                            imle_gradients("I-MLE, central, latin", exact, solves / 3,
                                           imle::difference::central, imle::sampling::latin)};
        const auto add = [&](const char* way, const auto& layer) {
            gradient_quality found;
            for_each_group([&](imle::random_key key) {
                add_quality(exact, layer.vjp(layer.forward(theta_, key), dmu_), found);
            });
            result.gradients.push_back({way, {found}});
        };
        using estimate_of = imle::perturbed_estimate;
        add("perturbed, score", perturbed(solves, estimate_of::score));
        add("perturbed, symmetrized", perturbed(solves, estimate_of::symmetrized));
        add("perturbed, directional", perturbed(solves / 3, estimate_of::directional));
        if constexpr (conditions) {
            add("conditional", conditional(solves / 2, imle::sampling::independent));
            add("conditional, latin", conditional(solves / 2, imle::sampling::latin));
        }
        return result;
    }

  private:
    static constexpr bool conditions = imle::ThresholdSolver<SolverT, float, 2, Eigen::RowMajor>;

    /// The exact gradients of the problems, [problem, n], but for a known error.
    struct reference {
        std::vector<double> gradients;
        /// |gradient|^2 of each problem, and the expected squared error.
        std::array<double, problems> squares, errors;
    };

    [[nodiscard]] auto implicit(double beta, const imle::layer_options& options) const {
        return imle::imle_layer{solver_, imle::normal{},
                                imle::perturbation_target{.alpha = 1, .beta = beta, .scale_gradient = true},
                                options};
    }
    [[nodiscard]] auto perturbed(Eigen::Index samples, imle::perturbed_estimate estimate) const {
        return imle::perturbed_layer{
            solver_, imle::normal{}, {.samples = samples, .threads = threads_, .estimate = estimate}};
    }
    [[nodiscard]] auto conditional(Eigen::Index samples, imle::sampling how) const {
        return imle::conditional_layer{
            solver_, imle::normal{}, {.samples = samples, .threads = threads_, .sampling = how}};
    }

    /// All ways have the same keys, so that they are compared under the same noise.
    template <class F>
    void for_each_group(F&& f) const {
        for (std::size_t group = 0; group < groups_; ++group) f(key_.fold_in(100 + group));
    }

    // ---- marginals

    [[nodiscard]] std::vector<marginals_gain> marginals() const {
        std::vector<marginals_gain> gains = {{"latin", {}}};
        if constexpr (conditions)
            gains.insert(gains.end(), {{"conditional", {}}, {"conditional, latin", {}}});
        for (std::size_t i = 0; i < sample_counts.size(); ++i) {
            const auto by_samples = [&](imle::sampling how) {
                return variances(
                    implicit(1, {.samples = sample_counts[i], .threads = threads_, .sampling = how}));
            };
            const std::vector<double> plain = by_samples(imle::sampling::independent);
            gains[0].ratios[i] = ratio_of_means(plain, by_samples(imle::sampling::latin));
            if constexpr (conditions)
                for (std::size_t way = 1; way < 3; ++way)
                    gains[way].ratios[i] = ratio_of_means(
                        plain, variances(conditional(sample_counts[i], way == 1 ? imle::sampling::independent
                                                                                : imle::sampling::latin)));
        }
        return gains;
    }

    /// For each group the variance of the marginals, summed over coordinates and problems.
    template <class LayerT>
    [[nodiscard]] std::vector<double> variances(const LayerT& layer) const {
        std::vector<double> found;
        for_each_group([&](imle::random_key key) {
            const tensor mean = layer.marginals(theta_, key).marginals();
            const auto replications = static_cast<double>(rows_ / problems);
            double total = 0;
            for (std::size_t i = 0; i < problems * size_; ++i) {
                double sum = 0, squares = 0;
                for (std::size_t at = i; at < rows_ * size_; at += problems * size_) {
                    const auto x = static_cast<double>(mean.data()[at]);
                    sum += x;
                    squares += x * x;
                }
                total += (squares - sum * sum / replications) / (replications - 1);
            }
            found.push_back(total);
        });
        return found;
    }

    // ---- gradients

    /// By the best unbiased estimate that the solver has.
    [[nodiscard]] reference exact_gradient() const {
        const std::size_t wanted = quick_ ? 4'000 : 100'000;
        constexpr Eigen::Index samples = 64;
        if constexpr (conditions)
            return mean_gradient(conditional(samples, imle::sampling::latin), wanted / samples);
        else
            return mean_gradient(perturbed(samples, imle::perturbed_estimate::directional), wanted / samples);
    }

    /// The mean of a layer's gradients over at least so many replications of each problem.
    template <class LayerT>
    [[nodiscard]] reference mean_gradient(const LayerT& layer, std::size_t replications) const {
        std::vector<double> sums(problems * size_), squares(problems * size_);
        double count = 0;
        for (std::uint64_t call = 0; count < static_cast<double>(replications); ++call) {
            const imle::random_key key = key_.fold_in(3).fold_in(call);
            const tensor gradient = layer.vjp(layer.marginals(theta_, key), dmu_);
            for (std::size_t at = 0; at < rows_ * size_; ++at) {
                const auto g = static_cast<double>(gradient.data()[at]);
                sums[at % sums.size()] += g;
                squares[at % sums.size()] += g * g;
            }
            count += static_cast<double>(rows_ / problems);
        }
        reference result{sums, {}, {}};
        for (std::size_t i = 0; i < sums.size(); ++i) {
            const double mean = sums[i] / count;
            result.gradients[i] = mean;
            result.squares[i / size_] += mean * mean;
            result.errors[i / size_] += (squares[i] / count - mean * mean) / (count - 1);
        }
        return result;
    }

    [[nodiscard]] gradient_curve imle_gradients(const char* way, const reference& exact, Eigen::Index samples,
                                                imle::difference difference, imle::sampling how) const {
        const imle::layer_options options{
            .samples = samples, .difference = difference, .threads = threads_, .sampling = how};
        gradient_curve curve{way, std::vector<gradient_quality>(step_sizes.size())};
        for_each_group([&](imle::random_key key) {
            const auto pass = implicit(1, options).forward(theta_, key);
            // The cotangents' rms is 1, but for their own randomness, and so is the noise's deviation.
            for (std::size_t i = 0; i < step_sizes.size(); ++i)
                add_quality(exact, implicit(step_sizes[i], options).vjp(pass, dmu_), curve.steps[i]);
        });
        return curve;
    }

    /// Adds a group's gradients.
    void add_quality(const reference& exact, const tensor& gradient, gradient_quality& into) const {
        double cosines = 0, errors = 0;
        for (std::size_t row = 0; row < rows_; ++row) {
            const std::size_t p = row % problems;
            double product = 0, square = 0, error = 0;
            for (std::size_t i = 0; i < size_; ++i) {
                const auto g = static_cast<double>(gradient.data()[row * size_ + i]);
                const double e = exact.gradients[p * size_ + i];
                product += g * e;
                square += g * g;
                error += (g - e) * (g - e);
            }
            if (square > 0) cosines += product / std::sqrt(square * exact.squares[p]);
            errors += (error - exact.errors[p]) / exact.squares[p];
        }
        into.cosines.push_back(cosines / static_cast<double>(rows_));
        into.errors.push_back(errors / static_cast<double>(rows_));
    }

    SolverT solver_;
    std::size_t size_;
    std::size_t groups_;
    std::size_t rows_;
    imle::random_key key_;
    int threads_;
    bool quick_;
    tensor theta_, dmu_;
};

}  // namespace

std::vector<family_result> measure_families(const run_options& options) {
    std::vector<family_result> results;
    const auto measure = [&](const char* name, const auto& solver, Eigen::Index height, Eigen::Index width,
                             double offset, std::size_t replications) {
        results.push_back(
            measured_family(solver, height, width, offset, replications, options).measure(name));
        options.on_progress(static_cast<double>(results.size()) / 6);
    };
    // Costs have a mean of 6, so that noise makes hardly one negative, which would be clamped.
    const imle::grid_shortest_path paths{imle::grid_shortest_path_options{.connectivity = 4}};
    measure("top 5 of 10", imle::top_k{5}, 1, 10, 0, 4000);
    measure("one of 50", imle::top_k{1}, 1, 50, 0, 1000);
    measure("top 10 of 350", imle::top_k{10}, 1, 350, 0, 600);
    measure("paths, 8 x 8", paths, 8, 8, -6, 1000);
    measure("paths, 16 x 16", paths, 16, 16, -6, 500);
    measure("assignment, 8 x 8", imle::assignment{}, 8, 8, 0, 1000);
    return results;
}

}  // namespace experiments::sampling_experiment
