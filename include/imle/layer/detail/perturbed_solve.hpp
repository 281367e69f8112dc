#pragma once

/// @file
/// One worker's solves: z = MAP(parameters + T * eps) for the few items of a piece.
///
/// Symbols: theta is [batch, n]; eps and z are [batch, sample, n]; an item is one instance and sample. For a
/// minimising solver theta is a cost c: all computations use -c, which is negated again for the solver.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/core/rounded.hpp>
#include <imle/layer/call.hpp>
#include <imle/layer/detail/largest_by_words.hpp>
#include <imle/layer/detail/runner.hpp>
#include <imle/layer/item_noise.hpp>
#include <imle/layer/solver_port.hpp>
#include <imle/simd/exponential.hpp>
#include <imle/simd/scaled_sum.hpp>

namespace imle::inline IMLE_ABI::detail {

/// factors[i] = exp(T * xi[i] - T^2 / 2), by which multiplicative noise scales theta: log-normal with mean 1
/// for standard normal xi (Dalle, Baty, Bouvier, Parmentier, "Learning with combinatorial optimization
/// layers: a probabilistic approach", 2022). Without the term T^2 / 2 its mean would be exp(T^2 / 2).
/// `factors` may be xi.
template <class Scalar>
inline void write_noise_factors(Scalar temperature, const Scalar* xi, Scalar* factors,
                                std::size_t n) noexcept {
    const Scalar shift = rounded(-temperature * temperature / 2);
    for_each_lanes<Scalar>(n, [&]<class Lanes>(std::type_identity<Lanes>, std::size_t i) {
        exp_of(multiply_add(Lanes(temperature), Lanes::load(xi + i), Lanes(shift))).store(factors + i);
    });
}

/// The end of the run of consecutive items that begins with items[j]; they are in ascending order.
[[nodiscard]] inline std::size_t end_of_run(std::span<const Eigen::Index> items, std::size_t j) {
    // Usually there is only one.
    if (items.back() - items[j] == static_cast<Eigen::Index>(items.size() - 1 - j)) return items.size();
    std::size_t end = j + 1;
    while (items[end] == items[end - 1] + 1) ++end;
    return end;
}

/// One worker's solves of a call. What depends on solver and noise is left to `perturbed_solve_by`, so that
/// passes are compiled once for all layers. Functions that take items work on `worker.items` or some of them.
/// They return memory of the worker, which is valid until the next call.
template <class Scalar, int Rank, int Layout>
class perturbed_solve {
  public:
    using call_type = layer_call<Scalar, Rank, Layout>;

    perturbed_solve(const perturbed_solve&) = delete;
    perturbed_solve& operator=(const perturbed_solve&) = delete;

    /// What is solved.
    [[nodiscard]] const call_type& call() const noexcept { return call_; }
    [[nodiscard]] const layer_options& options() const noexcept { return options_; }
    /// Whether theta is a cost.
    [[nodiscard]] bool minimizes() const noexcept { return minimizes_; }
    /// The call's size, for a runner.
    [[nodiscard]] const call_work& work() const noexcept { return work_; }
    /// Whether the bits of a solve at this temperature depend on noise.
    [[nodiscard]] bool perturbs(double temperature) const noexcept { return has_noise_ && temperature != 0; }

    /// eps of the worker's items, n numbers each. Coordinate i gets element ((first_instance + b) * S + s) *
    /// n + i of the key's sequence. Elements of consecutive items are consecutive, so one request covers them
    /// all. With `sampling::latin` their words are stratified: see `fill_item_noise`.
    [[nodiscard]] const Scalar* noise(worker& own) const {
        const std::vector<Eigen::Index>& items = own.items;
        const std::uint64_t first_item = call_.first_instance() * static_cast<std::uint64_t>(call_.samples);
        const std::size_t n = static_cast<std::size_t>(call_.shape.n);
        Scalar* const noise = own.memory_of<Scalar>().noise.take(own.item_count() * call_.shape.n);
        for (std::size_t j = 0, end; j < items.size(); j = end) {
            end = end_of_run(items, j);
            const std::uint64_t item = first_item + static_cast<std::uint64_t>(items[j]);
            const stopwatch watch(options_.statistics ? &own.statistics.noise_seconds : nullptr);
            fill(item, std::span<Scalar>(noise + j * n, (end - j) * n));
        }
        return noise;
    }

