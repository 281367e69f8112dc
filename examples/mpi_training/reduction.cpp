#include "reduction.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>

namespace mpi_training {
namespace {

std::vector<float> ordered_sum(const communicator& ranks, const matrix& mine) {
    const auto n = static_cast<std::size_t>(mine.cols());
    const std::vector<float> all =
        ranks.all_gather_in_order(std::vector<float>(mine.data(), mine.data() + mine.size()));
    std::vector<double> sum(n);
    for (std::size_t i = 0; i < all.size(); ++i) sum[i % n] += static_cast<double>(all[i]);
    return {sum.begin(), sum.end()};
}

std::vector<float> plain_sum(const communicator& ranks, const matrix& mine) {
    std::vector<float> sum(static_cast<std::size_t>(mine.cols()));
    for (Eigen::Index b = 0; b < mine.rows(); ++b)
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += mine(b, static_cast<Eigen::Index>(i));
    ranks.all_reduce(std::span(sum));
    return sum;
}

std::vector<float> fixed_point_sum(const communicator& ranks, const matrix& mine) {
    // Maxima do not depend on the order either.
    std::array<double, 1> largest{0};
    for (Eigen::Index i = 0; i < mine.size(); ++i) {
        const auto size = static_cast<double>(std::abs(mine.data()[i]));
        largest[0] = imle::detail::is_finite(size) ? std::max(largest[0], size)
                                                   : std::numeric_limits<double>::infinity();
    }
    std::array<std::uint64_t, 1> blocks{static_cast<std::uint64_t>(mine.rows())};
    ranks.all_reduce(std::span<double>(largest), reduce_by::maximum);
    ranks.all_reduce(std::span<std::uint64_t>(blocks));
    if (!imle::detail::is_finite(largest[0]))
        imle::detail::throw_invalid("a gradient's largest number", largest[0], "a finite number");

    // |number| < 2^exponent and blocks <= 2^log_blocks: a sum is at most 2^62 units.
    int exponent = 0;
    (void)std::frexp(largest[0], &exponent);
    int log_blocks = 0;
    while ((std::uint64_t{1} << log_blocks) < blocks[0]) ++log_blocks;
    const double unit = std::ldexp(1.0, exponent + log_blocks - 62);
    const double units_in_one = 1 / unit;  // exact: a power of two, far from the limits of a double

    std::vector<std::int64_t> sum(static_cast<std::size_t>(mine.cols()));
    for (Eigen::Index b = 0; b < mine.rows(); ++b)
        for (std::size_t i = 0; i < sum.size(); ++i)
            sum[i] += static_cast<std::int64_t>(static_cast<double>(mine(b, static_cast<Eigen::Index>(i))) *
                                                units_in_one);
    ranks.all_reduce(std::span(sum));

    std::vector<float> result(sum.size());
    std::transform(sum.begin(), sum.end(), result.begin(), [unit](std::int64_t multiple) {
        return static_cast<float>(static_cast<double>(multiple) * unit);
    });
    return result;
}

}  // namespace

std::string name_of(reduction how) {
    switch (how) {
        case reduction::ordered:
            return "ordered";
        case reduction::fixed_point:
            return "fixed-point";
        case reduction::plain:
            return "plain";
    }
    return "unknown";
}

std::vector<float> sum_over_blocks(const communicator& ranks, reduction how, const matrix& mine) {
    switch (how) {
        case reduction::fixed_point:
            return fixed_point_sum(ranks, mine);
        case reduction::plain:
            return plain_sum(ranks, mine);
        case reduction::ordered:
            break;
    }
    return ordered_sum(ranks, mine);
}

block_totals sum_over_blocks(const communicator& ranks, reduction how,
                             const std::vector<block_totals>& mine) {
    block_totals total;
    if (how != reduction::plain) {
        for (const block_totals& block : ranks.all_gather_in_order(mine)) total += block;
        return total;
    }
    for (const block_totals& block : mine) total += block;
    // Of floats, so that each sum fits one double.
    std::array<double, 3> numbers{static_cast<double>(total.sums.theta_squared),
                                  static_cast<double>(total.sums.dz_squared), total.loss};
    std::array<std::uint64_t, 2> counts{total.sums.theta_count, total.sums.dz_count};
    ranks.all_reduce(std::span<double>(numbers));
    ranks.all_reduce(std::span<std::uint64_t>(counts));
    total.sums.theta_squared = numbers[0];
    total.sums.dz_squared = numbers[1];
    total.loss = numbers[2];
    total.sums.theta_count = counts[0];
    total.sums.dz_count = counts[1];
    return total;
}

imle::target_sums sum_of_counts(const communicator& ranks, const imle::target_sums& mine) {
    std::array<std::uint64_t, 2> counts{mine.nonzeros, mine.differences};
    ranks.all_reduce(std::span<std::uint64_t>(counts));
    imle::target_sums total;
    total.nonzeros = counts[0];
    total.differences = counts[1];
    return total;
}

}  // namespace mpi_training
