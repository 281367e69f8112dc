// Every error that the layer promises, that it names what is wrong, and that the layer works afterwards.

#include <algorithm>
#include <cmath>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <limits>
#include <string>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/repeats.hpp"

using namespace fixtures;
using imle::imle_layer;
using imle::perturbation_target;
using imle::random_key;
using support::message_of;
using support::says;

namespace {

using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<float, 3, Eigen::RowMajor>;

constexpr float quiet_nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

// A cube solver that misbehaves where theta_0 is exactly 7777.
enum class fault { none, throws, not_a_number, infinite, unwritten };
struct faulty_solver {
    fault kind = fault::none;
    void operator()(const imle::const_view<float, 1, Eigen::RowMajor>& theta,
                    imle::mutable_view<float, 1, Eigen::RowMajor>& z,
                    const imle::solve_context& context) const {
        cube_solver(theta, z);
        if (theta(0) != 7777.f) return;
        if (kind == fault::throws)
            throw std::domain_error("instance " + std::to_string(context.instance) + " sample " +
                                    std::to_string(context.sample));
        if (kind == fault::not_a_number) z(1) = quiet_nan;
        if (kind == fault::infinite) z(1) = -infinity;
        if (kind == fault::unwritten) std::copy_n(original(theta).data(), theta.size(), z.data());
    }
    static matrix original(const imle::const_view<float, 1, Eigen::RowMajor>& theta) {
        matrix unwritten(1, theta.size());
        unwritten.setConstant(imle::detail::unwritten<float>());
        return unwritten;
    }
};

struct silent_solver {
    void operator()(const imle::const_view<float, 1, Eigen::RowMajor>&,
                    imle::mutable_view<float, 1, Eigen::RowMajor>& z) const {
        z(0) = 1;  // and leaves the rest
    }
};

// Throws or misbehaves at one element.
struct faulty_noise {
    std::uint64_t element;
    bool throws;
    void fill(random_key key, std::uint64_t first, std::span<float> out) const {
        hashed_noise{}.fill(key, first, out);
        if (element < first || element >= first + out.size()) return;
        if (throws) throw std::domain_error("noise");
        out[element - first] = quiet_nan;
    }
};

// Forgets the last coordinate.
struct forgetful_target {
    void parameters(std::span<const float> theta, std::span<const float>,
                    std::span<float> theta_prime) const {
        std::copy(theta.begin(), theta.end() - 1, theta_prime.begin());
    }
};

matrix ordinary_theta(Eigen::Index batch = 4) {
    return numbers<matrix>({batch, 5}, 1);
}

template <class LayerT>
void check_usable(LayerT& layer) {
    const auto pass = layer.forward(ordinary_theta(), random_key{1});
    CHECK(layer.vjp(pass, ordinary_theta()).size() == 20);
}

}  // namespace

TEST_CASE("errors: bad targets", "[layer][errors]") {
    const auto make = [](perturbation_target target) {
        return message_of<std::invalid_argument>([&] {
            imle_layer layer{cube_solver, hashed_noise{}, target};
        });
    };
    CHECK(make({.alpha = -1}).empty());
    CHECK(says(make({.beta = -1}), {"beta", "-1"}));
    CHECK(says(make({.beta = std::nan("")}), {"beta"}));
    CHECK(says(make({.alpha = HUGE_VAL}), {"alpha", "inf"}));

    // Also when it goes bad later.
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}};
    const auto pass = layer.forward(ordinary_theta(), random_key{1});
    layer.target().beta = -3;
    CHECK(says(message_of<std::invalid_argument>([&] { (void)layer.vjp(pass, ordinary_theta()); }),
               {"beta", "-3"}));
    layer.target().beta = 1;
    check_usable(layer);
}

