#pragma once

/// @file
/// The best labelling of a binary pairwise model with attractive edges, by a minimum cut.
///
/// A node that gets label 0 loses its score, if that is positive, and one that gets label 1 loses minus its
/// score, if that is negative; an edge whose ends differ loses its score. The least loss is a minimum cut
/// (Greig, Porteous and Seheult, "Exact maximum a posteriori estimation for binary images", 1989), and that
/// comes from a maximum flow.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/core/shared_object.hpp>
#include <imle/solvers/detail/batch_selection.hpp>
#include <imle/solvers/detail/cut_network.hpp>
#include <imle/solvers/detail/cuts_in_lanes.hpp>
#include <imle/solvers/detail/push_relabel_flow.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// What to do with a negative score of agreeing, for which the best labelling is no minimum cut (and hard to
/// find).
enum class negative_scores {
    /// Throws `std::invalid_argument`, which names the edge and its score.
    reject,
    /// The score counts as 0. Noise on the scores makes some negative.
    clamp
};

/// The options of `graph_cut`; the order of the members is part of the contract.
struct graph_cut_options {
    /// How to handle an edge with a negative score.
    imle::negative_scores negative_scores = imle::negative_scores::reject;
};

/// The MAP state of a binary pairwise model: theta and z are [nodes + edges]. The first numbers of theta are
/// the scores of label 1, one for each node; then follow the scores of agreeing, one for each edge. z holds
/// the labels, then 1 for each edge whose ends have the same label. Segmentation and denoising of images are
/// such models.
///
/// Edges must attract: a negative score of agreeing throws or counts as 0, see `graph_cut_options`. A loop
/// always agrees; parallel edges are allowed. Ties: of the best labellings, the one whose set of 1s is
/// contained in those of all others. Computes in double for float too; the answer is optimal, and ties are
/// found, up to the rounding of doubles. Numbers beyond 2^900 are scaled, so that no sum overflows.
///
/// A mask that forbids a node makes its label 0. One that forbids an edge takes the edge out: its z is 0.
///
/// Throws `std::invalid_argument` on construction for an invalid option, a negative number of nodes, an edge
/// whose ends are not nodes, and more than 2^30 - 1 edges. Throws it when solving for a theta that is not of
/// nodes + edges numbers, and for numbers that are not finite. Copies share the graph. O(nodes^3) in
/// the worst case; close to linear for images. Batches of floats are solved with a lane for each instance.
class graph_cut : public detail::batch_forms<graph_cut, 1> {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;
    /// `solve_batch` is as good for a few instances.
    static constexpr bool takes_any_batch = true;

    /// nodes: how many there are, numbered from 0; edges: in the order of theta.
    graph_cut(Eigen::Index nodes, std::vector<graph_edge> edges, const graph_cut_options& options = {})
        : network_(detail::make_shared_object<const detail::cut_network>(nodes, std::move(edges))),
          options_(options) {
        if (options.negative_scores != negative_scores::reject &&
            options.negative_scores != negative_scores::clamp)
            detail::throw_invalid("graph_cut_options::negative_scores",
                                  static_cast<int>(options.negative_scores),
                                  "negative_scores::reject or negative_scores::clamp");
    }

    /// The number of nodes.
    [[nodiscard]] Eigen::Index nodes() const noexcept { return network_->nodes; }
    /// All edges, in the order of theta.
    [[nodiscard]] std::span<const graph_edge> edges() const noexcept { return network_->edges; }

