// Feeds bytes to linear_chain, semi_markov_chain and alignment, and to their exact families, as shapes,
// numbers and masks.
//
// Allowed: an answer that is feasible and as good as a plain recursion's, the same alone and in a batch, and
// marginals that are finite and sum as they must; or a std::invalid_argument. All else aborts.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/families/alignment_family.hpp>
#include <imle/families/chain_family.hpp>
#include <imle/solvers/alignment.hpp>
#include <imle/solvers/linear_chain.hpp>
#include <imle/solvers/semi_markov_chain.hpp>

#include "byte_source.hpp"

namespace {

constexpr double worst = -std::numeric_limits<double>::infinity();

void require(bool holds, const char* law) {
    if (holds) return;
    std::fprintf(stderr, "broken law: %s\n", law);
    std::abort();
}

/// Some instances of one shape, row-major, with a mask for each.
template <class Scalar>
struct batch {
    std::size_t count, n;
    std::vector<Scalar> theta;
    std::unique_ptr<bool[]> masks;

    batch(std::size_t instances, std::size_t size, byte_source& bytes)
        : count(instances), n(size), theta(instances * size), masks(new bool[instances * size]) {
        const unsigned kind = bytes.choice(5);
        const bool masked = bytes.flag();
        for (std::size_t i = 0; i < theta.size(); ++i) {
            theta[i] = bytes.number<Scalar>(kind);
            masks[i] = !masked || bytes.choice(5) != 0;
        }
    }
    [[nodiscard]] std::span<const bool> mask(std::size_t b) const { return {masks.get() + b * n, n}; }
    [[nodiscard]] double value(std::size_t b, std::size_t i) const {
        return masks[b * n + i] ? static_cast<double>(theta[b * n + i]) : worst;
    }
    /// <theta, z>; z is 0 or 1, and 0 where the mask forbids. The sum of all |theta| that count in `size`.
    [[nodiscard]] double reached(std::size_t b, const Scalar* z, double& size) const {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            require(z[i] == 0 || (z[i] == 1 && masks[b * n + i]), "z is 0 or an allowed 1");
            if (z[i] == 1) sum += value(b, i);
            if (masks[b * n + i]) size += std::abs(value(b, i));
        }
        return sum;
    }
};

/// Solves alone and together; best(b): the value of the oracle, -infinity if nothing is allowed.
template <class Scalar, int Rank, class SolverT, class BestT>
void solve(SolverT solver, const Eigen::DSizes<Eigen::Index, Rank>& shape, const batch<Scalar>& of,
           BestT&& best) {
    Eigen::DSizes<Eigen::Index, Rank + 1> together;
    together[0] = static_cast<Eigen::Index>(of.count);
    for (std::size_t d = 0; d < Rank; ++d) together[d + 1] = shape[d];
    std::vector<Scalar> alone(of.theta.size()), zs(of.theta.size());
    std::vector<imle::solve_context> contexts(of.count);
    bool rejected = false, failed = false;
    for (std::size_t b = 0; b < of.count; ++b) {
        contexts[b] = {.instance = b, .mask = of.mask(b)};
        imle::const_view<Scalar, Rank, Eigen::RowMajor> theta(of.theta.data() + b * of.n, shape);
        imle::mutable_view<Scalar, Rank, Eigen::RowMajor> z(alone.data() + b * of.n, shape);
        try {
            const imle::solve_status status = solver(theta, z, contexts[b]);
            double size = 0;
            const double reached = of.reached(b, z.data(), size), most = best(b);
            failed |= status != imle::solve_status::solved;
            require((most == worst) == (status == imle::solve_status::infeasible),
                    "infeasible if nothing is");
            if (most != worst && size < std::numeric_limits<double>::max() / 4)
                require(reached >= most - 1e-12 * size, "z is as good as the oracle's");
        } catch (const std::invalid_argument&) {
            rejected = true;
        }
    }
    bool batch_rejected = false;
    try {
        imle::const_view<Scalar, Rank + 1, Eigen::RowMajor> thetas(of.theta.data(), together);
        imle::mutable_view<Scalar, Rank + 1, Eigen::RowMajor> z(zs.data(), together);
        const imle::solve_status status =
            solver.solve_batch(thetas, z, std::span<const imle::solve_context>(contexts));
        require(rejected || failed == (status != imle::solve_status::solved), "the status of a batch");
    } catch (const std::invalid_argument&) {
        batch_rejected = true;
    }
    require(rejected == batch_rejected, "a batch is rejected if one of its instances is");
    if (!rejected) require(alone == zs, "a batch gives the bits of single solves");
}

/// Marginals are finite, within [0, 1], and sum to between `least` and `most`; the other results are finite.
template <class Scalar, int Rank, class FamilyT>
void measure(const FamilyT& family, const Eigen::DSizes<Eigen::Index, Rank>& shape, const batch<Scalar>& of,
             double least, double most) {
    for (std::size_t b = 0; b < of.count; ++b) {
        imle::const_view<Scalar, Rank, Eigen::RowMajor> theta(of.theta.data() + b * of.n, shape);
        Eigen::Tensor<Scalar, Rank, Eigen::RowMajor> mu(shape), gradient(shape), z(shape), dmu(shape);
        for (Eigen::Index i = 0; i < dmu.size(); ++i) dmu.data()[i] = static_cast<Scalar>(i % 7) - 3;
        const imle::solve_context context{.instance = b, .mask = of.mask(b)};
        try {
            family.marginals(theta, mu, context);
            family.marginals_vjp(theta, dmu, gradient, context);
            family.sample(theta, imle::random_key{1}, b, z, context);
            const double entropy = family.entropy(theta, context);
            double sum = 0, size = 0;
            for (Eigen::Index i = 0; i < mu.size(); ++i) {
                require(mu.data()[i] >= 0 && mu.data()[i] <= 1, "marginals are probabilities");
                require(std::isfinite(gradient.data()[i]), "the gradient is finite");
                sum += static_cast<double>(mu.data()[i]);
            }
            (void)of.reached(b, z.data(), size);
            require(sum > least - 1e-4 && sum < most + 1e-4, "marginals sum to the size of states");
            require(entropy >= -1e-12 && entropy < 1e4, "the entropy of a finite set");
            require(family.kl_divergence(theta, theta, context) < 1e-6, "no divergence from itself");
        } catch (const std::invalid_argument&) {
        }
    }
}