TEST_CASE("errors: theta and cotangents that are not finite", "[layer][errors]") {
    imle_layer layer{cube_solver, hashed_noise{}, imle::adaptive_target{}, {.samples = 3}};
    for (const float bad : {quiet_nan, infinity, -infinity}) {
        matrix theta = ordinary_theta();
        theta(2, 3) = bad;
        CHECK(says(message_of<std::invalid_argument>([&] { (void)layer.forward(theta, random_key{1}); }),
                   {"theta", "row 2", "coordinate 3", "call_options::mask"}));
        CHECK(says(message_of<std::invalid_argument>([&] { (void)layer.marginals(theta, random_key{1}); }),
                   {"theta"}));
        CHECK(says(
            message_of<std::invalid_argument>([&] { (void)layer.value_and_pullback(theta, random_key{1}); }),
            {"theta"}));
        const auto pass = layer.forward(ordinary_theta(), random_key{1});
        const auto mean = layer.marginals(ordinary_theta(), random_key{1});
        CHECK(
            says(message_of<std::invalid_argument>([&] { (void)layer.vjp(pass, theta); }), {"dz", "row 2"}));
        CHECK(
            says(message_of<std::invalid_argument>([&] { (void)layer.vjp(mean, theta); }), {"dz", "row 2"}));
        cube dz(4, 3, 5);
        dz.setZero();
        dz(1, 2, 0) = bad;
        CHECK(says(message_of<std::invalid_argument>([&] { (void)layer.vjp(pass, dz); }),
                   {"dz", "row 1", "sample 2", "coordinate 0"}));
        CHECK(layer.target().state() == imle::adaptive_target{}.state());
    }
    check_usable(layer);
}

TEST_CASE("errors: shapes that do not fit", "[layer][errors]") {
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 3}};
    const auto pass = layer.forward(ordinary_theta(), random_key{1});
    const auto mean = layer.marginals(ordinary_theta(), random_key{1});
    const auto error = [](auto&& f) { return message_of<std::invalid_argument>(f); };
    CHECK(says(error([&] { (void)layer.vjp(pass, matrix(4, 6)); }), {"dz", "[4, 6]", "[4, 5]"}));
    CHECK(says(error([&] { (void)layer.vjp(pass, matrix(5, 4)); }), {"[5, 4]", "[4, 5]"}));
    CHECK(says(error([&] { (void)layer.vjp(mean, matrix(3, 5)); }), {"[3, 5]", "[4, 5]"}));
    CHECK(says(error([&] { (void)layer.vjp(pass, cube(4, 2, 5)); }), {"[4, 2, 5]", "[4, 3, 5]"}));
    CHECK(says(error([&] { (void)layer.vjp(pass, cube(12, 1, 5)); }), {"[12, 1, 5]"}));
    auto [value, pullback] = layer.value_and_pullback(ordinary_theta(), random_key{1});
    CHECK(says(error([&, &pull = pullback] { pull(cube(4, 2, 5)); }), {"[4, 2, 5]", "[4, 3, 5]"}));
}

TEST_CASE("errors: noise addresses past 64 bits", "[layer][errors]") {
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 3}};
    const auto at = [&](std::uint64_t first) {
        return message_of<std::invalid_argument>(
            [&] { (void)layer.forward(ordinary_theta(), random_key{1}, first); });
    };
    CHECK(says(at(~std::uint64_t{0}), {"first_instance", "64 bits"}));
    CHECK(says(at(~std::uint64_t{0} / 15), {"first_instance"}));
    CHECK(at(~std::uint64_t{0} / 15 - 4).empty());
    imle_layer many{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = Eigen::Index{1} << 62}};
    CHECK(
        says(message_of<std::invalid_argument>([&] { (void)many.forward(ordinary_theta(), random_key{1}); }),
             {"samples", "64 bits"}));
}

TEST_CASE("errors: sums that overflow throw std::invalid_argument", "[layer][errors]") {
    constexpr float huge = std::numeric_limits<float>::max();
    matrix theta = ordinary_theta();
    theta(1, 2) = hashed(random_key{4}, 7) > 0 ? huge : -huge;
    {
        imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.input_temperature = 1e38}};
        CHECK(says(message_of<std::invalid_argument>([&] { (void)layer.forward(theta, random_key{4}); }),
                   {"theta", "input_temperature", "instance 1"}));
        check_usable(layer);
    }
    {
        imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{.beta = 1e10}};
        const auto pass = layer.forward(ordinary_theta(), random_key{1});
        theta.setConstant(1e35f);
        CHECK(says(message_of<std::invalid_argument>([&] { (void)layer.vjp(pass, theta); }),
                   {"theta'", "alpha", "beta", "instance 0"}));
        check_usable(layer);
    }
    {
        // A step too small to divide by.
        imle_layer layer{cube_solver,
                         hashed_noise{},
                         perturbation_target{.beta = 1e-300, .scale_gradient = true},
                         {.target_temperature = 0}};
        const auto pass = layer.forward(ordinary_theta(), random_key{2});
        CHECK(says(message_of<std::invalid_argument>([&] { (void)layer.vjp(pass, ordinary_theta()); }),
                   {"gradient", "step"}));
    }
}

