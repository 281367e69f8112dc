#pragma once

/// @file
/// The losses that `check_adapter` lets an engine compute, the right results, and the results of adapters
/// with known faults.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/core/shape.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The kind of z that an adapter returns.
enum class adapter_output {
    /// All samples, like `value_and_pullback`: S * dz goes to vjp.
    samples,
    /// Their mean, of theta's shape, like `marginals`: dz goes to vjp unchanged.
    marginals
};

/// A loss of a layer's output z, and how theta depends on the inputs x:
///
///     theta = scale * x
///     L = sum first_i z_i + sum second_i z_i + sum square_i z_i z_i
///
/// An engine of scalars calls `theta(x)` and the loss itself with its own numbers. An engine of tensors
/// writes the two lines above with the weights, whose memory order is z's. z appears in several terms,
/// because an engine must add up their cotangents before the layer's single backward call.
///
/// The weights are small multiples of powers of two. So the cotangent is exact whatever the order of
/// addition, and gradients can be compared number by number.
template <class Scalar>
struct adapter_loss {
    /// The factor in theta = scale * x; a power of two.
    Scalar scale = 1;
    /// Weights of z, of z again, and of z * z, each of z's size.
    std::vector<Scalar> first, second, square;

    /// scale * x, number by number, for an engine of scalars. Returns a `std::vector` of the engine's
    /// numbers. Each `x[i]` can be copied and multiplied by a Scalar.
    template <class NumbersT>
    [[nodiscard]] auto theta(const NumbersT& x) const {
        using number = std::remove_cvref_t<decltype(x[0])>;
        std::vector<number> result;
        result.reserve(static_cast<std::size_t>(x.size()));
        for (std::size_t i = 0; i < static_cast<std::size_t>(x.size()); ++i) {
            number t = x[i] * scale;  // a named number: an engine's product may be an expression of it
            result.push_back(std::move(t));
        }
        return result;
    }

    /// L for an engine of scalars, whose numbers `z[i]` support `+` and `*` with each other and `*` with a
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

/// The results of an engine: z and dL/dx, in memory order.
template <class Scalar>
struct adapter_result {
    /// As many numbers as in z and in x, in memory order.
    std::vector<Scalar> z, gradient;
};

}  // namespace imle::inline IMLE_ABI::testing

namespace imle::inline IMLE_ABI::detail {

/// A fault that can be recognised by its gradients.
struct adapter_fault {
    std::string_view law;     // the law that it breaks
    std::string_view advice;  // the symptom, and how to fix it
};

inline constexpr std::string_view law_whole_cotangent = "the whole cotangent arrives in one call";
inline constexpr std::string_view law_mean = "the gradient is a mean over samples";
inline constexpr std::string_view law_layout = "numbers keep their places";

/// All such faults. `adapter_case` computes their gradients in this order.
inline constexpr std::array<adapter_fault, 18> adapter_faults{{
    {"theta is reached",
     "the gradient is 0 throughout: somewhere z or theta was cut off from the engine's graph"},
    {"the gradient has the right sign", "it is minus the right one"},
    {"the gradient arrives once", "it is twice the right one: is it added where it should be written?"},
    {"the gradient goes on to what theta was computed from",
     "it is the gradient of theta, not of x in theta = scale * x"},
    {"the step does not shrink with the number of samples",
     "it is vjp(pass, dz); expected vjp(pass, S * dz), as value_and_pullback does"},
    {"the step is that of the cotangent", "it is vjp(pass, S * dz); expected vjp(pass, dz) for marginals"},
    {law_mean,
     "it is S * vjp(pass, dz), a sum over samples each of which took a short step; expected "
     "vjp(pass, S * dz)"},
    {law_mean, "it is S times the right one: S belongs into the cotangent alone"},
    {"each sample has its own cotangent",
     "every sample got the sum of all samples' cotangents; expected S * dz, each its own"},
    {law_whole_cotangent,
     "it is a sum of gradients, one for each term of the loss; expected one vjp after the cotangents of all "
     "of z's users were added up, since the backward pass is not linear"},
    {law_whole_cotangent,
     "it is a sum of gradients, one for each use of z; expected one vjp after the cotangents of all of z's "
     "users were added up, since the backward pass is not linear"},
    {law_whole_cotangent,
     "it is a sum of gradients, one for each number of z; expected one vjp with the cotangent of all of z, "
     "since the backward pass is not linear"},
    {law_whole_cotangent, "it is the gradient of the loss's first term only"},
    {"each instance has its own gradient", "every row is the right one of some instance, but not of its own"},
    {law_layout, "the gradient is transposed: its memory is [n, batch]; expected [batch, n]"},
    {law_layout, "the cotangent is transposed: samples come before the batch; expected [batch, sample, n]"},
    {law_layout, "the cotangent is transposed: samples are innermost; expected [batch, sample, n]"},
    {law_layout, "the cotangent's dimensions are reversed; expected [batch, sample, n]"},
}};

/// One loss, one theta, one key: the right result and the result of each fault.
template <class Scalar, class LayerT, class TensorT>
class adapter_case {
  public:
    using numbers = std::vector<Scalar>;
    using loss_type = testing::adapter_loss<Scalar>;

