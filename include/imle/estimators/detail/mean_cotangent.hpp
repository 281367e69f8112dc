#pragma once

/// @file
/// Cotangents for estimators whose backward pass is linear in them.

#include <cstddef>
#include <span>
#include <vector>

#include <imle/layer/perturbed_sampler.hpp>
#include <imle/simd/scaled_sum.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Adds a row's mean to `sum`, n zeros.
template <class CallT, class Scalar>
void add_mean_cotangent(const CallT& call, const cotangent<Scalar>& dz, Eigen::Index row, double* sum) {
    const Eigen::Index n = call.shape.n, samples = dz.per_sample ? call.samples : 1;
    const Scalar* next = dz.dz + row * samples * n;
    for (Eigen::Index s = 0; s < samples; ++s, next += n)
        if constexpr (sizeof(Scalar) == sizeof(double))
            scaled_sum(dz.scale, next, sum, sum, static_cast<std::size_t>(n));
        else
            for (Eigen::Index i = 0; i < n; ++i) sum[i] += static_cast<double>(dz.scale * next[i]);
    if (samples > 1)
        for (Eigen::Index i = 0; i < n; ++i) sum[i] /= static_cast<double>(samples);
}

/// Calls f(worker, row, mean) for each row of a call, by the runner's workers. mean: n numbers, the mean over
/// samples of the row's cotangents, or what all samples share; f may change them. O(size of dz).
template <class CallT, class Scalar, class F>
void for_each_mean_cotangent(call_runner& runner, const CallT& call, const cotangent<Scalar>& dz,
                             const F& f) {
    const Eigen::Index n = call.shape.n, samples = dz.per_sample ? call.samples : 1;
    std::vector<std::vector<double>> means(runner.worker_count());
    runner.for_each_row(call.shape.batch, samples * n, [&](std::size_t worker, Eigen::Index row) {
        std::vector<double>& mean = means[worker];
        mean.assign(static_cast<std::size_t>(n), 0.0);
        add_mean_cotangent(call, dz, row, mean.data());
        f(worker, row, std::span<double>(mean));
    });
}

/// All of them: batch * n numbers in the order of memory.
template <class CallT, class Scalar>
[[nodiscard]] std::vector<double> mean_cotangent(call_runner& runner, const CallT& call,
                                                 const cotangent<Scalar>& dz) {
    const Eigen::Index n = call.shape.n, samples = dz.per_sample ? call.samples : 1;
    std::vector<double> mean(static_cast<std::size_t>(call.shape.batch * n), 0.0);
    runner.for_each_row(call.shape.batch, samples * n, [&](std::size_t, Eigen::Index row) {
        add_mean_cotangent(call, dz, row, mean.data() + row * n);
    });
    return mean;
}

}  // namespace imle::inline IMLE_ABI::detail
