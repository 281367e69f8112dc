#pragma once

// Each problem as a textbook solves it: the right algorithm, plainly written, by the standard library's
// containers and algorithms. What a user would write in an afternoon.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <queue>
#include <utility>
#include <vector>

#include <imle/solvers/directed_graph.hpp>

namespace imle_benchmarks::textbook_solvers {

/// (distance, node), the nearest on top.
using nearest_first = std::priority_queue<std::pair<float, int>, std::vector<std::pair<float, int>>,
                                          std::greater<std::pair<float, int>>>;

/// Dijkstra's algorithm over the cells of a grid, which cost -theta to enter; 8 neighbours.
struct grid_dijkstra {
    int rows, cols;
    std::vector<float> distance;
    std::vector<int> before;

    void operator()(const float* theta, float* z) {
        const int n = rows * cols;
        distance.assign(static_cast<std::size_t>(n), std::numeric_limits<float>::infinity());
        before.assign(static_cast<std::size_t>(n), -1);
        const auto cost = [&](int cell) { return std::max(0.0f, -theta[cell]); };
        nearest_first queue;
        distance[0] = cost(0);
        queue.push({distance[0], 0});
        while (!queue.empty()) {
            const auto [so_far, cell] = queue.top();
            queue.pop();
            if (so_far > distance[static_cast<std::size_t>(cell)]) continue;
            if (cell == n - 1) break;
            for (int r = std::max(0, cell / cols - 1); r <= std::min(rows - 1, cell / cols + 1); ++r)
                for (int c = std::max(0, cell % cols - 1); c <= std::min(cols - 1, cell % cols + 1); ++c) {
                    const int next = r * cols + c;
                    const float sum = so_far + cost(next);
                    if (sum >= distance[static_cast<std::size_t>(next)]) continue;
                    distance[static_cast<std::size_t>(next)] = sum;
                    before[static_cast<std::size_t>(next)] = cell;
                    queue.push({sum, next});
                }
        }
        std::fill_n(z, n, 0.0f);
        for (int cell = n - 1; cell >= 0; cell = before[static_cast<std::size_t>(cell)]) z[cell] = 1;
    }
};

/// Dijkstra's algorithm, or one pass in topological order where there are no cycles.
struct graph_path {
    imle::directed_graph graph;
    Eigen::Index source, target;
    std::vector<float> distance;
    std::vector<Eigen::Index> by_edge;

    void operator()(const float* theta, float* z) {
        const auto nodes = static_cast<std::size_t>(graph.nodes());
        distance.assign(nodes, std::numeric_limits<float>::infinity());
        by_edge.assign(nodes, -1);
        distance[static_cast<std::size_t>(source)] = 0;
        nearest_first queue;
        const auto relax = [&](Eigen::Index node, bool enqueue) {
            for (const Eigen::Index e : graph.out_edges(node)) {
                const auto to = static_cast<std::size_t>(graph.edges()[static_cast<std::size_t>(e)].to);
                const float sum = distance[static_cast<std::size_t>(node)] - theta[e];
                if (sum >= distance[to]) continue;
                distance[to] = sum;
                by_edge[to] = e;
                if (enqueue) queue.push({sum, static_cast<int>(to)});
            }
        };
        if (graph.is_acyclic()) {
            for (const Eigen::Index node : graph.topological_order()) relax(node, false);
        } else {
            queue.push({0.0f, static_cast<int>(source)});
            while (!queue.empty()) {
                const auto [so_far, node] = queue.top();
                queue.pop();
                if (so_far > distance[static_cast<std::size_t>(node)]) continue;
                if (node == target) break;
                relax(node, true);
            }
        }
        std::fill_n(z, graph.edges().size(), 0.0f);
        for (Eigen::Index node = target; node != source;) {
            const Eigen::Index e = by_edge[static_cast<std::size_t>(node)];
            z[e] = 1;
            node = graph.edges()[static_cast<std::size_t>(e)].from;
        }
    }
};

/// A flow of least cost: again and again along the cheapest path from a source of all supplies to a sink of
/// all demands, found by Dijkstra's algorithm with potentials. Costs -theta of 0 or more.
struct successive_paths {
    struct arc {
        int to, reverse;
        std::int64_t capacity;
        float cost;
    };

    imle::directed_graph graph;
    std::vector<std::int64_t> supplies, capacities;
    std::vector<std::vector<arc>> out = {};
    std::vector<float> distance = {}, potential = {};
    std::vector<std::pair<int, int>> before = {};  // node and arc

