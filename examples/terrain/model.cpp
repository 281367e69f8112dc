#include "model.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <utility>

#include <malloc.h>

#include <imle/adapters/torch.hpp>
#include <imle/imle.hpp>

#include "network.hpp"
#include "support/dice.hpp"

namespace terrain {
namespace {

using example_support::dice;

/// Maps costs [batch, 12, 12] to paths, or shares of paths, of the same shape; differentiable.
using differentiable_solver =
    std::function<torch::Tensor(const torch::Tensor& costs, imle::random_key key, std::size_t first)>;

int threads_of(const training_options& options) {
    return options.threads > 0 ? options.threads
                               : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

// [layers]
/// The mean of ten paths under noise, with I-MLE's gradient. A path has about 15 tiles, so the noise of a
/// path is close to a Gumbel variable.
differentiable_solver imle_solver(const training_options& options) {
    const imle::layer_options sampling{
        .samples = 10, .input_temperature = 1, .target_temperature = 1, .threads = threads_of(options)};
    return [layer = imle::imle_layer{imle::grid_shortest_path{}, imle::sum_of_gamma{15, 100},
                                     imle::perturbation_target{.alpha = 1, .beta = 20}, sampling}](
               const torch::Tensor& costs, imle::random_key key, std::size_t first) mutable {
        return imle::torch_marginals<2>(layer, -costs, key, first);
    };
}

/// The path without noise, with the gradient of Vlastelica et al. (ICLR 2020): that of I-MLE without noise,
/// divided by the step.
differentiable_solver blackbox_solver(const training_options& options) {
    const imle::layer_options sampling{.samples = 1, .threads = threads_of(options)};
    return [layer = imle::imle_layer{
                imle::grid_shortest_path{}, imle::no_noise{},
                imle::perturbation_target{.alpha = 1, .beta = 20, .scale_gradient = true},
                sampling}](const torch::Tensor& costs, imle::random_key key, std::size_t first) mutable {
        return imle::torch_marginals<2>(layer, -costs, key, first);
    };
}
// [/layers]

double learning_rate_of(method how, const training_options& options) {
    return options.learning_rate.value_or(how == method::blackbox ? 2e-3 : 1e-2);
}

int blocks_of(method how, const training_options& options) {
    return options.blocks.value_or(how == method::per_tile ? 3 : 0);
}

differentiable_solver solver_of(method how, const training_options& options) {
    switch (how) {
        case method::imle:
            return imle_solver(options);
        case method::blackbox:
            return blackbox_solver(options);
        case method::per_tile:
            return {};
    }
    return {};
}

/// Pictures of the chosen examples, [count, 3, 96, 96], from -1 to 1.
torch::Tensor pictures_of(std::span<const example> examples, std::span<const std::size_t> chosen) {
    const auto count = static_cast<std::int64_t>(chosen.size());
    torch::Tensor bytes = torch::empty({count, picture_side, picture_side, 3}, torch::kUInt8);
    auto* to = bytes.data_ptr<std::uint8_t>();
    for (const std::size_t i : chosen) to = std::copy_n(examples[i].picture.data(), picture_bytes, to);
    return bytes.permute({0, 3, 1, 2}).to(torch::kFloat).div_(127.5).sub_(1).contiguous();
}

/// Their gold paths, [count, 12, 12].
torch::Tensor golds_of(std::span<const example> examples, std::span<const std::size_t> chosen) {
    torch::Tensor golds = torch::empty({static_cast<std::int64_t>(chosen.size()), side, side});
    auto* to = golds.data_ptr<float>();
    for (const std::size_t i : chosen) to = std::copy_n(examples[i].gold.data(), tiles, to);
    return golds;
}

std::vector<std::size_t> shuffled(std::size_t count, const imle::random_key& key) {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    dice roll(key);
    for (std::size_t i = count; i > 1; --i)
        std::swap(order[i - 1], order[static_cast<std::size_t>(roll.between(0, static_cast<int>(i) - 1))]);
    return order;
}

/// libtorch's errors end in pages of addresses; only their first line says what is wrong.
std::string first_line(const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    return text.substr(0, text.find('\n'));
}

}  // namespace

struct model::parts {
    parts(method method_, const training_options& options_)
        : how(method_),
          options(options_),
          net(blocks_of(method_, options_)),
          adam(net->parameters(), torch::optim::AdamOptions(learning_rate_of(method_, options_))),
          solver(solver_of(method_, options_)) {}

