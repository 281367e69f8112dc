#include <imle/estimators/diagnose.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <imle/estimators/blackbox.hpp>
#include <imle/estimators/exact_layer.hpp>
#include <imle/estimators/negative_identity_layer.hpp>
#include <imle/estimators/perturbed_layer.hpp>
#include <imle/estimators/score_function_layer.hpp>
#include <imle/families/softmax_family.hpp>
#include <imle/noise/gamma_sampler.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/loss_gradient_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<double, 3, Eigen::RowMajor>;
using imle::gradient_report;
using imle::random_key;

const random_key key{5};

matrix some_theta(Eigen::Index batch = 6, Eigen::Index n = 5) {
    return fixtures::numbers<matrix>({batch, n}, 1);
}
matrix some_dz(Eigen::Index batch = 6, Eigen::Index n = 5) {
    return fixtures::numbers<matrix>({batch, n}, 2);
}

bool same(double a, double b) {
    return a == b || (std::isnan(a) && std::isnan(b));
}

// Everything but the time.
bool same(const gradient_report& a, const gradient_report& b) {
    return same(a.unchanged_share, b.unchanged_share) && same(a.mean_changed, b.mean_changed) &&
           same(a.map_share, b.map_share) && same(a.relative_step, b.relative_step) &&
           same(a.signal_to_noise, b.signal_to_noise) && same(a.cosine_of_halves, b.cosine_of_halves) &&
           same(a.suggested_beta, b.suggested_beta) && a.suggested_samples == b.suggested_samples &&
           a.suggested_difference == b.suggested_difference && a.suggested_sampling == b.suggested_sampling &&
           same(a.beta, b.beta) && a.samples == b.samples && a.advice == b.advice;
}

std::string printed(const gradient_report& report) {
    std::ostringstream out;
    out << report;
    return out.str();
}

// What every report must be.
template <class LayerT>
gradient_report checked_report(const LayerT& layer, const matrix& theta, const matrix& dz) {
    const gradient_report report = imle::diagnose(layer, theta, dz, key);
    CHECK(same(imle::diagnose(layer, theta, dz, key), report));
    CHECK(report.samples == layer.sample_count());
    for (const double share : {report.unchanged_share, report.map_share})
        CHECK((std::isnan(share) || (share >= 0 && share <= 1)));
    const std::string text = printed(report);
    CHECK(std::count(text.begin(), text.end(), '\n') ==
          7 + static_cast<std::ptrdiff_t>(report.advice.size()));
    CHECK(text.find("nan") == std::string::npos);
    return report;
}

// The single-sample gradients of a layer whose samples can be silenced by a cotangent of 0: alpha = 1 and
// equal temperatures.
template <class LayerT>
std::vector<std::vector<double>> sample_gradients(const LayerT& layer, const matrix& theta,
                                                  const matrix& dz) {
    const auto pass = layer.forward(theta, key);
    std::vector<std::vector<double>> all;
    for (Eigen::Index s = 0; s < layer.sample_count(); ++s) {
        cube one(theta.dimension(0), layer.sample_count(), theta.dimension(1));
        one.setZero();
        one.chip<1>(s) = dz;
        const matrix gradient = layer.vjp(pass, one) * static_cast<double>(layer.sample_count());
        all.push_back(support::numbers_of(gradient));
    }
    return all;
}

double product(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

}  // namespace

