// A layer in steady state allocates nothing but the tensors that it returns.
//
// The linker sends this executable's calls of malloc, operator new and their kin through the counters below
// (--wrap; see tests/CMakeLists.txt).

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include <imle/estimators/conditional_layer.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/alignment.hpp>
#include <imle/solvers/all_or_nothing.hpp>
#include <imle/solvers/arborescence.hpp>
#include <imle/solvers/assignment.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/graph_cut.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/k_of_groups.hpp>
#include <imle/solvers/knapsack.hpp>
#include <imle/solvers/linear_chain.hpp>
#include <imle/solvers/matching.hpp>
#include <imle/solvers/min_cost_flow.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/per_instance.hpp>
#include <imle/solvers/projective_tree.hpp>
#include <imle/solvers/ranking.hpp>
#include <imle/solvers/semi_markov_chain.hpp>
#include <imle/solvers/shortest_path.hpp>
#include <imle/solvers/shortest_paths.hpp>
#include <imle/solvers/spanning_tree.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/solvers/tour_search.hpp>
#include <imle/solvers/travelling_salesman.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/loss_gradient_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "support/catch.hpp"

namespace {
// Counted on every thread: workers must not allocate either.
std::atomic<long> allocations{0};
std::atomic<std::size_t> allocated_bytes{0};

void count(std::size_t size) {
    ++allocations;
    allocated_bytes += size;
}
}  // namespace

extern "C" {
void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* memory, std::size_t size);
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
int __real_posix_memalign(void** memory, std::size_t alignment, std::size_t size);
void* __real__Znwm(std::size_t size);  // operator new
void* __real__ZnwmSt11align_val_t(std::size_t size, std::align_val_t alignment);

void* __wrap_malloc(std::size_t size) {
    count(size);
    return __real_malloc(size);
}
void* __wrap_calloc(std::size_t elements, std::size_t size) {
    count(elements * size);
    return __real_calloc(elements, size);
}
void* __wrap_realloc(void* memory, std::size_t size) {
    count(size);
    return __real_realloc(memory, size);
}
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
    count(size);
    return __real_aligned_alloc(alignment, size);
}
int __wrap_posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
    count(size);
    return __real_posix_memalign(memory, alignment, size);
}
void* __wrap__Znwm(std::size_t size) {
    count(size);
    return __real__Znwm(size);
}
void* __wrap__ZnwmSt11align_val_t(std::size_t size, std::align_val_t alignment) {
    count(size);
    return __real__ZnwmSt11align_val_t(size, alignment);
}
}

namespace {

template <class F>
long allocations_of(F&& f) {
    const long before = allocations;
    f();
    return allocations - before;
}

/// What calls of one shape allocate from the second on: the tensors that are returned, or nothing.
template <class LayerT, class ThetaT>
void check_steady_state(LayerT layer, const ThetaT& theta) {
    auto pass = layer.forward(theta, imle::random_key{0});
    auto mean = layer.marginals(theta, imle::random_key{0});
    auto gradient = layer.vjp(pass, theta);
    (void)layer.vjp(mean, theta);
    auto samples_dz = pass.samples();
    (void)layer.vjp(pass, samples_dz);
    for (std::uint64_t step = 1; step < 4; ++step) {
        const imle::random_key key = imle::random_key{0}.fold_in(step);
        CHECK(allocations_of([&] { (void)layer.forward(theta, key); }) == 2);  // z and a copy of theta
        CHECK(allocations_of([&] { (void)layer.marginals(theta, key); }) == 2);
        CHECK(allocations_of([&] { (void)layer.vjp(pass, theta); }) == 1);
        CHECK(allocations_of([&] { layer.forward_into(theta, key, pass); }) == 0);
        CHECK(allocations_of([&] { layer.marginals_into(theta, key, mean); }) == 0);
        CHECK(allocations_of([&] { layer.vjp_into(pass, theta, gradient); }) == 0);
        CHECK(allocations_of([&] { layer.vjp_into(pass, samples_dz, gradient); }) == 0);
        CHECK(allocations_of([&] { layer.vjp_into(mean, theta, gradient); }) == 0);
    }
}

template <class TensorT>
TensorT some_theta(const std::array<Eigen::Index, TensorT::NumDimensions>& dimensions) {
    TensorT theta(dimensions);
    for (Eigen::Index i = 0; i < theta.size(); ++i)
        theta.data()[i] = static_cast<typename TensorT::Scalar>((i * 7919 % 1009) - 900) / 1000;
    return theta;
}

}  // namespace

TEST_CASE("allocations: the counters count", "[allocations]") {
    // By functions and through a volatile pointer: compilers may leave out what is only made and destroyed.
    CHECK(allocations_of([] {
              void* volatile memory = ::operator new(3);
              ::operator delete(memory);
          }) == 1);
    CHECK(allocations_of([] { Eigen::Tensor<float, 1> tensor(10); }) == 1);
    CHECK(allocations_of([] {
              void* volatile memory = std::calloc(3, 4);
              std::free(memory);
          }) == 1);
}

