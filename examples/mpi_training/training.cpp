#include "training.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <imle/random/words.hpp>

#include "digest.hpp"
#include "support/output.hpp"

namespace mpi_training {
namespace {

// Numbers that are folded into a run's key, so that data, initial weights and steps never share random
// numbers.
constexpr std::uint64_t data_stream = 0;
constexpr std::uint64_t weights_stream = 1;
constexpr std::uint64_t steps_stream = 2;

constexpr std::uint64_t first_unseen_row = std::uint64_t{1} << 40;

imle::random_key stream_of(const run_settings& settings, std::uint64_t stream) {
    return imle::random_key{settings.seed}.fold_in(stream);
}

map_layer make_layer(const training_options& options, std::shared_ptr<const bool> broken) {
    return {map_solver(std::move(broken)),
            imle::sum_of_gamma{1.3 * static_cast<double>(options.settings.side), 100},
            imle::adaptive_target{{.beta_step = 0.01, .target_norm = 4}},
            {.samples = options.settings.samples, .threads = options.threads}};
}

std::span<float> numbers_of(matrix& weights) {
    return {weights.data(), static_cast<std::size_t>(weights.size())};
}

/// Initially every cell costs 1, up to a little noise: an adaptive step needs a theta that is not 0.
matrix first_weights(const run_settings& settings) {
    matrix weights(1 + settings.features, settings.cells());
    imle::uniforms(stream_of(settings, weights_stream), 0, numbers_of(weights));
    for (float& weight : numbers_of(weights)) weight = 0.1F * (2 * weight - 1);
    weights.row(0).setConstant(-1);
    return weights;
}

/// A copy of the instances first to last - 1 of a batch.
maps rows_of(const maps& batch, row_range rows) {
    return batch.slice(Eigen::array<Eigen::Index, 3>{rows.first, 0, 0},
                       Eigen::array<Eigen::Index, 3>{rows.size(), batch.dimension(1), batch.dimension(2)});
}

bool is_now(const accident& planned, std::uint64_t step, int rank) {
    return planned.step > 0 && static_cast<std::uint64_t>(planned.step) == step && planned.rank == rank;
}

}  // namespace

training::training(const communicator& ranks, const training_options& options)
    : ranks_(ranks),
      options_(options),
      layout_(options.settings.batch, options.settings.block),
      blocks_(layout_.blocks_of_rank(ranks.rank(), ranks.size())),
      rows_(blocks_.empty() ? row_range{} : row_range{blocks_.front().first, blocks_.back().last}),
      key_(options.settings.seed),
      source_(stream_of(options.settings, data_stream), options.settings.side, options.settings.features),
      weights_(first_weights(options.settings)),
      optimizer_(make_optimizer(options.settings)),
      broken_(std::make_shared<bool>(false)),
      layer_(make_layer(options, broken_)) {
    if (!options_.resume_file.empty()) resume();
}

// [step]
double training::step(std::uint64_t number) {
    const auto batch = static_cast<std::uint64_t>(layout_.batch());
    const auto first_instance = static_cast<std::uint64_t>(rows_.first);
    const map_rows rows = source_.make((number - 1) * batch + first_instance, rows_.size());
    const imle::random_key key = key_.fold_in(steps_stream).fold_in(number);

    // Forward: this rank's rows get the noise that they have in the whole batch.
    const maps theta = theta_of(rows);
    const auto pass = layer_.forward(theta, key, first_instance);
    const maps cotangent = pass.marginals() - rows.gold;  // of the loss |marginals - gold|^2 / 2

    // Backward: the adaptive step needs the sums of the whole batch, and its update the counts.
    const block_totals total = sum_over_blocks(ranks_, options_.settings.reduce, totals_of(theta, cotangent));
    const auto [gradient, counts] = layer_.vjp_shard(pass, cotangent, total.sums);
    layer_.target().update(total.sums + sum_of_counts(ranks_, counts));

    // Then as ever.
    optimizer_.update(numbers_of(weights_),
                      sum_over_blocks(ranks_, options_.settings.reduce, weight_gradients(rows, gradient)));

    write_gradients(number, gradient);
    last_step_ = number;
    return total.loss / static_cast<double>(batch);
}
// [/step]

maps training::theta_of(const map_rows& rows) const {
    const Eigen::Index side = options_.settings.side;
    maps theta(rows.features.rows(), side, side);
    for (const row_range& block : blocks_) {
        // Each block has its own matrix, because the last bits of a product depend on the number of rows.
        const matrix features = rows.features.middleRows(block.first - rows_.first, block.size());
        const matrix product = features * weights_;
        std::copy_n(product.data(), product.size(), theta.data() + (block.first - rows_.first) * side * side);
    }
    return theta;
}

// [totals]
std::vector<block_totals> training::totals_of(const maps& theta, const maps& cotangent) const {
    std::vector<block_totals> totals;
    for (const row_range& block : blocks_) {
        const row_range here{block.first - rows_.first, block.last - rows_.first};
        const maps block_theta = rows_of(theta, here);
        const maps block_cotangent = rows_of(cotangent, here);
        // A pass of this block alone. Its sums need theta and the cotangent, so that anything may stand for
        // the marginals, and neither key nor instance matters.
        const imle::marginals_pass<float, 3, Eigen::RowMajor> pass(block_theta, block_theta, key_, 0,
                                                                   layer_.options().samples);
        block_totals total;
        total.sums = layer_.sums(pass, block_cotangent);
        total.loss = 0.5 * static_cast<double>(total.sums.dz_squared);
        totals.push_back(total);
    }
    return totals;
}
// [/totals]

matrix training::weight_gradients(const map_rows& rows, const maps& gradient) const {
    const Eigen::Index cells = options_.settings.cells();
    matrix sums(static_cast<Eigen::Index>(blocks_.size()), weights_.size());
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
        const Eigen::Index first = blocks_[b].first - rows_.first;
        const matrix features = rows.features.middleRows(first, blocks_[b].size());
        const matrix slope =
            Eigen::Map<const matrix>(gradient.data() + first * cells, blocks_[b].size(), cells);
        const matrix product = features.transpose() * slope / static_cast<float>(layout_.batch());
        std::copy_n(product.data(), product.size(), sums.row(static_cast<Eigen::Index>(b)).data());
    }
    return sums;
}

