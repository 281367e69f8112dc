#pragma once

/// @file
/// The constants that docs/scaling.md plans with.

#include "training.hpp"

namespace mpi_training {

/// Times the parts of a step at these settings, and messages between these ranks; rank 0 prints. Collective.
void measure(const communicator& ranks, const training_options& options);

}  // namespace mpi_training
