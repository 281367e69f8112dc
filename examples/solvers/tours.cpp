// Solvers that match and visit: assignment, travelling_salesman.

#include <imle/solvers/assignment.hpp>
#include <imle/solvers/travelling_salesman.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <random>
#include <string>
#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

#include "drawings.hpp"
#include "heat_maps.hpp"
#include "mean_state.hpp"

namespace solver_pictures {
namespace {

// -- Cities
// ---------------------------------------------------------------------------------------------------

struct city {
    double x;
    double y;
};

constexpr std::array<city, 10> cities{{{0.10, 0.20},
                                       {0.32, 0.08},
                                       {0.62, 0.16},
                                       {0.92, 0.10},
                                       {0.85, 0.45},
                                       {0.58, 0.52},
                                       {0.94, 0.88},
                                       {0.55, 0.90},
                                       {0.30, 0.62},
                                       {0.08, 0.80}}};

struct panel {
    std::string title;
    std::vector<float> shares;  // of each edge, in the order (0, 1), (0, 2), ..., (1, 2), ...
};

// Draws each edge below the cities as a line whose width is its share.
void print_cities(std::ostream& script, const std::vector<panel>& panels) {
    script << "$cities << END_OF_DATA\n";
    for (const city& one : cities) script << one.x << ' ' << one.y << '\n';
    script << "END_OF_DATA\n"
           << "set multiplot layout 1," << panels.size() << " margins 0.02,0.98,0.03,0.88 spacing 0.04\n"
           << "unset key\nunset tics\nset border 31 lc rgb '#c0c0c0'\n"
           << "set xrange [0:1]\nset yrange [0:1]\n";
    for (const panel& one : panels) {
        script << "set title '" << one.title << "' offset 0,-0.6\nunset arrow\n";
        std::size_t edge = 0;
        for (std::size_t a = 0; a < cities.size(); ++a)
            for (std::size_t b = a + 1; b < cities.size(); ++b, ++edge)
                if (one.shares[edge] > 0.005F)
                    script << "set arrow from " << cities[a].x << ',' << cities[a].y << " to " << cities[b].x
                           << ',' << cities[b].y << " nohead back lw " << 6 * one.shares[edge]
                           << " lc rgb '#2a5c9a'\n";
        script << "plot $cities using 1:2 with points pt 7 ps 1.1 lc rgb '#202020'\n";
    }
    script << "unset multiplot\n";
}

}  // namespace

void draw_assignment(std::ostream& script) {
    constexpr Eigen::Index side = 8;
    std::mt19937 random(7);
    Eigen::Tensor<float, 3, Eigen::RowMajor> theta(1, side, side);
    for (Eigen::Index i = 0; i < theta.size(); ++i)
        theta.data()[i] = static_cast<float>(random() % 1000) / 200;
    Eigen::Tensor<float, 2, Eigen::RowMajor> z(side, side);
    imle::const_view<float, 2, Eigen::RowMajor> instance(theta.data(), side, side);
    // [assignment]
    imle::assignment solver;
    solver(instance, z);  // instance, z: [8, 8]
    // [/assignment]
    const auto marginals = mean_state(solver, theta, 1);

    const auto matrix = [&](const float* values) {
        Eigen::MatrixXf result(side, side);
        for (Eigen::Index i = 0; i < side * side; ++i) result(i / side, i % side) = values[i];
        return result;
    };
    const std::array<heat_map, 3> maps{{{"theta", matrix(theta.data()), colours::numbers},
                                        {"z", matrix(z.data()), colours::shares},
                                        {"marginals", matrix(marginals.data()), colours::shares}}};
    print_heat_maps(script, maps, "row", "column");
}

void draw_travelling_salesman(std::ostream& script) {
    constexpr std::size_t edges = cities.size() * (cities.size() - 1) / 2;
    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(1, static_cast<Eigen::Index>(edges));
    Eigen::Index edge = 0;
    for (std::size_t a = 0; a < cities.size(); ++a)
        for (std::size_t b = a + 1; b < cities.size(); ++b)
            theta(0, edge++) =
                -static_cast<float>(std::hypot(cities[a].x - cities[b].x, cities[a].y - cities[b].y));
    Eigen::Tensor<float, 1, Eigen::RowMajor> z(static_cast<Eigen::Index>(edges));
    imle::const_view<float, 1, Eigen::RowMajor> instance(theta.data(), static_cast<Eigen::Index>(edges));
    // [travelling_salesman]
    imle::travelling_salesman solver;
    solver(instance, z);  // instance, z: [45], the edges of 10 cities; theta is minus their length
    // [/travelling_salesman]

    const auto listed = [](const float* values) { return std::vector<float>(values, values + edges); };
    std::vector<panel> panels{{"z", listed(z.data())}};
    for (const char* temperature : {"0.05", "0.2"})
        panels.push_back({std::string("marginals, temperature ") + temperature,
                          listed(mean_state(solver, theta, std::stod(temperature)).data())});
    print_cities(script, panels);
}

}  // namespace solver_pictures
