#pragma once

/// @file
/// The layer of this example, and its solver, which can be made to fail.

#include <memory>
#include <stdexcept>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/targets/adaptive_target.hpp>

namespace mpi_training {

/// `grid_shortest_path` until it is `broken`: then it throws, as a solver may.
class map_solver {
  public:
    explicit map_solver(std::shared_ptr<const bool> broken) : broken_(std::move(broken)) {}

    template <class ThetaT, class ZT>
    void operator()(const ThetaT& theta, ZT& z) {
        check();
        paths_(theta, z);
    }
    template <class ThetasT, class ZsT>
    void solve_batch(const ThetasT& thetas, ZsT& zs) {
        check();
        paths_.solve_batch(thetas, zs);
    }

  private:
    void check() const {
        if (*broken_) throw std::runtime_error("the solver was told to fail");
    }

    std::shared_ptr<const bool> broken_;
    imle::grid_shortest_path<> paths_;
};

using map_layer = imle::imle_layer<map_solver, imle::sum_of_gamma, imle::adaptive_target>;

}  // namespace mpi_training