void training::run() {
    require_free_checkpoint_file();
    if (options_.steps <= last_step_)
        throw std::invalid_argument("--steps is " + std::to_string(options_.steps) +
                                    "; the checkpoint is of step " + std::to_string(last_step_) +
                                    ", expected more");
    const bool prints = ranks_.rank() == 0;
    for (std::uint64_t number = last_step_ + 1; number <= options_.steps; ++number) {
        if (is_now(options_.death, number, ranks_.rank())) (void)std::raise(SIGKILL);
        *broken_ = is_now(options_.solver_failure, number, ranks_.rank());
        const double loss = step(number);
        if (prints && (number % options_.every == 0 || number == options_.steps))
            std::cout << "step " << number << "  loss " << std::fixed << std::setprecision(4) << loss
                      << "  beta " << layer_.target().state().beta << '\n'
                      << std::flush;
        if (number % options_.every == 0 || number == options_.steps) save();
    }
}

checkpoint training::state() const {
    return {options_.settings, last_step_, key_, weights_, optimizer_, layer_.target().state()};
}

void training::require_free_checkpoint_file() const {
    const std::string& file = options_.checkpoint_file;
    std::error_code error;
    if (ranks_.rank() != 0 || file.empty() || !std::filesystem::exists(file, error)) return;
    if (!options_.resume_file.empty() && std::filesystem::equivalent(file, options_.resume_file, error))
        return;
    throw std::runtime_error("the checkpoint " + file + " exists; expected --resume " + file +
                             " to resume from it, or another name to start anew");
}

void training::save() const {
    require_equal_weights();
    if (ranks_.rank() == 0 && !options_.checkpoint_file.empty())
        write_atomically(options_.checkpoint_file, to_bytes(state()));
    ranks_.barrier();  // no rank gets ahead of a checkpoint that may still fail
}

void training::resume() {
    // One rank reads, so that the file need not be on every machine, and all ranks get the same bytes.
    std::vector<std::byte> bytes;
    if (ranks_.rank() == 0) bytes = read_file(options_.resume_file);
    bytes = ranks_.from_rank_0(std::move(bytes));
    const checkpoint saved = from_bytes(bytes, options_.settings, options_.resume_file);
    last_step_ = saved.step;
    weights_ = saved.weights;
    optimizer_ = saved.optimizer;
    layer_.target().restore(saved.target);
}

std::uint64_t training::solved_maps(Eigen::Index count) const {
    // The count is an integer, so any distribution over ranks gives the same result.
    const block_layout layout(count, 1);
    const std::vector<row_range> mine = layout.blocks_of_rank(ranks_.rank(), ranks_.size());
    std::array<std::uint64_t, 1> solved{0};
    imle::grid_shortest_path solver;
    const Eigen::Index side = options_.settings.side;
    maps path(1, side, side);
    for (const row_range& one : mine) {
        const map_rows row = source_.make(first_unseen_row + static_cast<std::uint64_t>(one.first), 1);
        const matrix theta = row.features * weights_;
        const imle::const_view<float, 2, Eigen::RowMajor> theta_view(theta.data(), side, side);
        imle::mutable_view<float, 2, Eigen::RowMajor> z(path.data(), side, side);
        solver(theta_view, z);
        double cost = 0;
        double least = 0;
        for (Eigen::Index c = 0; c < path.size(); ++c) {
            cost += static_cast<double>(row.costs.data()[c] * path.data()[c]);
            least += static_cast<double>(row.costs.data()[c] * row.gold.data()[c]);
        }
        solved[0] += cost <= least * (1 + 1e-6) ? 1 : 0;
    }
    ranks_.all_reduce(std::span<std::uint64_t>(solved));
    return solved[0];
}

std::uint64_t training::weights_digest() const {
    return digest(std::span(weights_.data(), static_cast<std::size_t>(weights_.size())));
}

void training::require_equal_weights() const {
    const std::vector<std::uint64_t> all = ranks_.all_gather_in_order(std::vector{weights_digest()});
    for (std::size_t rank = 0; rank < all.size(); ++rank)
        if (all[rank] != all[0])
            throw std::runtime_error("after step " + std::to_string(last_step_) + " the weights of rank " +
                                     std::to_string(rank) +
                                     " are not those of rank 0; expected machines and builds of one kind");
}

void training::write_gradients(std::uint64_t number, const maps& gradient) const {
    if (options_.gradients_file.empty()) return;
    const auto cells = static_cast<std::size_t>(options_.settings.cells());
    std::vector<std::uint64_t> mine;
    for (Eigen::Index i = 0; i < gradient.dimension(0); ++i)
        mine.push_back(digest(std::span(gradient.data() + static_cast<std::size_t>(i) * cells, cells)));
    const std::vector<std::uint64_t> all = ranks_.all_gather_in_order(mine);
    if (ranks_.rank() != 0) return;
    std::ofstream out(options_.gradients_file, number == 1 ? std::ios::trunc : std::ios::app);
    for (std::size_t i = 0; i < all.size(); ++i)
        out << number << ' ' << i << ' ' << std::hex << all[i] << std::dec << '\n';
    example_support::close_written(out, options_.gradients_file);
}

}  // namespace mpi_training