namespace {

/// Its batches may be cut, and it has no memory of its own.
struct positive_part {
    template <class ThetaT, class ZT>
    void operator()(const ThetaT& theta, ZT& z) const {
        using Scalar = typename ZT::Scalar;
        z = (theta > Scalar(0)).template cast<Scalar>();
    }
    template <class ThetasT, class ZsT>
    void solve_batch(const ThetasT& thetas, ZsT& zs) const {
        (*this)(thetas, zs);
    }
    [[nodiscard]] Eigen::Index batch_width(const auto&) const { return 1; }
};

}  // namespace

TEST_CASE("allocations: only results are allocated in steady state", "[allocations]") {
    using maps = Eigen::Tensor<float, 3, Eigen::RowMajor>;
    using vectors = Eigen::Tensor<double, 2, Eigen::ColMajor>;
    const maps theta = some_theta<maps>({5, 8, 8});
    const vectors numbers = some_theta<vectors>({40, 6});
    check_steady_state(
        imle::conditional_layer{imle::minimizing(imle::k_of_groups{2}), imle::gumbel{}, {.samples = 20}},
        theta);
    // As below, a solver without memory of its own.
    check_steady_state(imle::conditional_layer{imle::categorical{},
                                               imle::exponential{},
                                               {.samples = 20, .threads = 2},
                                               imle::thread_executor{std::chrono::nanoseconds{0}}},
                       numbers);
    const imle::sum_of_gamma sum(8, 10);  // its copies share a table, which takes longer than the calls
    for (const auto side : {imle::difference::forward, imle::difference::central}) {
        const imle::layer_options options{.samples = 20, .difference = side};
        check_steady_state(
            imle::imle_layer{imle::grid_shortest_path{}, sum, imle::perturbation_target{.beta = 5}, options},
            theta);
        check_steady_state(
            imle::imle_layer{imle::top_k{5}, imle::gamma{0.3, 1}, imle::adaptive_target{}, options}, numbers);
        check_steady_state(imle::imle_layer{imle::minimizing(imle::grid_shortest_path{}), imle::gumbel{},
                                            imle::perturbation_target{.beta = 5}, options},
                           theta);
        // With threads, a solver's own memory comes when chance first gives it work; this one has none.
        imle::layer_options with_threads = options;
        with_threads.threads = 2;
        with_threads.sampling = imle::sampling::latin;
        check_steady_state(imle::imle_layer{imle::categorical{}, imle::gumbel{}, imle::loss_gradient_target{},
                                            with_threads, imle::thread_executor{std::chrono::nanoseconds{0}}},
                           numbers);
        // Large instances, whose batches are cut.
        with_threads.sampling = imle::sampling::independent;
        check_steady_state(imle::imle_layer{positive_part{}, imle::gumbel{}, imle::perturbation_target{},
                                            with_threads, imle::thread_executor{std::chrono::nanoseconds{0}}},
                           some_theta<vectors>({4000, 1}));
    }
}

