#pragma once

// Hashes of the bits of what the library computes: of every noise, and of samples, marginals and gradients of
// a layer of each kind. They must be equal on every machine, for every compiler and for every flag that
// docs/reproducibility.md names. Without a test framework, so that a small program can check them anywhere.
//
// bits.cpp instantiates much and computes little, noise_bits.cpp the reverse. An emulator would run the
// latter for a minute if it were not optimised, so for one they are compiled apart.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <imle/imle.hpp>

namespace support {

/// FNV-1a over the bits of numbers, whatever the order of bytes in memory.
class bit_hash {
  public:
    void add(float x) noexcept { add_word(imle::detail::bit_cast<std::uint32_t>(x)); }
    void add(double x) noexcept { add_word(imle::detail::bit_cast<std::uint64_t>(x)); }
    template <class TensorT>
    void add_all(const TensorT& numbers) noexcept {
        for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(numbers.size()); ++i)
            add(numbers.data()[i]);
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

  private:
    template <class Word>
    void add_word(Word word) noexcept {
        for (std::size_t i = 0; i < sizeof(Word); ++i)
            value_ = (value_ ^ ((word >> (8 * i)) & 255u)) * 0x100000001b3u;
    }

    std::uint64_t value_ = 0xcbf29ce484222325u;
};

/// What was hashed.
struct hashed_bits {
    std::string name;
    std::uint64_t expected;
    std::uint64_t found;
};

/// Collects hashes: `hash(Scalar(), into)` is called for float and double.
class bit_checks {
  public:
    template <class Hash>
    void check(const std::string& name, std::uint64_t of_float, std::uint64_t of_double, const Hash& hash) {
        add<float>(name + ", float", of_float, hash);
        add<double>(name + ", double", of_double, hash);
    }
    template <class Scalar, class Hash>
    void add(std::string name, std::uint64_t expected, const Hash& hash) {
        bit_hash found;
        hash(Scalar(), found);
        results_.push_back({std::move(name), expected, found.value()});
    }
    [[nodiscard]] const std::vector<hashed_bits>& results() const noexcept { return results_; }

  private:
    std::vector<hashed_bits> results_;
};

inline constexpr std::uint64_t bits_seed = 42;

/// Numbers with the same bits everywhere, of normal law.
template <class Scalar, int Rank>
[[nodiscard]] Eigen::Tensor<Scalar, Rank, Eigen::RowMajor> normal_tensor(
    std::uint64_t key, const Eigen::DSizes<Eigen::Index, Rank>& shape) {
    Eigen::Tensor<Scalar, Rank, Eigen::RowMajor> numbers(shape);
    imle::normal{}.fill(imle::random_key{key}, 0,
                        std::span<Scalar>(numbers.data(), static_cast<std::size_t>(numbers.size())));
    return numbers;
}

// Layers have parts of one type, which hold any solver and any noise: a layer takes a second to compile, and
// every system compiles this file.

/// Any solver of instances of this rank.
template <class Scalar, int Rank>
class any_solver {
    using theta_view = imle::const_view<Scalar, Rank, Eigen::RowMajor>;
    using z_view = imle::mutable_view<Scalar, Rank, Eigen::RowMajor>;
    using thetas_view = imle::const_view<Scalar, Rank + 1, Eigen::RowMajor>;
    using zs_view = imle::mutable_view<Scalar, Rank + 1, Eigen::RowMajor>;

  public:
    template <class SolverT>
    explicit any_solver(SolverT solver)
        : solve_([solver](const thetas_view& thetas, zs_view& zs,
                          std::span<const imle::solve_context> contexts) mutable {
              static_assert(imle::sense_of<SolverT> == imle::sense::maximize);
              if constexpr (imle::detail::solves_batches_with_context<SolverT, Scalar, Rank,
                                                                      Eigen::RowMajor>) {
                  return imle::detail::status_of([&] { return solver.solve_batch(thetas, zs, contexts); });
              } else {
                  static_assert(!imle::BatchSolver<SolverT, Scalar, Rank, Eigen::RowMajor>);
                  Eigen::DSizes<Eigen::Index, Rank> instance;
                  std::copy_n(thetas.dimensions().begin() + 1, Rank, instance.begin());
                  for (std::size_t j = 0; j < contexts.size(); ++j) {
                      const auto at = static_cast<Eigen::Index>(j) * instance.TotalSize();
                      theta_view theta(thetas.data() + at, instance);
                      z_view z(zs.data() + at, instance);
                      const auto status = imle::detail::solve_one<Scalar, Rank, Eigen::RowMajor>(
                          solver, theta, z, contexts[j]);
                      if (!imle::has_answer(status)) return status;
                  }
                  return imle::solve_status::solved;
              }
          }) {}

    imle::solve_status operator()(const theta_view& theta, z_view& z, const imle::solve_context& context) {
        Eigen::DSizes<Eigen::Index, Rank + 1> one;
        one[0] = 1;
        std::copy_n(theta.dimensions().begin(), Rank, one.begin() + 1);
        zs_view zs(z.data(), one);
        return solve_(thetas_view(theta.data(), one), zs, {&context, 1});
    }
    imle::solve_status solve_batch(const thetas_view& thetas, zs_view& zs,
                                   std::span<const imle::solve_context> contexts) {
        return solve_(thetas, zs, contexts);
    }

  private:
    std::function<imle::solve_status(const thetas_view&, zs_view&, std::span<const imle::solve_context>)>
        solve_;
};

/// Any noise that is added.
class any_noise {
  public:
    template <class NoiseT>
    explicit any_noise(const NoiseT& noise)
        : in_float_([noise](const auto&... rest) { noise.fill(rest...); }),
          in_double_([noise](const auto&... rest) { noise.fill(rest...); }) {
        static_assert(!imle::is_multiplicative_noise<NoiseT>);
    }
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        in_float_(key, first, out);
    }
    void fill(const imle::random_key& key, std::uint64_t first, std::span<double> out) const {
        in_double_(key, first, out);
    }

  private:
    std::function<void(imle::random_key, std::uint64_t, std::span<float>)> in_float_;
    std::function<void(imle::random_key, std::uint64_t, std::span<double>)> in_double_;
};

/// Samples, marginals and a gradient of a layer for three instances.
template <class Scalar, int Rank, class Layer>
void add_layer_bits(bit_hash& hash, Layer layer, const Eigen::DSizes<Eigen::Index, Rank>& shape) {
    const auto pass = layer.forward(normal_tensor<Scalar, Rank>(1, shape), imle::random_key{bits_seed});
    hash.add_all(pass.samples());
    hash.add_all(pass.marginals());
    hash.add_all(layer.vjp(pass, normal_tensor<Scalar, Rank>(2, shape)));
}

/// The layer by which a solver's bits are taken.
template <int Rank, class SolverT>
[[nodiscard]] auto solver_layer(const Eigen::DSizes<Eigen::Index, Rank>&, SolverT solver) {
    return imle::imle_layer{
        any_solver<float, Rank - 1>(std::move(solver)), any_noise(imle::gumbel{}),
        imle::perturbation_target{.alpha = 0.9, .beta = 0.8},
        imle::layer_options{.samples = 7, .input_temperature = 0.7, .target_temperature = 1.1}};
}

/// Every built-in noise, the functions of every law, and other work of seconds.
void check_noise_bits(bit_checks& checks);

}  // namespace support