    adapter_case(const LayerT& layer, const TensorT& x, random_key key, const loss_type& loss,
                 testing::adapter_output output)
        : layer_(layer), key_(key), loss_(loss), output_(output), theta_(x) {
        for (Eigen::Index i = 0; i < theta_.size(); ++i) theta_.data()[i] *= loss.scale;
        const auto shape = shape_of(theta_);
        batch_ = static_cast<std::size_t>(shape.batch);
        n_ = static_cast<std::size_t>(shape.n);
        samples_ = samples_output() ? static_cast<std::size_t>(layer.sample_count()) : std::size_t{1};
        if (samples_output())
            z_ = of(layer_.forward(theta_, key_).samples());
        else
            z_ = of(layer_.marginals(theta_, key_).marginals());
        dz_ = cotangent([&](std::size_t i) { return loss_.first[i] + loss_.second[i] + squares(i); });
        right_ = gradient(dz_);
    }

    [[nodiscard]] const numbers& z() const noexcept { return z_; }
    [[nodiscard]] const numbers& right() const noexcept { return right_; }

    /// For each fault, in the order of `adapter_faults`: whether it explains the gradient.
    [[nodiscard]] std::array<bool, adapter_faults.size()> explained(const numbers& found) {
        const auto S = static_cast<Scalar>(layer_.sample_count());
        const numbers parts[] = {cotangent([&](std::size_t i) { return loss_.first[i]; }),
                                 cotangent([&](std::size_t i) { return loss_.second[i]; }),
                                 cotangent([&](std::size_t i) { return squares(i); }),
                                 cotangent([&](std::size_t i) { return squares(i) / 2; })};
        const auto by = [&](const numbers& dz) { return gradient(dz) == found; };
        std::array<bool, adapter_faults.size()> is{};
        std::size_t f = 0;
        is[f++] = std::all_of(found.begin(), found.end(), [](Scalar g) { return g == 0; });
        is[f++] = times(right_, -1) == found;
        is[f++] = times(right_, 2) == found;
        is[f++] = times(right_, 1 / loss_.scale) == found;
        is[f++] = samples_output() && by(times(dz_, 1 / S));
        is[f++] = !samples_output() && by(times(dz_, S));
        is[f++] = samples_output() && times(gradient(times(dz_, 1 / S)), S) == found;
        is[f++] = times(right_, S) == found;
        is[f++] = samples_output() && by(summed_over_samples());
        is[f++] = sum(sum(gradient(parts[0]), gradient(parts[1])), gradient(parts[2])) == found;
        is[f++] = sum(sum(gradient(parts[0]), gradient(parts[1])), times(gradient(parts[3]), 2)) == found;
        is[f++] = number_by_number() == found;
        is[f++] = by(parts[0]);
        is[f++] = other_rows(found);
        is[f++] = permuted(right_, {batch_, 1, n_}, {2, 1, 0}) == found;
        is[f++] = by(permuted(dz_, {batch_, samples_, n_}, {1, 0, 2}));
        is[f++] = by(permuted(dz_, {batch_, samples_, n_}, {0, 2, 1}));
        is[f++] = by(permuted(dz_, {batch_, samples_, n_}, {2, 1, 0}));
        return is;
    }

