#pragma once

/// @file
/// What a call must remember for its backward pass, as numbers on ADOL-C's tape.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The key, the place in a larger batch and the rows without an answer, as doubles that stand behind z on the
/// tape. A reverse sweep restores them as it restores z. So a backward pass takes the noise of the forward
/// pass that made this z, whatever other tapes and keys the same layer has seen meanwhile.
struct call_numbers {
    random_key key;
    std::uint64_t first_instance = 0;
    std::vector<Eigen::Index> failed_rows;

    /// How many doubles they are. `rows` is the batch if solves may have no answer, else 0.
    [[nodiscard]] static std::size_t size(Eigen::Index rows) noexcept {
        return 2 * words + static_cast<std::size_t>(rows);
    }

    void write(std::span<double> out) const {
        const auto of_key = std::bit_cast<std::array<std::uint64_t, 2>>(key);
        const std::array<std::uint64_t, words> whole = {of_key[0], of_key[1], first_instance};
        for (std::size_t i = 0; i < words; ++i) {  // in halves, which a double holds exactly
            out[2 * i] = static_cast<double>(whole[i] & 0xffffffffU);
            out[2 * i + 1] = static_cast<double>(whole[i] >> 32);
        }
        for (double& failed : out.subspan(2 * words)) failed = 0;
        for (const Eigen::Index row : failed_rows) out[2 * words + static_cast<std::size_t>(row)] = 1;
    }

    [[nodiscard]] static call_numbers read(std::span<const double> in) {
        std::array<std::uint64_t, words> whole;
        for (std::size_t i = 0; i < words; ++i)
            whole[i] = static_cast<std::uint64_t>(in[2 * i]) | static_cast<std::uint64_t>(in[2 * i + 1])
                                                                   << 32;
        call_numbers numbers{
            std::bit_cast<random_key>(std::array<std::uint64_t, 2>{whole[0], whole[1]}), whole[2], {}};
        for (std::size_t row = 0; 2 * words + row < in.size(); ++row)
            if (in[2 * words + row] != 0) numbers.failed_rows.push_back(static_cast<Eigen::Index>(row));
        return numbers;
    }

  private:
    static constexpr std::size_t words = 3;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
