#pragma once

/// @file
/// A layer on the tapes of ADOL-C, https://github.com/coin-or/ADOL-C (Debian: libadolc-dev; pkg-config:
/// adolc). Not part of `imle.hpp`: include it where you use it, and link ADOL-C. See docs/adapters/adolc.md.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <adolc/adolc.h>

#include <imle/layer/call.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/layer/pass.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The key, the place in a larger batch and the rows without an answer, as doubles that follow z on the tape.
/// A reverse sweep restores them together with z. So a backward pass uses the noise of the forward pass that
/// produced this z, whatever other tapes and keys the same layer has been used with since.
struct call_numbers {
    random_key key;
    std::uint64_t first_instance = 0;
    std::vector<Eigen::Index> failed_rows;

    /// The number of doubles. `rows` is the batch if solves may have no answer, else 0.
    [[nodiscard]] static std::size_t size(Eigen::Index rows) noexcept {
        return 2 * words + static_cast<std::size_t>(rows);
    }

    void write(std::span<double> out) const {
        const auto of_key = std::bit_cast<std::array<std::uint64_t, 2>>(key);
        const std::array<std::uint64_t, words> whole = {of_key[0], of_key[1], first_instance};
        for (std::size_t i = 0; i < words; ++i) {  // in halves, which a double represents exactly
            out[2 * i] = static_cast<double>(whole[i] & 0xffffffffU);
            out[2 * i + 1] = static_cast<double>(whole[i] >> 32);
        }
        for (double& failed : out.subspan(2 * words)) failed = 0;
        for (const Eigen::Index row : failed_rows) out[2 * words + static_cast<std::size_t>(row)] = 1;
    }

    [[nodiscard]] static call_numbers read(std::span<const double> in) {
        std::array<std::uint64_t, words> whole;
        for (std::size_t i = 0; i < words; ++i)
            whole[i] = static_cast<std::uint64_t>(in[2 * i]) | static_cast<std::uint64_t>(in[2 * i + 1])
                                                                   << 32;
        call_numbers numbers{
            std::bit_cast<random_key>(std::array<std::uint64_t, 2>{whole[0], whole[1]}), whole[2], {}};
        for (std::size_t row = 0; 2 * words + row < in.size(); ++row)
            if (in[2 * words + row] != 0) numbers.failed_rows.push_back(static_cast<Eigen::Index>(row));
        return numbers;
    }

  private:
    static constexpr std::size_t words = 3;
};

/// The state that the two functions of an `adolc_layer` share.
template <class LayerT, int Rank, int Layout>
struct adolc_state {
    LayerT layer;
    batch_shape<Rank - 1, Layout> shape;
    random_key key;
    /// The memory of the lists that the options refer to.
    std::vector<std::uint64_t> ids;
    Eigen::Array<bool, Eigen::Dynamic, 1> mask;
    std::uint64_t first_instance = 0;
    /// The first exception of a sweep that has not been rethrown yet.
    std::exception_ptr failure;

    /// The number of numbers in theta.
    [[nodiscard]] Eigen::Index size() const { return shape.batch * shape.n; }
    [[nodiscard]] call_options options(std::uint64_t first) const {
        return {first, ids, {mask.data(), static_cast<std::size_t>(mask.size())}};
    }
};

/// The return value of a sweep in which the layer threw. ADOL-C's drivers stop at negative numbers.
inline constexpr int adolc_failed = -3;

/// theta -> (z, `call_numbers`): samples if `PerSample`, else marginals. ADOL-C calls it in its sweeps. The
/// base class registers it, and removes the registration in its destructor; a later sweep over a tape with
/// this function throws ADOL-C's FatalError.
///
/// No exception may cross a sweep, which would lose its memory and leave its tape open. The exception is
/// stored, outputs are NaN, and the sweep returns `adolc_failed`.
template <class LayerT, int Rank, int Layout, bool PerSample>
class layer_function final : public EDFobject {
  public:
    using state_type = adolc_state<LayerT, Rank, Layout>;
    using theta_view = const_view<double, Rank, Layout>;
    using z_view = const_view<double, PerSample ? Rank + 1 : Rank, Layout>;
    using pass_type = std::conditional_t<PerSample, sampled_pass<double, Rank, Layout>,
                                         marginals_pass<double, Rank, Layout>>;

