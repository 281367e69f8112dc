#pragma once

/// @file
/// Another solver for each instance: data that vary by the context's id.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/core/shared_object.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Solvers by id. Copies share them, and each copy makes its own copies of those that it uses: a solver has
/// scratch memory, so no two threads may use one.
template <class SolverT>
class solver_table {
  public:
    explicit solver_table(std::vector<SolverT> solvers)
        : originals_(detail::make_shared_object<const std::vector<SolverT>>(std::move(solvers))) {
        if (originals_->empty()) throw_invalid("per_instance's solvers", "empty", "at least one");
    }
    solver_table(const solver_table& other) noexcept : originals_(other.originals_) {}
    solver_table(solver_table&&) noexcept = default;
    solver_table& operator=(const solver_table& other) { return *this = solver_table(other); }
    solver_table& operator=(solver_table&&) noexcept = default;
    ~solver_table() = default;

    /// This object's copy of a solver, valid until the next call.
    [[nodiscard]] SolverT& operator()(std::uint64_t id) {
        const std::size_t count = originals_->size();
        if (id >= count)
            throw_invalid("context.id", id,
                          message("below ", count, ", the number of per_instance's solvers"));
        if (copies_.empty()) copies_ = std::vector<std::optional<working_copy>>(std::min(count, most_copies));
        auto& copy = copies_[static_cast<std::size_t>(id) % copies_.size()];
        if (!copy || copy->id != id) {
            copy.reset();
            copy.emplace(working_copy{id, (*originals_)[static_cast<std::size_t>(id)]});
        }
        return copy->solver;
    }

  private:
    /// Each id has one place for its copy, id modulo this number, and takes it from the id that had it
    /// before.
    static constexpr std::size_t most_copies = 64;

    struct working_copy {
        std::uint64_t id;
        SolverT solver;
    };

    std::shared_ptr<const std::vector<SolverT>> originals_;
    std::vector<std::optional<working_copy>> copies_;
};

template <class SolverT>
concept SaysSense = requires {
    { SolverT::sense } -> std::convertible_to<imle::sense>;
};
/// The sense of a solver that states one; `minimizing` asks whether it does.
template <class SolverT>
struct same_sense {};
template <SaysSense SolverT>
struct same_sense<SolverT> {
    static constexpr imle::sense sense = SolverT::sense;
};

template <class ThetaT, class SolverT>
concept WrittenBy = Instance<ThetaT> && WritesZ<SolverT, ThetaT>;
template <class ThetaT, class SolverT>
concept StartedBy =
    WrittenBy<ThetaT, SolverT> && WarmSolver<SolverT, scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>;
template <class ThetasT, class SolverT>
concept BatchWrittenBy = BatchOfInstances<ThetasT> && WritesZ < SolverT,
        const_view < scalar_of<ThetasT>, rank_of<ThetasT>
- 1, layout_of < ThetasT >>> ;
template <class ThetaT, class SolverT>
concept ReturnedBy = Instance<ThetaT> && !WritesZ<SolverT, ThetaT> &&
                     (returns_with_context<SolverT, scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>> ||
                      returns<SolverT, scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>);

}  // namespace detail

/// Solves each instance by the solver of its id, `solve_context::id`: another k, capacities or graph for
/// each row.
///
///     imle::per_instance solver(std::vector{imle::top_k{3}, imle::top_k{5}});        // id 0 or 1
///     imle::per_instance solver([sizes](std::uint64_t id) { return imle::top_k{sizes[id]}; });
///
/// All solvers have one type, and take theta of one shape; mask smaller instances. `per_instance` has their
/// sense and passes on context and mask, `solve_from`, and `solve_batch` for each run of rows with one id
/// (so a batch looks up a solver once for each run). An id without a solver throws `std::invalid_argument`;
/// so does a mask if the solvers take no context, since they could not respect it.
///
/// A vector: copies of `per_instance` (each thread has one) share it, and copy a solver when they first use
/// it. Each keeps up to 64 copies; of ids that are equal modulo 64, the last one used.
///
/// A function: it is called for each run and each single solve, and the solver it returns is then destroyed.
/// So making one must be cheap (as for `top_k`), or the function returns a copy of a solver that it made
/// before. The function is copied for each thread: let it hold large data by a `std::shared_ptr`. The same
/// id must give the same solver on each call.
template <class SolverT, class SourceT = detail::solver_table<SolverT>>
class per_instance : public detail::same_sense<SolverT> {
  public:
    /// solvers: for id 0, 1, ...; at least one.
    explicit per_instance(std::vector<SolverT> solvers) requires(
        std::same_as<SourceT, detail::solver_table<SolverT>>)
        : source_(std::move(solvers)) {}
    /// make(id): returns the solver of an id.
    explicit per_instance(SourceT make) requires(!std::same_as<SourceT, detail::solver_table<SolverT>>)
        : source_(std::move(make)) {}