TEST_CASE("A report's counts are those of the layer", "[estimators][diagnose]") {
    const auto difference = GENERATE(imle::difference::forward, imle::difference::central);
    const matrix theta = some_theta(), dz = some_dz();
    const imle::imle_layer layer{imle::top_k{2},
                                 imle::gumbel{},
                                 imle::adaptive_target{{.initial_beta = 0.7}},
                                 {.samples = 9, .difference = difference, .statistics = true}};
    const gradient_report report = checked_report(layer, theta, dz);

    imle::imle_layer counting(layer);
    const auto pass = counting.forward(theta, key);
    const imle::target_sums sums = counting.sums(pass, dz);
    const auto counts = counting.vjp_shard(pass, dz, sums).second;
    CHECK(report.mean_changed == Approx(static_cast<double>(counts.nonzeros) / 54));
    CHECK(report.unchanged_share == Approx(counting.statistics().zero_share()));
    CHECK(report.unchanged_share > 0);
    CHECK(report.unchanged_share < 1);
    CHECK(report.beta == 0.7);
    CHECK(report.relative_step == Approx(counting.target().lambda(sums) * sums.dz_rms() / sums.theta_rms()));
    CHECK(report.relative_step == Approx(0.7));

    const matrix map = counting.map(theta);
    int equal = 0;
    for (Eigen::Index row = 0; row < 6; ++row)
        for (Eigen::Index s = 0; s < 9; ++s)
            equal += std::equal(&map(row, 0), &map(row, 0) + 5, &pass.samples()(row, s, 0)) ? 1 : 0;
    CHECK(report.map_share == Approx(equal / 54.0));
    CHECK(report.solve_seconds > 0);
    CHECK(report.solve_seconds < 1e-2);
}

TEST_CASE("Signal, noise and agreement are those of the samples' gradients", "[estimators][diagnose]") {
    const matrix theta = some_theta(), dz = some_dz();
    const imle::imle_layer layer{
        imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{.beta = 2}, {.samples = 7}};
    const gradient_report report = checked_report(layer, theta, dz);
    const auto gradients = sample_gradients(layer, theta, dz);
    std::vector<double> first(30), second(30), whole(30);
    double squares = 0;
    for (std::size_t s = 0; s < 7; ++s)
        for (std::size_t i = 0; i < 30; ++i) {
            (s < 4 ? first : second)[i] += gradients[s][i];
            whole[i] += gradients[s][i] / 7;
            squares += gradients[s][i] * gradients[s][i];
        }
    CHECK(report.cosine_of_halves ==
          Approx(product(first, second) / std::sqrt(product(first, first) * product(second, second))));
    // The variance of one sample's gradient, and the square of the mean without the noise's part.
    const double variance = (squares - 7 * product(whole, whole)) / 6;
    const double signal = product(whole, whole) - variance / 7;
    CHECK(report.signal_to_noise == Approx(std::sqrt(signal / (variance / 7))));
    CHECK(report.relative_step > 0);
    if (report.suggested_beta == report.beta)
        CHECK(static_cast<double>(report.suggested_samples) == std::ceil(18 * variance / signal));
}

TEST_CASE("The suggested number of samples gives a cosine of 0.9 of the halves",
          "[estimators][diagnose][draws]") {
    const matrix theta = some_theta(40), dz = some_dz(40);
    const auto with = [](double beta, Eigen::Index samples) {
        return imle::imle_layer{
            imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{.beta = beta}, {.samples = samples}};
    };
    for (const Eigen::Index samples : {2, 8, 64}) {
        const gradient_report report = imle::diagnose(with(1, samples), theta, dz, key);
        CAPTURE(samples, report.suggested_samples, report.suggested_beta);
        // The halves as calls of their own: a report would search for a beta too.
        const auto half = with(report.suggested_beta, report.suggested_samples / 2);
        const auto gradient = [&](std::uint64_t k) {
            return support::numbers_of(
                matrix(half.vjp(half.marginals(theta, random_key{77}.fold_in(k)), dz)));
        };
        double mean = 0;
        for (std::uint64_t k = 0; k < 8; ++k) {
            const auto a = gradient(2 * k), b = gradient(2 * k + 1);
            mean += product(a, b) / std::sqrt(product(a, a) * product(b, b)) / 8;
        }
        CHECK(mean == Approx(0.9).margin(0.03));
    }
}

