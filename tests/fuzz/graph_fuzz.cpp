// Feeds bytes to shortest_path, spanning_tree, graph_cut, matching and min_cost_flow as nodes, edges, costs,
// source and target (supplies and capacities), and to the solvers of dependency trees as scores and a mask.
//
// Allowed: an answer that is a path of least cost (a spanning forest or a matching of largest weight, a
// dependency tree of largest sum, a flow without a cycle that gains), the same alone and in a batch, or a
// std::invalid_argument. All else (another exception, a sanitizer's report, a broken law) aborts.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/families/arborescence_family.hpp>
#include <imle/families/projective_tree_family.hpp>
#include <imle/solvers/arborescence.hpp>
#include <imle/solvers/graph_cut.hpp>
#include <imle/solvers/matching.hpp>
#include <imle/solvers/min_cost_flow.hpp>
#include <imle/solvers/projective_tree.hpp>
#include <imle/solvers/shortest_path.hpp>
#include <imle/solvers/spanning_tree.hpp>

#include "byte_source.hpp"

namespace {

using imle::graph_edge;

void require(bool holds, const char* law) {
    if (holds) return;
    std::fprintf(stderr, "broken law: %s\n", law);
    std::abort();
}

std::size_t at(Eigen::Index i) {
    return static_cast<std::size_t>(i);
}

/// By how much sums of these numbers may differ through rounding.
template <class Scalar>
double rounding(const std::vector<Scalar>& numbers) {
    double sum = 0;
    for (const Scalar x : numbers) sum += std::abs(static_cast<double>(x));
    return 2 * static_cast<double>(numbers.size()) *
           static_cast<double>(std::numeric_limits<Scalar>::epsilon()) * sum;
}

/// z goes from source to target and visits no node twice; its cost is Bellman and Ford's, in double.
template <class Scalar>
void check_path(const imle::shortest_path& solver, const std::vector<Scalar>& theta, const Scalar* z) {
    const auto edges = solver.graph().edges();
    const auto cost = [&](std::size_t e) {
        const double c = -static_cast<double>(theta[e]);
        return solver.takes_negative_costs() ? c : std::max(c, 0.0);
    };
    double total = 0;
    std::size_t marked = 0;
    for (std::size_t e = 0; e < edges.size(); ++e) {
        require(z[e] == 0 || z[e] == 1, "z is 0 or 1");
        if (z[e] == 1) {
            total += cost(e);
            ++marked;
        }
    }
    std::vector<bool> visited(at(solver.graph().nodes()));
    std::size_t steps = 0;
    for (Eigen::Index node = solver.source(); node != solver.target(); ++steps) {
        require(!visited[at(node)], "a path visits no node twice");
        visited[at(node)] = true;
        const auto out = solver.graph().out_edges(node);
        const auto next = std::find_if(out.begin(), out.end(), [&](Eigen::Index e) { return z[at(e)] == 1; });
        require(next != out.end(), "a path goes on to the target");
        node = edges[at(*next)].to;
    }
    require(steps == marked, "z is 1 on the path alone");

    // As many rounds as a path has edges at most: edges off the way may make cycles of negative cost.
    std::vector<double> distance(visited.size(), std::numeric_limits<double>::infinity());
    std::vector<bool> goes_on(visited.size());
    goes_on[at(solver.target())] = true;
    distance[at(solver.source())] = 0;
    const auto useful = [&](const graph_edge& e) {
        return e.to != solver.source() && e.from != solver.target() && goes_on[at(e.to)];
    };
    for (std::size_t round = 0; round < visited.size(); ++round)
        for (const graph_edge& e : edges)
            if (useful(e)) goes_on[at(e.from)] = true;
    for (std::size_t round = 0; round < visited.size(); ++round)
        for (std::size_t e = 0; e < edges.size(); ++e)
            if (useful(edges[e]) && edges[e].from != edges[e].to)
                distance[at(edges[e].to)] =
                    std::min(distance[at(edges[e].to)], distance[at(edges[e].from)] + cost(e));
    require(total <= distance[at(solver.target())] + rounding(theta), "the path is a cheapest one");
}

template <class Scalar>
void check_forest(const imle::spanning_tree& solver, const std::vector<Scalar>& theta, const Scalar* z) {
    const auto edges = solver.edges();
    std::vector<std::size_t> order(edges.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return theta[a] > theta[b]; });
    std::vector<Eigen::Index> tree(at(solver.nodes()));
    std::iota(tree.begin(), tree.end(), Eigen::Index{0});
    for (const std::size_t e : order) {
        const Eigen::Index kept = tree[at(edges[e].from)], gone = tree[at(edges[e].to)];
        require(z[e] == (kept == gone ? 0 : 1), "the forest is Kruskal's");
        std::replace(tree.begin(), tree.end(), gone, kept);
    }
}

