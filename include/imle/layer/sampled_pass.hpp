#pragma once

/// @file
/// A forward pass that kept its samples.

#include <cstdint>
#include <utility>
#include <vector>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/detail/call_checks.hpp>
#include <imle/layer/detail/sample_plan.hpp>
#include <imle/layer/detail/sample_sum.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {
struct pass_writer;
}

/// What `imle_layer::forward` returns: theta, the key, and a MAP state per instance and sample.
///
/// `Rank` is theta's, the batch included. It owns its numbers, so it outlives the layer and can be copied;
/// noise is not stored, since the key replays it.
template <class Scalar, int Rank, int Layout>
class sampled_pass {
  public:
    /// [batch, instance...], or [instance..., batch] column-major.
    using theta_tensor = Eigen::Tensor<Scalar, Rank, Layout>;
    /// [batch, sample, instance...], or [instance..., sample, batch] column-major.
    using sample_tensor = Eigen::Tensor<Scalar, Rank + 1, Layout>;

    /// From parts that were saved. Throws `std::invalid_argument` if they do not fit one another.
    sampled_pass(theta_tensor theta, sample_tensor samples, random_key key, std::uint64_t first_instance,
                 std::vector<Eigen::Index> failed_rows = {})
        : theta_(std::move(theta)),
          samples_(std::move(samples)),
          key_(key),
          first_instance_(first_instance),
          failed_rows_(std::move(failed_rows)) {
        detail::require_rows("failed_rows", failed_rows_, shape().batch);
        const auto expected = shape().samples(sample_count());
        if (sample_count() < 1 || detail::dimensions_of(samples_) != expected)
            detail::throw_invalid(
                "samples", "a tensor of shape " + detail::shape_string(detail::dimensions_of(samples_)),
                "theta's shape " + detail::shape_string(detail::dimensions_of(theta_)) +
                    " with a sample dimension of at least 1 next to the batch");
    }

    /// z, one MAP state per instance and sample.
    [[nodiscard]] const sample_tensor& samples() const& noexcept { return samples_; }
    [[nodiscard]] sample_tensor samples() && noexcept { return std::move(samples_); }

    /// The mean of z over the samples, of theta's shape: an estimate of the marginals. O(batch * samples *
    /// n).
    [[nodiscard]] theta_tensor marginals() const {
        const auto shape = this->shape();
        const detail::sample_plan plan(shape.batch, sample_count(), shape.n);
        std::vector<double> memory(static_cast<std::size_t>(detail::sample_sum::size(plan)));
        detail::sample_sum sum(plan, 0, memory.data());
        sum.add({0, plan.batch * plan.samples}, samples_.data());
        theta_tensor mean(shape.theta());
        sum.write_mean(1.0, mean.data());
        return mean;
    }

    /// theta as it was given.
    [[nodiscard]] const theta_tensor& theta() const noexcept { return theta_; }
    [[nodiscard]] random_key key() const noexcept { return key_; }
    [[nodiscard]] std::uint64_t first_instance() const noexcept { return first_instance_; }
    /// The rows of theta for which a solve failed, rising: their failed samples are 0, their gradient will
    /// be. Only with `failure_policy::zero_gradient`.
    [[nodiscard]] const std::vector<Eigen::Index>& failed_rows() const noexcept { return failed_rows_; }
    /// S, the number of samples per instance.
    [[nodiscard]] Eigen::Index sample_count() const noexcept {
        return samples_.dimension(Layout == Eigen::RowMajor ? 1 : Rank - 1);
    }

  private:
    friend struct detail::pass_writer;

    [[nodiscard]] auto shape() const { return detail::batch_shape<Rank - 1, Layout>::of(theta_); }

    theta_tensor theta_;
    sample_tensor samples_;
    random_key key_;
    std::uint64_t first_instance_;
    std::vector<Eigen::Index> failed_rows_;
};

}  // namespace imle::inline IMLE_ABI
