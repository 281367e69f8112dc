#pragma once

/// @file
/// The constants that docs/scaling.md plans with.

#include "training.hpp"

namespace mpi_training {

/// Times the parts of a step at these settings, and messages between these ranks; rank 0 prints. With a
/// checkpoint's name, also the writing of one, beside it and not to it. Collective.
void measure(const communicator& ranks, const training_options& wanted);

}  // namespace mpi_training
