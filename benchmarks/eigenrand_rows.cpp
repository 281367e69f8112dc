// The rows of EigenRand (github.com/bab2min/EigenRand), if its headers are on the machine.

#include <EigenRand/EigenRand>

#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/uniform.hpp>

#include "sampler.hpp"

namespace imle_benchmarks {
namespace {

template <class Scalar, class Generator>
struct eigenrand_draws {
    void operator()(std::span<Scalar> out) {
        using array = Eigen::Array<Scalar, Eigen::Dynamic, 1>;
        const auto size = static_cast<Eigen::Index>(out.size());
        Eigen::Map<array>(out.data(), size) = generator.template generate<array>(size, 1, engine);
    }

    Generator generator;
    Eigen::Rand::Vmt19937_64 engine{2021};
};

/// Adds a row. `make(Scalar{})` returns the generator.
template <class LawT, class Make>
void add_draws(section& to, std::string name, const LawT& law, const Make& make) {
    to.rows.push_back(row_of(std::move(name), law, [&]<class Scalar>(Scalar) {
        return eigenrand_draws<Scalar, decltype(make(Scalar{}))>{make(Scalar{})};
    }));
}

}  // namespace

section eigenrand_section() {
    using namespace Eigen::Rand;
    section result{"EigenRand, Vmt19937_64", {}, false};
    add_draws(result, "StdUniformRealGen", imle::uniform(),
              []<class Scalar>(Scalar) { return StdUniformRealGen<Scalar>(); });
    add_draws(result, "ExtremeValueGen", imle::gumbel(),
              []<class Scalar>(Scalar) { return ExtremeValueGen<Scalar>(); });
    add_draws(result, "StdNormalGen", imle::normal(),
              []<class Scalar>(Scalar) { return StdNormalGen<Scalar>(); });
    add_draws(result, "ExponentialGen", imle::exponential(),
              []<class Scalar>(Scalar) { return ExponentialGen<Scalar>(); });
    add_draws(result, "GammaGen{2.5}", imle::gamma(2.5, 1),
              []<class Scalar>(Scalar) { return GammaGen<Scalar>(Scalar(2.5)); });
    add_draws(result, "GammaGen{0.05}", imle::gamma(0.05, 1),
              []<class Scalar>(Scalar) { return GammaGen<Scalar>(Scalar(0.05)); });
    return result;
}

}  // namespace imle_benchmarks