TEST_CASE("Stratified samples are advised where they gain", "[estimators][diagnose][draws]") {
    const matrix theta = some_theta(24, 10), dz = some_dz(24, 10);
    const auto report_with = [&](const auto& noise, imle::sampling sampling, Eigen::Index samples) {
        return checked_report(imle::imle_layer{imle::top_k{5}, noise, imle::perturbation_target{.beta = 1},
                                               imle::layer_options{.samples = samples,
                                                                   .difference = imle::difference::central,
                                                                   .sampling = sampling}},
                              theta, dz);
    };
    const gradient_report plain = report_with(imle::gumbel{}, imle::sampling::independent, 16);
    CHECK(plain.suggested_sampling == imle::sampling::latin);
    CHECK_THAT(printed(plain), mentions("take sampling::latin"));
    const gradient_report latin = report_with(imle::gumbel{}, imle::sampling::latin, 16);
    CHECK(latin.suggested_sampling == imle::sampling::latin);
    CHECK_THAT(printed(latin), mentions("keep sampling::latin"));
    CHECK(!report_with(imle::gumbel{}, imle::sampling::independent, 1).suggested_sampling);
    CHECK(!report_with(imle::gamma_sampler{2, 1}, imle::sampling::independent, 16).suggested_sampling);
    // The gain is that of the gradients: measured again with 80 keys.
    const auto variance = [&](imle::sampling sampling) {
        const imle::imle_layer layer{
            imle::top_k{5}, imle::gumbel{}, imle::perturbation_target{.beta = plain.suggested_beta},
            imle::layer_options{
                .samples = 16, .difference = imle::difference::central, .sampling = sampling}};
        matrix sum(24, 10), squares(24, 10);
        sum.setZero();
        squares.setZero();
        for (std::uint64_t i = 0; i < 80; ++i) {
            const matrix gradient = layer.vjp(layer.forward(theta, key.fold_in(1000 + i)), dz);
            sum += gradient;
            squares += gradient * gradient;
        }
        const Eigen::Tensor<double, 0, Eigen::RowMajor> whole = (squares - sum * sum / 80.0).sum();
        return whole() / 79;
    };
    const double gain = variance(imle::sampling::independent) / variance(imle::sampling::latin);
    const auto said = std::find_if(plain.advice.begin(), plain.advice.end(),
                                   [](const std::string& line) { return line.starts_with("take sampling"); });
    REQUIRE(said != plain.advice.end());
    const double found = std::stod(said->substr(said->find(" is ") + 4));
    CHECK(found > 0.8 * gain);
    CHECK(found < 1.25 * gain);
}

