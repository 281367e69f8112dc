#pragma once

/// @file
/// The perturbed parameters of a forward pass, replayed from its key.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <Eigen/Core>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/core/config.hpp>
#include <imle/core/multiply_add.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/detail/multiplicative_factor.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// One sample of one instance.
template <class Scalar>
struct perturbed_sample {
    /// The row of the batch.
    Eigen::Index row;
    /// The n numbers that the solver maximised over, bit for bit: theta + T * eps, or theta * exp(T * xi -
    /// T^2 / 2) with noise that multiplies. Of a minimising solver, the negative of the cost that it was
    /// given.
    const Scalar* parameters;
    /// d parameters_i / d theta_i, or null where it is 1.
    const Scalar* factors;
    /// What the solver found.
    const Scalar* z;
};

/// Calls f(perturbed_sample) for every instance and sample of a pass, rows and samples rising.
///
/// The noise is drawn again rather than kept: the memory is that of a few thousand numbers.
template <bool minimizes, class NoiseT, class PassT, class F>
void for_each_perturbed(const NoiseT& noise, double temperature, const PassT& pass, F&& f) {
    using Scalar = scalar_of<typename PassT::theta_tensor>;
    constexpr int rank = rank_of<typename PassT::theta_tensor> - 1;
    constexpr int layout = layout_of<typename PassT::theta_tensor>;
    constexpr bool multiplies = is_multiplicative_noise<NoiseT>;
    const auto shape = batch_shape<rank, layout>::of(pass.theta());
    const Eigen::Index n = shape.n, samples = pass.sample_count();
    const auto size = static_cast<std::size_t>(n);
    const Scalar scale = static_cast<Scalar>(temperature);
    const bool perturbs = !is_zero_noise<NoiseT> && scale != Scalar(0);

    constexpr Eigen::Index cached_numbers = 4096;
    const Eigen::Index block =
        std::clamp<Eigen::Index>(cached_numbers / std::max<Eigen::Index>(n, 1), 1, samples);
    std::vector<Scalar> own(size), perturbed(size), factors(size);
    std::vector<Scalar> eps(static_cast<std::size_t>(block) * size);
    for (Eigen::Index row = 0; row < shape.batch; ++row) {
        const Scalar* const theta = pass.theta().data() + row * n;
        for (std::size_t i = 0; i < size; ++i) own[i] = minimizes ? -theta[i] : theta[i];
        const std::uint64_t first_item =
            (pass.first_instance() + static_cast<std::uint64_t>(row)) * static_cast<std::uint64_t>(samples);
        for (Eigen::Index begin = 0; begin < samples; begin += block) {
            const Eigen::Index count = std::min(block, samples - begin);
            if (perturbs)
                noise.fill(pass.key(), (first_item + static_cast<std::uint64_t>(begin)) * size,
                           std::span<Scalar>(eps).first(static_cast<std::size_t>(count) * size));
            for (Eigen::Index j = 0; j < count; ++j) {
                const Scalar* const e = eps.data() + j * n;
                for (std::size_t i = 0; perturbs && i < size; ++i) {
                    // As `layer_parts::perturb`.
                    if constexpr (multiplies) {
                        factors[i] = multiplicative_factor(scale, e[i]);
                        perturbed[i] = own[i] * factors[i];
                    } else {
                        perturbed[i] = multiply_add(scale, e[i], own[i]);
                    }
                }
                f(perturbed_sample<Scalar>{row, perturbs ? perturbed.data() : own.data(),
                                           perturbs && multiplies ? factors.data() : nullptr,
                                           pass.samples().data() + (row * samples + begin + j) * n});
            }
        }
    }
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
