#pragma once

/// @file
/// A layer on the tapes of CppAD (https://github.com/coin-or/CppAD), 2024 or later.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <cppad/cppad.hpp>

#include <imle/concepts/target_distribution.hpp>
#include <imle/core/backports.hpp>
#include <imle/layer/call.hpp>
#include <imle/layer/pass.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Reports an operation that is not supported in CppAD's own way. Returning false would not be enough: CppAD
/// checks that only in builds without NDEBUG, and would continue with wrong numbers in others.
inline bool cppad_error(const char* what, const std::string& message) {
    CppAD::ErrorHandler::Call(true, __LINE__, __FILE__, what, ("imle: " + message).c_str());
    return false;
}

/// A layer whose target depends on the whole call, so that an instance's gradient may depend on the others'.
template <class LayerT>
concept MixesInstances = requires(LayerT& layer) {
    requires has_for_call<std::remove_cvref_t<decltype(layer.target())>>;
};

/// A layer as an operation on a tape: takes theta's numbers and returns z's, both in memory order. PassT is a
/// `sampled_pass` (z has all samples) or a `marginals_pass` (z has their mean).
///
/// CppAD calls `forward` when the operation is recorded and in each sweep of order 0. It calls `reverse` once
/// per sweep, with the partial derivatives of all of z. They are complete then, because CppAD visits an
/// operation after all operations that use its results.
template <class LayerT, class PassT>
class cppad_atomic : public CppAD::atomic_four<double> {
    using base = CppAD::atomic_four<double>;
    using ad = CppAD::AD<double>;
    template <class T>
    using vector = CppAD::vector<T>;

  public:
    /// The type of theta: [batch, instance...] or [instance..., batch].
    using theta_tensor = typename PassT::theta_tensor;
    /// `Eigen::RowMajor` or `Eigen::ColMajor`: the order of theta and z in memory.
    static constexpr int layout = layout_of<theta_tensor>;
    /// The number of dimensions of an instance.
    static constexpr std::size_t instance_rank = static_cast<std::size_t>(rank_of<theta_tensor>) - 1;
    /// Whether z has every sample instead of their mean.
    static constexpr bool by_sample = PassT::keeps_samples;
    static_assert(
        by_sample || requires { requires LayerT::pulls_back_marginals; },
        "imle::cppad_marginals: the layer's vjp does not accept passes of marginals(theta, "
        "key); expected a layer whose vjp does, or imle::cppad_layer. See docs/adapters/cppad.md");

    /// layer: copied, and independent of the original. instance: the dimensions of one instance, each
    /// positive. options: of all calls, see `set_options`. Do not construct it in CppAD's parallel mode:
    /// construct one for each thread before.
    template <CallOptions OptionsT = call_options>
    cppad_atomic(LayerT layer, const Eigen::Index (&instance)[instance_rank], random_key key,
                 const OptionsT& options = {})
        : base(by_sample ? "imle::cppad_layer" : "imle::cppad_marginals"),
          layer_(std::move(layer)),
          key_(key) {
        set_options(options);
        for (std::size_t d = 0; d < instance_rank; ++d) {
            if (instance[d] < 1)
                throw_invalid("a dimension of the instance", instance[d], "a positive number");
            shape_.instance[d] = instance[d];
            shape_.n *= instance[d];
        }
    }

    // CppAD refers to it by its address.
    cppad_atomic(const cppad_atomic&) = delete;
    cppad_atomic& operator=(const cppad_atomic&) = delete;

    using base::operator();
    /// z for theta; theta has batch * n numbers, for any batch. `call_id` distinguishes the calls on one
    /// tape: each has its own noise, key.fold_in(call_id), or the key itself for 0. VectorT is one of CppAD's
    /// simple vectors of AD<double>, for example a `std::vector`. Throws `std::invalid_argument` if the size
    /// is no multiple of n.
    template <class VectorT>
    [[nodiscard]] VectorT operator()(const VectorT& theta, std::size_t call_id = 0) {
        const auto batch = batch_of(static_cast<std::size_t>(theta.size()));
        VectorT z(static_cast<std::size_t>(batch * values_per_instance()));
        base::operator()(call_id, theta, z);
        return z;
    }

    /// The layer. Use it to read its options or an adaptive target's state.
    [[nodiscard]] LayerT& layer() noexcept { return layer_; }
    /// The layer, read-only.
    [[nodiscard]] const LayerT& layer() const noexcept { return layer_; }

    /// Sets the key of later forward sweeps. A reverse sweep uses the key of its forward sweep.
    void set_key(random_key key) { key_ = key; }
    /// The current key.
    [[nodiscard]] random_key key() const noexcept { return key_; }

