#pragma once

/// @file
/// A layer on the tape of Stan Math, https://mc-stan.org/math (3.0 and 4). Not part of `imle.hpp`: include it
/// where you use it, and before other headers that include Eigen, as with Stan's own. See
/// docs/adapters/stan.md.

// Stan's headers come before all others: they configure Eigen.
#if __has_include(<stan/math/rev/mat/fun/Eigen_NumTraits.hpp>)
#include <stan/math/rev/mat/fun/Eigen_NumTraits.hpp>  // Stan Math 3; version 4 has it in core.hpp
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

#include <Eigen/Core>

#include <imle/adapters/any_layer.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/shape.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

template <class T>
concept OfStanNumbers = std::same_as<typename T::Scalar, stan::math::var>;
template <OfStanNumbers Derived>
std::true_type is_stan_matrix_test(const Eigen::DenseBase<Derived>*);
std::false_type is_stan_matrix_test(const void*);

}  // namespace detail

/// theta on Stan's tape: `std::vector<stan::math::var>`, one instance; a vector of Eigen's, one instance; or
/// a matrix or array of Eigen's, or an expression of them, an instance in each row.
template <class T>
concept StanTheta = std::same_as<T, std::vector<stan::math::var>> ||
    decltype(detail::is_stan_matrix_test(static_cast<const T*>(nullptr)))::value;

namespace detail {

/// theta as a row-major batch of variables, and how values of its shape are made.
template <StanTheta ThetaT>
class stan_batch {
  public:
    using container = typename ThetaT::PlainObject;
    static constexpr bool one_instance = ThetaT::IsVectorAtCompileTime;

    // Evaluated once: reading an expression makes variables each time.
    explicit stan_batch(const ThetaT& theta) : theta_(theta) {}
    [[nodiscard]] Eigen::Index rows() const { return one_instance ? 1 : theta_.rows(); }
    [[nodiscard]] Eigen::Index columns() const { return one_instance ? theta_.size() : theta_.cols(); }
    [[nodiscard]] const stan::math::var& operator()(Eigen::Index i, Eigen::Index j) const {
        if constexpr (one_instance)
            return theta_.coeffRef(j);
        else
            return theta_.coeffRef(i, j);
    }
    template <class F>
    [[nodiscard]] container shaped(F&& make) const {
        container result;
        result.resize(theta_.rows(), theta_.cols());
        for (Eigen::Index i = 0; i < rows(); ++i)
            for (Eigen::Index j = 0; j < columns(); ++j)
                if constexpr (one_instance)
                    result.coeffRef(j) = make(i, j);
                else
                    result.coeffRef(i, j) = make(i, j);
        return result;
    }

  private:
    container theta_;
};

template <>
class stan_batch<std::vector<stan::math::var>> {
  public:
    using container = std::vector<stan::math::var>;

    explicit stan_batch(const container& theta) : theta_(theta) {}
    [[nodiscard]] Eigen::Index rows() const { return 1; }
    [[nodiscard]] Eigen::Index columns() const { return static_cast<Eigen::Index>(theta_.size()); }
    [[nodiscard]] const stan::math::var& operator()(Eigen::Index, Eigen::Index j) const {
        return theta_[static_cast<std::size_t>(j)];
    }
    /// theta's shape, filled with make(row, column).
    template <class F>
    [[nodiscard]] container shaped(F&& make) const {
        container result;
        result.reserve(theta_.size());
        for (Eigen::Index j = 0; j < columns(); ++j) result.push_back(make(0, j));
        return result;
    }

  private:
    const container& theta_;
};

/// Their nodes, row by row.
template <class BatchT>
[[nodiscard]] std::vector<stan::math::vari*> nodes_of(const BatchT& batch) {
    std::vector<stan::math::vari*> nodes;
    nodes.reserve(static_cast<std::size_t>(batch.rows() * batch.columns()));
    for (Eigen::Index i = 0; i < batch.rows(); ++i)
        for (Eigen::Index j = 0; j < batch.columns(); ++j) {
            nodes.push_back(batch(i, j).vi_);
            if (nodes.back() == nullptr)
                throw_invalid("theta", message("without a value in row ", i, ", coordinate ", j),
                              "variables that were given one");
        }
    return nodes;
}

/// Fresh variables. They have nothing to do in a reverse pass but to hold what comes back.
template <class TensorT>
[[nodiscard]] std::vector<stan::math::vari*> fresh_nodes(const TensorT& values) {
    std::vector<stan::math::vari*> nodes;
    nodes.reserve(static_cast<std::size_t>(values.size()));
    for (Eigen::Index i = 0; i < values.size(); ++i)
        nodes.push_back(new stan::math::vari(values.data()[i], false));  // in Stan's arena
    return nodes;
}

/// A function as a variable: how it was done before Stan Math 4 had `reverse_pass_callback`. Its value is
/// never read. It lies in Stan's arena, where no destructor runs.
template <class F>
class stan_callback final : public stan::math::vari {
    static_assert(std::is_trivially_destructible_v<F>);

