#pragma once

/// @file
/// The backward pass: implicit differentiation by finite differences of MAP states.
///
///     theta'(dz)  = the target's parameters at theta, dz
///     forward:   grad[b] = mean over s of  z[b,s] - MAP(theta'(dz[b,s]) + T_tgt * eps[b,s])
///     central:   grad[b] = mean over s of (MAP(theta'(-dz[b,s]) + T_tgt * eps[b,s])
///                                        - MAP(theta'(dz[b,s]) + T_tgt * eps[b,s])) / 2
///
/// Both are divided by the target's step. eps is the noise of the forward pass, drawn again from the key. For
/// costs, the differences change sign.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <imle/concepts/target_distribution.hpp>
#include <imle/core/function_ref.hpp>
#include <imle/layer/detail/perturbed_solve.hpp>
#include <imle/layer/pass.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The sums that a target gets for `count` rows of a call from `first` on, without `nonzeros`.
template <class Scalar, int Rank, int Layout>
[[nodiscard]] target_sums sums_of_rows(const layer_call<Scalar, Rank, Layout>& call,
                                       const cotangent<Scalar>& dz, Eigen::Index first, Eigen::Index count) {
    const Eigen::Index n = call.shape.n, dz_per_coordinate = dz.per_sample ? call.samples : 1;
    const Eigen::Index dz_per_row = dz_per_coordinate * n;
    target_sums sums;
    sums.dz_count = static_cast<std::uint64_t>(count * dz_per_row);
    sums.dz_squared.add(std::span(dz.dz + first * dz_per_row, static_cast<std::size_t>(count * dz_per_row)),
                        dz.scale);
    sums.theta_count = static_cast<std::uint64_t>(count * n);
    if (!call.is_masked() && !call.shares_theta) {
        sums.theta_squared.add(std::span(call.theta + first * n, static_cast<std::size_t>(count * n)));
        return sums;
    }
    std::vector<Scalar> theta(static_cast<std::size_t>(n));
    for (Eigen::Index row = first; row < first + count; ++row) {
        const auto mask = call.mask_of(row);
        std::copy_n(call.theta_of(row), n, theta.data());
        write_forbidden(mask, theta.data());
        sums.theta_squared.add(std::span<const Scalar>(theta));
        // Forbidden numbers are 0 and do not count.
        const auto forbidden = static_cast<std::uint64_t>(std::count(mask.begin(), mask.end(), false));
        sums.theta_count -= forbidden;
        sums.dz_count -= forbidden * static_cast<std::uint64_t>(dz_per_coordinate);
    }
    return sums;
}

/// The step that divides a gradient: 1 if the target has none, or took none.
template <class TargetT>
[[nodiscard]] double step_of(const TargetT& target) {
    if constexpr (has_gradient_divisor<TargetT>) {
        const double divisor = target.gradient_divisor();
        return divisor == 0 ? 1.0 : divisor;
    } else {
        return 1.0;
    }
}

/// Keeps the items for which keeps(item) holds, in their order.
inline void keep_items(std::vector<Eigen::Index>& items, function_ref<bool(Eigen::Index)> keeps) {
    std::size_t kept = 0;
    for (const Eigen::Index item : items)
        if (keeps(item)) items[kept++] = item;
    items.resize(kept);
}

/// Drops the items of the given rows, which are in ascending order.
inline void drop_rows(std::vector<Eigen::Index>& items, std::span<const Eigen::Index> rows,
                      Eigen::Index samples) {
    if (rows.empty()) return;
    keep_items(items, [&](Eigen::Index item) {
        return !std::binary_search(rows.begin(), rows.end(), item / samples);
    });
}

template <class Scalar>
[[nodiscard]] bool is_zero(const Scalar* values, Eigen::Index n) noexcept {
    for (Eigen::Index i = 0; i < n; ++i)
        if (values[i] != Scalar(0)) return false;
    return true;
}

/// The target of each row, whatever its type.
template <class Scalar>
struct row_targets {
    /// Writes theta' of a row: parameters(row, theta, dz, theta_prime).
    function_ref<void(Eigen::Index, std::span<const Scalar>, std::span<const Scalar>, std::span<Scalar>)>
        parameters;
    /// The step of a row's target.
    function_ref<double(Eigen::Index)> step;
};

