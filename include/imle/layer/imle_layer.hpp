#pragma once

/// @file
/// A solver made differentiable by implicit maximum-likelihood estimation.

#include <atomic>
#include <concepts>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <imle/layer/detail/backward.hpp>
#include <imle/layer/detail/imle_parts.hpp>

namespace imle::inline IMLE_ABI {

/// Implicit maximum-likelihood estimation through a black-box solver (Niepert, Minervini, Franceschi, NeurIPS
/// 2021): a sampler and a target distribution.
///
///     imle::imle_layer layer{imle::top_k{5}, imle::gumbel{}, imle::perturbation_target{.beta = 10},
///                            {.samples = 8}};
///     auto pass = layer.forward(theta, imle::random_key{seed});
///     auto gradient = layer.vjp(pass, dz);
///
/// `forward` and `marginals` sample z = MAP(theta + T_in * eps). `vjp` returns the mean over samples of z -
/// MAP(theta' + T_tgt * eps), or the central difference; the target computes theta'. It takes batch * S
/// solves. It takes twice as many for `difference::central`, and for an adaptive target on a pass of
/// `marginals`, because the target counts nonzeros per sample. See `layer_interface` for all functions, their
/// shapes and errors.
///
/// Sign: the solver maximises <theta, z>. If its `sense` is `minimize`, theta is a cost.
///
/// Threads: const functions may be called at the same time. With an adaptive target, each `vjp` changes the
/// step, so it is not const: call it from one thread at a time (a second concurrent call throws
/// `std::logic_error`). A copy is cheap and independent, including an adaptive target's state. A layer that
/// was moved from can only be assigned to or destroyed.
template <std::copy_constructible SolverT, NoiseDistributionOfSomeScalar NoiseT,
          TargetDistributionOfSomeScalar TargetT, Executor ExecutorT = thread_executor>
class imle_layer : public detail::imle_parts<imle_layer<SolverT, NoiseT, TargetT, ExecutorT>, SolverT, NoiseT,
                                             TargetT, ExecutorT> {
    using base = detail::imle_parts<imle_layer, SolverT, NoiseT, TargetT, ExecutorT>;
    using base::no_targets;
    using base::sampler_;
    using base::shared;
    using typename base::instance_targets;

  public:
    /// Whether `vjp` changes the target: true for an adaptive target.
    static constexpr bool learns = detail::has_update<TargetT>;

    /// imle_layer(SolverT solver, NoiseT noise, TargetT target, layer_options options = {}, ExecutorT
    /// executor = {}) throws `std::invalid_argument` if an option or a value of the target is invalid.
    using base::base;

    /// The sums over the call that a target uses for a vjp with this cotangent. Add them up over shards and
    /// ranks.
    template <class PassT, class CotangentT>
    [[nodiscard]] target_sums sums(const PassT& pass, const CotangentT& dz) const {
        return sums_of<false>(pass, detail::evaluated(dz));
    }

    /// One shard's part of a vjp: the gradient and this shard's counts. The step comes from `whole`, the sums
    /// over all shards. The target does not change: add up the counts of all shards and pass them to
    /// `target().update`.
    template <class PassT, class CotangentT>
    [[nodiscard]] auto vjp_shard(const PassT& pass, const CotangentT& dz, const target_sums& whole) const {
        return shard_of<false>(pass, detail::evaluated(dz), whole);
    }

    /// `sums` by the chain rule, like `pull_back`: cotangents of samples are multiplied by S.
    template <class PassT, class CotangentT>
    [[nodiscard]] target_sums pull_back_sums(const PassT& pass, const CotangentT& dz) const {
        return sums_of<true>(pass, detail::evaluated(dz));
    }
    /// `vjp_shard` by the chain rule, like `pull_back`; `whole` is the sum of all results of
    /// `pull_back_sums`.
    template <class PassT, class CotangentT>
    [[nodiscard]] auto pull_back_shard(const PassT& pass, const CotangentT& dz,
                                       const target_sums& whole) const {
        return shard_of<true>(pass, detail::evaluated(dz), whole);
    }

    using base::target;

  private:
    friend layer_interface<imle_layer>;

    /// A second handle to the same parts, for a pullback.
    [[nodiscard]] imle_layer handle() const { return imle_layer(typename base::same_parts{}, *this); }

    template <class CallT, class Scalar>
    void write_samples(const CallT& call, Scalar* z, std::vector<Eigen::Index>& failed_rows) const {
        require_target<Scalar>();
        base::write_samples(call, z, failed_rows);
    }

    template <class CallT, class Scalar>
    void write_marginals(const CallT& call, Scalar* mean, std::vector<Eigen::Index>& failed_rows) const {
        require_target<Scalar>();
        base::write_marginals(call, mean, failed_rows);
    }

    /// The gradient for a target without state.
    template <class Scalar, class CallT>
    void write_gradient(const detail::pass_values<Scalar>& values, const CallT& call,
                        const detail::cotangent<Scalar>& dz, Scalar* gradient) const {
        target_sums whole;
        if constexpr (detail::has_for_call<TargetT>)
            whole = detail::sums_of_rows(call, dz, 0, call.shape.batch);
        (void)gradient_and_counts(values, call, dz, whole, gradient);
    }

    /// The gradient; then the target is updated.
    template <class Scalar, class CallT>
    void write_gradient(const detail::pass_values<Scalar>& values, const CallT& call,
                        const detail::cotangent<Scalar>& dz, Scalar* gradient) {
        if constexpr (!learns) {
            std::as_const(*this).write_gradient(values, call, dz, gradient);
        } else {
            struct use {
                explicit use(std::atomic<int>& in_use) : flag(in_use) {
                    if (flag.exchange(1, std::memory_order_acquire) != 0)
                        throw std::logic_error(
                            "imle: the layer's target is in use by another call; expected one vjp at a time "
                            "(copy the layer: copies are independent and cheap)");
                }
                use(const use&) = delete;
                use& operator=(const use&) = delete;
                ~use() { flag.store(0, std::memory_order_release); }
                std::atomic<int>& flag;
            } in_use(shared().in_use);
            const target_sums whole = detail::sums_of_rows(call, dz, 0, call.shape.batch);
            const target_sums counts = gradient_and_counts(values, call, dz, whole, gradient);
            target().update(whole + counts);
        }
    }

    template <bool chain_rule, class PassT, class CotangentT>
    [[nodiscard]] target_sums sums_of(const PassT& pass, const CotangentT& dz) const {
        if constexpr (detail::is_batch_first_pass<PassT>) {
            return sums_of<chain_rule>(pass.batch_last(), pass.with_batch_last(dz));
        } else if constexpr (detail::is_shared_pass<PassT>) {
            return sums_of<chain_rule>(pass.rows(), dz);
        } else {
            const auto call = detail::call_of(pass);
            const auto cotangent = imle_layer::template cotangent_for<chain_rule>(pass, dz);
            return detail::sums_of_rows(call, cotangent, 0, call.shape.batch);
        }
    }

    template <bool chain_rule, class PassT, class CotangentT>
    [[nodiscard]] auto shard_of(const PassT& pass, const CotangentT& dz, const target_sums& whole) const {
        if constexpr (detail::is_batch_first_pass<PassT>) {
            auto shard = shard_of<chain_rule>(pass.batch_last(), pass.with_batch_last(dz), whole);
            shard.first = pass.with_batch_first(shard.first);
            return shard;
        } else if constexpr (detail::is_shared_pass<PassT>) {
            auto shard = shard_of<chain_rule>(pass.rows(), dz, whole);
            return std::pair(pass.as_instance(shard.first), shard.second);
        } else {
            const auto call = detail::call_of(pass);
            const auto cotangent = imle_layer::template cotangent_for<chain_rule>(pass, dz);
            typename PassT::theta_tensor gradient(detail::dimensions_of(pass.theta()));
            const target_sums counts =
                gradient_and_counts(detail::pass_values_of(pass), call, cotangent, whole, gradient.data());
            return std::pair(std::move(gradient), counts);
        }
    }

    /// Writes the gradient and returns the counts for the target's update (zero if it has none). Does not
    /// change the target.
    template <class Scalar, class CallT>
    [[nodiscard]] target_sums gradient_and_counts(const detail::pass_values<Scalar>& values,
                                                  const CallT& call, const detail::cotangent<Scalar>& dz,
                                                  const target_sums& whole, Scalar* gradient) const {
        require_target<Scalar>();
        if constexpr (detail::has_validate<TargetT>) target().validate();
        // write_rows(call, dz, values, out) returns the counts of the rows it gets.
        const auto write_by = [&](auto&& write_rows) {
            target_sums counts;
            detail::write_for_theta(values, call, dz, gradient,
                                    [&](const auto& rows, const CallT& part, const auto& part_dz,
                                        Scalar* out) { counts += write_rows(part, part_dz, rows, out); });
            return counts;
        };
        if constexpr (detail::has_for_instance<TargetT>) {
            instance_targets targets = take_spare();
            const target_sums counts =
                write_by([&](const auto& part, const auto& part_dz, const auto&... rest) {
                    targets.clear();
                    for (Eigen::Index row = 0; row < part.shape.batch; ++row)
                        targets.push_back(target().for_instance(detail::sums_of_rows(part, part_dz, row, 1)));
                    const auto target_of = [&](Eigen::Index row) -> const auto& {
                        return targets[static_cast<std::size_t>(row)];
                    };
                    return write_difference(target_of, std::nullopt, part, part_dz, rest...);
                });
            const std::lock_guard lock(shared().mutex);
            shared().spare = std::move(targets);
            return counts;
        } else {
            const auto with_one = [&](const auto& one) {
                const auto target_of = [&](Eigen::Index) -> const auto& {
                    return one;
                };
                return write_by([&](const auto&... rows) {
                    return write_difference(target_of, detail::step_of(one), rows...);
                });
            };
            if constexpr (detail::has_for_call<TargetT>)
                return with_one(target().for_call(whole));
            else
                return with_one(target());
        }
    }

    template <class TargetOfT, class CallT, class Scalar>
    [[nodiscard]] target_sums write_difference(const TargetOfT& target_of, std::optional<double> step,
                                               const CallT& call, const detail::cotangent<Scalar>& dz,
                                               const detail::pass_values<Scalar>& values,
                                               Scalar* gradient) const {
        const auto parameters = [&](Eigen::Index row, std::span<const Scalar> theta,
                                    std::span<const Scalar> own_dz, std::span<Scalar> theta_prime) {
            target_of(row).parameters(theta, own_dz, theta_prime);
        };
        const auto step_of_row = [&](Eigen::Index row) { return detail::step_of(target_of(row)); };
        const detail::row_targets<Scalar> targets{parameters, step_of_row};
        target_sums counts;
        sampler_.in_one_call(call, [&](detail::call_runner& runner, const auto& solve) {
            detail::backward_pass(runner, solve, targets, step, learns, dz, values).write(gradient);
            if constexpr (learns) {
                counts.nonzeros = runner.nonzeros();
                counts.differences = static_cast<std::uint64_t>(call.shape.batch * call.samples);
            }
        });
        return counts;
    }

    [[nodiscard]] instance_targets take_spare() const {
        const std::lock_guard lock(shared().mutex);
        return std::exchange(shared().spare, no_targets());
    }

    template <class Scalar>
    static constexpr void require_target() {
        static_assert(TargetDistribution<TargetT, Scalar>,
                      "imle::TargetDistribution: the layer's target has no parameters(theta, dz, "
                      "theta_prime) const for this scalar. See docs/concepts/target_distribution.md");
        if constexpr (detail::has_for_call<TargetT>)
            static_assert(
                TargetDistribution<decltype(std::declval<const TargetT&>().for_call(target_sums{})), Scalar>,
                "imle::TargetDistribution: the result of the target's for_call has no parameters(theta, dz, "
                "theta_prime) const for this scalar. See docs/concepts/target_distribution.md");
        if constexpr (detail::has_for_instance<TargetT>)
            static_assert(
                TargetDistribution<decltype(std::declval<const TargetT&>().for_instance(target_sums{})),
                                   Scalar>,
                "imle::TargetDistribution: the result of the target's for_instance has no parameters(theta, "
                "dz, theta_prime) const for this scalar. See docs/concepts/target_distribution.md");
    }
};

namespace detail {

/// Like `require_noise`.
template <class T>
struct require_target {
    static_assert(TargetDistributionOfSomeScalar<T>,
                  "imle::TargetDistribution: the target has no parameters(theta, dz, theta_prime) const. See "
                  "docs/concepts/target_distribution.md");
    using type = accepted_part<T, TargetDistributionOfSomeScalar<T>>;
};

}  // namespace detail

template <class S, class N, class T, Executor E = thread_executor>
imle_layer(S, N, T, layer_options = {}, E = {})
    -> imle_layer<typename detail::require_solver_object<S>::type, typename detail::require_noise<N>::type,
                  typename detail::require_target<T>::type, E>;

}  // namespace imle::inline IMLE_ABI
