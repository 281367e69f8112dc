#pragma once

/// @file
/// What the layers around an exact family have in common: the forward half, and the family's answers, looked
/// at.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <imle/concepts/exponential_family.hpp>
#include <imle/core/refused_part.hpp>
#include <imle/core/shared_object.hpp>
#include <imle/estimators/detail/row_threads.hpp>
#include <imle/layer/layer_interface.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/layer/map_call.hpp>
#include <imle/parallel/thread_executor.hpp>

namespace imle::inline IMLE_ABI::detail {

template <class FamilyT, int InstanceRank, int Layout>
inline constexpr bool family_fits_layout = InstanceRank == 1 || !requires {
    requires int(FamilyT::layout) != Layout;
};
template <class FamilyT, int InstanceRank>
inline constexpr bool family_fits_rank = !requires {
    requires int(FamilyT::instance_rank) != InstanceRank;
};

/// Instance b's numbers, of values that have n for each instance.
template <class Scalar>
[[nodiscard]] std::span<Scalar> family_row(Scalar* values, Eigen::Index b, Eigen::Index n) {
    return {values + b * n, static_cast<std::size_t>(n)};
}

/// Hands `out` to `write`, which calls the family's `function` for instance b. Throws `solver_error` unless
/// all of it was written, with finite numbers. first_sample: of those that are written.
template <class CallT, class Scalar, class WriteT>
void write_by_family(const char* function, const CallT& call, Eigen::Index b, std::span<Scalar> out,
                     WriteT&& write, std::size_t first_sample = 0) {
    std::fill(out.begin(), out.end(), unwritten<Scalar>());
    write(out);
    const std::span<const Scalar> values(out);
    if (all_finite(values)) return;
    const std::size_t at = first_not_finite(values), n = static_cast<std::size_t>(call.shape.n),
                      sample = first_sample + at / n;
    const std::uint64_t instance = call.first_instance() + static_cast<std::uint64_t>(b);
    throw solver_error(message("imle: the family's ", function, " wrote ", values[at],
                               " (or nothing) at coordinate ", at % n, " in instance ", instance, ", sample ",
                               sample, "; expected a finite number at every coordinate"),
                       instance, sample);
}

/// Whether the family of some coordinates is what remains of the whole one where the others are 0, so that a
/// mask can be had by leaving them out.
template <class FamilyT>
inline constexpr bool restricts_to_any = requires {
    requires FamilyT::restricts_to_any;
};

/// The view of an instance of a call.
template <class Scalar, int Rank, int Layout>
[[nodiscard]] const_view<Scalar, Rank, Layout> family_view(const layer_call<Scalar, Rank, Layout>& call,
                                                           const Scalar* values) {
    return {values, call.shape.instance};
}

/// Calls write(theta, out) with instance b's theta and `out`, n numbers or several times as many; or with
/// those that the mask allows, the others of `out` being 0. For a family of views: write(theta, out, context)
/// with views, of `out` one with one more, outermost dimension of `count` instances if `Several`.
template <class FamilyT, bool Several = false, class Scalar, int Rank, int Layout, class WriteT>
void write_allowed(const layer_call<Scalar, Rank, Layout>& call, Eigen::Index b, std::span<Scalar> out,
                   WriteT&& write, Eigen::Index count = 1) {
    const std::span<const Scalar> theta(call.theta_of(b), static_cast<std::size_t>(call.shape.n));
    const auto mask = call.mask_of(b);
    if constexpr (is_shaped_family<FamilyT>) {
        auto view = family_view(call, theta.data());
        const solve_context context = call.context_of(b, 0);
        if constexpr (Several) {
            mutable_view<Scalar, Rank + 1, Layout> all(out.data(), call.shape.batched(count));
            write(view, all, context);
        } else {
            mutable_view<Scalar, Rank, Layout> one(out.data(), call.shape.instance);
            write(view, one, context);
        }
    } else if (mask.empty()) {
        write(theta, out);
    } else if constexpr (!restricts_to_any<FamilyT>) {
        throw_invalid("call_options::mask", "given to a family that does not support masks",
                      "one with `restricts_to_any`, such as k_subset_family (docs/estimators.md)");
    } else {
        const std::vector<Scalar> allowed = allowed_numbers(mask, theta);
        if (allowed.empty())
            throw_invalid("call_options::mask", message("false everywhere in row ", b),
                          "at least one coordinate that may be chosen in each row");
        std::vector<Scalar> written(allowed.size() * (out.size() / mask.size()), unwritten<Scalar>());
        write(std::span<const Scalar>(allowed), std::span<Scalar>(written));
        write_allowed_numbers(mask, std::span<const Scalar>(written), out);
    }
}

/// One draw of several, in the form in which theta is given.
template <class CallT, class Scalar>
[[nodiscard]] std::span<Scalar> family_draw(const CallT&, Scalar* z, std::span<const Scalar> theta) {
    return {z, theta.size()};
}
template <class Scalar, int Rank, int Layout>
[[nodiscard]] mutable_view<Scalar, Rank, Layout> family_draw(const layer_call<Scalar, Rank, Layout>& call,
                                                             Scalar* z,
                                                             const const_view<Scalar, Rank, Layout>&) {
    return {z, call.shape.instance};
}

/// mu of instance b.
template <class FamilyT, class CallT, class Scalar>
void write_family_marginals(const FamilyT& family, const CallT& call, Eigen::Index b, std::span<Scalar> mu) {
    write_by_family("marginals", call, b, mu, [&](std::span<Scalar> values) {
        write_allowed<FamilyT>(call, b, values, [&](const auto& theta, auto&& out, const auto&... context) {
            family.marginals(theta, out, context...);
        });
    });
}

/// `count` draws of instance b, from `first_sample` on.
template <class FamilyT, class CallT, class Scalar>
void write_family_samples(const FamilyT& family, const CallT& call, Eigen::Index b, Eigen::Index first_sample,
                          Eigen::Index count, Scalar* zs) {
    const std::uint64_t first_item =
        (call.first_instance() + static_cast<std::uint64_t>(b)) * static_cast<std::uint64_t>(call.samples) +
        static_cast<std::uint64_t>(first_sample);
    const auto write = [&](std::span<Scalar> values) {
        const auto several = [&](const auto& theta, auto&& out, const auto&... context) {
            if constexpr (requires { family.sample_several(theta, call.key, first_item, out, context...); })
                family.sample_several(theta, call.key, first_item, out, context...);
            else
                for (Eigen::Index s = 0; s < count; ++s) {
                    const Eigen::Index size = static_cast<Eigen::Index>(theta.size());
                    auto one = family_draw(call, out.data() + s * size, theta);
                    family.sample(theta, call.key, first_item + static_cast<std::uint64_t>(s), one,
                                  context...);
                }
        };
        write_allowed<FamilyT, true>(call, b, values, several, count);
    };
    write_by_family("sample", call, b, std::span<Scalar>(zs, static_cast<std::size_t>(count * call.shape.n)),
                    write, static_cast<std::size_t>(first_sample));
}

/// Whether a family has a map of spans, or one of views with a context.
template <class FamilyT, class Scalar>
concept MapsSpans = requires(const FamilyT& family, std::span<const Scalar> theta, std::span<Scalar> z) {
    family.map(theta, z);
};
template <class FamilyT, class ThetaT, class ZT>
concept MapsViews = requires(const FamilyT& family, const ThetaT& theta, ZT& z,
                             const solve_context& context) {
    family.map(theta, z, context);
};
template <class FamilyT, class Scalar, int Rank, int Layout>
inline constexpr bool has_family_map =
    MapsSpans<FamilyT, Scalar> ||
    MapsViews<FamilyT, const_view<Scalar, Rank, Layout>, mutable_view<Scalar, Rank, Layout>>;

/// z of instance b that maximises <theta, z>.
template <class FamilyT, class CallT, class Scalar>
void write_family_map(const FamilyT& family, const CallT& call, Eigen::Index b, std::span<Scalar> z) {
    write_by_family("map", call, b, z, [&](std::span<Scalar> values) {
        write_allowed<FamilyT>(call, b, values, [&](const auto& theta, auto&& out, const auto&... context) {
            family.map(theta, out, context...);
        });
    });
}

/// `layer_interface` around a family: `forward` gives S exact samples per instance, z of item
/// (first_instance + b) * S + s; `marginals` gives E z exactly, without drawing a sample, as a pass that is
/// pulled back through like one of `forward`. `LayerT` adds `write_gradient`. It holds the family, the
/// options and, if these allow more than one, threads, which copies share. One thread does all of a row, but
/// for samples where there are fewer rows than threads.
template <class LayerT, class FamilyT, class OptionsT, class ExecutorT>
class family_layer : public layer_interface<LayerT> {
  public:
    /// z = MAP(theta) of every instance, of theta's shape; for a shared theta, [count, instance...]. Needs a
    /// family that has `map`. Throws like `forward`.
    template <class ThetaT, CallOptions CallOptionsT = call_options>
    [[nodiscard]] auto map(const ThetaT& theta, const CallOptionsT& options = {}) const {
        return map_call(theta, options_of(options), [&](const auto& call, auto* z) {
            require_map(call);
            for_each_row(row_work::map, call, [&](std::size_t, Eigen::Index b) {
                write_family_map(family_, call, b, family_row(z, b, call.shape.n));
            });
        });
    }

