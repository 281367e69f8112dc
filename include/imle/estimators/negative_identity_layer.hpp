#pragma once

/// @file
/// The solver as a negative identity in the backward pass.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <imle/core/backports.hpp>
#include <imle/core/rounded.hpp>
#include <imle/estimators/detail/mean_cotangent.hpp>
#include <imle/layer/sampler_layer.hpp>
#include <imle/noise/no_noise.hpp>

namespace imle::inline IMLE_ABI {

/// A map of an instance's theta to another theta with the same solutions (for some or all solvers). The
/// gradient goes through its Jacobian, which removes directions that cannot change the solution. After
/// Sahoo, Paulus, Vlastelica, Musil, Kuleshov, Martius, "Backpropagation through combinatorial algorithms:
/// identity with projection works" (ICLR 2023, arXiv 2205.15213). Their projections are onto the hyperplane
/// of sum 0 and the unit sphere; if both are used, it is in this order, as in their `IdentitySubsetLayer`.
enum class projection {
    /// theta unchanged.
    none,
    /// theta - mean(theta). For solvers whose solutions all have the same sum: k-subsets, one of n,
    /// permutations, tours.
    center,
    /// theta / |theta|, the Euclidean norm. For every solver that maximises or minimises a linear function,
    /// since a positive factor changes no solution. 0 stays 0.
    normalize,
    /// Centred, then normalised. A constant theta becomes 0.
    standardize,
};

namespace detail {

/// One instance's theta, projected, in double. The next instance reuses the memory.
class projected_instance {
  public:
    explicit projected_instance(projection kind)
        : centers_(kind == projection::center || kind == projection::standardize),
          normalizes_(kind == projection::normalize || kind == projection::standardize) {}

    /// Projects n numbers; `values()` then returns the result. O(n).
    template <class Scalar>
    void project(std::span<const Scalar> theta) {
        values_.assign(theta.begin(), theta.end());
        if (centers_ && !values_.empty()) {
            // From the first number on, so that equal ones become exactly 0 and not what rounding leaves,
            // which a norm would blow up.
            const double first = values_.front();
            for (double& x : values_) x -= first;
            subtract_mean(values_);
        }
        if (normalizes_) {
            // The norm is largest * root: the squares of x / largest neither overflow nor vanish.
            largest_ = 0;
            for (const double x : values_) largest_ = std::max(largest_, std::abs(x));
            if (!(largest_ > 0)) return;
            double sum = 0;
            for (double& x : values_) {
                x /= largest_;
                sum += rounded(x * x);
            }
            root_ = std::sqrt(sum);
            for (double& x : values_) x /= root_;
        }
    }

    [[nodiscard]] std::span<const double> values() const noexcept { return values_; }

    /// g becomes J' g, where J is the projection's Jacobian at the theta that was projected last: I - 11'/n
    /// for the centre, (I - u u') / |v| for u = v / |v|, and 0 for v = 0. O(n).
    void pull_back(std::span<double> g) const {
        if (normalizes_) {
            double along = 0;
            for (std::size_t i = 0; i < g.size(); ++i) along += rounded(g[i] * values_[i]);
            for (std::size_t i = 0; i < g.size(); ++i)
                g[i] = largest_ > 0 ? (g[i] - rounded(along * values_[i])) / root_ / largest_ : 0;
        }
        if (centers_) subtract_mean(g);
    }

  private:
    static void subtract_mean(std::span<double> values) {
        double mean = 0;
        for (const double x : values) mean += x / static_cast<double>(values.size());
        for (double& x : values) x -= mean;
    }