  private:
    [[nodiscard]] bool samples_output() const { return output_ == testing::adapter_output::samples; }

    template <class T>
    [[nodiscard]] static numbers of(const T& tensor) {
        return numbers(tensor.data(), tensor.data() + tensor.size());
    }
    [[nodiscard]] static numbers times(numbers a, Scalar factor) {
        for (Scalar& x : a) x *= factor;
        return a;
    }
    [[nodiscard]] static numbers sum(numbers a, const numbers& b) {
        for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
        return a;
    }

    [[nodiscard]] Scalar squares(std::size_t i) const { return 2 * loss_.square[i] * z_[i]; }

    template <class F>
    [[nodiscard]] numbers cotangent(F&& f) const {
        numbers dz(z_.size());
        for (std::size_t i = 0; i < dz.size(); ++i) dz[i] = f(i);
        return dz;
    }

    /// dL/dx for one backward call with dz. Each call uses a copy of the layer, because a target may have a
    /// state.
    [[nodiscard]] numbers gradient(const numbers& dz) const {
        LayerT layer(layer_);
        const auto pulled_back = [&](auto result) {
            std::copy(dz.begin(), dz.end(), result.value.data());
            return times(of(result.pullback(result.value)), loss_.scale);
        };
        return samples_output() ? pulled_back(layer.value_and_pullback(theta_, key_))
                                : pulled_back(layer.marginals_and_pullback(theta_, key_));
    }

    [[nodiscard]] numbers summed_over_samples() const {
        numbers dz(dz_.size());
        for (std::size_t i = 0; i < dz.size(); ++i) {
            const std::size_t instance = i / (samples_ * n_);
            for (std::size_t s = 0; s < samples_; ++s)
                dz[i] += dz_[(instance * samples_ + s) * n_ + i % n_] / static_cast<Scalar>(samples_);
        }
        return dz;
    }

    [[nodiscard]] numbers number_by_number() const {
        numbers total(right_.size(), 0);
        for (std::size_t i = 0; i < dz_.size(); ++i) {
            numbers dz(dz_.size(), 0);
            dz[i] = dz_[i];
            total = sum(total, gradient(dz));
        }
        return total;
    }

    [[nodiscard]] bool other_rows(const numbers& found) const {
        const auto row = [&](const numbers& all, std::size_t b) {
            return all.begin() + static_cast<std::ptrdiff_t>(b * n_);
        };
        for (std::size_t b = 0; b < batch_; ++b) {
            bool known = false;
            for (std::size_t other = 0; other < batch_ && !known; ++other)
                known = std::equal(row(found, b), row(found, b + 1), row(right_, other));
            if (!known) return false;
        }
        return true;
    }

    /// The numbers of a three-dimensional tensor with its dimensions permuted.
    [[nodiscard]] static numbers permuted(const numbers& a, std::array<std::size_t, 3> dimensions,
                                          std::array<std::size_t, 3> order) {
        const std::array<std::size_t, 3> strides{dimensions[1] * dimensions[2], dimensions[2], 1};
        numbers result;
        result.reserve(a.size());
        for (std::size_t i = 0; i < dimensions[order[0]]; ++i)
            for (std::size_t j = 0; j < dimensions[order[1]]; ++j)
                for (std::size_t k = 0; k < dimensions[order[2]]; ++k)
                    result.push_back(
                        a[i * strides[order[0]] + j * strides[order[1]] + k * strides[order[2]]]);
        return result;
    }

    const LayerT& layer_;
    random_key key_;
    const loss_type& loss_;
    testing::adapter_output output_;
    TensorT theta_;
    std::size_t batch_ = 0, samples_ = 0, n_ = 0;
    numbers z_, dz_, right_;
};

}  // namespace imle::inline IMLE_ABI::detail
