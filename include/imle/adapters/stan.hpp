#pragma once

/// @file
/// A layer on the tape of Stan Math, https://mc-stan.org/math (3.0 and 4). Not part of `imle.hpp`: include it
/// where you use it, before other headers that include Eigen, like Stan's own headers. See
/// docs/adapters/stan.md.

// Stan's headers come first, because they configure Eigen.
#if __has_include(<stan/math/rev/mat/fun/Eigen_NumTraits.hpp>)
#include <stan/math/rev/mat/fun/Eigen_NumTraits.hpp>  // Stan Math 3; version 4 includes it in core.hpp
#endif
#include <stan/math/rev/core.hpp>
#if __has_include(<stan/math/rev/core/reverse_pass_callback.hpp>)
#include <stan/math/rev/core/reverse_pass_callback.hpp>
#endif

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/core/shape.hpp>
#include <imle/layer/call.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

template <class T>
concept OfStanNumbers = std::same_as<typename T::Scalar, stan::math::var>;
template <OfStanNumbers Derived>
std::true_type is_stan_matrix_test(const Eigen::DenseBase<Derived>*);
std::false_type is_stan_matrix_test(const void*);

}  // namespace detail

/// theta on Stan's tape: a `std::vector<stan::math::var>` or an Eigen vector, for one instance; or an Eigen
/// matrix or array, or an expression of one, with an instance in each row.
template <class T>
concept StanTheta = std::same_as<T, std::vector<stan::math::var>> ||
    decltype(detail::is_stan_matrix_test(static_cast<const T*>(nullptr)))::value;

namespace detail {

/// The evaluated type of theta, the element type of z, and whether theta is one instance.
template <class ThetaT>
struct stan_traits {
    using container = typename ThetaT::PlainObject;
    static constexpr bool one_instance = ThetaT::IsVectorAtCompileTime;
};
template <>
struct stan_traits<std::vector<stan::math::var>> {
    using container = std::vector<stan::math::var>;
    static constexpr bool one_instance = true;
};

/// The number of numbers in an instance.
template <StanTheta ThetaT>
[[nodiscard]] Eigen::Index stan_columns(const ThetaT& theta) {
    if constexpr (stan_traits<ThetaT>::one_instance)
        return static_cast<Eigen::Index>(theta.size());
    else
        return theta.cols();
}

/// theta as a row-major batch of variables, and a way to make values of its shape.
template <StanTheta ThetaT>
class stan_batch {
    static constexpr bool one_instance = stan_traits<ThetaT>::one_instance;

  public:
    using container = typename stan_traits<ThetaT>::container;

    // Evaluates an expression only once, because each evaluation makes new variables.
    explicit stan_batch(const ThetaT& theta) : theta_(theta) {}
    [[nodiscard]] Eigen::Index rows() const {
        if constexpr (one_instance)
            return 1;
        else
            return theta_.rows();
    }
    [[nodiscard]] Eigen::Index columns() const { return stan_columns(theta_); }
    [[nodiscard]] const stan::math::var& operator()(Eigen::Index i, Eigen::Index j) const {
        return at(theta_, i, j);
    }
    /// A value of theta's shape, filled with make(row, column).
    template <class F>
    [[nodiscard]] container shaped(F&& make) const {
        container result(theta_);
        for (Eigen::Index i = 0; i < rows(); ++i)
            for (Eigen::Index j = 0; j < columns(); ++j) at(result, i, j) = make(i, j);
        return result;
    }

  private:
    template <class ContainerT>
    [[nodiscard]] static auto& at(ContainerT& numbers, Eigen::Index i, Eigen::Index j) {
        if constexpr (one_instance)
            return numbers.data()[j];
        else
            return numbers.coeffRef(i, j);
    }

    container theta_;
};

/// A function as a variable, as was usual before Stan Math 4 had `reverse_pass_callback`. Its value is never
/// read. It lives in Stan's arena, where no destructor runs.
template <class F>
struct stan_callback final : stan::math::vari {
    static_assert(std::is_trivially_destructible_v<F>);
    F f;
    explicit stan_callback(F callback) : stan::math::vari(0.0), f(callback) {}
    void chain() override { f(); }
};

/// An object owned by the tape: destroyed when the tape's memory is recovered.
template <class T>
struct stan_owner final : stan::math::chainable_alloc {
    std::unique_ptr<T> owned;
    explicit stan_owner(std::unique_ptr<T> pointer) : owned(std::move(pointer)) {}
};

/// Makes z's nodes for theta's. The new nodes do nothing in a reverse pass except collect the cotangent.
/// `call` returns z and its pullback for theta's values as a row-major tensor. The tape pulls z's cotangent
/// back after all operations that are recorded later, hence when it is complete.
template <class BatchT, std::size_t InstanceRank, class CallT>
[[nodiscard]] std::vector<stan::math::vari*> put_on_tape(const BatchT& batch,
                                                         const Eigen::Index (&instance)[InstanceRank],
                                                         CallT&& call) {
    std::vector<stan::math::vari*> nodes;  // theta's, row by row
    for (Eigen::Index i = 0; i < batch.rows(); ++i)
        for (Eigen::Index j = 0; j < batch.columns(); ++j) {
            nodes.push_back(batch(i, j).vi_);
            if (nodes.back() == nullptr)
                throw_invalid("theta", message("without a value in row ", i, ", coordinate ", j),
                              "variables with a value");
        }
    constexpr int rank = static_cast<int>(InstanceRank);
    Eigen::DSizes<Eigen::Index, rank> given;
    Eigen::DSizes<Eigen::Index, rank + 1> shape;
    shape[0] = batch.rows();
    for (std::size_t i = 0; i < InstanceRank; ++i) shape[i + 1] = given[i] = instance[i];
    if (given.TotalSize() != batch.columns())
        throw_invalid("instance", shape_string(given),
                      message("a shape with theta's ", batch.columns(), " numbers per instance"));
    Eigen::Tensor<double, rank + 1, Eigen::RowMajor> theta(shape);
    for (std::size_t i = 0; i < nodes.size(); ++i) theta.data()[i] = nodes[i]->val_;

    auto result = call(theta);
    std::vector<stan::math::vari*> fresh;
    fresh.reserve(static_cast<std::size_t>(result.value.size()));
    for (Eigen::Index i = 0; i < result.value.size(); ++i)
        fresh.push_back(new stan::math::vari(result.value.data()[i], false));  // in Stan's arena
    auto pull_back = [theta_nodes = std::move(nodes), fresh, dz = std::move(result.value),
                      pullback = std::move(result.pullback)]() mutable {
        bool reached = false;
        for (std::size_t i = 0; i < fresh.size(); ++i) {
            dz.data()[i] = fresh[i]->adj_;
            reached = reached || fresh[i]->adj_ != 0;
        }
        // Stan visits its whole tape, including operations that the differentiated number does not use.
        if (!reached) return;
        const auto gradient = pullback(dz);
        for (std::size_t i = 0; i < theta_nodes.size(); ++i) theta_nodes[i]->adj_ += gradient.data()[i];
    };
    auto owned = std::make_unique<decltype(pull_back)>(std::move(pull_back));
    const auto on_tape = [it = owned.get()] { (*it)(); };
    new stan_owner<decltype(pull_back)>(
        std::move(owned));  // registers itself with the tape, which deletes it
#if __has_include(<stan/math/rev/core/reverse_pass_callback.hpp>)
    stan::math::reverse_pass_callback(std::move(on_tape));
#else
    new stan_callback<std::remove_const_t<decltype(on_tape)>>(on_tape);
#endif
    return fresh;
}

}  // namespace detail

