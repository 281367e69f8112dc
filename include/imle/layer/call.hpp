#pragma once

/// @file
/// The arguments of a layer's call, and their checks. All checks throw `std::invalid_argument`.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/concepts/solver.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/shared_object.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// Optional arguments of a call, after theta and key: `layer.forward(theta, key, {.ids = ids, .mask =
/// mask})`. A plain number in their place sets `first_instance`. The order of the members is part of the
/// contract.
///
/// A pass copies its options. Throws `std::invalid_argument` if a size does not fit.
struct call_options {
    /// The rows of this call are rows `first_instance`, `first_instance` + 1, ... of a larger batch, and get
    /// the noise of those rows.
    std::uint64_t first_instance = 0;
    /// One number for each row that identifies its data: the solver gets it as `solve_context::id`. Without
    /// ids, that is the instance's index.
    std::span<const std::uint64_t> ids = {};
    /// The coordinates that may be chosen, in theta's memory order: one mask for the whole batch, or one
    /// instance's mask for all rows. A forbidden coordinate of z is never 1; its gradient is 0, its theta is
    /// ignored, and its noise is 0. Throws unless the solver accepts a context.
    std::span<const bool> mask = {};
};

/// Either `call_options` or the index of the first instance.
template <class T>
concept CallOptions = std::same_as<T, call_options> || std::convertible_to<const T&, std::uint64_t>;

namespace detail {

template <CallOptions OptionsT>
[[nodiscard]] call_options options_of(const OptionsT& options) {
    if constexpr (std::same_as<OptionsT, call_options>)
        return options;
    else
        return {.first_instance = static_cast<std::uint64_t>(options)};
}

/// The checked arguments of one call. Pointers refer to the caller's numbers, in memory order.
template <class Scalar, int Rank, int Layout>
struct layer_call {
    batch_shape<Rank, Layout> shape;
    Eigen::Index samples;
    const Scalar* theta;
    random_key key;
    /// `mask` may hold one instance's mask for all rows.
    call_options options;
    /// Whether theta is a single instance, shared by all rows.
    bool shares_theta = false;