TEST_CASE("errors: a target that forgets a coordinate", "[layer][errors]") {
    imle_layer layer{cube_solver, hashed_noise{}, forgetful_target{}};
    const auto pass = layer.forward(ordinary_theta(), random_key{1});
    CHECK(says(message_of<std::invalid_argument>([&] { (void)layer.vjp(pass, ordinary_theta()); }),
               {"target"}));
}

TEST_CASE("errors: a solver's mistake is a solver_error with instance and sample", "[layer][errors]") {
    for (const int threads : {1, 2, 3})
        for (const fault kind : {fault::not_a_number, fault::infinite, fault::unwritten}) {
            imle_layer layer{
                faulty_solver{kind},
                hashed_noise{},
                perturbation_target{},
                {.samples = 2, .input_temperature = 0, .target_temperature = 0, .threads = threads},
                eager_threads()};
            matrix theta = ordinary_theta(60);
            theta(41, 0) = 7777.f;
            theta(57, 0) = 7777.f;
            try {
                (void)layer.forward(theta, random_key{1}, 100);
                FAIL("no error");
            } catch (const imle::solver_error& error) {
                CHECK(error.instance() == 141);
                CHECK(error.sample() == 0);
                CHECK(says(error.what(), {"instance 141", "sample 0", "finite"}));
            }
            check_usable(layer);
        }
    imle_layer silent{silent_solver{}, hashed_noise{}, perturbation_target{}};
    CHECK(says(message_of<imle::solver_error>([&] { (void)silent.forward(ordinary_theta(), random_key{1}); }),
               {"z[1]", "unwritten"}));
}

namespace {

// Its promise makes a layer take z as it is. It breaks the promise where theta_0 is 7777 or 8888.
struct promising_solver {
    static constexpr bool writes_all = true;
    void operator()(const imle::const_view<float, 1, Eigen::RowMajor>& theta,
                    imle::mutable_view<float, 1, Eigen::RowMajor>& z) const {
        if (theta(0) != 7777.f) cube_solver(theta, z);
        if (theta(0) == 8888.f) z(1) = quiet_nan;
    }
};

}  // namespace

TEST_CASE("errors: z of a solver that promises to write all of it is neither filled nor checked",
          "[layer][errors]") {
    const imle_layer layer{promising_solver{}, imle::no_noise{}, perturbation_target{}};
    matrix theta(1, 3);
    theta.setValues({{1, -2, 3}});
    auto pass = layer.forward(theta, random_key{1});
    const cube z = pass.samples();
    theta(0, 0) = 7777;
    layer.forward_into(theta, random_key{1}, pass);
    CHECK(std::equal(z.data(), z.data() + z.size(), pass.samples().data()));
    theta(0, 0) = 8888;
    CHECK(!imle::detail::is_finite(layer.forward(theta, random_key{1}).samples()(0, 0, 1)));
    CHECK(imle::detail::writes_all<imle::minimizing<promising_solver>>);
    CHECK(!imle::detail::writes_all<imle::minimizing<silent_solver>>);
}

namespace {

// It promises to read only masks, and counts the contexts that it gets.
struct mask_reading_solver {
    static constexpr bool reads_only_masks = true;
    int* contexts_seen;
    template <class ThetasT, class ZsT>
    void solve_batch(const ThetasT& thetas, ZsT& zs) const {
        zs = thetas;
    }
    template <class ThetasT, class ZsT>
    void solve_batch(const ThetasT& thetas, ZsT& zs, std::span<const imle::solve_context> contexts) const {
        *contexts_seen += static_cast<int>(contexts.size());
        zs = thetas;
    }
    void operator()(const imle::const_view<float, 1, Eigen::RowMajor>& theta,
                    imle::mutable_view<float, 1, Eigen::RowMajor>& z, const imle::solve_context&) const {
        ++*contexts_seen;
        z = theta;
    }
};

}  // namespace