    explicit layer_function(state_type& state) : state_(state) {
        edf->nestedAdolc = 0;   // the layer works on doubles, so ADOL-C's values need no copy
        edf->dp_x_changes = 0;  // theta is only read
        // dp_y_priorRequired stays set: ADOL-C gives z locations of earlier variables, whose values their own
        // derivatives need.
        const std::size_t numbers = size();
        if (numbers > static_cast<std::size_t>(std::numeric_limits<int>::max()))
            throw_invalid("shape", message("one with ", numbers, " numbers"),
                          "at most 2147483647, because ADOL-C counts with int");
    }
    layer_function(const layer_function&) = delete;

    /// z for theta, and the operation on the tape if there is one.
    [[nodiscard]] std::vector<adouble> operator()(std::span<const adouble> theta) {
        if (theta.size() != static_cast<std::size_t>(state_.size()))
            throw_invalid("theta", message("a list of ", theta.size(), " numbers"),
                          message(state_.size(), ", as many as the shape ",
                                  shape_string(state_.shape.theta()), " implies"));
        // Solves before it calls ADOL-C: if this throws, the tape is unchanged.
        std::vector<double> values(theta.size());
        std::transform(theta.begin(), theta.end(), values.begin(),
                       [](const adouble& t) { return t.getValue(); });
        solved_.resize(size());
        solve(values.data(), solved_.data());

        // ADOL-C requires the numbers of a call at consecutive locations.
        ensureContiguousLocations(theta.size());
        std::vector<adouble> x(theta.begin(), theta.end());
        ensureContiguousLocations(solved_.size());
        std::vector<adouble> y(solved_.size());
        this->call(static_cast<int>(x.size()), x.data(), static_cast<int>(y.size()), y.data());
        y.resize(z_size());
        return y;
    }

    /// While the tape is written, or without a tape, returns the values just solved.
    int function(int, double*, int m, double* y) override {
        std::copy_n(solved_.data(), m, y);
        return 0;
    }
    int zos_forward(int, double* x, int m, double* y) override {
        return attempt([&] { solve(x, y); }, [&] { spoil(y, m); });
    }
    int fos_reverse(int, double* u, int n, double* gradient, double* x, double* y) override {
        return attempt([&] { pull_back(x, y, u, gradient); }, [&] { spoil(gradient, n); });
    }
    /// Handles one direction at a time: each is a whole cotangent. ADOL-C passes the numbers of one variable
    /// in all directions together, u[m][p] and gradients[n][p], despite the comments in its header.
    int fov_reverse(int m, int p, double** u, int n, double** gradients, double* x, double* y) override {
        std::vector<double> dz(static_cast<std::size_t>(m)), gradient(static_cast<std::size_t>(n));
        int code = 0;
        for (int d = 0; d < p; ++d) {
            for (std::size_t i = 0; i < dz.size(); ++i) dz[i] = u[i][d];
            for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = gradients[i][d];
            code = std::min(code, fos_reverse(m, dz.data(), n, gradient.data(), x, y));
            for (std::size_t i = 0; i < gradient.size(); ++i) gradients[i][d] = gradient[i];
        }
        return code;
    }

    int fos_forward(int, double*, double*, int m, double* y, double* tangents) override {
        return attempt(refuse_tangents, [&] { spoil(y, m), spoil(tangents, m); });
    }
    int fov_forward(int, double*, int p, double**, int m, double* y, double** tangents) override {
        return attempt(refuse_tangents, [&] {
            spoil(y, m);
            for (int i = 0; i < m; ++i) spoil(tangents[i], p);
        });
    }

  private:
    /// The largest number of rows without an answer: all or none.
    [[nodiscard]] Eigen::Index rows() const {
        if constexpr (requires { state_.layer.options().failures; })
            if (state_.layer.options().failures == failure_policy::zero_gradient) return state_.shape.batch;
        return 0;
    }
    [[nodiscard]] auto z_dimensions() const {
        if constexpr (PerSample)
            return state_.shape.samples(state_.layer.sample_count());
        else
            return state_.shape.theta();
    }
    [[nodiscard]] std::size_t z_size() const { return static_cast<std::size_t>(z_dimensions().TotalSize()); }
    /// The size of z and of the numbers that follow it.
    [[nodiscard]] std::size_t size() const { return z_size() + call_numbers::size(rows()); }