    /// theta of the worker's items; a cost is negated.
    [[nodiscard]] std::span<const Scalar* const> theta(worker& own) const {
        const Eigen::Index n = call_.shape.n;
        worker_memory<Scalar>& memory = own.memory_of<Scalar>();
        const std::vector<Eigen::Index>& items = own.items;
        const Scalar** const parameters = memory.parameters.take(own.item_count());
        Scalar* next = memory.own_parameters.take(minimizes_ ? own.item_count() * n : 0);
        for (std::size_t j = 0; j < items.size();) {
            const Eigen::Index row = call_.row_of(items[j]), row_end = (row + 1) * call_.samples;
            const Scalar* theta = call_.theta_of(row);
            if (minimizes_) {
                for (Eigen::Index i = 0; i < n; ++i) next[i] = -theta[i];
                theta = next;
                next += n;
            }
            do {
                parameters[j] = theta;
            } while (++j < items.size() && items[j] < row_end);
        }
        return {parameters, items.size()};
    }

    /// z = MAP(theta + T_in * eps) of the worker's items, or the argmin of c - T_in * eps.
    void solve_theta(worker& own, double temperature, const Scalar* noise, Scalar* z) const {
        solve(own, theta(own), temperature, noise, nullptr, z,
              multiplies_
                  ? "theta * exp(T * noise - T^2 / 2), T the input_temperature, overflows or underflows; "
                    "expected a smaller temperature"
                  : "theta + input_temperature * noise overflows; expected finite sums");
    }

    /// The same with noise drawn for it.
    void solve_perturbed(worker& own, double temperature, Scalar* z) const {
        if (!solves_by_words(own, theta(own), temperature, z))
            solve_theta(own, temperature, perturbs(temperature) ? noise(own) : nullptr, z);
    }

    /// `solve`, noise included, for solvers and noise that need not draw all of it (see `largest_by_words`).
    /// Returns false, and z is undefined, if they are not of that kind, if it is not worth it, or for numbers
    /// that may overflow. `beside`: null or z of all items of the call, which is read next.
    [[nodiscard]] bool solves_by_words(worker& own, std::span<const Scalar* const> parameters,
                                       double temperature, Scalar* z, const Scalar* beside = nullptr) const {
        // (Statistics tell the time of noise from the time of solves.)
        const bool may = call_.shape.n > Eigen::Index{most_to_compare} && perturbs(temperature) &&
                         !call_.is_masked() && !options_.statistics &&
                         (options_.sampling == sampling::independent || call_.samples == 1);
        return may && choose_by_words(own, parameters, static_cast<Scalar>(temperature), z, beside);
    }

    /// z = MAP(parameters + T * eps) of the worker's items. Both passes use this function, so the operations
    /// and their order are the same: if theta' is theta and the temperatures are equal, the solver gets the
    /// bits of the forward pass again. Items with the same parameters follow one another. `noise` may be
    /// null. `start` is null or holds, for each item of the call, a solution to start from. `overflow` is the
    /// error message for a sum that is not finite.
    void solve(worker& own, std::span<const Scalar* const> parameters, double temperature,
               const Scalar* noise, const Scalar* start, Scalar* z, const char* overflow) const {
        const Eigen::Index n = call_.shape.n;
        Scalar* const perturbed = own.memory_of<Scalar>().perturbed.take(own.item_count() * n);
        const Scalar scale = static_cast<Scalar>(temperature);
        if (scale == Scalar(0)) noise = nullptr;
        // Checks right here, while the numbers are in the nearest cache.
        finite_check<Scalar> check;
        for (std::size_t j = 0, end; j < parameters.size(); j = end) {
            end = parameters.back() == parameters[j] ? parameters.size() : j + 1;
            while (end < parameters.size() && parameters[end] == parameters[j]) ++end;
            const Eigen::Index at = static_cast<Eigen::Index>(j) * n;
            const Scalar* const eps = noise == nullptr ? nullptr : noise + at;
            check = minimizes_ ? perturb<true>(parameters[j], scale, eps, perturbed + at, end - j, check)
                               : perturb<false>(parameters[j], scale, eps, perturbed + at, end - j, check);
        }
        bool finite = check.all_finite();
        own.contexts.clear();
        if (call_.is_masked()) {
            // Checks again: numbers at forbidden coordinates must not count.
            const std::span<const solve_context> contexts = contexts_of(own);
            finite_check<Scalar> allowed;
            for (Eigen::Index j = 0; j < own.item_count(); ++j) {
                Scalar* const out = perturbed + j * n;
                write_forbidden(contexts[static_cast<std::size_t>(j)].mask, out);
                for (Eigen::Index i = 0; i < n; ++i) allowed.add(out[i]);
            }
            finite = allowed.all_finite();
        }
        if (finite)
            solve_items(own, perturbed, own.items.size(), start, z);
        else
            solve_then_throw(own, perturbed, noise, start, z, overflow);
    }