    bool centers_;
    bool normalizes_;
    double largest_ = 1;
    double root_ = 1;
    std::vector<double> values_;
};

}  // namespace detail

/// The settings of a `negative_identity_layer`. The order of the members is part of the contract.
struct negative_identity_options {
    /// The projection of theta before the solve.
    imle::projection projection = imle::projection::none;
    /// Worker threads; 0 is one for each core. Results do not depend on it.
    int threads = 1;
};

/// Identity with projection (Sahoo, Paulus, Vlastelica, Musil, Kuleshov, Martius, ICLR 2023). Forward: the
/// MAP state of the projected theta, without noise. Backward: the solver is treated as the identity, or as
/// the negative identity if theta is a cost (as in the paper, hence the name), and the projection P is
/// differentiated:
///
///     z = MAP(P(theta)),    gradient = P'(theta)^T dz,    and -P'(c)^T dz for costs c
///
///     imle::negative_identity_layer layer{imle::top_k{5}, {.projection = imle::projection::standardize}};
///
/// One solve forward, none backward; nothing to tune. A zero theta (or a constant one, if it is centred) has
/// the projection 0. The forward pass then gives MAP(0), by the solver's rule for ties; if the projection
/// divides by the norm, the gradient is 0.
///
/// For noise, add it to theta, or use `straight_through_layer`. Functions, shapes, threads and errors are
/// those of `layer_interface`; the gradient also throws if theta's norm is so small that the gradient
/// overflows.
template <std::copy_constructible SolverT, Executor ExecutorT = thread_executor>
class negative_identity_layer
    : public sampler_layer<negative_identity_layer<SolverT, ExecutorT>, SolverT, no_noise, ExecutorT> {
    using base = sampler_layer<negative_identity_layer, SolverT, no_noise, ExecutorT>;
    using interface = layer_interface<negative_identity_layer>;

  public:
    /// Throws `std::invalid_argument` if an option makes no sense.
    explicit negative_identity_layer(SolverT solver, negative_identity_options options = {},
                                     ExecutorT executor = {})
        : base({std::move(solver), no_noise{}, {.threads = checked(options).threads}, std::move(executor)}),
          options_(options) {}

    using interface::forward;
    using interface::value_and_pullback;
    /// `forward` without a key, which only noise needs.
    template <class ThetaT>
    [[nodiscard]] auto forward(const ThetaT& theta) const {
        return forward(theta, random_key{});
    }
    /// `value_and_pullback` without a key.
    template <class ThetaT>
    [[nodiscard]] auto value_and_pullback(const ThetaT& theta) const {
        return value_and_pullback(theta, random_key{});
    }

    /// z = MAP(P(theta)), of theta's shape.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto map(const ThetaT& theta, const OptionsT& options = {}) const {
        return this->marginals(theta, random_key{}, options).marginals();
    }

    /// The options.
    [[nodiscard]] const negative_identity_options& options() const noexcept { return options_; }

  private:
    friend interface;

    static const negative_identity_options& checked(const negative_identity_options& options) {
        if (options.projection != projection::none && options.projection != projection::center &&
            options.projection != projection::normalize && options.projection != projection::standardize)
            detail::throw_invalid("negative_identity_options::projection",
                                  static_cast<int>(options.projection),
                                  "projection::none, center, normalize or standardize");
        detail::require_threads("negative_identity_options::threads", options.threads);
        return options;
    }

    template <class CallT, class Scalar>
    void write_samples(const CallT& call, Scalar* z, std::vector<Eigen::Index>& failed_rows) const {
        const auto theta = projected<Scalar>(call);
        base::write_samples(with_theta(call, theta.get()), z, failed_rows);
    }
    template <class CallT, class Scalar>
    void write_marginals(const CallT& call, Scalar* mean, std::vector<Eigen::Index>& failed_rows) const {
        const auto theta = projected<Scalar>(call);
        base::write_marginals(with_theta(call, theta.get()), mean, failed_rows);
    }

