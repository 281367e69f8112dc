#include "collector.hpp"

#include <algorithm>
#include <iostream>

namespace imle_benchmarks {

bool collector::ReportContext(const Context& context) {
    PrintBasicContext(&std::cerr, context);
    return true;
}

void collector::ReportRuns(const std::vector<Run>& runs) {
    for (const Run& run : runs) {
        if (run.run_type != Run::RT_Iteration || run.iterations == 0) continue;
        const double seconds =
            clock_ == clock_kind::processor ? run.cpu_accumulated_time : run.real_accumulated_time;
        times_[run.run_name.function_name].push_back(seconds / static_cast<double>(run.iterations) * 1e9);
    }
    std::cerr << '.' << std::flush;
}

void collector::Finalize() {
    std::cerr << '\n';
}

timings collector::summary() const {
    timings result;
    for (auto [name, times] : times_) {
        std::sort(times.begin(), times.end());
        result[name] = {times[times.size() / 2], times.front()};
    }
    return result;
}

}  // namespace imle_benchmarks
