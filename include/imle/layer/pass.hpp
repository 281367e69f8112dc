#pragma once

/// @file
/// The result of a forward pass: theta, the key, and the samples or their mean.
///
/// A pass owns its numbers, ids and mask, so it outlives the layer and can be copied. The noise is not
/// stored, because the key reproduces it. `Rank` is the rank of theta, including the batch. Theta is [batch,
/// instance...], or [instance..., batch] column-major; the samples have one more dimension, next to the
/// batch.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/core/function_ref.hpp>
#include <imle/layer/call.hpp>
#include <imle/layer/detail/plan.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {
struct pass_writer;

/// The common part of both kinds of passes.
template <class Scalar, int Rank, int Layout>
class any_pass {
  public:
    /// [batch, instance...], or [instance..., batch] column-major.
    using theta_tensor = Eigen::Tensor<Scalar, Rank, Layout>;

    /// theta as given, with 0 where the mask forbids a coordinate.
    [[nodiscard]] const theta_tensor& theta() const noexcept { return theta_; }
    /// The key of the call, which reproduces the noise in the backward pass.
    [[nodiscard]] random_key key() const noexcept { return key_; }
    /// The call's `call_options::first_instance`.
    [[nodiscard]] std::uint64_t first_instance() const noexcept { return first_instance_; }
    /// The call's `call_options::ids`.
    [[nodiscard]] std::span<const std::uint64_t> ids() const noexcept { return ids_; }
    /// The call's `call_options::mask`.
    [[nodiscard]] std::span<const bool> mask() const noexcept {
        return {mask_.data(), static_cast<std::size_t>(mask_.size())};
    }
    /// The rows of theta for which a solve failed, in ascending order. Their failed samples are 0 (in the
    /// mean too), and so is their gradient. Only with `failure_policy::zero_gradient`.
    [[nodiscard]] const std::vector<Eigen::Index>& failed_rows() const noexcept { return failed_rows_; }

    /// Whether theta is one instance, [1, instance...], shared by all rows (see `imle::shared`).
    [[nodiscard]] bool shares_theta() const noexcept { return shared_rows_ >= 0; }
    /// The shape: the batch and the dimensions of an instance.
    [[nodiscard]] batch_shape<Rank - 1, Layout> shape() const {
        auto shape = shape_of(theta_);
        if (shares_theta()) shape.batch = shared_rows_;
        return shape;
    }

  protected:
    any_pass(theta_tensor theta, random_key key, const call_options& options,
             std::vector<Eigen::Index> failed_rows)
        : theta_(std::move(theta)), key_(key), failed_rows_(std::move(failed_rows)) {
        keep(options);
        require_rows("failed_rows", failed_rows_, shape_of(theta_).batch);
        require_options(layer_call<Scalar, Rank - 1, Layout>{shape(), 1, nullptr, key, options});
    }

    /// Copies the options. It does not allocate if their sizes are the same as before, and changes nothing if
    /// it throws. The options may refer to the pass's own memory.
    void keep(const call_options& options) {
        if (options.ids.empty() && ids_.empty() && options.mask.empty() && mask_.size() == 0) {
            first_instance_ = options.first_instance;
            return;
        }
        const auto mask_size = static_cast<Eigen::Index>(options.mask.size());
        const bool keeps_ids = options.ids.size() == ids_.size(), keeps_mask = mask_size == mask_.size();
        std::vector<std::uint64_t> ids;
        if (!keeps_ids) ids.assign(options.ids.begin(), options.ids.end());
        mask_array mask(keeps_mask ? 0 : mask_size);
        std::copy_n(options.mask.data(), mask.size(), mask.data());
        if (keeps_ids)
            std::copy(options.ids.begin(), options.ids.end(), ids_.begin());
        else
            ids_ = std::move(ids);
        if (keeps_mask)
            std::copy(options.mask.begin(), options.mask.end(), mask_.data());
        else
            mask_ = std::move(mask);
        first_instance_ = options.first_instance;
    }

    static void require_whole(bool whole) {
        if (!whole)
            throw std::logic_error(
                "imle: the pass or its samples were moved from; expected a pass that still has them");
    }

    using mask_array = Eigen::Array<bool, Eigen::Dynamic, 1>;

    theta_tensor theta_;
    random_key key_;
    std::uint64_t first_instance_ = 0;
    std::vector<std::uint64_t> ids_;
    mask_array mask_;
    Eigen::Index shared_rows_ = -1;
    std::vector<Eigen::Index> failed_rows_;
};

}  // namespace detail