    /// The contexts of the items of the last `solve`. They are made when they are asked for, because that
    /// takes a good part of the time of a small solve.
    [[nodiscard]] std::span<const solve_context> contexts_of(worker& own) const {
        const std::vector<Eigen::Index>& items = own.items;
        std::vector<solve_context>& contexts = own.contexts;
        if (contexts.size() == items.size()) return contexts;
        const std::uint64_t samples = static_cast<std::uint64_t>(call_.samples);
        contexts.resize(items.size());
        solve_context of_row{};
        std::uint64_t sample = samples;
        for (std::size_t j = 0; j < items.size(); ++j) {
            // This is usually the next sample of the item before.
            if (j == 0 || items[j] != items[j - 1] + 1 || ++sample >= samples) {
                const Eigen::Index row = call_.row_of(items[j]);
                sample = static_cast<std::uint64_t>(items[j] - row * call_.samples);
                of_row = call_.context_of(row, sample);
            }
            // Not a copy of the context before: its number of the sample would still be on its way to memory.
            contexts[j] = {of_row.instance, sample, of_row.id, of_row.mask};
        }
        return contexts;
    }

  protected:
    perturbed_solve(const call_type& call, bool one_by_one, Eigen::Index width, const layer_options& options,
                    bool minimizes, bool multiplies, bool has_noise)
        : call_(call),
          work_{call.shape.batch, call.samples, call.shape.n, one_by_one, width},
          options_(options),
          minimizes_(minimizes),
          multiplies_(multiplies),
          has_noise_(has_noise) {}
    ~perturbed_solve() = default;

  private:
    /// Writes the noise of consecutive items, of which `item` is the first.
    virtual void fill(std::uint64_t item, std::span<Scalar> noise) const = 0;
    /// Writes exp(scale * noise - scale^2 / 2) for multiplicative noise.
    virtual void write_factors(Scalar scale, const Scalar* noise, Scalar* out, std::size_t size) const = 0;
    /// Does `solves_by_words`, if solver and noise are of that kind.
    [[nodiscard]] virtual bool choose_by_words(worker& own, std::span<const Scalar* const> parameters,
                                               Scalar temperature, Scalar* z, const Scalar* beside) const = 0;
    /// Solves the first `count` of the worker's items.
    virtual void solve_items(worker& own, const Scalar* parameters, std::size_t count, const Scalar* start,
                             Scalar* z) const = 0;

    /// out = parameters + scale * noise or, for multiplicative noise, parameters * exp(scale * noise -
    /// scale^2 / 2), for so many items; the parameters, if `noise` is null. For a cost, out is the negative
    /// of that. Returns the check with `out` added.
    template <bool Negated>
    [[nodiscard]] finite_check<Scalar> perturb(const Scalar* parameters, Scalar scale, const Scalar* noise,
                                               Scalar* out, std::size_t items,
                                               finite_check<Scalar> check) const {
        const auto n = static_cast<std::size_t>(call_.shape.n);
        if (noise == nullptr)
            return write_repeated<Negated>(parameters, n, items, out, check,
                                           [](const auto& theta, std::size_t) { return theta; });
        if (!multiplies_)
            return write_repeated<Negated>(
                parameters, n, items, out, check, [=]<class Lanes>(const Lanes& theta, std::size_t i) {
                    return multiply_add(Lanes(scale), Lanes::load(noise + i), theta);
                });
        write_factors(scale, noise, out, items * n);
        // A factor that underflows gives NaN, because theta would be lost.
        return write_repeated<Negated>(
            parameters, n, items, out, check, [=]<class Lanes>(const Lanes& theta, std::size_t i) {
                const Lanes factor = Lanes::load(out + i), least(std::numeric_limits<Scalar>::min());
                return select(less(factor, least), Lanes(unwritten<Scalar>()), product(theta, factor));
            });
    }

    /// `solve` of numbers of which some are not finite. Items before the first of them are solved, because an
    /// error of a lower item takes precedence.
    [[noreturn, gnu::noinline]] void solve_then_throw(worker& own, const Scalar* perturbed,
                                                      const Scalar* noise, const Scalar* start, Scalar* z,
                                                      const char* overflow) const {
        const auto n = static_cast<std::size_t>(call_.shape.n);
        const std::size_t bad =
            first_not_finite(std::span<const Scalar>(perturbed, own.items.size() * n)) / n;
        solve_items(own, perturbed, bad, start, z);
        const solve_context& at = contexts_of(own)[bad];
        const std::string where = message(" in instance ", at.instance, ", sample ", at.sample);
        if (noise != nullptr && !all_finite(std::span<const Scalar>(noise + bad * n, n)))
            throw noise_error(message("imle: the noise distribution's fill gave a number that is not finite",
                                      where, "; expected finite noise"),
                              at.instance, at.sample);
        throw std::invalid_argument(message("imle: ", overflow, where));
    }

