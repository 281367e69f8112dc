#pragma once

// What is solved in the benchmarks of solvers, and by whom.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <imle/noise/normal.hpp>
#include <imle/noise/uniform.hpp>
#include <imle/random/random_key.hpp>

namespace imle_benchmarks {

/// A way to solve all instances of a problem.
struct way {
    std::string name;
    std::function<void()> solve;
};

/// One line of the table: some random instances of one kind and size.
struct problem {
    std::string solver;
    std::string size;
    /// Dimensions of one instance, row-major.
    std::vector<Eigen::Index> instance;
    Eigen::Index batch = 0;
    /// The instances, one after the other.
    std::vector<float> thetas;
    /// Where the answers go.
    std::vector<float> zs;
    std::vector<way> ways;

    [[nodiscard]] Eigen::Index n() const {
        Eigen::Index product = 1;
        for (const Eigen::Index dimension : instance) product *= dimension;
        return product;
    }
    [[nodiscard]] std::string name() const { return solver + ", " + size; }
};

/// Names of ways, in the order of the table's columns.
inline constexpr const char* one_by_one = "one by one";
inline constexpr const char* in_batches = "in batches";
inline constexpr const char* two_threads = "2 threads";
inline constexpr const char* textbook = "textbook";
inline constexpr const char* by_boost = "Boost.Graph";
inline constexpr const char* by_cbc = "CBC";

/// Costs between 0.1 and 1.1, as rewards.
[[nodiscard]] inline std::vector<float> random_costs(Eigen::Index count, std::uint64_t seed) {
    std::vector<float> values(static_cast<std::size_t>(count));
    imle::uniform{-1.1, -0.1}.fill(imle::random_key{seed}, 0, std::span<float>(values));
    return values;
}
/// Standard normal rewards.
[[nodiscard]] inline std::vector<float> random_rewards(Eigen::Index count, std::uint64_t seed) {
    std::vector<float> values(static_cast<std::size_t>(count));
    imle::normal{}.fill(imle::random_key{seed}, 0, std::span<float>(values));
    return values;
}

/// All problems, with the ways of the library and of the textbook.
using problem_list = std::vector<std::unique_ptr<problem>>;
[[nodiscard]] problem_list library_problems();
/// Adds ways of Boost.Graph and of CBC to the problems that they can solve; only where they were found.
void add_boost_ways(const problem_list& problems);
void add_cbc_ways(const problem_list& problems);

/// Adds a way that solves one instance after the other. The problem must stay where it is.
template <class F>
void add_way(problem& to, const char* name, F solve_one) {
    problem* const self = &to;
    to.ways.push_back({name, [self, solve_one]() mutable {
                           for (Eigen::Index b = 0; b < self->batch; ++b)
                               solve_one(self->thetas.data() + b * self->n(),
                                         self->zs.data() + b * self->n());
                       }});
}

}  // namespace imle_benchmarks
