#include <imle/concepts/noise_distribution.hpp>

#include <random>

#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gamma_sampler.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/laplace.hpp>
#include <imle/noise/logistic.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/std_noise.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/noise/sum_of_gamma_series.hpp>
#include <imle/noise/uniform.hpp>

#include "support/catch.hpp"

namespace {

using imle::NoiseDistribution;
using imle::random_key;
using imle::ScoredNoise;

struct generic {
    template <class Scalar>
    void fill(random_key, std::uint64_t, std::span<Scalar>) const {}
};
struct floats {
    void fill(random_key, std::uint64_t, std::span<float>) const {}
};
struct doubles {
    static constexpr bool is_zero = true;
    void fill(random_key, std::uint64_t, std::span<double>) const {}
};

struct advances {
    void fill(random_key, std::uint64_t, std::span<float>) {}
};
struct without_index {
    void fill(random_key, std::span<float>) const {}
};
struct without_key {
    void fill(std::uint64_t, std::span<float>) const {}
};
struct of_vectors {
    void fill(random_key, std::uint64_t, std::vector<float>&) const {}
};
struct noise_without_copies : generic {
    noise_without_copies() = default;
    noise_without_copies(const noise_without_copies&) = delete;
};

struct quantiles_of_floats : floats {
    void fill_quantiles(std::span<const std::uint32_t>, std::span<float>) const {}
};
struct quantiles_of_each : generic {
    template <class Scalar>
    void fill_quantiles(std::span<const imle::word_of<Scalar>>, std::span<Scalar>) const {}
};
struct quantiles_not_const : floats {
    void fill_quantiles(std::span<const std::uint32_t>, std::span<float>) {}
};
struct quantiles_of_doubles_alone : floats {
    void fill_quantiles(std::span<const std::uint64_t>, std::span<double>) const {}
};

struct own {
    void fill(random_key, std::uint64_t, std::span<float>) const {}
    float score(double x) const { return static_cast<float>(x); }
};
struct score_of_nothing : own {
    float score() const { return 0; }
};
struct score_not_const {
    void fill(random_key, std::uint64_t, std::span<float>) const {}
    double score(double) { return 0; }
};
struct score_is_text : own {
    const char* score(double) const { return ""; }
};
struct score_alone {
    double score(double) const { return 0; }
};

template <class... Noises>
constexpr bool has_quantiles = ((imle::QuantileNoise<Noises, float> &&
                                 imle::QuantileNoise<Noises, double>)&&...);
template <class... Noises>
constexpr bool has_no_quantiles = ((!imle::QuantileNoise<Noises, float> &&
                                    !imle::QuantileNoise<Noises, double>)&&...);

}  // namespace

TEST_CASE("NoiseDistribution: types that model the concept and types that do not", "[concepts]") {
    // Noise whose density has a known slope.
    STATIC_REQUIRE(ScoredNoise<imle::normal> && ScoredNoise<imle::gumbel> && ScoredNoise<imle::gamma>);
    STATIC_REQUIRE(ScoredNoise<imle::multiplicative<>> && ScoredNoise<imle::multiplicative<imle::normal>>);
    STATIC_REQUIRE(ScoredNoise<own>);
    STATIC_REQUIRE(!ScoredNoise<imle::sum_of_gamma> && !ScoredNoise<imle::no_noise>);
    STATIC_REQUIRE(!ScoredNoise<imle::exponential> && !ScoredNoise<imle::uniform>);
    STATIC_REQUIRE(!ScoredNoise<score_of_nothing> && !ScoredNoise<score_not_const>);
    STATIC_REQUIRE(!ScoredNoise<score_is_text> && !ScoredNoise<score_alone>);

    // Noise that can be drawn at given words.
    STATIC_REQUIRE(has_quantiles<imle::normal, imle::gumbel, imle::logistic, imle::laplace, imle::exponential,
                                 imle::uniform, imle::gamma, imle::sum_of_gamma, imle::no_noise,
                                 imle::multiplicative<>, quantiles_of_each>);
    STATIC_REQUIRE(has_no_quantiles<imle::gamma_sampler, imle::sum_of_gamma_series,
                                    imle::std_noise<std::normal_distribution<float>>, generic,
                                    quantiles_not_const, quantiles_of_doubles_alone>);
    STATIC_REQUIRE(imle::QuantileNoise<quantiles_of_floats, float>);
    STATIC_REQUIRE(!imle::QuantileNoise<quantiles_of_floats, double>);

    STATIC_REQUIRE(NoiseDistribution<generic, float> && NoiseDistribution<generic, double>);
    STATIC_REQUIRE(NoiseDistribution<floats, float> && !NoiseDistribution<floats, double>);
    STATIC_REQUIRE(NoiseDistribution<doubles, double> && !NoiseDistribution<doubles, float>);
    STATIC_REQUIRE(imle::NoiseDistributionOfSomeScalar<generic>);
    STATIC_REQUIRE(imle::NoiseDistributionOfSomeScalar<floats>);
    STATIC_REQUIRE(imle::NoiseDistributionOfSomeScalar<doubles>);
    STATIC_REQUIRE(imle::is_zero_noise<doubles> && !imle::is_zero_noise<floats>);

    STATIC_REQUIRE(!imle::NoiseDistributionOfSomeScalar<advances>);
    STATIC_REQUIRE(!imle::NoiseDistributionOfSomeScalar<without_index>);
    STATIC_REQUIRE(!imle::NoiseDistributionOfSomeScalar<without_key>);
    STATIC_REQUIRE(!imle::NoiseDistributionOfSomeScalar<of_vectors>);
    STATIC_REQUIRE(!imle::NoiseDistributionOfSomeScalar<noise_without_copies>);
    STATIC_REQUIRE(!imle::NoiseDistributionOfSomeScalar<int>);
    STATIC_REQUIRE(!NoiseDistribution<generic, int>);
}