/// The result of a layer's `forward`: theta, the key, and a MAP state per instance and sample.
template <class Scalar, int Rank, int Layout>
class sampled_pass : public detail::any_pass<Scalar, Rank, Layout> {
    using base = detail::any_pass<Scalar, Rank, Layout>;

  public:
    /// Whether passes of this kind keep every sample.
    static constexpr bool keeps_samples = true;
    using typename base::theta_tensor;
    /// [batch, sample, instance...], or [instance..., sample, batch] column-major.
    using sample_tensor = Eigen::Tensor<Scalar, Rank + 1, Layout>;

    /// Rebuilds a pass from saved parts. `options` are the options of the original call. Throws
    /// `std::invalid_argument` if the parts do not fit one another.
    template <CallOptions OptionsT = call_options>
    sampled_pass(theta_tensor theta, sample_tensor samples, random_key key, const OptionsT& options,
                 std::vector<Eigen::Index> failed_rows = {})
        : base(std::move(theta), key, detail::options_of(options), std::move(failed_rows)),
          samples_(std::move(samples)) {
        const auto expected = detail::shape_of(this->theta_).samples(sample_count());
        if (sample_count() < 1 || detail::dimensions_of(samples_) != expected)
            detail::throw_invalid(
                "samples", "a tensor of shape " + detail::shape_string(detail::dimensions_of(samples_)),
                "theta's shape " + detail::shape_string(detail::dimensions_of(this->theta_)) +
                    " with a sample dimension of at least 1 next to the batch");
    }

    /// z, one MAP state per instance and sample.
    [[nodiscard]] const sample_tensor& samples() const& noexcept { return samples_; }
    /// Moves the samples out of the pass and leaves it without samples.
    [[nodiscard]] sample_tensor samples() && noexcept { return std::move(samples_); }

    /// The mean of z over the samples, of theta's shape: an estimate of the marginals. O(batch * samples *
    /// n).
    [[nodiscard]] theta_tensor marginals() const {
        require_whole();
        const auto shape = this->shape();
        theta_tensor mean(shape.theta());
        detail::write_mean_of(samples_.data(), shape.batch, sample_count(), shape.n, mean.data());
        return mean;
    }

    /// S, the number of samples per instance.
    [[nodiscard]] Eigen::Index sample_count() const noexcept {
        return samples_.dimension(Layout == Eigen::RowMajor ? 1 : Rank - 1);
    }

    /// Throws `std::logic_error` if the pass or its samples were moved from.
    void require_whole() const { base::require_whole(sample_count() >= 1); }

  private:
    friend struct detail::pass_writer;
    sample_tensor samples_;
};

/// The result of a layer's `marginals`: theta, the key, and the mean MAP state per instance. Its memory does
/// not grow with the number of samples.
template <class Scalar, int Rank, int Layout>
class marginals_pass : public detail::any_pass<Scalar, Rank, Layout> {
    using base = detail::any_pass<Scalar, Rank, Layout>;

  public:
    /// Whether passes of this kind keep every sample.
    static constexpr bool keeps_samples = false;
    using typename base::theta_tensor;

    /// Rebuilds a pass from saved parts. Throws `std::invalid_argument` if the parts do not fit one another
    /// or `sample_count` < 1.
    template <CallOptions OptionsT = call_options>
    marginals_pass(theta_tensor theta, theta_tensor marginals, random_key key, const OptionsT& options,
                   Eigen::Index sample_count, std::vector<Eigen::Index> failed_rows = {})
        : base(std::move(theta), key, detail::options_of(options), std::move(failed_rows)),
          marginals_(std::move(marginals)),
          sample_count_(sample_count) {
        if (detail::dimensions_of(marginals_) != detail::dimensions_of(this->theta_))
            detail::throw_invalid(
                "marginals", "a tensor of shape " + detail::shape_string(detail::dimensions_of(marginals_)),
                "theta's shape " + detail::shape_string(detail::dimensions_of(this->theta_)));
        if (sample_count_ < 1) detail::throw_invalid("sample_count", sample_count_, "at least 1");
    }

    marginals_pass(const marginals_pass&) = default;
    /// Leaves `other` without marginals.
    marginals_pass(marginals_pass&& other) noexcept
        : base(std::move(other)),
          marginals_(std::move(other.marginals_)),
          sample_count_(std::exchange(other.sample_count_, 0)) {}
    marginals_pass& operator=(const marginals_pass&) = default;
    /// Leaves `other` without marginals.
    marginals_pass& operator=(marginals_pass&& other) noexcept {
        base::operator=(std::move(other));
        marginals_ = std::move(other.marginals_);
        sample_count_ = std::exchange(other.sample_count_, 0);
        return *this;
    }
    ~marginals_pass() = default;

