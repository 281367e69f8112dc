#include "steps.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <imle/imle.hpp>

#include "shapes.hpp"
#include "textbook.hpp"

namespace imle_benchmarks {
namespace {

using maps = Eigen::Tensor<float, 3, Eigen::RowMajor>;
using vectors = Eigen::Tensor<float, 2, Eigen::RowMajor>;

/// What the process has from the allocator now.
std::size_t bytes_in_use() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

maps some_maps(Eigen::Index batch, Eigen::Index side) {
    const auto numbers = random_costs(batch * side * side, 2);
    return Eigen::TensorMap<const maps>(numbers.data(), batch, side, side);
}

template <class SolverT>
auto layer_of(SolverT solver, Eigen::Index samples, int threads) {
    return imle::imle_layer{std::move(solver), imle::sum_of_gamma{16, 100},
                            imle::perturbation_target{.beta = 10},
                            imle::layer_options{.samples = samples, .threads = threads}};
}

/// forward and vjp, into memory that is there.
template <class SolverT, class ThetaT>
way step_way(const char* name, const SolverT& solver, const ThetaT& theta, Eigen::Index samples,
             int threads) {
    auto layer = layer_of(solver, samples, threads);
    auto pass = layer.forward(theta, imle::random_key{1});
    auto gradient = layer.vjp(pass, theta);
    using held = std::tuple<decltype(layer), decltype(pass), ThetaT, decltype(gradient)>;
    auto all = std::make_shared<held>(std::move(layer), std::move(pass), theta, std::move(gradient));
    return {name, [all] {
                auto& [kept, into, from, out] = *all;
                kept.forward_into(from, imle::random_key{1}, into);
                kept.vjp_into(into, from, out);
            }};
}

/// As many solves as a step has, on costs like those of its samples.
template <class TextbookT>
way textbook_way(TextbookT solve, std::vector<float> thetas, Eigen::Index n, Eigen::Index solves) {
    const Eigen::Index count = static_cast<Eigen::Index>(thetas.size()) / n;
    return {textbook_solves,
            [solve, thetas = std::move(thetas), z = std::vector<float>(static_cast<std::size_t>(n)), n,
             solves, count]() mutable {
                for (Eigen::Index i = 0; i < solves; ++i) solve(thetas.data() + i % count * n, z.data());
            }};
}

step map_step(const std::string& name, Eigen::Index batch, Eigen::Index side, Eigen::Index samples) {
    const maps theta = some_maps(batch, side);
    const imle::grid_shortest_path solver{};
    const int cells = static_cast<int>(side);
    return {
        name,
        {step_way(one_thread, solver, theta, samples, 1), step_way(two_threads, solver, theta, samples, 2),
         textbook_way(textbook_solvers::grid_dijkstra{cells, cells, {}, {}},
                      random_costs(std::min<Eigen::Index>(64, 2 * batch * samples) * side * side, 3),
                      side * side, 2 * batch * samples)}};
}

template <class SolverT, class ThetaT>
step plain_step(const std::string& name, const SolverT& solver, const ThetaT& theta, Eigen::Index samples) {
    return {
        name,
        {step_way(one_thread, solver, theta, samples, 1), step_way(two_threads, solver, theta, samples, 2)}};
}

/// A call of one instance of n numbers. Each goes through the same few keys and instances.
template <class SolverT>
step small_call(const std::string& name, const SolverT& solver, Eigen::Index n, Eigen::Index samples) {
    constexpr std::uint64_t several = 256;
    const auto numbers = random_rewards(n, 6);
    const vectors theta = Eigen::TensorMap<const vectors>(numbers.data(), 1, n);
    imle::imle_layer layer{solver, imle::gumbel{}, imle::perturbation_target{},
                           imle::layer_options{.samples = samples}};
    auto pass = layer.forward(theta, imle::random_key{0});
    using held = std::tuple<decltype(layer), decltype(pass), vectors, std::uint64_t>;
    const auto call = std::make_shared<held>(std::move(layer), std::move(pass), theta, 0);
    const auto perturbed = random_rewards(static_cast<Eigen::Index>(several) * samples * n, 7);
    return {name,
            {{whole_call,
              [call] {
                  auto& [own, into, from, key] = *call;
                  own.forward_into(from, imle::random_key{++key % several}, into);
              }},
             {noise_alone,
              [noise = imle::gumbel{}, key = std::uint64_t{0},
               eps = std::vector<float>(static_cast<std::size_t>(samples * n))]() mutable {
                  noise.fill(imle::random_key{++key % several}, 0, std::span<float>(eps));
              }},
             {solves_alone, [own = solver, perturbed, n, samples, key = std::uint64_t{0},
                             z = std::vector<float>(static_cast<std::size_t>(samples * n))]() mutable {
                  const float* const from =
                      perturbed.data() + static_cast<Eigen::Index>(++key % several) * samples * n;
                  if constexpr (imle::BatchSolver<SolverT, float, 1, Eigen::RowMajor>)
                      if (samples > 1) {
                          imle::const_view<float, 2, Eigen::RowMajor> all(from, samples, n);
                          imle::mutable_view<float, 2, Eigen::RowMajor> to(z.data(), samples, n);
                          own.solve_batch(all, to);
                          return;
                      }
                  for (Eigen::Index j = 0; j < samples; ++j) {
                      imle::const_view<float, 1, Eigen::RowMajor> one(from + j * n, n);
                      imle::mutable_view<float, 1, Eigen::RowMajor> to(z.data() + j * n, n);
                      own(one, to);
                  }
              }}}};
}

template <class F>
std::size_t bytes_of(F&& make) {
    const std::size_t before = bytes_in_use();
    const auto kept = make();
    return bytes_in_use() - before;
}

growth_point grow(const std::string& curve, Eigen::Index value, Eigen::Index batch, Eigen::Index side,
                  Eigen::Index samples) {
    growth_point result;
    result.curve = curve;
    result.value = value;
    result.ways = map_step("", batch, side, samples).ways;
    result.ways.push_back(
        {limit, [noise = imle::sum_of_gamma{16, 100}, times = 2 * batch * samples,
                 eps = std::vector<float>(static_cast<std::size_t>(side * side))]() mutable {
             for (Eigen::Index i = 0; i < times; ++i)
                 noise.fill(imle::random_key{1}, static_cast<std::uint64_t>(i), std::span<float>(eps));
         }});
    const auto theta = std::make_shared<maps>(some_maps(batch, side));
    result.sampled_bytes = [=] {
        return bytes_of([&] {
            auto layer = layer_of(imle::grid_shortest_path{}, samples, 1);
            auto pass = layer.forward(*theta, imle::random_key{1});
            auto gradient = layer.vjp(pass, *theta);
            return std::tuple(std::move(layer), std::move(pass), std::move(gradient));
        });
    };
    result.marginals_bytes = [=] {
        return bytes_of([&] {
            auto layer = layer_of(imle::grid_shortest_path{}, samples, 1);
            auto pass = layer.marginals(*theta, imle::random_key{1});
            auto gradient = layer.vjp(pass, *theta);
            return std::tuple(std::move(layer), std::move(pass), std::move(gradient));
        });
    };
    return result;
}

/// One solve, each time of the next of four instances.
template <int Rank, class SolverT, class TextbookT>
growth_point grow_solve(const std::string& curve, Eigen::Index value, Eigen::DSizes<Eigen::Index, Rank> shape,
                        std::vector<float> four, SolverT solver, TextbookT plain) {
    const auto n = static_cast<std::size_t>(shape.TotalSize());
    const auto theta = std::make_shared<const std::vector<float>>(std::move(four));
    const auto on_each = [=](auto solve) {
        return [theta, n, solve, next = std::size_t{0}, z = std::vector<float>(n)]() mutable {
            solve(theta->data() + next++ % 4 * n, z.data());
        };
    };
    growth_point result;
    result.curve = curve;
    result.value = value;
    result.ways = {{one_thread, on_each([shape, solver](const float* from, float* to) mutable {
                        imle::const_view<float, Rank, Eigen::RowMajor> one(from, shape);
                        imle::mutable_view<float, Rank, Eigen::RowMajor> z(to, shape);
                        solver(one, z);
                    })},
                   {textbook_solves, on_each(plain)},
                   {limit, on_each([n](const float* from, float* to) {
                        std::transform(from, from + n, to, [](float reward) { return -reward; });
                    })}};
    result.sampled_bytes = result.marginals_bytes = [] { return std::size_t{0}; };
    return result;
}

growth_point grow_map(Eigen::Index side) {
    const int cells = static_cast<int>(side);
    return grow_solve<2>("map", side, Eigen::DSizes<Eigen::Index, 2>(side, side),
                         random_costs(4 * side * side, 8), imle::grid_shortest_path{},
                         textbook_solvers::grid_dijkstra{cells, cells, {}, {}});
}

/// From a quarter of a city's width to three quarters, both ways.
growth_point grow_city(Eigen::Index side) {
    const city_shape shape = city(side);
    const auto edges = static_cast<Eigen::Index>(shape.times.size());
    const auto at = [=](Eigen::Index quarters) { return quarters * side / 4 * (side + 1); };
    auto rewards = random_costs(4 * edges, 9);
    for (std::size_t i = 0; i < rewards.size(); ++i) rewards[i] *= shape.times[i % shape.times.size()];
    return grow_solve<1>("city", edges, Eigen::DSizes<Eigen::Index, 1>(edges), std::move(rewards),
                         imle::shortest_path{shape.graph, at(1), at(3)},
                         textbook_solvers::graph_path{shape.graph, at(1), at(3), {}, {}});
}

}  // namespace

std::vector<step> layer_steps() {
    std::vector<step> steps;
    steps.push_back(map_step("16 x 16, 1 map, 10 samples", 1, 16, 10));
    steps.push_back(map_step("16 x 16, 1 map, 100 samples", 1, 16, 100));
    steps.push_back(map_step("12 x 12, 70 maps, 10 samples", 70, 12, 10));
    steps.push_back(map_step("30 x 30, 70 maps, 10 samples", 70, 30, 10));
    steps.push_back(map_step("256 x 256, 1 map, 10 samples", 1, 256, 10));
    const auto numbers = random_rewards(128 * 350, 4);
    const vectors rewards = Eigen::TensorMap<const vectors>(numbers.data(), 128, 350);
    step top = plain_step("10 of 350, batch 128, 100 samples", imle::top_k{10}, rewards, 100);
    top.ways.push_back(textbook_way(textbook_solvers::largest{10, 350, {}}, random_rewards(512 * 350, 5), 350,
                                    2 * 128 * 100));
    steps.push_back(std::move(top));

    // What a shape known at compile time gains.
    const maps theta = some_maps(1, 16);
    steps.push_back(plain_step("the first with `grid_shortest_path<16, 16>`",
                               imle::grid_shortest_path<16, 16>{}, theta, 10));
    Eigen::TensorFixedSize<float, Eigen::Sizes<1, 16, 16>, Eigen::RowMajor> fixed;
    std::copy_n(theta.data(), theta.size(), fixed.data());
    steps.push_back(
        plain_step("the same with a `TensorFixedSize` theta", imle::grid_shortest_path<16, 16>{}, fixed, 10));
    steps.push_back(plain_step("the top-k step with `top_k<10>`", imle::top_k<10>{}, rewards, 100));
    return steps;
}

std::vector<step> small_calls() {
    std::vector<step> calls;
    for (const Eigen::Index samples : {1, 10, 64})
        for (const auto& [k, n] : {std::pair{2, 5}, std::pair{5, 10}, std::pair{10, 50}})
            calls.push_back(small_call(
                std::to_string(k) + " of " + std::to_string(n) + ", samples: " + std::to_string(samples),
                imle::top_k{k}, n, samples));
    return calls;
}

std::vector<growth_point> growth_points() {
    std::vector<growth_point> points;
    for (const Eigen::Index samples : {1, 3, 10, 30, 100, 300, 1000, 3000, 10000})
        points.push_back(grow("samples", samples, 1, 16, samples));
    for (const Eigen::Index batch : {1, 3, 10, 30, 100, 300, 1000})
        points.push_back(grow("batch", batch, batch, 16, 10));
    for (const Eigen::Index side : {4, 8, 16, 32, 64, 128, 256, 512, 1024})
        points.push_back(grow("side", side, 1, side, 10));
    for (const Eigen::Index side : {4, 8, 16, 32, 64, 128, 256, 512, 1024}) points.push_back(grow_map(side));
    for (const Eigen::Index side : {15, 26, 46, 82, 146, 260, 463}) points.push_back(grow_city(side));
    return points;
}

}  // namespace imle_benchmarks
