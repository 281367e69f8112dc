#include <imle/solvers/per_instance.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/core/errors.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/k_of_groups.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/spanning_tree.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/perturbation_target.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"

namespace per_instance_tests {

namespace {

using imle::solve_context;
using imle::solve_status;
using numbers = Eigen::Tensor<double, 1, Eigen::RowMajor>;
using rows = Eigen::Tensor<double, 2, Eigen::RowMajor>;

// The calls of a solver, over all of its copies.
struct log_of_calls {
    int copies = 0;
    std::vector<std::string> calls;
};

// Writes its number everywhere; counts its copies and notes its calls.
struct numbered {
    double number;
    std::shared_ptr<log_of_calls> log;

    numbered(double n, std::shared_ptr<log_of_calls> l) : number(n), log(std::move(l)) {}
    numbered(const numbered& other) : number(other.number), log(other.log) { ++log->copies; }
    numbered(numbered&&) = default;
    numbered& operator=(const numbered&) = default;
    numbered& operator=(numbered&&) = default;

    void operator()(const imle::const_view<double, 1, Eigen::RowMajor>&,
                    imle::mutable_view<double, 1, Eigen::RowMajor>& z) {
        log->calls.push_back("one");
        z.setConstant(number);
    }
    void solve_batch(const imle::const_view<double, 2, Eigen::RowMajor>& thetas,
                     imle::mutable_view<double, 2, Eigen::RowMajor>& zs) {
        log->calls.push_back(std::to_string(thetas.dimension(0)));
        zs.setConstant(number);
    }
    void solve_from(const imle::const_view<double, 1, Eigen::RowMajor>&,
                    const imle::const_view<double, 1, Eigen::RowMajor>& start,
                    imle::mutable_view<double, 1, Eigen::RowMajor>& z) {
        log->calls.push_back("from");
        z = start + number;
    }
};

// The same with contexts: one, and from a start; a batch without.
struct knows_masks {
    double number;

