// Solvers that choose and order: top_k, ranking, k_of_groups, knapsack.

#include <imle/solvers/k_of_groups.hpp>
#include <imle/solvers/knapsack.hpp>
#include <imle/solvers/ranking.hpp>
#include <imle/solvers/top_k.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <ostream>
#include <string>
#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

#include "drawings.hpp"
#include "heat_maps.hpp"
#include "mean_state.hpp"

namespace solver_pictures {
namespace {

// One panel of bars, one for each element.
struct bar_chart {
    std::string title;
    row heights;
    float highest = 1;
};

void print_bars(std::ostream& script, const std::vector<bar_chart>& charts, const std::string& name) {
    for (std::size_t i = 0; i < charts.size(); ++i) {
        script << "$bars" << i << " << END_OF_DATA\n";
        const row& heights = charts[i].heights;
        for (Eigen::Index j = 0; j < heights.size(); ++j) script << heights.data()[j] << '\n';
        script << "END_OF_DATA\n";
    }
    script << "set multiplot layout 1," << charts.size() << " margins 0.06,0.98,0.16,0.88 spacing 0.06\n"
           << "unset key\nset border 3 front lc rgb '#606060'\nset style fill solid 1 noborder\nset boxwidth "
              "0.7\n"
           << "set tics textcolor rgb '#202020' out nomirror scale 0.4\nset grid ytics lc rgb '#e0e0e0' lt "
              "1\n";
    for (std::size_t i = 0; i < charts.size(); ++i) {
        const bar_chart& chart = charts[i];
        const float lowest =
            *std::min_element(chart.heights.data(), chart.heights.data() + chart.heights.size());
        script << "set title '" << chart.title << "' offset 0,-0.5\nset xlabel '" << (i == 0 ? name : "")
               << "' offset 0,0.5\nset xrange [-0.6:" << chart.heights.size() << "-0.4]\nset yrange ["
               << (lowest < 0 ? 1.1F * lowest : 0.0F) << ':' << 1.05F * chart.highest << "]\nset ytics "
               << (chart.highest == 1 ? "0.25" : "autofreq") << '\n'
               << "plot $bars" << i << " using 0:1 with boxes lc rgb '#2171b5'\n";
    }
    script << "unset multiplot\n";
}

row numbers(std::initializer_list<float> values) {
    row theta(1, static_cast<Eigen::Index>(values.size()));
    std::copy(values.begin(), values.end(), theta.data());
    return theta;
}

}  // namespace

void draw_top_k(std::ostream& script) {
    const row theta = numbers({0.3F, 1.6F, 2.1F, -0.4F, 1.2F, 0.9F, 1.5F, -1.0F, 2.8F, 0.1F, 1.9F, 0.6F});
    // [top_k]
    const imle::top_k solver{4};
    // [/top_k]
    print_bars(script,
               {{"theta", theta, 3},
                {"z: the 4 largest", mean_state(solver, theta, 0)},
                {"marginals under Gumbel noise", mean_state(solver, theta, 1)}},
               "element");
}

void draw_ranking(std::ostream& script) {
    const row theta = numbers({0.2F, 2.4F, 1.1F, -0.6F, 3.1F, 0.9F, 1.3F, 2.2F});
    // [ranking]
    const imle::ranking solver{};
    // [/ranking]
    print_bars(script,
               {{"theta", theta, 3.2F},
                {"z: the ranks", mean_state(solver, theta, 0), 8},
                {"mean ranks under Gumbel noise", mean_state(solver, theta, 1), 8}},
               "element");
}

void draw_k_of_groups(std::ostream& script) {
    constexpr Eigen::Index groups = 5, members = 6;
    using grid = Eigen::Tensor<float, 3, Eigen::RowMajor>;  // a batch of one: [1, groups, members]
    grid theta(1, groups, members);
    theta.setValues({{{1.9F, 0.3F, 0.1F, -0.5F, 0.8F, -1.0F},
                      {0.2F, 0.4F, 2.6F, 0.1F, -0.3F, 1.4F},
                      {-0.8F, 1.0F, 0.9F, 1.1F, -0.2F, 0.7F},
                      {0.5F, -0.9F, 0.0F, 0.6F, 3.0F, 0.2F},
                      {1.2F, 1.3F, -0.4F, 0.8F, 0.1F, 1.5F}}});
    // [k_of_groups]
    const imle::k_of_groups one_of_each{};
    // [/k_of_groups]
    const auto matrix = [](const grid& values) {
        using map = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
        return Eigen::MatrixXf(map(values.data(), groups, members));
    };
    const std::array<heat_map, 3> maps{
        heat_map{"theta", matrix(theta), colours::numbers},
        heat_map{"z: the largest of each group", matrix(mean_state(one_of_each, theta, 0))},
        heat_map{"marginals under Gumbel noise", matrix(mean_state(one_of_each, theta, 1))}};
    print_heat_maps(script, maps, "group", "member");
}

void draw_knapsack(std::ostream& script) {
    const row theta = numbers({6.0F, 3.2F, 4.1F, 2.5F, 5.2F, 1.0F, 3.6F, -0.5F, 2.2F, 4.4F});
    // [knapsack]
    // Ten items, of a weight and a volume each.
    Eigen::MatrixXd weights(2, 10);
    weights << 9, 3, 5, 4, 6, 2, 3, 1, 3, 7,  //
        5, 6, 3, 2, 8, 1, 6, 1, 4, 2;
    const imle::knapsack solver{weights, Eigen::Vector2d(20, 18)};
    // [/knapsack]
    print_bars(script,
               {{"theta: what an item is worth", theta, 6.2F},
                {"z: the best items that fit", mean_state(solver, theta, 0)},
                {"marginals under Gumbel noise", mean_state(solver, theta, 1)}},
               "item");
}

}  // namespace solver_pictures