/// z on Stan's tape, one MAP state per instance and sample: S containers of theta's kind and shape, `z[s](b,
/// j)` for a matrix, `z[s](j)` or `z[s][j]` for a vector. batch * S solves.
///
/// The reverse pass calls the layer once, with the whole cotangent, by the chain rule (see `imle::pullback`):
/// batch * S solves again. If no cotangent reaches any z, it does not call the layer.
///
/// The tape shares the layer's parts, which outlive the layer. Throws like `imle_layer::forward`, and `grad`
/// throws like `imle_layer::vjp`; a solver's exception passes through unchanged. A variable without a value
/// throws `std::invalid_argument`.
template <class LayerT, StanTheta ThetaT, CallOptions OptionsT = call_options>
[[nodiscard]] auto stan_samples(LayerT& layer, const ThetaT& theta, random_key key,
                                const OptionsT& options = {}) {
    return stan_samples(layer, theta, {detail::stan_columns(theta)}, key, options);
}
/// `stan_samples` for instances that are not vectors: `instance` is their shape, row-major, for example {12,
/// 12} for the 144 numbers of a row. Throws `std::invalid_argument` if the shape does not have as many
/// numbers as a row.
template <class LayerT, StanTheta ThetaT, std::size_t InstanceRank, CallOptions OptionsT = call_options>
[[nodiscard]] auto stan_samples(LayerT& layer, const ThetaT& theta,
                                const Eigen::Index (&instance)[InstanceRank], random_key key,
                                const OptionsT& options = {}) {
    const detail::stan_batch<ThetaT> batch(theta);
    const auto nodes = detail::put_on_tape(
        batch, instance, [&](const auto& values) { return layer.value_and_pullback(values, key, options); });
    const Eigen::Index samples = layer.sample_count(), n = batch.columns();
    std::vector<typename detail::stan_batch<ThetaT>::container> z;
    z.reserve(static_cast<std::size_t>(samples));
    for (Eigen::Index s = 0; s < samples; ++s)
        z.push_back(batch.shaped([&](Eigen::Index b, Eigen::Index j) {
            return stan::math::var(nodes[static_cast<std::size_t>((b * samples + s) * n + j)]);
        }));
    return z;
}

/// The mean of z over the samples on Stan's tape, of theta's kind and shape. Like `stan_samples`, but the
/// cotangent goes to vjp unchanged, and no sample is kept.
template <class LayerT, StanTheta ThetaT, CallOptions OptionsT = call_options>
[[nodiscard]] auto stan_marginals(LayerT& layer, const ThetaT& theta, random_key key,
                                  const OptionsT& options = {}) {
    return stan_marginals(layer, theta, {detail::stan_columns(theta)}, key, options);
}
/// `stan_marginals` for instances that are not vectors.
template <class LayerT, StanTheta ThetaT, std::size_t InstanceRank, CallOptions OptionsT = call_options>
[[nodiscard]] auto stan_marginals(LayerT& layer, const ThetaT& theta,
                                  const Eigen::Index (&instance)[InstanceRank], random_key key,
                                  const OptionsT& options = {}) {
    static_assert(
        requires { requires LayerT::pulls_back_marginals; },
        "imle::stan_marginals: the layer has no marginals_and_pullback(theta, key, options); "
        "expected a layer that has it, or imle::stan_samples. See docs/adapters/stan.md");
    const detail::stan_batch<ThetaT> batch(theta);
    const auto nodes = detail::put_on_tape(batch, instance, [&](const auto& values) {
        return layer.marginals_and_pullback(values, key, options);
    });
    return batch.shaped([&](Eigen::Index b, Eigen::Index j) {
        return stan::math::var(nodes[static_cast<std::size_t>(b * batch.columns() + j)]);
    });
}

}  // namespace imle::inline IMLE_ABI
