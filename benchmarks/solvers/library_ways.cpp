// The problems, solved by this library's solvers and by the textbook's.

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <imle/imle.hpp>

#include "problem.hpp"
#include "shapes.hpp"
#include "textbook.hpp"

namespace imle_benchmarks {
namespace {

template <int Rank>
using dimensions = Eigen::DSizes<Eigen::Index, Rank>;
template <int Rank>
using const_map = imle::const_view<float, Rank, Eigen::RowMajor>;
template <int Rank>
using map = imle::mutable_view<float, Rank, Eigen::RowMajor>;

/// One type for all solvers of a rank: the layer is then compiled once for each.
template <int Rank>
struct any_solver {
    std::function<void(const_map<Rank>&, map<Rank>&)> single;
    std::function<void(const_map<Rank + 1>&, map<Rank + 1>&)> batch;

    void operator()(const_map<Rank>& theta, map<Rank>& z) { single(theta, z); }
    void solve_batch(const_map<Rank + 1>& thetas, map<Rank + 1>& zs) { batch(thetas, zs); }
};

template <int Rank>
dimensions<Rank> instance_of(const problem& from) {
    dimensions<Rank> result;
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = from.instance[i];
    return result;
}
template <int Rank>
dimensions<Rank + 1> batch_of(const problem& from, Eigen::Index count) {
    dimensions<Rank + 1> result;
    result[0] = count;
    for (std::size_t i = 0; i < from.instance.size(); ++i) result[i + 1] = from.instance[i];
    return result;
}

template <int Rank, class SolverT>
void add_library_ways(problem& to, SolverT solver) {
    problem* const self = &to;
    add_way(to, one_by_one, [solver, shape = instance_of<Rank>(to)](const float* theta, float* z) mutable {
        const_map<Rank> theta_view(theta, shape);
        map<Rank> z_view(z, shape);
        solver(theta_view, z_view);
    });
    if constexpr (imle::BatchSolver<SolverT, float, Rank, Eigen::RowMajor>) {
        // As the layer gives them, 64 at a time.
        to.ways.push_back({in_batches, [self, solver]() mutable {
                               for (Eigen::Index done = 0; done < self->batch; done += 64) {
                                   const auto shape =
                                       batch_of<Rank>(*self, std::min<Eigen::Index>(64, self->batch - done));
                                   const_map<Rank + 1> thetas(self->thetas.data() + done * self->n(), shape);
                                   map<Rank + 1> zs(self->zs.data() + done * self->n(), shape);
                                   solver.solve_batch(thetas, zs);
                               }
                           }});
    }
    any_solver<Rank> any;
    any.single = solver;
    if constexpr (imle::BatchSolver<SolverT, float, Rank, Eigen::RowMajor>)
        any.batch = [solver](const_map<Rank + 1>& thetas, map<Rank + 1>& zs) mutable {
            solver.solve_batch(thetas, zs);
        };
    else
        any.batch = [solver, shape = instance_of<Rank>(to), n = to.n()](const_map<Rank + 1>& thetas,
                                                                        map<Rank + 1>& zs) mutable {
            for (Eigen::Index b = 0; b < thetas.dimension(0); ++b) {
                const_map<Rank> theta(thetas.data() + b * n, shape);
                map<Rank> z(zs.data() + b * n, shape);
                solver(theta, z);
            }
        };
    // Without noise and with one sample a layer's forward pass is its solves, on two threads.
    using layer_type = imle::imle_layer<any_solver<Rank>, imle::no_noise, imle::perturbation_target>;
    using tensor = Eigen::Tensor<float, Rank + 1, Eigen::RowMajor>;
    struct held {
        layer_type layer;
        tensor theta;
        imle::sampled_pass<float, Rank + 1, Eigen::RowMajor> pass;
    };
    // Made by the first call: of large instances the layer holds much.
    to.ways.push_back(
        {two_threads,
         [self, any, shape = batch_of<Rank>(to, to.batch), kept = std::shared_ptr<held>()]() mutable {
             if (!kept) {
                 layer_type layer{any, imle::no_noise{}, imle::perturbation_target{}, {.threads = 2}};
                 tensor theta = const_map<Rank + 1>(self->thetas.data(), shape);
                 auto pass = layer.forward(theta, imle::random_key{0});
                 kept = std::make_shared<held>(held{std::move(layer), std::move(theta), std::move(pass)});
             }
             kept->layer.forward_into(kept->theta, imle::random_key{0}, kept->pass);
         }});
}

std::string by(Eigen::Index rows, Eigen::Index cols) {
    return std::to_string(rows) + " x " + std::to_string(cols);
}

/// Costs of maps that are one corridor: walls cross every other line, rows and columns in turn.
std::vector<float> corridors(Eigen::Index batch, Eigen::Index side) {
    std::vector<float> thetas = random_costs(batch * side * side, 1);
    for (Eigen::Index b = 0, i = 0; b < batch; ++b)
        for (Eigen::Index r = 0; r < side; ++r)
            for (Eigen::Index c = 0; c < side; ++c, ++i) {
                const Eigen::Index line = b % 2 == 0 ? r : c, place = b % 2 == 0 ? c : r;
                if (line % 2 == 1 && place != (line % 4 == 1 ? side - 1 : 0))
                    thetas[static_cast<std::size_t>(i)] = -1e6F;
            }
    return thetas;
}

class collection {
  public:
    template <int Rank, class SolverT, class TextbookT>
    void add(std::string solver, std::string size, std::vector<Eigen::Index> instance, Eigen::Index batch,
             bool costs, SolverT own, TextbookT plain, std::vector<float> thetas = {}) {
        problem next;
        next.solver = std::move(solver);
        next.size = std::move(size);
        next.instance = std::move(instance);
        next.batch = batch;
        if (thetas.empty())
            thetas = costs ? random_costs(batch * next.n(), 1) : random_rewards(batch * next.n(), 1);
        next.thetas = std::move(thetas);
        next.zs.resize(next.thetas.size());
        // Ways point to their problem: it must not move any more.
        problems.push_back(std::make_unique<problem>(std::move(next)));
        add_library_ways<Rank>(*problems.back(), std::move(own));
        if constexpr (!std::is_same_v<TextbookT, std::nullptr_t>)
            add_way(*problems.back(), textbook, std::move(plain));
    }

