#pragma once

/// @file
/// Layers for libtorch, https://pytorch.org/cppdocs (Debian: libtorch-dev; CMake: find_package(Torch)). Not
/// part of `imle.hpp`: include it where you use it, and link torch. GCC only: clang 14 does not take
/// libtorch 1.13's headers as C++20. See docs/adapters/torch.md.

#include <imle/adapters/torch/torch_layer.hpp>
#include <imle/adapters/torch/torch_marginals.hpp>
#include <imle/adapters/torch/torch_samples.hpp>
