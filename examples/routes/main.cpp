// Learns the costs of a road network's edges from the paths that drivers took. `routes --help`.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <optional>
#include <thread>
#include <vector>

#include "agreement.hpp"
#include "city.hpp"
#include "command_line.hpp"
#include "drawing.hpp"
#include "learning.hpp"
#include "network_file.hpp"
#include "support/interrupt.hpp"
#include "support/output.hpp"
#include "support/picture_writer.hpp"
#include "support/progress_bar.hpp"
#include "table.hpp"
#include "traffic.hpp"

namespace routes {
namespace {

constexpr std::size_t trips_to_draw = 12;

/// Keys of the random parts.
enum stream : std::uint64_t { city_stream, cost_stream, trip_stream, learning_stream };

road_network network_of(const command_line& wanted, const imle::random_key& key) {
    if (wanted.network.empty()) return make_city(wanted.nodes, key.fold_in(city_stream));
    road_network network = read_network(wanted.network);
    if (!wanted.positions.empty()) read_positions(wanted.positions, network);
    return network;
}

void learn_and_draw(const command_line& wanted) {
    const auto start = std::chrono::steady_clock::now();
    std::optional<example_support::picture_writer> writer;
    if (wanted.pictures && (wanted.network.empty() || !wanted.positions.empty()))
        writer.emplace(wanted.out, std::max(1U, std::thread::hardware_concurrency()));
    example_support::progress_bar bar(wanted.learning.epochs);
    const example_support::interrupt_guard guard([&] {
        if (writer.has_value()) writer->abandon();
        bar.clear();
        std::cerr << "routes: interrupted\n";
    });

    bar.label("observing drivers");
    const imle::random_key key{wanted.seed};
    const road_network network = network_of(wanted, key);
    const std::vector<float> hidden = hidden_costs(network, key.fold_in(cost_stream));
    const trips seen = observe(network, hidden, static_cast<std::size_t>(wanted.held_out_trips),
                               static_cast<std::size_t>(wanted.training_trips), key.fold_in(trip_stream));
    const std::vector<std::uint64_t> training = seen.training_ids(), held_out = seen.held_out_ids();
    const auto predict = [&](const std::vector<float>& costs, const std::vector<std::uint64_t>& ids) {
        return cheapest_paths(costs, seen, ids, wanted.learning.threads);
    };
    const auto compared = [&](const std::vector<float>& costs, const std::vector<path>& held_out_paths) {
        return result{compare(predict(costs, training), seen, training, hidden),
                      compare(held_out_paths, seen, held_out, hidden)};
    };

    const std::vector<float> first = costs_at_first(network, wanted.learning.start);
    const std::vector<path> before = predict(first, held_out);
    bar.clear();
    print_table_head(std::cout, network, seen);
    print_table_row(std::cout, wanted.learning.start == first_costs::lengths ? "lengths" : "uniform costs",
                    compared(first, before));

    bar.label("learning");
    const learning_record learned =
        learn(first, seen, wanted.learning, key.fold_in(learning_stream), [&] { bar.advance(1); });
    const std::vector<path> after = predict(learned.costs, held_out);
    bar.clear();
    print_table_row(std::cout, "learned costs", compared(learned.costs, after));
    print_speed(std::cout, learned);

    if (writer.has_value()) {
        bar.label("drawing");
        const std::size_t shown = std::min(trips_to_draw, held_out.size());
        writer->write({draw_paths(network, seen, std::span(held_out).first(shown),
                                  std::span(before).first(shown), std::span(after).first(shown)),
                       draw_costs(network, learned.costs, hidden)},
                      [] {});
        bar.clear();
        std::cout << "Maps are in " << wanted.out << "; ";
    } else if (wanted.pictures) {
        std::cout << "No maps, because the positions of the nodes are unknown (--positions); ";
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::cout << std::fixed << std::setprecision(1) << taken.count() << " s in all\n";
}

}  // namespace
}  // namespace routes

int main(int argc, char** argv) {
    return example_support::run_program("routes", [&] {
        routes::command_line wanted;
        if (const auto exit_code = routes::parse_command_line(argc, argv, wanted)) return *exit_code;
        routes::learn_and_draw(wanted);
        return 0;
    });
}