TEST_CASE("Every layer has a report", "[estimators][diagnose]") {
    const matrix theta = some_theta(), dz = some_dz();
    const imle::layer_options four{.samples = 4};
    SECTION("with a step") {
        for (const gradient_report& report :
             {checked_report(
                  imle::imle_layer{imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{}, four}, theta,
                  dz),
              checked_report(imle::imle_layer{imle::categorical{}, imle::multiplicative{},
                                              imle::adaptive_target{}, four},
                             theta, dz),
              checked_report(imle::imle_layer{imle::top_k{2}, imle::gumbel{},
                                              imle::instance_adaptive_target{{.initial_beta = 0.5}}, four},
                             theta, dz),
              checked_report(imle::imle_layer{imle::minimizing(imle::top_k{2}), imle::gumbel{},
                                              imle::perturbation_target{.alpha = 0, .beta = 3}, four},
                             theta, dz),
              checked_report(imle::imle_layer{imle::top_k{2},
                                              imle::gumbel{},
                                              imle::perturbation_target{},
                                              {.samples = 4, .target_temperature = 0.5}},
                             theta, dz)}) {
            CHECK(report.unchanged_share >= 0);
            CHECK(report.mean_changed >= 0);
            CHECK(report.map_share >= 0);
            CHECK(report.relative_step > 0);
            CHECK(report.suggested_beta > 0);
            CHECK(report.suggested_samples > 0);
            CHECK(report.suggested_difference);
        }
    }
    SECTION("blackbox: no noise") {
        const gradient_report report = checked_report(imle::blackbox(imle::top_k{2}, 3.0), theta, dz);
        CHECK(report.map_share == 1);
        CHECK(report.signal_to_noise == std::numeric_limits<double>::infinity());
        CHECK(report.cosine_of_halves == Approx(1));
        CHECK(report.suggested_beta > 0);
        CHECK(report.suggested_samples == 1);
        CHECK(!report.suggested_difference);
    }
    SECTION("a target without a beta") {
        const gradient_report report = checked_report(
            imle::imle_layer{imle::top_k{2}, imle::gumbel{}, imle::loss_gradient_target{}, four}, theta, dz);
        CHECK(report.unchanged_share >= 0);
        CHECK(std::isnan(report.relative_step));
        CHECK(std::isnan(report.suggested_beta));
        CHECK(report.suggested_samples > 0);
        CHECK_THAT(printed(report), mentions("this layer has no beta"));
    }
    SECTION("no solutions to compare") {
        for (const gradient_report& report :
             {checked_report(imle::perturbed_layer{imle::top_k{2}, imle::gumbel{}, {.samples = 4}}, theta,
                             dz),
              checked_report(imle::straight_through_layer{imle::top_k{2}, imle::gumbel{}, four}, theta, dz),
              checked_report(imle::negative_identity_layer{imle::top_k{2},
                                                           {.projection = imle::projection::standardize}},
                             theta, dz),
              checked_report(imle::score_function_layer{imle::softmax_family{}, {.samples = 4}}, theta, dz),
              checked_report(imle::exact_layer{imle::softmax_family{}, {.samples = 4}}, theta, dz)}) {
            CHECK(std::isnan(report.unchanged_share));
            CHECK(std::isnan(report.mean_changed));
            CHECK(std::isnan(report.relative_step));
            CHECK(std::isnan(report.suggested_beta));
            CHECK(!report.suggested_difference);
            CHECK(std::abs(report.cosine_of_halves) <= 1.0000001);
            CHECK_THAT(printed(report), mentions("this layer compares no solutions"));
        }
    }
}

TEST_CASE("Layers without a step: what is known of them", "[estimators][diagnose]") {
    const matrix theta = some_theta(), dz = some_dz();
    cube samples_dz = fixtures::numbers<cube>({6, 4, 5}, 8);
    const imle::layer_options four{.samples = 4};
    SECTION("straight-through and exact: dz is the only noise") {
        const imle::straight_through_layer straight{imle::top_k{2}, imle::gumbel{}, four};
        const gradient_report none = imle::diagnose(straight, theta, dz, key);
        CHECK(none.signal_to_noise == std::numeric_limits<double>::infinity());
        CHECK(none.map_share < 1);
        CHECK(none.solve_seconds > 0);
        const imle::exact_layer exact{imle::softmax_family{}, {.samples = 4}};
        CHECK(imle::diagnose(exact, theta, dz, key).cosine_of_halves == Approx(1));
        CHECK(std::abs(imle::diagnose(exact, theta, dz, key).map_share - 0.5) < 0.5);
        CHECK(std::isnan(imle::diagnose(exact, theta, dz, key).solve_seconds));
        const gradient_report some = imle::diagnose(straight, theta, samples_dz, key);
        matrix first(6, 5), second(6, 5);
        first = (samples_dz.chip<1>(0) + samples_dz.chip<1>(1)) / 2.0;
        second = (samples_dz.chip<1>(2) + samples_dz.chip<1>(3)) / 2.0;
        const auto a = support::numbers_of(first), b = support::numbers_of(second);
        CHECK(some.cosine_of_halves == Approx(product(a, b) / std::sqrt(product(a, a) * product(b, b))));
        CHECK(imle::diagnose(exact, theta, samples_dz, key).cosine_of_halves < 0.999);
    }
    SECTION("two keys") {
        const imle::perturbed_layer layer{imle::top_k{2}, imle::gumbel{}, {.samples = 4}};
        const gradient_report report = imle::diagnose(layer, theta, dz, key);
        const auto a = support::numbers_of(layer.vjp(layer.forward(theta, key), dz));
        const auto b = support::numbers_of(layer.vjp(layer.forward(theta, key.fold_in(1)), dz));
        CHECK(report.cosine_of_halves == Approx(product(a, b) / std::sqrt(product(a, a) * product(b, b))));
        std::vector<double> apart(a.size());
        for (std::size_t i = 0; i < a.size(); ++i) apart[i] = a[i] - b[i];
        const double signal = product(a, b), noise = product(apart, apart) / 2;
        CHECK(report.signal_to_noise == Approx(signal > 0 ? std::sqrt(signal / noise) : 0).margin(1e-12));
    }
    SECTION("halves of the samples") {
        const imle::score_function_layer layer{imle::softmax_family{}, {.samples = 40}};
        const imle::score_function_layer half{imle::softmax_family{}, {.samples = 20}};
        const gradient_report report = imle::diagnose(layer, theta, dz, key);
        const auto pass = layer.forward(theta, key);
        std::array<std::vector<double>, 2> gradients;
        for (Eigen::Index h = 0; h < 2; ++h) {
            const cube z = pass.samples().slice(std::array<Eigen::Index, 3>{0, 20 * h, 0},
                                                std::array<Eigen::Index, 3>{6, 20, 5});
            gradients[static_cast<std::size_t>(h)] = support::numbers_of(
                half.vjp(imle::sampled_pass<double, 2, Eigen::RowMajor>(theta, z, key, 0), dz));
        }
        const auto& [a, b] = gradients;
        CHECK(report.cosine_of_halves == Approx(product(a, b) / std::sqrt(product(a, a) * product(b, b))));
    }
    SECTION("one sample where two are needed: as vjp") {
        const imle::score_function_layer layer{imle::softmax_family{}};
        CHECK_THROWS_AS(imle::diagnose(layer, theta, dz, key), std::invalid_argument);
    }
}