TEST_CASE("errors: a solver that promises to read only masks gets contexts only with a mask",
          "[layer][errors]") {
    int seen = 0;
    const imle_layer layer{mask_reading_solver{&seen}, imle::no_noise{}, perturbation_target{},
                           imle::layer_options{.samples = 4}};
    matrix theta(2, 3);
    theta.setValues({{1, -2, 3}, {0.5f, 4, 6}});
    const cube z = layer.forward(theta, random_key{1}).samples();
    CHECK(seen == 0);
    CHECK((z(0, 3, 1) == -2 && z(1, 0, 2) == 6));
    const bool mask[] = {true, true, false};
    const cube masked = layer.forward(theta, random_key{1}, imle::call_options{.mask = mask}).samples();
    CHECK(seen == 8);
    CHECK((masked(0, 3, 1) == -2 && masked(1, 0, 2) == 0));
    CHECK(imle::detail::reads_only_masks<imle::minimizing<mask_reading_solver>>);
    CHECK(!imle::detail::reads_only_masks<imle::minimizing<silent_solver>>);
}

TEST_CASE("errors: a returned tensor of the wrong shape", "[layer][errors]") {
    const auto error = [](auto solver) {
        const imle::perturbed_sampler sampler{solver, hashed_noise{}};
        return message_of<imle::solver_error>([&] { (void)sampler.map(ordinary_theta()); });
    };
    using vector = Eigen::Tensor<float, 1, Eigen::RowMajor>;
    CHECK(error([](const auto&) {
              vector z(5);
              z.setZero();
              return z;
          }).empty());
    CHECK(says(error([](const auto&) {
                   vector z(4);
                   z.setZero();
                   return z;
               }),
               {"[4]", "[5]", "instance 0"}));
    CHECK(says(error([](const auto& theta) {
                   return theta.slice(Eigen::array<Eigen::Index, 1>{0}, Eigen::array<Eigen::Index, 1>{3});
               }),
               {"[3]", "[5]"}));
}

TEST_CASE("errors: noise that is not finite, or throws", "[layer][errors]") {
    // Element 31 is coordinate 1 of instance 2, sample 0 (3 samples of 5 numbers).
    imle_layer layer{cube_solver, faulty_noise{31, false}, perturbation_target{}, {.samples = 3}};
    try {
        (void)layer.forward(ordinary_theta(), random_key{1});
        FAIL("no error");
    } catch (const imle::noise_error& error) {
        CHECK(error.instance() == 2);
        CHECK(error.sample() == 0);
        CHECK(says(error.what(), {"noise", "instance 2"}));
    }
    imle_layer throwing{cube_solver, faulty_noise{31, true}, perturbation_target{}, {.samples = 3}};
    CHECK(message_of<std::domain_error>([&] { (void)throwing.forward(ordinary_theta(), random_key{1}); }) ==
          "noise");
}

TEST_CASE("errors: the lower instance's error comes first, whatever its kind", "[layer][errors]") {
    // The solver fails in instance 0, the noise in instance 2 of the same piece.
    imle_layer layer{faulty_solver{fault::throws},
                     faulty_noise{31, false},
                     perturbation_target{},
                     {.samples = 3, .input_temperature = 1e-30}};
    matrix theta = ordinary_theta();
    theta(0, 0) = 7777.f;
    CHECK(message_of<std::domain_error>([&] { (void)layer.forward(theta, random_key{1}); }) ==
          "instance 0 sample 0");
    theta(0, 0) = 0;
    theta(3, 0) = 7777.f;
    CHECK_THROWS_AS(layer.forward(theta, random_key{1}), imle::noise_error);
}

TEST_CASE("errors: a solver's exception arrives unchanged, the lowest one, from any thread",
          "[layer][errors]") {
    for (const int threads : {1, 2, 3, 0})
        for (const Eigen::Index samples : {1, 200}) {
            imle_layer layer{
                faulty_solver{fault::throws},
                hashed_noise{},
                imle::adaptive_target{},
                {.samples = samples, .input_temperature = 0, .target_temperature = 0, .threads = threads},
                eager_threads()};
            const matrix fine = ordinary_theta(300);
            const auto pass = layer.forward(fine, random_key{1});
            matrix theta = fine;
            for (const Eigen::Index b : {288, 121, 122, 240}) theta(b, 0) = 7777.f;
            for (int repeat = 0; repeat < std::max(support::repeats(5), 2); ++repeat) {
                CHECK(message_of<std::domain_error>([&] { (void)layer.forward(theta, random_key{1}); }) ==
                      "instance 121 sample 0");
                CHECK(message_of<std::domain_error>([&] { (void)layer.marginals(theta, random_key{1}); }) ==
                      "instance 121 sample 0");
            }
            CHECK(layer.target().state() == imle::adaptive_target{}.state());
            CHECK(same_bits(layer.forward(fine, random_key{1}).samples(), pass.samples()));
            check_usable(layer);
        }
}

