#pragma once

/// @file
/// Perturb-and-MAP: samples of a solver under noise. The forward half of every layer with a solver.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <imle/core/function_ref.hpp>
#include <imle/core/refused_part.hpp>
#include <imle/core/shared_object.hpp>
#include <imle/layer/detail/perturbed_solve.hpp>
#include <imle/layer/item_noise.hpp>
#include <imle/layer/map_call.hpp>
#include <imle/layer/pass.hpp>
#include <imle/parallel/thread_executor.hpp>

namespace imle::inline IMLE_ABI {

/// One sample of one instance, as `perturbed_replay` passes it to its caller.
template <class Scalar>
struct perturbed_sample {
    /// The sample's index within the instance, from 0.
    Eigen::Index sample;
    /// The n numbers that the solver maximised over, bit for bit: theta + T * eps, or theta * exp(T * xi -
    /// T^2 / 2) with multiplicative noise. For a minimising solver, the negative of the cost that it
    /// received.
    const Scalar* parameters;
    /// d parameters_i / d theta_i, or null if it is 1.
    const Scalar* factors;
    /// The solver's answer.
    const Scalar* z;
};

/// The noise and the perturbed parameters of a pass that kept its samples, drawn again from its key: see
/// `perturbed_sampler::replay`. It uses memory for a few thousand numbers.
template <class SolverT, NoiseDistributionOfSomeScalar NoiseT, class Scalar, int Rank, int Layout>
class perturbed_replay {
    static constexpr bool minimizes = sense_of<SolverT> == sense::minimize;
    static constexpr bool multiplies = is_multiplicative_noise<NoiseT>;

  public:
    /// A checked call: theta, its shape, the key and the options.
    using call_type = detail::layer_call<Scalar, Rank, Layout>;

    /// z: the samples of the call.
    perturbed_replay(const NoiseT& noise, double temperature, sampling how, const call_type& call,
                     const Scalar* z)
        : noise_(noise),
          sampling_(how),
          scale_(static_cast<Scalar>(temperature)),
          perturbs_(!is_zero_noise<NoiseT> && scale_ != Scalar(0)),
          call_(call),
          z_(z),
          size_(static_cast<std::size_t>(call_.shape.n)) {
        constexpr std::size_t cached_numbers = 4096;
        at_a_time_ = std::clamp<std::size_t>(cached_numbers / std::max<std::size_t>(size_, 1), 1,
                                             static_cast<std::size_t>(call_.samples));
        eps_.resize(perturbs_ ? at_a_time_ * size_ : 0);
        own_.resize(size_);
        perturbed_.resize(size_);
        factors_.resize(multiplies ? size_ : 0);
    }

    /// Calls f(sample, eps) for the samples of one row, in order. eps points to n numbers, 0 where the mask
    /// forbids; it is null without noise. O(S * n).
    template <class F>
    void for_each_noise(Eigen::Index row, F&& f) {
        const auto samples = static_cast<std::size_t>(call_.samples);
        const std::uint64_t first = (call_.first_instance() + static_cast<std::uint64_t>(row)) * samples;
        for (std::size_t begin = 0; begin < samples; begin += at_a_time_) {
            const std::size_t count = std::min(at_a_time_, samples - begin);
            if (perturbs_)
                detail::fill_item_noise(noise_, sampling_, call_.key, samples, size_, first + begin,
                                        std::span<Scalar>(eps_).first(count * size_));
            for (std::size_t j = 0; j < count; ++j) {
                Scalar* const eps = perturbs_ ? eps_.data() + j * size_ : nullptr;
                if (eps != nullptr) detail::write_forbidden(call_.mask_of(row), eps);
                f(static_cast<Eigen::Index>(begin + j), static_cast<const Scalar*>(eps));
            }
        }
    }