    problem_list problems;
};

}  // namespace

problem_list library_problems() {
    namespace plain = textbook_solvers;
    collection all;
    for (const Eigen::Index side : {12, 16, 30, 64, 128, 256, 512, 1024}) {
        const int cells = static_cast<int>(side);
        const Eigen::Index batch = side < 60 ? 512 : side < 100 ? 64 : 16;
        all.add<2>("grid_shortest_path", by(side, side), {side, side}, batch, true,
                   imle::grid_shortest_path{}, plain::grid_dijkstra{cells, cells, {}, {}});
        if (side == 16)
            all.add<2>("grid_shortest_path<16, 16>", by(side, side), {side, side}, batch, true,
                       imle::grid_shortest_path<16, 16>{}, plain::grid_dijkstra{cells, cells, {}, {}});
    }
    for (const Eigen::Index side : {8, 16, 32}) {
        const int cells = static_cast<int>(side);
        all.add<2>("grid_shortest_path", by(side, side) + ", a corridor", {side, side}, 512, true,
                   imle::grid_shortest_path{}, plain::grid_dijkstra{cells, cells, {}, {}},
                   corridors(512, side));
    }
    const auto add_path = [&](const std::string& size, const imle::directed_graph& graph,
                              Eigen::Index batch) {
        const Eigen::Index target = graph.nodes() - 1,
                           edges = static_cast<Eigen::Index>(graph.edges().size());
        all.add<1>("shortest_path", size, {edges}, batch, true, imle::shortest_path{graph, 0, target},
                   plain::graph_path{graph, 0, target, {}, {}});
    };
    add_path("5 x 5, right and down", imle::monotone_grid_graph(5, 5), 512);
    add_path("16 x 16, right and down", imle::monotone_grid_graph(16, 16), 512);
    add_path("16 x 16, 8 neighbours", imle::grid_graph(16, 16), 512);
    add_path("1,000 nodes, 4,000 edges", random_graph(1000), 64);
    add_path("10,000 nodes, 40,000 edges", random_graph(10000), 16);

    for (const Eigen::Index n : {10, 50})
        all.add<1>("categorical", "1 of " + std::to_string(n), {n}, 512, false, imle::categorical{},
                   plain::one_of_groups{1, static_cast<std::size_t>(n)});
    for (const auto& [n, k] : {std::pair{5, 2}, std::pair{10, 5}, std::pair{50, 5}, std::pair{50, 10},
                               std::pair{350, 10}, std::pair{5000, 50}})
        all.add<1>("top_k", std::to_string(k) + " of " + std::to_string(n), {n}, 512, false, imle::top_k{k},
                   plain::largest{static_cast<std::size_t>(k), static_cast<std::size_t>(n), {}});
    all.add<1>("top_k<10>", "10 of 350", {350}, 512, false, imle::top_k<10>{}, plain::largest{10, 350, {}});
    for (const Eigen::Index n : {10, 50, 350, 5000})
        all.add<1>("ranking", std::to_string(n), {n}, n > 1000 ? 64 : 512, false, imle::ranking{},
                   plain::ranks{static_cast<std::size_t>(n), {}});
    for (const auto& [groups, members] : {std::pair{20, 5}, std::pair{16, 16}, std::pair{64, 64}})
        all.add<2>("k_of_groups",
                   "1 of each " + std::to_string(members) + ", " + std::to_string(groups) + " groups",
                   {groups, members}, 512, false, imle::k_of_groups{},
                   plain::one_of_groups{static_cast<std::size_t>(groups), static_cast<std::size_t>(members)});
    for (const Eigen::Index n : {5, 10, 20, 50, 200})
        all.add<2>("assignment", by(n, n), {n, n},
                   n > 100  ? 16
                   : n > 20 ? 64
                            : 512,
                   false, imle::assignment{}, plain::hungarian{static_cast<std::size_t>(n)});
    for (const auto& [steps, labels] :
         {std::pair{20, 3}, std::pair{20, 8}, std::pair{40, 16}, std::pair{40, 64}})
        all.add<3>(
            "linear_chain", std::to_string(steps) + " steps, " + std::to_string(labels) + " labels",
            {steps, labels, labels}, labels > 32 ? 64 : 512, false, imle::linear_chain{},
            plain::viterbi{static_cast<std::size_t>(steps), static_cast<std::size_t>(labels), {}, {}, {}});
    all.add<4>("semi_markov_chain", "20 steps, 6 widths, 5 labels", {20, 6, 5, 5}, 512, false,
               imle::semi_markov_chain{6}, plain::semi_viterbi{20, 6, 5, {}, {}});
    for (const Eigen::Index n : {16, 64, 256})
        all.add<2>("alignment", by(n, n), {n, n}, n > 100 ? 16 : 512, false, imle::alignment{},
                   plain::needleman_wunsch{static_cast<std::size_t>(n), static_cast<std::size_t>(n), {}});
    for (const Eigen::Index nodes : {10, 30, 100}) {
        const auto edges = imle::complete_graph_edges(nodes);
        all.add<1>("spanning_tree",
                   std::to_string(nodes) + " nodes, " + std::to_string(edges.size()) + " edges",
                   {static_cast<Eigen::Index>(edges.size())}, 512, false, imle::spanning_tree{nodes, edges},
                   plain::kruskal{edges, static_cast<std::size_t>(nodes), {}, {}});
    }
    const auto add_matching = [&](const std::string& size, Eigen::Index nodes,
                                  const std::vector<imle::graph_edge>& edges, Eigen::Index batch) {
        all.add<1>("matching", size, {static_cast<Eigen::Index>(edges.size())}, batch, false,
                   imle::matching{nodes, edges}, nullptr);
    };
    for (const Eigen::Index nodes : {10, 20, 50, 100})
        add_matching(std::to_string(nodes) + " nodes, all edges", nodes, imle::complete_graph_edges(nodes),
                     nodes > 50   ? 8
                     : nodes > 20 ? 16
                                  : 64);
    add_matching("200 nodes, 800 edges", 200, sparse_edges(200, 800), 16);
    for (const Eigen::Index side : {16, 32, 64}) {
        auto edges = picture_edges(side);
        const auto count = static_cast<Eigen::Index>(edges.size());
        all.add<1>(
            "graph_cut", by(side, side) + " pixels", {side * side + count}, side > 32 ? 16 : 64, false,
            imle::graph_cut{side * side, std::move(edges), {.negative_scores = imle::negative_scores::clamp}},
            nullptr);
    }
    for (const flow_shape& shape : flow_shapes()) {
        const auto edges = static_cast<Eigen::Index>(shape.graph.edges().size());
        all.add<1>("min_cost_flow", shape.size, {edges}, edges > 1000 ? 16 : 64, true,
                   imle::min_cost_flow{shape.graph, shape.supplies, shape.capacities},
                   plain::successive_paths{shape.graph, shape.supplies, shape.capacities});
    }
    for (const Eigen::Index n : {5, 10, 20, 40, 100})
        all.add<2>("arborescence", std::to_string(n) + " words", {n, n}, n > 40 ? 64 : 512, false,
                   imle::arborescence{}, plain::chu_liu_edmonds{static_cast<std::size_t>(n)});
    for (const Eigen::Index n : {5, 10, 20, 40, 100})
        all.add<2>("projective_tree", std::to_string(n) + " words", {n, n}, n > 40 ? 64 : 512, false,
                   imle::projective_tree{}, plain::eisner{static_cast<std::size_t>(n), {}, {}});
    {
        const Eigen::MatrixXd weights = item_weights(2, 16);
        plain::knapsack_search search;
        for (Eigen::Index d = 0; d < 2; ++d) {
            search.weights.emplace_back();
            for (Eigen::Index i = 0; i < 16; ++i) search.weights.back().push_back(weights(d, i));
        }
        search.capacities = {20, 20};
        all.add<1>("knapsack", "16 items, 2 dimensions", {16}, 512, false,
                   imle::knapsack{weights, Eigen::VectorXd::Constant(2, 20)}, search);
    }
    for (const Eigen::Index items : {20, 100}) {
        const auto weights = item_weights(items);
        const int capacity = static_cast<int>(items) * 14;
        all.add<1>("knapsack", std::to_string(items) + " items", {items}, 64, false,
                   imle::knapsack{weights, static_cast<double>(capacity)},
                   plain::knapsack_table{{weights.begin(), weights.end()}, capacity, {}, {}});
    }
    const auto tours = [](Eigen::Index n) -> Eigen::Index { return n > 12 ? 4 : n > 8 ? 64 : 512; };
    for (const Eigen::Index n : {5, 8, 12, 15})
        all.add<2>("travelling_salesman", std::to_string(n) + " nodes, directed", {n, n}, tours(n), true,
                   imle::travelling_salesman{}, plain::held_karp{static_cast<std::size_t>(n), {}, {}});
    for (const Eigen::Index n : {8, 12, 15})
        all.add<1>("travelling_salesman", std::to_string(n) + " nodes, undirected", {n * (n - 1) / 2},
                   tours(n), true, imle::travelling_salesman{}, nullptr);
    return std::move(all.problems);
}

}  // namespace imle_benchmarks