    void add_arc(int from, int to, std::int64_t capacity, float cost) {
        auto& there = out[static_cast<std::size_t>(from)];
        auto& back = out[static_cast<std::size_t>(to)];
        const int loop = from == to ? 1 : 0;
        there.push_back({to, static_cast<int>(back.size()) + loop, capacity, cost});
        back.push_back({from, static_cast<int>(there.size()) - 1, 0, -cost});
    }

    void operator()(const float* theta, float* z) {
        const auto nodes = static_cast<std::size_t>(graph.nodes());
        const int source = static_cast<int>(nodes), sink = source + 1;
        const auto edges = graph.edges();
        out.resize(nodes + 2);
        for (auto& arcs : out) arcs.clear();
        std::int64_t left = 0;
        for (std::size_t e = 0; e < edges.size(); ++e)
            add_arc(static_cast<int>(edges[e].from), static_cast<int>(edges[e].to), capacities[e], -theta[e]);
        for (std::size_t v = 0; v < nodes; ++v) {
            if (supplies[v] > 0) add_arc(source, static_cast<int>(v), supplies[v], 0);
            if (supplies[v] < 0) add_arc(static_cast<int>(v), sink, -supplies[v], 0);
            left += std::max<std::int64_t>(supplies[v], 0);
        }
        potential.assign(out.size(), 0);
        while (left > 0) {
            distance.assign(out.size(), std::numeric_limits<float>::infinity());
            before.assign(out.size(), {-1, -1});
            distance[nodes] = 0;
            nearest_first queue;
            queue.push({0.0f, source});
            while (!queue.empty()) {
                const auto [so_far, node] = queue.top();
                queue.pop();
                const auto at = static_cast<std::size_t>(node);
                if (so_far > distance[at]) continue;
                for (std::size_t i = 0; i < out[at].size(); ++i) {
                    const arc& next = out[at][i];
                    const auto to = static_cast<std::size_t>(next.to);
                    // Rounding must not make it negative.
                    const float cost = std::max(0.0f, next.cost + potential[at] - potential[to]);
                    if (next.capacity == 0 || so_far + cost >= distance[to]) continue;
                    distance[to] = so_far + cost;
                    before[to] = {node, static_cast<int>(i)};
                    queue.push({distance[to], next.to});
                }
            }
            for (std::size_t v = 0; v < out.size(); ++v)
                if (distance[v] < std::numeric_limits<float>::infinity()) potential[v] += distance[v];
            const auto arc_into = [&](int node) -> arc& {
                const auto [from, i] = before[static_cast<std::size_t>(node)];
                return out[static_cast<std::size_t>(from)][static_cast<std::size_t>(i)];
            };
            const auto node_before = [&](int node) { return before[static_cast<std::size_t>(node)].first; };
            if (node_before(sink) < 0) break;  // no more can go
            std::int64_t amount = left;
            for (int v = sink; v != source; v = node_before(v))
                amount = std::min(amount, arc_into(v).capacity);
            for (int v = sink; v != source; v = node_before(v)) {
                arc& used = arc_into(v);
                used.capacity -= amount;
                out[static_cast<std::size_t>(v)][static_cast<std::size_t>(used.reverse)].capacity += amount;
            }
            left -= amount;
        }
        // Arcs of edges come in the order of edges, with those of later ones and of reverses in between.
        std::vector<std::size_t> next(nodes, 0);
        for (std::size_t e = 0; e < edges.size(); ++e) {
            const auto from = static_cast<std::size_t>(edges[e].from),
                       to = static_cast<std::size_t>(edges[e].to);
            z[e] = static_cast<float>(capacities[e] - out[from][next[from]++].capacity);
            ++next[to];
        }
    }
};

/// The k largest, by std::nth_element.
struct largest {
    std::size_t k, n;
    std::vector<std::size_t> order;

    void operator()(const float* theta, float* z) {
        order.resize(n);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(),
                         [&](std::size_t a, std::size_t b) { return theta[a] > theta[b]; });
        std::fill_n(z, n, 0.0f);
        for (std::size_t i = 0; i < k; ++i) z[order[i]] = 1;
    }
};

/// Ranks 1 to n, by std::sort.
struct ranks {
    std::size_t n;
    std::vector<std::size_t> order;

