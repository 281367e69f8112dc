#include <imle/concepts/scored_noise.hpp>

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

using imle::ScoredNoise;

struct own {
    void fill(imle::random_key, std::uint64_t, std::span<float>) const {}
    float score(double x) const { return static_cast<float>(x); }
};
struct score_of_nothing : own {
    float score() const { return 0; }
};
struct score_not_const {
    void fill(imle::random_key, std::uint64_t, std::span<float>) const {}
    double score(double) { return 0; }
};
struct score_is_text : own {
    const char* score(double) const { return ""; }
};
struct score_alone {
    double score(double) const { return 0; }
};

}  // namespace

static_assert(ScoredNoise<imle::normal> && ScoredNoise<imle::gumbel> && ScoredNoise<imle::gamma>);
static_assert(ScoredNoise<imle::multiplicative<>> && ScoredNoise<imle::multiplicative<imle::normal>>);
static_assert(ScoredNoise<own>);

static_assert(!ScoredNoise<imle::sum_of_gamma> && !ScoredNoise<imle::no_noise>);
static_assert(!ScoredNoise<imle::exponential> && !ScoredNoise<imle::uniform>);
static_assert(!ScoredNoise<score_of_nothing> && !ScoredNoise<score_not_const>);
static_assert(!ScoredNoise<score_is_text> && !ScoredNoise<score_alone>);

TEST_CASE("ScoredNoise: the concept's matrix", "[concepts]") {
    SUCCEED("checked by the compiler");
}
