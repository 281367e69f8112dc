#include <imle/layer/detail/sample_plan.hpp>

#include <imle/layer/detail/sample_sum.hpp>
#include <vector>

#include "support/catch.hpp"

using imle::detail::sample_plan;
using imle::detail::sample_sum;

TEST_CASE("sample_plan: units cover all items in order, without a gap", "[layer]") {
    int wrong = 0;
    for (const Eigen::Index batch : {0, 1, 2, 5, 64, 130})
        for (const Eigen::Index samples : {1, 2, 15, 16, 17, 31, 64, 100, 1000, 4097})
            for (const Eigen::Index n : {0, 1, 256, 350, 100000}) {
                const sample_plan plan(batch, samples, n);
                Eigen::Index next = 0;
                for (Eigen::Index unit = 0; unit < plan.units(); ++unit) {
                    const auto [first, last] = plan.items(unit);
                    wrong += first != next || last <= first;
                    // A unit is whole instances, or lies in one chunk of one.
                    const bool whole = first % samples == 0 && last % samples == 0;
                    const bool one_chunk = first / samples == (last - 1) / samples &&
                                           first % samples / plan.chunk == (last - 1) % samples / plan.chunk;
                    wrong += !whole && !one_chunk;
                    next = last;
                }
                wrong += next != batch * samples;
                wrong += plan.chunks > sample_plan::max_chunks;
            }
    CHECK(wrong == 0);
}

TEST_CASE("sample_plan: the cut within an instance does not depend on the batch", "[layer]") {
    int wrong = 0;
    for (const Eigen::Index samples : {1, 16, 17, 100, 1000}) {
        const sample_plan one(1, samples, 9), many(77, samples, 9);
        wrong += one.chunk != many.chunk || one.chunks != many.chunks || one.piece != many.piece;
    }
    CHECK(wrong == 0);
}

TEST_CASE("sample_sum: chunk by chunk, whatever the order in which units arrive", "[layer]") {
    for (const Eigen::Index samples : {1, 5, 16, 33, 100, 700}) {
        const sample_plan plan(3, samples, 2);
        std::vector<double> values(static_cast<std::size_t>(3 * samples * 2));
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = 1 / (1.0 + static_cast<double>(i * i % 97));
        const auto mean_of = [&](bool backwards) {
            std::vector<double> memory(static_cast<std::size_t>(sample_sum::size(plan)));
            sample_sum sum(plan, memory.data());
            for (Eigen::Index u = 0; u < plan.units(); ++u) {
                const auto [first, last] = plan.items(backwards ? plan.units() - 1 - u : u);
                sum.add(first, last - first, values.data() + first * 2);
            }
            std::vector<double> mean(6);
            sum.write_mean(2.0, mean.data());
            return mean;
        };
        const std::vector<double> mean = mean_of(false);
        CHECK(mean == mean_of(true));
        for (Eigen::Index b = 0; b < 3; ++b)
            for (Eigen::Index i = 0; i < 2; ++i) {
                double total = 0;
                for (Eigen::Index first = 0; first < samples; first += plan.chunk) {
                    double partial = 0;
                    for (Eigen::Index s = first; s < std::min(samples, first + plan.chunk); ++s)
                        partial += values[static_cast<std::size_t>((b * samples + s) * 2 + i)];
                    total += partial;
                }
                CHECK(mean[static_cast<std::size_t>(b * 2 + i)] == total / static_cast<double>(samples) / 2);
            }
    }
}

TEST_CASE("sample_sum: a million equal numbers do not lose bits", "[layer]") {
    const sample_plan plan(1, 1000000, 1);
    const std::vector<float> values(1000000, 0.1f);
    std::vector<double> memory(static_cast<std::size_t>(sample_sum::size(plan)));
    sample_sum sum(plan, memory.data());
    sum.add(0, 1000000, values.data());
    float mean = 0;
    sum.write_mean(1.0, &mean);
    CHECK(mean == 0.1f);
}