    void operator()(const float* theta, float* z) {
        order.resize(n);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::sort(order.begin(), order.end(),
                  [&](std::size_t a, std::size_t b) { return theta[a] < theta[b]; });
        for (std::size_t i = 0; i < n; ++i) z[order[i]] = static_cast<float>(i + 1);
    }
};

/// One of each group, by std::max_element.
struct one_of_groups {
    std::size_t groups, members;

    void operator()(const float* theta, float* z) const {
        std::fill_n(z, groups * members, 0.0f);
        for (std::size_t g = 0; g < groups; ++g) {
            const float* const group = theta + g * members;
            z[std::max_element(group, group + members) - theta] = 1;
        }
    }
};

/// Kruskal's algorithm, by std::sort and union-find.
struct kruskal {
    std::vector<imle::graph_edge> edges;
    std::size_t nodes;
    std::vector<std::size_t> order, parent;

    std::size_t root(std::size_t node) {
        while (parent[node] != node) node = parent[node] = parent[parent[node]];
        return node;
    }
    void operator()(const float* theta, float* z) {
        order.resize(edges.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::sort(order.begin(), order.end(),
                  [&](std::size_t a, std::size_t b) { return theta[a] > theta[b]; });
        parent.resize(nodes);
        std::iota(parent.begin(), parent.end(), std::size_t{0});
        std::fill_n(z, edges.size(), 0.0f);
        for (const std::size_t e : order) {
            const std::size_t a = root(static_cast<std::size_t>(edges[e].from)),
                              b = root(static_cast<std::size_t>(edges[e].to));
            if (a == b) continue;
            parent[a] = b;
            z[e] = 1;
        }
    }
};

/// Chu-Liu and Edmonds by recursion, O(n^3): the heads of nodes 1, 2, ...; node 0 is the root.
struct chu_liu_edmonds {
    std::size_t n;
    using matrix = std::vector<std::vector<float>>;

    void operator()(const float* theta, float* z) const {
        // One root: a penalty on arcs from it that is larger than any difference of trees.
        float least = theta[0], most = theta[0];
        for (std::size_t i = 0; i < n * n; ++i) {
            least = std::min(least, theta[i]);
            most = std::max(most, theta[i]);
        }
        const float penalty = static_cast<float>(n) * (most - least) + 1;
        matrix score(n + 1, std::vector<float>(n + 1, -std::numeric_limits<float>::infinity()));
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j)
                if (i == j)
                    score[0][j + 1] = theta[j * n + j] - penalty;
                else
                    score[i + 1][j + 1] = theta[i * n + j];
        const auto head = heads(score);
        std::fill_n(z, n * n, 0.0f);
        for (std::size_t j = 0; j < n; ++j) z[(head[j + 1] == 0 ? j : head[j + 1] - 1) * n + j] = 1;
    }

    static std::vector<std::size_t> heads(const matrix& score) {
        const std::size_t count = score.size();
        std::vector<std::size_t> head(count, 0);
        for (std::size_t j = 1; j < count; ++j)
            for (std::size_t i = 1; i < count; ++i)
                if (i != j && score[i][j] > score[head[j]][j]) head[j] = i;
        std::vector<std::size_t> cycle;
        for (std::size_t start = 1; start < count && cycle.empty(); ++start) {
            std::size_t at = start;
            for (std::size_t step = 0; step < count && at != 0; ++step) at = head[at];
            if (at == 0) continue;
            for (std::size_t first = at; cycle.empty() || at != first; at = head[at]) cycle.push_back(at);
        }
        if (cycle.empty()) return head;
        std::vector<std::size_t> outside;
        for (std::size_t v = 0; v < count; ++v)
            if (std::find(cycle.begin(), cycle.end(), v) == cycle.end()) outside.push_back(v);
        const std::size_t m = outside.size();  // the cycle as one node
        matrix small(m + 1, std::vector<float>(m + 1, -std::numeric_limits<float>::infinity()));
        std::vector<std::size_t> into(m), out_of(m);
        for (std::size_t a = 0; a < m; ++a) {
            for (std::size_t b = 0; b < m; ++b) small[a][b] = score[outside[a]][outside[b]];
            for (const std::size_t c : cycle) {
                const float enters = score[outside[a]][c] - score[head[c]][c], leaves = score[c][outside[a]];
                if (enters > small[a][m]) {
                    small[a][m] = enters;
                    into[a] = c;
                }
                if (leaves > small[m][a]) {
                    small[m][a] = leaves;
                    out_of[a] = c;
                }
            }
        }
        const auto solved = heads(small);
        for (std::size_t b = 1; b < m; ++b)
            head[outside[b]] = solved[b] == m ? out_of[b] : outside[solved[b]];
        head[into[solved[m]]] = outside[solved[m]];
        return head;
    }
};

