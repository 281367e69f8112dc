// How do I solve, and differentiate through, a program that is in a file? `mps_program FILE...` reads MPS
// files (plain or compressed), and prints the optimum of each and the CPU seconds that it took.

#include <algorithm>
#include <ctime>
#include <exception>
#include <filesystem>
#include <iomanip>
#include <iostream>

#include <imle/adapters/cbc.hpp>
#include <imle/core/tensor.hpp>

namespace {

void solve(const std::filesystem::path& path) {
    const imle::named_program program = imle::read_program(path.string());
    imle::integer_program solver(program);
    // The file's objective is a cost; theta is its negative, because the solver maximises.
    Eigen::Tensor<double, 1> theta(solver.variables()), z(solver.variables());
    std::transform(program.costs.begin(), program.costs.end(), theta.data(),
                   [](double cost) { return -cost; });

    const std::clock_t start = std::clock();
    solver(theta, z);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;

    double optimum = program.constant;
    for (Eigen::Index j = 0; j < z.size(); ++j) optimum += program.costs(j) * z(j);
    std::cout << std::left << std::setw(16) << path.filename().string() << std::right << std::setw(6)
              << solver.rows() << " rows " << std::setw(6) << solver.variables() << " variables  optimum "
              << std::setprecision(10) << optimum << "  " << std::fixed << std::setprecision(3) << seconds
              << " s\n"
              << std::defaultfloat;
}

}  // namespace

int main(int count, char** arguments) try {
    if (count < 2) {
        std::cerr << "usage: mps_program FILE...\n";
        return 2;
    }
    for (int i = 1; i < count; ++i) solve(arguments[i]);
    if (std::cout.flush()) return 0;
    std::cerr << "mps_program: cannot write to the standard output\n";
    return 1;
} catch (const std::exception& error) {
    std::cerr << "mps_program: " << error.what() << '\n';
    return 1;
}