template <class Scalar>
void check_cut(const imle::graph_cut& solver, const std::vector<Scalar>& theta, const Scalar* z) {
    const auto edges = solver.edges();
    const std::size_t nodes = at(solver.nodes());
    const auto value = [&](auto&& label) {
        double sum = 0;
        for (std::size_t v = 0; v < nodes; ++v) sum += label(v) ? static_cast<double>(theta[v]) : 0;
        for (std::size_t e = 0; e < edges.size(); ++e)
            if (label(at(edges[e].from)) == label(at(edges[e].to)))
                sum += std::max(0.0, static_cast<double>(theta[nodes + e]));
        return sum;
    };
    for (std::size_t e = 0; e < edges.size(); ++e)
        require(z[nodes + e] == (z[edges[e].from] == z[edges[e].to] ? 1 : 0), "z says which edges agree");
    double best = 0;
    for (std::size_t labels = 0; labels < (std::size_t{1} << nodes); ++labels)
        best = std::max(best, value([&](std::size_t v) { return ((labels >> v) & 1) == 1; }));
    require(value([&](std::size_t v) { return z[v] == 1; }) >= best - rounding(theta),
            "the labelling is a best one");
}

/// The best sum of a matching of edges from this one on that leaves the nodes in `taken` alone.
template <class Scalar>
long double best_matching(const imle::matching& solver, const std::vector<Scalar>& theta, bool perfect,
                          unsigned taken) {
    // The first node that is free has a partner, or none.
    unsigned node = 0;
    while (node < static_cast<unsigned>(solver.nodes()) && ((taken >> node) & 1U) != 0) ++node;
    if (node == static_cast<unsigned>(solver.nodes())) return 0;
    long double best = perfect ? -std::numeric_limits<long double>::infinity()
                               : best_matching(solver, theta, perfect, taken | 1U << node);
    for (std::size_t e = 0; e < theta.size(); ++e) {
        const auto [from, to] = solver.edges()[e];
        const unsigned both = 1U << from | 1U << to;
        if (from == to || ((both >> node) & 1U) == 0 || (taken & both) != 0) continue;
        best = std::max(
            best, static_cast<long double>(theta[e]) + best_matching(solver, theta, perfect, taken | both));
    }
    return best;
}

template <class Scalar>
void check_matching(const imle::matching& solver, const std::vector<Scalar>& theta, const Scalar* z,
                    bool perfect) {
    unsigned taken = 0;
    long double sum = 0, size = 0;
    bool is_empty = true;
    for (std::size_t e = 0; e < theta.size(); ++e) {
        size += std::abs(static_cast<long double>(theta[e]));
        if (z[e] == 0) continue;
        const auto [from, to] = solver.edges()[e];
        const unsigned both = 1U << from | 1U << to;
        require(z[e] == 1 && from != to && (taken & both) == 0, "no two edges share a node");
        require(perfect || theta[e] > 0, "an edge is worth taking");
        taken |= both;
        sum += static_cast<long double>(theta[e]);
        is_empty = false;
    }
    const long double best = best_matching(solver, theta, perfect, 0);
    if (best == -std::numeric_limits<long double>::infinity())
        return require(is_empty, "no answer, so z is 0");
    require(!perfect || taken == (1U << solver.nodes()) - 1, "each node has a partner");
    require(sum >= best - size * std::numeric_limits<double>::epsilon(), "the matching is a best one");
}