/// Eisner's algorithm with back pointers, O(n^3); one root.
struct eisner {
    std::size_t n;
    struct item {
        float score = 0;
        std::size_t split = 0;
    };
    std::vector<item> open[2], complete[2];  // the head to the left of its span, and to the right

    void operator()(const float* theta, float* z) {
        constexpr float worst = -std::numeric_limits<float>::infinity();
        for (auto* table : {&open[0], &open[1], &complete[0], &complete[1]}) table->assign(n * n, item{});
        for (std::size_t length = 1; length < n; ++length)
            for (std::size_t i = 0; i + length < n; ++i) {
                const std::size_t j = i + length, at = i * n + j;
                item best{worst, 0};
                for (std::size_t k = i; k < j; ++k) {
                    const float sum = complete[0][i * n + k].score + complete[1][(k + 1) * n + j].score;
                    if (sum > best.score) best = {sum, k};
                }
                open[0][at] = {best.score + theta[i * n + j], best.split};
                open[1][at] = {best.score + theta[j * n + i], best.split};
                best.score = worst;
                for (std::size_t k = i + 1; k <= j; ++k) {
                    const float sum = open[0][i * n + k].score + complete[0][k * n + j].score;
                    if (sum > best.score) best = {sum, k};
                }
                complete[0][at] = best;
                best.score = worst;
                for (std::size_t k = i; k < j; ++k) {
                    const float sum = complete[1][i * n + k].score + open[1][k * n + j].score;
                    if (sum > best.score) best = {sum, k};
                }
                complete[1][at] = best;
            }
        std::size_t root = 0;
        float most = worst;
        for (std::size_t r = 0; r < n; ++r) {
            const float sum = complete[1][r].score + complete[0][r * n + n - 1].score + theta[r * n + r];
            if (sum <= most) continue;
            most = sum;
            root = r;
        }
        std::fill_n(z, n * n, 0.0f);
        z[root * n + root] = 1;
        trace(1, 0, root, z);
        trace(0, root, n - 1, z);
    }
    void trace(int side, std::size_t i, std::size_t j, float* z) const {
        if (i == j) return;
        const std::size_t k = complete[side][i * n + j].split;
        if (side == 0) {
            z[i * n + k] = 1;
            trace_open(i, k, open[0][i * n + k].split, z);
            trace(0, k, j, z);
        } else {
            z[j * n + k] = 1;
            trace_open(k, j, open[1][k * n + j].split, z);
            trace(1, i, k, z);
        }
    }
    void trace_open(std::size_t i, std::size_t j, std::size_t k, float* z) const {
        trace(0, i, k, z);
        trace(1, k + 1, j, z);
    }
};

/// The Hungarian method with shortest augmenting paths, O(n^3), for a square of rewards.
struct hungarian {
    std::size_t n;

    void operator()(const float* theta, float* z) const {
        constexpr double infinite = std::numeric_limits<double>::infinity();
        // Row and column 0 stand for "none".
        std::vector<double> row_dual(n + 1), column_dual(n + 1);
        std::vector<std::size_t> row_of(n + 1, 0), way(n + 1, 0);
        for (std::size_t row = 1; row <= n; ++row) {
            row_of[0] = row;
            std::size_t column = 0;
            std::vector<double> slack(n + 1, infinite);
            std::vector<char> used(n + 1, 0);
            do {
                used[column] = 1;
                const std::size_t from = row_of[column];
                double least = infinite;
                std::size_t next = 0;
                for (std::size_t j = 1; j <= n; ++j) {
                    if (used[j]) continue;
                    const double cost = -static_cast<double>(theta[(from - 1) * n + (j - 1)]);
                    const double reduced = cost - row_dual[from] - column_dual[j];
                    if (reduced < slack[j]) {
                        slack[j] = reduced;
                        way[j] = column;
                    }
                    if (slack[j] < least) {
                        least = slack[j];
                        next = j;
                    }
                }
                for (std::size_t j = 0; j <= n; ++j) {
                    if (used[j]) {
                        row_dual[row_of[j]] += least;
                        column_dual[j] -= least;
                    } else {
                        slack[j] -= least;
                    }
                }
                column = next;
            } while (row_of[column] != 0);
            for (; column != 0; column = way[column]) row_of[column] = row_of[way[column]];
        }
        std::fill_n(z, n * n, 0.0f);
        for (std::size_t j = 1; j <= n; ++j) z[(row_of[j] - 1) * n + (j - 1)] = 1;
    }
};

