#include <imle/concepts/noise_distribution.hpp>

#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>
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

}  // namespace

// Noise whose density has a known slope.
static_assert(ScoredNoise<imle::normal> && ScoredNoise<imle::gumbel> && ScoredNoise<imle::gamma>);
static_assert(ScoredNoise<imle::multiplicative<>> && ScoredNoise<imle::multiplicative<imle::normal>>);
static_assert(ScoredNoise<own>);
static_assert(!ScoredNoise<imle::sum_of_gamma> && !ScoredNoise<imle::no_noise>);
static_assert(!ScoredNoise<imle::exponential> && !ScoredNoise<imle::uniform>);
static_assert(!ScoredNoise<score_of_nothing> && !ScoredNoise<score_not_const>);
static_assert(!ScoredNoise<score_is_text> && !ScoredNoise<score_alone>);

static_assert(NoiseDistribution<generic, float> && NoiseDistribution<generic, double>);
static_assert(NoiseDistribution<floats, float> && !NoiseDistribution<floats, double>);
static_assert(NoiseDistribution<doubles, double> && !NoiseDistribution<doubles, float>);
static_assert(imle::NoiseDistributionOfSomeScalar<generic>);
static_assert(imle::NoiseDistributionOfSomeScalar<floats>);
static_assert(imle::NoiseDistributionOfSomeScalar<doubles>);
static_assert(imle::is_zero_noise<doubles> && !imle::is_zero_noise<floats>);

static_assert(!imle::NoiseDistributionOfSomeScalar<advances>);
static_assert(!imle::NoiseDistributionOfSomeScalar<without_index>);
static_assert(!imle::NoiseDistributionOfSomeScalar<without_key>);
static_assert(!imle::NoiseDistributionOfSomeScalar<of_vectors>);
static_assert(!imle::NoiseDistributionOfSomeScalar<noise_without_copies>);
static_assert(!imle::NoiseDistributionOfSomeScalar<int>);
static_assert(!NoiseDistribution<generic, int>);

TEST_CASE("NoiseDistribution: the concept's matrix", "[concepts]") {
    SUCCEED("checked by the compiler");
}