    void operator()(const imle::const_view<double, 1, Eigen::RowMajor>& theta,
                    imle::mutable_view<double, 1, Eigen::RowMajor>& z, const solve_context& context) const {
        for (Eigen::Index i = 0; i < theta.size(); ++i) z(i) = context.allows(i) ? number : 0;
    }
    void solve_batch(const imle::const_view<double, 2, Eigen::RowMajor>&,
                     imle::mutable_view<double, 2, Eigen::RowMajor>& zs) const {
        zs.setConstant(number);
    }
    solve_status solve_from(const imle::const_view<double, 1, Eigen::RowMajor>& theta,
                            const imle::const_view<double, 1, Eigen::RowMajor>&,
                            imle::mutable_view<double, 1, Eigen::RowMajor>& z,
                            const solve_context& context) const {
        (*this)(theta, z, context);
        return solve_status::not_proven;
    }
};

// Writes nothing but a status.
struct ends_with {
    solve_status status;
    template <class ThetaT, class ZT>
    solve_status operator()(const ThetaT&, ZT& z) const {
        z.setConstant(1);
        return status;
    }
};

std::vector<solve_context> contexts_of(const std::vector<std::uint64_t>& ids) {
    std::vector<solve_context> contexts;
    for (const std::uint64_t id : ids) contexts.push_back({.instance = 100, .id = id});
    return contexts;
}

template <class SolverT>
std::pair<solve_status, std::vector<double>> solve_rows(SolverT& solver, Eigen::Index n,
                                                        const std::vector<solve_context>& contexts) {
    rows thetas(static_cast<Eigen::Index>(contexts.size()), n), zs(thetas.dimensions());
    thetas.setZero();
    const solve_status status = solver.solve_batch(thetas, zs, std::span<const solve_context>(contexts));
    return {status, support::numbers_of(zs)};
}

template <class S>
constexpr bool is_solver = imle::Solver<S, double, 1, Eigen::RowMajor>;

}  // namespace

TEST_CASE("per_instance of top_k: rows of different k in one batch", "[solvers][per_instance]") {
    std::mt19937 random(1);
    const std::vector<imle::top_k<>> originals{imle::top_k{0}, imle::top_k{1}, imle::top_k{2},
                                               imle::top_k{5}};
    imle::per_instance by_vector(originals);
    imle::per_instance by_function([&](std::uint64_t id) { return originals.at(id); });
    STATIC_REQUIRE(std::is_same_v<decltype(by_vector), imle::per_instance<imle::top_k<>>>);
    support::tally wrong;
    for (int trial = 0; trial < 200; ++trial) {
        const Eigen::Index n = 5 + static_cast<Eigen::Index>(random() % 20);
        rows thetas(7, n), zs(7, n), same(7, n);
        std::generate_n(thetas.data(), thetas.size(), [&] { return static_cast<double>(random() % 4); });
        std::vector<solve_context> contexts;
        std::vector<support::mask> masks;
        for (int b = 0; b < 7; ++b) {
            masks.push_back(support::random_mask(static_cast<std::size_t>(n), random));
            contexts.push_back({.id = random() % 4});
            if (b % 2 == 1) contexts.back().mask = masks.back().span();
        }
        const auto status = by_vector.solve_batch(thetas, zs, std::span<const solve_context>(contexts));
        wrong.expect(
            by_function.solve_batch(thetas, same, std::span<const solve_context>(contexts)) == status &&
                support::same_bits(zs, same),
            "by a function: ", same, ", by a vector: ", zs);
        auto worst = solve_status::solved;
        for (Eigen::Index b = 0; b < 7; ++b) {
            const solve_context& context = contexts[static_cast<std::size_t>(b)];
            const numbers theta = thetas.chip<0>(b), in_batch = zs.chip<0>(b);
            numbers expected(n), alone(n);
            imle::top_k solver = originals[context.id];
            const auto expected_status = solver(theta, expected, context);
            if (expected_status != solve_status::solved) worst = expected_status;
            wrong.expect(by_vector(theta, alone, context) == expected_status &&
                             support::same_bits(alone, expected) && support::same_bits(in_batch, expected),
                         "id ", context.id, ": theta ", theta, " gives ", in_batch, " in a batch, ", alone,
                         " alone, not ", expected);
        }
        wrong.expect(status == worst, "status ", status, ", not ", worst);
    }
    CHECK(wrong == 0);
}

TEST_CASE("per_instance in a layer: each instance has its k, by any number of threads",
          "[solvers][per_instance]") {
    const std::vector<imle::top_k<>> originals{imle::top_k{1}, imle::top_k{3}, imle::top_k{2},
                                               imle::top_k{4}};
    rows theta(4, 6);
    theta.setConstant(1);
    const auto samples = [&](auto solver, int threads) {
        imle::imle_layer layer{
            solver, imle::gumbel{}, imle::perturbation_target{}, {.samples = 9, .threads = threads}};
        return layer.forward(theta, imle::random_key{3}).samples();
    };
    const auto z = samples(imle::per_instance(originals), 1);
    support::tally wrong;
    for (Eigen::Index b = 0; b < 4; ++b)
        for (Eigen::Index s = 0; s < 9; ++s) {
            double ones = 0;
            for (Eigen::Index i = 0; i < 6; ++i) ones += z(b, s, i);
            wrong.expect(ones == static_cast<double>(originals[static_cast<std::size_t>(b)].k()), "row ", b);
        }
    CHECK(wrong == 0);
    CHECK(support::same_bits(z, samples(imle::per_instance(originals), 3)));
    CHECK(support::same_bits(
        z, samples(imle::per_instance([&](std::uint64_t id) { return originals[id]; }), 3)));
}

TEST_CASE("per_instance solves items of one id together", "[solvers][per_instance]") {
    const auto log = std::make_shared<log_of_calls>();
    imle::per_instance solver(std::vector<numbered>{{0, log}, {1, log}, {2, log}});
    const auto [status, zs] = solve_rows(solver, 1, contexts_of({1, 1, 1, 0, 2, 2, 1}));
    CHECK(status == solve_status::solved);
    CHECK(zs == std::vector<double>{1, 1, 1, 0, 2, 2, 1});
    CHECK(log->calls == std::vector<std::string>{"3", "1", "2", "1"});

    numbers theta(1), start(1), z(1);
    theta.setZero();
    start.setConstant(5);
    log->calls.clear();
    CHECK(solver(theta, z, solve_context{.id = 2}) == solve_status::solved);
    CHECK(z(0) == 2);
    CHECK(solver.solve_from(theta, start, z, solve_context{.id = 2}) == solve_status::solved);
    CHECK(z(0) == 7);
    CHECK(log->calls == std::vector<std::string>{"one", "from"});

    // If the batch form does not take masks, each item is solved alone.
    imle::per_instance masked(std::vector<knows_masks>{{1}, {2}});
    const support::mask first_only = [] {
        support::mask mask(2);
        mask[1] = false;
        return mask;
    }();
    auto contexts = contexts_of({0, 1, 1, 0});
    contexts[1].mask = first_only.span();
    CHECK(solve_rows(masked, 2, contexts).second == std::vector<double>{1, 1, 2, 0, 2, 2, 1, 1});
    contexts[0].mask = contexts[2].mask = contexts[3].mask = first_only.span();
    CHECK(solve_rows(masked, 2, contexts).second == std::vector<double>{1, 0, 2, 0, 2, 0, 1, 0});
    numbers two(2), start_of_two(2), z_of_two(2);
    two.setZero();
    start_of_two.setZero();
    CHECK(masked.solve_from(two, start_of_two, z_of_two, contexts[1]) == solve_status::not_proven);
    CHECK((z_of_two(0) == 2 && z_of_two(1) == 0));
    // k_of_groups' batch form takes masks.
    imle::per_instance groups(std::vector{imle::k_of_groups{2}, imle::k_of_groups{1}});
    CHECK(solve_rows(groups, 2, contexts_of({0, 1})).second == std::vector<double>{1, 1, 1, 0});
    contexts[3].mask = {};
    const auto answer = solve_rows(groups, 2, contexts);
    CHECK(answer.first == solve_status::infeasible);
    CHECK(answer.second == std::vector<double>{0, 0, 1, 0, 1, 0, 1, 1});
}

TEST_CASE("per_instance: a failure's status is kept, and the others are solved", "[solvers][per_instance]") {
    imle::per_instance solver(std::vector<ends_with>{{solve_status::solved},
                                                     {solve_status::not_proven},
                                                     {solve_status::time_limit},
                                                     {solve_status::infeasible}});
    CHECK(solve_rows(solver, 1, contexts_of({0, 0})).first == solve_status::solved);
    CHECK(solve_rows(solver, 1, contexts_of({0, 1, 0})).first == solve_status::not_proven);
    const auto [status, zs] = solve_rows(solver, 1, contexts_of({1, 2, 3, 0}));
    CHECK(status == solve_status::time_limit);
    CHECK(zs == std::vector<double>{1, 1, 1, 1});
}

TEST_CASE("per_instance copies the solvers that it uses, and few at a time", "[solvers][per_instance]") {
    const auto log = std::make_shared<log_of_calls>();
    std::vector<numbered> many;
    for (int i = 0; i < 130; ++i) many.emplace_back(i, log);
    imle::per_instance original(std::move(many));
    log->copies = 0;
    auto solver = original;
    CHECK(log->copies == 0);
    numbers theta(1), z(1);
    theta.setZero();
    const auto copies_after = [&](std::uint64_t id) {
        solver(theta, z, solve_context{.id = id});
        CHECK(z(0) == static_cast<double>(id));
        return log->copies;
    };
    CHECK(copies_after(3) == 1);
    CHECK(copies_after(3) == 1);
    CHECK(copies_after(4) == 2);
    CHECK(copies_after(3) == 2);
    // 67 shares the place of 3.
    CHECK(copies_after(67) == 3);
    CHECK(copies_after(3) == 4);
    // A copy starts without any; a moved one keeps them.
    auto second = solver;
    CHECK(log->copies == 4);
    second(theta, z, solve_context{.id = 3});
    CHECK(log->copies == 5);
    solver = std::move(second);
    CHECK(copies_after(3) == 5);
    solver = original;
    CHECK(copies_after(3) == 6);

    // A function's solvers are made for each run.
    int made = 0;
    imle::per_instance maker([&](std::uint64_t id) {
        ++made;
        return imle::top_k{static_cast<Eigen::Index>(id)};
    });
    solve_rows(maker, 3, contexts_of({2, 2, 2, 1, 1, 2}));
    CHECK(made == 3);
    // One that it refers to is copied: the solver of another thread must not be used.
    numbered shared(7, log);
    imle::per_instance referring([&](std::uint64_t) -> numbered& { return shared; });
    log->copies = 0;
    CHECK(solve_rows(referring, 1, contexts_of({9})).second == std::vector<double>{7});
    CHECK(log->copies == 1);
}

TEST_CASE("per_instance has the sense of its solvers", "[solvers][per_instance]") {
    const auto says_nothing = [](const auto&, auto& z) { z.setZero(); };
    using maximal = decltype(imle::per_instance(std::vector{imle::top_k{1}}));
    using minimal = decltype(imle::per_instance(std::vector{imle::minimizing(imle::top_k{1})}));
    using silent = decltype(imle::per_instance(std::vector{says_nothing}));
    STATIC_REQUIRE(maximal::sense == imle::sense::maximize);
    STATIC_REQUIRE(minimal::sense == imle::sense::minimize);
    STATIC_REQUIRE(!imle::detail::SaysSense<silent>);

    // Turned round outside or inside: the cheapest two, or one.
    imle::per_instance inside(
        std::vector{imle::minimizing(imle::top_k{2}), imle::minimizing(imle::top_k{1})});
    auto outside = imle::minimizing(imle::per_instance(std::vector{imle::top_k{2}, imle::top_k{1}}));
    numbers cost(3), z(3);
    cost.setValues({3, 1, 2});
    inside(cost, z, solve_context{.id = 0});
    CHECK(support::numbers_of(z) == std::vector<double>{0, 1, 1});
    outside(cost, z, solve_context{.id = 1});
    CHECK(support::numbers_of(z) == std::vector<double>{0, 1, 0});
    const std::vector<solve_context> both = contexts_of({0, 1});
    rows costs(2, 3), zs(2, 3);
    costs.setValues({{3, 1, 2}, {3, 1, 2}});
    outside.solve_batch(costs, zs, std::span<const solve_context>(both));
    CHECK(support::numbers_of(zs) == std::vector<double>{0, 1, 1, 0, 1, 0});
}

TEST_CASE("per_instance of solvers that return z", "[solvers][per_instance]") {
    const auto made = [](std::uint64_t id) {
        return [id](const imle::const_view<double, 1, Eigen::RowMajor>& theta) -> numbers {
            return theta + static_cast<double>(id);
        };
    };
    const auto knowing = [](std::uint64_t) {
        return [](const imle::const_view<double, 1, Eigen::RowMajor>& theta,
                  const solve_context& context) -> numbers {
            return theta + static_cast<double>(context.mask.size());
        };
    };
    imle::per_instance solver(made);
    imle::per_instance with_context(knowing);
    STATIC_REQUIRE(is_solver<decltype(solver)>);
    STATIC_REQUIRE(!imle::BatchSolver<decltype(solver), double, 1, Eigen::RowMajor>);
    numbers theta(1);
    theta.setConstant(5);
    const support::mask one(1);
    CHECK(solver(theta, solve_context{.id = 2})(0) == 7);
    CHECK(with_context(theta, solve_context{.mask = one.span()})(0) == 6);
    CHECK_THROWS_AS(solver(theta, solve_context{.mask = one.span()}), std::invalid_argument);
}

TEST_CASE("per_instance says what is wrong", "[solvers][per_instance][errors]") {
    CHECK_THROWS_WITH(imle::per_instance(std::vector<imle::top_k<>>{}), mentions("solvers is empty"));
    imle::per_instance solver(std::vector{imle::top_k{1}, imle::top_k{2}});
    numbers theta(3), z(3);
    theta.setZero();
    CHECK_THROWS_WITH(solver(theta, z, solve_context{.id = 2}),
                      mentions("context.id is 2") && mentions("below 2, the number of"));
    CHECK_THROWS_AS(solve_rows(solver, 3, contexts_of({0, 5})), std::invalid_argument);
    rows two(2, 3), other(2, 4), zs(2, 3);
    two.setZero();
    const auto contexts = contexts_of({0});
    CHECK_THROWS_WITH(solver.solve_batch(two, zs, std::span<const solve_context>(contexts)),
                      mentions("contexts is a list of 1"));
    const auto both = contexts_of({0, 1});
    CHECK_THROWS_WITH(solver.solve_batch(two, other, std::span<const solve_context>(both)),
                      mentions("[2, 4]"));

    // Solvers without a context cannot know a mask.
    const auto log = std::make_shared<log_of_calls>();
    imle::per_instance blind(std::vector<numbered>{{0, log}});
    const support::mask mask(3);
    auto masked = contexts_of({0, 0});
    masked[1].mask = mask.span();
    CHECK_THROWS_WITH(blind(theta, z, masked[1]),
                      mentions("context.mask is of 3 values") && mentions("no context"));
    CHECK_THROWS_AS(blind.solve_from(theta, theta, z, masked[1]), std::invalid_argument);
    CHECK_THROWS_AS(solve_rows(blind, 3, masked), std::invalid_argument);
}

TEST_CASE("per_instance fits the concepts", "[solvers][per_instance]") {
    using trees = imle::per_instance<imle::spanning_tree>;
    STATIC_REQUIRE(is_solver<trees>);
    STATIC_REQUIRE(imle::BatchSolver<trees, double, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(!imle::Solver<trees, double, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(!imle::WarmSolver<trees, double, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::Solver<imle::per_instance<imle::top_k<>>, float, 3, Eigen::ColMajor>);
    STATIC_REQUIRE(imle::WarmSolver<imle::per_instance<numbered>, double, 1, Eigen::RowMajor>);
    // No form without a context: it would not know whose solver to take.
    STATIC_REQUIRE(!imle::detail::writes<trees, double, 1, Eigen::RowMajor>);
}

}  // namespace per_instance_tests
