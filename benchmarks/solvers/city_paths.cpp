// Cheapest paths through a generated city, beside a textbook's and Boost's Dijkstra, both of which end at the
// target. Costs are drawn afresh for each pair. Prints Markdown; `sh benchmarks/solvers.sh` runs it.
//
//   imle_city_paths [EDGES...]    about as many edges; 100,000 and 1,000,000 if none are given

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <imle/core/tensor.hpp>
#include <imle/noise/uniform.hpp>
#include <imle/solvers/all_or_nothing.hpp>
#include <imle/solvers/shortest_path.hpp>
#include <imle/solvers/shortest_paths.hpp>

#include "shapes.hpp"
#include "textbook.hpp"

#if defined(IMLE_BENCHMARK_BOOST)
#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#endif

namespace imle_benchmarks {
namespace {

constexpr std::size_t pair_count = 8;
constexpr int repetitions = 5;

/// Milliseconds of CPU time: the least of some repetitions.
template <class F>
double time_of(F&& f) {
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < repetitions; ++i) {
        const std::clock_t start = std::clock();
        f();
        least = std::min(least, 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    return least;
}

#if defined(IMLE_BENCHMARK_BOOST)
/// Dijkstra's algorithm by Boost.Graph on its compact graph, which ends at the target by an exception.
class boost_paths {
  public:
    explicit boost_paths(const imle::directed_graph& graph)
        : ends_(sorted(graph)),
          graph_(boost::edges_are_sorted, ends_.begin(), ends_.end(), static_cast<int>(graph.nodes())),
          weights_(graph.edges().size()),
          distances_(static_cast<std::size_t>(graph.nodes())),
          before_(distances_.size()) {}

    float operator()(imle::od_pair pair, const float* theta) {
        for (std::size_t i = 0; i < order_.size(); ++i)
            weights_[i] = -theta[static_cast<std::size_t>(order_[i])];
        const auto by_node = get(boost::vertex_index, graph_);
        try {
            boost::dijkstra_shortest_paths(
                graph_, static_cast<int>(pair.from),
                boost::weight_map(
                    boost::make_iterator_property_map(weights_.begin(), get(boost::edge_index, graph_)))
                    .distance_map(boost::make_iterator_property_map(distances_.begin(), by_node))
                    .predecessor_map(boost::make_iterator_property_map(before_.begin(), by_node))
                    .visitor(visitor{{}, static_cast<int>(pair.to)}));
        } catch (const arrived&) {
        }
        return distances_[static_cast<std::size_t>(pair.to)];
    }

  private:
    struct arrived {};
    struct visitor : boost::dijkstra_visitor<> {
        int target;
        visitor(boost::dijkstra_visitor<> base, int to) : boost::dijkstra_visitor<>(base), target(to) {}
        template <class GraphT>
        void examine_vertex(int node, const GraphT&) const {
            if (node == target) throw arrived{};
        }
    };

    /// The edges by the nodes that they leave; order_ tells which they are.
    std::vector<std::pair<int, int>> sorted(const imle::directed_graph& graph) {
        std::vector<std::pair<int, int>> ends;
        for (Eigen::Index node = 0; node < graph.nodes(); ++node)
            for (const Eigen::Index e : graph.out_edges(node)) {
                order_.push_back(e);
                ends.emplace_back(static_cast<int>(node),
                                  static_cast<int>(graph.edges()[static_cast<std::size_t>(e)].to));
            }
        return ends;
    }

    std::vector<Eigen::Index> order_;
    std::vector<std::pair<int, int>> ends_;
    boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, boost::no_property, int, int>
        graph_;
    std::vector<float> weights_, distances_;
    std::vector<int> before_;
};
#endif

template <class Scalar>
class costs_and_path {
  public:
    explicit costs_and_path(std::vector<float> rewards)
        : theta_(rewards.begin(), rewards.end()), z_(theta_.size()) {}

    template <class SolverT>
    void solve(SolverT& solver, std::uint64_t id) {
        const auto n = static_cast<Eigen::Index>(theta_.size());
        const imle::const_view<Scalar, 1, Eigen::RowMajor> theta(theta_.data(), n);
        imle::mutable_view<Scalar, 1, Eigen::RowMajor> z(z_.data(), n);
        solver(theta, z, imle::solve_context{.id = id});
    }
    [[nodiscard]] const Scalar* theta() const { return theta_.data(); }
    [[nodiscard]] Scalar* z() { return z_.data(); }

  private:
    std::vector<Scalar> theta_, z_;
};

std::vector<float> fresh_rewards(const city_shape& shape, std::uint64_t seed) {
    std::vector<float> rewards(shape.times.size());
    imle::uniform{-1.5, -0.5}.fill(imle::random_key{seed}, 0, std::span<float>(rewards));
    for (std::size_t e = 0; e < rewards.size(); ++e) rewards[e] *= shape.times[e];
    return rewards;
}

void print_row(const char* name, double ms, double textbook, double boost) {
    const auto ratio = [&](double other) {
        char text[16];
        std::snprintf(text, sizeof text, "%.1f", other / ms);
        return other > 0 ? std::string(text) : std::string("–");
    };
    std::printf("| %s | %.3g | %s | %s |\n", name, ms, ratio(textbook).c_str(), ratio(boost).c_str());
}

void measure(double edges) {
    const auto side = static_cast<Eigen::Index>(std::lround(std::sqrt(edges / 4.68)));
    const city_shape shape = city(std::max<Eigen::Index>(side, 9));
    const imle::directed_graph& graph = shape.graph;
    std::vector<imle::od_pair> pairs, fan;
    std::vector<imle::demand> demands;
    std::vector<double> ends(2 * pair_count);
    imle::uniform{0.0, 1.0}.fill(imle::random_key{5}, 0, std::span<double>(ends));
    for (std::size_t i = 0; i < pair_count; ++i) {
        const auto crossing = [&](double at) {
            return static_cast<Eigen::Index>(at * static_cast<double>(side * side));
        };
        pairs.push_back({crossing(ends[2 * i]), crossing(ends[2 * i + 1])});
        fan.push_back({pairs[0].from, pairs[i].to});
        demands.push_back({pairs[0].from, pairs[i].to, 1.0});
    }

    std::clock_t start = std::clock();
    const auto milliseconds = [&] {
        return 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    };
    costs_and_path<float> first(fresh_rewards(shape, 99));
    start = std::clock();
    imle::shortest_paths solver{graph, pairs};
    first.solve(solver, 0);
    const double first_of_pairs = milliseconds();
    start = std::clock();
    imle::shortest_path made{graph, pairs[0].from, pairs[0].to};
    first.solve(made, 0);
    const double first_of_pair = milliseconds();

    textbook_solvers::graph_path plain{graph, 0, 0, {}, {}};
    double single = 0, in_double = 0, alone = 0, textbook = 0, boost = 0;
#if defined(IMLE_BENCHMARK_BOOST)
    boost_paths by_boost(graph);
#endif
    for (std::size_t i = 0; i < pair_count; ++i) {
        const auto rewards = fresh_rewards(shape, 100 + i);
        costs_and_path<float> one(rewards);
        single += time_of([&] { one.solve(solver, i); });
        costs_and_path<double> exact(rewards);
        in_double += time_of([&] { exact.solve(solver, i); });
        imle::shortest_path own{graph, pairs[i].from, pairs[i].to};
        alone += time_of([&] { one.solve(own, 0); });
        plain.source = pairs[i].from;
        plain.target = pairs[i].to;
        textbook += time_of([&] { plain(one.theta(), one.z()); });
#if defined(IMLE_BENCHMARK_BOOST)
        boost += time_of([&] { by_boost(pairs[i], one.theta()); });
#endif
    }

    imle::shortest_paths from_one{graph, fan};
    const auto n = static_cast<Eigen::Index>(graph.edges().size());
    const auto rewards = fresh_rewards(shape, 100);
    std::vector<float> thetas, zs(pair_count * rewards.size());
    std::vector<imle::solve_context> contexts(pair_count);
    for (std::size_t i = 0; i < pair_count; ++i) {
        thetas.insert(thetas.end(), rewards.begin(), rewards.end());
        contexts[i].id = i;
    }
    const imle::const_view<float, 2, Eigen::RowMajor> theta_view(thetas.data(), pair_count, n);
    imle::mutable_view<float, 2, Eigen::RowMajor> z_view(zs.data(), pair_count, n);
    const double together = time_of([&] { from_one.solve_batch(theta_view, z_view, contexts); });
    imle::all_or_nothing flows{graph, demands};
    costs_and_path<float> one(rewards);
    const double assigned = time_of([&] { one.solve(flows, 0); });

    constexpr double each = pair_count;
    textbook /= each;
    boost /= each;
    std::printf(
        "Milliseconds a pair (CPU time; a generated city of %ld nodes and %ld edges, fresh costs).\n\n"
        "| way | ms | textbook's time by it | Boost's |\n|---|---|---|---|\n",
        static_cast<long>(graph.nodes()), static_cast<long>(n));
    print_row("`shortest_paths`, `float`", single / each, textbook, boost);
    print_row("`shortest_paths`, `double`", in_double / each, textbook, boost);
    print_row("`shortest_path`, `float`", alone / each, textbook, boost);
    print_row("`shortest_paths`, 8 pairs of one origin and theta in a batch", together / each, textbook,
              boost);
    print_row("`all_or_nothing`, 8 demands of one origin", assigned / each, textbook, boost);
    print_row("`shortest_paths`, made and solved once", first_of_pairs, textbook, boost);
    print_row("`shortest_path`, made and solved once", first_of_pair, textbook, boost);
    print_row("textbook's Dijkstra, ends at the target", textbook, textbook, boost);
    if (boost > 0) print_row("Boost's Dijkstra, ends at the target", boost, textbook, boost);
    std::printf("\n");
}

}  // namespace
}  // namespace imle_benchmarks

int main(int count, char** arguments) {
    if (count < 2)
        for (const double edges : {1e5, 1e6}) imle_benchmarks::measure(edges);
    for (int i = 1; i < count; ++i) {
        const double edges = std::atof(arguments[i]);
        if (!(edges >= 400 && edges <= 1e8)) {
            std::fprintf(stderr, "'%s' is no number of edges from 400 to 1e8\n", arguments[i]);
            return 2;
        }
        imle_benchmarks::measure(edges);
    }
    return 0;
}
