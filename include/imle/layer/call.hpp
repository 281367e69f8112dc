#pragma once

/// @file
/// A call of a layer: its arguments, checked. All checks throw `std::invalid_argument`.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI::detail {

/// One call's arguments, already checked. Pointers are to the caller's numbers, in the order of memory.
template <class Scalar, int Rank, int Layout>
struct layer_call {
    batch_shape<Rank, Layout> shape;
    Eigen::Index samples;
    const Scalar* theta;
    random_key key;
    std::uint64_t first_instance;
};

/// What a backward pass needs beside the call.
template <class Scalar>
struct cotangent {
    const Scalar* dz;
    /// Whether dz has a sample dimension; if not, each sample gets its instance's.
    bool per_sample;
    /// What dz is multiplied by, number by number, before it is used.
    Scalar scale = 1;
};

// ---- checks -----------------------------------------------------------------------------------------------

/// `whose` says in words what `expected` is.
template <DenseTensor TensorT, int Rank>
void require_shape(const char* argument, const TensorT& tensor,
                   const Eigen::DSizes<Eigen::Index, Rank>& expected, const char* whose) {
    if (dimensions_of(tensor) == expected) return;
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

/// Rows of a batch, each once, rising.
inline void require_rows(const char* argument, std::span<const Eigen::Index> rows, Eigen::Index batch) {
    Eigen::Index last = -1;
    for (const Eigen::Index row : rows) {
        if (row <= last || row >= batch)
            throw_invalid(argument, message("a list with ", row, " after ", last),
                          message("rising rows, each of 0 to ", batch - 1));
        last = row;
    }
}

/// Samples must be countable, and every noise element's number fit 64 bits.
template <class CallT>
void require_addresses(const CallT& call) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    constexpr std::uint64_t most_items = std::numeric_limits<Eigen::Index>::max();
    const auto batch = static_cast<std::uint64_t>(call.shape.batch);
    const auto samples = static_cast<std::uint64_t>(call.samples);
    const auto n = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(call.shape.n));
    if (batch > most_items / samples / n)
        throw_invalid("the number of samples", call.samples,
                      "batch * samples * n to fit 64 bits with a sign");
    if (call.first_instance > most - batch || call.first_instance + batch > most / samples / n)
        throw_invalid("first_instance", call.first_instance,
                      "(first_instance + batch) * samples * n to fit 64 bits");
}

/// Throws unless all numbers of a batch are finite.
template <DenseTensor TensorT>
void require_finite_batch(const char* argument, const TensorT& tensor,
                          const char* expected = "a finite number") {
    const auto shape = shape_of(tensor);
    require_finite(argument, tensor.data(), shape.batch, 0, shape.n, expected);
}

/// Throws unless `tensor` has the dimensions of `model`, whose name is `whose`, and finite numbers. Another
/// scalar, rank or layout does not compile.
template <DenseTensor TensorT, DenseTensor ModelT>
void require_like(const char* argument, const TensorT& tensor, const ModelT& model, const char* whose) {
    static_assert(std::same_as<scalar_of<TensorT>, scalar_of<ModelT>> &&
                      rank_of<TensorT> == rank_of<ModelT> && layout_of<TensorT> == layout_of<ModelT>,
                  "imle: all tensors of a loss have one scalar, rank and layout. See docs/estimators.md");
    require_shape(argument, tensor, dimensions_of(model), whose);
    require_finite_batch(argument, tensor);
}

/// Throws if a number of a gradient of theta's shape overflowed.
template <class CallT, class Scalar>
void require_finite_gradient(const CallT& call, const Scalar* gradient, const char* expected) {
    const std::span<const Scalar> all(gradient, static_cast<std::size_t>(call.shape.batch * call.shape.n));
    if (all_finite(all)) return;
    const std::size_t at = first_not_finite(all);
    throw_invalid("the gradient", message(all[at], " at number ", at, " in memory"), expected);
}

// ---- calls ------------------------------------------------------------------------------------------------

/// A forward call's arguments, of theta's numbers.
template <DenseTensor ThetaT>
[[nodiscard]] auto checked_call(const ThetaT& theta, Eigen::Index samples, random_key key,
                                std::uint64_t first_instance) {
    require_finite_batch(
        "theta", theta,
        "a finite number (to forbid a choice, use a large finite theta or the solver's context)");
    const layer_call<scalar_of<ThetaT>, rank_of<ThetaT> - 1, layout_of<ThetaT>> call{
        shape_of(theta), samples, theta.data(), key, first_instance};
    require_addresses(call);
    return call;
}

/// The call that made a pass, once more. Throws `std::logic_error` for a pass that was moved from.
template <class PassT>
[[nodiscard]] auto call_of(const PassT& pass) {
    pass.require_whole();
    using theta_tensor = typename PassT::theta_tensor;
    const layer_call<scalar_of<theta_tensor>, rank_of<theta_tensor> - 1, layout_of<theta_tensor>> call{
        shape_of(pass.theta()), pass.sample_count(), pass.theta().data(), pass.key(), pass.first_instance()};
    require_addresses(call);
    return call;
}

/// `dz`, of theta's shape or, for a pass that kept its samples, of theirs. O(size of dz).
template <class PassT, DenseTensor CotangentT>
[[nodiscard]] auto checked_cotangent(const PassT& pass, const CotangentT& dz) {
    using theta_tensor = typename PassT::theta_tensor;
    using Scalar = scalar_of<theta_tensor>;
    constexpr int rank = rank_of<theta_tensor>;
    static_assert(
        std::same_as<scalar_of<CotangentT>, Scalar> && layout_of<CotangentT> == layout_of<theta_tensor>,
        "imle: the cotangent has theta's scalar and layout. See docs/layer.md");
    static_assert(rank_of<CotangentT> == rank || (PassT::keeps_samples && rank_of<CotangentT> == rank + 1),
                  "imle: the cotangent has theta's shape or, for a pass of forward, the samples'. See "
                  "docs/layer.md");
    constexpr bool per_sample = rank_of<CotangentT> == rank + 1;
    const auto shape = shape_of(pass.theta());
    const Eigen::Index samples = pass.sample_count();
    if constexpr (per_sample)
        require_shape("dz", dz, shape.samples(samples), "the samples' shape");
    else
        require_shape("dz", dz, shape.theta(), "theta's shape");
    require_finite("dz", dz.data(), shape.batch, per_sample ? samples : 0, shape.n, "a finite cotangent");
    return cotangent<Scalar>{dz.data(), per_sample};
}

}  // namespace imle::inline IMLE_ABI::detail