    /// The mean of z over the samples, of theta's shape: an estimate of the marginals.
    [[nodiscard]] const theta_tensor& marginals() const& noexcept { return marginals_; }
    /// Moves the marginals out of the pass and leaves it without marginals.
    [[nodiscard]] theta_tensor marginals() && noexcept {
        sample_count_ = 0;
        return std::move(marginals_);
    }

    /// S, the number of samples per instance.
    [[nodiscard]] Eigen::Index sample_count() const noexcept { return sample_count_; }

    /// Throws `std::logic_error` if the pass or its marginals were moved from.
    void require_whole() const { base::require_whole(sample_count_ >= 1); }

  private:
    friend struct detail::pass_writer;
    theta_tensor marginals_;
    Eigen::Index sample_count_;
};

namespace detail {

/// Kinds of passes, and their wrappers.
template <class PassT>
concept SampledPass = PassT::keeps_samples;
template <class PassT>
concept MarginalsPass = !PassT::keeps_samples;

/// The values of a pass, or of some of its rows, for a backward pass.
template <class Scalar>
struct pass_values {
    /// The samples, or null if the pass kept none.
    const Scalar* z;
    /// The mean of the samples, if the pass kept no samples.
    const Scalar* mean;
    /// The failed rows, in ascending order.
    std::span<const Eigen::Index> failed;
};

template <class PassT>
[[nodiscard]] auto pass_values_of(const PassT& pass) {
    using Scalar = scalar_of<typename PassT::theta_tensor>;
    if constexpr (PassT::keeps_samples)
        return pass_values<Scalar>{pass.samples().data(), nullptr, pass.failed_rows()};
    else
        return pass_values<Scalar>{nullptr, pass.marginals().data(), pass.failed_rows()};
}

/// Writes a gradient of theta's shape by `write(values, call, dz, gradient)`, which writes the gradient of
/// all rows of a call. If rows share their theta, the gradient is the sum over the rows, in order and in
/// double. It then processes a limited number of rows at a time, so memory is bounded.
template <class Scalar, int Rank, int Layout>
void write_for_theta(const pass_values<Scalar>& values, const layer_call<Scalar, Rank, Layout>& call,
                     const cotangent<Scalar>& dz, Scalar* gradient,
                     std::type_identity_t<function_ref<void(const pass_values<Scalar>&,
                                                            const layer_call<Scalar, Rank, Layout>&,
                                                            const cotangent<Scalar>&, Scalar*)>>
                         write) {
    if (!call.shares_theta) {
        write(values, call, dz, gradient);
        return;
    }
    const Eigen::Index n = call.shape.n;
    const Eigen::Index most_numbers = Eigen::Index{1} << 20;
    const Eigen::Index at_a_time = std::clamp<Eigen::Index>(most_numbers / std::max<Eigen::Index>(n, 1), 1,
                                                            std::max<Eigen::Index>(call.shape.batch, 1));
    std::vector<double> sum(static_cast<std::size_t>(n), 0.0);
    std::vector<Scalar> rows(static_cast<std::size_t>(at_a_time * n));
    std::vector<Eigen::Index> failed;
    for (Eigen::Index first = 0; first < call.shape.batch; first += at_a_time) {
        const Eigen::Index count = std::min(at_a_time, call.shape.batch - first);
        failed.clear();
        for (const Eigen::Index row : values.failed)
            if (row >= first && row < first + count) failed.push_back(row - first);
        const pass_values<Scalar> part{values.z == nullptr ? nullptr : values.z + first * call.samples * n,
                                       values.mean == nullptr ? nullptr : values.mean + first * n, failed};
        write(part, call.rows(first, count), rows_of(dz, call, first), rows.data());
        for (Eigen::Index row = 0; row < count; ++row)
            for (Eigen::Index i = 0; i < n; ++i)
                sum[static_cast<std::size_t>(i)] +=
                    static_cast<double>(rows[static_cast<std::size_t>(row * n + i)]);
    }
    for (Eigen::Index i = 0; i < n; ++i) gradient[i] = static_cast<Scalar>(sum[static_cast<std::size_t>(i)]);
    if (!all_finite(std::span<const Scalar>(gradient, static_cast<std::size_t>(n))))
        throw_invalid("the sum of the rows' gradients", "a number that is not finite", "a smaller cotangent");
}

/// The samples of a pass or, if it kept none, its marginals.
template <class PassT>
[[nodiscard]] decltype(auto) output_of(const PassT& pass) {
    if constexpr (PassT::keeps_samples)
        return pass.samples();
    else
        return pass.marginals();
}

/// Writes a gradient of theta's shape by `write`; into other memory first if the gradient's overlaps dz's or
/// the pass's.
template <class PassT, class Scalar>
void write_apart(const PassT& pass, const Scalar* dz, Eigen::Index dz_size, Scalar* gradient,
                 Eigen::Index gradient_size, std::type_identity_t<function_ref<void(Scalar*)>> write) {
    const auto overlaps = [&](const Scalar* numbers, Eigen::Index size) {
        return overlap(gradient, gradient_size, numbers, size);
    };
    const auto& output = output_of(pass);
    if (!overlaps(dz, dz_size) && !overlaps(pass.theta().data(), pass.theta().size()) &&
        !overlaps(output.data(), output.size())) {
        write(gradient);
    } else {
        typename PassT::theta_tensor own(dimensions_of(pass.theta()));
        write(own.data());
        std::copy_n(own.data(), own.size(), gradient);
    }
}

/// The only class that may change a pass.
struct pass_writer {
    /// Rewrites a pass for a new call. The pass stores theta and the call's other arguments, to which `call`
    /// then refers, and `write(call, values, failed_rows)` fills in its values, which already have the right
    /// shape. Memory is reused if the shape is the same. theta may lie in the pass.
    ///
    /// If memory cannot be allocated, the pass is unchanged. If `write` throws, the pass is consistent but
    /// its values are NaN, so that they cannot be taken for a result.
    template <class PassT, class CallT, class WriteT>
    static void write(PassT& pass, CallT& call, WriteT&& write) {
        store(call, pass);
        try {
            write(call, values_of(pass).data(), pass.failed_rows_);
        } catch (...) {
            invalidate(pass);
            throw;
        }
    }

