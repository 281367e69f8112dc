#include <imle/testing/check_solver.hpp>

#include <imle/solvers/categorical.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/testing/grid_paths.hpp>
#include <imle/testing/k_subsets.hpp>
#include <imle/testing/spanning_trees.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using imle::testing::categories;
using imle::testing::check_solver;
using imle::testing::grid_paths;
using imle::testing::k_subsets;
using imle::testing::law_report;
using imle::testing::spanning_trees;

namespace {

void require_passed(const law_report& report) {
    INFO(report);
    CHECK(report.passed());
}

// Kruskal's algorithm as a lambda: the best tree if `best` is largest, and as costs.
auto kruskal(bool largest) {
    return [largest](auto& theta, auto& z) {
        const spanning_trees k4(4);
        std::vector<std::size_t> order(6);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return largest ? theta.data()[a] > theta.data()[b] : theta.data()[a] < theta.data()[b];
        });
        std::array<std::size_t, 4> tree{0, 1, 2, 3};
        z.setZero();
        for (const std::size_t e : order) {
            const std::size_t kept = tree[k4.edges()[e].first], gone = tree[k4.edges()[e].second];
            if (kept == gone) continue;
            z.data()[e] = 1;
            for (auto& t : tree)
                if (t == gone) t = kept;
        }
    };
}

// One line that checks a solver for both scalars and both layouts.
template <class SolverT, int Rank>
void require_lawful(const SolverT& solver, const imle::testing::enumerated_family<Rank>& family,
                    const imle::testing::check_solver_options& options = {}) {
    require_passed(check_solver<float, Eigen::RowMajor>(solver, family, options));
    require_passed(check_solver<double, Eigen::ColMajor>(solver, family, options));
}

// Solvers for `k_subsets(4, 2)` that each break one law. Right but for the fault.
using theta_view = imle::const_view<float, 1, Eigen::RowMajor>;
using z_view = imle::mutable_view<float, 1, Eigen::RowMajor>;
using thetas_view = imle::const_view<float, 2, Eigen::RowMajor>;
using zs_view = imle::mutable_view<float, 2, Eigen::RowMajor>;

struct right {
    void operator()(theta_view& theta, z_view& z) { imle::top_k{2}(theta, z); }
};
struct leaves_a_cell {
    void operator()(theta_view& theta, z_view& z) {
        const float kept = z(3);
        imle::top_k{2}(theta, z);
        if (z(3) == 0) z(3) = kept;
    }
};
struct takes_three {
    void operator()(theta_view& theta, z_view& z) { imle::top_k{3}(theta, z); }
};
struct takes_the_first {
    void operator()(theta_view&, z_view& z) { z.setValues({1, 1, 0, 0}); }
};
struct takes_the_smallest {
    void operator()(theta_view& theta, z_view& z) {
        const Eigen::Tensor<float, 1, Eigen::RowMajor> turned = -theta;
        imle::top_k{2}(turned, z);
    }
};
struct remembers {  // breaks ties by how often it was called
    int calls = 0;
    void operator()(theta_view& theta, z_view& z) {
        const float tied = theta(0);
        if (++calls % 2 == 0 && theta(1) == tied && theta(2) == tied && theta(3) == tied)
            z.setValues({0, 0, 1, 1});
        else
            imle::top_k{2}(theta, z);
    }
};
struct differs_on_copies {  // a copy breaks ties in another way
    bool is_copy = false;
    differs_on_copies() = default;
    differs_on_copies(const differs_on_copies& other) : copies(other.copies) { is_copy = ++*copies % 2 == 0; }
    std::shared_ptr<int> copies = std::make_shared<int>(0);
    void operator()(theta_view& theta, z_view& z) {
        const float tied = theta(0);
        if (is_copy && theta(1) == tied && theta(2) == tied && theta(3) == tied)
            z.setValues({0, 0, 1, 1});
        else
            imle::top_k{2}(theta, z);
    }
};
struct rounds_small_numbers {  // an absolute tolerance: the fault that scaling finds
    void operator()(theta_view& theta, z_view& z) {
        Eigen::Tensor<float, 1, Eigen::RowMajor> rounded(4);
        for (int i = 0; i < 4; ++i) rounded(i) = std::round(theta(i));
        imle::top_k{2}(rounded, z);
    }
};
struct takes_the_third_for_the_second {  // where they differ by less than `near`
    float near;
    void operator()(theta_view& theta, z_view& z) {
        std::array<int, 4> order{0, 1, 2, 3};
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return theta(a) > theta(b); });
        if (theta(order[1]) - theta(order[2]) < near) std::swap(order[1], order[2]);
        z.setZero();
        z(order[0]) = z(order[1]) = 1;
    }
};
struct minimises_nearly : takes_the_third_for_the_second {
    static constexpr imle::sense sense = imle::sense::minimize;
    void operator()(theta_view& theta, z_view& z) {
        const Eigen::Tensor<float, 1, Eigen::RowMajor> turned = -theta;
        theta_view gain(turned.data(), 4);
        takes_the_third_for_the_second::operator()(gain, z);
    }
};
struct throws_on_zeros {
    void operator()(theta_view& theta, z_view& z) {
        if (theta(0) == 0) throw std::runtime_error("no zeros, please");
        imle::top_k{2}(theta, z);
    }
};
struct batches_otherwise : right {  // wrong in the second half of large batches only
    void solve_batch(thetas_view& thetas, zs_view& zs) {
        for (Eigen::Index b = 0; b < thetas.dimension(0); ++b) {
            theta_view theta(thetas.data() + 4 * b, 4);
            z_view z(zs.data() + 4 * b, 4);
            right::operator()(theta, z);
            if (b > 8) std::swap(z(0), z(1));
        }
    }
};