/// One dimension, integer weights: dynamic programming over items and capacities.
struct knapsack_table {
    std::vector<int> weights;
    int capacity;
    std::vector<double> best;
    std::vector<char> taken;

    void operator()(const float* theta, float* z) {
        const std::size_t width = static_cast<std::size_t>(capacity) + 1;
        best.assign(width, 0.0);
        taken.assign(weights.size() * width, 0);
        for (std::size_t i = 0; i < weights.size(); ++i) {
            const auto weight = static_cast<std::size_t>(weights[i]);
            for (std::size_t w = width; w-- > weight;) {
                const double with = best[w - weight] + static_cast<double>(theta[i]);
                if (with <= best[w]) continue;
                best[w] = with;
                taken[i * width + w] = 1;
            }
        }
        std::size_t left = width - 1;
        for (std::size_t i = weights.size(); i-- > 0;) {
            z[i] = taken[i * width + left] != 0 ? 1.0f : 0.0f;
            if (taken[i * width + left] != 0) left -= static_cast<std::size_t>(weights[i]);
        }
    }
};

/// Several dimensions: every set of items, depth first, leaving out those that do not fit.
struct knapsack_search {
    std::vector<std::vector<double>> weights;  // [dimension][item]
    std::vector<double> capacities;
    std::vector<double> left;
    std::uint64_t chosen = 0, best_set = 0;
    double best = 0;

    void operator()(const float* theta, float* z) {
        const std::size_t items = weights.front().size();
        left = capacities;
        best = 0;
        best_set = chosen = 0;
        search(theta, 0, items, 0.0);
        for (std::size_t i = 0; i < items; ++i) z[i] = (best_set >> i & 1) != 0 ? 1.0f : 0.0f;
    }
    void search(const float* theta, std::size_t item, std::size_t items, double value) {
        if (value > best) {
            best = value;
            best_set = chosen;
        }
        if (item == items) return;
        bool fits = theta[item] > 0;
        for (std::size_t d = 0; d < left.size(); ++d) fits = fits && weights[d][item] <= left[d];
        if (fits) {
            for (std::size_t d = 0; d < left.size(); ++d) left[d] -= weights[d][item];
            chosen |= std::uint64_t{1} << item;
            search(theta, item + 1, items, value + static_cast<double>(theta[item]));
            chosen &= ~(std::uint64_t{1} << item);
            for (std::size_t d = 0; d < left.size(); ++d) left[d] += weights[d][item];
        }
        search(theta, item + 1, items, value);
    }
};

/// Held and Karp's dynamic programme, directed.
struct held_karp {
    std::size_t n;
    std::vector<float> best;
    std::vector<std::uint8_t> before;

    void operator()(const float* theta, float* z) {
        const std::size_t sets = std::size_t{1} << (n - 1), m = n - 1;
        constexpr float worst = -std::numeric_limits<float>::infinity();
        best.assign(sets * m, worst);
        before.assign(sets * m, 0);
        for (std::size_t j = 0; j < m; ++j) best[(std::size_t{1} << j) * m + j] = theta[j + 1];
        for (std::size_t set = 1; set < sets; ++set)
            for (std::size_t j = 0; j < m; ++j) {
                if ((set >> j & 1) == 0 || best[set * m + j] == worst) continue;
                for (std::size_t k = 0; k < m; ++k) {
                    if ((set >> k & 1) != 0) continue;
                    const std::size_t next = (set | std::size_t{1} << k) * m + k;
                    const float sum = best[set * m + j] + theta[(j + 1) * n + k + 1];
                    if (sum <= best[next]) continue;
                    best[next] = sum;
                    before[next] = static_cast<std::uint8_t>(j);
                }
            }
        std::size_t last = 0;
        for (std::size_t j = 1; j < m; ++j)
            if (best[(sets - 1) * m + j] + theta[(j + 1) * n] >
                best[(sets - 1) * m + last] + theta[(last + 1) * n])
                last = j;
        std::fill_n(z, n * n, 0.0f);
        z[(last + 1) * n] = 1;
        for (std::size_t set = sets - 1; (set & (set - 1)) != 0;) {
            const std::size_t j = before[set * m + last];
            z[(j + 1) * n + last + 1] = 1;
            set &= ~(std::size_t{1} << last);
            last = j;
        }
        z[last + 1] = 1;
    }
};