  public:
    explicit stan_callback(F f) : stan::math::vari(0.0), f_(f) {}
    void chain() override { f_(); }

  private:
    F f_;
};

/// What a tape owns: gone when its memory is recovered.
template <class T>
class stan_owner final : public stan::math::chainable_alloc {
  public:
    explicit stan_owner(std::unique_ptr<T> owned) : owned_(std::move(owned)) {}

  private:
    std::unique_ptr<T> owned_;
};

/// Hands `use` to the tape, and has the reverse pass call it after all that is put on the tape from now on,
/// hence with the whole cotangent.
template <class UseT>
void call_in_reverse_pass(std::unique_ptr<UseT> use) {
    UseT* const it = use.get();
    new stan_owner<UseT>(std::move(use));  // registers itself with the tape, which deletes it
    const auto call = [it] { (*it)(); };
#if __has_include(<stan/math/rev/core/reverse_pass_callback.hpp>)
    stan::math::reverse_pass_callback(std::move(call));
#else
    new stan_callback<std::remove_const_t<decltype(call)>>(call);
#endif
}

/// Takes the cotangent out of z's nodes, and adds theta's gradient to theta's. `BackwardT` maps the one to
/// the other, both as tensors.
template <class CotangentT, class BackwardT>
class layer_use {
  public:
    layer_use(std::vector<stan::math::vari*> theta, std::vector<stan::math::vari*> z, CotangentT dz,
              BackwardT backward)
        : theta_(std::move(theta)), z_(std::move(z)), dz_(std::move(dz)), backward_(std::move(backward)) {}

    void operator()() {
        bool reached = false;
        for (std::size_t i = 0; i < z_.size(); ++i) {
            dz_.data()[i] = z_[i]->adj_;
            reached = reached || z_[i]->adj_ != 0;
        }
        // Stan runs through all of its tape, also through what the differentiated number does not use.
        if (!reached) return;
        const auto gradient = backward_(dz_);
        for (std::size_t i = 0; i < theta_.size(); ++i) theta_[i]->adj_ += gradient.data()[i];
    }

  private:
    std::vector<stan::math::vari*> theta_;
    std::vector<stan::math::vari*> z_;
    CotangentT dz_;
    BackwardT backward_;
};

/// z's nodes for theta's: fresh ones with the values of `z`, and the use that joins them.
template <class TensorT, class BackwardT>
[[nodiscard]] std::vector<stan::math::vari*> put_on_tape(std::vector<stan::math::vari*> theta, TensorT z,
                                                         BackwardT backward) {
    auto nodes = fresh_nodes(z);
    call_in_reverse_pass(std::make_unique<layer_use<TensorT, BackwardT>>(std::move(theta), nodes,
                                                                         std::move(z), std::move(backward)));
    return nodes;
}

/// The values of theta's nodes, as the row-major tensor that the layer takes.
template <std::size_t InstanceRank>
[[nodiscard]] auto stan_theta(const std::vector<stan::math::vari*>& nodes, Eigen::Index rows,
                              Eigen::Index columns, const Eigen::Index (&instance)[InstanceRank]) {
    constexpr int rank = static_cast<int>(InstanceRank);
    Eigen::DSizes<Eigen::Index, rank> given;
    Eigen::DSizes<Eigen::Index, rank + 1> shape;
    shape[0] = rows;
    for (std::size_t i = 0; i < InstanceRank; ++i) shape[i + 1] = given[i] = instance[i];
    if (given.TotalSize() != columns)
        throw_invalid("instance", shape_string(given),
                      message("a shape that holds theta's ", columns, " numbers an instance"));
    Eigen::Tensor<double, rank + 1, Eigen::RowMajor> theta(shape);
    for (std::size_t i = 0; i < nodes.size(); ++i) theta.data()[i] = nodes[i]->val_;
    return theta;
}

template <class LayerT, class BatchT, std::size_t InstanceRank>
[[nodiscard]] auto samples_on_tape(LayerT& layer, const BatchT& batch,
                                   const Eigen::Index (&instance)[InstanceRank], random_key key,
                                   std::uint64_t first_instance) {
    auto theta = nodes_of(batch);
    auto result = layer.value_and_pullback(stan_theta(theta, batch.rows(), batch.columns(), instance), key,
                                           first_instance);
    const Eigen::Index samples = layer.sample_count(), n = batch.columns();
    const auto nodes = put_on_tape(std::move(theta), std::move(result.value), std::move(result.pullback));
    std::vector<typename BatchT::container> z;
    z.reserve(static_cast<std::size_t>(samples));
    for (Eigen::Index s = 0; s < samples; ++s)
        z.push_back(batch.shaped([&](Eigen::Index b, Eigen::Index j) {
            return stan::math::var(nodes[static_cast<std::size_t>((b * samples + s) * n + j)]);
        }));
    return z;
}

template <class LayerT, class BatchT, std::size_t InstanceRank>
[[nodiscard]] auto marginals_on_tape(LayerT& layer, const BatchT& batch,
                                     const Eigen::Index (&instance)[InstanceRank], random_key key,
                                     std::uint64_t first_instance) {
    static_assert(
        HasMarginals<LayerT>,
        "imle::stan_marginals: the layer does not pull back through passes of marginals; "
        "expected one that has, or imle::stan_samples. See docs/adapters/stan.md");
    auto theta = nodes_of(batch);
    auto result = layer.marginals_and_pullback(stan_theta(theta, batch.rows(), batch.columns(), instance),
                                               key, first_instance);
    const auto nodes = put_on_tape(std::move(theta), std::move(result.value), std::move(result.pullback));
    return batch.shaped([&](Eigen::Index b, Eigen::Index j) {
        return stan::math::var(nodes[static_cast<std::size_t>(b * batch.columns() + j)]);
    });
}

}  // namespace detail