TEST_CASE("A diagnosis changes nothing", "[estimators][diagnose]") {
    const matrix theta = some_theta(), dz = some_dz();
    SECTION("an adaptive target, and statistics") {
        imle::imle_layer layer{
            imle::top_k{2}, imle::gumbel{}, imle::adaptive_target{}, {.samples = 3, .statistics = true}};
        const auto pass = layer.forward(theta, key);
        (void)layer.vjp(pass, dz);
        const auto state = layer.target().state();
        const imle::call_statistics before = layer.statistics();
        (void)imle::diagnose(std::as_const(layer), theta, dz, key);
        CHECK(layer.target().state() == state);
        CHECK(layer.statistics().seconds == before.seconds);
        CHECK(layer.statistics().solves == before.solves);
        CHECK(layer.statistics().differences == before.differences);
    }
    SECTION("statistics that copies share") {
        const imle::straight_through_layer layer{
            imle::top_k{2}, imle::gumbel{}, {.samples = 3, .statistics = true}};
        (void)layer.forward(theta, key);
        const imle::call_statistics before = layer.statistics();
        (void)imle::diagnose(layer, theta, dz, key);
        CHECK(layer.statistics().seconds == before.seconds);
        CHECK(layer.statistics().solves == before.solves);
    }
}

TEST_CASE("A diagnosis takes what the calls take", "[estimators][diagnose]") {
    const matrix theta = some_theta(), dz = some_dz();
    const imle::imle_layer layer{
        imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{.beta = 1.5}, {.samples = 4}};
    const gradient_report report = imle::diagnose(layer, theta, dz, key);
    SECTION("a cotangent for each sample") {
        cube each(6, 4, 5);
        for (Eigen::Index s = 0; s < 4; ++s) each.chip<1>(s) = dz;
        CHECK(same(imle::diagnose(layer, theta, each, key), report));
    }
    SECTION("costs") {
        const imle::imle_layer minimal{imle::minimizing(imle::top_k{2}),
                                       imle::gumbel{},
                                       imle::perturbation_target{.beta = 1.5},
                                       {.samples = 4}};
        CHECK(same(imle::diagnose(minimal, -theta, dz, key), report));
    }
    SECTION("expressions") {
        CHECK(same(imle::diagnose(layer, 0.5 * (theta + theta), -(-dz), key), report));
    }
    SECTION("column-major, batch last and batch first") {
        Eigen::Tensor<double, 2> last(5, 6), last_dz(5, 6), first(6, 5), first_dz(6, 5);
        for (Eigen::Index b = 0; b < 6; ++b)
            for (Eigen::Index i = 0; i < 5; ++i) {
                first(b, i) = last(i, b) = theta(b, i);
                first_dz(b, i) = last_dz(i, b) = dz(b, i);
            }
        CHECK(same(imle::diagnose(layer, last, last_dz, key), report));
        CHECK(same(imle::diagnose(layer, imle::batch_first(first), first_dz, key), report));
        Eigen::Tensor<double, 3> each(6, 4, 5);
        for (Eigen::Index s = 0; s < 4; ++s) each.chip<1>(s) = first_dz;
        CHECK(same(imle::diagnose(layer, imle::batch_first(first), each, key), report));
        CHECK(imle::diagnose(imle::perturbed_layer{imle::top_k{2}, imle::gumbel{}, {.samples = 4}},
                             imle::batch_first(first), first_dz, key)
                  .samples == 4);
    }
    SECTION("float") {
        const Eigen::Tensor<float, 2, Eigen::RowMajor> f = theta.cast<float>(), df = dz.cast<float>();
        const gradient_report of_floats = imle::diagnose(layer, f, df, key);
        CHECK(of_floats.unchanged_share == Approx(report.unchanged_share).margin(0.1));
        CHECK(of_floats.suggested_beta > 0);
    }
    SECTION("first_instance") {
        const gradient_report shifted = imle::diagnose(layer, theta, dz, key, 7);
        CHECK(!same(shifted, report));
        CHECK(same(imle::diagnose(layer, theta, dz, key, imle::call_options{.first_instance = 7}), shifted));
    }
    SECTION("threads") {
        const imle::imle_layer threaded{imle::top_k{2},
                                        imle::gumbel{},
                                        imle::perturbation_target{.beta = 1.5},
                                        {.samples = 4, .threads = 3}};
        CHECK(same(imle::diagnose(threaded, theta, dz, key), report));
    }
    SECTION("a mask: what it forbids may be anything") {
        std::array<bool, 30> mask;
        mask.fill(true);
        for (const std::size_t i : {0u, 7u, 13u}) mask[i] = false;
        matrix other = theta, other_dz = dz;
        for (const Eigen::Index i : {0, 7, 13}) {
            other.data()[i] = -1e300;
            other_dz.data()[i] = std::numeric_limits<double>::quiet_NaN();
        }
        const gradient_report masked =
            imle::diagnose(layer, theta, dz, key, imle::call_options{.mask = mask});
        CHECK(!same(masked, report));
        CHECK(same(imle::diagnose(layer, other, other_dz, key, imle::call_options{.mask = mask}), masked));
        const imle::exact_layer exact{imle::softmax_family{}, {.samples = 4}};
        CHECK(same(imle::diagnose(exact, other, other_dz, key, imle::call_options{.mask = mask}),
                   imle::diagnose(exact, theta, dz, key, imle::call_options{.mask = mask})));
        const imle::imle_layer blind{fixtures::cube_solver, imle::gumbel{}, imle::perturbation_target{}};
        CHECK_THROWS_AS(imle::diagnose(blind, theta, dz, key, imle::call_options{.mask = mask}),
                        std::invalid_argument);
    }
    SECTION("ids reach the solver") {
        // The row's id is how many are chosen.
        const auto choose = [](const auto& theta, auto& z, const imle::solve_context& context) {
            imle::top_k{static_cast<Eigen::Index>(context.id)}(theta, z);
        };
        const imle::imle_layer by_id{
            choose, imle::gumbel{}, imle::perturbation_target{.beta = 1.5}, {.samples = 4}};
        const std::vector<std::uint64_t> twos(6, 2);
        CHECK(same(imle::diagnose(by_id, theta, dz, key, imle::call_options{.ids = twos}), report));
    }
    SECTION("a shared theta: its gradient is the sum over rows") {
        const Eigen::Tensor<double, 1, Eigen::RowMajor> one = theta.chip<0>(0);
        matrix repeated(6, 5);
        for (Eigen::Index b = 0; b < 6; ++b) repeated.chip<0>(b) = one;
        const gradient_report rows = imle::diagnose(layer, repeated, dz, key);
        const gradient_report whole = imle::diagnose(layer, imle::shared(one, 6), dz, key);
        CHECK(whole.unchanged_share == rows.unchanged_share);
        CHECK(whole.mean_changed == rows.mean_changed);
        CHECK(whole.map_share == rows.map_share);
        CHECK(whole.relative_step == Approx(rows.relative_step));
        const auto gradients = sample_gradients(layer, repeated, dz);
        std::vector<double> first(5), second(5);
        for (std::size_t s = 0; s < 4; ++s)
            for (std::size_t i = 0; i < 30; ++i) (s < 2 ? first : second)[i % 5] += gradients[s][i];
        CHECK(whole.cosine_of_halves ==
              Approx(product(first, second) / std::sqrt(product(first, first) * product(second, second))));
        for (const gradient_report& other :
             {imle::diagnose(imle::straight_through_layer{imle::top_k{2}, imle::gumbel{}, {.samples = 4}},
                             imle::shared(one, 6), dz, key),
              imle::diagnose(imle::exact_layer{imle::softmax_family{}, {.samples = 4}}, imle::shared(one, 6),
                             dz, key)})
            CHECK(other.cosine_of_halves == Approx(1));
    }
}

