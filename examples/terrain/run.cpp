#include "run.hpp"

#include <chrono>
#include <ctime>
#include <stdexcept>

namespace terrain {
namespace {

double processor_time() {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

}  // namespace

void test(const model& which, std::span<const example> examples, run_record& record) {
    record.how = which.how();
    record.costs = which.costs(examples);
    record.paths = cheapest_paths(record.costs);
    record.solved = score(record.paths, examples);
    if (record.how != method::per_tile) return;
    record.tiles_taken = likely_tiles(record.costs);
    record.thresholded = score(record.tiles_taken, examples);
}

run_record run(method how, const training_options& options, std::span<const example> training,
               std::span<const example> testing, const std::filesystem::path& file,
               const std::function<void(int epoch, std::size_t maps)>& on_progress) {
    const auto start = std::chrono::steady_clock::now();
    const double processor_start = processor_time();
    run_record record;
    model learner(how, options);
    for (int epoch = 0; epoch < options.epochs; ++epoch) {
        const double loss =
            learner.train_epoch(training, epoch, [&](std::size_t maps) { on_progress(epoch, maps); });
        test(learner, testing, record);
        record.epochs.push_back({loss, record.solved.cost_match});
    }
    record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    record.processor_seconds = processor_time() - processor_start;

    learner.save(file);
    const std::vector<grid<float>> before = std::move(record.costs);
    test(model::load(file, options.threads), testing, record);
    if (record.costs != before)
        throw std::runtime_error("the model that was loaded from " + file.string() +
                                 " is not the one that was saved");
    return record;
}

}  // namespace terrain
