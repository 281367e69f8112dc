#include <imle/concepts/solver.hpp>

#include <functional>
#include <string>

#include "support/catch.hpp"

// The matrix of the Solver concept: as many that are not as that are.

namespace {

using imle::solve_context;
using imle::Solver;

using theta_view = Eigen::TensorMap<const Eigen::Tensor<float, 2, Eigen::RowMajor>>;
using z_view = Eigen::TensorMap<Eigen::Tensor<float, 2, Eigen::RowMajor>>;
using plane = Eigen::Tensor<float, 2, Eigen::RowMajor>;

template <class S>
constexpr bool solves = Solver<S, float, 2, Eigen::RowMajor>;

struct writes {
    void operator()(const theta_view&, z_view&) const {}
};
struct writes_with_context {
    void operator()(const theta_view&, z_view&, const solve_context&) {}
};
struct returns {
    plane operator()(const theta_view& theta) const { return theta; }
};
struct returns_with_context {
    plane operator()(const theta_view& theta, const solve_context&) const { return theta; }
};
struct returns_a_map {
    z_view operator()(const theta_view&) const { return z_view(nullptr, 0, 0); }
};
struct batches : writes {
    void solve_batch(const Eigen::TensorMap<const Eigen::Tensor<float, 3, Eigen::RowMajor>>&,
                     Eigen::TensorMap<Eigen::Tensor<float, 3, Eigen::RowMajor>>&) const {}
};

struct takes_nothing {
    void operator()() const {}
};
struct takes_a_vector {
    void operator()(const Eigen::VectorXf&, Eigen::VectorXf&) const {}
};
struct returns_nothing {
    void operator()(const theta_view&) const {}
};
struct returns_a_number {
    int operator()(const theta_view&) const { return 0; }
};
struct returns_doubles {
    Eigen::Tensor<double, 2, Eigen::RowMajor> operator()(const theta_view&) const { return {}; }
};
struct returns_another_rank {
    Eigen::Tensor<float, 1, Eigen::RowMajor> operator()(const theta_view&) const { return {}; }
};
struct returns_another_layout {
    Eigen::Tensor<float, 2> operator()(const theta_view&) const { return {}; }
};
struct solver_without_copies : writes {
    solver_without_copies() = default;
    solver_without_copies(solver_without_copies&&) = default;
    solver_without_copies(const solver_without_copies&) = delete;
};

inline constexpr auto generic = [](const auto& theta, auto& z) { z = theta; };
inline constexpr auto generic_return = [](const auto& theta) { return theta * 2.0f; };

struct says_nothing {};
struct minimal {
    static constexpr imle::sense sense = imle::sense::minimize;
};
struct maximal {
    static constexpr imle::sense sense = imle::sense::maximize;
};
struct of_another_type {
    static constexpr int sense = 1;
};

}  // namespace

TEST_CASE("Solver: types that model the concept and types that do not", "[concepts]") {
    // The sense: the member, or maximize.
    STATIC_REQUIRE(imle::sense_of<says_nothing> == imle::sense::maximize);
    STATIC_REQUIRE(imle::sense_of<maximal> == imle::sense::maximize);
    STATIC_REQUIRE(imle::sense_of<minimal> == imle::sense::minimize);
    STATIC_REQUIRE(imle::sense_of<const minimal&> == imle::sense::minimize);
    STATIC_REQUIRE(imle::sense_of<of_another_type> == imle::sense::maximize);
    STATIC_REQUIRE(imle::sense_of<void (*)()> == imle::sense::maximize);

    STATIC_REQUIRE(solves<writes>);
    STATIC_REQUIRE(solves<writes_with_context>);
    STATIC_REQUIRE(solves<returns>);
    STATIC_REQUIRE(solves<returns_with_context>);
    STATIC_REQUIRE(solves<returns_a_map>);
    STATIC_REQUIRE(solves<batches>);
    STATIC_REQUIRE(solves<decltype(generic)>);
    STATIC_REQUIRE(solves<decltype(generic_return)>);
    STATIC_REQUIRE(solves<void (*)(theta_view, z_view)>);
    STATIC_REQUIRE(solves<std::function<void(const theta_view&, z_view&)>>);

    STATIC_REQUIRE(!solves<int>);
    STATIC_REQUIRE(!solves<takes_nothing>);
    STATIC_REQUIRE(!solves<takes_a_vector>);
    STATIC_REQUIRE(!solves<returns_nothing>);
    STATIC_REQUIRE(!solves<returns_a_number>);
    STATIC_REQUIRE(!solves<returns_doubles>);
    STATIC_REQUIRE(!solves<returns_another_rank>);
    STATIC_REQUIRE(!solves<returns_another_layout>);
    STATIC_REQUIRE(!solves<solver_without_copies>);
    STATIC_REQUIRE(!solves<std::string>);

    STATIC_REQUIRE(!Solver<writes, double, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(!Solver<writes, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(!Solver<writes, float, 2, Eigen::ColMajor>);
    STATIC_REQUIRE(!Solver<writes, int, 2, Eigen::RowMajor>);

    STATIC_REQUIRE(imle::BatchSolver<batches, float, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(!imle::BatchSolver<writes, float, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(!imle::BatchSolver<batches, double, 2, Eigen::RowMajor>);
}
