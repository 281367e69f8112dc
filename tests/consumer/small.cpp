// The least that needs all which a way to have the library must give: its headers, Eigen's, C++20 and
// threads. Ways that differ from others by where the files lie compile it instead of main.cpp, which takes
// several seconds each time.

#include <cstdio>
#include <span>
#include <thread>

#include <Eigen/Core>

#include <imle/core/version.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/random/random_key.hpp>

int main() {
    float numbers[4] = {};
    std::thread([&] { imle::gumbel{}.fill(imle::random_key{1}, 0, std::span<float>(numbers)); }).join();
    const bool drawn = (Eigen::Map<const Eigen::Vector4f>(numbers).array() != 0).all();
    std::printf("imle %d.%d.%d: %s\n", IMLE_VERSION_MAJOR, IMLE_VERSION_MINOR, IMLE_VERSION_PATCH,
                drawn ? "as expected" : "WRONG");
    return drawn ? 0 : 1;
}
