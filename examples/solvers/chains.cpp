// Solvers over chains: linear_chain, semi_markov_chain, alignment.

#include <imle/solvers/alignment.hpp>
#include <imle/solvers/linear_chain.hpp>
#include <imle/solvers/semi_markov_chain.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

#include "drawings.hpp"
#include "graph_picture.hpp"
#include "heat_maps.hpp"
#include "mean_state.hpp"

namespace solver_pictures {
namespace {

// A number of each segment of a series: theta, z or the marginals, without the labels of one kind.
using segments = Eigen::Tensor<float, 5, Eigen::RowMajor>;  // [1, steps, max_width, 1, 1]

double mean_of(std::span<const double> series, Eigen::Index from, Eigen::Index width) {
    const std::span<const double> part =
        series.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(width));
    double sum = 0;
    for (const double value : part) sum += value;
    return sum / static_cast<double>(width);
}

// The series as points; each segment is a line at its mean, as dark as its share.
void print_series(std::ostream& script, std::span<const double> series, const std::string& title,
                  const segments& shares, bool first) {
    script << "unset arrow\nset title '" << title << "' offset 0,-0.5\nset xlabel '" << (first ? "step" : "")
           << "' offset 0,0.5\nset ylabel '" << (first ? "value" : "") << "' offset 1,0\n";
    for (int tenth = 0; tenth <= 10; ++tenth)
        for (Eigen::Index t = 0; t < shares.dimension(1); ++t)
            for (Eigen::Index k = 0; k < shares.dimension(2); ++k) {
                const double share = shares(0, t, k, 0, 0);
                if (share < 0.01 || static_cast<int>(10 * share) != tenth) continue;
                const double level = mean_of(series, t, k + 1), left = static_cast<double>(t) - 0.5;
                print_line(script, {left, level}, {left + static_cast<double>(k + 1), level}, share, false);
            }
    script << "plot $series using 0:1 with points pt 7 ps 0.6 lc rgb '#cb181d'\n";
}

}  // namespace

void draw_linear_chain(std::ostream& script) {
    const std::array<const char*, 5> words{"time", "flies", "like", "an", "arrow"};
    const std::array<const char*, 4> tags{"noun", "verb", "prep", "det"};
    // How well a tag suits a word, and follows another tag.
    const float of_word[5][4] = {
        {1.2F, 0.4F, 0, 0}, {0.6F, 0.8F, 0, 0}, {0, 0.8F, 1, 0}, {0, 0, 0, 1.2F}, {1.2F, 0.1F, 0, 0}};
    const float following[4][4] = {
        {0.9F, 1.7F, 0.9F, 0}, {0.2F, 0, 1.5F, 1.5F}, {0.5F, 0, 0, 1.8F}, {2, 0, 0, 0}};
    Eigen::Tensor<float, 4, Eigen::RowMajor> theta(1, 4, 4, 4);
    graph_drawing drawing;
    const auto place = [](std::size_t position, std::size_t tag) {
        return point{0.2 + 0.26 * static_cast<double>(position), 0.95 - 0.26 * static_cast<double>(tag)};
    };
    for (std::size_t t = 0; t < words.size(); ++t) {
        drawing.notes.push_back({{place(t, 0).x, 0.02}, words[t]});
        for (std::size_t tag = 0; tag < tags.size(); ++tag) drawing.nodes.push_back(place(t, tag));
    }
    for (std::size_t tag = 0; tag < tags.size(); ++tag)
        drawing.notes.push_back({{0.06, place(0, tag).y}, tags[tag]});
    for (std::size_t t = 0; t + 1 < words.size(); ++t)
        for (std::size_t i = 0; i < tags.size(); ++i)
            for (std::size_t j = 0; j < tags.size(); ++j) {
                drawing.edges.push_back({static_cast<Eigen::Index>(tags.size() * t + i),
                                         static_cast<Eigen::Index>(tags.size() * (t + 1) + j)});
                theta.data()[drawing.edges.size() - 1] =
                    of_word[t + 1][j] + following[i][j] + (t == 0 ? of_word[0][i] : 0);
            }
    print_panels(script, drawing, imle::linear_chain{}, theta,
                 {{"theta: dark is large", "z: the best tags", "marginals under Gumbel noise"}});
}