TEST_CASE("errors: after an exception a worker's solver is copied again", "[layer][errors]") {
    // Counts its solves and fails at the third: with a stale copy it would never fail again, or at once.
    const auto counting = [count = 0](const auto& theta, auto& z) mutable {
        cube_solver(theta, z);
        if (++count == 3) throw std::domain_error("third");
    };
    imle_layer layer{counting, hashed_noise{}, perturbation_target{}};
    for (int repeat = 0; repeat < 3; ++repeat) {
        CHECK(layer.forward(ordinary_theta(2), random_key{1}).samples().size() == 10);
        CHECK(message_of<std::domain_error>([&] { (void)layer.forward(ordinary_theta(2), random_key{1}); }) ==
              "third");
    }
}

TEST_CASE("errors: a failed vjp leaves an adaptive target as it was", "[layer][errors]") {
    imle_layer layer{faulty_solver{fault::throws},
                     hashed_noise{},
                     imle::adaptive_target{{.beta_step = 0.1}},
                     {.input_temperature = 0, .target_temperature = 0}};
    matrix theta = ordinary_theta();
    const auto pass = layer.forward(theta, random_key{1});
    (void)layer.vjp(pass, theta);
    const auto before = layer.target().state();
    CHECK(before.beta != 1.0);
    // A pass from elsewhere, whose theta makes this solver throw.
    theta(2, 0) = 7777.f;
    matrix dz = theta;
    dz.setZero();
    dz(2, 1) = 0.5f;  // what moves nothing would need no solve
    const imle::sampled_pass<float, 2, Eigen::RowMajor> bad(theta, pass.samples(), random_key{1}, 0);
    CHECK_THROWS_AS(layer.vjp(bad, dz), std::domain_error);
    CHECK(layer.target().state() == before);
}

TEST_CASE("errors: a second vjp throws while a target is learning", "[layer][errors]") {
    std::function<void()> reenter = [] {};
    const auto solver = [&reenter](const auto& theta, auto& z) {
        cube_solver(theta, z);
        reenter();
    };
    imle_layer layer{solver, hashed_noise{}, imle::adaptive_target{}};
    const auto pass = layer.forward(ordinary_theta(), random_key{1});
    const auto pull_back = [&] { (void)layer.vjp(pass, ordinary_theta()); };
    const auto before = layer.target().state();
    reenter = pull_back;
    CHECK(says(message_of<std::logic_error>(pull_back), {"in use", "copy the layer"}));
    CHECK(layer.target().state() == before);
    reenter = [] {};
    pull_back();
    CHECK(layer.target().state() != before);
}

TEST_CASE("errors: a solver may call its own layer", "[layer][errors]") {
    int depth = 0;
    std::function<void()> reenter = [] {};
    const auto solver = [&reenter](const auto& theta, auto& z) {
        cube_solver(theta, z);
        reenter();
    };
    imle_layer layer{solver, hashed_noise{}, perturbation_target{}};
    const auto alone = layer.forward(ordinary_theta(), random_key{1});
    reenter = [&] {
        if (++depth == 1)
            CHECK(same_bits(layer.forward(ordinary_theta(), random_key{1}).samples(), alone.samples()));
    };
    CHECK(same_bits(layer.forward(ordinary_theta(), random_key{1}).samples(), alone.samples()));
    CHECK(depth > 1);
}

TEST_CASE("errors: a moved-from layer throws", "[layer][errors]") {
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}};
    auto moved = std::move(layer);
    CHECK(says(message_of<std::logic_error>([&] { (void)layer.forward(ordinary_theta(), random_key{1}); }),
               {"moved from"}));
    CHECK_THROWS_AS(layer.target(), std::logic_error);
    layer = moved;
    check_usable(layer);
}
