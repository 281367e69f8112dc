#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

/// Turns a fuzzer's bytes into choices; when they run out, everything is 0.
class byte_source {
  public:
    explicit byte_source(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

    /// A number in [0, count).
    unsigned choice(unsigned count) { return take<std::uint8_t>() % count; }
    bool flag() { return choice(2) == 1; }

    /// Any bits of T.
    template <class T>
    T take() {
        T value{};
        const std::size_t size = bytes_.size() < sizeof(T) ? bytes_.size() : sizeof(T);
        if (size > 0) std::memcpy(&value, bytes_.data(), size);
        bytes_ = bytes_.subspan(size);
        return value;
    }

    /// A number of a kind that finds faults: any bits (NaN, infinity, denormal and huge among them), small
    /// integers, which tie, quarters, or zeros of both signs.
    template <class Scalar>
    Scalar number(unsigned kind) {
        switch (kind) {
            case 0:
                return take<Scalar>();
            case 1:
                return static_cast<Scalar>(take<std::int8_t>() % 3);
            case 2:
                return static_cast<Scalar>(take<std::int8_t>()) / 4;
            default:
                return flag() ? Scalar(0) : -Scalar(0);
        }
    }

  private:
    std::span<const std::uint8_t> bytes_;
};