TEST_CASE("A diagnosis refuses what a call refuses", "[estimators][diagnose]") {
    const matrix theta = some_theta(), dz = some_dz();
    const imle::imle_layer layer{imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{}, {.samples = 4}};
    CHECK_THROWS_WITH(imle::diagnose(layer, theta, some_dz(5), key),
                      mentions("dz is a tensor of shape [5, 5]"));
    CHECK_THROWS_AS(imle::diagnose(imle::exact_layer{imle::softmax_family{}}, theta, some_dz(5), key),
                    std::invalid_argument);
    matrix bad = dz;
    bad(3, 2) = std::numeric_limits<double>::infinity();
    CHECK_THROWS_WITH(imle::diagnose(layer, theta, bad, key), mentions("dz"));
    CHECK_THROWS_WITH(imle::diagnose(layer, bad, dz, key), mentions("theta"));
}

TEST_CASE("Nothing to learn from: the report says so", "[estimators][diagnose]") {
    const matrix theta = some_theta(), dz = some_dz();
    const matrix zero = matrix(6, 5).setZero();
    const imle::layer_options four{.samples = 4};
    const imle::imle_layer layer{imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{}, four};
    SECTION("a cotangent of 0") {
        for (const gradient_report& report :
             {checked_report(layer, theta, zero),
              checked_report(imle::exact_layer{imle::softmax_family{}, {.samples = 4}}, theta, zero)}) {
            CHECK_THAT(report.advice.at(0), mentions("dz is 0 everywhere"));
            CHECK(report.suggested_samples == 0);
            CHECK(std::isnan(report.suggested_beta));
            CHECK(report.signal_to_noise == 0);
        }
    }
    SECTION("an empty batch, and instances of no numbers") {
        for (const auto& [batch, n] : {std::pair{0, 5}, std::pair{6, 0}}) {
            const matrix none(batch, n);
            const imle::imle_layer nothing{imle::top_k{0}, imle::gumbel{}, imle::perturbation_target{}, four};
            const gradient_report report = imle::diagnose(nothing, none, none, key);
            CHECK(report.suggested_samples == 0);
            CHECK(std::isnan(report.suggested_beta));
            (void)imle::diagnose(imle::straight_through_layer{imle::top_k{0}, imle::gumbel{}, four}, none,
                                 none, key);
        }
    }
    SECTION("an adaptive step from theta = 0") {
        const imle::imle_layer adaptive{imle::top_k{2}, imle::gumbel{}, imle::adaptive_target{}, four};
        const gradient_report report = checked_report(adaptive, zero, dz);
        CHECK(report.unchanged_share == 1);
        CHECK_THAT(report.advice.at(0), mentions("start theta away from 0"));
        // A step that is not relative to theta has a scale of its own: that of the noise.
        CHECK(checked_report(layer, zero, dz).suggested_beta > 0);
    }
    SECTION("a solver whose answer never changes") {
        const auto stubborn = [](const auto&, auto& z) {
            z.setZero();
            z(0) = 1;
        };
        const imle::imle_layer dull{stubborn, imle::gumbel{}, imle::perturbation_target{}, four};
        const gradient_report report = checked_report(dull, theta, dz);
        CHECK(report.unchanged_share == 1);
        CHECK(report.map_share == 1);
        CHECK(std::isnan(report.suggested_beta));
        CHECK(report.suggested_samples == 0);
        CHECK_THAT(printed(report), mentions("no step shows a signal"));
    }
}