    /// theta: one instance [nodes + edges]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        static_cast<void>((*this)(theta, z, solve_context{}));
    }

    /// The best labelling whose 1s the context's mask allows.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        require_count(theta.dimension(0));
        detail::require_instance(theta, z, context);
        solve_one(theta.data(), context, z.data());
        return solve_status::solved;
    }

    /// How many instances of a batch are solved at once. O(1).
    template <detail::InstanceOfRank<1> ThetaT>
    [[nodiscard]] Eigen::Index batch_width(const ThetaT&) const noexcept {
        const bool has_lanes =
            std::is_same_v<scalar_of<ThetaT>, float> && detail::cuts_in_lanes::is_suited(*network_);
        return has_lanes ? static_cast<Eigen::Index>(detail::cuts_in_lanes::size) : 1;
    }

  private:
    friend class detail::batch_forms<graph_cut, 1>;

    void require_count(Eigen::Index given) const {
        if (given == nodes() + std::ssize(edges())) return;
        detail::throw_invalid("theta", detail::message("of ", given, " numbers"),
                              detail::message("one for each of the ", nodes(), " nodes, then one for each ",
                                              "of the ", edges().size(), " edges"));
    }

    template <class ThetasT, class ZsT>
    solve_status solve_all(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        using Scalar = scalar_of<ThetasT>;
        detail::require_dimensions(thetas, zs);
        const auto shape = detail::shape_of(thetas);
        require_count(shape.n);
        const auto n = static_cast<std::size_t>(shape.n), batch = static_cast<std::size_t>(shape.batch);
        const Scalar* const theta = thetas.data();
        for (std::size_t i = 0; i < batch; ++i)
            detail::require_numbers(std::span(theta + i * n, n), detail::mask_of(contexts, i));
        const auto alone = [&](std::size_t i) {
            solve_one(theta + i * n, contexts.empty() ? solve_context{} : contexts[i], zs.data() + i * n);
        };
        // Sums of doubles are hardly ever exact, and masks are rare.
        if constexpr (std::is_same_v<Scalar, float>)
            if (detail::cuts_in_lanes::is_suited(*network_) && !detail::any_mask(contexts)) {
                for (std::size_t i = 0; i < batch; ++i) require_scores(theta + i * n);
                flow_.resize(*network_);  // so that the first of `repeat` allocates nothing
                bool suits = true;
                const auto in_lanes = [&](std::size_t first, std::size_t left) {
                    const auto repeat = [&](std::size_t lane) { alone(first + lane); };
                    if (suits)
                        suits =
                            cuts_.solve(*network_, theta + first * n, left, zs.data() + first * n, repeat);
                    else
                        for (std::size_t lane = 0; lane < std::min(left, cuts_.size); ++lane) repeat(lane);
                };
                detail::solve_in_groups(batch, cuts_.size, in_lanes, alone);
                return solve_status::solved;
            }
        for (std::size_t i = 0; i < batch; ++i) alone(i);
        return solve_status::solved;
    }

    template <class Scalar>
    void solve_one(const Scalar* theta, const solve_context& context, Scalar* z) {
        load(theta, context);
        flow_.solve();
        std::fill_n(z, nodes(), Scalar(0));
        flow_.for_each_on_source_side([&](std::int32_t v) { z[v] = 1; });
        Eigen::Index at = nodes();
        for (const auto& [from, to] : edges()) {
            z[at] = context.allows(at) && z[from] == z[to] ? Scalar(1) : Scalar(0);
            ++at;
        }
    }

    /// Throws for the first negative score of agreeing, if they are to be rejected.
    template <class Scalar>
    void require_scores(const Scalar* theta) const {
        if (options_.negative_scores == negative_scores::clamp) return;
        for (std::size_t e = 0; e < edges().size(); ++e)
            if (network_->there[e] >= 0) static_cast<void>(score_of(theta, e, {}));
    }

    template <class Scalar>
    void load(const Scalar* theta, const solve_context& context) {
        const double factor = scale(theta, context);
        flow_.resize(*network_);
        for (Eigen::Index v = 0; v < nodes(); ++v)
            if (context.allows(v)) flow_.excess(static_cast<std::int32_t>(v)) = factor * double{theta[v]};
        for (std::size_t e = 0; e < edges().size(); ++e) {
            if (network_->there[e] < 0) continue;
            const auto from = static_cast<std::int32_t>(edges()[e].from),
                       to = static_cast<std::int32_t>(edges()[e].to);
            const double score = score_of(theta, e, context) * factor;
            const bool both = context.allows(from) && context.allows(to);
            flow_.set_edge(network_->there[e], network_->back[e], from, to, both ? score : 0);
            // Label 0 at one end: agreeing is a score of the other end's label 0.
            if (!both && context.allows(from)) flow_.excess(from) -= detail::rounded(score);
            if (!both && context.allows(to)) flow_.excess(to) -= detail::rounded(score);
        }
    }

    /// The score of agreeing, at least 0; 0 for an edge that the mask takes out.
    template <class Scalar>
    [[nodiscard]] double score_of(const Scalar* theta, std::size_t edge, const solve_context& context) const {
        const Eigen::Index at = nodes() + static_cast<Eigen::Index>(edge);
        if (!context.allows(at)) return 0;
        if (theta[at] < 0 && options_.negative_scores == negative_scores::reject)
            detail::throw_invalid(
                "theta", detail::message(theta[at], " for agreeing along edge ", edge),
                "0 or more, or graph_cut_options{.negative_scores = negative_scores::clamp}");
        return std::max(0.0, double{theta[at]});
    }

    /// 1, or a power of 2 that leaves room for sums of the largest numbers.
    template <class Scalar>
    [[nodiscard]] double scale(const Scalar* theta, const solve_context& context) const noexcept {
        if constexpr (std::is_same_v<Scalar, double>)
            for (Eigen::Index i = 0; i < nodes() + std::ssize(edges()); ++i)
                if (context.allows(i) && std::abs(theta[i]) > 0x1p900) return 0x1p-160;
        return 1;
    }

    std::shared_ptr<const detail::cut_network> network_;
    graph_cut_options options_;
    detail::push_relabel_flow flow_;
    detail::cuts_in_lanes cuts_;
};

}  // namespace imle::inline IMLE_ABI
