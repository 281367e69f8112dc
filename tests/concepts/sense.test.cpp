#include <imle/concepts/sense.hpp>

#include "support/catch.hpp"

namespace {

struct without {};
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

static_assert(imle::sense_of<without> == imle::sense::maximize);
static_assert(imle::sense_of<maximal> == imle::sense::maximize);
static_assert(imle::sense_of<minimal> == imle::sense::minimize);
static_assert(imle::sense_of<const minimal&> == imle::sense::minimize);
static_assert(imle::sense_of<of_another_type> == imle::sense::maximize);
static_assert(imle::sense_of<void (*)()> == imle::sense::maximize);

TEST_CASE("sense_of: the member, or maximize", "[concepts]") {
    SUCCEED("checked by the compiler");
}
