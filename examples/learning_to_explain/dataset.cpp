#include "dataset.hpp"

#include <span>
#include <vector>

#include <imle/random/words.hpp>

namespace learning_to_explain {
namespace {

// [label]
/// The logit of the label of one instance.
float label_logit(const Eigen::Ref<const Eigen::RowVectorXf>& x) {
    if (x[0] > 0) return x[1] + x[2] + x[3] + x[4];
    return 1.4F * (x[5] * x[6] + x[7] * x[8]);
}
// [/label]

}  // namespace

dataset make_dataset(const imle::random_key& key, Eigen::Index instances) {
    constexpr int numbers_each = features + 1;
    std::vector<float> uniform(static_cast<std::size_t>(instances * numbers_each));
    imle::uniforms(key, 0, std::span<float>(uniform));
    const Eigen::Map<const matrix> u(uniform.data(), instances, numbers_each);

    dataset made;
    // Kept away from 0: a feature with almost no effect would count as deciding, but could not be found.
    made.x = u.leftCols(features).unaryExpr([](float v) { return v < 0.5F ? 2 * v - 1.5F : 2 * v - 0.5F; });
    made.deciding = matrix::Zero(instances, features);
    vector logits(instances);
    for (Eigen::Index row = 0; row < instances; ++row) {
        made.deciding(row, 0) = 1;
        made.deciding.row(row).segment(made.x(row, 0) > 0 ? 1 : 1 + group_size, group_size).setOnes();
        logits[row] = label_logit(made.x.row(row));
    }
    made.probability = probabilities(logits);
    made.label = (u.col(features).array() < made.probability.array()).cast<float>().matrix();
    return made;
}

}  // namespace learning_to_explain