template <class Scalar>
void run_chains(byte_source& bytes) {
    const std::size_t steps = bytes.choice(7), widths = 1 + bytes.choice(3), labels = 1 + bytes.choice(4);
    const batch<Scalar> of(1 + bytes.choice(6), steps * widths * labels * labels, bytes);
    const auto best = [&](std::size_t b) {
        const auto at = [&](std::size_t t, std::size_t k, std::size_t i, std::size_t j) {
            return ((t * widths + k) * labels + i) * labels + j;
        };
        std::size_t end = 0;
        std::vector<double> sums(labels, 0);  // one position after the other
        for (std::size_t t = 0; t < steps; ++t)
            for (std::size_t k = 0; k < widths && t + k < steps; ++k)
                for (std::size_t ij = 0; ij < labels * labels; ++ij)
                    if (of.value(b, at(t, k, ij / labels, ij % labels)) > worst)
                        end = std::max(end, t + k + 1);
        if (end == 0) return steps == 0 ? 0.0 : worst;
        for (std::size_t p = 1; p <= end; ++p)
            for (std::size_t j = 0; j < labels; ++j) {
                double most = worst;
                for (std::size_t k = 0; k < widths && k < p; ++k)
                    for (std::size_t i = 0; i < labels; ++i)
                        most = std::max(most,
                                        sums[(p - 1 - k) * labels + i] + of.value(b, at(p - 1 - k, k, i, j)));
                sums.push_back(most);
            }
        return *std::max_element(sums.end() - static_cast<std::ptrdiff_t>(labels), sums.end());
    };
    const auto length = static_cast<Eigen::Index>(steps), size = static_cast<Eigen::Index>(labels);
    const Eigen::DSizes<Eigen::Index, 4> segments(length, static_cast<Eigen::Index>(widths), size, size);
    solve<Scalar, 4>(imle::semi_markov_chain{widths}, segments, of, best);
    if (widths != 1) return;
    const Eigen::DSizes<Eigen::Index, 3> shape(length, size, size);
    solve<Scalar, 3>(imle::linear_chain{}, shape, of, best);
    measure<Scalar, 3>(imle::chain_family{}, shape, of, 0, static_cast<double>(steps));
}

template <class Scalar>
void run_alignment(byte_source& bytes) {
    const std::size_t rows = bytes.choice(9), columns = bytes.choice(9);
    const double gap = bytes.number<double>(bytes.choice(5));
    const imle::alignment solver{{.gap = gap}};  // throws if it is not finite
    const batch<Scalar> of(1 + bytes.choice(6), rows * columns, bytes);
    const Eigen::DSizes<Eigen::Index, 2> shape(static_cast<Eigen::Index>(rows),
                                               static_cast<Eigen::Index>(columns));
    const auto best = [&](std::size_t b) {
        std::size_t last_row = rows, last_column = 0;
        for (std::size_t i = 0; i < of.n; ++i)
            if (of.mask(b)[i]) {
                last_row = i / columns;
                last_column = std::max(last_column, i % columns);
            }
        if (last_row == rows) return worst;
        // Without the constant of the gaps.
        std::vector<double> sums(of.n, worst);
        for (std::size_t i = 0; i <= last_row; ++i)
            for (std::size_t j = 0; j <= last_column; ++j) {
                double before = i == 0 && j == 0 ? 0 : worst;
                if (i > 0 && j > 0) before = std::max(before, sums[(i - 1) * columns + j - 1]);
                if (i > 0) before = std::max(before, sums[(i - 1) * columns + j]);
                if (j > 0) before = std::max(before, sums[i * columns + j - 1]);
                sums[i * columns + j] = before + of.value(b, i * columns + j);
            }
        return sums[last_row * columns + last_column];
    };
    if (gap == 0 || rows == 0 || columns == 0)
        solve<Scalar, 2>(solver, shape, of, best);
    else
        solve<Scalar, 2>(solver, shape, of, [&](std::size_t b) {
            // Only whether there is a path: its value has the gaps.
            return best(b) == worst ? worst : -std::numeric_limits<double>::max();
        });
    measure<Scalar, 2>(imle::alignment_family{{.gap = gap}}, shape, of, 1,
                       static_cast<double>(rows + columns));
}

template <class Scalar>
void run(byte_source& bytes) {
    if (bytes.flag())
        run_chains<Scalar>(bytes);
    else
        run_alignment<Scalar>(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    byte_source bytes({data, size});
    try {
        if (bytes.flag())
            run<float>(bytes);
        else
            run<double>(bytes);
    } catch (const std::invalid_argument&) {  // the gap
    }
    return 0;
}
