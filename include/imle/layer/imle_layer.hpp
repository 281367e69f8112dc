#pragma once

/// @file
/// The layer: a solver made differentiable.

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/concepts/target_distribution.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/call_statistics.hpp>
#include <imle/layer/detail/call_checks.hpp>
#include <imle/layer/detail/checked_cotangent.hpp>
#include <imle/layer/detail/layer_engine.hpp>
#include <imle/layer/detail/pass_writer.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/layer/marginals_pass.hpp>
#include <imle/layer/pullback.hpp>
#include <imle/layer/sampled_pass.hpp>
#include <imle/parallel/executor.hpp>
#include <imle/parallel/thread_executor.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// Implicit maximum-likelihood estimation through a black-box solver (Niepert, Minervini, Franceschi, NeurIPS
/// 2021).
///
///     imle::imle_layer layer{imle::top_k{5}, imle::gumbel{}, imle::perturbation_target{.beta = 10},
///                            {.samples = 8}};
///     auto pass = layer.forward(theta, imle::random_key{seed});
///     auto gradient = layer.vjp(pass, dz);
///
/// Shapes: theta is [batch, instance...] row-major or [instance..., batch] column-major, of float or double,
/// the instance of any rank from 1. Samples add a dimension next to the batch.
///
/// Sign: the solver maximises <theta, z>; one whose `sense` is `minimize` gets costs.
///
/// Randomness: element ((first_instance + b) * S + s) * n + i of the key's sequence perturbs coordinate i of
/// instance b, sample s. The same key gives the same samples, whatever the number of threads and however a
/// batch is sharded.
///
/// Threads: one layer is used by one thread at a time (a second call throws `std::logic_error`). A copy is
/// independent, an adaptive target's state included, and cheap; a layer that was moved from can only be
/// assigned to or destroyed.
///
/// Errors: a caller's mistake throws `std::invalid_argument`, a solver's `solver_error`, a noise's
/// `noise_error`; what the solver, noise or target throw themselves passes through unchanged. The layer is
/// then as it was before. If several samples fail, the error is that of the lowest (instance, sample).
template <std::copy_constructible SolverT, NoiseDistributionOfSomeScalar NoiseT,
          TargetDistributionOfSomeScalar TargetT, Executor ExecutorT = thread_executor>
class imle_layer {
    using engine = detail::layer_engine<SolverT, NoiseT, TargetT, ExecutorT>;

  public:
    /// Throws `std::invalid_argument` if an option or the target's values make no sense.
    imle_layer(SolverT solver, NoiseT noise, TargetT target, layer_options options = {},
               ExecutorT executor = {})
        : engine_(std::make_shared<engine>(std::move(solver), std::move(noise), std::move(target), options,
                                           std::move(executor))) {
        detail::validate(options);
        validate_target();
    }

    imle_layer(const imle_layer& other) : engine_(std::make_shared<engine>(other.parts())) {}
    imle_layer(imle_layer&&) noexcept = default;
    imle_layer& operator=(const imle_layer& other) {
        if (this != &other) engine_ = std::make_shared<engine>(other.parts());
        return *this;
    }
    imle_layer& operator=(imle_layer&&) noexcept = default;
    ~imle_layer() = default;