    [[nodiscard]] std::uint64_t first_instance() const noexcept { return options.first_instance; }
    [[nodiscard]] const Scalar* theta_of(Eigen::Index row) const noexcept {
        return shares_theta ? theta : theta + row * shape.n;
    }
    /// The row of an item. The first row's items do without a division, which takes as long as perturbing
    /// many numbers.
    [[nodiscard]] Eigen::Index row_of(Eigen::Index item) const noexcept {
        return item < samples ? 0 : samples == 1 ? item : item / samples;
    }
    /// The number of instances in theta.
    [[nodiscard]] Eigen::Index theta_rows() const noexcept { return shares_theta ? 1 : shape.batch; }
    /// The coordinates that a row allows. Empty means all.
    [[nodiscard]] std::span<const bool> mask_of(Eigen::Index row) const noexcept {
        const auto n = static_cast<std::size_t>(shape.n);
        if (options.mask.size() <= n) return options.mask;
        return options.mask.subspan(static_cast<std::size_t>(row) * n, n);
    }
    [[nodiscard]] bool is_masked() const noexcept { return !options.mask.empty(); }
    /// Whether rows that share a theta have masks of their own. No coordinate of theta then counts as
    /// forbidden.
    [[nodiscard]] bool has_mask_beside_theta() const noexcept {
        return shares_theta && options.mask.size() > static_cast<std::size_t>(shape.n);
    }
    [[nodiscard]] solve_context context_of(Eigen::Index row, std::uint64_t sample) const noexcept {
        const std::uint64_t instance = options.first_instance + static_cast<std::uint64_t>(row);
        return {instance, sample, options.ids.empty() ? instance : options.ids[static_cast<std::size_t>(row)],
                mask_of(row)};
    }
    /// The part of the call that consists of `count` rows, starting at `row`.
    [[nodiscard]] layer_call rows(Eigen::Index row, Eigen::Index count) const {
        layer_call part = *this;
        const auto first = static_cast<std::size_t>(row), size = static_cast<std::size_t>(count);
        part.shape.batch = count;
        part.theta = theta_of(row);
        part.options.first_instance += static_cast<std::uint64_t>(row);
        if (!options.ids.empty()) part.options.ids = options.ids.subspan(first, size);
        const auto n = static_cast<std::size_t>(shape.n);
        if (options.mask.size() > n) part.options.mask = options.mask.subspan(first * n, size * n);
        return part;
    }
};

/// Writes `value` at the coordinates that a mask forbids.
template <class Scalar>
void write_forbidden(std::span<const bool> mask, Scalar* values, Scalar value = 0) noexcept {
    for (std::size_t i = 0; i < mask.size(); ++i)
        if (!mask[i]) values[i] = value;
}

/// The numbers that a mask allows (all, if it is empty), from `values` of one or several instances.
template <class Scalar>
[[nodiscard]] std::vector<Scalar> allowed_numbers(std::span<const bool> mask,
                                                  std::span<const Scalar> values) {
    if (mask.empty()) return {values.begin(), values.end()};
    std::vector<Scalar> allowed;
    for (std::size_t at = 0; at < values.size(); at += mask.size())
        for (std::size_t i = 0; i < mask.size(); ++i)
            if (mask[i]) allowed.push_back(values[at + i]);
    return allowed;
}

/// The inverse of `allowed_numbers`: writes 0 where the mask forbids.
template <class Number, class Scalar>
void write_allowed_numbers(std::span<const bool> mask, std::span<const Number> allowed,
                           std::span<Scalar> values) {
    auto next = allowed.begin();
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = mask.empty() || mask[i % mask.size()] ? static_cast<Scalar>(*next++) : Scalar(0);
}

/// The cotangent of a backward pass.
template <class Scalar>
struct cotangent {
    const Scalar* dz;
    /// Whether dz has a sample dimension. If not, every sample uses its instance's cotangent.
    bool per_sample;
    /// A factor for each number of dz.
    Scalar scale = 1;
    /// The memory of dz, if it is not the caller's.
    std::shared_ptr<const std::vector<Scalar>> own = {};
};

// ---- checks -----------------------------------------------------------------------------------------------

/// `whose` describes `expected` in words.
template <DenseTensor TensorT, int Rank>
void require_shape(const char* argument, const TensorT& tensor,
                   const Eigen::DSizes<Eigen::Index, Rank>& expected, const char* whose) {
    if (same_dimensions(dimensions_of(tensor), expected)) return;
    throw_invalid(argument, "a tensor of shape " + shape_string(dimensions_of(tensor)),
                  message(whose, " ", shape_string(expected)));
}

/// `samples` is 0 where the values have no sample dimension.
template <class Scalar>
void require_finite(const char* argument, const Scalar* values, Eigen::Index batch, Eigen::Index samples,
                    Eigen::Index n, const char* expected) {
    const Eigen::Index items = batch * std::max<Eigen::Index>(samples, 1);
    const std::span<const Scalar> all(values, static_cast<std::size_t>(items * n));
    if (all_finite(all)) return;
    const Eigen::Index at = static_cast<Eigen::Index>(first_not_finite(all));
    const Eigen::Index item = at / n;
    const std::string place = samples == 0 ? message(" in row ", item)
                                           : message(" in row ", item / samples, ", sample ", item % samples);
    throw_invalid(argument, message(values[at], place, ", coordinate ", at % n), expected);
}

/// Throws unless `rows` are rows of the batch in strictly ascending order.
inline void require_rows(const char* argument, std::span<const Eigen::Index> rows, Eigen::Index batch) {
    Eigen::Index last = -1;
    for (const Eigen::Index row : rows) {
        if (row <= last || row >= batch)
            throw_invalid(argument, message("a list with ", row, " after ", last),
                          message("ascending rows from 0 to ", batch - 1));
        last = row;
    }
}

/// The number of samples must fit `Eigen::Index`, and the index of every noise element 64 bits.
template <class CallT>
void require_addresses(const CallT& call) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    constexpr std::uint64_t most_items = std::numeric_limits<Eigen::Index>::max();
    const auto batch = static_cast<std::uint64_t>(call.shape.batch);
    const auto samples = static_cast<std::uint64_t>(call.samples);
    const auto n = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(call.shape.n));
    // A small call is not worth the divisions: the products have at most 46 bits.
    if (((batch | samples | n | call.first_instance()) >> 15) == 0) return;
    if (batch > most_items / samples / n)
        throw_invalid("the number of samples", call.samples,
                      "batch * samples * n to fit 64 bits, sign included");
    if (call.first_instance() > most - batch || call.first_instance() + batch > most / samples / n)
        throw_invalid("first_instance", call.first_instance(),
                      "(first_instance + batch) * samples * n to fit 64 bits");
}