    /// The family.
    [[nodiscard]] const FamilyT& family() const noexcept { return family_; }
    /// The options.
    [[nodiscard]] const OptionsT& options() const noexcept { return options_; }
    /// S, the samples per instance.
    [[nodiscard]] Eigen::Index sample_count() const noexcept { return options_.samples; }

  protected:
    friend layer_interface<LayerT>;

    family_layer(FamilyT family, const OptionsT& options, ExecutorT executor, const char* samples_option,
                 const char* threads_option)
        : family_(std::move(family)), options_(options) {
        require_samples(samples_option, options_.samples);
        require_threads(threads_option, options_.threads);
        if (options_.threads != 1)
            threads_ =
                detail::make_shared_object<row_threads<ExecutorT>>(options_.threads, std::move(executor));
    }

    /// Calls f(worker, b) for every row b of a call, on the layer's threads. If rows throw, the exception of
    /// the lowest is rethrown.
    template <class CallT>
    void for_each_row(row_work work, const CallT& call,
                      function_ref<void(std::size_t, Eigen::Index)> f) const {
        for_each_of(work, call.shape.batch, call.samples * call.shape.n, f);
    }

    /// The largest number of workers of a call.
    [[nodiscard]] std::size_t workers() const noexcept { return threads_ ? threads_->workers() : 1; }