    /// Sets the `call_options`, or the index of the first instance, of later forward sweeps, for example the
    /// ids of the next rows when a tape is replayed. They are copied, and apply to all calls on a tape. A
    /// sweep throws `std::invalid_argument` if a size does not fit its theta. A reverse sweep uses the
    /// options of its forward sweep.
    template <CallOptions OptionsT = call_options>
    void set_options(const OptionsT& options) {
        const call_options given = options_of(options);
        ids_.assign(given.ids.begin(), given.ids.end());
        mask_ = Eigen::Map<const Eigen::Array<bool, Eigen::Dynamic, 1>>(
            given.mask.data(), static_cast<Eigen::Index>(given.mask.size()));
        first_instance_ = given.first_instance;
        calls_differ_ = calls_differ_ || last_key_.has_value();
    }
    /// The options of later forward sweeps.
    [[nodiscard]] call_options options() const noexcept {
        return {first_instance_, ids_, {mask_.data(), static_cast<std::size_t>(mask_.size())}};
    }

    /// Sets how many forward passes are kept for their reverse sweeps; 8 by default. Set at least the number
    /// of calls on a tape.
    void set_remembered_passes(std::size_t count) {
        if (count < 1) throw_invalid("the number of remembered passes", count, "at least 1");
        remembered_ = count;
        while (passes_.size() > remembered_) passes_.pop_back();
    }

  private:
    using base::hes_sparsity;
    using base::jac_sparsity;
    using base::rev_depend;

    struct noted_pass {
        std::size_t call_id;
        PassT pass;
    };

    bool for_type(std::size_t, const vector<CppAD::ad_type_enum>& type_x,
                  vector<CppAD::ad_type_enum>& type_y) override {
        const auto batch = batch_of(type_x.size());
        require_results(batch, type_y.size());
        each_instance(batch, [&](auto x, auto y) {
            CppAD::ad_type_enum type = CppAD::constant_enum;  // never known to be 0
            for (std::size_t j = x.begin; j < x.end; ++j) type = std::max(type, type_x[j]);
            for (std::size_t i = y.begin; i < y.end; ++i) type_y[i] = type;
        });
        return true;
    }

    bool forward(std::size_t call_id, const vector<bool>&, std::size_t, std::size_t order_up,
                 const vector<double>& taylor_x, vector<double>& taylor_y) override {
        if (order_up > 0) return no_order(order_up, "Forward");
        const auto batch = batch_of(taylor_x.size());
        require_results(batch, taylor_y.size());
        const PassT pass = pass_of(call_id, taylor_x, batch);
        const auto& z = output_of(pass);
        std::copy_n(z.data(), z.size(), taylor_y.data());
        remember(call_id, pass);
        return true;
    }

    bool reverse(std::size_t call_id, const vector<bool>&, std::size_t order_up,
                 const vector<double>& taylor_x, const vector<double>& taylor_y, vector<double>& partial_x,
                 const vector<double>& partial_y) override {
        if (order_up > 0) return no_order(order_up + 1, "Reverse");
        const PassT* pass = recall(call_id, taylor_x, taylor_y, partial_y);
        if (pass == nullptr) {
            if (calls_differ_)
                return cppad_error(
                    "the pass is remembered",
                    message(
                        "Reverse needs the pass of a Forward(0, theta) that is no longer remembered, and the "
                        "key or the options may have changed since; expected at most ",
                        remembered_, " passes between them: see set_remembered_passes"));
            remember(call_id, pass_of(call_id, taylor_x, batch_of(taylor_x.size())));
            pass = &passes_.front().pass;
        }
        using z_tensor = std::remove_cvref_t<decltype(output_of(*pass))>;
        const Eigen::TensorMap<const z_tensor> dz(partial_y.data(), output_of(*pass).dimensions());
        const theta_tensor gradient = layer_.pull_back(*pass, dz);
        std::copy_n(gradient.data(), gradient.size(), partial_x.data());
        return true;
    }

    bool jac_sparsity(std::size_t, bool, const vector<bool>&, const vector<bool>& select_x,
                      const vector<bool>& select_y,
                      CppAD::sparse_rc<vector<std::size_t>>& pattern_out) override {
        std::vector<std::pair<std::size_t, std::size_t>> entries;
        each_dependence(batch_of(select_x.size()), [&](auto x, auto y) {
            for (std::size_t i = y.begin; i < y.end; ++i)
                for (std::size_t j = x.begin; j < x.end; ++j)
                    if (select_x[j] && select_y[i]) entries.emplace_back(i, j);
        });
        pattern_out.resize(select_y.size(), select_x.size(), entries.size());
        for (std::size_t k = 0; k < entries.size(); ++k)
            pattern_out.set(k, entries[k].first, entries[k].second);
        return true;
    }