template <bool trusts_its_start>
struct warm : right {  // a local search, that may trust its start
    void solve_from(theta_view& theta, theta_view& start, z_view& z) {
        right::operator()(theta, z);
        double better = 0;
        for (int i = 0; i < 4; ++i) better += static_cast<double>(theta(i) * (z(i) - start(i)));
        if (trusts_its_start && better < 0.1) z = start;
    }
};

template <class SolverT>
law_report report_of(const SolverT& solver) {
    return check_solver<float>(solver, k_subsets(4, 2));
}

}  // namespace

TEST_CASE("The built-in solvers keep their laws", "[testing][laws]") {
    require_lawful(imle::top_k{3}, k_subsets(6, 3));
    require_lawful(imle::top_k{0}, k_subsets(3, 0));
    require_lawful(imle::top_k<4>{}, k_subsets(4, 4));
    require_lawful(imle::categorical{}, categories(7));
    require_lawful(imle::grid_shortest_path{}, grid_paths(3, 3), {.highest = 0, .trials = 40});
    require_lawful(imle::grid_shortest_path<2, 4>{}, grid_paths(2, 4), {.highest = 0, .trials = 40});
    require_lawful(imle::grid_shortest_path{imle::grid_shortest_path_options{
                       .connectivity = 4, .negative_costs = imle::negative_costs::reject}},
                   grid_paths(3, 4, 4), {.highest = 0, .trials = 40});
}

TEST_CASE("Lambdas and minimising solvers keep the laws", "[testing][laws]") {
    require_lawful(kruskal(true), spanning_trees(4), {.trials = 40});
    require_lawful(imle::minimizing(kruskal(false)), spanning_trees(4), {.trials = 40});
    // The sense matters: each fails as the other.
    CHECK(!check_solver<float>(kruskal(false), spanning_trees(4)).passed());
    CHECK(!check_solver<float>(imle::minimizing(kruskal(true)), spanning_trees(4)).passed());
}

TEST_CASE("Each law that a solver breaks is reported", "[testing][laws]") {
    CHECK(report_of(right{}).passed());
    CHECK(report_of(leaves_a_cell{}).broken("all of z is written"));
    CHECK(report_of(takes_three{}).broken("z is a state"));
    CHECK(report_of(takes_the_first{}).broken("z is optimal"));
    CHECK(report_of(takes_the_smallest{}).broken("z is optimal"));
    CHECK(report_of(takes_the_smallest{}).broken("monotone"));
    CHECK(report_of(remembers{}).broken("deterministic"));
    CHECK(report_of(differs_on_copies{}).broken("deterministic on a copy"));
    CHECK(!report_of(differs_on_copies{}).broken("deterministic"));
    CHECK(report_of(rounds_small_numbers{}).broken("invariant to positive scaling"));
    CHECK(report_of(throws_on_zeros{}).broken("no exception"));
    CHECK(report_of(batches_otherwise{}).failures().size() == 1);
    CHECK(report_of(batches_otherwise{}).broken("solve_batch gives the bits of single solves"));
    CHECK(report_of(warm<false>{}).passed());
    CHECK(report_of(warm<false>{}).trials("solve_from gives the bits of single solves") > 100);
    CHECK(report_of(warm<true>{}).failures().size() == 1);
    CHECK(report_of(warm<true>{}).broken("solve_from gives the bits of single solves"));
    // Outside of its domain the grid solver does not solve the family's problem, and that is seen too.
    CHECK(check_solver<float>(imle::grid_shortest_path{}, grid_paths(3, 3)).broken("z is optimal"));
}

TEST_CASE("A solver that takes near ties for ties is found", "[testing][laws]") {
    for (const float near : {1e-3F, 1e-4F, 2e-4F, 2.0F}) {
        INFO(near);
        CHECK(report_of(takes_the_third_for_the_second{near}).broken("z is optimal"));
        CHECK(report_of(minimises_nearly{{near}}).broken("z is optimal"));
    }
    CHECK(report_of(takes_the_third_for_the_second{0}).passed());
    CHECK(report_of(minimises_nearly{{0}}).passed());
    // A solver with a tolerance of its own says so.
    const law_report tolerated = check_solver<float>(takes_the_third_for_the_second{1e-7F}, k_subsets(4, 2),
                                                     {.lowest = 1, .highest = 2, .tolerance = 1e-6});
    INFO(tolerated);
    CHECK(!tolerated.broken("z is optimal"));
}

TEST_CASE("check_solver takes an instance of no numbers", "[testing][laws]") {
    const imle::testing::enumerated_family<1> nothing("nothing", {0}, {{}});
    require_lawful(imle::top_k{0}, nothing);
    require_lawful([](const auto&, auto& z) { z.setZero(); }, nothing);
}

TEST_CASE("check_solver tries every law, and the same way each time", "[testing][laws]") {
    const auto report =
        check_solver<double>(imle::grid_shortest_path{}, grid_paths(2, 3), {.highest = 0, .seed = 5});
    for (const char* law : {"all of z is written", "z is a state", "z is optimal", "deterministic",
                            "deterministic on a copy", "monotone", "invariant to positive scaling",
                            "solve_batch gives the bits of single solves", "no exception"}) {
        INFO(law);
        CHECK(report.trials(law) > 100);
    }
    CHECK_THROWS_AS(check_solver<float>(right{}, k_subsets(4, 2), {.lowest = 1, .highest = 1}),
                    std::invalid_argument);
    CHECK(report_of(rounds_small_numbers{}).failures() == report_of(rounds_small_numbers{}).failures());
}