    /// Calls f(perturbed_sample) for the samples of one row, in order. O(S * n).
    template <class F>
    void for_each(Eigen::Index row, F&& f) {
        const Scalar* const theta = call_.theta_of(row);
        for (std::size_t i = 0; i < size_; ++i) own_[i] = minimizes ? -theta[i] : theta[i];
        detail::write_forbidden(call_.mask_of(row), own_.data());
        for_each_noise(row, [&](Eigen::Index sample, const Scalar* eps) {
            if (eps != nullptr) perturb(eps);
            f(perturbed_sample<Scalar>{sample, eps != nullptr ? perturbed_.data() : own_.data(),
                                       eps != nullptr && multiplies ? factors_.data() : nullptr,
                                       z_ + (row * call_.samples + sample) * call_.shape.n});
        });
    }

  private:
    /// The same computation as in `detail::perturbed_solve`, bit for bit.
    void perturb(const Scalar* eps) {
        if constexpr (multiplies) {
            detail::write_noise_factors(scale_, eps, factors_.data(), size_);
            for (std::size_t i = 0; i < size_; ++i) perturbed_[i] = own_[i] * factors_[i];
        } else {
            detail::scaled_sum(scale_, eps, own_.data(), perturbed_.data(), size_);
        }
    }

    const NoiseT& noise_;
    sampling sampling_;
    Scalar scale_;
    bool perturbs_;
    call_type call_;
    const Scalar* z_;
    std::size_t size_;
    std::size_t at_a_time_ = 1;
    std::vector<Scalar> eps_, own_, perturbed_, factors_;
};

namespace detail {

/// A solver and a noise that fit theta.
template <class SolverT, class NoiseT, class Scalar, int InstanceRank, int Layout>
concept FittingParts = Solver<SolverT, Scalar, InstanceRank, Layout> && NoiseDistribution<NoiseT, Scalar>;

/// Writes z = MAP(theta + T * eps) of every instance and sample of a call, batch * S * n numbers, and the
/// rows for which a solve failed.
template <class Scalar, int Rank, int Layout>
void write_solutions(call_runner& runner, const perturbed_solve<Scalar, Rank, Layout>& solve,
                     double temperature, Scalar* z, std::vector<Eigen::Index>& failed_rows) {
    const call_work& work = solve.work();
    runner.expect_solves(work.batch * work.samples);
    runner.for_each_piece<Scalar>(work, pass_kind::samples, [&](worker& own, const item_range& piece) {
        solve.solve_perturbed(own, temperature, z + piece.first * work.n);
    });
    runner.add_failures(failed_rows);
}

/// Writes the mean of those z over the samples, batch * n numbers.
template <class Scalar, int Rank, int Layout>
void write_mean_solution(call_runner& runner, const perturbed_solve<Scalar, Rank, Layout>& solve,
                         double temperature, Scalar* mean, std::vector<Eigen::Index>& failed_rows) {
    const call_work& work = solve.work();
    runner.expect_solves(work.batch * work.samples);
    runner.reduce(work, pass_kind::marginals, 1.0, mean,
                  [&](worker& own, const item_range& piece, sample_sum<Scalar>& sum) {
                      Scalar* const z = own.memory_of<Scalar>().z.take(piece.count * work.n);
                      solve.solve_perturbed(own, temperature, z);
                      sum.add(piece, z);
                  });
    runner.add_failures(failed_rows);
}

}  // namespace detail

/// Samples z = MAP(theta + T_in * eps) of a solver under noise, or the argmin of c - T_in * eps for costs.
///
/// The rules of `layer_interface` on shapes, randomness, threads and errors hold here too. Copies are cheap:
/// they share solver, noise and workers, and no call affects another.
///
/// The options `target_temperature` and `difference` have no effect here.
template <std::copy_constructible SolverT, NoiseDistributionOfSomeScalar NoiseT,
          Executor ExecutorT = thread_executor>
class perturbed_sampler {
  public:
    /// Whether the solver minimises, so that theta holds costs.
    static constexpr bool minimizes = sense_of<SolverT> == sense::minimize;