/// One backward pass. `step` divides the gradient of all rows; without it, each row's target divides its own.
/// `counts`: whether to count the nonzeros of the differences.
template <class Scalar, int Rank, int Layout>
class backward_pass {
  public:
    backward_pass(call_runner& runner, const perturbed_solve<Scalar, Rank, Layout>& solve,
                  const row_targets<Scalar>& targets, std::optional<double> step, bool counts,
                  const cotangent<Scalar>& dz, const pass_values<Scalar>& values)
        : runner_(runner),
          solve_(solve),
          targets_(targets),
          step_(step ? *step : 1.0),
          step_by_row_(!step),
          counts_(counts),
          call_(solve.call()),
          dz_(dz),
          values_(values) {}

    /// Writes the gradient, of theta's shape.
    void write(Scalar* gradient) {
        const Eigen::Index n = call_.shape.n;
        if (options().difference == difference::central)
            central_difference(gradient);
        else if (values_.z != nullptr || counts_)
            forward_difference(gradient);
        else
            difference_of_means(gradient);
        if (step_by_row_)
            for (Eigen::Index row = 0; row < call_.shape.batch; ++row)
                divide(gradient + row * n, n, targets_.step(row));
        const auto clear = [&](Eigen::Index row) { std::fill_n(gradient + row * n, n, Scalar(0)); };
        for (const Eigen::Index row : values_.failed) clear(row);
        runner_.for_each_failure(clear);
        require_finite(gradient);
    }

  private:
    /// grad = mean over s of (z - MAP(theta' + T_tgt * eps)) / step. If the pass kept no z, solves for it
    /// again.
    void forward_difference(Scalar* gradient) {
        const bool kept = values_.z != nullptr;
        runner_.expect_solves(call_.shape.batch * call_.samples * (kept ? 1 : 2));
        average(gradient, step_, [&](worker& own) -> row_differences<Scalar> {
            const Eigen::Index n = call_.shape.n;
            const auto theta_prime = parameters(own, dz_.scale, skips_unmoved());
            Scalar* const moved = memory(own).other_z.take(own.item_count() * n);
            if (kept &&
                solve_.solves_by_words(own, theta_prime, options().target_temperature, moved, values_.z))
                return {{values_.z, n, own.items.data()}, {moved, n}};
            const Scalar* const noise =
                noise_for(own, kept ? 0 : options().input_temperature, options().target_temperature);
            solve_theta_prime(own, theta_prime, noise, values_.z, moved);
            if (kept) return {{values_.z, n, own.items.data()}, {moved, n}};
            Scalar* const z = memory(own).z.take(own.item_count() * n);
            solve_.solve_theta(own, options().input_temperature, noise, z);
            return {{z, n}, {moved, n}};
        });
    }

    /// grad = mean over s of (MAP(theta'(-dz) + T_tgt * eps) - MAP(theta'(dz) + T_tgt * eps)) / 2 / step.
    void central_difference(Scalar* gradient) {
        runner_.expect_solves(call_.shape.batch * call_.samples * 2);
        average(gradient, 2 * step_, [&](worker& own) -> row_differences<Scalar> {
            drop_zero_cotangents(own);
            const Scalar* const noise = noise_for(own, 0, options().target_temperature);
            const Eigen::Index n = call_.shape.n, size = own.item_count() * n;
            Scalar* const down = memory(own).other_z.take(size);
            solve_theta_prime(own, parameters(own, dz_.scale, false), noise, nullptr, down);
            Scalar* const up = memory(own).z.take(size);
            solve_theta_prime(own, parameters(own, -dz_.scale, false), noise, nullptr, up);
            return {{up, n}, {down, n}};
        });
    }

    /// grad = (mean of z - mean over s of MAP(theta' + T_tgt * eps)) / step, for a pass that kept no samples
    /// and a target that counts nothing. One solve per sample.
    void difference_of_means(Scalar* gradient) {
        const Eigen::Index n = call_.shape.n;
        runner_.expect_solves(call_.shape.batch * call_.samples);
        // Until the end, `gradient` holds the mean of z'.
        runner_.reduce(
            solve_.work(), pass_kind::gradient, 1.0, gradient,
            [&](worker& own, const item_range& piece, sample_sum<Scalar>& sum) {
                drop_failed(own);
                const auto theta_prime = parameters(own, dz_.scale, skips_unmoved());
                Scalar* const moved = memory(own).other_z.take(piece.count * n);
                if (!solve_.solves_by_words(own, theta_prime, options().target_temperature, moved))
                    solve_theta_prime(own, theta_prime, noise_for(own, 0, options().target_temperature),
                                      nullptr, moved);
                sum.add(piece, own.items, [&](std::size_t j) {
                    return [z = moved + static_cast<Eigen::Index>(j) * n](Eigen::Index i) { return z[i]; };
                });
            });
        for (Eigen::Index instance = 0; instance < call_.shape.batch; ++instance) {
            Scalar* const out = gradient + instance * n;
            if (skips_unmoved() && !moves(instance)) {
                std::fill_n(out, n, Scalar(0));
                continue;
            }
            for (Eigen::Index i = 0; i < n; ++i) {
                const double z = static_cast<double>(values_.mean[instance * n + i]);
                const double moved = static_cast<double>(out[i]);
                out[i] = static_cast<Scalar>((solve_.minimizes() ? moved - z : z - moved) / step_);
            }
        }
    }