    const call_type& call_;
    const call_work work_;
    const layer_options& options_;
    bool minimizes_, multiplies_, has_noise_;
};

/// `perturbed_solve` by a layer's solver and noise.
template <class SolverT, class NoiseT, class Scalar, int Rank, int Layout>
class perturbed_solve_by final : public perturbed_solve<Scalar, Rank, Layout> {
    using base = perturbed_solve<Scalar, Rank, Layout>;
    static constexpr bool to_minimize = sense_of<SolverT> == sense::minimize;
    static constexpr bool multiplies = is_multiplicative_noise<NoiseT>;

  public:
    perturbed_solve_by(const SolverT& solver, const NoiseT& noise, const layer_options& options,
                       const typename base::call_type& call)
        : base(call, one_by_one, width_of(solver, call), options, to_minimize, multiplies,
               !is_zero_noise<NoiseT>),
          solver_(solver),
          noise_(noise) {}

  private:
    static constexpr bool one_by_one =
        !BatchSolver<SolverT, Scalar, Rank, Layout> || takes_any_batch<SolverT>;

    [[nodiscard]] static Eigen::Index width_of(const SolverT& solver, const typename base::call_type& call) {
        if constexpr (BatchSolver<SolverT, Scalar, Rank, Layout> &&
                      has_batch_width<SolverT, Scalar, Rank, Layout>) {
            const_view<Scalar, Rank, Layout> one(call.theta, call.shape.instance);
            return std::max<Eigen::Index>(1, solver.batch_width(one));
        }
        return solve_grain{}.width;
    }

    void fill(std::uint64_t item, std::span<Scalar> noise) const override {
        fill_item_noise(noise_, this->options().sampling, this->call().key,
                        static_cast<std::uint64_t>(this->call().samples),
                        static_cast<std::size_t>(this->call().shape.n), item, noise);
    }

    void write_factors([[maybe_unused]] Scalar scale, [[maybe_unused]] const Scalar* noise,
                       [[maybe_unused]] Scalar* out, [[maybe_unused]] std::size_t size) const override {
        if constexpr (multiplies) write_noise_factors(scale, noise, out, size);
    }

    [[nodiscard]] bool choose_by_words([[maybe_unused]] worker& own,
                                       [[maybe_unused]] std::span<const Scalar* const> parameters,
                                       [[maybe_unused]] Scalar temperature, [[maybe_unused]] Scalar* z,
                                       [[maybe_unused]] const Scalar* beside) const override {
        if constexpr (chooses_largest<SolverT> && draws_by_words<NoiseT> && FloatOrDouble<Scalar>) {
            Eigen::Index k = 1;
            if constexpr (requires { solver_.k(); }) k = solver_.k();
            const auto n = static_cast<std::size_t>(this->call().shape.n);
            const std::uint64_t first =
                this->call().first_instance() * static_cast<std::uint64_t>(this->call().samples);
            if (!solves_runs_by_words<Scalar>(noise_, this->call().key, first, own.items, parameters,
                                              temperature, n, static_cast<std::size_t>(k),
                                              own.memory_of<Scalar>(), z, beside))
                return false;
            own.statistics.solves += own.items.size();
            return true;
        } else {
            return false;
        }
    }

    void solve_items(worker& own, const Scalar* parameters, std::size_t count, const Scalar* start,
                     Scalar* z) const override {
        own.statistics.solves += count;
        const stopwatch watch(this->options().statistics ? &own.statistics.solve_seconds : nullptr);
        solver_port<Scalar, Rank, Layout, SolverT>(solver_, static_cast<solver_worker<SolverT>&>(own).solver,
                                                   this->call().shape,
                                                   this->options().failures == failure_policy::zero_gradient)
            .solve(
                parameters, z, count, this->call().is_masked(),
                [&] { return this->contexts_of(own).first(count); }, start, own.items,
                [&](std::size_t j) {
                    ++own.statistics.failed;
                    own.failed_rows.push_back(own.items[j] / this->call().samples);
                });
    }

    const SolverT& solver_;
    const NoiseT& noise_;
};

}  // namespace imle::inline IMLE_ABI::detail