    /// Throws `std::invalid_argument` if an option is invalid, or if the noise cannot be stratified as the
    /// options say.
    perturbed_sampler(SolverT solver, NoiseT noise, const layer_options& options = {},
                      ExecutorT executor = {})
        : shared_(detail::make_shared_object<shared>(std::move(solver), std::move(noise),
                                                     detail::checked(options), std::move(executor))) {
        if constexpr (!detail::can_stratify<NoiseT, float> && !detail::can_stratify<NoiseT, double>)
            if (options.sampling == sampling::latin) detail::refuse_latin();
    }

    /// A sampler with the same parts and its own workers and statistics.
    [[nodiscard]] perturbed_sampler independent_copy() const {
        const shared& from = parts();
        return perturbed_sampler(from.solver, from.noise, from.options, from.executor);
    }

    /// Writes z of every instance and sample of a call, batch * S * n numbers, and the rows for which a solve
    /// failed. batch * S solves.
    template <class Scalar, int Rank, int Layout>
    void write_samples(const detail::layer_call<Scalar, Rank, Layout>& call, Scalar* z,
                       std::vector<Eigen::Index>& failed_rows) const {
        sample(call, options().input_temperature, z, failed_rows);
    }

    /// Writes the mean of z over the samples, batch * n numbers, and the rows for which a solve failed.
    template <class Scalar, int Rank, int Layout>
    void write_marginals(const detail::layer_call<Scalar, Rank, Layout>& call, Scalar* mean,
                         std::vector<Eigen::Index>& failed_rows) const {
        const double temperature = options().input_temperature;
        in_one_call(call, [&](detail::call_runner& runner, const auto& solve) {
            detail::write_mean_solution(runner, solve, temperature, mean, failed_rows);
        });
    }

    /// z = MAP(theta) of every instance, without noise, of theta's shape; for a shared theta, [count,
    /// instance...]. batch solves. Throws like a layer's `forward`.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto map(const ThetaT& theta, const OptionsT& options = {}) const {
        return detail::map_call(theta, detail::options_of(options), [&](const auto& call, auto* z) {
            std::vector<Eigen::Index> failed_rows;
            sample(call, 0, z, failed_rows);
        });
    }

    /// Draws the noise of a call, and what its solver received, again. z: the samples of the call. Valid as
    /// long as the sampler and the memory that the call refers to.
    template <class Scalar, int Rank, int Layout>
    [[nodiscard]] perturbed_replay<SolverT, NoiseT, Scalar, Rank, Layout> replay(
        const detail::layer_call<Scalar, Rank, Layout>& call, const Scalar* z) const {
        return {noise(), options().input_temperature, options().sampling, call, z};
    }
    /// The replay of a pass that kept its samples.
    template <class PassT>
    [[nodiscard]] auto replay(const PassT& pass) const {
        return replay(detail::call_of(pass), pass.samples().data());
    }

    /// The solver.
    [[nodiscard]] const SolverT& solver() const { return parts().solver; }
    /// The noise.
    [[nodiscard]] const NoiseT& noise() const { return parts().noise; }
    /// The options.
    [[nodiscard]] const layer_options& options() const { return parts().options; }

    /// Counts and times of the last completed call. Throws `std::logic_error` unless the options have
    /// `.statistics = true`.
    [[nodiscard]] call_statistics statistics() const {
        if (!options().statistics)
            throw std::logic_error(
                "imle: layer_options::statistics is false, so nothing was counted; expected a layer that was "
                "made with layer_options{.statistics = true}");
        return parts().pool.statistics();
    }

    /// Calls f(runner, solve), which does the work of one call, and cleans up afterwards. `solve` is a
    /// `detail::perturbed_solve`.
    template <class Scalar, int Rank, int Layout, class F>
    void in_one_call(const detail::layer_call<Scalar, Rank, Layout>& call, F&& f) const {
        require_fit(call);
        // Otherwise the one sentence of `require_parts` is enough.
        if constexpr (detail::FittingParts<SolverT, NoiseT, Scalar, Rank, Layout>) {
            const shared& own = parts();
            const detail::perturbed_solve_by<SolverT, NoiseT, Scalar, Rank, Layout> solve(
                own.solver, own.noise, own.options, call);
            with_runner([&](detail::call_runner& runner) {
                f(runner, static_cast<const detail::perturbed_solve<Scalar, Rank, Layout>&>(solve));
            });
        }
    }