void draw_semi_markov_chain(std::ostream& script) {
    constexpr Eigen::Index steps = 40, max_width = 16;
    std::mt19937 random(5);
    std::vector<double> series;
    for (Eigen::Index t = 0; t < steps; ++t) {
        const double level = t < 9 ? 1 : t < 14 ? 3 : t < 26 ? 2 : t < 30 ? 2.7 : 0.5;
        double noise = 0;
        for (int i = 0; i < 4; ++i) noise += static_cast<double>(random()) / 4294967296.0 - 0.5;
        series.push_back(level + 0.7 * noise);
    }
    // A segment's score: how far its steps are from their mean, and what a segment costs.
    segments theta(1, steps, max_width, 1, 1);
    theta.setZero();
    for (Eigen::Index t = 0; t < steps; ++t)
        for (Eigen::Index k = 0; k < std::min(max_width, steps - t); ++k) {
            const double level = mean_of(series, t, k + 1);
            double score = -4;
            for (Eigen::Index s = t; s <= t + k; ++s)
                score -= 4 * std::pow(series[static_cast<std::size_t>(s)] - level, 2);
            theta(0, t, k, 0, 0) = static_cast<float>(score);
        }
    const imle::semi_markov_chain solver{max_width};
    script << "$series << END_OF_DATA\n";
    for (const double value : series) script << value << '\n';
    script << "END_OF_DATA\nset multiplot layout 1,3 margins 0.06,0.98,0.16,0.88 spacing 0.06\nunset key\n"
           << "set border 3 lc rgb '#606060'\nset tics textcolor rgb '#202020' out nomirror scale 0.4\n"
           << "set xrange [-1:" << steps << "]\nset yrange [0:4]\n";
    segments none = theta;
    none.setZero();
    print_series(script, series, "the series behind theta", none, true);
    print_series(script, series, "z: the best segments, at their means", mean_state(solver, theta, 0), false);
    print_series(script, series, "marginals under Gumbel noise", mean_state(solver, theta, 0.5), false);
    script << "unset multiplot\n";
}

void draw_alignment(std::ostream& script) {
    constexpr Eigen::Index rows = 18, columns = 22;
    // The second sequence is the first one at an uneven pace.
    Eigen::Tensor<float, 3, Eigen::RowMajor> theta(1, rows, columns);
    for (Eigen::Index i = 0; i < rows; ++i)
        for (Eigen::Index j = 0; j < columns; ++j) {
            const double s = static_cast<double>(i) / (rows - 1), t = static_cast<double>(j) / (columns - 1);
            const double a = std::sin(9 * s), b = std::sin(9 * t * t) + 0.1;
            theta(0, i, j) = static_cast<float>(-std::abs(a - b));
        }
    const imle::alignment solver{{.gap = -0.1}};
    const auto as_matrix = [](const Eigen::Tensor<float, 3, Eigen::RowMajor>& tensor) -> Eigen::MatrixXf {
        return Eigen::Map<const Eigen::Matrix<float, rows, columns, Eigen::RowMajor>>(tensor.data());
    };
    const Eigen::Tensor<float, 3, Eigen::RowMajor> distances = -theta;
    const std::array<heat_map, 3> maps{
        {{"distance -theta", as_matrix(distances), colours::numbers},
         {"z: the best alignment", as_matrix(mean_state(solver, theta, 0)), colours::shares},
         {"marginals under Gumbel noise", as_matrix(mean_state(solver, theta, 0.2)), colours::shares}}};
    print_heat_maps(script, maps, "element of one sequence", "element of the other");
}

}  // namespace solver_pictures
