#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <sstream>

#include <imle/noise/normal.hpp>
#include <imle/random/uniform.hpp>
#include <imle/testing/check_noise.hpp>
#include <imle/testing/law_report.hpp>

#include "support/catch.hpp"

namespace {

/// Uniform on (0, 1), correct; each noise below breaks one law of it.
struct uniform_noise {
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(key, first, out);
    }
    double mean() const { return 0.5; }
    double variance() const { return 1.0 / 12; }
    double cdf(double x) const { return std::min(1.0, std::max(0.0, x)); }
};

struct from_the_start_of_each_fill : uniform_noise {
    void fill(const imle::random_key& key, std::uint64_t, std::span<float> out) const {
        imle::uniforms(key, 0, out);
    }
};
struct without_the_key : uniform_noise {
    void fill(const imle::random_key&, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(imle::random_key(3), first, out);
    }
};
struct with_state : uniform_noise {
    mutable std::uint64_t calls = 0;
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(key, first + calls++, out);
    }
};
struct of_a_32_bit_index : uniform_noise {
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        for (std::size_t i = 0; i < out.size(); ++i)
            imle::uniforms(key, first + static_cast<std::uint32_t>(i % 400), out.subspan(i, 1));
    }
};
struct beyond_its_span : uniform_noise {
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(key, first, out);
        if (out.size() == 10) out.data()[10] = 1;
    }
};
struct sometimes_infinite : uniform_noise {
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(key, first, out);
        for (float& x : out)
            if (x < 1e-3f) x = std::numeric_limits<float>::infinity();
    }
};
struct constant : uniform_noise {
    void fill(const imle::random_key&, std::uint64_t, std::span<float> out) const {
        for (float& x : out) x = 0.5f;
    }
};
struct of_another_mean : uniform_noise {
    double mean() const { return 0.53; }
};
struct of_another_variance : uniform_noise {
    double variance() const { return 1.0 / 11; }
};
struct of_another_law : uniform_noise {
    double cdf(double x) const { return std::min(1.0, x * x * (3 - 2 * x)); }
};
struct zero_that_is_not : uniform_noise {
    static constexpr bool is_zero = true;
};

template <class N>
imle::testing::law_report report_of(const N& noise = {}) {
    return imle::testing::check_noise<float>(noise, {.subject = "test", .numbers = 1 << 14});
}

}  // namespace

TEST_CASE("check_noise: a correct noise passes", "[check_noise]") {
    const auto report = report_of<uniform_noise>();
    INFO(report);
    CHECK(report.passed());
    CHECK(report.trials("Kolmogorov-Smirnov") == 400);
}

TEST_CASE("check_noise: each law, once broken, is named", "[check_noise]") {
    CHECK(report_of<from_the_start_of_each_fill>().broken("fill in pieces gives the same bits"));
    CHECK(report_of<without_the_key>().broken("keys that differ give sequences that differ"));
    CHECK(report_of<with_state>().broken("fill is deterministic"));
    CHECK(report_of<of_a_32_bit_index>().broken("fill in pieces gives the same bits"));
    CHECK(report_of<beyond_its_span>().broken("fill writes its span and nothing else"));
    CHECK(report_of<sometimes_infinite>().broken("every number is finite"));
    CHECK(report_of<constant>().broken("elements differ"));
    CHECK(report_of<of_another_mean>().broken("mean"));
    CHECK(report_of<of_another_variance>().broken("variance"));
    CHECK(report_of<of_another_law>().broken("Kolmogorov-Smirnov"));
    CHECK(report_of<zero_that_is_not>().broken("a noise that says is_zero is 0"));
}