    void solve(const double* x, double* y) const {
        const theta_view theta(x, state_.shape.theta());
        const auto keep = [&](const auto& pass, const auto& z) {
            std::copy_n(z.data(), z.size(), y);
            call_numbers{pass.key(), pass.first_instance(), pass.failed_rows()}.write(
                {y + z.size(), call_numbers::size(rows())});
        };
        if constexpr (PerSample) {
            const auto pass = state_.layer.forward(theta, state_.key, state_.options(state_.first_instance));
            keep(pass, pass.samples());
        } else {
            const auto pass =
                state_.layer.marginals(theta, state_.key, state_.options(state_.first_instance));
            keep(pass, pass.marginals());
        }
    }

    /// Rebuilds the forward pass from the contents of the tape.
    [[nodiscard]] pass_type pass_of(const double* x, const double* y) const {
        const std::span<const double> all(y, size());
        if (!all_finite(all))
            throw std::logic_error(
                "imle: this reverse sweep follows a forward sweep in which the layer failed; expected one "
                "that returned no negative code");
        const theta_view theta(x, state_.shape.theta());
        const z_view z(y, z_dimensions());
        call_numbers was = call_numbers::read(all.subspan(static_cast<std::size_t>(z.size())));
        if constexpr (PerSample)
            return pass_type(theta, z, was.key, state_.options(was.first_instance),
                             std::move(was.failed_rows));
        else
            return pass_type(theta, z, was.key, state_.options(was.first_instance),
                             state_.layer.sample_count(), std::move(was.failed_rows));
    }

    /// Adds theta's gradient to the gradient from theta's other uses. Samples follow the chain rule: see
    /// `imle::pullback`.
    void pull_back(const double* x, const double* y, const double* u, double* gradient) const {
        const z_view dz(u, z_dimensions());
        // ADOL-C pulls back through all operations on its tape, used or not. Here no cotangent arrived.
        if (std::all_of(dz.data(), dz.data() + dz.size(), [](double d) { return d == 0; })) return;
        const auto pulled = state_.layer.pull_back(pass_of(x, y), dz);
        for (Eigen::Index i = 0; i < pulled.size(); ++i) gradient[i] += pulled.data()[i];
    }

    static void refuse_tangents() {
        throw std::logic_error(
            "imle: I-MLE defines no directional and no second derivatives, so first-order forward sweeps "
            "are not supported; expected zos_forward and a reverse sweep (see docs/adapters/adolc.md)");
    }

    static void spoil(double* numbers, int count) {
        std::fill_n(numbers, count, std::numeric_limits<double>::quiet_NaN());
    }

    template <class WorkT, class SpoilT>
    int attempt(WorkT&& work, SpoilT&& spoil_outputs) {
        try {
            work();
            return 0;
        } catch (...) {
            if (!state_.failure) state_.failure = std::current_exception();
            spoil_outputs();
            return adolc_failed;
        }
    }

    state_type& state_;
    std::vector<double> solved_;
};

}  // namespace detail

/// A layer for batches of one shape, as an external differentiated function of ADOL-C.
///
///     imle::adolc_layer on_tape{layer, {batch, n}, imle::random_key{1}};
///     trace_on(tag);
///     ...                                                  // theta: a std::vector<adouble> of batch * n
///     const std::vector<adouble> z = on_tape.samples(theta);  // batch * S * n
///
/// `Rank` is the rank of theta, including the batch, and is deduced from the shape: {batch, instance...}, or
/// {instance..., batch} for `Layout` column-major. theta and z are flat, in memory order.
///
/// Evaluating a tape again solves again, with the current key of this object. Each reverse sweep uses the
/// noise of the preceding forward sweep, and passes the whole cotangent to the layer at once.
///
/// The object must outlive the sweeps over its tapes: later ones throw ADOL-C's FatalError. It can be moved
/// but not copied. ADOL-C as packaged by Debian, without OpenMP, supports one thread in the process; the
/// layer's own threads do not count.
template <class LayerT, int Rank, int Layout = Eigen::RowMajor>
class adolc_layer {
    static_assert(Rank >= 2,
                  "imle::adolc_layer: the shape must have a batch and at least one instance dimension");
    using state = detail::adolc_state<LayerT, Rank, Layout>;
    static constexpr bool has_marginals = requires { requires LayerT::pulls_back_marginals; };
    template <bool PerSample>
    using function = detail::layer_function<LayerT, Rank, Layout, PerSample>;

