#pragma once

/// @file
/// A layer whose forward half is perturb-and-MAP: the common base of all layers with a solver.

#include <cstdint>
#include <utility>
#include <vector>

#include <imle/layer/layer_interface.hpp>
#include <imle/layer/perturbed_sampler.hpp>

namespace imle::inline IMLE_ABI {

/// `layer_interface` with the forward half of a `perturbed_sampler`. `LayerT` adds `write_gradient`.
template <class LayerT, class SolverT, class NoiseT, class ExecutorT>
class sampler_layer : public layer_interface<LayerT> {
  public:
    /// z = MAP(theta) of every instance, without noise, of theta's shape; for a shared theta, [count,
    /// instance...]. batch solves. Throws like `forward`.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto map(const ThetaT& theta, const OptionsT& options = {}) const {
        return sampler_.map(theta, options);
    }

    /// The solver.
    [[nodiscard]] const SolverT& solver() const { return sampler_.solver(); }
    /// The noise.
    [[nodiscard]] const NoiseT& noise() const { return sampler_.noise(); }
    /// The options.
    [[nodiscard]] const layer_options& options() const { return sampler_.options(); }
    /// S, the number of samples per instance.
    [[nodiscard]] Eigen::Index sample_count() const { return sampler_.options().samples; }

    /// Counts and times of the last completed call. Throws `std::logic_error` unless the options have
    /// `.statistics = true`.
    [[nodiscard]] call_statistics statistics() const { return sampler_.statistics(); }

  protected:
    using sampler_type = perturbed_sampler<SolverT, NoiseT, ExecutorT>;
    friend layer_interface<LayerT>;

    explicit sampler_layer(sampler_type sampler) noexcept : sampler_(std::move(sampler)) {}

    template <class CallT, class Scalar>
    void write_samples(const CallT& call, Scalar* z, std::vector<Eigen::Index>& failed_rows) const {
        sampler_.write_samples(call, z, failed_rows);
    }
    template <class CallT, class Scalar>
    void write_marginals(const CallT& call, Scalar* mean, std::vector<Eigen::Index>& failed_rows) const {
        sampler_.write_marginals(call, mean, failed_rows);
    }

    sampler_type sampler_;
};

}  // namespace imle::inline IMLE_ABI