    /// Calls f(runner), which does the work of one call that solves nothing, and cleans up afterwards.
    void with_runner(detail::function_ref<void(detail::call_runner&)> f) const {
        shared& own = parts();
        const auto make_workspace = [&]() -> std::unique_ptr<detail::workspace> {
            return std::make_unique<detail::executor_workspace<ExecutorT>>(own.executor);
        };
        const auto make_worker = [&]() -> std::unique_ptr<detail::worker> {
            return std::make_unique<detail::solver_worker<SolverT>>(own.solver);
        };
        detail::call_runner runner(own.pool, own.options, make_workspace, make_worker);
        f(runner);
        runner.finish();
    }

    /// Fails to compile, with one sentence, unless solver and noise fit theta.
    template <class Scalar, int InstanceRank, int Layout>
    static constexpr void require_parts() {
        static_assert(Solver<SolverT, Scalar, InstanceRank, Layout>,
                      "imle::Solver: the layer's solver takes neither (theta, z) nor (theta), with or "
                      "without a context, for this scalar, rank and layout. See docs/concepts/solver.md");
        static_assert(NoiseDistribution<NoiseT, Scalar>,
                      "imle::NoiseDistribution: the layer's noise has no fill(random_key, std::uint64_t, "
                      "std::span<Scalar>) const for this scalar. See docs/concepts/noise_distribution.md");
    }

    /// The same check; also throws unless the solver can respect the call's mask.
    template <class Scalar, int InstanceRank, int Layout>
    static void require_fit(const detail::layer_call<Scalar, InstanceRank, Layout>& call) {
        require_parts<Scalar, InstanceRank, Layout>();
        if (call.is_masked() && !detail::is_told_context<SolverT, Scalar, InstanceRank, Layout>())
            detail::throw_invalid("call_options::mask", "given to a solver that takes no context",
                                  "a solver that is called with a const solve_context&, whose mask it "
                                  "respects (docs/concepts/solver.md)");
    }

  private:
    struct shared {
        shared(SolverT s, NoiseT n, const layer_options& o, ExecutorT e)
            : solver(std::move(s)), noise(std::move(n)), options(o), executor(std::move(e)) {}
        SolverT solver;
        NoiseT noise;
        layer_options options;
        ExecutorT executor;
        detail::workspace_pool pool;
    };

    [[nodiscard]] shared& parts() const {
        if (!shared_)
            throw std::logic_error(
                "imle: the layer was moved from; expected a layer that was not (assign one to use it again)");
        return *shared_;
    }

    template <class Scalar, int Rank, int Layout>
    void sample(const detail::layer_call<Scalar, Rank, Layout>& call, double temperature, Scalar* z,
                std::vector<Eigen::Index>& failed_rows) const {
        in_one_call(call, [&](detail::call_runner& runner, const auto& solve) {
            detail::write_solutions(runner, solve, temperature, z, failed_rows);
        });
    }

    std::shared_ptr<shared> shared_;
};

namespace detail {

// If class template argument deduction gets a wrong part, the error should be one sentence instead of a list
// of deduction guides that do not fit: the guide below instantiates these traits.
template <class S>
struct require_solver_object {
    static_assert(std::copy_constructible<S>,
                  "imle::Solver: a solver must be an object that can be copied, because each worker thread "
                  "has its own. See docs/concepts/solver.md");
    using type = accepted_part<S, std::copy_constructible<S>>;
};
template <class N>
struct require_noise {
    static_assert(
        NoiseDistributionOfSomeScalar<N>,
        "imle::NoiseDistribution: the noise has no fill(random_key, std::uint64_t, std::span<Scalar>) const. "
        "See docs/concepts/noise_distribution.md");
    using type = accepted_part<N, NoiseDistributionOfSomeScalar<N>>;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
