// Feeds bytes to the laws that are inverted numerically, as their parameters: sum_of_gamma, gamma, and tables
// made of a distribution function and a density.
//
// Allowed: a law that keeps the laws below, or a std::invalid_argument that names the parameter, and that
// only for parameters outside of the documented range. All else aborts.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>

#include <imle/core/finite.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/random/quantile_table.hpp>

#include "../noise/law_checks.hpp"
#include "byte_source.hpp"

namespace {

void require(bool holds, const char* law) {
    if (holds) return;
    std::fprintf(stderr, "broken law: %s\n", law);
    std::abort();
}

/// Any double: all bits, or of a magnitude that laws accept.
double parameter(byte_source& bytes, double decades) {
    switch (bytes.choice(8)) {
        case 0:
            return bytes.take<double>();
        case 1:
            return bytes.number<double>(1 + bytes.choice(3));
        case 2:
            return std::pow(10, std::round(decades * bytes.take<std::int8_t>() / 127.0));
        default:
            return std::pow(10, decades * bytes.take<std::int16_t>() / 32767.0);
    }
}

template <class LawT>
void require_law(byte_source& bytes, const LawT& law, bool floats, double scale) {
    const imle::random_key key{bytes.take<std::uint64_t>()};
    const char* broken = noise_tests::broken_by_functions(law, scale);
    if (broken == nullptr)
        broken = floats ? noise_tests::broken_by_numbers<float>(law, key)
                        : noise_tests::broken_by_numbers<double>(law, key);
    require(broken == nullptr, broken == nullptr ? "" : broken);
}

/// Calls f, which throws a std::invalid_argument that contains `name` unless the parameters are `good`.
template <class F>
void require_named(bool good, const char* name, const F& f) {
    try {
        f();
        require(good, "bad parameters are refused");
    } catch (const std::invalid_argument& error) {
        require(!good, "good parameters are accepted");
        require(std::string(error.what()).find(name) != std::string::npos, "the parameter is named");
    }
}

bool in_range(double x) {
    return x >= 1e-6 && x <= 1e6;
}

void run_sum_of_gamma(byte_source& bytes) {
    const double k = parameter(bytes, 6);
    const std::uint64_t terms = bytes.take<std::uint64_t>() >> bytes.choice(64);
    const bool exact = bytes.choice(4) == 0, floats = bytes.flag();
    const bool good = in_range(k) && (exact || terms > 0);
    require_named(good, in_range(k) ? "terms of sum_of_gamma" : "k of sum_of_gamma", [&] {
        const auto law = exact ? imle::sum_of_gamma::exact(k) : imle::sum_of_gamma(k, terms);
        require_law(bytes, law, floats, 1);
    });
}

void run_gamma(byte_source& bytes) {
    const double shape = parameter(bytes, 6);
    const bool floats = bytes.flag();
    // Beyond this their numbers overflow, and the layer throws.
    const double most = floats ? 1e30 : 1e300;
    double scale = parameter(bytes, bytes.flag() ? 3 : 323);
    if (imle::detail::is_finite(scale)) scale = std::min(scale, most);
    const bool good_scale = scale > 0 && imle::detail::is_finite(scale);
    require_named(in_range(shape) && good_scale, good_scale ? "shape of gamma" : "scale of gamma",
                  [&] { require_law(bytes, imle::gamma(shape, scale), floats, scale); });
}

/// A logistic law by its functions, which are wrong in some way or other.
struct functions {
    double location, scale, jump, density, ceiling;
    double z(double x) const { return (x - location) / scale; }
    double own(double x) const { return 1 / (1 + std::exp(-z(x))); }
    double cdf(double x) const { return ceiling * (own(x) + (x >= location ? jump : 0)); }
    double pdf(double x) const { return density * own(x) * own(2 * location - x) / scale; }
};

/// Right or refused, and never for long. What is right can be told for a right law only.
void run_table(byte_source& bytes) {
    functions law{0, 1, 0, 1, 1};
    law.location = parameter(bytes, bytes.flag() ? 3 : 300) * (bytes.flag() ? 1 : -1);
    law.scale = parameter(bytes, bytes.flag() ? 3 : 300);
    const bool wrong = bytes.flag();
    if (wrong) {
        law.jump = bytes.number<double>(bytes.choice(4));
        law.density = bytes.number<double>(bytes.choice(4));
        law.ceiling = bytes.number<double>(bytes.choice(4));
    }
    const auto low = bytes.take<std::uint32_t>(), high = bytes.take<std::uint32_t>();
    try {
        const imle::quantile_table<double> table(law);
        const double x = table(low, high);
        require(imle::detail::is_finite(x), "numbers are finite");
        if (wrong) return;
        const double p = (static_cast<double>(((std::uint64_t{high} << 32) | low) >> 12) + 0.5) * 0x1p-53;
        const double u = (low & 1) == 0 ? p : 1 - p;
        const noise_tests::rounded<double> place(x, std::max(1.0, std::abs(law.location)));
        require(law.cdf(place.below) <= u + 1e-12 && law.cdf(place.above) >= u - 1e-12,
                "F of a number is its u");
    } catch (const std::invalid_argument& error) {
        require(std::string(error.what()).find("the law of a quantile_table") != std::string::npos,
                "the law is named");
        // A right law is refused only where doubles are too coarse or too few for it.
        const double ratio = std::abs(law.location) / law.scale;
        require(wrong || !(ratio < 1e9) || !(law.scale > 1e-250 && law.scale < 1e250),
                "a good law is accepted");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    byte_source bytes({data, size});
    switch (bytes.choice(3)) {
        case 0:
            run_sum_of_gamma(bytes);
            break;
        case 1:
            run_gamma(bytes);
            break;
        default:
            run_table(bytes);
    }
    return 0;
}
