#pragma once

/// @file
/// Exact distributions over the spanning trees of a graph: samples, marginals and their gradient.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shared_object.hpp>
#include <imle/families/detail/tree_elimination.hpp>
#include <imle/random/words.hpp>
#include <imle/solvers/instance.hpp>
#include <imle/solvers/spanning_tree.hpp>

namespace imle::inline IMLE_ABI {

/// The exponential family of `spanning_tree`: p(z; theta) proportional to exp(<theta, z>) on the spanning
/// trees of an undirected graph (its spanning forests, if it is not connected), z and theta having one number
/// for each edge.
///
///     imle::spanning_tree_family family{5, imle::complete_graph_edges(5)};
///
/// A tree that hangs from a fixed node is a dependency tree of the other nodes, so all results are sums over
/// those (Kirchhoff's matrix-tree theorem), by eliminating node after node without a subtraction: see
/// `arborescence_family`. Marginals have nearly all digits, however small, for theta of any size. All
/// is computed in double. If scores are more than 200 apart, numbers have an exponent of their own, and all
/// takes several times as long. Scores more than 2^46 (7e13) below the largest count as that much below it.
///
/// theta is one instance [edges], a tensor or view, or its numbers. `context` is optional: its mask forbids
/// edges; results are 0 there, and theta is ignored. Parallel edges are allowed, and so are loops, which are
/// in no tree. Construction throws `std::invalid_argument` as `spanning_tree` does. The functions throw it
/// for a theta that does not have one finite number for each edge, and for a mask that divides what the graph
/// connects. Copies share the graph. Several threads may use one family at once. Memory is O(nodes^2
/// log(nodes)).
class spanning_tree_family {
  public:
    /// theta has this many dimensions.
    static constexpr int instance_rank = 1;

    /// nodes: how many there are, numbered from 0; edges: in the order of theta.
    spanning_tree_family(Eigen::Index nodes, std::vector<graph_edge> edges)
        : graph_(detail::make_shared_object<const graph>(nodes, std::move(edges))) {}

    /// The number of nodes.
    [[nodiscard]] Eigen::Index nodes() const noexcept { return graph_->nodes; }
    /// All edges, in the order of theta.
    [[nodiscard]] std::span<const graph_edge> edges() const noexcept { return graph_->edges; }

    /// The MAP state, as `spanning_tree` gives it.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void map(const ThetaT& theta, ZT&& z, const solve_context& context = {}) const {
        spanning_tree solver(graph_->nodes, graph_->edges);
        if (!has_answer(solver(theta, z, context))) throw_no_tree();
    }

