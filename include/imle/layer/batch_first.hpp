#pragma once

/// @file
/// Column-major tensors whose batch comes first.

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <imle/core/tensor.hpp>
#include <imle/layer/call.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// A column-major copy whose dimension i is dimension place(i) of `tensor`.
template <class TensorT, class PlaceT>
[[nodiscard]] auto reordered(const TensorT& tensor, PlaceT&& place) {
    constexpr int rank = tensor_traits<TensorT>::rank;
    std::array<int, rank> order{};
    for (int i = 0; i < rank; ++i) order[static_cast<std::size_t>(i)] = place(i);
    return Eigen::Tensor<typename tensor_traits<TensorT>::Scalar, rank, Eigen::ColMajor>(
        tensor.shuffle(order));
}

/// Moves the first `Count` dimensions of a column-major tensor to the end, in reverse order: [batch,
/// instance...] becomes [instance..., batch]; [batch, sample, instance...] becomes [instance..., sample,
/// batch]. O(size).
template <int Count, class TensorT>
[[nodiscard]] auto with_batch_last(const TensorT& tensor) {
    constexpr int rank = tensor_traits<TensorT>::rank;
    return reordered(tensor, [](int i) { return i < rank - Count ? i + Count : rank - 1 - i; });
}

/// The inverse of `with_batch_last`.
template <int Count, class TensorT>
[[nodiscard]] auto with_batch_first(const TensorT& tensor) {
    return reordered(tensor, [](int i) { return i < Count ? rank_of<TensorT> - 1 - i : i - Count; });
}

/// The result of `imle::batch_first`.
template <class Scalar, int Rank>
class batch_first_tensor {
  public:
    using tensor = Eigen::Tensor<Scalar, Rank, Eigen::ColMajor>;
    explicit batch_first_tensor(tensor batch_last) : batch_last_(std::move(batch_last)) {}
    [[nodiscard]] const tensor& batch_last() const noexcept { return batch_last_; }

  private:
    tensor batch_last_;
};

template <class T>
inline constexpr bool is_batch_first = false;
template <class Scalar, int Rank>
inline constexpr bool is_batch_first<batch_first_tensor<Scalar, Rank>> = true;

/// Converts the options of a call whose theta has its batch first to the order of a call whose batch is last.
template <class Scalar, int Rank>
class batch_first_options {
  public:
    batch_first_options(const batch_first_tensor<Scalar, Rank>& theta, const call_options& options)
        : options_(options) {
        const auto last = dimensions_of(theta.batch_last());
        constexpr std::size_t rank = Rank;
        // A mask of one instance has no batch dimension to move.
        if (static_cast<Eigen::Index>(options.mask.size()) != theta.batch_last().size() || last[rank - 1] < 2)
            return;
        Eigen::DSizes<Eigen::Index, Rank> first;
        for (std::size_t i = 0; i < rank; ++i) first[i] = last[(i + rank - 1) % rank];
        mask_ =
            with_batch_last<1>(Eigen::TensorMap<const Eigen::Tensor<bool, Rank>>(options.mask.data(), first));
        options_.mask = {mask_.data(), options.mask.size()};
    }
    batch_first_options(const batch_first_options&) = delete;
    batch_first_options& operator=(const batch_first_options&) = delete;
    ~batch_first_options() = default;

    [[nodiscard]] const call_options& get() const noexcept { return options_; }

  private:
    call_options options_;
    Eigen::Tensor<bool, Rank> mask_;
};

/// The batch-last form of a tensor whose batch comes first, or of a result of `imle::batch_first`.
template <class TensorT>
[[nodiscard]] auto batch_last_of(const TensorT& tensor) {
    if constexpr (is_batch_first<TensorT>)
        return tensor.batch_last();
    else
        return with_batch_last<1>(evaluated(tensor));
}