/// Flows of one network, solved one after the other, each under another mask or none.
template <class Scalar>
void run_flow(Eigen::Index nodes, const std::vector<graph_edge>& edges, byte_source& bytes) {
    std::vector<std::int64_t> supplies(at(nodes)), capacities(edges.size());
    std::int64_t given = 0;
    for (std::int64_t& supply : supplies) given += supply = static_cast<std::int64_t>(bytes.choice(7)) - 3;
    if (bytes.choice(16) != 0 && nodes > 0) supplies.back() -= given;
    for (std::int64_t& capacity : capacities) {
        capacity = bytes.choice(9);
        if (capacity == 8) capacity = imle::min_cost_flow::unlimited;
        if (bytes.choice(64) == 63) capacity = bytes.take<std::int64_t>();
    }
    const imle::min_cost_flow original{imle::directed_graph{nodes, edges}, supplies, capacities};
    imle::min_cost_flow used = original;
    const unsigned kind = bytes.choice(5);
    const auto n = static_cast<Eigen::Index>(edges.size());
    Eigen::Tensor<Scalar, 1> theta(n), z(n), other(n);
    std::array<bool, 40> allowed{};
    for (unsigned solve = 0, count = 1 + bytes.choice(6); solve < count; ++solve) {
        if (solve == 0 || bytes.flag())
            for (bool& each : allowed) each = bytes.choice(8) != 0;
        const bool all = bytes.flag();
        for (Eigen::Index e = 0; e < n; ++e) theta(e) = bytes.number<Scalar>(kind);
        const auto may = [&](std::size_t e) { return all || allowed[e]; };
        const auto mask = all ? std::span<const bool>{} : std::span<const bool>(allowed).first(edges.size());
        imle::solve_status status{};
        try {
            status = used(theta, z, {.mask = mask});
        } catch (const std::invalid_argument&) {
            for (std::size_t e = 0; e < edges.size(); ++e)
                if (may(e) && !std::isfinite(theta.data()[e])) return;
            require(false, "finite scores are solved");
        }
        imle::min_cost_flow fresh = original;
        require(
            fresh(theta, other, {.mask = mask}) == status && std::equal(z.data(), z.data() + n, other.data()),
            "an answer does not depend on earlier ones");
        if (status != imle::solve_status::solved) {
            require(std::all_of(z.data(), z.data() + n, [](Scalar flow) { return flow == 0; }),
                    "without an answer z is zeros");
            continue;
        }
        if (kind == 0) continue;  // flows and sums of any bits are rounded
        std::vector<double> left(supplies.begin(), supplies.end()), gain(left.size(), 0);
        for (std::size_t e = 0; e < edges.size(); ++e) {
            const auto flow = static_cast<double>(z.data()[e]);
            if (flow > 0x1p20) return;
            require(flow >= 0 && flow == std::floor(flow) && (may(e) || flow == 0) &&
                        flow <= static_cast<double>(capacities[e]),
                    "z keeps to the capacities");
            left[at(edges[e].from)] -= flow;
            left[at(edges[e].to)] += flow;
        }
        for (const double rest : left) require(rest == 0, "z is a flow");
        bool changed = true;
        for (std::size_t round = 0; changed; ++round) {
            require(round <= left.size(), "no cycle gains");
            changed = false;
            const auto relax = [&](Eigen::Index from, Eigen::Index to, double score) {
                if (gain[at(from)] + score <= gain[at(to)]) return;
                gain[at(to)] = gain[at(from)] + score;
                changed = true;
            };
            for (std::size_t e = 0; e < edges.size(); ++e) {
                if (!may(e)) continue;
                const auto flow = static_cast<double>(z.data()[e]),
                           score = static_cast<double>(theta.data()[e]);
                if (flow < static_cast<double>(capacities[e])) relax(edges[e].from, edges[e].to, score);
                if (flow > 0) relax(edges[e].to, edges[e].from, -score);
            }
        }
    }
}

/// Solves all of a batch together and one by one, which agree, and checks each answer.
template <class Scalar, class SolverT, class CheckT>
void solve(SolverT solver, std::size_t edges, byte_source& bytes, CheckT&& check) {
    const std::size_t batch = 1 + bytes.choice(10);
    const unsigned kind = bytes.choice(5);
    std::vector<std::vector<Scalar>> thetas(batch);
    std::vector<std::vector<Scalar>> alone(batch, std::vector<Scalar>(edges));
    const auto n = static_cast<Eigen::Index>(edges);
    Eigen::Tensor<Scalar, 2, Eigen::RowMajor> all(static_cast<Eigen::Index>(batch), n), zs(all.dimensions());
    bool rejected = false;
    for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t e = 0; e < edges; ++e) thetas[b].push_back(bytes.number<Scalar>(kind));
        std::copy(thetas[b].begin(), thetas[b].end(), all.data() + b * edges);
        try {
            Eigen::TensorMap<const Eigen::Tensor<Scalar, 1, Eigen::RowMajor>> theta(thetas[b].data(), n);
            Eigen::TensorMap<Eigen::Tensor<Scalar, 1, Eigen::RowMajor>> z(alone[b].data(), n);
            solver(theta, z);
            check(solver, thetas[b], alone[b].data());
        } catch (const std::invalid_argument&) {
            rejected = true;
        }
    }
    if constexpr (requires { solver.solve_batch(all, zs); }) {
        bool batch_rejected = false;
        try {
            solver.solve_batch(all, zs);
        } catch (const std::invalid_argument&) {
            batch_rejected = true;
        }
        require(rejected == batch_rejected, "a batch is rejected if one of its instances is");
        for (std::size_t b = 0; b < batch && !rejected; ++b)
            require(std::equal(alone[b].begin(), alone[b].end(), zs.data() + b * edges),
                    "a batch gives the bits of single solves");
    }
}