  public:
    /// Takes ownership of the layer (move it, or copy it in). Throws `std::invalid_argument` if the shape is
    /// empty or too large for ADOL-C. `options` are copied and apply to all calls.
    template <CallOptions OptionsT = call_options>
    adolc_layer(LayerT layer, const Eigen::Index (&shape)[static_cast<std::size_t>(Rank)], random_key key,
                const OptionsT& options = {})
        : state_(state_of(std::move(layer), shape_of(shape), key, detail::options_of(options))),
          samples_(std::make_unique<function<true>>(*state_)) {
        if constexpr (has_marginals) marginals_ = std::make_unique<function<false>>(*state_);
    }

    /// z, one MAP state per instance and sample: [batch, sample, instance...], or [instance..., sample,
    /// batch] column-major. theta: as many numbers as the shape implies. batch * S solves. Throws like
    /// `imle_layer::forward`; the tape is then unchanged.
    [[nodiscard]] std::vector<adouble> samples(std::span<const adouble> theta) { return (*samples_)(theta); }
    /// The mean of z over the samples, of theta's shape, like `imle_layer::marginals`.
    [[nodiscard]] std::vector<adouble> marginals(std::span<const adouble> theta) {
        static_assert(has_marginals,
                      "imle::adolc_layer: the layer's vjp does not accept passes of marginals(theta, "
                      "key); expected a layer whose vjp does, or samples(). See docs/adapters/adolc.md");
        return (*marginals_)(theta);
    }

    /// Sets the key of later calls and forward sweeps.
    void set_key(random_key key) noexcept { state_->key = key; }
    /// The current key.
    [[nodiscard]] random_key key() const noexcept { return state_->key; }

    /// The layer. Use it to read its options or an adaptive target's state.
    [[nodiscard]] LayerT& layer() noexcept { return state_->layer; }
    /// The layer, read-only.
    [[nodiscard]] const LayerT& layer() const noexcept { return state_->layer; }

    /// Call this after a sweep that returned a negative code: it rethrows the exception of the layer or its
    /// solver in that sweep, and forgets it. Does nothing if no sweep has failed. If several did, it throws
    /// the first one's exception.
    void rethrow_failure() {
        if (const std::exception_ptr failure = std::exchange(state_->failure, nullptr))
            std::rethrow_exception(failure);
    }

  private:
    [[nodiscard]] static state* state_of(LayerT layer, const detail::batch_shape<Rank - 1, Layout>& shape,
                                         random_key key, const call_options& options) {
        return new state{std::move(layer),
                         shape,
                         key,
                         {options.ids.begin(), options.ids.end()},
                         Eigen::Map<const Eigen::Array<bool, Eigen::Dynamic, 1>>(
                             options.mask.data(), static_cast<Eigen::Index>(options.mask.size())),
                         options.first_instance,
                         nullptr};
    }
    [[nodiscard]] static auto shape_of(const Eigen::Index (&shape)[static_cast<std::size_t>(Rank)]) {
        Eigen::DSizes<Eigen::Index, Rank> given;
        std::copy(std::begin(shape), std::end(shape), given.begin());
        if (std::any_of(given.begin(), given.end(), [](Eigen::Index size) { return size < 1; }))
            detail::throw_invalid("shape", detail::shape_string(given), "at least 1 in every dimension");
        return detail::shape_of(const_view<double, Rank, Layout>(nullptr, given));
    }

    // On the heap, because ADOL-C's registry keeps the functions' addresses, and the functions keep the
    // state's.
    std::unique_ptr<state> state_;
    std::unique_ptr<function<true>> samples_;
    std::unique_ptr<std::conditional_t<has_marginals, function<false>, int>> marginals_;
};

template <class LayerT, std::size_t Size, CallOptions OptionsT = call_options>
adolc_layer(LayerT, const Eigen::Index (&)[Size], random_key, const OptionsT& = {})
    -> adolc_layer<LayerT, static_cast<int>(Size)>;

}  // namespace imle::inline IMLE_ABI