/// Throws unless all numbers of a batch are finite.
template <DenseTensor TensorT>
void require_finite_batch(const char* argument, const TensorT& tensor,
                          const char* expected = "a finite number") {
    const auto shape = shape_of(tensor);
    require_finite(argument, tensor.data(), shape.batch, 0, shape.n, expected);
}

/// Throws unless `tensor` has the dimensions of `model`, which messages call `whose`, and finite numbers. A
/// different scalar, rank or layout does not compile.
template <DenseTensor TensorT, DenseTensor ModelT>
void require_like(const char* argument, const TensorT& tensor, const ModelT& model, const char* whose) {
    static_assert(
        std::same_as<scalar_of<TensorT>, scalar_of<ModelT>> && rank_of<TensorT> == rank_of<ModelT> &&
            layout_of<TensorT> == layout_of<ModelT>,
        "imle: all tensors of a loss must have one scalar, rank and layout. See docs/estimators.md");
    require_shape(argument, tensor, dimensions_of(model), whose);
    require_finite_batch(argument, tensor);
}

/// Throws if a number of a gradient of theta's shape has overflowed.
template <class CallT, class Scalar>
void require_finite_gradient(const CallT& call, const Scalar* gradient, const char* expected) {
    const std::span<const Scalar> all(gradient, static_cast<std::size_t>(call.shape.batch * call.shape.n));
    if (all_finite(all)) return;
    const std::size_t at = first_not_finite(all);
    throw_invalid("the gradient", message(all[at], " at element ", at, " in memory"), expected);
}

// ---- calls ------------------------------------------------------------------------------------------------

/// Throws unless the sizes of ids and mask fit the call.
template <class CallT>
void require_options(const CallT& call) {
    const auto batch = static_cast<std::size_t>(call.shape.batch), n = static_cast<std::size_t>(call.shape.n);
    const std::size_t ids = call.options.ids.size(), mask = call.options.mask.size();
    if (ids != 0 && ids != batch)
        throw_invalid("call_options::ids", message("a list of ", ids), message("one id per row, ", batch));
    if (mask != 0 && mask != n && mask != batch * n)
        throw_invalid("call_options::mask", message("a list of ", mask),
                      message("theta's size, ", batch * n, ", or the size of one instance, ", n));
}

/// Throws unless a call's sizes fit and all of theta that is used is finite.
template <class CallT>
void check_call(const CallT& call) {
    if (!call.options.ids.empty() || call.is_masked()) require_options(call);
    const Eigen::Index n = call.shape.n;
    constexpr const char* expected =
        "a finite number (to forbid a choice, use call_options::mask or the solver's context)";
    using Scalar = std::remove_cvref_t<decltype(*call.theta)>;
    if (!call.is_masked() || call.has_mask_beside_theta()) {
        require_finite("theta", call.theta, call.theta_rows(), 0, n, expected);
    } else {
        for (Eigen::Index row = 0; row < call.theta_rows(); ++row) {
            const auto mask = call.mask_of(row);
            const Scalar* const theta = call.theta_of(row);
            for (Eigen::Index i = 0; i < n; ++i)
                if (mask[static_cast<std::size_t>(i)] && !is_finite(theta[i]))
                    throw_invalid("theta", message(theta[i], " in row ", row, ", coordinate ", i), expected);
        }
    }
    require_addresses(call);
}

/// The checked arguments of a forward call. If `shared_rows` is not negative, theta is one instance, [1,
/// instance...], that so many rows share.
template <DenseTensor ThetaT>
[[nodiscard]] auto checked_call(const ThetaT& theta, Eigen::Index samples, random_key key,
                                const call_options& options, Eigen::Index shared_rows = -1) {
    layer_call<scalar_of<ThetaT>, rank_of<ThetaT> - 1, layout_of<ThetaT>> call{shape_of(theta), samples,
                                                                               theta.data(), key, options};
    if (shared_rows >= 0) {
        call.shares_theta = true;
        call.shape.batch = shared_rows;
    }
    check_call(call);
    return call;
}

