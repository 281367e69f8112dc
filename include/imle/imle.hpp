#pragma once

/// @file
/// Everything but the adapters and the testing tools: `#include <imle/imle.hpp>`.

#include <imle/concepts/noise_distribution.hpp>
#include <imle/concepts/sense.hpp>
#include <imle/concepts/solve_context.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/concepts/target_distribution.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/tensor.hpp>
#include <imle/core/version.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/layer/marginals_pass.hpp>
#include <imle/layer/pullback.hpp>
#include <imle/layer/sampled_pass.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/std_noise.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/noise/sum_of_gamma_series.hpp>
#include <imle/parallel/executor.hpp>
#include <imle/parallel/thread_executor.hpp>
#include <imle/random/quantile_table.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/uniform.hpp>
#include <imle/random/words.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/loss_gradient_target.hpp>
#include <imle/targets/perturbation_target.hpp>