    // ---- steps of the functions above ---------------------------------------------------------------------

    /// The mean over samples of the differences that `solve(own)` returns for each piece. For costs they
    /// change sign. Items that `solve` drops count as 0.
    void average(Scalar* gradient, double divisor, function_ref<row_differences<Scalar>(worker&)> solve) {
        runner_.reduce(solve_.work(), pass_kind::gradient, divisor, gradient,
                       [&](worker& own, const item_range& piece, sample_sum<Scalar>& sum) {
                           drop_failed(own);
                           row_differences<Scalar> difference = solve(own);
                           if (solve_.minimizes()) std::swap(difference.near, difference.far);
                           if (options().statistics) count_differences(own, piece, difference);
                           if (counts_) count_nonzeros(own, difference);
                           sum.add(piece, own.items, difference);
                       });
    }

    /// theta' of the worker's items for scale * dz. It is computed once per instance if all samples of the
    /// instance share a cotangent. With `drop_unmoved`, drops the items whose theta' equals theta bit for
    /// bit.
    [[nodiscard]] std::span<const Scalar* const> parameters(worker& own, Scalar scale,
                                                            bool drop_unmoved) const {
        const Eigen::Index n = call_.shape.n;
        const std::size_t size = static_cast<std::size_t>(n);
        worker_memory<Scalar>& memory = own.memory_of<Scalar>();
        Scalar* theta_prime = memory.own_parameters.take(own.item_count() * n);
        const Scalar** const parameters = memory.parameters.take(own.item_count());
        Eigen::Index row_end = 0;
        bool dropped = true;
        std::size_t kept = 0;
        for (const Eigen::Index item : own.items) {
            if (dz_.per_sample || item >= row_end) {
                if (!dropped) theta_prime += n;
                const Eigen::Index row = call_.row_of(item);
                row_end = (row + 1) * call_.samples;
                const Scalar* theta = call_.theta_of(row);
                const Scalar* item_dz = cotangent_of(item);
                if (solve_.minimizes()) theta = scaled(memory.negated_theta, theta, n, Scalar(-1));
                if (scale != Scalar(1)) item_dz = scaled(memory.scaled_dz, item_dz, n, scale);
                // If a target forgets to write a number, an earlier item's must not be taken for it.
                std::fill_n(theta_prime, n, unwritten<Scalar>());
                targets_.parameters(row, std::span<const Scalar>(theta, size),
                                    std::span<const Scalar>(item_dz, size),
                                    std::span<Scalar>(theta_prime, size));
                dropped =
                    drop_unmoved && (n == 0 || std::memcmp(theta_prime, theta, size * sizeof(Scalar)) == 0);
            }
            if (dropped) continue;
            parameters[kept] = theta_prime;
            own.items[kept++] = item;
        }
        own.items.resize(kept);
        return {parameters, kept};
    }

    /// Whether theta' differs from theta, for an instance whose samples share a cotangent.
    [[nodiscard]] bool moves(Eigen::Index instance) {
        worker& own = runner_.first_worker();
        own.items.assign(1, instance * call_.samples);
        return !parameters(own, dz_.scale, true).empty();
    }

    /// With equal temperatures and theta' = theta, the solver would get the forward pass's problem again: the
    /// difference is 0.
    [[nodiscard]] bool skips_unmoved() const {
        return options().input_temperature == options().target_temperature;
    }

    /// eps of the worker's items, or null if no temperature needs it.
    [[nodiscard]] const Scalar* noise_for(worker& own, double one_temperature,
                                          double other_temperature) const {
        if (!solve_.perturbs(one_temperature) && !solve_.perturbs(other_temperature)) return nullptr;
        return solve_.noise(own);
    }

