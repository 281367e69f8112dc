#include "selection.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/random/words.hpp>
#include <imle/solvers/top_k.hpp>

namespace learning_to_explain {

matrix highest(const matrix& scores) {
    using scores_view = Eigen::TensorMap<const Eigen::Tensor<float, 1, Eigen::RowMajor>>;
    using selection_view = Eigen::TensorMap<Eigen::Tensor<float, 1, Eigen::RowMajor>>;
    matrix selected(scores.rows(), scores.cols());
    imle::top_k solver{deciding_count};
    for (Eigen::Index row = 0; row < scores.rows(); ++row)
        solver(scores_view(scores.row(row).data(), scores.cols()),
               selection_view(selected.row(row).data(), scores.cols()));
    return selected;
}

matrix random_selections(const imle::random_key& key, Eigen::Index rows, int least, int most) {
    std::vector<std::uint32_t> words(static_cast<std::size_t>(rows) * (features + 1));
    imle::random_words(key, 0, words);
    auto word = words.begin();
    // A number below n; all are equally likely, up to 2^-32.
    const auto below = [&](int n) {
        return static_cast<int>((std::uint64_t{*word++} * static_cast<std::uint64_t>(n)) >> 32);
    };
    matrix selected = matrix::Zero(rows, features);
    std::vector<int> order(features);
    for (Eigen::Index row = 0; row < rows; ++row) {
        word = words.begin() + row * (features + 1);
        const int count = least + below(most - least + 1);
        std::iota(order.begin(), order.end(), 0);
        for (int i = 0; i < count; ++i) {
            std::swap(order[static_cast<std::size_t>(i)],
                      order[static_cast<std::size_t>(i + below(features - i))]);
            selected(row, order[static_cast<std::size_t>(i)]) = 1;
        }
    }
    return selected;
}

matrix best_fixed_selection(const dataset& data, Eigen::Index rows) {
    const matrix how_often = data.deciding.colwise().sum();
    return highest(how_often).replicate(rows, 1);
}

}  // namespace learning_to_explain
