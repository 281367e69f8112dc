#pragma once

/// @file
/// The shape of a batch of instances, in both layouts.

#include <array>
#include <span>
#include <sstream>
#include <string>

#include <imle/core/tensor.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The dimensions of any dense tensor, fixed-size ones included, as one type.
template <DenseTensor TensorT>
[[nodiscard]] Eigen::DSizes<Eigen::Index, rank_of<TensorT>> dimensions_of(const TensorT& tensor) {
    const auto given = tensor.dimensions();
    Eigen::DSizes<Eigen::Index, rank_of<TensorT>> result;
    for (std::size_t i = 0; i < result.size(); ++i) {
        if constexpr (requires { given.at(i); })
            result[i] = static_cast<Eigen::Index>(given[i]);
        else
            result[i] = static_cast<Eigen::Index>(given[static_cast<Eigen::Index>(i)]);
    }
    return result;
}

/// a == b. (Eigen's comparison calls a library function, which takes longer than the few numbers.)
template <int Rank>
[[nodiscard]] bool same_dimensions(const Eigen::DSizes<Eigen::Index, Rank>& a,
                                   const Eigen::DSizes<Eigen::Index, Rank>& b) noexcept {
    Eigen::Index different = 0;
    for (std::size_t i = 0; i < std::size_t{Rank}; ++i) different |= a[i] ^ b[i];
    return different == 0;
}

/// Dimensions as text: [2, 16, 16].
[[nodiscard]] inline std::string shape_string(std::span<const Eigen::Index> dimensions) {
    std::ostringstream out;
    out << '[';
    for (std::size_t i = 0; i < dimensions.size(); ++i) out << (i == 0 ? "" : ", ") << dimensions[i];
    out << ']';
    return out.str();
}
template <int Rank>
[[nodiscard]] std::string shape_string(const Eigen::DSizes<Eigen::Index, Rank>& dimensions) {
    return shape_string(std::span<const Eigen::Index>(&dimensions[0], std::size_t{Rank}));
}

/// The shape of a tensor of instances. The batch is the outermost dimension in memory, so instance b is the n
/// elements from b * n on. Row-major: [batch, instance...]; column-major: [instance..., batch].
template <int InstanceRank, int Layout>
struct batch_shape {
    static constexpr std::size_t rank = InstanceRank;
    template <int Rank>
    using dimensions = Eigen::DSizes<Eigen::Index, Rank>;

    Eigen::Index batch = 0;
    dimensions<InstanceRank> instance;
    /// The number of elements in one instance.
    Eigen::Index n = 1;

    template <DenseTensor TensorT>
    [[nodiscard]] static batch_shape of(const TensorT& tensor) {
        static_assert(rank_of<TensorT> == InstanceRank + 1 && layout_of<TensorT> == Layout);
        batch_shape shape;
        const auto given = dimensions_of(tensor);
        constexpr std::size_t offset = Layout == Eigen::RowMajor ? 1 : 0;
        shape.batch = given[Layout == Eigen::RowMajor ? 0 : rank];
        for (std::size_t i = 0; i < rank; ++i) {
            shape.instance[i] = given[i + offset];
            shape.n *= shape.instance[i];
        }
        return shape;
    }

    /// The dimensions of `count` instances.
    [[nodiscard]] dimensions<InstanceRank + 1> batched(Eigen::Index count) const {
        return within<1>({count});
    }
    /// The dimensions of theta: the whole batch.
    [[nodiscard]] dimensions<InstanceRank + 1> theta() const { return batched(batch); }
    /// The dimensions of all samples: [batch, sample, instance...] or [instance..., sample, batch].
    [[nodiscard]] dimensions<InstanceRank + 2> samples(Eigen::Index count) const {
        return within<2>({batch, count});
    }

  private:
    /// The instance's dimensions inside the outer ones. The first of `outer` is the outermost in memory.
    template <int Outer>
    [[nodiscard]] dimensions<InstanceRank + Outer> within(
        const std::array<Eigen::Index, Outer>& outer) const {
        constexpr bool row_major = Layout == Eigen::RowMajor;
        dimensions<InstanceRank + Outer> result;
        for (std::size_t i = 0; i < Outer; ++i) result[row_major ? i : rank + Outer - 1 - i] = outer[i];
        for (std::size_t i = 0; i < rank; ++i) result[row_major ? i + Outer : i] = instance[i];
        return result;
    }
};

/// `evaluated`, for a tensor that has instances.
template <class T>
[[nodiscard]] decltype(auto) evaluated_batch(const T& tensor) {
    using TensorT = evaluated_t<T>;
    static_assert(rank_of<TensorT> >= 2,
                  "imle: theta has a batch dimension and at least one instance dimension; view a single "
                  "instance as a batch of one. See docs/layer.md");
    if constexpr (rank_of<TensorT> >= 2)
        return evaluated(tensor);
    else
        return Eigen::Tensor<scalar_of<TensorT>, 2, layout_of<TensorT>>();  // as in `evaluated`
}

/// The shape of a tensor of instances.
template <DenseTensor TensorT>
[[nodiscard]] auto shape_of(const TensorT& tensor) {
    const auto& batch = evaluated_batch(tensor);
    using BatchT = std::remove_cvref_t<decltype(batch)>;
    return batch_shape<rank_of<BatchT> - 1, layout_of<BatchT>>::of(batch);
}

}  // namespace imle::inline IMLE_ABI::detail
