// The rows of the standard library: its distributions, and the sum that defines sum_of_gamma, written with
// them.

#include <cmath>
#include <random>

#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/noise/uniform.hpp>

#include "sampler.hpp"

namespace imle_benchmarks {
namespace {

template <class Scalar, class Engine, class Distribution>
struct standard_draws {
    void operator()(std::span<Scalar> out) {
        for (Scalar& x : out) x = distribution(engine);
    }

    Distribution distribution;
    Engine engine{2021};
};

/// SoG(k, terms), as a user would write it.
template <class Scalar, class Engine>
struct literal_sum {
    literal_sum(double k, int terms)
        : inverse_k(static_cast<Scalar>(1 / k)),
          log_terms(static_cast<Scalar>(std::log(static_cast<double>(terms)))) {
        for (int i = 1; i <= terms; ++i) draws.emplace_back(inverse_k, static_cast<Scalar>(k / i));
    }
    void operator()(std::span<Scalar> out) {
        for (Scalar& x : out) {
            Scalar sum = 0;
            for (auto& draw : draws) sum += draw(engine);
            x = (sum - log_terms) * inverse_k;
        }
    }

    Scalar inverse_k;
    Scalar log_terms;
    std::vector<std::gamma_distribution<Scalar>> draws = {};
    Engine engine{2021};
};

/// Adds a row for each engine. `make(Scalar{})` returns the distribution.
template <class LawT, class Make>
void add_draws(section& to, const std::string& name, const LawT& law, const Make& make) {
    const auto add = [&]<class Engine>(Engine, const char* engine) {
        to.rows.push_back(row_of(name + ", " + engine, law, [&]<class Scalar>(Scalar) {
            using distribution = decltype(make(Scalar{}));
            return standard_draws<Scalar, Engine, distribution>{make(Scalar{})};
        }));
    };
    add(std::mt19937{}, "mt19937");
    add(std::mt19937_64{}, "mt19937_64");
}

void add_literal_sum(section& to, int terms) {
    row sum = row_of("the literal sum, " + std::to_string(terms) + " gamma_distribution, mt19937_64",
                     imle::sum_of_gamma(20.8, static_cast<std::uint64_t>(terms)),
                     [&]<class Scalar>(Scalar) { return literal_sum<Scalar, std::mt19937_64>(20.8, terms); });
    sum.numbers = 1024;
    to.rows.push_back(std::move(sum));
}

}  // namespace

section standard_section() {
    section result{"the C++ standard library", {}, false};
    add_draws(result, "uniform_real_distribution", imle::uniform(),
              []<class Scalar>(Scalar) { return std::uniform_real_distribution<Scalar>(); });
    add_draws(result, "extreme_value_distribution", imle::gumbel(),
              []<class Scalar>(Scalar) { return std::extreme_value_distribution<Scalar>(); });
    add_draws(result, "normal_distribution", imle::normal(),
              []<class Scalar>(Scalar) { return std::normal_distribution<Scalar>(); });
    add_draws(result, "exponential_distribution", imle::exponential(),
              []<class Scalar>(Scalar) { return std::exponential_distribution<Scalar>(); });
    add_draws(result, "gamma_distribution{2.5}", imle::gamma(2.5, 1),
              []<class Scalar>(Scalar) { return std::gamma_distribution<Scalar>(Scalar(2.5)); });
    add_draws(result, "gamma_distribution{0.05}", imle::gamma(0.05, 1),
              []<class Scalar>(Scalar) { return std::gamma_distribution<Scalar>(Scalar(0.05)); });
    add_literal_sum(result, 10);
    add_literal_sum(result, 100);
    return result;
}

}  // namespace imle_benchmarks