/// z on Stan's tape, one MAP state per instance and sample: S containers of theta's kind and shape,
/// `z[s](b, j)` for a matrix, `z[s](j)` or `z[s][j]` for a vector. batch * S solves.
///
/// The reverse pass calls the layer once, with the whole cotangent, by the chain rule (see `imle::pullback`):
/// batch * S solves again. If nothing came back to any z, it is not called.
///
/// What the tape keeps shares the layer's parts and outlives the layer. Errors: as of `imle_layer::forward`,
/// and from `grad` as of `imle_layer::vjp`; what a solver throws arrives unchanged. A variable without a
/// value throws `std::invalid_argument`.
template <class LayerT, StanTheta ThetaT>
[[nodiscard]] auto stan_samples(LayerT& layer, const ThetaT& theta, random_key key,
                                std::uint64_t first_instance = 0) {
    const detail::stan_batch<ThetaT> batch(theta);
    return detail::samples_on_tape(layer, batch, {batch.columns()}, key, first_instance);
}
/// The same for instances that are no vectors: `instance` is their shape, row-major, as {12, 12} for the 144
/// numbers of a row. Throws `std::invalid_argument` if it holds another number of them.
template <class LayerT, StanTheta ThetaT, std::size_t InstanceRank>
[[nodiscard]] auto stan_samples(LayerT& layer, const ThetaT& theta,
                                const Eigen::Index (&instance)[InstanceRank], random_key key,
                                std::uint64_t first_instance = 0) {
    return detail::samples_on_tape(layer, detail::stan_batch<ThetaT>(theta), instance, key, first_instance);
}

/// The mean of z over the samples on Stan's tape, of theta's kind and shape. As `stan_samples`, but the
/// cotangent goes to vjp as it is, and no sample is kept.
template <class LayerT, StanTheta ThetaT>
[[nodiscard]] auto stan_marginals(LayerT& layer, const ThetaT& theta, random_key key,
                                  std::uint64_t first_instance = 0) {
    const detail::stan_batch<ThetaT> batch(theta);
    return detail::marginals_on_tape(layer, batch, {batch.columns()}, key, first_instance);
}
/// The same for instances that are no vectors.
template <class LayerT, StanTheta ThetaT, std::size_t InstanceRank>
[[nodiscard]] auto stan_marginals(LayerT& layer, const ThetaT& theta,
                                  const Eigen::Index (&instance)[InstanceRank], random_key key,
                                  std::uint64_t first_instance = 0) {
    return detail::marginals_on_tape(layer, detail::stan_batch<ThetaT>(theta), instance, key, first_instance);
}

}  // namespace imle::inline IMLE_ABI
