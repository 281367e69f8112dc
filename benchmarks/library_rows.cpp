// The rows of this library: random words, from which everything is made, and every law.

#include <cmath>
#include <cstring>

#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gamma_sampler.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/laplace.hpp>
#include <imle/noise/logistic.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/noise/sum_of_gamma_series.hpp>
#include <imle/noise/uniform.hpp>
#include <imle/random/quantile_table.hpp>
#include <imle/random/words.hpp>

#include "sampler.hpp"

namespace imle_benchmarks {
namespace {

/// Draws the words that a number needs: one for a float, two for a double.
template <class Scalar>
struct words_only {
    void operator()(std::span<Scalar> out) {
        constexpr std::size_t words_each = sizeof(Scalar) / sizeof(std::uint32_t);
        words.resize(out.size() * words_each);
        imle::random_words(imle::random_key(2021), first, words);
        first += words.size();
        // Makes the written words look used.
        asm volatile("" : : "r"(words.data()) : "memory");
    }

    std::vector<std::uint32_t> words = {};
    std::uint64_t first = 0;
};

template <class Scalar>
struct copy_only {
    void operator()(std::span<Scalar> out) {
        source.resize(out.size());
        std::memcpy(out.data(), source.data(), out.size_bytes());
    }

    std::vector<Scalar> source = {};
};

struct uniforms_only {
    template <class Scalar>
    void fill(const imle::random_key& key, std::uint64_t first, std::span<Scalar> out) const {
        imle::uniforms(key, first, out);
    }
};

row words_row() {
    row result;
    result.name = "random words (one a float, two a double)";
    result.floats.fill = words_only<float>{};
    result.doubles.fill = words_only<double>{};
    result.goal = 0.7;
    result.sse2_goal = 1.5;
    return result;
}

row copy_row() {
    row result;
    result.name = "memcpy of as many bytes";
    result.floats.fill = copy_only<float>{};
    result.doubles.fill = copy_only<double>{};
    return result;
}

/// The row of a law that draws by itself.
template <class LawT>
row sequence_row(std::string name, const LawT& law, double goal = 0) {
    row result = row_of(std::move(name), law, [&]<class Scalar>(Scalar) { return sequence_of<Scalar>(law); });
    result.goal = goal;
    return result;
}

/// The same for a law that draws by a quantile table: the u of each number is known.
template <class LawT>
row table_row(std::string name, const LawT& law, double goal) {
    row result = sequence_row(std::move(name), law, goal);
    const auto add_error = [&law]<class Scalar>(sampler<Scalar>& to) {
        to.word_error = [law](std::size_t count) {
            std::vector<Scalar> numbers(count);
            law.fill(imle::random_key(word_error_seed), 0, std::span<Scalar>(numbers));
            return largest_word_error<Scalar>(
                numbers, [&](double x) { return law.cdf(x); }, [&](double x) { return law.survival(x); });
        };
    };
    add_error(result.floats);
    add_error(result.doubles);
    return result;
}

template <class LawT>
row series_row(std::string name, const LawT& law) {
    row result = sequence_row(std::move(name), law);
    result.numbers = 1024;
    return result;
}

/// Draws with a shape and a scale for each number: shapes log-uniform between two limits, scales between 1/2
/// and 2.
template <class Scalar>
struct gamma_each {
    gamma_each(double lowest, double highest) : shapes(buffer_size), scales(buffer_size) {
        std::vector<double> u(2 * buffer_size);
        imle::uniforms(imle::random_key(7), 0, std::span<double>(u));
        for (std::size_t i = 0; i < buffer_size; ++i) {
            shapes[i] = static_cast<Scalar>(lowest * std::pow(highest / lowest, u[2 * i]));
            scales[i] = static_cast<Scalar>(0.5 + 1.5 * u[2 * i + 1]);
        }
    }
    void operator()(std::span<Scalar> out) {
        imle::gamma_sampler::fill(imle::random_key(2021), first,
                                  std::span<const Scalar>(shapes).first(out.size()),
                                  std::span<const Scalar>(scales).first(out.size()), out);
        first += out.size();
    }
    /// The distance from uniform: F(x) of each number under its own law is uniform.
    double distance(std::size_t count) const {
        gamma_each draw = *this;
        std::vector<Scalar> numbers(buffer_size);
        std::vector<double> probabilities;
        while (probabilities.size() < count) {
            draw(numbers);
            for (std::size_t i = 0; i < buffer_size && probabilities.size() < count; ++i)
                probabilities.push_back(
                    imle::gamma(static_cast<double>(shapes[i]), static_cast<double>(scales[i]))
                        .cdf(static_cast<double>(numbers[i])));
        }
        return kolmogorov_distance(probabilities, [](double x) { return imle::uniform{}.cdf(x); });
    }

