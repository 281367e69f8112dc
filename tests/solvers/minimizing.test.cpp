#include <imle/solvers/minimizing.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/top_k.hpp>

#include <cstdint>
#include <span>
#include <vector>

#include "support/catch.hpp"

namespace {

using const_line = imle::const_view<float, 1, Eigen::RowMajor>;
using line = imle::mutable_view<float, 1, Eigen::RowMajor>;
using const_table = imle::const_view<float, 2, Eigen::RowMajor>;
using table = imle::mutable_view<float, 2, Eigen::RowMajor>;
using tensor = Eigen::Tensor<float, 1, Eigen::RowMajor>;
using imle::solve_context;

template <class S>
constexpr bool is_solver = imle::Solver<S, float, 1, Eigen::RowMajor>;

// Which of the forms a solver has, as one number: the layer asks these questions one by one.
template <class S>
constexpr int forms = (imle::detail::writes_with_context<S, float, 1, Eigen::RowMajor> ? 1 : 0) +
                      (imle::detail::writes<S, float, 1, Eigen::RowMajor> ? 2 : 0) +
                      (std::invocable<S&, const_line&> ? 4 : 0) +
                      (imle::detail::solves_batches_with_context<S, float, 1, Eigen::RowMajor> ? 8 : 0) +
                      (imle::detail::solves_batches<S, float, 1, Eigen::RowMajor> ? 16 : 0);

void write_ones(const_line&, line& z) {
    z.setConstant(1);
}

struct batch_solver {
    void operator()(const_line&, line& z) { z.setConstant(1); }
    void solve_batch(const_table&, table& zs, std::span<const solve_context> contexts) {
        zs.setConstant(static_cast<float>(contexts.size()));
    }
};

struct counting_solver {
    int calls = 0;
    void operator()(const const_line&, line& z) { z(0) = static_cast<float>(++calls); }
};

}  // namespace

TEST_CASE("minimizing has the forms of a call that the solver has", "[solvers][minimizing]") {
    auto writes = imle::minimizing([](auto& theta, auto& z) { z = theta * 2.0f; });
    auto writes_in_context = imle::minimizing([](auto& theta, auto& z, const solve_context& context) {
        z = theta * static_cast<float>(context.instance);
    });
    auto returns = imle::minimizing([](auto& theta) -> tensor { return theta * 4.0f; });
    auto returns_in_context = imle::minimizing([](auto& theta, const solve_context& context) -> tensor {
        return theta * static_cast<float>(context.sample);
    });
    auto pointer = imle::minimizing{write_ones};
    auto batches = imle::minimizing{batch_solver{}};

    STATIC_REQUIRE(is_solver<decltype(writes)>);
    STATIC_REQUIRE(is_solver<decltype(writes_in_context)>);
    STATIC_REQUIRE(is_solver<decltype(returns)>);
    STATIC_REQUIRE(is_solver<decltype(returns_in_context)>);
    STATIC_REQUIRE(is_solver<decltype(pointer)>);
    STATIC_REQUIRE(is_solver<decltype(batches)>);
    STATIC_REQUIRE(!is_solver<imle::minimizing<int>>);
    STATIC_REQUIRE(imle::sense_of<decltype(writes)> == imle::sense::minimize);

    STATIC_REQUIRE(forms<decltype(writes)> == 2);
    STATIC_REQUIRE(forms<decltype(writes_in_context)> == 1);
    STATIC_REQUIRE(forms<decltype(returns)> == 4);
    STATIC_REQUIRE(forms<decltype(returns_in_context)> == 0);
    STATIC_REQUIRE(forms<decltype(pointer)> == 2);
    STATIC_REQUIRE(forms<decltype(batches)> == 2 + 8);
    STATIC_REQUIRE(forms<imle::minimizing<imle::top_k<>>> == 2);
    STATIC_REQUIRE(
        imle::BatchSolver<imle::minimizing<imle::grid_shortest_path<>>, float, 2, Eigen::RowMajor>);
    // A generic lambda that writes must not be asked to return: its body would not compile.
    STATIC_REQUIRE(!imle::detail::returns_with_context<decltype(writes), float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(
        imle::detail::returns_with_context<decltype(returns_in_context), float, 1, Eigen::RowMajor>);

    const std::vector<float> theta{1, 2, 3};
    std::vector<float> z(3);
    const_line theta_view(theta.data(), 3);
    line z_view(z.data(), 3);
    const solve_context context{.instance = 3, .sample = 5};
    writes(theta_view, z_view);
    CHECK(z == std::vector<float>{2, 4, 6});
    writes_in_context(theta_view, z_view, context);
    CHECK(z == std::vector<float>{3, 6, 9});
    z_view = returns(theta_view);
    CHECK(z == std::vector<float>{4, 8, 12});
    z_view = returns_in_context(theta_view, context);
    CHECK(z == std::vector<float>{5, 10, 15});
    pointer(theta_view, z_view);
    CHECK(z == std::vector<float>{1, 1, 1});
    const_table thetas_view(theta.data(), 3, 1);
    table zs_view(z.data(), 3, 1);
    const std::vector<solve_context> contexts(7);
    batches.solve_batch(thetas_view, zs_view, std::span(contexts));
    CHECK(z == std::vector<float>{7, 7, 7});
}

TEST_CASE("minimizing keeps the solver's state, and copies are independent", "[solvers][minimizing]") {
    auto solver = imle::minimizing{counting_solver{}};
    const std::vector<float> theta{1};
    std::vector<float> z(1);
    const_line theta_view(theta.data(), 1);
    line z_view(z.data(), 1);
    solver(theta_view, z_view);
    auto copy = solver;
    solver(theta_view, z_view);
    CHECK(z[0] == 2);
    CHECK(solver.base().calls == 2);
    CHECK(copy.base().calls == 1);
}