    void solve_theta_prime(worker& own, std::span<const Scalar* const> theta_prime, const Scalar* noise,
                           const Scalar* start, Scalar* z) const {
        solve_.solve(own, theta_prime, options().target_temperature, noise, start, z,
                     "the target's theta' + target_temperature * noise overflows; expected alpha, beta "
                     "and a temperature that keep it finite");
    }

    /// Drops the items of instances for which a solve failed in the forward pass.
    void drop_failed(worker& own) const { drop_rows(own.items, values_.failed, call_.samples); }

    /// Drops the items whose cotangent is zero: no scale changes it.
    void drop_zero_cotangents(worker& own) const {
        keep_items(own.items, [&](Eigen::Index item) { return !is_zero(cotangent_of(item), call_.shape.n); });
    }

    /// Counts a piece's differences for the statistics, and how many of them are zero.
    void count_differences(worker& own, const item_range& piece,
                           const row_differences<Scalar>& difference_of) const {
        Eigen::Index nonzero = 0;
        for (std::size_t j = 0; j < own.items.size(); ++j) {
            const auto difference = difference_of(j);
            // Reads to the end without a branch, which is faster than searching for the first.
            std::int32_t any = 0;
            for (Eigen::Index i = 0; i < call_.shape.n; ++i) any |= difference(i) != 0;
            nonzero += any;
        }
        own.statistics.differences += static_cast<std::uint64_t>(piece.count);
        own.statistics.zero_differences += static_cast<std::uint64_t>(piece.count - nonzero);
    }

    /// Counts the numbers of a piece's differences that are not zero, for the target.
    void count_nonzeros(worker& own, const row_differences<Scalar>& difference_of) const {
        Eigen::Index count = 0;
        for (std::size_t j = 0; j < own.items.size(); ++j) {
            const auto difference = difference_of(j);
            for (Eigen::Index i = 0; i < call_.shape.n; ++i) count += difference(i) != 0;
        }
        own.nonzeros += static_cast<std::uint64_t>(count);
    }

    void require_finite(const Scalar* gradient) const {
        const std::span<const Scalar> whole(gradient,
                                            static_cast<std::size_t>(call_.shape.batch * call_.shape.n));
        if (all_finite(whole)) return;
        const Scalar* const given = values_.z != nullptr ? values_.z : values_.mean;
        const Eigen::Index given_size =
            call_.shape.batch * call_.shape.n * (values_.z != nullptr ? call_.samples : 1);
        if (!all_finite(std::span(given, static_cast<std::size_t>(given_size))))
            throw_invalid("the pass", "without finite values (the call that wrote it threw)",
                          "a pass whose forward call succeeded");
        const auto row = static_cast<Eigen::Index>(first_not_finite(whole)) / call_.shape.n;
        throw_invalid("the gradient divided by the target's step",
                      message("infinite at step ", targets_.step(row)),
                      "a larger step, or an unscaled gradient");
    }

    [[nodiscard]] const Scalar* cotangent_of(Eigen::Index item) const {
        return dz_.dz + (dz_.per_sample ? item : call_.row_of(item)) * call_.shape.n;
    }
    [[nodiscard]] static const Scalar* scaled(buffer<Scalar>& memory, const Scalar* values, Eigen::Index n,
                                              Scalar factor) {
        Scalar* const result = memory.take(n);
        for (Eigen::Index i = 0; i < n; ++i) result[i] = factor * values[i];
        return result;
    }
    static void divide(Scalar* values, Eigen::Index n, double divisor) {
        for (Eigen::Index i = 0; i < n; ++i)
            values[i] = static_cast<Scalar>(static_cast<double>(values[i]) / divisor);
    }
    [[nodiscard]] static worker_memory<Scalar>& memory(worker& own) { return own.memory_of<Scalar>(); }
    [[nodiscard]] const layer_options& options() const { return runner_.options(); }

    call_runner& runner_;
    const perturbed_solve<Scalar, Rank, Layout>& solve_;
    const row_targets<Scalar>& targets_;
    double step_;  // 1 if each row has its own
    bool step_by_row_;
    bool counts_;
    const layer_call<Scalar, Rank, Layout>& call_;
    const cotangent<Scalar>& dz_;
    const pass_values<Scalar>& values_;
};

}  // namespace imle::inline IMLE_ABI::detail
