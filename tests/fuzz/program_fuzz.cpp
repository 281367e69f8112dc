// Feeds bytes to integer_program, as a small program and a theta.
//
// Allowed: the best of all points of the box (by going through them), a solve_failure{infeasible} where no
// point keeps the rows, or a std::invalid_argument for numbers outside of the documented range. All else
// aborts.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <imle/adapters/cbc.hpp>
#include <imle/core/errors.hpp>

#include "byte_source.hpp"

namespace {

void require(bool holds, const char* law) {
    if (holds) return;
    std::fprintf(stderr, "broken law: %s\n", law);
    std::abort();
}

// Small integers and halves, so that sums are exact; seldom any double.
double coefficient(byte_source& bytes, bool wild) {
    if (wild && bytes.choice(8) == 0) return bytes.take<double>();
    return static_cast<double>(bytes.take<std::int8_t>() % 8) / (bytes.choice(4) == 0 ? 2 : 1);
}

struct program {
    Eigen::MatrixXd a;
    Eigen::VectorXd b;
    imle::integer_program_options options;
};

program read_program(byte_source& bytes, bool wild) {
    const auto variables = static_cast<Eigen::Index>(bytes.choice(7)),
               rows = static_cast<Eigen::Index>(bytes.choice(5));
    program p{Eigen::MatrixXd(rows, variables), Eigen::VectorXd(rows), {}};
    for (Eigen::Index k = 0; k < p.a.size(); ++k) p.a.data()[k] = coefficient(bytes, wild);
    for (double& x : p.b) x = coefficient(bytes, wild);
    if (bytes.flag()) {
        p.options.row_lower = p.b;
        for (double& x : p.options.row_lower)
            x = bytes.choice(3) == 0 ? -std::numeric_limits<double>::infinity() : x - bytes.choice(4);
    }
    if (bytes.choice(3) == 0) {  // ranges beyond 0 and 1, of at most 3 integers each
        p.options.lower = Eigen::VectorXd(variables);
        p.options.upper = Eigen::VectorXd(variables);
        for (Eigen::Index j = 0; j < variables; ++j) {
            p.options.lower(j) = bytes.take<std::int8_t>() % 4;
            p.options.upper(j) = p.options.lower(j) + bytes.choice(3);
        }
    }
    return p;
}

// The largest <theta, x> over the box's integers that keep the rows; -infinity if none does.
double best_of_box(const program& p, const Eigen::VectorXd& theta) {
    const Eigen::Index n = theta.size();
    const Eigen::VectorXd low =
        p.options.lower.size() == n && n > 0 ? p.options.lower : Eigen::VectorXd::Zero(n);
    const Eigen::VectorXd high =
        p.options.upper.size() == n && n > 0 ? p.options.upper : Eigen::VectorXd::Ones(n);
    Eigen::VectorXd x = low;
    double best = -std::numeric_limits<double>::infinity();
    while (true) {
        const Eigen::VectorXd sums = p.a * x;
        bool keeps = true;
        for (Eigen::Index i = 0; i < sums.size(); ++i)
            keeps = keeps && sums(i) <= p.b(i) &&
                    (p.options.row_lower.size() == 0 || sums(i) >= p.options.row_lower(i));
        if (keeps) best = std::max(best, theta.dot(x));
        Eigen::Index j = 0;
        while (j < n && x(j) == high(j)) {
            x(j) = low(j);
            ++j;
        }
        if (j == n) return best;
        x(j) += 1;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    byte_source bytes({data, size});
    const bool wild = bytes.choice(4) == 0;
    const program p = read_program(bytes, wild);
    try {
        imle::integer_program solver(p.a, p.b, p.options);
        Eigen::VectorXd theta(p.a.cols());
        for (double& t : theta) t = coefficient(bytes, false);
        const int exponent = bytes.flag() ? bytes.take<std::int8_t>() : 0;
        for (double& t : theta) t = std::ldexp(t, exponent);
        const double best = wild ? 0 : best_of_box(p, theta);

        imle::const_view<double, 1, Eigen::RowMajor> theta_view(theta.data(), theta.size());
        Eigen::VectorXd z(theta.size());
        imle::mutable_view<double, 1, Eigen::RowMajor> z_view(z.data(), z.size());
        try {
            solver(theta_view, z_view);
        } catch (const imle::solve_failure& failure) {
            require(failure.status() == imle::solve_status::infeasible,
                    "bounded programs have no other status");
            require(wild || best < -1e300, "infeasible only where no point keeps the rows");
            return 0;
        }
        for (const double x : z) require(x == std::round(x), "z is integer");
        if (wild) return 0;
        require(best > -1e300, "infeasible where no point keeps the rows");
        require(theta.dot(z) == best, "z is the best point");
        require((p.a * z - p.b).size() == 0 || (p.a * z - p.b).maxCoeff() <= 0, "z keeps the rows");
    } catch (const std::invalid_argument&) {
        require(wild, "good programs are accepted");
    } catch (const std::runtime_error&) {
        require(wild, "moderate programs are solved");  // else CBC may give up, which it must say
    }
    return 0;
}