    /// A new pass of a call, without samples.
    template <class PassT, class CallT>
    [[nodiscard]] static PassT empty(const CallT& call) {
        CallT none = call;
        none.shape.batch = 0;
        const call_options options;
        if constexpr (PassT::keeps_samples)
            return PassT(typename PassT::theta_tensor(none.shape.theta()),
                         typename PassT::sample_tensor(none.shape.samples(call.samples)), call.key, options);
        else
            return PassT(typename PassT::theta_tensor(none.shape.theta()),
                         typename PassT::theta_tensor(none.shape.theta()), call.key, options, call.samples);
    }

  private:
    /// Stores a call in a pass, and lets it refer to the pass.
    template <class CallT, class PassT>
    static void store(CallT& call, PassT& pass) {
        auto& values = values_of(pass);
        const auto theta_shape = call.shape.batched(call.theta_rows());
        const auto value_shape = [&] {
            if constexpr (PassT::keeps_samples)
                return call.shape.samples(call.samples);
            else
                return call.shape.theta();
        }();
        const Eigen::Index n = call.shape.n, size = call.theta_rows() * n;
        if (same_dimensions(dimensions_of(pass.theta_), theta_shape) &&
            same_dimensions(dimensions_of(values), value_shape)) {
            pass.keep(call.options);
            move_numbers(call.theta, size, pass.theta_.data());
        } else {
            // Allocates all new memory before it frees old memory. (Eigen's resize leaves a dangling pointer
            // if it throws, and theta may lie in the memory that it would free.)
            typename PassT::theta_tensor theta(theta_shape);
            std::remove_reference_t<decltype(values)> fresh(value_shape);
            pass.keep(call.options);
            move_numbers(call.theta, size, theta.data());
            pass.theta_ = std::move(theta);
            values = std::move(fresh);
        }
        call.theta = pass.theta_.data();
        call.options = {pass.first_instance(), pass.ids(), pass.mask()};
        if (call.is_masked() && !call.has_mask_beside_theta())
            for (Eigen::Index row = 0; row < call.theta_rows(); ++row)
                write_forbidden(call.mask_of(row), pass.theta_.data() + row * n);
        pass.key_ = call.key;
        pass.shared_rows_ = call.shares_theta ? call.shape.batch : -1;
        if constexpr (!PassT::keeps_samples) pass.sample_count_ = call.samples;
        pass.failed_rows_.clear();
    }

    template <class PassT>
    static void invalidate(PassT& pass) noexcept {
        auto& values = values_of(pass);
        pass.failed_rows_.clear();
        std::fill_n(values.data(), values.size(), unwritten<scalar_of<typename PassT::theta_tensor>>());
    }

    template <class Scalar>
    static void move_numbers(const Scalar* from, Eigen::Index count, Scalar* to) noexcept {
        if (count > 0) std::memmove(to, from, static_cast<std::size_t>(count) * sizeof(Scalar));
    }

    template <class PassT>
    static auto& values_of(PassT& pass) noexcept {
        if constexpr (PassT::keeps_samples)
            return pass.samples_;
        else
            return pass.marginals_;
    }
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
