// The problems that Boost.Graph solves.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/boykov_kolmogorov_max_flow.hpp>
#include <boost/graph/maximum_weighted_matching.hpp>
#include <boost/graph/successive_shortest_path_nonnegative_weights.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <imle/adapters/boost_graph.hpp>
#include <imle/core/tensor.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/spanning_tree.hpp>

#include "problem.hpp"
#include "shapes.hpp"

namespace imle_benchmarks {
namespace {

template <class SolverT>
void add(problem& to, SolverT solver) {
    add_way(to, by_boost, [solver, n = to.n()](const float* theta, float* z) mutable {
        imle::const_view<float, 1, Eigen::RowMajor> theta_view(theta, n);
        imle::mutable_view<float, 1, Eigen::RowMajor> z_view(z, n);
        solver(theta_view, z_view);
    });
}

/// Boost's matching. It compares sums of weights for equality, so it gets integers: theta divided by its
/// largest value, rounded to 40 bits, times 4, because it halves them.
class boost_matching {
  public:
    boost_matching(Eigen::Index nodes, std::vector<imle::graph_edge> edges)
        : nodes_(nodes), edges_(std::move(edges)) {}

    void operator()(const float* theta, float* z) {
        graph_type graph(static_cast<std::size_t>(nodes_));
        const double largest = *std::max_element(theta, theta + edges_.size());
        for (std::size_t e = 0; e < edges_.size(); ++e) {
            const std::int64_t weight =
                theta[e] <= 0 ? 0 : 4 * std::llround(std::ldexp(static_cast<double>(theta[e]) / largest, 40));
            if (weight > 0)
                boost::add_edge(static_cast<std::size_t>(edges_[e].from),
                                static_cast<std::size_t>(edges_[e].to), weight, graph);
        }
        mates_.assign(static_cast<std::size_t>(nodes_), boost::graph_traits<graph_type>::null_vertex());
        boost::maximum_weighted_matching(graph, mates_.data());
        for (std::size_t e = 0; e < edges_.size(); ++e)
            z[e] = theta[e] > 0 && mates_[static_cast<std::size_t>(edges_[e].from)] ==
                                       static_cast<std::size_t>(edges_[e].to)
                       ? 1.0F
                       : 0.0F;
    }

  private:
    using graph_type = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, boost::no_property,
                                             boost::property<boost::edge_weight_t, std::int64_t>>;
    Eigen::Index nodes_;
    std::vector<imle::graph_edge> edges_;
    std::vector<std::size_t> mates_;
};

/// Whether Boost's matching (until the answer to boostorg/graph#399) solves these instances without a crash,
/// a failed assertion or an endless search: another process tries.
bool survives(problem& to, boost_matching solver) {
    const pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) {
        alarm(20);
        for (Eigen::Index b = 0; b < 4 * to.batch; ++b)
            solver(to.thetas.data() + b % to.batch * to.n(), to.zs.data());
        _exit(0);
    }
    int status = 1;
    return waitpid(child, &status, 0) == child && status == 0;
}

void add_matching(problem& to, Eigen::Index nodes, const std::vector<imle::graph_edge>& edges) {
    const boost_matching solver(nodes, edges);
    if (survives(to, solver)) add_way(to, by_boost, solver);
}

/// Flows by successive shortest paths, from a source of all supplies to a sink of all demands.
class boost_flow {
  public:
    explicit boost_flow(const flow_shape& shape)
        : shape_(shape), graph_(static_cast<std::size_t>(shape.graph.nodes()) + 2) {
        const auto nodes = static_cast<std::size_t>(shape.graph.nodes());
        for (std::size_t e = 0; e < shape.capacities.size(); ++e) {
            const auto& [from, to] = shape.graph.edges()[e];
            add(static_cast<std::size_t>(from), static_cast<std::size_t>(to), shape.capacities[e]);
        }
        for (std::size_t v = 0; v < nodes; ++v) {
            if (shape.supplies[v] > 0) add(nodes, v, shape.supplies[v]);
            if (shape.supplies[v] < 0) add(v, nodes + 1, -shape.supplies[v]);
        }
    }

    void operator()(const float* theta, float* z) {
        for (std::size_t e = 0; e < shape_.capacities.size(); ++e) {
            // Integers: rounding would make reduced costs negative, which Boost's Dijkstra rejects.
            const auto cost = static_cast<std::int64_t>(-theta[e] * 0x1p27f);
            boost::put(boost::edge_weight, graph_, arcs_[e], cost);
            boost::put(boost::edge_weight, graph_, boost::get(boost::edge_reverse, graph_, arcs_[e]), -cost);
        }
        const std::size_t sink = boost::num_vertices(graph_) - 1;
        boost::successive_shortest_path_nonnegative_weights(graph_, sink - 1, sink);
        for (std::size_t e = 0; e < shape_.capacities.size(); ++e)
            z[e] = static_cast<float>(shape_.capacities[e] -
                                      boost::get(boost::edge_residual_capacity, graph_, arcs_[e]));
    }

  private:
    using traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
    using edge = traits::edge_descriptor;
    using graph = boost::adjacency_list<
        boost::vecS, boost::vecS, boost::directedS, boost::no_property,
        boost::property<
            boost::edge_capacity_t, std::int64_t,
            boost::property<boost::edge_residual_capacity_t, std::int64_t,
                            boost::property<boost::edge_reverse_t, edge,
                                            boost::property<boost::edge_weight_t, std::int64_t>>>>>;