    std::vector<Scalar> shapes;
    std::vector<Scalar> scales;
    std::uint64_t first = 0;
};

row each_row(std::string name, double lowest, double highest) {
    row result;
    result.name = std::move(name);
    const gamma_each<float> floats(lowest, highest);
    const gamma_each<double> doubles(lowest, highest);
    result.floats.fill = floats;
    result.floats.distance = [floats](std::size_t count) { return floats.distance(count); };
    result.doubles.fill = doubles;
    result.doubles.distance = [doubles](std::size_t count) { return doubles.distance(count); };
    result.goal = 10;
    result.stretch_goal = 6;
    return result;
}

row one_shape_row(std::string name, double shape) {
    return row_of(std::move(name), imle::gamma(shape, 1),
                  [&]<class Scalar>(Scalar) { return sequence_of<Scalar>(imle::gamma_sampler(shape, 1)); });
}

/// Makes the law anew. Its first draw makes its table.
template <class Make>
table_maker maker_of(std::string name, const Make& make) {
    return {std::move(name),
            [make] {
                float number;
                make().fill(imle::random_key(1), 0, std::span<float>(&number, 1));
            },
            [make] {
                double number;
                make().fill(imle::random_key(1), 0, std::span<double>(&number, 1));
            }};
}

/// For laws without a table of their own: the program makes a shared one once.
template <class LawT>
table_maker shared_maker(std::string name, const LawT& law) {
    return {std::move(name), [law] { imle::quantile_table<float> table(law); },
            [law] { imle::quantile_table<double> table(law); }};
}

}  // namespace

std::vector<section> library_sections() {
    section machine{"the machine", {}, true};
    machine.rows.push_back(copy_row());
    machine.rows.push_back(words_row());
    machine.rows.push_back(row_of("uniforms", imle::uniform(),
                                  []<class Scalar>(Scalar) { return sequence_of<Scalar>(uniforms_only{}); }));

    section tables{"imle, by table", {}, true};
    tables.rows.push_back(table_row("sum_of_gamma{20.8, 10}", imle::sum_of_gamma(20.8, 10), 1.6));
    tables.rows.push_back(table_row("sum_of_gamma{20.8, 100}", imle::sum_of_gamma(20.8, 100), 1.6));
    tables.rows.push_back(table_row("sum_of_gamma{20.8, 10000}", imle::sum_of_gamma(20.8, 10000), 1.6));
    tables.rows.push_back(table_row("sum_of_gamma::exact(20.8)", imle::sum_of_gamma::exact(20.8), 1.6));
    tables.rows.push_back(table_row("sum_of_gamma{30, 1}", imle::sum_of_gamma(30, 1), 1.6));
    tables.rows.push_back(table_row("gumbel", imle::gumbel(), 1.6));
    tables.rows.push_back(table_row("normal", imle::normal(), 1.6));
    tables.rows.push_back(table_row("logistic", imle::logistic(), 0));
    tables.rows.push_back(table_row("laplace", imle::laplace(), 0));
    tables.rows.push_back(table_row("exponential", imle::exponential(), 0));
    tables.rows.push_back(table_row("uniform", imle::uniform(), 0));
    tables.rows.push_back(table_row("gamma{2.5, 1}", imle::gamma(2.5, 1), 2));
    tables.rows.push_back(table_row("gamma{1, 1}", imle::gamma(1, 1), 2));
    tables.rows.push_back(table_row("gamma{0.05, 1}", imle::gamma(0.05, 1), 2));

    section sampled{"imle, by rejection and by summing", {}, true};
    sampled.rows.push_back(each_row("gamma_sampler, each its own shape in 0.1 to 10", 0.1, 10));
    sampled.rows.push_back(each_row("gamma_sampler, each its own shape in 1 to 10", 1, 10));
    sampled.rows.push_back(each_row("gamma_sampler, each its own shape in 0.1 to 1", 0.1, 1));
    sampled.rows.push_back(one_shape_row("gamma_sampler{2.5}", 2.5));
    sampled.rows.push_back(one_shape_row("gamma_sampler{0.05}", 0.05));
    sampled.rows.push_back(series_row("sum_of_gamma_series{20.8, 10}", imle::sum_of_gamma_series(20.8, 10)));
    sampled.rows.push_back(
        series_row("sum_of_gamma_series{20.8, 100}", imle::sum_of_gamma_series(20.8, 100)));
    return {machine, tables, sampled};
}

std::vector<table_maker> library_tables() {
    return {
        maker_of("sum_of_gamma{20.8, 10}", [] { return imle::sum_of_gamma(20.8, 10); }),
        maker_of("sum_of_gamma{20.8, 100}", [] { return imle::sum_of_gamma(20.8, 100); }),
        maker_of("sum_of_gamma::exact(20.8)", [] { return imle::sum_of_gamma::exact(20.8); }),
        maker_of("sum_of_gamma{1e6, 10}", [] { return imle::sum_of_gamma(1e6, 10); }),
        maker_of("gamma{2.5, 1}", [] { return imle::gamma(2.5, 1); }),
        maker_of("gamma{0.05, 1}", [] { return imle::gamma(0.05, 1); }),
        shared_maker("gumbel", imle::gumbel()),
        shared_maker("normal", imle::normal()),
    };
}

}  // namespace imle_benchmarks
