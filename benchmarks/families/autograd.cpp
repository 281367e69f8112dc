// Exact families beside automatic differentiation: marginals and their vector-Jacobian product by the
// library, and by libtorch as first and second derivatives of the log-partition, which is written plainly and
// in batches, as one would in PyTorch. Checks that both agree (in double), then prints a table in Markdown
// (in float).
//
//   imle_family_benchmarks [SECONDS FOR EACH CELL, 0.5]

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

#include <imle/families/alignment_family.hpp>
#include <imle/families/arborescence_family.hpp>
#include <imle/families/chain_family.hpp>
#include <imle/noise/normal.hpp>
#include <imle/random/random_key.hpp>

namespace {

constexpr Eigen::Index batch = 32;

/// [batch, steps, labels, labels]: the sum over all sequences, one step after the other.
torch::Tensor chain_partition(const torch::Tensor& theta) {
    torch::Tensor alpha = torch::zeros({theta.size(0), theta.size(2)}, theta.options());
    for (std::int64_t t = 0; t < theta.size(1); ++t)
        alpha = torch::logsumexp(alpha.unsqueeze(2) + theta.select(1, t), 1);
    return torch::logsumexp(alpha, 1);
}

/// [batch, words, words]: the determinant for dependency trees with one root (Koo, Globerson, Carreras and
/// Collins, 2007), in which roots are on the diagonal.
torch::Tensor arborescence_partition(const torch::Tensor& theta) {
    const torch::Tensor roots = torch::eye(theta.size(1), theta.options());
    const torch::Tensor weights = theta.exp(), arcs = weights * (1 - roots);
    const torch::Tensor laplacian = torch::diag_embed(arcs.sum(1)) - arcs;
    const torch::Tensor first = torch::diagonal(weights, 0, 1, 2).unsqueeze(1);
    return torch::logdet(torch::cat({first, laplacian.slice(1, 1)}, 1));
}

/// [batch, n, n]: the sum over all paths, one anti-diagonal after the other.
torch::Tensor alignment_partition(const torch::Tensor& theta) {
    const std::int64_t n = theta.size(1);
    constexpr double never = -1e30;
    const auto border = [&](std::int64_t columns) {
        return torch::full({theta.size(0), columns}, never, theta.options());
    };
    // Cell (i, d - i) of diagonal d is at row i; what lies outside of the matrix is never on a path.
    const torch::Tensor row = torch::arange(n).unsqueeze(1), diagonal = torch::arange(2 * n - 1).unsqueeze(0);
    const torch::Tensor column = diagonal - row, inside = (column >= 0) & (column < n);
    const torch::Tensor skewed = torch::where(
        inside, theta.gather(2, column.clamp(0, n - 1).unsqueeze(0).expand({theta.size(0), n, 2 * n - 1})),
        torch::full({1}, never, theta.options()));
    torch::Tensor before = border(n),
                  last = torch::cat({skewed.select(2, 0).slice(1, 0, 1), border(n - 1)}, 1);
    for (std::int64_t d = 1; d < 2 * n - 1; ++d) {
        const auto down = [&](const torch::Tensor& from) {
            return torch::cat({border(1), from.slice(1, 0, n - 1)}, 1);
        };
        const torch::Tensor next =
            skewed.select(2, d) + torch::logsumexp(torch::stack({last, down(last), down(before)}, 2), 2);
        before = last;
        last = next;
    }
    return last.select(1, n - 1);
}

template <class Scalar>
std::vector<Scalar> numbers(std::size_t count, std::uint64_t seed) {
    std::vector<Scalar> values(count);
    imle::normal{}.fill(imle::random_key{seed}, 0, std::span<Scalar>(values));
    return values;
}

/// The marginals of a batch, and the gradient of <w, marginals>, by both.
template <class Scalar, int Rank, class FamilyT>
class problem {
  public:
    problem(FamilyT family, std::array<Eigen::Index, Rank> shape,
            torch::Tensor (*log_partition)(const torch::Tensor&))
        : family_(family), log_partition_(log_partition) {
        std::vector<std::int64_t> sizes{batch};
        for (std::size_t i = 0; i < shape.size(); ++i) {
            shape_[i] = shape[i];
            n_ *= shape[i];
            sizes.push_back(shape[i]);
        }
        const auto count = static_cast<std::size_t>(batch * n_);
        theta_ = numbers<Scalar>(count, 1);
        w_ = numbers<Scalar>(count, 2);
        mu.resize(count);
        gradient.resize(count);
        const auto type = torch::TensorOptions().dtype(torch::CppTypeToScalarType<Scalar>());
        torch_theta_ = torch::from_blob(theta_.data(), sizes, type).clone().requires_grad_(true);
        torch_w_ = torch::from_blob(w_.data(), sizes, type).clone();
    }