    bool rev_depend(std::size_t, const vector<bool>&, vector<bool>& depend_x,
                    const vector<bool>& depend_y) override {
        for (std::size_t j = 0; j < depend_x.size(); ++j) depend_x[j] = false;
        each_dependence(batch_of(depend_x.size()), [&](auto x, auto y) {
            bool any = false;
            for (std::size_t i = y.begin; i < y.end; ++i) any = any || depend_y[i];
            for (std::size_t j = x.begin; any && j < x.end; ++j) depend_x[j] = true;
        });
        return true;
    }

    bool hes_sparsity(std::size_t, const vector<bool>&, const vector<bool>&, const vector<bool>&,
                      CppAD::sparse_rc<vector<std::size_t>>&) override {
        return no_order(2, "a Hessian's sparsity");
    }

    // On a tape of a tape (base2ad) values are available, derivatives are not.
    bool forward(std::size_t call_id, const vector<bool>&, std::size_t, std::size_t order_up,
                 const vector<ad>& ataylor_x, vector<ad>& ataylor_y) override {
        if (order_up > 0) return no_order(order_up, "Forward");
        base::operator()(call_id, ataylor_x, ataylor_y);
        return true;
    }
    bool reverse(std::size_t, const vector<bool>&, std::size_t, const vector<ad>&, const vector<ad>&,
                 vector<ad>&, const vector<ad>&) override {
        return no_order(2, "Reverse of AD<double>");
    }

    static bool no_order(std::size_t order, const char* asked) {
        return cppad_error("order",
                           message("the layer's gradient is an estimate that itself has no derivative, "
                                   "and no directional derivative; expected Forward(0, x) and "
                                   "Reverse(1, w) only, but ",
                                   asked, " was asked for, order ", order));
    }

    [[nodiscard]] PassT pass_of(std::size_t call_id, const vector<double>& theta, Eigen::Index batch) const {
        const const_view<double, static_cast<int>(instance_rank) + 1, layout> view(theta.data(),
                                                                                   shape_.batched(batch));
        const random_key key = call_id == 0 ? key_ : key_.fold_in(call_id);
        if constexpr (by_sample)
            return layer_.forward(view, key, options());
        else
            return layer_.marginals(view, key, options());
    }

    /// Stores a pass; the newest comes first.
    void remember(std::size_t call_id, PassT pass) {
        calls_differ_ = calls_differ_ || (last_key_ && *last_key_ != key_);
        last_key_ = key_;
        while (passes_.size() >= remembered_) passes_.pop_back();
        passes_.push_front({call_id, std::move(pass)});
    }
    /// The newest pass with this theta and this z. Tapes may share theta and differ in their keys or options;
    /// z distinguishes them, as far as it was used: an optimised tape may have dropped the rest.
    [[nodiscard]] const PassT* recall(std::size_t call_id, const vector<double>& theta,
                                      const vector<double>& z, const vector<double>& partial_z) const {
        for (const noted_pass& noted : passes_) {
            if (noted.call_id != call_id || !is_theta_of(noted.pass, theta)) continue;
            bool same = true;
            for (std::size_t i = 0; i < z.size() && same; ++i)
                same = partial_z[i] == 0 || output_of(noted.pass).data()[i] == z[i];
            if (same) return &noted.pass;
        }
        return nullptr;
    }

    /// Whether the pass has this theta, bit for bit, where its mask allows a choice.
    [[nodiscard]] static bool is_theta_of(const PassT& pass, const vector<double>& theta) {
        const auto mask = pass.mask();
        const double* const known = pass.theta().data();
        if (static_cast<std::size_t>(pass.theta().size()) != theta.size()) return false;
        for (std::size_t i = 0; i < theta.size(); ++i)
            if ((mask.empty() || mask[i % mask.size()]) &&
                bit_cast<std::uint64_t>(known[i]) != bit_cast<std::uint64_t>(theta[i]))
                return false;
        return true;
    }

