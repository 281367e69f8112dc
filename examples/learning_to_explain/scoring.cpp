#include "scoring.hpp"

#include <cstdint>
#include <map>

namespace learning_to_explain {
namespace {

double told_by_mask(const matrix& selected, const vector& label) {
    std::map<std::uint32_t, float> evidence;
    const auto mask_of = [&](Eigen::Index row) {
        std::uint32_t mask = 0;
        for (int i = 0; i < features; ++i) mask = 2 * mask + (selected(row, i) > 0 ? 1U : 0U);
        return mask;
    };
    const Eigen::Index half = label.size() / 2;
    for (Eigen::Index row = 0; row < half; ++row) evidence[mask_of(row)] += label[row] - 0.5F;
    double right = 0;
    for (Eigen::Index row = half; row < label.size(); ++row)
        right += (evidence[mask_of(row)] > 0) == (label[row] > 0.5F) ? 1 : 0;
    return right / static_cast<double>(label.size() - half);
}

scores score(const matrix& selected, const vector& probability, const dataset& data) {
    const auto found = selected.cwiseProduct(data.deciding).rowwise().sum().array().eval();
    const auto said = (probability.array() > 0.5F).cast<float>();
    return {.found = found.mean() / deciding_count,
            .all_found = (found == static_cast<float>(deciding_count)).cast<double>().mean(),
            .switch_found = selected.col(0).mean(),
            .accuracy = (said == data.label.array()).cast<double>().mean(),
            .by_mask = told_by_mask(selected, data.label)};
}

}  // namespace

scores score(const matrix& selected, const network& predictor, const dataset& data) {
    const matrix logits = predictor.forward(selected.cwiseProduct(data.x));
    return score(selected, vector(probabilities(logits)), data);
}

scores truth(const dataset& data) {
    return score(data.deciding, data.probability, data);
}

}  // namespace learning_to_explain