TEST_CASE("Solves without an answer, and betas that a solver refuses", "[estimators][diagnose]") {
    const matrix theta = some_theta(), dz = some_dz();
    SECTION("rows that failed do not count") {
        const auto choose = [](const auto& t, auto& z, const imle::solve_context& context) {
            if (context.instance == 2) return imle::solve_status::infeasible;
            imle::top_k{2}(t, z);
            return imle::solve_status::solved;
        };
        const imle::imle_layer layer{choose,
                                     imle::gumbel{},
                                     imle::perturbation_target{},
                                     {.samples = 4, .failures = imle::failure_policy::zero_gradient}};
        const gradient_report report = imle::diagnose(layer, theta, dz, key);
        CHECK_THAT(report.advice.at(0), mentions("no answer in 1 row"));
        CHECK(report.mean_changed > 0);
        // As if the row were not there: without it, the pairs' counts are those of the other five.
        const imle::imle_layer whole{
            imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{}, {.samples = 4}};
        matrix without = dz;
        without.chip<0>(2).setZero();
        CHECK(report.mean_changed == Approx(imle::diagnose(whole, theta, without, key).mean_changed * 6 / 5));
        const imle::imle_layer strict{choose, imle::gumbel{}, imle::perturbation_target{}, {.samples = 4}};
        CHECK_THROWS_AS(imle::diagnose(strict, theta, dz, key), imle::solve_failure);
    }
    SECTION("a solver of a limited domain") {
        const auto near = [](const auto& t, auto& z) {
            for (Eigen::Index i = 0; i < t.size(); ++i)
                if (std::abs(t.data()[i]) > 12) throw std::invalid_argument("too far");
            imle::top_k{2}(t, z);
        };
        const imle::imle_layer layer{
            near, imle::gumbel{}, imle::perturbation_target{.beta = 0.5}, {.samples = 64}};
        const gradient_report report = imle::diagnose(layer, theta, dz, key);
        CHECK(report.suggested_beta > 0);
        CHECK(report.suggested_beta < 20);
        const imle::imle_layer far{near, imle::gumbel{}, imle::perturbation_target{.beta = 1e3}};
        CHECK_THROWS_WITH(imle::diagnose(far, theta, dz, key), mentions("too far"));
    }
    SECTION("numbers of any size") {
        for (const double scale : {1e-300, 1e-30, 1e30, 1e150})
            for (const double dz_scale : {1e-300, 1e-30, 1e30, 1e150}) {
                CAPTURE(scale, dz_scale);
                const imle::imle_layer layer{
                    imle::top_k{2}, imle::gumbel{}, imle::adaptive_target{}, {.samples = 4}};
                const gradient_report report =
                    imle::diagnose(layer, matrix(scale * theta), matrix(dz_scale * dz), key);
                CHECK(report.unchanged_share >= 0);
                CHECK(!(report.suggested_beta <= 0));
            }
    }
}