    /// One draw. O(nodes^3 log(nodes)), whatever theta is. With m edges in a tree, draw `item` uses elements
    /// 0 to m - 1 of the sequence of uniform doubles (`uniforms`) of key.fold_in(item), for float too.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void sample(const ThetaT& theta, random_key key, std::uint64_t item, ZT&& z,
                const solve_context& context = {}) const {
        const edge_scores scores = scores_of(theta, context);
        require_numbers("z", z.size());
        draw(scores, key, item, 1, z.data());
    }

    /// Draws first_item, first_item + 1, ..., as many as zs holds: [draws, edges] if row-major, [edges,
    /// draws] if column-major. The bits are those of `sample`.
    template <detail::InstanceOfRank<1> ThetaT, detail::InstanceOfRank<2> ZsT>
    void sample_several(const ThetaT& theta, random_key key, std::uint64_t first_item, ZsT&& zs,
                        const solve_context& context = {}) const {
        const edge_scores scores = scores_of(theta, context);
        const auto shape = detail::shape_of(zs);
        require_numbers("a draw of zs", shape.n);
        draw(scores, key, first_item, static_cast<std::size_t>(shape.batch), zs.data());
    }

    /// mu_e = P(edge e is in the tree). O(nodes^3).
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void marginals(const ThetaT& theta, ZT&& mu, const solve_context& context = {}) const {
        const edge_scores scores = scores_of(theta, context);
        require_numbers("mu", mu.size());
        const auto sums = marginals_of(scores);
        for (std::size_t e = 0; e < sums.size(); ++e)
            mu.data()[e] = static_cast<scalar_of<ThetaT>>(std::min(sums[e], 1.0));
    }

    /// The gradient of <dmu, mu(theta)>, which is Cov(z) dmu: the derivative of the marginals in direction
    /// dmu. O(nodes^3). dmu must be finite where edges are allowed.
    template <detail::InstanceOfRank<1> ThetaT, detail::InstanceOfRank<1> CotangentT,
              detail::StateOf<ThetaT> ZT>
    void marginals_vjp(const ThetaT& theta, const CotangentT& dmu, ZT&& gradient,
                       const solve_context& context = {}) const {
        const edge_scores scores = scores_of(theta, context);
        require_numbers("dmu", dmu.size());
        require_numbers("gradient", gradient.size());
        const std::size_t count = scores.score.size();
        double most = 0;
        for (std::size_t e = 0; e < count; ++e) {
            if (scores.score[e] == forbidden) continue;
            if (!detail::is_finite(dmu.data()[e]))
                detail::throw_invalid("dmu", detail::message(dmu.data()[e], " at element ", e, " in memory"),
                                      "finite numbers");
            most = std::max(most, std::abs(static_cast<double>(dmu.data()[e])));
        }
        std::vector<double> slopes(count, 0.0);
        if (most > 0 && graph_->words > 0) {
            // Scaling prevents overflow. All trees have the same number of edges, so a constant may be
            // subtracted from dmu: its mean, so that less cancels in differences of expectations.
            const auto mu = marginals_of(scores);
            std::vector<double> direction(count, 0.0);
            double mean = 0;
            for (std::size_t e = 0; e < count; ++e) {
                if (scores.score[e] == forbidden) continue;
                direction[e] = detail::rounded(static_cast<double>(dmu.data()[e]) / most);
                mean += detail::rounded(mu[e] * direction[e]);
            }
            mean /= static_cast<double>(graph_->words);
            for (double& d : direction) d -= mean;
            if (detail::tree_fits_in_double(scores.spread))
                add_slopes<double>(scores, direction, slopes);
            else
                add_slopes<detail::wide_number>(scores, direction, slopes);
        }
        for (std::size_t e = 0; e < count; ++e)
            gradient.data()[e] = static_cast<scalar_of<ThetaT>>(most * slopes[e]);
    }

    /// log sum exp(<theta, z>) over all trees z. Its gradient are the marginals. O(nodes^3).
    template <detail::InstanceOfRank<1> ThetaT>
    [[nodiscard]] double log_partition(const ThetaT& theta, const solve_context& context = {}) const {
        const edge_scores scores = scores_of(theta, context);
        double sum = 0, scale = 0;
        with_trees(scores, scores.spread, [&](auto trees) {
            trees.factors([&](const auto& factor) { sum += detail::log_of(factor); });
        });
        for (const double most : scores.largest) scale += most;
        return scale + sum;
    }

    /// The entropy of p(z; theta), -E log p(z), in nats. O(nodes^3) logarithms. No large numbers cancel in
    /// it.
    template <detail::InstanceOfRank<1> ThetaT>
    [[nodiscard]] double entropy(const ThetaT& theta, const solve_context& context = {}) const {
        const edge_scores scores = scores_of(theta, context);
        double sum = 0;
        if (graph_->words == 0) return sum;
        auto trees = weighted<detail::entropy_number>(scores, [&](std::size_t e, std::size_t j) {
            return detail::entropy_number{scores.weight<detail::wide_number>(e, j), 0};
        });
        trees.factors([&](const detail::entropy_number& factor) { sum += factor.entropy; });
        return std::max(sum, 0.0);
    }

    /// The Kullback-Leibler divergence E log (p(z; theta) / p(z; other)), z drawn from p(z; theta), in nats.
    /// The context is that of both. O(nodes^3) logarithms.
    template <detail::InstanceOfRank<1> ThetaT, detail::InstanceOfRank<1> OtherT>
    [[nodiscard]] double kl_divergence(const ThetaT& theta, const OtherT& other,
                                       const solve_context& context = {}) const {
        const edge_scores scores = scores_of(theta, context), others = scores_of(other, context, "other");
        double sum = 0;
        if (graph_->words == 0) return sum;
        auto trees = weighted<detail::divergence_number>(scores, [&](std::size_t e, std::size_t j) {
            return detail::divergence_number{scores.weight<detail::wide_number>(e, j),
                                             others.weight<detail::wide_number>(e, j), 0};
        });
        trees.factors([&](const detail::divergence_number& factor) { sum += factor.divergence; });
        return std::max(sum, 0.0);
    }

    // The same for the numbers of an instance.

    /// The MAP state.
    template <std::floating_point Scalar>
    void map(std::span<const Scalar> theta, std::span<Scalar> z) const {
        map(view(theta), view(z));
    }
    /// One draw.
    template <std::floating_point Scalar>
    void sample(std::span<const Scalar> theta, random_key key, std::uint64_t item,
                std::span<Scalar> z) const {
        sample(view(theta), key, item, view(z));
    }
    /// Draws first_item, first_item + 1, ..., as many as fit into zs.
    template <std::floating_point Scalar>
    void sample_several(std::span<const Scalar> theta, random_key key, std::uint64_t first_item,
                        std::span<Scalar> zs) const {
        const edge_scores scores = scores_of(view(theta), {});
        if (theta.empty() ? !zs.empty() : zs.size() % theta.size() != 0)
            detail::throw_invalid("zs", detail::message("of ", zs.size(), " numbers"),
                                  detail::message("a multiple of the number of edges, ", theta.size()));
        draw(scores, key, first_item, theta.empty() ? 0 : zs.size() / theta.size(), zs.data());
    }
    /// E z.
    template <std::floating_point Scalar>
    void marginals(std::span<const Scalar> theta, std::span<Scalar> mu) const {
        marginals(view(theta), view(mu));
    }
    /// Cov(z) dmu.
    template <std::floating_point Scalar>
    void marginals_vjp(std::span<const Scalar> theta, std::span<const Scalar> dmu,
                       std::span<Scalar> gradient) const {
        marginals_vjp(view(theta), view(dmu), view(gradient));
    }
    /// log sum exp(<theta, z>).
    template <std::floating_point Scalar>
    [[nodiscard]] double log_partition(std::span<const Scalar> theta) const {
        return log_partition(view(theta));
    }
    /// -E log p(z).
    template <std::floating_point Scalar>
    [[nodiscard]] double entropy(std::span<const Scalar> theta) const {
        return entropy(view(theta));
    }
    /// E log (p(z; theta) / p(z; other)).
    template <std::floating_point Scalar>
    [[nodiscard]] double kl_divergence(std::span<const Scalar> theta, std::span<const Scalar> other) const {
        return kl_divergence(view(theta), view(other));
    }

    /// True if both have the same graph.
    friend bool operator==(const spanning_tree_family& a, const spanning_tree_family& b) noexcept {
        return a.graph_ == b.graph_ ||
               (a.graph_->nodes == b.graph_->nodes && a.graph_->edges == b.graph_->edges);
    }

  private:
    static constexpr double forbidden = -std::numeric_limits<double>::infinity();

    /// An edge at a word: a node that is not the first of its component. The other node is word `head`, or
    /// the first of the component, which is the root, if `head` is the word itself.
    struct end {
        std::size_t edge, head;
    };

    class graph {
      public:
        Eigen::Index nodes;
        std::vector<graph_edge> edges;
        std::size_t words = 0;  // nodes that are not the first of their component
        std::vector<end> ends;  // of word after word
        std::vector<std::size_t> first_end;
        std::size_t most_ends = 0;

        graph(Eigen::Index node_count, std::vector<graph_edge> edge_list)
            : nodes(node_count), edges(std::move(edge_list)) {
            detail::require_graph(nodes, edges);
            std::vector<Eigen::Index> component = components();
            for (const graph_edge& edge : edges) join(component, edge);
            const auto lowest_of = [&](Eigen::Index node) { return lowest(component, node); };
            std::vector<std::size_t> word_of(static_cast<std::size_t>(nodes), 0);
            const auto is_word = [&](Eigen::Index node) { return lowest_of(node) != node; };
            for (Eigen::Index node = 0; node < nodes; ++node)
                if (is_word(node)) word_of[static_cast<std::size_t>(node)] = words++;
            std::vector<std::vector<end>> of_word(words);
            for (std::size_t e = 0; e < edges.size(); ++e) {
                const auto add = [&](Eigen::Index node, Eigen::Index other) {
                    if (node == other || !is_word(node)) return;
                    const std::size_t word = word_of[static_cast<std::size_t>(node)];
                    of_word[word].push_back(
                        {e, is_word(other) ? word_of[static_cast<std::size_t>(other)] : word});
                };
                add(edges[e].from, edges[e].to);
                add(edges[e].to, edges[e].from);
            }
            first_end.push_back(0);
            for (const auto& list : of_word) {
                ends.insert(ends.end(), list.begin(), list.end());
                first_end.push_back(ends.size());
                most_ends = std::max(most_ends, list.size());
            }
        }

        /// How many edges a spanning forest of the edges that a mask allows has.
        [[nodiscard]] std::size_t joins(std::span<const bool> mask) const {
            std::vector<Eigen::Index> component = components();
            std::size_t count = 0;
            for (std::size_t e = 0; e < edges.size(); ++e)
                if (mask[e] && join(component, edges[e])) ++count;
            return count;
        }

        [[nodiscard]] std::span<const end> ends_of(std::size_t word) const {
            return std::span<const end>(ends).subspan(first_end[word], first_end[word + 1] - first_end[word]);
        }

      private:
        /// Each node is the lowest of its own component.
        [[nodiscard]] std::vector<Eigen::Index> components() const {
            std::vector<Eigen::Index> result(static_cast<std::size_t>(nodes));
            std::iota(result.begin(), result.end(), Eigen::Index{0});
            return result;
        }
        [[nodiscard]] static Eigen::Index lowest(std::vector<Eigen::Index>& component, Eigen::Index node) {
            while (component[static_cast<std::size_t>(node)] != node) {
                Eigen::Index& above = component[static_cast<std::size_t>(node)];
                above = component[static_cast<std::size_t>(above)];
                node = above;
            }
            return node;
        }
        /// Makes one component of those of an edge's nodes; false if they are one already.
        static bool join(std::vector<Eigen::Index>& component, const graph_edge& edge) {
            const Eigen::Index a = lowest(component, edge.from), b = lowest(component, edge.to);
            component[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);
            return a != b;
        }
    };

    /// The scores of an instance.
    struct edge_scores {
        std::vector<double> score;    // of each edge, -infinity where it is forbidden
        std::vector<double> largest;  // of the edges of each word
        /// How far the scores are apart. (A walk between two nodes by any way is no rarer than its rarest
        /// step, but for a factor of the number of nodes, because each edge can be walked both ways.)
        double spread = 0;

        /// exp(score), the largest of a word's edges being 1.
        template <class Number>
        [[nodiscard]] Number weight(std::size_t edge, std::size_t word) const noexcept {
            if (score[edge] == forbidden) return Number{};
            return detail::exponential_of<Number>(score[edge] - largest[word]);
        }
    };

    [[noreturn]] static void throw_no_tree() {
        detail::throw_invalid("context.mask", "one that divides what the graph connects",
                              "a spanning tree of allowed edges");
    }
    void require_numbers(const char* name, Eigen::Index given) const {
        if (static_cast<std::size_t>(given) != graph_->edges.size())
            detail::throw_invalid(name, detail::message("of ", given, " numbers"),
                                  detail::message(graph_->edges.size(), ", one for each edge"));
    }
    template <class Scalar>
    [[nodiscard]] static auto view(std::span<Scalar> numbers) {
        using tensor = Eigen::Tensor<std::remove_const_t<Scalar>, 1, Eigen::RowMajor>;
        return Eigen::TensorMap<std::conditional_t<std::is_const_v<Scalar>, const tensor, tensor>>(
            numbers.data(), static_cast<Eigen::Index>(numbers.size()));
    }

    template <class ThetaT>
    [[nodiscard]] edge_scores scores_of(const ThetaT& theta, const solve_context& context,
                                        const char* name = "theta") const {
        require_numbers(name, theta.size());
        detail::require_mask(context.mask, graph_->edges.size());
        edge_scores result;
        double most = std::numeric_limits<double>::lowest(), least = std::numeric_limits<double>::max();
        for (Eigen::Index e = 0; e < theta.size(); ++e) {
            result.score.push_back(forbidden);
            if (!context.allows(e)) continue;
            if (!detail::is_finite(theta.data()[e]))
                detail::throw_invalid(name, detail::message(theta.data()[e], " at element ", e, " in memory"),
                                      "finite numbers");
            result.score.back() = static_cast<double>(theta.data()[e]);
            most = std::max(most, result.score.back());
            least = std::min(least, result.score.back());
        }
        for (double& score : result.score)
            if (score != forbidden) score = std::max(score, most - detail::farthest_log);
        result.spread = std::clamp(most - least, 0.0, detail::farthest_log);
        if (!context.mask.empty() && graph_->joins(context.mask) != graph_->words) throw_no_tree();
        for (std::size_t j = 0; j < graph_->words; ++j) {
            double largest = forbidden;
            for (const end& from : graph_->ends_of(j)) largest = std::max(largest, result.score[from.edge]);
            result.largest.push_back(largest);
        }
        return result;
    }

    /// Trees, each arc's weight being the sum of weight(edge, word) over its edges.
    template <class Number, class WeightT>
    [[nodiscard]] detail::tree_elimination<Number> weighted(const edge_scores& scores,
                                                            WeightT&& weight) const {
        detail::tree_elimination<Number> trees(graph_->words, false);
        for (std::size_t j = 0; j < graph_->words; ++j)
            for (const end& from : graph_->ends_of(j)) {
                if (scores.score[from.edge] == forbidden) continue;
                Number& sum = trees.weight(from.head, j);
                sum = detail::plus(sum, weight(from.edge, j));
            }
        return trees;
    }

    /// Calls f with the trees, by doubles if these are enough for scores so far apart, unless no tree has an
    /// edge.
    template <class F>
    void with_trees(const edge_scores& scores, double spread, F&& f) const {
        if (graph_->words == 0) return;
        const auto call = [&]<class Number>(Number) {
            f(weighted<Number>(
                scores, [&](std::size_t e, std::size_t j) { return scores.template weight<Number>(e, j); }));
        };
        if (detail::tree_fits_in_double(spread))
            call(double{});
        else
            call(detail::wide_number{});
    }

    [[nodiscard]] std::vector<double> marginals_of(const edge_scores& scores) const {
        std::vector<double> sums(scores.score.size(), 0.0);
        with_trees(scores, scores.spread, [&](auto trees) {
            using Number = typename decltype(trees)::number;
            trees.heads([&](std::size_t j, const Number* masses, const Number& total) {
                for (const end& from : graph_->ends_of(j)) {
                    if (scores.score[from.edge] == forbidden) continue;
                    const Number edge = scores.template weight<Number>(from.edge, j);
                    sums[from.edge] += detail::rounded(detail::ratio(masses[from.head], total) *
                                                       detail::ratio(edge, trees.weight(from.head, j)));
                }
            });
        });
        return sums;
    }

    template <class Number>
    void add_slopes(const edge_scores& scores, const std::vector<double>& direction,
                    std::vector<double>& slopes) const {
        using sloped = detail::sloped_number<Number>;
        const auto weight = [&](std::size_t e, std::size_t j) {
            const Number value = scores.template weight<Number>(e, j);
            return sloped{value, detail::times(value, detail::number_of<Number>(direction[e]))};
        };
        auto trees = weighted<sloped>(scores, weight);
        trees.heads([&](std::size_t j, const sloped* masses, const sloped& total) {
            for (const end& from : graph_->ends_of(j)) {
                if (scores.score[from.edge] == forbidden) continue;
                const sloped share = detail::over(weight(from.edge, j), trees.weight(from.head, j));
                const sloped p = detail::times(detail::over(masses[from.head], total), share);
                slopes[from.edge] += detail::to_double(p.slope);
            }
        });
    }

    template <class Scalar>
    void draw(const edge_scores& scores, random_key key, std::uint64_t first_item, std::size_t draws,
              Scalar* zs) const {
        const std::size_t size = graph_->edges.size(), n = graph_->words;
        std::fill_n(zs, draws * size, Scalar(0));
        std::vector<double> numbers(n), chances(graph_->most_ends);
        std::vector<std::size_t> heads(n);
        // (Edges that were drawn can be walked one way only, so rare steps may add up.)
        const double spread = scores.spread * static_cast<double>(n);
        with_trees(scores, spread, [&](auto trees) {
            using Number = typename decltype(trees)::number;
            std::vector<Number> masses(graph_->most_ends);
            for (std::size_t d = 0; d < draws; ++d) {
                uniforms(key.fold_in(first_item + d), 0, std::span<double>(numbers));
                trees.draw(heads.data(), [&](std::size_t j, const Number* chance) {
                    const auto ends = graph_->ends_of(j);
                    Number total{};
                    for (std::size_t e = 0; e < ends.size(); ++e) {
                        masses[e] = detail::times(scores.template weight<Number>(ends[e].edge, j),
                                                  chance[ends[e].head]);
                        total = detail::plus(total, masses[e]);
                    }
                    for (std::size_t e = 0; e < ends.size(); ++e)
                        chances[e] = detail::ratio(masses[e], total);
                    const end& chosen = ends[detail::drawn_of(chances.data(), ends.size(), numbers[j])];
                    zs[d * size + chosen.edge] = 1;
                    return chosen.head;
                });
            }
        });
    }

    std::shared_ptr<const graph> graph_;
};

}  // namespace imle::inline IMLE_ABI