TEST_CASE("allocations: no solver allocates in steady state", "[allocations]") {
    using row_major = Eigen::Tensor<float, 2, Eigen::RowMajor>;
    const auto check_one = [](const std::string& name, auto solver, auto theta) {
        auto z = theta;
        const Eigen::Array<bool, Eigen::Dynamic, 1> mask =
            Eigen::Array<bool, Eigen::Dynamic, 1>::Constant(theta.size(), true);
        const imle::solve_context masked{.mask = {mask.data(), static_cast<std::size_t>(mask.size())}};
        const auto solve = [&] { static_cast<void>(solver(theta, z, imle::solve_context{})); };
        const auto solve_masked = [&] { static_cast<void>(solver(theta, z, masked)); };
        solve();
        solve_masked();
        // Other numbers of the same shape: what one instance needs must not depend on chance.
        for (Eigen::Index i = 0; i < theta.size(); ++i) theta.data()[i] *= i % 3 == 0 ? -0.5F : 1.0F;
        INFO(name);
        CHECK(allocations_of(solve) == 0);
        CHECK(allocations_of(solve_masked) == 0);
    };
    const auto check = [&](const std::string& name, auto solver, auto theta) {
        check_one(name, solver, theta);
        check_one("minimizing " + name, imle::minimizing(solver), theta);
    };
    const auto numbers = [](Eigen::Index n) {
        Eigen::Tensor<float, 1, Eigen::RowMajor> theta(n);
        for (Eigen::Index i = 0; i < n; ++i) theta(i) = static_cast<float>((i * 7919 % 1009) - 500) / 100;
        return theta;
    };
    const std::vector<double> weights(30, 3.0);
    const auto graph = imle::grid_graph(6, 6);
    check("ranking", imle::ranking{}, numbers(300));
    check("k_of_groups", imle::k_of_groups{2, {30, 40, 50}}, numbers(120));
    check("knapsack", imle::knapsack{weights, 31.0}, numbers(30));
    check("graph_cut",
          imle::graph_cut{
              12, imle::complete_graph_edges(12), {.negative_scores = imle::negative_scores::clamp}},
          numbers(78));
    check("matching", imle::matching{12, imle::complete_graph_edges(12)}, numbers(66));
    check("matching, perfect", imle::matching{12, imle::complete_graph_edges(12), {.perfect = true}},
          numbers(66));
    check("spanning_tree", imle::spanning_tree{12, imle::complete_graph_edges(12)}, numbers(66));
    check("shortest_path", imle::shortest_path{graph, 0, 35},
          numbers(static_cast<Eigen::Index>(graph.edges().size())));
    const std::vector<imle::od_pair> pairs{{0, 35}, {5, 30}};
    check("shortest_paths", imle::shortest_paths{graph, pairs},
          numbers(static_cast<Eigen::Index>(graph.edges().size())));
    const std::vector<imle::demand> demands{{0, 35, 2.0}, {5, 30, 1.0}};
    check("all_or_nothing", imle::all_or_nothing{graph, demands},
          numbers(static_cast<Eigen::Index>(graph.edges().size())));
    std::vector<std::int64_t> supplies(36, 0);
    supplies.front() = 2;
    supplies.back() = -2;
    check("min_cost_flow",
          imle::min_cost_flow{graph, supplies, std::vector<std::int64_t>(graph.edges().size(), 1)},
          numbers(static_cast<Eigen::Index>(graph.edges().size())));
    check("per_instance", imle::per_instance(std::vector{imle::ranking{}}), numbers(300));
    check("tour_search", imle::tour_search{{.kicks = 20}}, some_theta<row_major>({20, 20}));
    check("assignment", imle::assignment{}, some_theta<row_major>({9, 12}));
    check("alignment", imle::alignment{}, some_theta<row_major>({9, 12}));
    using chains = Eigen::Tensor<float, 3, Eigen::RowMajor>;
    check("linear_chain", imle::linear_chain{}, some_theta<chains>({6, 5, 5}));
    using segments = Eigen::Tensor<float, 4, Eigen::RowMajor>;
    check("semi_markov_chain", imle::semi_markov_chain{3}, some_theta<segments>({6, 3, 2, 2}));
    check("arborescence", imle::arborescence{}, some_theta<row_major>({20, 20}));
    check("projective_tree", imle::projective_tree{}, some_theta<row_major>({20, 20}));
    check("travelling_salesman", imle::travelling_salesman{}, some_theta<row_major>({8, 8}));
    check("grid_shortest_path", imle::grid_shortest_path{}, some_theta<row_major>({40, 40}));
}

TEST_CASE("allocations: a longer sentence in the same padding allocates nothing", "[allocations]") {
    const auto check = [](auto solver) {
        const auto theta = some_theta<Eigen::Tensor<double, 2, Eigen::RowMajor>>({20, 20});
        auto z = theta;
        const auto solve = [&](Eigen::Index words) {
            std::array<bool, 400> allowed{};
            for (Eigen::Index i = 0; i < 400; ++i)
                allowed[static_cast<std::size_t>(i)] = i / 20 < words && i % 20 < words;
            solver(theta, z, imle::solve_context{.mask = allowed});
        };
        solve(2);
        CHECK(allocations_of([&] { solve(20); }) == 0);
    };
    check(imle::arborescence{});
    check(imle::projective_tree{{.roots = imle::roots::any}});
}

TEST_CASE("allocations: marginals of 50,000 samples take the memory of ten", "[allocations][slow]") {
    using maps = Eigen::Tensor<float, 3, Eigen::RowMajor>;
    const maps theta = some_theta<maps>({1, 16, 16}), dz = some_theta<maps>({1, 16, 16});
    const auto bytes = [&](Eigen::Index samples) {
        const std::size_t before = allocated_bytes;
        imle::imle_layer layer{imle::grid_shortest_path{},
                               imle::gumbel{},
                               imle::perturbation_target{.beta = 5},
                               {.samples = samples}};
        const auto pass = layer.marginals(theta, imle::random_key{1});
        (void)layer.vjp(pass, dz);
        return allocated_bytes - before;  // all that was ever asked for, whether still there or not
    };
    (void)bytes(10);                                         // tables that are made once
    const std::size_t few = bytes(10), many = bytes(50000);  // z alone: 51 MB
    INFO(few << " and " << many << " bytes");
    // Solves come in pieces of up to 64 maps rather than 10, and sums in up to 16 chunks.
    CHECK(many < few + 512 * 1024);
    CHECK(few > 16 * 16 * sizeof(float));
}
