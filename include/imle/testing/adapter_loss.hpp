#pragma once

/// @file
/// What `check_adapter` asks an engine to compute, and what it wants back.

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace testing {

/// What an adapter's z is.
enum class adapter_output {
    /// All samples, as of `value_and_pullback`: S * dz goes to vjp.
    samples,
    /// Their mean, of theta's shape, as of `marginals`: dz goes to vjp as it is.
    marginals
};

/// A loss of a layer's output z, and how theta comes from the inputs x:
///
///     theta = scale * x
///     L = sum first_i z_i + sum second_i z_i + sum square_i z_i z_i
///
/// An engine of scalars calls `theta(x)` and the loss itself with its own numbers; an engine of tensors
/// writes the two lines above with the weights as they lie in memory, which is z's order. z stands in several
/// terms, since an engine must add up what they give before the layer's one backward call.
///
/// The weights are small multiples of powers of two. So the cotangent is exact in whatever order an engine
/// adds, and gradients can be compared number for number.
template <class Scalar>
struct adapter_loss {
    /// theta = scale * x: a power of two.
    Scalar scale = 1;
    /// Weights of z, of z once more and of z * z, each of z's size.
    std::vector<Scalar> first;
    std::vector<Scalar> second;
    std::vector<Scalar> square;

    /// scale * x, number by number, for an engine of scalars: a `std::vector` of its numbers. Each `x[i]` is
    /// a number that can be copied and multiplied by a Scalar.
    template <class NumbersT>
    [[nodiscard]] auto theta(const NumbersT& x) const {
        using number = std::remove_cvref_t<decltype(x[0])>;
        std::vector<number> result;
        result.reserve(static_cast<std::size_t>(x.size()));
        for (std::size_t i = 0; i < static_cast<std::size_t>(x.size()); ++i) {
            number t = x[i] * scale;  // by name: an engine's product may be an expression of it
            result.push_back(std::move(t));
        }
        return result;
    }

    /// L for an engine of scalars, whose numbers `z[i]` know `+` and `*` with each other and `*` with a
    /// Scalar.
    template <class NumbersT>
    [[nodiscard]] auto operator()(const NumbersT& z) const {
        using number = std::remove_cvref_t<decltype(z[0])>;
        number sum = z[0] * first[0];
        for (std::size_t i = 1; i < first.size(); ++i) sum = sum + z[i] * first[i];
        for (std::size_t i = 0; i < second.size(); ++i)
            if (second[i] != 0) sum = sum + z[i] * second[i];
        for (std::size_t i = 0; i < square.size(); ++i)
            if (square[i] != 0) sum = sum + z[i] * z[i] * square[i];
        return sum;
    }
};

/// What an engine computed: z and dL/dx, in memory order.
template <class Scalar>
struct adapter_result {
    std::vector<Scalar> z;
    std::vector<Scalar> gradient;
};

}  // namespace testing
}  // namespace imle::inline IMLE_ABI