    void add(std::size_t from, std::size_t to, std::int64_t capacity) {
        const edge there = boost::add_edge(from, to, graph_).first,
                   back = boost::add_edge(to, from, graph_).first;
        boost::put(boost::edge_capacity, graph_, there, capacity);
        boost::put(boost::edge_capacity, graph_, back, 0);
        boost::put(boost::edge_reverse, graph_, there, back);
        boost::put(boost::edge_reverse, graph_, back, there);
        boost::put(boost::edge_weight, graph_, there, 0);
        boost::put(boost::edge_weight, graph_, back, 0);
        arcs_.push_back(there);
    }

    flow_shape shape_;
    graph graph_;
    std::vector<edge> arcs_;
};

/// Minimum cuts of a square picture, by Boykov and Kolmogorov's maximum flow. Pixels on the source's side
/// have label 1.
class boost_cut {
  public:
    explicit boost_cut(Eigen::Index side)
        : nodes_(static_cast<std::size_t>(side * side)), edges_(picture_edges(side)), graph_(nodes_ + 2) {
        for (std::size_t v = 0; v < nodes_; ++v) {
            add(nodes_, v);
            add(v, nodes_ + 1);
        }
        for (const auto& [from, to] : edges_)
            add(static_cast<std::size_t>(from), static_cast<std::size_t>(to));
    }

    void operator()(const float* theta, float* z) {
        for (std::size_t v = 0; v < nodes_; ++v) {
            set(2 * v, std::max(theta[v], 0.0F), 0);
            set(2 * v + 1, std::max(-theta[v], 0.0F), 0);
        }
        for (std::size_t e = 0; e < edges_.size(); ++e) {
            const float score = std::max(theta[nodes_ + e], 0.0F);
            set(2 * nodes_ + e, score, score);
        }
        boost::boykov_kolmogorov_max_flow(graph_, nodes_, nodes_ + 1);
        const auto colors = boost::get(boost::vertex_color, graph_);
        const auto source_color = boost::get(colors, nodes_);
        for (std::size_t v = 0; v < nodes_; ++v) z[v] = boost::get(colors, v) == source_color ? 1.0F : 0.0F;
        for (std::size_t e = 0; e < edges_.size(); ++e)
            z[nodes_ + e] = z[edges_[e].from] == z[edges_[e].to] ? 1.0F : 0.0F;
    }

  private:
    using traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
    using edge = traits::edge_descriptor;
    using graph = boost::adjacency_list<
        boost::vecS, boost::vecS, boost::directedS,
        boost::property<boost::vertex_color_t, boost::default_color_type,
                        boost::property<boost::vertex_distance_t, long,
                                        boost::property<boost::vertex_predecessor_t, edge>>>,
        boost::property<boost::edge_capacity_t, float,
                        boost::property<boost::edge_residual_capacity_t, float,
                                        boost::property<boost::edge_reverse_t, edge>>>>;

    void add(std::size_t from, std::size_t to) {
        const edge there = boost::add_edge(from, to, graph_).first,
                   back = boost::add_edge(to, from, graph_).first;
        boost::put(boost::edge_reverse, graph_, there, back);
        boost::put(boost::edge_reverse, graph_, back, there);
        arcs_.emplace_back(there, back);
    }
    void set(std::size_t arc, float there, float back) {
        boost::put(boost::edge_capacity, graph_, arcs_[arc].first, there);
        boost::put(boost::edge_capacity, graph_, arcs_[arc].second, back);
    }

    std::size_t nodes_;
    std::vector<imle::graph_edge> edges_;
    graph graph_;
    std::vector<std::pair<edge, edge>> arcs_;
};

}  // namespace

void add_boost_ways(const problem_list& problems) {
    const auto add_path = [](problem& to, const imle::directed_graph& graph) {
        add(to, imle::boost_shortest_path(graph, 0, graph.nodes() - 1));
    };
    for (const auto& each : problems) {
        problem& to = *each;
        if (to.solver == "shortest_path") {
            if (to.size == "5 x 5, right and down") add_path(to, imle::monotone_grid_graph(5, 5));
            if (to.size == "16 x 16, right and down") add_path(to, imle::monotone_grid_graph(16, 16));
            if (to.size == "16 x 16, 8 neighbours") add_path(to, imle::grid_graph(16, 16));
            if (to.size == "1,000 nodes, 4,000 edges") add_path(to, random_graph(1000));
            if (to.size == "10,000 nodes, 40,000 edges") add_path(to, random_graph(10000));
        } else if (to.solver == "graph_cut") {
            // Its edges refer to one another, so copies would not do.
            add_way(to, by_boost,
                    [cut = std::make_shared<boost_cut>(std::stol(to.size))](const float* theta, float* z) {
                        (*cut)(theta, z);
                    });
        } else if (to.solver == "min_cost_flow") {
            for (const flow_shape& shape : flow_shapes())
                if (to.size == shape.size)
                    add_way(to, by_boost,
                            [flow = std::make_shared<boost_flow>(shape)](const float* theta, float* z) {
                                (*flow)(theta, z);
                            });
        } else if (to.solver == "spanning_tree") {
            const Eigen::Index nodes = std::stol(to.size);
            add(to, imle::boost_spanning_tree(nodes, imle::complete_graph_edges(nodes)));
        } else if (to.solver == "matching") {
            const Eigen::Index nodes = std::stol(to.size);
            const bool sparse = to.size == "200 nodes, 800 edges";
            add_matching(to, nodes, sparse ? sparse_edges(nodes, 800) : imle::complete_graph_edges(nodes));
        }
    }
}

}  // namespace imle_benchmarks
