// How do I use my own solver, my own noise and my own target distribution? Each is an ordinary type with one
// member function; there is no base class and nothing to register.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include <imle/imle.hpp>
#include <imle/random/words.hpp>

// A solver: seats in a row, of which no two neighbours may be taken. It gets the value of each seat and
// writes 1 where somebody sits, so that the sum of the values of the taken seats is the largest. Any
// algorithm will do, and any library: the layer only sees what goes in and what comes out.
struct no_two_neighbours {
    template <class ThetaT, class ZT>
    void operator()(const ThetaT& theta, ZT& z) const {
        const auto seats = static_cast<std::size_t>(theta.size());
        // best[i + 2] is the largest value of seats 0 to i.
        std::vector<float> best(seats + 2, 0.0F);
        for (std::size_t i = 0; i < seats; ++i)
            best[i + 2] = std::max(best[i + 1], best[i] + theta.data()[i]);
        z.setZero();
        for (std::size_t i = seats; i-- > 0;)
            if (best[i + 2] > best[i + 1]) {
                z.data()[i] = 1;
                if (i == 0) break;
                --i;  // the neighbour stays free
            }
    }
};

// A noise: Laplace. It is a pure function of a key and an index (element i of `out` is number first + i of
// the key's sequence), which is how the backward pass meets the same noise again without storing it.
struct laplace {
    void fill(imle::random_key key, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(key, first, out);
        for (float& x : out) x = x < 0.5F ? std::log(2 * x) : -std::log(2 - 2 * x);
    }
};

// A target distribution: the usual step down the cotangent, but no coordinate moves further than a limit.
struct limited_target {
    float beta;
    float limit;

    void parameters(std::span<const float> theta, std::span<const float> dz,
                    std::span<float> theta_prime) const {
        for (std::size_t i = 0; i < theta.size(); ++i)
            theta_prime[i] = theta[i] - std::clamp(beta * dz[i], -limit, limit);
    }
};

int main() {
    using tensor = Eigen::Tensor<float, 2, Eigen::RowMajor>;  // [batch, seat]
    tensor values(1, 8), wanted(1, 8);
    values.setZero();
    wanted.setValues({{1, 0, 0, 1, 0, 1, 0, 0}});

    imle::imle_layer layer{
        no_two_neighbours{}, laplace{}, limited_target{.beta = 10, .limit = 2}, {.samples = 100}};

    // The gradient of the number of seats that differ from the wanted ones.
    const tensor slope = 1 - 2 * wanted;
    for (std::uint64_t step = 0; step <= 40; ++step) {
        const auto pass = layer.forward(values, imle::random_key{0}.fold_in(step));
        if (step % 10 == 0) {
            std::cout << "step " << step << ": taken in";
            for (int seat = 0; seat < 8; ++seat)
                std::cout << ' ' << std::lround(100 * pass.marginals()(0, seat)) << '%';
            std::cout << " of the samples\n";
        }
        values -= layer.vjp(pass, slope) * 0.5F;
    }
    if (std::cout.flush()) return 0;
    std::cerr << "bring_your_own: cannot write to the standard output\n";
    return 1;
}