    method how;
    training_options options;
    network net;
    torch::optim::Adam adam;
    differentiable_solver solver;
};

namespace {

/// The part that both ways to make a model share.
template <class Parts>
std::unique_ptr<Parts> make_parts(method how, const training_options& options) {
    // Each step allocates and frees the same large tensors. By default glibc returns them to the system each
    // time, which took four fifths of the time here.
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    at::set_num_threads(threads_of(options));
    torch::manual_seed(options.seed);
    return std::make_unique<Parts>(how, options);
}

}  // namespace

model::model(method how, const training_options& options) : parts_(make_parts<parts>(how, options)) {}
model::model(std::unique_ptr<parts> made) : parts_(std::move(made)) {}
model::~model() = default;
model::model(model&&) noexcept = default;
model& model::operator=(model&&) noexcept = default;

method model::how() const {
    return parts_->how;
}

double model::train_epoch(std::span<const example> examples, int epoch,
                          const std::function<void(std::size_t)>& on_batch) {
    parts& own = *parts_;
    own.net->train();
    const imle::random_key key =
        imle::random_key{own.options.seed}.fold_in(static_cast<std::uint64_t>(epoch));
    const std::vector<std::size_t> order = shuffled(examples.size(), key.fold_in(0));
    const auto batch = static_cast<std::size_t>(own.options.batch);

    double sum_of_losses = 0;
    for (std::size_t first = 0; first < order.size(); first += batch) {
        const auto chosen = std::span(order).subspan(first, std::min(batch, order.size() - first));
        const torch::Tensor pictures = pictures_of(examples, chosen);
        const torch::Tensor gold = golds_of(examples, chosen);

        const double done =
            (epoch + static_cast<double>(first) / static_cast<double>(order.size())) / own.options.epochs;
        static_cast<torch::optim::AdamOptions&>(own.adam.param_groups().front().options())
            .lr(learning_rate_of(own.how, own.options) * (1 + std::cos(std::numbers::pi * done)) / 2);

        // [step]
        own.adam.zero_grad();
        const torch::Tensor numbers = own.net->forward(pictures);
        torch::Tensor loss;
        if (own.how == method::per_tile) {
            loss = torch::binary_cross_entropy_with_logits(numbers, gold, {}, {}, at::Reduction::Sum);
        } else {
            const torch::Tensor costs = torch::softplus(numbers);
            const torch::Tensor paths = own.solver(costs, key.fold_in(1), first);
            // The Hamming loss, summed over the batch: its mean would divide the cotangent, and I-MLE's step
            // with it, by the number of maps. Adam does not mind the scale.
            loss = (paths * (1 - gold) + (1 - paths) * gold).sum();
        }
        loss.backward();
        own.adam.step();
        // [/step]

        sum_of_losses += loss.item<double>();
        on_batch(chosen.size());
    }
    return sum_of_losses / static_cast<double>(examples.size());
}

std::vector<grid<float>> model::costs(std::span<const example> examples) const {
    constexpr std::size_t at_once = 50;
    const torch::NoGradGuard no_gradients;
    parts_->net->eval();
    std::vector<std::size_t> all(examples.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    std::vector<grid<float>> costs(examples.size());
    for (std::size_t first = 0; first < all.size(); first += at_once) {
        const auto chosen = std::span(all).subspan(first, std::min(at_once, all.size() - first));
        const torch::Tensor numbers = parts_->net->forward(pictures_of(examples, chosen));
        // softplus(-x) = -log(sigmoid(x))
        const torch::Tensor out =
            torch::softplus(how() == method::per_tile ? -numbers : numbers).contiguous();
        for (std::size_t i = 0; i < chosen.size(); ++i)
            std::copy_n(out.data_ptr<float>() + i * tiles, tiles, costs[first + i].data());
    }
    return costs;
}

void model::save(const std::filesystem::path& file) const {
    try {
        torch::serialize::OutputArchive archive;
        archive.write("method", static_cast<std::int64_t>(how()));
        archive.write("block_count", static_cast<std::int64_t>(blocks_of(how(), parts_->options)));
        parts_->net->save(archive);
        // Written to a temporary file and renamed, so that a truncated file never has the name.
        const std::filesystem::path temporary = file.string() + ".tmp";
        archive.save_to(temporary.string());
        std::filesystem::rename(temporary, file);
    } catch (const c10::Error& error) {
        throw std::runtime_error("cannot write " + file.string() + ": " + first_line(error));
    }
}

model model::load(const std::filesystem::path& file, int threads) {
    try {
        torch::serialize::InputArchive archive;
        archive.load_from(file.string());
        c10::IValue how;
        c10::IValue blocks;
        archive.read("method", how);
        archive.read("block_count", blocks);
        const bool known = how.toInt() >= 0 && how.toInt() <= static_cast<std::int64_t>(method::per_tile) &&
                           blocks.toInt() >= 0 && blocks.toInt() <= most_blocks;
        if (!known) throw std::runtime_error(file.string() + " is a model that this program does not know");
        training_options options;
        options.threads = threads;
        options.blocks = static_cast<int>(blocks.toInt());
        auto made = make_parts<parts>(static_cast<method>(how.toInt()), options);
        made->net->load(archive);
        return model(std::move(made));
    } catch (const c10::Error& error) {
        throw std::runtime_error(file.string() +
                                 " is not a model that this program saved: " + first_line(error));
    }
}

}  // namespace terrain
