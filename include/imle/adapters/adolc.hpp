#pragma once

/// @file
/// A layer on the tapes of ADOL-C, https://github.com/coin-or/ADOL-C (Debian: libadolc-dev; pkg-config:
/// adolc). Not part of `imle.hpp`: include it where you use it, and link ADOL-C. See docs/adapters/adolc.md.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <adolc/adolc.h>

#include <imle/adapters/adolc/detail/layer_function.hpp>
#include <imle/adapters/any_layer.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/shape.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// A layer for batches of one shape, as an external differentiated function of ADOL-C.
///
///     imle::adolc_layer on_tape{layer, {batch, n}, imle::random_key{1}};
///     trace_on(tag);
///     ...                                                  // theta: a std::vector<adouble> of batch * n
///     const std::vector<adouble> z = on_tape.samples(theta);  // batch * S * n
///
/// `Rank` is theta's, the batch included, and deduced from the shape: {batch, instance...}, or {instance...,
/// batch} for `Layout` column-major. theta and z are flat, in memory order.
///
/// A tape that is evaluated again solves again, with the key that this object has then. Each reverse sweep
/// takes the noise of the forward sweep before it, and gives the layer the whole cotangent at once.
///
/// It must outlive the sweeps over its tapes: later ones throw ADOL-C's FatalError. It moves, but does not
/// copy. ADOL-C as Debian builds it, without OpenMP, is for one thread in the process; the layer's own
/// threads are no part of that.
template <class LayerT, int Rank, int Layout = Eigen::RowMajor>
class adolc_layer {
    static_assert(Rank >= 2, "imle::adolc_layer: the shape has a batch and at least one instance dimension");
    using state = detail::adolc_state<LayerT, Rank, Layout>;
    static constexpr bool has_marginals = detail::HasMarginals<LayerT>;
    template <bool PerSample>
    using function = detail::layer_function<LayerT, Rank, Layout, PerSample>;

  public:
    /// Takes the layer over (move it, or copy it in). Throws `std::invalid_argument` if the shape holds no
    /// number, or too many for ADOL-C. `first_instance` is where the batch begins in a larger one.
    adolc_layer(LayerT layer, const Eigen::Index (&shape)[static_cast<std::size_t>(Rank)], random_key key,
                std::uint64_t first_instance = 0)
        : state_(new state{std::move(layer), shape_of(shape), key, first_instance, nullptr}),
          samples_(std::make_unique<function<true>>(*state_)) {
        if constexpr (has_marginals) marginals_ = std::make_unique<function<false>>(*state_);
    }

    /// z, one MAP state per instance and sample: [batch, sample, instance...], or [instance..., sample,
    /// batch] column-major. theta: its numbers, as many as the shape holds. batch * S solves. Errors as of
    /// `imle_layer::forward`; the tape is then as it was.
    [[nodiscard]] std::vector<adouble> samples(std::span<const adouble> theta) { return (*samples_)(theta); }
    /// The mean of z over the samples, of theta's shape. As `imle_layer::marginals`.
    [[nodiscard]] std::vector<adouble> marginals(std::span<const adouble> theta) {
        static_assert(
            has_marginals,
            "imle::adolc_layer: the layer has no marginals(theta, key, first_instance) whose pass its "
            "vjp takes; expected one that has, or samples(). See docs/adapters/adolc.md");
        return (*marginals_)(theta);
    }

    /// The key of calls and of forward sweeps from now on.
    void set_key(random_key key) noexcept { state_->key = key; }
    [[nodiscard]] random_key key() const noexcept { return state_->key; }

    /// The layer: to read its options, or an adaptive target's state.
    [[nodiscard]] LayerT& layer() noexcept { return state_->layer; }
    [[nodiscard]] const LayerT& layer() const noexcept { return state_->layer; }

    /// After a sweep that returned a negative code: throws what the layer or its solver threw in it, and
    /// forgets it. Does nothing if no sweep has failed. If several did, it is the first one's.
    void rethrow_failure() {
        if (const std::exception_ptr failure = std::exchange(state_->failure, nullptr))
            std::rethrow_exception(failure);
    }

  private:
    [[nodiscard]] static auto shape_of(const Eigen::Index (&shape)[static_cast<std::size_t>(Rank)]) {
        using batch = detail::batch_shape<Rank - 1, Layout>;
        constexpr std::size_t rank = Rank;
        batch result;
        Eigen::DSizes<Eigen::Index, Rank> given;
        for (std::size_t i = 0; i < rank; ++i) given[i] = shape[i];
        for (std::size_t i = 0; i < rank; ++i)
            if (given[i] < 1)
                detail::throw_invalid("shape", detail::shape_string(given), "at least 1 in every dimension");
        constexpr std::size_t offset = Layout == Eigen::RowMajor ? 1 : 0;
        result.batch = given[Layout == Eigen::RowMajor ? 0 : rank - 1];
        for (std::size_t i = 0; i + 1 < rank; ++i) {
            result.instance[i] = given[i + offset];
            result.n *= given[i + offset];
        }
        return result;
    }

    // On the heap, since ADOL-C's registry holds the functions' addresses and they hold the state's.
    std::unique_ptr<state> state_;
    std::unique_ptr<function<true>> samples_;
    std::unique_ptr<std::conditional_t<has_marginals, function<false>, int>> marginals_;
};

template <class LayerT, std::size_t Size>
adolc_layer(LayerT, const Eigen::Index (&)[Size], random_key, std::uint64_t = 0)
    -> adolc_layer<LayerT, static_cast<int>(Size)>;

}  // namespace imle::inline IMLE_ABI
