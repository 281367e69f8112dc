#pragma once

/// @file
/// Marginals and their gradient by conditioning each coordinate on the noise of all others.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/core/each_of.hpp>
#include <imle/core/shared_object.hpp>
#include <imle/layer/sampler_layer.hpp>
#include <imle/quantile/tail_table.hpp>
#include <imle/simd/scaled_sum.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of a `conditional_layer`. The order of the members is part of the contract.
struct conditional_options {
    /// Samples S per instance, at least 1.
    Eigen::Index samples = 1;
    /// T, the scale of the noise, above 0. Its inverse must fit theta's scalar.
    double temperature = 1;
    /// Worker threads; 0 is one for each core. Results do not depend on it.
    int threads = 1;
    /// Whether samples are independent of each other or stratified, which lowers the variance further and has
    /// no bias here either: see `layer_options::sampling`.
    imle::sampling sampling = imle::sampling::independent;
};

namespace detail {

/// The numbers of one group that decide: what each of its coordinates has to exceed.
template <class Scalar>
struct group_thresholds {
    /// The lowest perturbed number that was chosen: the threshold of those that were not. Infinity if none
    /// was.
    Scalar lowest_chosen;
    /// The highest that was not: the threshold of those that were. -Infinity if all were.
    Scalar highest_other;

    /// u: the perturbed numbers; z: 1 where chosen, else 0. O(n).
    group_thresholds(const Scalar* u, const Scalar* z, std::size_t n) noexcept {
        constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
        using vector = widest_lanes<Scalar>;
        using one = scalar_lanes<Scalar>;
        vector low(infinity), high(-infinity);
        std::size_t i = 0;
        for (; i + vector::size <= n; i += vector::size) {
            const auto chosen = less(vector(Scalar(0.5)), vector::load(z + i));
            const vector here = vector::load(u + i);
            low = minimum(low, select(chosen, here, vector(infinity)));
            high = maximum(high, select(chosen, vector(-infinity), here));
        }
        std::array<Scalar, vector::size> lows, highs;
        low.store(lows.data());
        high.store(highs.data());
        one lowest(infinity), highest(-infinity);
        for (std::size_t j = 0; j < vector::size; ++j) {
            lowest = minimum(lowest, one(lows[j]));
            highest = maximum(highest, one(highs[j]));
        }
        for (; i < n; ++i) {
            if (z[i] > Scalar(0.5))
                lowest = minimum(lowest, one(u[i]));
            else
                highest = maximum(highest, one(u[i]));
        }
        // Of 0 and -0 either may come first; adding 0 makes both 0.
        lowest_chosen = lowest.v + Scalar(0);
        highest_other = highest.v + Scalar(0);
    }
};

/// The sums of w where z is 1, and where it is 0, in an order that no instruction set changes.
template <class Scalar>
struct group_sums {
    Scalar chosen;
    Scalar others;

    group_sums(const Scalar* w, const Scalar* z, std::size_t n) noexcept {
        using vector = widest_lanes<Scalar>;
        constexpr std::size_t chains = 16, vectors = chains / vector::size;
        const vector zero(Scalar(0));
        std::array<vector, vectors> in, out;
        in.fill(zero);
        out.fill(zero);
        std::size_t i = 0;
        for (; i + chains <= n; i += chains)
            for (std::size_t j = 0; j < vectors; ++j) {
                const std::size_t at = i + j * vector::size;
                const auto is_chosen = less(vector(Scalar(0.5)), vector::load(z + at));
                const vector here = vector::load(w + at);
                in[j] = in[j] + select(is_chosen, here, zero);
                out[j] = out[j] + select(is_chosen, zero, here);
            }
        std::array<Scalar, chains> in_chains, out_chains;
        for (std::size_t j = 0; j < vectors; ++j) {
            in[j].store(in_chains.data() + j * vector::size);
            out[j].store(out_chains.data() + j * vector::size);
        }
        for (std::size_t j = 0; i < n; ++i, ++j) (z[i] > Scalar(0.5) ? in_chains : out_chains)[j] += w[i];
        for (std::size_t half = chains / 2; half > 0; half /= 2)
            for (std::size_t j = 0; j < half; ++j) {
                in_chains[j] += in_chains[j + half];
                out_chains[j] += out_chains[j + half];
            }
        chosen = in_chains[0];
        others = out_chains[0];
    }
};

/// A law's tables, one for float and one for double. The first use of a table makes it, in whichever thread
/// that is.
class tail_tables {
  public:
    template <class Scalar, class LawT>
    [[nodiscard]] const tail_table<Scalar>& of(const LawT& law) {
        slot<Scalar>& mine = slots_;
        std::call_once(mine.once, [&] { mine.table.emplace(law); });
        return *mine.table;
    }