/// Viterbi's algorithm over [steps, labels, labels].
struct viterbi {
    std::size_t steps, labels;
    std::vector<float> best, next;
    std::vector<int> before;

    void operator()(const float* theta, float* z) {
        best.assign(labels, 0.0f);
        next.resize(labels);
        before.resize(steps * labels);
        for (std::size_t t = 0; t < steps; ++t) {
            for (std::size_t j = 0; j < labels; ++j) {
                float most = -std::numeric_limits<float>::infinity();
                for (std::size_t i = 0; i < labels; ++i) {
                    const float sum = best[i] + theta[(t * labels + i) * labels + j];
                    if (sum <= most) continue;
                    most = sum;
                    before[t * labels + j] = static_cast<int>(i);
                }
                next[j] = most;
            }
            best.swap(next);
        }
        std::fill_n(z, steps * labels * labels, 0.0f);
        auto label = static_cast<std::size_t>(std::max_element(best.begin(), best.end()) - best.begin());
        for (std::size_t t = steps; t-- > 0;) {
            const auto from = static_cast<std::size_t>(before[t * labels + label]);
            z[(t * labels + from) * labels + label] = 1;
            label = from;
        }
    }
};

/// Segments of 1 to `widths` steps, over [steps, widths, labels, labels].
struct semi_viterbi {
    std::size_t steps, widths, labels;
    std::vector<float> best;
    std::vector<std::pair<int, int>> before;

    void operator()(const float* theta, float* z) {
        best.assign((steps + 1) * labels, -std::numeric_limits<float>::infinity());
        before.resize((steps + 1) * labels);
        std::fill_n(best.begin(), labels, 0.0f);
        for (std::size_t t = 0; t < steps; ++t)
            for (std::size_t k = 0; k < widths && t + k < steps; ++k)
                for (std::size_t i = 0; i < labels; ++i)
                    for (std::size_t j = 0; j < labels; ++j) {
                        const float sum =
                            best[t * labels + i] + theta[((t * widths + k) * labels + i) * labels + j];
                        const std::size_t at = (t + k + 1) * labels + j;
                        if (sum <= best[at]) continue;
                        best[at] = sum;
                        before[at] = {static_cast<int>(k), static_cast<int>(i)};
                    }
        std::fill_n(z, steps * widths * labels * labels, 0.0f);
        const auto last = best.end() - static_cast<std::ptrdiff_t>(labels);
        auto label = static_cast<std::size_t>(std::max_element(last, best.end()) - last);
        for (std::size_t p = steps; p > 0;) {
            const auto k = static_cast<std::size_t>(before[p * labels + label].first),
                       i = static_cast<std::size_t>(before[p * labels + label].second);
            p -= k + 1;
            z[((p * widths + k) * labels + i) * labels + label] = 1;
            label = i;
        }
    }
};

/// Needleman and Wunsch's recursion over the cells of [rows, columns].
struct needleman_wunsch {
    std::size_t rows, columns;
    std::vector<float> best;

    void operator()(const float* theta, float* z) {
        best.resize(rows * columns);
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t j = 0; j < columns; ++j) {
                float most = i == 0 && j == 0 ? 0.0f : -std::numeric_limits<float>::infinity();
                if (i > 0 && j > 0) most = std::max(most, best[(i - 1) * columns + j - 1]);
                if (i > 0) most = std::max(most, best[(i - 1) * columns + j]);
                if (j > 0) most = std::max(most, best[i * columns + j - 1]);
                best[i * columns + j] = most + theta[i * columns + j];
            }
        std::fill_n(z, rows * columns, 0.0f);
        std::size_t i = rows - 1, j = columns - 1;
        for (z[i * columns + j] = 1; i > 0 || j > 0; z[i * columns + j] = 1) {
            const auto value = [&](std::size_t up, std::size_t left) {
                return i < up || j < left ? -std::numeric_limits<float>::infinity()
                                          : best[(i - up) * columns + j - left];
            };
            const float both = value(1, 1), up = value(1, 0), left = value(0, 1);
            if (both >= up && both >= left)
                --i, --j;
            else if (up >= left)
                --i;
            else
                --j;
        }
    }
};

}  // namespace imle_benchmarks::textbook_solvers