    void by_family(bool with_gradient) {
        for (Eigen::Index b = 0; b < batch; ++b) {
            const imle::const_view<Scalar, Rank, Eigen::RowMajor> theta(theta_.data() + b * n_, shape_),
                w(w_.data() + b * n_, shape_);
            imle::mutable_view<Scalar, Rank, Eigen::RowMajor> mean(mu.data() + b * n_, shape_),
                derivative(gradient.data() + b * n_, shape_);
            family_.marginals(theta, mean);
            if (with_gradient) family_.marginals_vjp(theta, w, derivative);
        }
    }
    void by_torch(bool with_gradient) {
        const torch::Tensor value = log_partition_(torch_theta_).sum();
        torch_mu = torch::autograd::grad({value}, {torch_theta_}, {}, c10::nullopt, with_gradient)[0];
        if (with_gradient)
            torch_gradient = torch::autograd::grad({(torch_mu * torch_w_).sum()}, {torch_theta_})[0];
    }

    /// The largest difference of a marginal or of the gradient.
    double difference() {
        by_family(true);
        by_torch(true);
        double most = 0;
        for (const auto& [own, other] : {std::pair{&mu, &torch_mu}, std::pair{&gradient, &torch_gradient}}) {
            const torch::Tensor flat = other->detach().contiguous();
            for (std::size_t i = 0; i < own->size(); ++i)
                most = std::max(
                    most, std::abs(static_cast<double>((*own)[i] - flat.template data_ptr<Scalar>()[i])));
        }
        return most;
    }

    std::vector<Scalar> mu, gradient;
    torch::Tensor torch_mu, torch_gradient;

  private:
    FamilyT family_;
    torch::Tensor (*log_partition_)(const torch::Tensor&);
    Eigen::DSizes<Eigen::Index, Rank> shape_;
    Eigen::Index n_ = 1;
    std::vector<Scalar> theta_, w_;
    torch::Tensor torch_theta_, torch_w_;
};

/// Microseconds an instance, the median of calls that fill the time.
template <class F>
double time_of(F&& solve, double seconds) {
    using clock = std::chrono::steady_clock;
    solve();
    std::vector<double> times;
    for (double sum = 0; sum < seconds || times.size() < 5; sum += times.back()) {
        const auto start = clock::now();
        solve();
        times.push_back(std::chrono::duration<double>(clock::now() - start).count());
    }
    std::nth_element(times.begin(), times.begin() + std::ssize(times) / 2, times.end());
    return times[times.size() / 2] * 1e6 / static_cast<double>(batch);
}

/// Prints a line of the table. Returns whether both agree.
template <int Rank, class FamilyT>
bool write_line(const char* name, FamilyT family, std::array<Eigen::Index, Rank> shape,
                torch::Tensor (*log_partition)(const torch::Tensor&), double seconds) {
    const double difference = problem<double, Rank, FamilyT>(family, shape, log_partition).difference();
    problem<float, Rank, FamilyT> timed(family, shape, log_partition);
    std::printf("| %s", name);
    for (const bool with_gradient : {false, true}) {
        const double own = time_of([&] { timed.by_family(with_gradient); }, seconds);
        const double other = time_of([&] { timed.by_torch(with_gradient); }, seconds);
        std::printf(" | %.3g | %.3g | %.3g", own, other, other / own);
    }
    std::printf(" | %.0e |\n", difference);
    std::fflush(stdout);
    return difference < 1e-9;
}

}  // namespace

int main(int count, char** arguments) {
    const double seconds = count > 1 ? std::atof(arguments[1]) : 0.5;
    torch::set_num_threads(1);
    std::printf(
        "| Family | marginals | libtorch | times | with vjp | libtorch | times | difference |\n"
        "|---|---|---|---|---|---|---|---|\n");
    bool agree = true;
    using chain = std::array<Eigen::Index, 3>;
    using square = std::array<Eigen::Index, 2>;
    for (const auto& [name, shape] : {std::pair{"`chain_family`, 20 steps, 5 labels", chain{20, 5, 5}},
                                      {"40 steps, 64 labels", chain{40, 64, 64}}})
        agree &= write_line<3>(name, imle::chain_family{}, shape, chain_partition, seconds);
    for (const auto& [name, shape] :
         {std::pair{"`arborescence_family`, 20 words", square{20, 20}}, {"40 words", square{40, 40}}})
        agree &= write_line<2>(name, imle::arborescence_family{}, shape, arborescence_partition, seconds);
    agree &= write_line<2>("`alignment_family`, 64 x 64", imle::alignment_family{}, square{64, 64},
                           alignment_partition, seconds);
    if (!agree) std::fprintf(stderr, "imle_family_benchmarks: the library and libtorch disagree\n");
    return agree ? 0 : 1;
}