    /// Samples z = MAP(theta + T_in * eps), S per instance. Instances are rows `first_instance`... of a
    /// larger batch: a shard gets the larger batch's bits. batch * S solves.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto forward(const ThetaT& theta, random_key key, std::uint64_t first_instance = 0) const {
        using pass = sampled_pass<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>;
        const auto call = checked_call(theta, key, first_instance);
        typename pass::sample_tensor z(call.shape.samples(call.samples));
        in_one_call([&] { parts().sample(call, z.data()); });
        return pass(copy_of(theta, call), std::move(z), key, first_instance, parts().record().failed_rows());
    }

    /// `forward` into a pass that is used again: nothing is allocated where its shape and number of samples
    /// are the same as before. theta may be `pass.theta()`. If a solve throws, the pass's samples are NaN.
    template <DenseTensor ThetaT>
    void forward_into(const ThetaT& theta, random_key key,
                      sampled_pass<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>& pass,
                      std::uint64_t first_instance = 0) const {
        const auto call = checked_call(theta, key, first_instance);
        write_pass(pass, call, [&](auto* z) { parts().sample(call, z); });
    }

    /// Estimates the marginals: the mean of `forward`'s samples to rounding, none of which is kept, so memory
    /// does not grow with S. batch * S solves.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto marginals(const ThetaT& theta, random_key key,
                                 std::uint64_t first_instance = 0) const {
        using pass = marginals_pass<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>;
        const auto call = checked_call(theta, key, first_instance);
        typename pass::theta_tensor mean(call.shape.theta());
        in_one_call([&] { parts().marginals(call, mean.data()); });
        return pass(copy_of(theta, call), std::move(mean), key, first_instance, call.samples,
                    parts().record().failed_rows());
    }

    /// `marginals` into a pass that is used again, as `forward_into`.
    template <DenseTensor ThetaT>
    void marginals_into(const ThetaT& theta, random_key key,
                        marginals_pass<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>& pass,
                        std::uint64_t first_instance = 0) const {
        const auto call = checked_call(theta, key, first_instance);
        write_pass(pass, call, [&](auto* mean) { parts().marginals(call, mean); });
    }

    /// The gradient with respect to theta, of theta's shape (I-MLE): the mean over samples of
    /// z - MAP(theta' + T_tgt * eps), or the central difference. `dz` is of the samples' shape, a cotangent
    /// for each, or of theta's shape, which each sample then gets. Each sample's cotangent is used as it is
    /// given: for the chain rule of a loss that is a mean over samples see `value_and_pullback`. batch * S
    /// solves, twice that for `difference::central`. An adaptive target moves its step afterwards.
    template <class Scalar, int Rank, int Layout, DenseTensor CotangentT>
    [[nodiscard]] auto vjp(const sampled_pass<Scalar, Rank, Layout>& pass, const CotangentT& dz) {
        return whole_vjp(pass, dz);
    }

    /// The same for a pass that kept no samples; `dz` is of theta's shape. An adaptive target, which counts
    /// nonzeros per sample, costs one more solve for each.
    template <class Scalar, int Rank, int Layout, DenseTensor CotangentT>
    [[nodiscard]] auto vjp(const marginals_pass<Scalar, Rank, Layout>& pass, const CotangentT& dz) {
        return whole_vjp(pass, dz);
    }

    /// `vjp` into a tensor of theta's shape, or a map of one: nothing is allocated from the second call of a
    /// shape on. It must not be the memory of dz or of the pass. If a solve throws, what it holds is
    /// undefined.
    template <class PassT, DenseTensor CotangentT, DenseTensor GradientT>
    void vjp_into(const PassT& pass, const CotangentT& dz, GradientT&& gradient) {
        require_gradient_tensor(pass, gradient);
        write_vjp(pass, detail::checked_cotangent(pass, dz), gradient.data());
    }

    /// The gradient by the chain rule, for a tape: of a cotangent of the samples' shape, `vjp(pass, S * dz)`,
    /// so that the step does not shrink with the number of samples where the loss is a mean over them (see
    /// `imle::pullback`); of one of theta's shape, the cotangent of the mean, `vjp(pass, dz)`.
    template <class PassT, DenseTensor CotangentT>
    [[nodiscard]] auto pull_back(const PassT& pass, const CotangentT& dz) {
        typename PassT::theta_tensor gradient(detail::dimensions_of(pass.theta()));
        pull_back_into(pass, dz, gradient);
        return gradient;
    }

    /// `pull_back` into a tensor of theta's shape, or a map of one, as `vjp_into`.
    template <class PassT, DenseTensor CotangentT, DenseTensor GradientT>
    void pull_back_into(const PassT& pass, const CotangentT& dz, GradientT&& gradient) {
        require_gradient_tensor(pass, gradient);
        auto cotangent = detail::checked_cotangent(pass, dz);
        if (cotangent.per_sample) cotangent.scale = static_cast<scalar_of<CotangentT>>(pass.sample_count());
        write_vjp(pass, cotangent, gradient.data());
    }

    /// What the target may know of a whole vjp with this cotangent, for adding up over shards and ranks.
    template <class PassT, DenseTensor CotangentT>
    [[nodiscard]] target_sums sums(const PassT& pass, const CotangentT& dz) const {
        return parts().sums(call_of(pass), detail::checked_cotangent(pass, dz));
    }

    /// One shard's part of a vjp: the gradient, with the step that `whole`, the sums of all shards, gives,
    /// and this shard's counts. The target does not move; add up all shards' counts and call
    /// `target().update` with them.
    template <class PassT, DenseTensor CotangentT>
    [[nodiscard]] auto vjp_shard(const PassT& pass, const CotangentT& dz, const target_sums& whole) {
        typename PassT::theta_tensor gradient(detail::dimensions_of(pass.theta()));
        const target_sums counts =
            write_gradient(pass, detail::checked_cotangent(pass, dz), whole, gradient.data());
        return std::pair(std::move(gradient), counts);
    }

    /// Samples and the function that pulls their cotangent back, for a tape: `auto [value, pullback] = ...`,
    /// value of the samples' shape. The pullback follows the chain rule: see `imle::pullback`.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto value_and_pullback(const ThetaT& theta, random_key key,
                                          std::uint64_t first_instance = 0) const {
        return detail::value_and_pullback_of(handle(), forward(theta, key, first_instance));
    }

    /// The same for the mean over samples, none of which is kept: value of theta's shape, and its cotangent
    /// goes to `vjp` as it is.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto marginals_and_pullback(const ThetaT& theta, random_key key,
                                              std::uint64_t first_instance = 0) const {
        return detail::value_and_pullback_of(handle(), marginals(theta, key, first_instance));
    }

    [[nodiscard]] const SolverT& solver() const { return parts().solver(); }
    [[nodiscard]] const NoiseT& noise() const { return parts().noise(); }
    /// The target, whose state may be read, restored and, for shards, updated.
    [[nodiscard]] TargetT& target() { return parts().target(); }
    [[nodiscard]] const TargetT& target() const { return parts().target(); }
    [[nodiscard]] const layer_options& options() const { return parts().options(); }

    /// What the last forward or backward pass did and what took its time. Throws `std::logic_error` unless
    /// the layer was made with `.statistics = true`.
    [[nodiscard]] const call_statistics& statistics() const {
        if (!options().statistics)
            throw std::logic_error(
                "imle: layer_options::statistics is false, so nothing was counted; expected a layer that was "
                "made with .statistics = true");
        return parts().record().statistics();
    }

  private:
    explicit imle_layer(std::shared_ptr<engine> parts) noexcept : engine_(std::move(parts)) {}

    [[nodiscard]] engine& parts() const {
        if (!engine_)
            throw std::logic_error("imle: the layer was moved from; expected one that holds its parts");
        return *engine_;
    }

    /// A second handle to the same parts, for a pullback.
    [[nodiscard]] imle_layer handle() const { return imle_layer(engine_); }

    void validate_target() const {
        if constexpr (detail::has_validate<TargetT>) parts().target().validate();
    }

    template <class F>
    void in_one_call(F&& f) const {
        typename engine::use use(parts());
        f();
        use.succeeded();
    }

    template <class Scalar, int InstanceRank, int Layout>
    static constexpr void require_parts() {
        static_assert(Solver<SolverT, Scalar, InstanceRank, Layout>,
                      "imle::Solver: the layer's solver takes neither (theta, z) nor (theta), with or "
                      "without a context, "
                      "for this scalar, rank and layout. See docs/concepts/solver.md");
        static_assert(NoiseDistribution<NoiseT, Scalar>,
                      "imle::NoiseDistribution: the layer's noise has no fill(random_key, std::uint64_t, "
                      "std::span<Scalar>) const for this scalar. See docs/concepts/noise_distribution.md");
        static_assert(TargetDistribution<TargetT, Scalar>,
                      "imle::TargetDistribution: the layer's target has no parameters(theta, dz, "
                      "theta_prime) const for "
                      "this scalar. See docs/concepts/target_distribution.md");
    }

    template <class ThetaT>
    [[nodiscard]] auto checked_call(const ThetaT& theta, random_key key, std::uint64_t first_instance) const {
        using Scalar = scalar_of<ThetaT>;
        static_assert(
            rank_of<ThetaT> >= 2,
            "imle: theta has a batch dimension and at least one instance dimension; view a single instance "
            "as a batch of one. See docs/layer.md");
        constexpr int instance_rank = rank_of<ThetaT> - 1;
        require_parts<Scalar, instance_rank, layout_of<ThetaT>>();
        const auto shape = detail::batch_shape<instance_rank, layout_of<ThetaT>>::of(theta);
        detail::require_finite(
            "theta", theta.data(), shape.batch, 0, shape.n,
            "a finite number (to forbid a choice, use a large finite theta or the solver's context)");
        const detail::layer_call<Scalar, instance_rank, layout_of<ThetaT>> call{
            shape, options().samples, theta.data(), key, first_instance};
        detail::require_addresses(call);
        return call;
    }

    template <class PassT>
    [[nodiscard]] static auto call_of(const PassT& pass) {
        using theta_tensor = typename PassT::theta_tensor;
        constexpr int instance_rank = rank_of<theta_tensor> - 1;
        require_parts<scalar_of<theta_tensor>, instance_rank, layout_of<theta_tensor>>();
        const auto shape = detail::batch_shape_of(pass);
        return detail::layer_call<scalar_of<theta_tensor>, instance_rank, layout_of<theta_tensor>>{
            shape, pass.sample_count(), pass.theta().data(), pass.key(), pass.first_instance()};
    }

    template <class ThetaT, class CallT>
    [[nodiscard]] static auto copy_of(const ThetaT& theta, const CallT& call) {
        Eigen::Tensor<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>> copy(call.shape.theta());
        std::copy_n(theta.data(), copy.size(), copy.data());
        return copy;
    }

    template <class PassT, class CallT, class F>
    void write_pass(PassT& pass, const CallT& call, F&& write) const {
        auto* const values = detail::pass_writer::values(pass, call);
        try {
            in_one_call([&] { write(values); });
        } catch (...) {
            detail::pass_writer::spoil(pass);
            throw;
        }
        detail::pass_writer::set_call(pass, call, parts().record().failed_rows());
    }

    template <class PassT, class CotangentT>
    [[nodiscard]] auto whole_vjp(const PassT& pass, const CotangentT& dz) {
        typename PassT::theta_tensor gradient(detail::dimensions_of(pass.theta()));
        vjp_into(pass, dz, gradient);
        return gradient;
    }

    /// The gradient; then a target that learns does.
    template <class PassT, class Scalar>
    void write_vjp(const PassT& pass, const detail::cotangent<Scalar>& cotangent, Scalar* gradient) {
        target_sums total;
        if constexpr (detail::has_for_call<TargetT> || detail::has_update<TargetT>)
            total = parts().sums(call_of(pass), cotangent);
        const target_sums counts = write_gradient(pass, cotangent, total, gradient);
        if constexpr (detail::has_update<TargetT>) parts().target().update(total + counts);
    }

    template <class PassT, class Scalar>
    [[nodiscard]] target_sums write_gradient(const PassT& pass, const detail::cotangent<Scalar>& cotangent,
                                             const target_sums& whole, Scalar* gradient) {
        validate_target();
        const auto call = call_of(pass);
        target_sums counts;
        in_one_call([&] {
            if constexpr (requires { pass.samples(); })
                counts = parts().vjp(call, cotangent, pass.samples().data(), nullptr, pass.failed_rows(),
                                     whole, gradient);
            else
                counts = parts().vjp(call, cotangent, nullptr, pass.marginals().data(), pass.failed_rows(),
                                     whole, gradient);
        });
        return counts;
    }

    template <class PassT, class GradientT>
    static void require_gradient_tensor(const PassT& pass, const GradientT& gradient) {
        using theta_tensor = typename PassT::theta_tensor;
        static_assert(std::same_as<scalar_of<GradientT>, scalar_of<theta_tensor>> &&
                          layout_of<GradientT> == layout_of<theta_tensor> &&
                          rank_of<GradientT> == rank_of<theta_tensor>,
                      "imle: the gradient has theta's scalar, rank and layout. See docs/layer.md");
        detail::require_shape("gradient", gradient, detail::dimensions_of(pass.theta()), "theta's shape");
    }

    std::shared_ptr<engine> engine_;
};