    [[nodiscard]] Eigen::Index batch_of(std::size_t numbers) const {
        const auto size = static_cast<Eigen::Index>(numbers);
        if (size < 1 || size % shape_.n != 0)
            throw_invalid("theta", message("of ", size, " numbers"),
                          message("a positive multiple of ", shape_.n, ", the size of an instance"));
        return size / shape_.n;
    }
    [[nodiscard]] Eigen::Index values_per_instance() const {
        return by_sample ? layer_.sample_count() * shape_.n : shape_.n;
    }
    void require_results(Eigen::Index batch, std::size_t numbers) const {
        const Eigen::Index expected = batch * values_per_instance();
        if (static_cast<Eigen::Index>(numbers) != expected)
            throw_invalid("z", message("of ", numbers, " numbers"),
                          message(expected, by_sample ? ": batch * samples * n" : ": batch * n"));
    }

    struct range {
        std::size_t begin, end;
    };
    /// Calls f(numbers of theta, numbers of z) for each instance.
    template <class F>
    void each_instance(Eigen::Index batch, F&& f) const {
        const auto n = static_cast<std::size_t>(shape_.n),
                   values = static_cast<std::size_t>(values_per_instance());
        for (std::size_t b = 0; b < static_cast<std::size_t>(batch); ++b)
            f(range{b * n, (b + 1) * n}, range{b * values, (b + 1) * values});
    }
    /// The same for derivatives. With a target that depends on the whole call, they depend on all instances.
    template <class F>
    void each_dependence(Eigen::Index batch, F&& f) const {
        if constexpr (MixesInstances<LayerT>)
            f(range{0, static_cast<std::size_t>(batch * shape_.n)},
              range{0, static_cast<std::size_t>(batch * values_per_instance())});
        else
            each_instance(batch, f);
    }

    LayerT layer_;
    batch_shape<static_cast<int>(instance_rank), layout> shape_;
    random_key key_;
    std::deque<noted_pass> passes_;
    std::size_t remembered_ = 8;
    std::optional<random_key> last_key_;  // of the newest pass
    bool calls_differ_ = false;           // whether passes of more than one key or options were made
    std::vector<std::uint64_t> ids_;
    Eigen::Array<bool, Eigen::Dynamic, 1> mask_;
    std::uint64_t first_instance_ = 0;
};

}  // namespace detail

/// A layer as an atomic function of CppAD: maps theta, batch * n numbers, to samples, batch * S * n numbers.
///
///     imle::cppad_layer choose{layer, {n}, imle::random_key{seed}};   // {n}: the dimensions of an instance
///     CppAD::Independent(theta);                    // std::vector<CppAD::AD<double>>, [batch, n]
///     const auto z = choose(theta);                 // [batch, sample, n]
///     CppAD::ADFun<double> f(theta, loss_of(z));
///     f.Forward(0, values); gradient = f.Reverse(1, weights);
///
/// The chain rule: Reverse passes S times the partial derivatives of all of z to one vjp. Each Forward(0, x)
/// draws new samples from the key, which you change by `set_key` between replays; its Reverse uses the same
/// noise. `call_options` are the constructor's last argument, or `set_options`.
///
/// Errors: exceptions of the layer, for example for a wrong size, pass through CppAD unchanged. Derivatives
/// that do not exist, of order 2 or forward, are reported to CppAD's ErrorHandler.
///
/// The object must outlive the ADFun objects that use it. Use it from one thread at a time.
template <class LayerT, int InstanceRank = 1, int Layout = Eigen::RowMajor>
class cppad_layer final
    : public detail::cppad_atomic<LayerT, sampled_pass<double, InstanceRank + 1, Layout>> {
  public:
    using detail::cppad_atomic<LayerT, sampled_pass<double, InstanceRank + 1, Layout>>::cppad_atomic;
};

/// A layer as an atomic function that returns the mean over samples, batch * n numbers. No sample is kept,
/// and the partial derivatives of the mean go to vjp unchanged.
template <class LayerT, int InstanceRank = 1, int Layout = Eigen::RowMajor>
class cppad_marginals final
    : public detail::cppad_atomic<LayerT, marginals_pass<double, InstanceRank + 1, Layout>> {
  public:
    using detail::cppad_atomic<LayerT, marginals_pass<double, InstanceRank + 1, Layout>>::cppad_atomic;
};

template <class LayerT, std::size_t Rank, CallOptions OptionsT = call_options>
cppad_layer(LayerT, const Eigen::Index (&)[Rank], random_key, const OptionsT& = {})
    -> cppad_layer<LayerT, static_cast<int>(Rank)>;
template <class LayerT, std::size_t Rank, CallOptions OptionsT = call_options>
cppad_marginals(LayerT, const Eigen::Index (&)[Rank], random_key, const OptionsT& = {})
    -> cppad_marginals<LayerT, static_cast<int>(Rank)>;

}  // namespace imle::inline IMLE_ABI