    /// theta: one instance; z: a tensor of its dimensions.
    template <detail::WrittenBy<SolverT> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        auto&& solver = solver_of(context.id);
        return solve_one(solver, view_of(theta), view_of(z), context);
    }

    /// The same for solvers that return z.
    template <detail::ReturnedBy<SolverT> ThetaT>
    [[nodiscard]] auto operator()(const ThetaT& theta, const solve_context& context) {
        constexpr int rank = rank_of<ThetaT>, layout = layout_of<ThetaT>;
        using Scalar = scalar_of<ThetaT>;
        using tensor = Eigen::Tensor<Scalar, rank, layout>;
        auto&& solver = solver_of(context.id);
        auto view = view_of(theta);
        if constexpr (detail::returns_with_context<SolverT, Scalar, rank, layout>) {
            return tensor(solver(view, context));
        } else {
            require_no_mask(context);
            return tensor(solver(view));
        }
    }

    /// start: a solution of another theta.
    template <detail::StartedBy<SolverT> ThetaT, detail::InstanceOfRank<rank_of<ThetaT>> StartT,
              detail::StateOf<ThetaT> ZT>
    solve_status solve_from(const ThetaT& theta, const StartT& start, ZT&& z, const solve_context& context) {
        constexpr int rank = rank_of<ThetaT>, layout = layout_of<ThetaT>;
        auto&& solver = solver_of(context.id);
        auto theta_view = view_of(theta), start_view = view_of(start);
        auto z_view = view_of(z);
        if constexpr (detail::starts_with_context<SolverT, scalar_of<ThetaT>, rank, layout>) {
            return detail::status_of(
                [&] { return solver.solve_from(theta_view, start_view, z_view, context); });
        } else {
            if (!context.mask.empty()) return solve_one(solver, theta_view, z_view, context);
            return detail::status_of([&] { return solver.solve_from(theta_view, start_view, z_view); });
        }
    }

    /// thetas: several instances, in one more, outermost dimension; zs: a tensor of its dimensions;
    /// contexts: one for each. All are solved; the status is the first failure's, if there is one.
    template <detail::BatchWrittenBy<SolverT> ThetasT, detail::StateOf<ThetasT> ZsT>
    solve_status solve_batch(const ThetasT& thetas, ZsT&& zs, std::span<const solve_context> contexts) {
        const auto shape = detail::shape_of(thetas);
        detail::require_contexts(contexts.size(), shape.batch);
        detail::require_dimensions(thetas, zs);
        solve_status status = solve_status::solved;
        for (std::size_t first = 0, last = 0; first < contexts.size(); first = last) {
            while (last < contexts.size() && contexts[last].id == contexts[first].id) ++last;
            const auto offset = static_cast<Eigen::Index>(first) * shape.n;
            status = worse(status, solve_run(thetas.data() + offset, zs.data() + offset, shape,
                                             contexts.subspan(first, last - first)));
        }
        return status;
    }

    /// The groups of the context's solver (see `ThresholdSolver`).
    template <detail::Instance ThetaT, class F>
    requires requires(SolverT& solver, const_view<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>> view,
                      const solve_context& context, F& f) {
        solver.for_each_group(view, context, f);
    }
    void for_each_group(const ThetaT& theta, const solve_context& context, F&& f) {
        auto&& solver = solver_of(context.id);
        solver.for_each_group(view_of(theta), context, f);
    }

  private:
    static constexpr bool of_vector = std::same_as<SourceT, detail::solver_table<SolverT>>;
    using given_solver = std::conditional_t<of_vector, SolverT&, SolverT>;

    [[nodiscard]] given_solver solver_of(std::uint64_t id) { return source_(id); }

    template <class TensorT>
    [[nodiscard]] static auto view_of(const TensorT& tensor) {
        return const_view<scalar_of<TensorT>, rank_of<TensorT>, layout_of<TensorT>>(
            tensor.data(), detail::dimensions_of(tensor));
    }
    template <class TensorT>
    [[nodiscard]] static auto view_of(TensorT& tensor) requires requires {
        { tensor.data() } -> std::same_as<scalar_of<TensorT>*>;
    }
    {
        return mutable_view<scalar_of<TensorT>, rank_of<TensorT>, layout_of<TensorT>>(
            tensor.data(), detail::dimensions_of(tensor));
    }

    [[nodiscard]] static solve_status worse(solve_status so_far, solve_status next) noexcept {
        if (!has_answer(so_far) || next == solve_status::solved) return so_far;
        return next;
    }

    static void require_no_mask(const solve_context& context) {
        if (!context.mask.empty())
            detail::throw_invalid(
                "context.mask", detail::message("of ", context.mask.size(), " values"),
                "none: per_instance's solvers take no context, so they cannot respect a mask");
    }

    template <class Scalar, int Rank, int Layout>
    [[nodiscard]] static solve_status solve_one(SolverT& solver, const_view<Scalar, Rank, Layout> theta,
                                                mutable_view<Scalar, Rank, Layout> z,
                                                const solve_context& context) {
        if constexpr (detail::writes_with_context<SolverT, Scalar, Rank, Layout>) {
            return detail::status_of([&] { return solver(theta, z, context); });
        } else {
            require_no_mask(context);
            return detail::status_of([&] { return solver(theta, z); });
        }
    }

    /// Solves the rows of one id by its solver: together if it can, and if its form for that takes masks
    /// where there are any.
    template <class Scalar, int Rank, int Layout>
    [[nodiscard]] solve_status solve_run(const Scalar* theta, Scalar* z,
                                         const detail::batch_shape<Rank, Layout>& shape,
                                         std::span<const solve_context> contexts) {
        auto&& solver = solver_of(contexts.front().id);
        if constexpr (BatchSolver<SolverT, Scalar, Rank, Layout>) {
            const auto dimensions = shape.batched(static_cast<Eigen::Index>(contexts.size()));
            const_view<Scalar, Rank + 1, Layout> thetas(theta, dimensions);
            mutable_view<Scalar, Rank + 1, Layout> zs(z, dimensions);
            if constexpr (detail::solves_batches_with_context<SolverT, Scalar, Rank, Layout>)
                return detail::status_of([&] { return solver.solve_batch(thetas, zs, contexts); });
            else if (std::all_of(contexts.begin(), contexts.end(),
                                 [](const solve_context& each) { return each.mask.empty(); }))
                return detail::status_of([&] { return solver.solve_batch(thetas, zs); });
        }
        solve_status status = solve_status::solved;
        for (const solve_context& context : contexts) {
            status = worse(status, solve_one(solver, const_view<Scalar, Rank, Layout>(theta, shape.instance),
                                             mutable_view<Scalar, Rank, Layout>(z, shape.instance), context));
            theta += shape.n;
            z += shape.n;
        }
        return status;
    }

    SourceT source_;
};

template <class SolverT>
per_instance(std::vector<SolverT>) -> per_instance<SolverT>;
template <std::invocable<std::uint64_t> MakeT>
per_instance(MakeT) -> per_instance<std::remove_cvref_t<std::invoke_result_t<MakeT&, std::uint64_t>>, MakeT>;

}  // namespace imle::inline IMLE_ABI