  private:
    template <class Scalar>
    struct slot {
        std::once_flag once;
        std::optional<tail_table<Scalar>> table;
    };
    each_of<slot<float>, slot<double>> slots_;
};

// A wrong noise fails with one sentence.
template <class N>
struct require_continuous_noise : require_noise<N> {
    static_assert(ContinuousNoise<N>,
                  "imle::ContinuousNoise: the noise of a conditional_layer must have cdf(x) and pdf(x), as "
                  "gumbel, normal, gamma and sum_of_gamma have. See "
                  "docs/concepts/noise_distribution.md#distribution-functions-and-densities");
    static_assert(!is_multiplicative_noise<N> && !is_zero_noise<N>,
                  "imle::ContinuousNoise: the noise of a conditional_layer is added to theta; noise that "
                  "multiplies it, or that is 0, has no density. See "
                  "docs/concepts/noise_distribution.md#distribution-functions-and-densities");
    using type = accepted_part<N, ContinuousNoise<N>>;
};

}  // namespace detail

/// The marginals of a solver that chooses the largest, each coordinate conditioned on the noise of all others
/// (Rao-Blackwell), and their exact derivative:
///
///     mu(theta) = E z(eps),    z(eps) = MAP(theta + T * eps)
///
/// Let u = theta + T * eps. Given the noise of all other coordinates, coordinate i is chosen if u_i exceeds
/// t_i, the k-th largest of the others: of all, the k-th largest if i is not chosen, the (k+1)-th if it is.
/// With the noise's distribution function F and density f, and tau(i) the coordinate where u = t_i,
///
///     m_i = 1 - F(x_i),    x_i = (t_i - theta_i) / T
///     marginals = mean of m over the samples
///     gradient  = mean over the samples of sum_i dmu_i f(x_i) / T (e_i - e_tau(i))
///
/// A sample of this layer, in `samples()`, is m: numbers from 0 to 1, with the same mean as z and a lower
/// variance (for the 10 largest of 350 a small part of it; see docs/estimators.md#conditioning). One m need
/// not sum to k; their expected value does. For z itself, use a `perturbed_sampler` with the same noise,
/// temperature and key: its samples are the z that these m are conditioned on.
///
///     imle::conditional_layer layer{imle::top_k{10}, imle::gumbel{}, {.samples = 16}};
///     auto pass = layer.marginals(theta, key);
///     auto gradient = layer.vjp(pass, dmu);
///
/// Bias: none. m depends on theta smoothly, for any S and T, so its derivative may be taken inside the
/// expected value (docs/math.md): if dmu does not depend on the samples, the mean over keys is J(theta)^T
/// dmu. For a nonlinear loss of the marginals the slope is taken at the estimate, which adds a bias of O(1 /
/// S). `vjp` with a cotangent for each sample pulls each back through the derivative of its own m, so that
/// `pull_back` is the exact gradient of any function of `samples()` for this key.
///
/// The solver is a `ThresholdSolver`: `top_k`, `categorical`, `k_of_groups`, and `minimizing` or
/// `per_instance` of them, or yours. Where all that may be chosen are chosen, or none, m is 1 or 0 and the
/// gradient 0. A coordinate that a mask forbids has m = 0 and gradient 0.
///
/// The noise is a `ContinuousNoise`. The first call for a scalar makes a table of F and f, which copies of
/// the layer share. It takes about a millisecond; for `sum_of_gamma` 10 to 100, or more if it has thousands
/// of terms. A density that is infinite at the lower bound, as of `gamma` of shape below 1 and of
/// `sum_of_gamma{k, terms}` with terms < k, is refused then: `std::invalid_argument`. The table is accurate
/// to 1e-6 in float and 1e-10 in double.
///
/// Cost: S solves forward. The backward pass draws the noise and solves again, at the same theta: no step and
/// no lambda. Both are O(S n) besides. Functions, shapes, keys, threads and errors are those of
/// `layer_interface`; a gradient that overflows throws `std::invalid_argument`.
template <std::copy_constructible SolverT, ContinuousNoise NoiseT, Executor ExecutorT = thread_executor>
class conditional_layer
    : public sampler_layer<conditional_layer<SolverT, NoiseT, ExecutorT>, SolverT, NoiseT, ExecutorT> {
    using base = sampler_layer<conditional_layer, SolverT, NoiseT, ExecutorT>;
    static constexpr bool minimizes = sense_of<SolverT> == sense::minimize;

  public:
    /// Throws `std::invalid_argument` if an option makes no sense.
    explicit conditional_layer(SolverT solver, NoiseT noise, conditional_options options = {},
                               ExecutorT executor = {})
        : base({std::move(solver), std::move(noise), sampler_options(options), std::move(executor)}),
          options_(options),
          tables_(detail::make_shared_object<detail::tail_tables>()) {}

    /// The options.
    [[nodiscard]] const conditional_options& options() const noexcept { return options_; }

  private:
    friend layer_interface<conditional_layer>;

    static layer_options sampler_options(const conditional_options& options) {
        detail::require_samples("conditional_options::samples", options.samples);
        if (!detail::is_finite(options.temperature) || !(options.temperature > 0))
            detail::throw_invalid("conditional_options::temperature", options.temperature,
                                  "a finite number above 0 (without noise there is nothing to average)");
        detail::require_threads("conditional_options::threads", options.threads);
        detail::require_sampling("conditional_options::sampling", options.sampling);
        return {.samples = options.samples,
                .input_temperature = options.temperature,
                .threads = options.threads,
                .sampling = options.sampling};
    }

    template <class CallT, class Scalar>
    void write_samples(const CallT& call, Scalar* m, std::vector<Eigen::Index>& failed_rows) const {
        const Eigen::Index n = call.shape.n;
        in_one_call(call, [&](detail::call_runner& runner, const auto& condition) {
            runner.for_each_piece<Scalar>(condition.work(), detail::pass_kind::gradient,
                                          [&](detail::worker& own, const detail::item_range& piece) {
                                              condition.write_probabilities(own, m + piece.first * n);
                                          });
            runner.add_failures(failed_rows);
        });
    }

    template <class CallT, class Scalar>
    void write_marginals(const CallT& call, Scalar* mean, std::vector<Eigen::Index>& failed_rows) const {
        const Eigen::Index n = call.shape.n;
        in_one_call(call, [&](detail::call_runner& runner, const auto& condition) {
            runner.reduce(condition.work(), detail::pass_kind::gradient, 1.0, mean,
                          [&](detail::worker& own, const detail::item_range& piece, auto& sum) {
                              Scalar* const m = own.memory_of<Scalar>().other_z.take(piece.count * n);
                              condition.write_probabilities(own, m);
                              sum.add(piece, m);
                          });
            runner.add_failures(failed_rows);
        });
    }

    template <class Scalar, class CallT>
    void write_gradient(const detail::pass_values<Scalar>& values, const CallT& call,
                        const detail::cotangent<Scalar>& dmu, Scalar* gradient) const {
        detail::write_for_theta(values, call, dmu, gradient,
                                [&](const auto&... rows) { write_rows(rows...); });
    }

    template <class Scalar, class CallT>
    void write_rows(const detail::pass_values<Scalar>& values, const CallT& call,
                    const detail::cotangent<Scalar>& dmu, Scalar* gradient) const {
        const Eigen::Index n = call.shape.n;
        const auto failed = [&](Eigen::Index item) {
            return std::binary_search(values.failed.begin(), values.failed.end(), item / call.samples);
        };
        in_one_call(call, [&](detail::call_runner& runner, const auto& condition) {
            const double divisor = static_cast<double>(static_cast<Scalar>(options_.temperature));
            runner.reduce(condition.work(), detail::pass_kind::gradient, divisor, gradient,
                          [&](detail::worker& own, const detail::item_range& piece, auto& sum) {
                              if (!values.failed.empty()) std::erase_if(own.items, failed);
                              Scalar* const g = own.memory_of<Scalar>().other_z.take(piece.count * n);
                              condition.write_products(own, dmu, g);
                              sum.add(piece, own.items, [&](std::size_t j) {
                                  return [row = g + static_cast<Eigen::Index>(j) * n](Eigen::Index i) {
                                      return row[i];
                                  };
                              });
                          });
        });
        detail::require_finite_gradient(call, gradient,
                                        "a finite one: use a larger temperature or a smaller cotangent");
    }

    /// Conditions the items of a worker's piece. Both functions solve, and leave what they write to one
    /// coordinate after another to vector operations.
    template <class Scalar, int Rank, int Layout>
    class conditioning {
      public:
        using solve_type = detail::perturbed_solve<Scalar, Rank, Layout>;

        conditioning(const solve_type& solve, double temperature, const detail::tail_table<Scalar>& table)
            : solve_(solve),
              call_(solve.call()),
              n_(static_cast<std::size_t>(call_.shape.n)),
              temperature_(static_cast<Scalar>(temperature)),
              table_(table) {}

        [[nodiscard]] const detail::call_work& work() const { return solve_.work(); }

        /// m of the worker's items.
        void write_probabilities(detail::worker& own, Scalar* m) const {
            for_each_item(own, [&](std::size_t j, const auto& item) {
                Scalar* const out = m + j * n_;
                write_arguments(item, out);
                table_.write_survivals(out, out, n_);
                detail::write_forbidden(item.context.mask, out);
            });
        }

        /// sum_i dmu_i f(x_i) (e_i - e_tau(i)) of the worker's items, for costs its negative.
        void write_products(detail::worker& own, const detail::cotangent<Scalar>& dmu, Scalar* g) const {
            const Scalar scale = minimizes ? -dmu.scale : dmu.scale;
            for_each_item(own, [&](std::size_t j, const auto& item) {
                Scalar* const out = g + j * n_;
                write_arguments(item, out);
                table_.write_densities(out, out, n_);
                const Eigen::Index at = own.items[j];
                const Scalar* const dm = dmu.dz + (dmu.per_sample ? at : at / call_.samples) * call_.shape.n;
                detail::for_each_lanes<Scalar>(n_, [&]<class Lanes>(std::type_identity<Lanes>,
                                                                    std::size_t i) {
                    product(product(Lanes(scale), Lanes::load(dm + i)), Lanes::load(out + i)).store(out + i);
                });
                item.for_each_group([&](std::size_t first, std::size_t size) {
                    const Scalar *const u = item.u + first, *const z = item.z + first;
                    const detail::group_thresholds<Scalar> thresholds(u, z, size);
                    const detail::group_sums<Scalar> sums(out + first, z, size);
                    // Without a threshold there is no such place, and all densities are 0.
                    const std::size_t low = place_of(thresholds.lowest_chosen, true, u, z, size);
                    const std::size_t high = place_of(thresholds.highest_other, false, u, z, size);
                    if (low < size) out[first + low] -= sums.others;
                    if (high < size) out[first + high] -= sums.chosen;
                });
                detail::write_forbidden(item.context.mask, out);
            });
        }

      private:
        /// One item. u: theta + T * eps, -infinity where forbidden.
        template <class GroupsT>
        struct conditioned_item {
            const Scalar* theta;
            const Scalar* u;
            const Scalar* z;
            const solve_context& context;
            const GroupsT& for_each_group;
        };

        template <class F>
        void for_each_item(detail::worker& own, F&& f) const {
            auto& memory = own.memory_of<Scalar>();
            const Eigen::Index size = own.item_count() * call_.shape.n;
            const Scalar* const noise = solve_.noise(own);
            Scalar* const z = memory.z.take(size);
            const auto theta = solve_.theta(own);
            solve_.solve(own, theta, static_cast<double>(temperature_), noise, nullptr, z,
                         "theta + temperature * noise overflows; expected finite sums");
            SolverT& solver = *static_cast<detail::solver_worker<SolverT>&>(own).solver;
            const std::span<const solve_context> contexts = solve_.contexts_of(own);
            Scalar* const u = memory.perturbed.take(size);
            for (std::size_t j = 0; j < own.items.size(); ++j) {
                // The same operations as in the solve, with the same bits.
                detail::scaled_sum(temperature_, noise + j * n_, theta[j], u + j * n_, n_);
                const solve_context& context = contexts[j];
                detail::write_forbidden(context.mask, u + j * n_, -std::numeric_limits<Scalar>::infinity());
                const auto for_each_group = [&](auto&& each) {
                    const_view<Scalar, Rank, Layout> view(theta[j], call_.shape.instance);
                    solver.for_each_group(view, context, [&](Eigen::Index first, Eigen::Index count) {
                        each(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
                    });
                };
                f(j, conditioned_item<decltype(for_each_group)>{theta[j], u + j * n_, z + j * n_, context,
                                                                for_each_group});
            }
        }

        /// x_i = (t_i - theta_i) / T. Outside of all groups it is infinity.
        template <class ItemT>
        void write_arguments(const ItemT& item, Scalar* x) const {
            const Scalar inverse = 1 / temperature_;
            std::fill_n(x, n_, std::numeric_limits<Scalar>::infinity());
            item.for_each_group([&](std::size_t first, std::size_t size) {
                const Scalar *const z = item.z + first, *const theta = item.theta + first;
                const detail::group_thresholds<Scalar> thresholds(item.u + first, z, size);
                detail::for_each_lanes<Scalar>(
                    size, [&]<class Lanes>(std::type_identity<Lanes>, std::size_t i) {
                        const auto chosen = less(Lanes(Scalar(0.5)), Lanes::load(z + i));
                        const Lanes t =
                            select(chosen, Lanes(thresholds.highest_other), Lanes(thresholds.lowest_chosen));
                        product(t - Lanes::load(theta + i), Lanes(inverse)).store(x + first + i);
                    });
            });
        }

        /// The first coordinate of a group that is chosen (or not) and where u = t; `size` if there is none.
        [[nodiscard]] static std::size_t place_of(Scalar t, bool chosen, const Scalar* u, const Scalar* z,
                                                  std::size_t size) noexcept {
            std::size_t i = 0;
            while (i < size && !(u[i] == t && (z[i] > Scalar(0.5)) == chosen)) ++i;
            return i;
        }

        const solve_type& solve_;
        const detail::layer_call<Scalar, Rank, Layout>& call_;
        std::size_t n_;
        Scalar temperature_;
        const detail::tail_table<Scalar>& table_;
    };

    /// Calls f(runner, conditioning), which does the work of one call.
    template <class Scalar, int Rank, int Layout, class F>
    void in_one_call(const detail::layer_call<Scalar, Rank, Layout>& call, F&& f) const {
        static_assert(
            ThresholdSolver<SolverT, Scalar, Rank, Layout>,
            "imle::ThresholdSolver: the solver of a conditional_layer must choose the largest of groups "
            "and have for_each_group(theta, context, f), as top_k, categorical and k_of_groups "
            "have. See docs/estimators.md#conditioning");
        if (!detail::is_finite(1 / static_cast<Scalar>(options_.temperature)))
            detail::throw_invalid("conditional_options::temperature", options_.temperature,
                                  "a number whose inverse fits theta's scalar");
        const auto& table = tables_->of<Scalar>(this->noise());
        this->sampler_.in_one_call(call, [&](detail::call_runner& runner, const auto& solve) {
            runner.expect_solves(call.shape.batch * call.samples);
            f(runner, conditioning<Scalar, Rank, Layout>(solve, options_.temperature, table));
        });
    }

    conditional_options options_;
    std::shared_ptr<detail::tail_tables> tables_;
};

template <class S, class N, Executor E = thread_executor>
conditional_layer(S, N, conditional_options = {}, E = {})
    -> conditional_layer<typename detail::require_solver_object<S>::type,
                         typename detail::require_continuous_noise<N>::type, E>;

}  // namespace imle::inline IMLE_ABI