    /// P(theta), or null if it equals theta.
    template <class Scalar, class CallT>
    [[nodiscard]] std::unique_ptr<Scalar[]> projected(const CallT& call) const {
        if (options_.projection == projection::none) return nullptr;
        const Eigen::Index n = call.shape.n;
        auto theta =
            detail::make_unique_for_overwrite<Scalar[]>(static_cast<std::size_t>(call.shape.batch * n));
        this->sampler_.with_runner([&](detail::call_runner& runner) {
            std::vector<detail::projected_instance> instances = instances_of(runner);
            runner.for_each_row(call.shape.batch, call.shape.n, [&](std::size_t worker, Eigen::Index row) {
                project(instances[worker], call, row);
                detail::write_allowed_numbers(call.mask_of(row), instances[worker].values(),
                                              std::span(theta.get() + row * n, static_cast<std::size_t>(n)));
            });
        });
        detail::require_finite("theta after its projection", theta.get(), call.shape.batch, 0, call.shape.n,
                               "numbers whose differences are finite");
        return theta;
    }
    template <class CallT, class Scalar>
    [[nodiscard]] static CallT with_theta(CallT call, const Scalar* theta) {
        if (theta == nullptr) return call;
        call.theta = theta;
        call.shares_theta = false;
        return call;
    }

    template <class Scalar, class CallT>
    void write_gradient(const detail::pass_values<Scalar>& values, const CallT& call,
                        const detail::cotangent<Scalar>& dz, Scalar* gradient) const {
        detail::write_for_theta(values, call, dz, gradient,
                                [&](const auto&... rows) { write_rows(rows...); });
    }

    template <class Scalar, class CallT>
    void write_rows(const detail::pass_values<Scalar>& values, const CallT& call,
                    const detail::cotangent<Scalar>& dz, Scalar* gradient) const {
        constexpr bool minimizes = sense_of<SolverT> == sense::minimize;
        const Eigen::Index n = call.shape.n;
        this->sampler_.with_runner([&](detail::call_runner& runner) {
            std::vector<detail::projected_instance> instances = instances_of(runner);
            detail::for_each_mean_cotangent(
                runner, call, dz, [&](std::size_t worker, Eigen::Index row, std::span<double> mean) {
                    const auto mask = call.mask_of(row);
                    std::vector<double> g = detail::allowed_numbers(mask, std::span<const double>(mean));
                    if (options_.projection != projection::none) {
                        project(instances[worker], call, row);
                        instances[worker].pull_back(g);
                    }
                    if constexpr (minimizes)
                        for (double& x : g) x = -x;
                    detail::write_allowed_numbers(mask, std::span<const double>(g),
                                                  std::span<Scalar>(gradient + row * n, mean.size()));
                });
        });
        for (const Eigen::Index row : values.failed) std::fill_n(gradient + row * n, n, Scalar(0));
        detail::require_finite_gradient(call, gradient,
                                        "a cotangent that stays finite when it is divided by theta's norm");
    }

    /// One for each worker.
    [[nodiscard]] std::vector<detail::projected_instance> instances_of(
        const detail::call_runner& runner) const {
        return std::vector(runner.worker_count(), detail::projected_instance(options_.projection));
    }

    /// Projects the numbers that a row's mask allows.
    template <class CallT>
    static void project(detail::projected_instance& instance, const CallT& call, Eigen::Index row) {
        const std::span theta(call.theta_of(row), static_cast<std::size_t>(call.shape.n));
        const auto mask = call.mask_of(row);
        if (mask.empty())
            instance.project(theta);
        else
            project_numbers(instance, detail::allowed_numbers(mask, theta));
    }
    template <class Scalar>
    static void project_numbers(detail::projected_instance& instance, const std::vector<Scalar>& numbers) {
        instance.project(std::span<const Scalar>(numbers));
    }

    negative_identity_options options_;
};

template <class S, Executor E = thread_executor>
negative_identity_layer(S, negative_identity_options = {}, E = {})
    -> negative_identity_layer<typename detail::require_solver_object<S>::type, E>;

}  // namespace imle::inline IMLE_ABI