/// Which words hang from which, where every word is its own head that is a root.
using heads = std::array<std::size_t, 5>;

bool is_tree(const heads& of, std::size_t words, imle::roots wanted) {
    std::size_t root_count = 0;
    for (std::size_t j = 0; j < words; ++j) {
        std::size_t at = j;
        for (std::size_t step = 0; step < words && of[at] != at; ++step) at = of[at];
        if (of[at] != at) return false;
        root_count += of[j] == j ? 1 : 0;
    }
    return wanted == imle::roots::any || root_count == 1;
}

/// No two arcs cross, a root's being one from in front of all words.
bool is_projective(const heads& of, std::size_t words) {
    const auto first = [&](std::size_t j) { return of[j] == j ? 0 : std::min(of[j], j) + 1; };
    const auto last = [&](std::size_t j) { return std::max(of[j], j) + 1; };
    for (std::size_t a = 0; a < words; ++a)
        for (std::size_t b = 0; b < words; ++b)
            if (first(a) < first(b) && first(b) < last(a) && last(a) < last(b)) return false;
    return true;
}

/// The family's marginals and a draw for the same sentence, whether it has a tree or not.
template <class FamilyT, class TensorT>
void check_family(const FamilyT& family, const TensorT& theta, const imle::solve_context& context,
                  const std::vector<std::size_t>& words, bool has_tree) {
    TensorT mu(theta.dimensions()), gradient(theta.dimensions()), z(theta.dimensions());
    try {
        family.marginals(theta, mu, context);
        family.marginals_vjp(theta, mu, gradient, context);
        family.sample(theta, imle::random_key{1}, 2, z, context);
        require(std::isfinite(family.entropy(theta, context)), "the entropy is finite");
    } catch (const std::invalid_argument&) {
        require(!has_tree, "a family has a law if there is a tree");
        return;
    }
    require(has_tree, "a family has no law without a tree");
    for (const std::size_t j : words) {
        double sum = 0, ones = 0;
        for (const std::size_t i : words) {
            const auto row = static_cast<Eigen::Index>(i), column = static_cast<Eigen::Index>(j);
            require(mu(row, column) >= 0 && std::isfinite(gradient(row, column)), "numbers are finite");
            sum += static_cast<double>(mu(row, column));
            ones += static_cast<double>(z(row, column));
        }
        require(std::abs(sum - 1) < 1e-5, "the marginals of a word add up to 1");
        require(ones == 1, "a draw has one head for each word");
    }
}

/// Solves one sentence of up to 5 words under a mask, and looks at all trees of the words that are there.
template <class Scalar>
void run_tree(byte_source& bytes) {
    const std::size_t n = bytes.choice(6);
    const auto wanted = bytes.flag() ? imle::roots::any : imle::roots::single;
    const unsigned kind = bytes.choice(5), forbids = bytes.choice(4);
    const bool projective = bytes.flag();
    const auto side = static_cast<Eigen::Index>(n);
    Eigen::Tensor<Scalar, 2, Eigen::RowMajor> theta(side, side), z(side, side);
    std::array<bool, 25> allowed;
    allowed.fill(true);
    for (std::size_t i = 0; i < n * n; ++i) {
        theta.data()[i] = bytes.number<Scalar>(kind);
        if (forbids > 0) allowed[i] = bytes.choice(4) >= forbids;
    }
    const imle::solve_context context{.mask = std::span<const bool>(allowed).first(n * n)};
    imle::solve_status status{};
    try {
        status = projective ? imle::projective_tree{{.roots = wanted}}(theta, z, context)
                            : imle::arborescence{{.roots = wanted}}(theta, z, context);
    } catch (const std::invalid_argument&) {
        for (std::size_t i = 0; i < n * n; ++i)
            if (allowed[i] && !std::isfinite(theta.data()[i])) return;
        require(false, "finite scores are solved");
    }
    std::vector<std::size_t> words;
    for (std::size_t word = 0; word < n; ++word)
        for (std::size_t other = 0; other < n; ++other)
            if (allowed[word * n + other] || allowed[other * n + word]) {
                words.push_back(word);
                break;
            }
    const std::size_t m = words.size();
    heads found{}, other{};
    std::size_t ones = 0;
    for (std::size_t i = 0; i < m; ++i)
        for (std::size_t j = 0; j < m; ++j) {
            const std::size_t at = words[i] * n + words[j];
            require(z.data()[at] == 0 || (z.data()[at] == 1 && allowed[at]), "z is 0, or 1 where allowed");
            if (z.data()[at] == 0) continue;
            found[j] = i;
            ++ones;
        }
    const auto value = [&](const heads& of) {
        long double sum = 0;
        for (std::size_t j = 0; j < m; ++j) {
            const std::size_t at = words[of[j]] * n + words[j];
            if (!allowed[at]) return -std::numeric_limits<long double>::infinity();
            sum += static_cast<long double>(theta.data()[at]);
        }
        return sum;
    };
    long double best = -std::numeric_limits<long double>::infinity(), size = 0;
    while (true) {
        if (is_tree(other, m, wanted) && (!projective || is_projective(other, m)))
            best = std::max(best, value(other));
        std::size_t j = 0;
        while (j < m && ++other[j] == m) other[j++] = 0;
        if (j == m) break;
    }
    if (m == 0) best = 0;
    const bool has_tree = status != imle::solve_status::infeasible;
    if (projective)
        check_family(imle::projective_tree_family{{.roots = wanted}}, theta, context, words, has_tree);
    else
        check_family(imle::arborescence_family{{.roots = wanted}}, theta, context, words, has_tree);
    if (!has_tree) {
        require(ones == 0 && best == -std::numeric_limits<long double>::infinity(),
                "a tree that is there is found");
        return;
    }
    require(ones == m && (m == 0 || is_tree(found, m, wanted)), "z is a tree");
    require(!projective || is_projective(found, m), "arcs do not cross");
    for (std::size_t i = 0; i < n * n; ++i)
        if (allowed[i]) size += std::abs(static_cast<long double>(theta.data()[i]));
    require(value(found) >= best - size * std::numeric_limits<double>::epsilon(), "the tree is a best one");
}

