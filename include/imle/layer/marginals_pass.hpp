#pragma once

/// @file
/// A forward pass that kept only the mean of its samples.

#include <cstdint>
#include <utility>
#include <vector>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/detail/call_checks.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {
struct pass_writer;
}

/// What `imle_layer::marginals` returns: theta, the key, and the mean MAP state per instance. Its memory does
/// not grow with the number of samples. `Rank` is theta's, the batch included.
template <class Scalar, int Rank, int Layout>
class marginals_pass {
  public:
    /// [batch, instance...], or [instance..., batch] column-major.
    using theta_tensor = Eigen::Tensor<Scalar, Rank, Layout>;

    /// From parts that were saved. Throws `std::invalid_argument` if they do not fit one another or
    /// `sample_count` < 1.
    marginals_pass(theta_tensor theta, theta_tensor marginals, random_key key, std::uint64_t first_instance,
                   Eigen::Index sample_count, std::vector<Eigen::Index> failed_rows = {})
        : theta_(std::move(theta)),
          marginals_(std::move(marginals)),
          key_(key),
          first_instance_(first_instance),
          sample_count_(sample_count),
          failed_rows_(std::move(failed_rows)) {
        detail::require_rows("failed_rows", failed_rows_,
                             detail::batch_shape<Rank - 1, Layout>::of(theta_).batch);
        if (detail::dimensions_of(marginals_) != detail::dimensions_of(theta_))
            detail::throw_invalid(
                "marginals", "a tensor of shape " + detail::shape_string(detail::dimensions_of(marginals_)),
                "theta's shape " + detail::shape_string(detail::dimensions_of(theta_)));
        if (sample_count_ < 1) detail::throw_invalid("sample_count", sample_count_, "at least 1");
    }

    /// The mean of z over the samples, of theta's shape: an estimate of the marginals.
    [[nodiscard]] const theta_tensor& marginals() const& noexcept { return marginals_; }
    [[nodiscard]] theta_tensor marginals() && noexcept { return std::move(marginals_); }

    /// theta as it was given.
    [[nodiscard]] const theta_tensor& theta() const noexcept { return theta_; }
    [[nodiscard]] random_key key() const noexcept { return key_; }
    [[nodiscard]] std::uint64_t first_instance() const noexcept { return first_instance_; }
    /// The rows of theta for which a solve failed, rising: their mean takes failed samples for 0, their
    /// gradient will be 0. Only with `failure_policy::zero_gradient`.
    [[nodiscard]] const std::vector<Eigen::Index>& failed_rows() const noexcept { return failed_rows_; }
    /// S, the number of samples per instance.
    [[nodiscard]] Eigen::Index sample_count() const noexcept { return sample_count_; }

  private:
    friend struct detail::pass_writer;

    theta_tensor theta_;
    theta_tensor marginals_;
    random_key key_;
    std::uint64_t first_instance_;
    Eigen::Index sample_count_;
    std::vector<Eigen::Index> failed_rows_;
};

}  // namespace imle::inline IMLE_ABI