/// A pass whose tensors are read and returned with their batch first.
template <class PassT>
class batch_first_pass {
  public:
    static constexpr bool keeps_samples = PassT::keeps_samples;
    using theta_tensor = typename PassT::theta_tensor;
    using sample_tensor = Eigen::Tensor<scalar_of<theta_tensor>, rank_of<theta_tensor> + 1, Eigen::ColMajor>;

    explicit batch_first_pass(PassT pass) : pass_(std::move(pass)) {}

    /// z, [batch, sample, instance...].
    template <class P = PassT>
    [[nodiscard]] sample_tensor samples() const {
        static_assert(P::keeps_samples, "imle: a pass of marginals keeps no samples. See docs/layer.md");
        return detail::with_batch_first<2>(pass_.samples());
    }
    /// The mean of z over the samples, [batch, instance...].
    [[nodiscard]] theta_tensor marginals() const { return with_batch_first(pass_.marginals()); }
    /// theta as it was given, [batch, instance...].
    [[nodiscard]] theta_tensor theta() const { return with_batch_first(pass_.theta()); }
    [[nodiscard]] random_key key() const noexcept { return pass_.key(); }
    [[nodiscard]] std::uint64_t first_instance() const noexcept { return pass_.first_instance(); }
    [[nodiscard]] std::span<const std::uint64_t> ids() const noexcept { return pass_.ids(); }
    [[nodiscard]] const std::vector<Eigen::Index>& failed_rows() const noexcept {
        return pass_.failed_rows();
    }
    [[nodiscard]] Eigen::Index sample_count() const noexcept { return pass_.sample_count(); }

    /// The underlying pass, with its batch last.
    [[nodiscard]] const PassT& batch_last() const noexcept { return pass_; }
    /// Converts a cotangent of the samples' or of theta's shape to the layer's order.
    template <class CotangentT>
    [[nodiscard]] auto with_batch_last(const CotangentT& dz) const {
        const auto& values = evaluated(dz);
        using tensor = evaluated_t<CotangentT>;
        static_assert(layout_of<tensor> == Eigen::ColMajor,
                      "imle::batch_first: the cotangent must be column-major, as theta is. See "
                      "docs/layer.md#tensors");
        constexpr int count = rank_of<tensor> == rank_of<theta_tensor> ? 1 : 2;
        return detail::with_batch_last<count>(values);
    }
    [[nodiscard]] static theta_tensor with_batch_first(const theta_tensor& tensor) {
        return detail::with_batch_first<1>(tensor);
    }

  private:
    PassT pass_;
};

template <class T>
inline constexpr bool is_batch_first_pass = false;
template <class PassT>
inline constexpr bool is_batch_first_pass<batch_first_pass<PassT>> = true;

}  // namespace detail

/// Marks a column-major tensor [batch, instance...], or an expression of one, as having its batch first.
/// Layers and losses accept it, and their results have their batch first too: samples [batch, sample,
/// instance...], marginals and gradients [batch, instance...]. (Without this mark, the batch of a
/// column-major tensor is its last dimension.) The solver receives each instance column-major. Each tensor is
/// copied once on its way in or out: O(size).
///
///     auto pass = layer.forward(imle::batch_first(theta), key);      // theta: Tensor<float, 2>(batch, n)
///     auto gradient = layer.vjp(pass, pass.marginals() - wanted);   // [batch, n], like wanted
template <class TensorT>
[[nodiscard]] auto batch_first(const TensorT& tensor) {
    const auto& values = detail::evaluated(tensor);
    using evaluated = detail::evaluated_t<TensorT>;
    static_assert(layout_of<evaluated> == Eigen::ColMajor,
                  "imle::batch_first: a row-major tensor already has its batch first. See "
                  "docs/layer.md#tensors");
    return detail::batch_first_tensor<scalar_of<evaluated>, rank_of<evaluated>>(
        detail::with_batch_last<1>(values));
}

}  // namespace imle::inline IMLE_ABI
