#pragma once

/// @file
/// Measures the constants that docs/scaling.md uses.

#include "training.hpp"

namespace mpi_training {

/// Times the parts of a step with these settings, and messages between these ranks; rank 0 prints. If a
/// checkpoint's name is given, also times writing one, to another file of a similar name. Collective.
void measure(const communicator& ranks, const training_options& wanted);

}  // namespace mpi_training