    template <class Scalar, int Rank, int Layout>
    static constexpr void require_family(const layer_call<Scalar, Rank, Layout>&) {
        static_assert(
            family_fits_rank<FamilyT, Rank>,
            "imle::ExponentialFamily: the family's instance_rank is not the number of theta's dimensions "
            "without the batch. See docs/concepts/exponential_family.md");
        static_assert(
            ExponentialFamily<FamilyT, Scalar>,
            "imle::ExponentialFamily: the layer's family has no sample(theta, random_key, std::uint64_t, "
            "z) const and marginals(theta, mu) const for this scalar. See "
            "docs/concepts/exponential_family.md");
        static_assert(
            family_fits_layout<FamilyT, Rank, Layout>,
            "imle::ExponentialFamily: the family accepts instances of several dimensions in one layout, "
            "and theta has the other. See docs/concepts/exponential_family.md");
    }

  private:
    template <class Scalar, int Rank, int Layout>
    static constexpr void require_map(const layer_call<Scalar, Rank, Layout>& call) {
        static_assert(
            has_family_map<FamilyT, Scalar, Rank, Layout>,
            "imle::ExponentialFamily: the layer's family has no map(theta, z) const for this scalar. See "
            "docs/concepts/exponential_family.md");
        require_family(call);
    }

    template <class CallT, class Scalar>
    void write_samples(const CallT& call, Scalar* z, std::vector<Eigen::Index>&) const {
        require_family(call);
        // Few rows are cut. A family prepares itself for each part, so there are no more than needed.
        const Eigen::Index batch = std::max<Eigen::Index>(1, call.shape.batch), n = call.shape.n,
                           wanted = (static_cast<Eigen::Index>(workers()) + batch - 1) / batch,
                           size = (call.samples + wanted - 1) / wanted,
                           parts = (call.samples + size - 1) / size;
        for_each_of(
            row_work::samples, call.shape.batch * parts, size * n, [&](std::size_t, Eigen::Index part) {
                const Eigen::Index b = part / parts, first = part % parts * size,
                                   count = std::min(size, call.samples - first);
                write_family_samples(family_, call, b, first, count, z + (b * call.samples + first) * n);
            });
    }

    /// Calls f(worker, i) for all i < count, each of which is work on `size` numbers.
    void for_each_of(row_work work, Eigen::Index count, Eigen::Index size,
                     function_ref<void(std::size_t, Eigen::Index)> f) const {
        if (threads_ && count > 1)
            threads_->for_each_row(work, count, size, f);
        else
            for (Eigen::Index i = 0; i < count; ++i) f(0, i);
    }

    template <class CallT, class Scalar>
    void write_marginals(const CallT& call, Scalar* mu, std::vector<Eigen::Index>&) const {
        require_family(call);
        for_each_row(row_work::marginals, call, [&](std::size_t, Eigen::Index b) {
            write_family_marginals(family_, call, b, family_row(mu, b, call.shape.n));
        });
    }

    FamilyT family_;
    OptionsT options_;
    /// Null for one thread.
    std::shared_ptr<row_threads<ExecutorT>> threads_;
};

// A wrong family given to class template argument deduction fails with one sentence.
template <class F>
struct require_exact_family {
    static_assert(
        ExponentialFamilyOfSomeScalar<F>,
        "imle::ExponentialFamily: the layer's family has no sample(theta, random_key, std::uint64_t, "
        "z) const and marginals(theta, mu) const. See docs/concepts/exponential_family.md");
    using type = accepted_part<F, ExponentialFamilyOfSomeScalar<F>>;
};

}  // namespace imle::inline IMLE_ABI::detail
