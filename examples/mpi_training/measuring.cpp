#include "measuring.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

namespace mpi_training {
namespace {

constexpr int repetitions = 15;
constexpr double least_seconds = 2e-3;  // of a repetition, so that the clock's resolution does not matter

constexpr reduction all_reductions[] = {reduction::plain, reduction::fixed_point, reduction::ordered};

using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
}

/// The slowest rank's time for f(), in the fastest of several repetitions: disturbances only ever slow a
/// machine down. Collective if f is; all ranks call f the same number of times.
template <class F>
double best_seconds(const communicator& ranks, F&& f) {
    double best = std::numeric_limits<double>::infinity();
    std::vector<double> time{0};
    int calls = 1;
    for (int done = 0; done < repetitions;) {
        ranks.barrier();
        const auto start = clock::now();
        for (int i = 0; i < calls; ++i) f();
        time[0] = seconds_since(start);
        ranks.all_reduce(std::span(time), reduce_by::maximum);
        if (time[0] < least_seconds && calls < (1 << 20)) {
            calls *= 2;
            continue;
        }
        best = std::min(best, time[0] / calls);
        ++done;
    }
    return best;
}

class table {
  public:
    explicit table(bool prints) : prints_(prints) {}

    void row(const std::string& what, double seconds) const {
        if (!prints_) return;
        std::cout << std::left << std::setw(52) << what << std::right << std::fixed << std::setprecision(1)
                  << std::setw(12) << seconds * 1e6 << " us\n"
                  << std::flush;
    }

  private:
    bool prints_;
};

std::string bytes_text(std::size_t bytes) {
    if (bytes >= 1U << 20) return std::to_string(bytes >> 20) + " MiB";
    return bytes >= 1U << 10 ? std::to_string(bytes >> 10) + " KiB" : std::to_string(bytes) + " B";
}

void measure_messages(const communicator& ranks, const table& out) {
    for (std::size_t bytes = 8; bytes <= std::size_t{16} << 20; bytes *= 8) {
        std::vector<float> numbers(bytes / sizeof(float));
        out.row("all-reduce of " + bytes_text(bytes),
                best_seconds(ranks, [&] { ranks.all_reduce(std::span(numbers)); }));
    }
}

/// The three ways to add up the blocks' gradients, for weights of several sizes.
void measure_reductions(const communicator& ranks, const block_layout& layout, const table& out) {
    const auto blocks = static_cast<Eigen::Index>(layout.blocks_of_rank(ranks.rank(), ranks.size()).size());
    for (const Eigen::Index weights : {512, 8 * 512, 64 * 512, 512 * 512}) {
        const matrix mine = matrix::Constant(blocks, weights, 0.5F);
        const std::string what =
            " sum of " + std::to_string(layout.count()) + " blocks of " + std::to_string(weights);
        for (const reduction how : all_reductions)
            out.row(name_of(how) + what,
                    best_seconds(ranks, [&] { (void)sum_over_blocks(ranks, how, mine); }));
    }
}

}  // namespace

void measure(const communicator& ranks, const training_options& wanted) {
    // Neither resumes a run nor writes its gradients.
    training_options options = wanted;
    options.resume_file.clear();
    options.gradients_file.clear();

    const table out(ranks.rank() == 0);
    const run_settings& settings = options.settings;
    const auto per = static_cast<double>(settings.batch);

    // One rank's work without messages: each rank processes the whole batch, at the same time as the others.
    {
        training trained(ranks, options);
        for (std::uint64_t number = 1; number <= 3; ++number) (void)trained.step(number);
        const map_source source(imle::random_key{settings.seed}, settings.side, settings.features);
        const map_rows rows = source.make(0, settings.batch);
        map_layer layer = trained.layer();
        const Eigen::Index side = settings.side;
        const matrix weights = trained.state().weights;
        maps theta(settings.batch, side, side);
        const double product = best_seconds(ranks, [&] {
            const matrix values = rows.features * weights;
            std::copy_n(values.data(), values.size(), theta.data());
        });
        auto pass = layer.forward(theta, imle::random_key{1});
        const double forward =
            best_seconds(ranks, [&] { layer.forward_into(theta, imle::random_key{1}, pass); });
        const maps cotangent = pass.marginals() - rows.gold;
        const double sums = best_seconds(ranks, [&] { (void)layer.sums(pass, cotangent); });
        const imle::target_sums whole = layer.sums(pass, cotangent);
        const double backward = best_seconds(ranks, [&] { (void)layer.vjp_shard(pass, cotangent, whole); });
        out.row("an instance's features * weights", product / per);
        out.row("an instance's forward", forward / per);
        out.row("an instance's sums", sums / per);
        out.row("an instance's vjp_shard", backward / per);
        out.row("an instance made", best_seconds(ranks, [&] { (void)source.make(0, settings.batch); }) / per);
    }
    // A whole step, shared by all ranks.
    for (const reduction how : all_reductions) {
        training_options other = options;
        other.settings.reduce = how;
        training trained(ranks, other);
        std::uint64_t number = 0;
        out.row("a step of all ranks, " + name_of(how),
                best_seconds(ranks, [&] { (void)trained.step(++number); }));
        if (how != reduction::ordered || options.checkpoint_file.empty()) continue;
        const std::vector<std::byte> bytes = to_bytes(trained.state());
        const std::string file = options.checkpoint_file + ".measured";  // FILE itself may hold a run
        out.row("a checkpoint of " + bytes_text(bytes.size()), best_seconds(ranks, [&] {
                    if (ranks.rank() == 0) write_atomically(file, bytes);
                }));
        if (ranks.rank() == 0) std::filesystem::remove(file);
    }
    measure_messages(ranks, out);
    measure_reductions(ranks, block_layout(settings.batch, settings.block), out);
}

}  // namespace mpi_training
