#pragma once

// Counting a sample into bins between exact quantiles of its law, and what such counts say.
//
// A sort of 2^24 numbers takes longer than drawing them. A search among 1,023 edges does not, and its counts
// show more than the distance of Kolmogorov and Smirnov: a fault of one place, or of a tail.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <imle/random/random_key.hpp>
#include <imle/testing/law_report.hpp>

namespace statistical_tests {

inline constexpr std::size_t most_edges = 1023;

/// The levels of the edges: 1e-6, 1e-5 and 1e-4 in both tails, and steps of 1 / 1018 from 1e-3 to 1 - 1e-3.
/// The upper half is given by 1 - level, which is exact in the tail.
struct edge_level {
    double p;
    bool upper;
};
inline std::vector<edge_level> edge_levels() {
    std::vector<edge_level> levels;
    constexpr int half = (static_cast<int>(most_edges) - 1) / 2 - 3;  // between 1e-3 and the median
    for (const double p : {1e-6, 1e-5, 1e-4}) levels.push_back({p, false});
    for (int i = 0; i < half; ++i) levels.push_back({1e-3 + i * (0.5 - 1e-3) / half, false});
    levels.push_back({0.5, false});
    for (std::size_t i = levels.size() - 1; i-- > 0;) levels.push_back({levels[i].p, true});
    return levels;
}

/// The law's quantiles at `edge_levels()`.
template <class LawT>
std::vector<double> edge_quantiles(const LawT& law) {
    std::vector<double> quantiles;
    for (const edge_level& level : edge_levels())
        quantiles.push_back(level.upper ? law.survival_quantile(level.p) : law.quantile(level.p));
    return quantiles;
}

/// Edges of `Scalar` near the given quantiles, and the exact probabilities between them for numbers of the
/// law that are rounded to `Scalar`: x < edge where the number was below the middle of edge and its
/// predecessor.
///
/// Near a singular lower bound the law has much probability within one rounding of the bound, and which edge
/// a number passes is a matter of how it was rounded. An edge stays only if a unit in its last place is worth
/// less than three hundredths of a standard deviation of `numbers` counts, so the bins next to such a bound
/// become one; subnormal edges go as well.
template <class Scalar>
class law_bins {
  public:
    template <class LawT>
    law_bins(const LawT& law, const std::vector<double>& quantiles, double numbers) {
        edges_.fill(std::numeric_limits<Scalar>::infinity());
        double bound = -std::numeric_limits<double>::infinity();
        if constexpr (requires { law.lower_bound(); }) bound = law.lower_bound();
        for (const double quantile : quantiles) {
            const Scalar edge = static_cast<Scalar>(quantile);
            const Scalar before = std::nextafter(edge, -std::numeric_limits<Scalar>::infinity());
            const double middle = 0.5 * (static_cast<double>(before) + static_cast<double>(edge));
            if (edge != Scalar(0) && !std::isnormal(edge)) continue;
            if (!(middle > bound) || (size_ > 0 && edge <= edges_[size_ - 1])) continue;
            const double lower = law.cdf(middle), upper = law.survival(middle);
            const double unit = law.pdf(middle) * (static_cast<double>(edge) - static_cast<double>(before));
            if (!(unit <= 0.03 * std::sqrt(std::min({lower, upper, 1e-3}) / numbers))) continue;
            edges_[size_++] = edge;
            lower_.push_back(lower);
            upper_.push_back(upper);
        }
    }

    [[nodiscard]] std::size_t edges() const { return size_; }
    [[nodiscard]] std::size_t bins() const { return size_ + 1; }
    [[nodiscard]] Scalar edge(std::size_t i) const { return edges_[i]; }
    /// P(number < edge) and P(number >= edge).
    [[nodiscard]] double below(std::size_t i) const { return lower_[i]; }
    [[nodiscard]] double above(std::size_t i) const { return upper_[i]; }
    /// The probability of a bin: bin i is from edge i - 1 to edge i.
    [[nodiscard]] double probability(std::size_t i) const {
        if (size_ == 0) return 1;
        if (i == 0) return lower_[0];
        if (i == size_) return upper_[size_ - 1];
        return lower_[i] < 0.5 ? lower_[i] - lower_[i - 1] : upper_[i - 1] - upper_[i];
    }

    /// Adds to `counts` (most_edges + 1 of them) how many of the numbers are in each bin. A search without
    /// branches, several numbers abreast so that their loads overlap. NaN counts as the lowest.
    void count(std::span<const Scalar> numbers, std::vector<std::uint64_t>& counts) const {
        constexpr std::size_t abreast = 8;
        std::size_t i = 0;
        for (; i + abreast <= numbers.size(); i += abreast) {
            std::array<std::size_t, abreast> bin{};
            for (std::size_t step = (most_edges + 1) / 2; step > 0; step /= 2)
                for (std::size_t j = 0; j < abreast; ++j)
                    bin[j] += step * static_cast<std::size_t>(edges_[bin[j] + step - 1] <= numbers[i + j]);
            for (const std::size_t b : bin) ++counts[b];
        }
        for (const Scalar number : numbers.subspan(i)) {
            std::size_t b = 0;
            for (std::size_t step = (most_edges + 1) / 2; step > 0; step /= 2)
                b += step * static_cast<std::size_t>(edges_[b + step - 1] <= number);
            ++counts[b];
        }
    }
    [[nodiscard]] static std::vector<std::uint64_t> no_counts() {
        return std::vector<std::uint64_t>(most_edges + 1, 0);
    }