namespace detail {

// A wrong part given to class template argument deduction should fail with one sentence, not with a list of
// deduction guides that do not fit: these traits are instantiated by the guide below.
template <class S>
struct require_solver_object {
    static_assert(
        std::copy_constructible<S>,
        "imle::Solver: a solver is an object that can be copied, since each worker thread has its own. See "
        "docs/concepts/solver.md");
    using type = S;
};
template <class N>
struct require_noise {
    static_assert(
        NoiseDistributionOfSomeScalar<N>,
        "imle::NoiseDistribution: the noise has no fill(random_key, std::uint64_t, std::span<Scalar>) const. "
        "See docs/concepts/noise_distribution.md");
    using type = N;
};
template <class T>
struct require_target {
    static_assert(TargetDistributionOfSomeScalar<T>,
                  "imle::TargetDistribution: the target has no parameters(theta, dz, theta_prime) const. See "
                  "docs/concepts/target_distribution.md");
    using type = T;
};

}  // namespace detail

template <class S, class N, class T>
imle_layer(S, N, T, layer_options = {})
    -> imle_layer<typename detail::require_solver_object<S>::type, typename detail::require_noise<N>::type,
                  typename detail::require_target<T>::type>;
template <class S, class N, class T, Executor E>
imle_layer(S, N, T, layer_options, E)
    -> imle_layer<typename detail::require_solver_object<S>::type, typename detail::require_noise<N>::type,
                  typename detail::require_target<T>::type, E>;

}  // namespace imle::inline IMLE_ABI