/// Rebuilds the call that made a pass. Throws `std::logic_error` if the pass was moved from.
template <class PassT>
[[nodiscard]] auto call_of(const PassT& pass) {
    pass.require_whole();
    using theta_tensor = typename PassT::theta_tensor;
    const layer_call<scalar_of<theta_tensor>, rank_of<theta_tensor> - 1, layout_of<theta_tensor>> call{
        pass.shape(),
        pass.sample_count(),
        pass.theta().data(),
        pass.key(),
        {pass.first_instance(), pass.ids(), pass.mask()},
        pass.shares_theta()};
    require_options(call);
    require_addresses(call);
    return call;
}

/// `dz` as it is, if its type fits the pass; else one sentence, and a tensor with which the code that follows
/// compiles.
template <class PassT, DenseTensor CotangentT>
[[nodiscard]] decltype(auto) fitting_cotangent(const CotangentT& dz) {
    using theta_tensor = typename PassT::theta_tensor;
    constexpr int rank = rank_of<theta_tensor>;
    constexpr bool fits_scalar = std::same_as<scalar_of<CotangentT>, scalar_of<theta_tensor>> &&
                                 layout_of<CotangentT> == layout_of<theta_tensor>;
    constexpr bool fits_rank =
        rank_of<CotangentT> == rank || (PassT::keeps_samples && rank_of<CotangentT> == rank + 1);
    static_assert(fits_scalar, "imle: the cotangent must have theta's scalar and layout. See docs/layer.md");
    static_assert(fits_rank,
                  "imle: the cotangent must have theta's shape or, for a pass of forward, the samples'. See "
                  "docs/layer.md");
    if constexpr (fits_scalar && fits_rank)
        return (dz);
    else
        return theta_tensor();
}

/// Checks `dz`, which has theta's shape or, for a pass that kept its samples, the samples' shape. O(size of
/// dz).
template <class PassT, DenseTensor TensorT>
[[nodiscard]] auto checked_cotangent(const PassT& pass, const TensorT& tensor) {
    const auto& dz = fitting_cotangent<PassT>(tensor);
    using Scalar = scalar_of<typename PassT::theta_tensor>;
    constexpr bool per_sample = rank_of<decltype(dz)> == rank_of<typename PassT::theta_tensor> + 1;
    const auto shape = pass.shape();
    const Eigen::Index samples = pass.sample_count();
    if constexpr (per_sample)
        require_shape("dz", dz, shape.samples(samples), "the samples' shape");
    else
        require_shape("dz", dz, shape.theta(),
                      pass.shares_theta() ? "the marginals' shape" : "theta's shape");
    cotangent<Scalar> checked{dz.data(), per_sample};
    if (!pass.mask().empty()) {
        // Numbers at forbidden coordinates may be anything, and must not have any effect.
        const auto call = call_of(pass);
        const Eigen::Index per_row = (per_sample ? samples : 1) * shape.n;
        auto own = detail::make_shared_object<std::vector<Scalar>>(dz.data(), dz.data() + dz.size());
        for (Eigen::Index row = 0; row < shape.batch; ++row)
            for (Eigen::Index at = 0; at < per_row; at += shape.n)
                write_forbidden(call.mask_of(row), own->data() + row * per_row + at);
        checked.dz = own->data();
        checked.own = std::move(own);
    }
    require_finite("dz", checked.dz, shape.batch, per_sample ? samples : 0, shape.n, "a finite cotangent");
    return checked;
}

/// The part of a cotangent that belongs to `call.rows(row, ...)`.
template <class CallT, class Scalar>
[[nodiscard]] cotangent<Scalar> rows_of(const cotangent<Scalar>& dz, const CallT& call, Eigen::Index row) {
    cotangent<Scalar> part = dz;
    part.dz += row * (dz.per_sample ? call.samples : 1) * call.shape.n;
    return part;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