  private:
    std::array<Scalar, most_edges> edges_;
    std::size_t size_ = 0;
    std::vector<double> lower_, upper_;
};

/// Above this a chi-square number with so many degrees of freedom is with a probability of at most
/// `false_alarm`: Laurent and Massart, "Adaptive estimation of a quadratic functional by model selection"
/// (Annals of Statistics 28, 2000), lemma 1.
inline double chi_square_bound(double freedom, double false_alarm) {
    const double t = std::log(1 / false_alarm);
    return freedom + 2 * std::sqrt(freedom * t) + 2 * t;
}

/// n times the relative entropy of a share a to a probability p: by Chernoff's bound that of n trials at
/// least (or at most) a share of a succeed with a probability of at most exp(-this).
inline double chernoff_exponent(double n, double a, double p) {
    const double success = a > 0 ? a * std::log(a / p) : 0;
    const double failure = a < 1 ? (1 - a) * (std::log1p(-a) - std::log1p(-p)) : 0;
    return n * (success + failure);
}

/// Whether counts are those of a sample of the law. A sample of the law fails with a probability of at most
/// `false_alarm`, a third of it for each of
///
/// - Kolmogorov and Smirnov at the edges: the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart, for any
///   n, and 2e-7 for the float tables, which promise that;
/// - chi-square over all bins (as many counts as the outermost bins have, 17 of 2^24, are enough for it);
/// - each bin and each tail by itself: Chernoff's bound, for any n.
///
/// What a table may be wrong by is below a twentieth of a standard deviation of any of these counts.
template <class Scalar>
imle::testing::law_report compare_counts(const law_bins<Scalar>& bins,
                                         const std::vector<std::uint64_t>& counts, double false_alarm) {
    imle::testing::law_report report("counts");
    const double alarm = false_alarm / 3;
    double n = 0;
    for (const std::uint64_t c : counts) n += static_cast<double>(c);
    const double most_distance = std::sqrt(std::log(2 / alarm) / (2 * n)) + 2e-7;
    const double most_exponent = std::log(2 * static_cast<double>(bins.bins() + bins.edges()) / alarm);
    double chi_square = 0, below = 0;
    for (std::size_t i = 0; i < bins.bins(); ++i) {
        const double p = bins.probability(i), count = static_cast<double>(counts[i]);
        const double difference = count - n * p;
        chi_square += difference * difference / (n * p);
        const auto stands_out = [&](const char* law, double share, double probability) {
            report.check(law, chernoff_exponent(n, share, probability) <= most_exponent, i, " of ",
                         bins.bins(), " has ", share * n, " of ", n, ", expected ", n * probability);
        };
        if (bins.edges() > 0) stands_out("no bin stands out", count / n, p);
        below += count;
        if (i == bins.edges()) break;
        const bool lower = bins.below(i) < 0.5;
        stands_out("no tail stands out", (lower ? below : n - below) / n,
                   lower ? bins.below(i) : bins.above(i));
        report.check("Kolmogorov-Smirnov", std::abs(below / n - bins.below(i)) <= most_distance, "below ",
                     bins.edge(i), " the law has ", bins.below(i), ", ", n, " numbers have ", below / n,
                     "; allowed: ", most_distance);
    }
    report.check("chi-square", chi_square <= chi_square_bound(static_cast<double>(bins.edges()), alarm),
                 chi_square, " with ", bins.edges(), " degrees of freedom");
    return report;
}

/// Draws `numbers` numbers of the noise, a few thousand at a time, and hands each piece to `use(span)`.
template <class Scalar, class NoiseT, class Use>
void draw_in_pieces(const NoiseT& noise, const imle::random_key& key, std::size_t numbers, const Use& use) {
    std::vector<Scalar> piece(4096);
    for (std::size_t first = 0; first < numbers; first += piece.size()) {
        piece.resize(std::min(piece.size(), numbers - first));
        noise.fill(key, first, std::span<Scalar>(piece));
        use(std::span<const Scalar>(piece));
    }
}

/// The counts of `numbers` numbers.
template <class Scalar, class NoiseT>
std::vector<std::uint64_t> count_draws(const NoiseT& noise, const law_bins<Scalar>& bins,
                                       const imle::random_key& key, std::size_t numbers) {
    std::vector<std::uint64_t> counts = law_bins<Scalar>::no_counts();
    draw_in_pieces<Scalar>(noise, key, numbers, [&](auto piece) { bins.count(piece, counts); });
    return counts;
}

}  // namespace statistical_tests