template <class Scalar>
void run(byte_source& bytes) {
    if (bytes.choice(4) == 0) return run_tree<Scalar>(bytes);
    const auto node = [&](Eigen::Index nodes) {
        return static_cast<Eigen::Index>(bytes.choice(static_cast<unsigned>(nodes) + 1)) -
               (bytes.choice(32) == 0 ? 1 : 0);
    };
    const auto nodes = static_cast<Eigen::Index>(bytes.choice(12));
    std::vector<graph_edge> edges(bytes.choice(40));
    const bool forward = bytes.flag();  // no cycles
    for (graph_edge& edge : edges) {
        edge = {node(nodes), node(nodes)};
        if (forward && edge.from > edge.to) std::swap(edge.from, edge.to);
        if (bytes.choice(16) != 0 && nodes > 0)
            edge = {std::clamp<Eigen::Index>(edge.from, 0, nodes - 1),
                    std::clamp<Eigen::Index>(edge.to, 0, nodes - 1)};
    }
    if (bytes.choice(4) == 0) {
        // At most 8 nodes: the oracle looks at all matchings.
        const Eigen::Index few = std::min<Eigen::Index>(nodes, 8);
        if (few < nodes)
            for (graph_edge& edge : edges) edge = {edge.from % few, edge.to % few};
        const bool perfect = bytes.flag();
        solve<Scalar>(imle::matching{few, edges, {.perfect = perfect}}, edges.size(), bytes,
                      [perfect](const auto& solver, const auto& theta, const Scalar* z) {
                          check_matching(solver, theta, z, perfect);
                      });
    } else if (bytes.choice(4) == 1) {
        run_flow<Scalar>(nodes, edges, bytes);
    } else if (bytes.flag()) {
        solve<Scalar>(imle::spanning_tree{nodes, edges}, edges.size(), bytes, check_forest<Scalar>);
    } else if (bytes.flag()) {
        const auto negative =
            bytes.choice(4) == 0 ? imle::negative_scores::reject : imle::negative_scores::clamp;
        solve<Scalar>(imle::graph_cut{nodes, edges, {negative}}, at(nodes) + edges.size(), bytes,
                      check_cut<Scalar>);
    } else {
        const Eigen::Index source = node(nodes), target = node(nodes);
        const auto negative =
            bytes.choice(4) == 0 ? imle::negative_costs::reject : imle::negative_costs::clamp;
        solve<Scalar>(imle::shortest_path{imle::directed_graph{nodes, edges}, source, target, {negative}},
                      edges.size(), bytes, check_path<Scalar>);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    byte_source bytes({data, size});
    try {
        if (bytes.flag())
            run<float>(bytes);
        else
            run<double>(bytes);
    } catch (const std::invalid_argument&) {  // the graph, the source or the target
    }
    return 0;
}
