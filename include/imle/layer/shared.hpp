#pragma once

/// @file
/// One theta shared by many rows.

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/core/shape.hpp>
#include <imle/layer/pass.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// One instance, as a batch of one: [1, instance...] or [instance..., 1].
template <class TensorT>
[[nodiscard]] auto as_batch_of_one(TensorT& one) {
    using tensor = std::remove_const_t<TensorT>;
    constexpr int rank = rank_of<tensor>, layout = layout_of<tensor>;
    using row = Eigen::Tensor<scalar_of<tensor>, rank + 1, layout>;
    const auto instance = dimensions_of(one);
    Eigen::DSizes<Eigen::Index, rank + 1> dimensions;
    constexpr std::size_t first = layout == Eigen::RowMajor ? 1 : 0;
    for (std::size_t i = 0; i < rank; ++i) dimensions[i + first] = instance[i];
    dimensions[layout == Eigen::RowMajor ? 0 : rank] = 1;
    return Eigen::TensorMap<std::conditional_t<std::is_const_v<TensorT>, const row, row>>(one.data(),
                                                                                          dimensions);
}

/// The result of `imle::shared`.
template <class Scalar, int Rank, int Layout>
class shared_theta {
  public:
    using tensor = Eigen::Tensor<Scalar, Rank, Layout>;
    shared_theta(tensor one, Eigen::Index count) : one_(std::move(one)), count_(count) {
        if (count < 0) throw_invalid("imle::shared's count", count, "the number of rows, at least 0");
    }
    [[nodiscard]] auto as_row() const { return as_batch_of_one(one_); }
    [[nodiscard]] Eigen::Index count() const noexcept { return count_; }

  private:
    tensor one_;
    Eigen::Index count_;
};

/// The type of a pass's samples, if it keeps some.
template <class PassT>
struct sample_tensor_of {};
template <SampledPass PassT>
struct sample_tensor_of<PassT> {
    using sample_tensor = typename PassT::sample_tensor;
};

/// The pass of a shared theta: samples and marginals have a batch dimension, theta and its gradient have
/// none.
template <class PassT>
class shared_pass : public sample_tensor_of<PassT> {
    static constexpr int rank = rank_of<typename PassT::theta_tensor> - 1;
    static constexpr int layout = layout_of<typename PassT::theta_tensor>;

  public:
    /// Whether the pass keeps every sample.
    static constexpr bool keeps_samples = PassT::keeps_samples;
    /// [instance...].
    using theta_tensor = Eigen::Tensor<scalar_of<typename PassT::theta_tensor>, rank, layout>;

    /// rows: the underlying pass, whose theta is a batch of one.
    explicit shared_pass(PassT rows) : rows_(std::move(rows)) {}

    /// theta as it was given, [instance...].
    [[nodiscard]] theta_tensor theta() const { return as_instance(rows_.theta()); }
    /// z, [count, sample, instance...].
    [[nodiscard]] decltype(auto) samples() const& noexcept { return rows_.samples(); }
    /// Moves the samples out of the pass and leaves it without samples.
    [[nodiscard]] auto samples() && noexcept { return std::move(rows_).samples(); }
    /// The mean of z over the samples, [count, instance...].
    [[nodiscard]] decltype(auto) marginals() const { return rows_.marginals(); }
    /// The key of the call.
    [[nodiscard]] random_key key() const noexcept { return rows_.key(); }
    /// The call's `call_options::first_instance`.
    [[nodiscard]] std::uint64_t first_instance() const noexcept { return rows_.first_instance(); }
    /// The call's `call_options::ids`.
    [[nodiscard]] std::span<const std::uint64_t> ids() const noexcept { return rows_.ids(); }
    /// The call's `call_options::mask`.
    [[nodiscard]] std::span<const bool> mask() const noexcept { return rows_.mask(); }
    /// The rows for which a solve failed, in ascending order: their failed samples are 0. Only with
    /// `failure_policy::zero_gradient`.
    [[nodiscard]] const std::vector<Eigen::Index>& failed_rows() const noexcept {
        return rows_.failed_rows();
    }
    /// S, the number of samples of each row.
    [[nodiscard]] Eigen::Index sample_count() const noexcept { return rows_.sample_count(); }
    /// The shape: the batch, which is the number of rows, and the dimensions of an instance.
    [[nodiscard]] auto shape() const { return rows_.shape(); }

    /// The underlying pass, whose theta is a batch of one.
    [[nodiscard]] const PassT& rows() const noexcept { return rows_; }
    /// The underlying pass, writable.
    [[nodiscard]] PassT& rows() noexcept { return rows_; }

    /// Views a batch of one as an instance.
    [[nodiscard]] theta_tensor as_instance(const typename PassT::theta_tensor& row) const {
        return Eigen::TensorMap<const theta_tensor>(row.data(), shape_of(row).instance);
    }
    /// Views an instance as a batch of one.
    template <class TensorT>
    [[nodiscard]] static auto as_row(TensorT& instance) {
        return as_batch_of_one(instance);
    }

  private:
    PassT rows_;
};

template <class T>
inline constexpr bool is_shared = false;
template <class Scalar, int Rank, int Layout>
inline constexpr bool is_shared<shared_theta<Scalar, Rank, Layout>> = true;

template <class T>
inline constexpr bool is_shared_pass = false;
template <class PassT>
inline constexpr bool is_shared_pass<shared_pass<PassT>> = true;

}  // namespace detail

/// Shares one instance's theta, [instance...] without a batch, between `count` rows of a call. The rows may
/// differ in their ids or masks: `layer.forward(imle::shared(theta, count), key, {.ids = ids})`. Samples,
/// marginals and noise are the same as for a batch that repeats theta. `vjp` returns the sum of the rows'
/// gradients, of theta's shape. O(n) memory for theta and its gradient.
template <class TensorT>
[[nodiscard]] auto shared(const TensorT& one, Eigen::Index count) {
    using tensor = detail::evaluated_t<TensorT>;
    return detail::shared_theta<scalar_of<tensor>, rank_of<tensor>, layout_of<tensor>>(detail::evaluated(one),
                                                                                       count);
}

}  // namespace imle::inline IMLE_ABI
