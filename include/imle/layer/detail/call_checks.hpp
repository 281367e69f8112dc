#pragma once

/// @file
/// The checks of what a caller gives to a layer's call. All throw `std::invalid_argument`.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

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

/// Every noise element's number must fit 64 bits.
template <class CallT>
void require_addresses(const CallT& call) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    const auto batch = static_cast<std::uint64_t>(call.shape.batch);
    const auto samples = static_cast<std::uint64_t>(call.samples);
    const auto n = static_cast<std::uint64_t>(call.shape.n);
    if (n != 0 && batch > most / samples / n)
        throw_invalid("layer_options::samples", call.samples, "batch * samples * n to fit 64 bits");
    if (call.first_instance > most - batch || (n != 0 && call.first_instance + batch > most / samples / n))
        throw_invalid("first_instance", call.first_instance,
                      "(first_instance + batch) * samples * n to fit 64 bits");
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
