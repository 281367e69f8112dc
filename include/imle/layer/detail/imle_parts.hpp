#pragma once

/// @file
/// What an `imle_layer` consists of, and what its copies share.

#include <atomic>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include <imle/concepts/target_distribution.hpp>
#include <imle/core/shared_object.hpp>
#include <imle/layer/sampler_layer.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The parts of an `imle_layer`: a sampler, and a target that all handles of one layer share.
///
/// The layer inherits its constructors from here. Class template argument deduction does not see those, so
/// the compiler's list of what a wrong call could have meant is short.
template <class LayerT, class SolverT, class NoiseT, class TargetT, class ExecutorT>
class imle_parts : public sampler_layer<LayerT, SolverT, NoiseT, ExecutorT> {
    using base = sampler_layer<LayerT, SolverT, NoiseT, ExecutorT>;

  protected:
    using base::sampler_;
    using typename base::sampler_type;

    /// Asks for a second handle to the same parts, instead of a copy.
    struct same_parts {
        explicit same_parts() = default;
    };

  public:
    /// Throws `std::invalid_argument` if an option or a value of the target is invalid.
    imle_parts(SolverT solver, NoiseT noise, TargetT target, layer_options options = {},
               ExecutorT executor = {})
        : base(sampler_type(std::move(solver), std::move(noise), options, std::move(executor))),
          target_(make_shared_object<shared_target>(std::move(target))) {
        if constexpr (has_validate<TargetT>) this->target().validate();
    }
    /// A second handle to the parts of `other`. Public, since inherited constructors keep their access; only a
    /// layer can name `same_parts`.
    imle_parts(same_parts, const imle_parts& other) noexcept : base(other.sampler_), target_(other.target_) {}

    /// An independent copy, including an adaptive target's state.
    imle_parts(const imle_parts& other)
        : base(other.sampler_.independent_copy()),
          target_(make_shared_object<shared_target>(other.target())) {}
    imle_parts(imle_parts&&) noexcept = default;
    /// An independent copy, as by construction.
    imle_parts& operator=(const imle_parts& other) {
        if (this != &other) *this = imle_parts(other);
        return *this;
    }
    imle_parts& operator=(imle_parts&&) noexcept = default;
    ~imle_parts() = default;

    /// The target. You can read and restore its state and, for shards, update it.
    [[nodiscard]] TargetT& target() { return shared().target; }
    /// The target, read-only.
    [[nodiscard]] const TargetT& target() const { return shared().target; }

  protected:
    /// One target per instance, if the target provides them; kept so that calls do not allocate.
    static auto no_targets() {
        if constexpr (has_for_instance<TargetT>)
            return std::vector<decltype(std::declval<const TargetT&>().for_instance(target_sums{}))>();
        else
            return nullptr;
    }
    using instance_targets = decltype(no_targets());

    struct shared_target {
        explicit shared_target(TargetT t) : target(std::move(t)) {}
        TargetT target;
        std::atomic<int> in_use{0};  // not bool: RISC-V has no atomic exchange of bytes
        std::mutex mutex;
        instance_targets spare = no_targets();
    };

    [[nodiscard]] shared_target& shared() const {
        if (!target_)
            throw std::logic_error(
                "imle: the layer was moved from; expected a layer that was not (assign one to use it again)");
        return *target_;
    }

  private:
    std::shared_ptr<shared_target> target_;
};

}  // namespace imle::inline IMLE_ABI::detail
