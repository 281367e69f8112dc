// Whether this machine, compiler and flags compute the same bits as all others: prints what differs, and
// returns 1 then. Needs nothing but the library, so that it runs where the test framework does not.

#include "golden/bits.hpp"

#include <cinttypes>
#include <cstdio>

int main() {
    int wrong = 0, count = 0;
    for (const support::hashed_bits& each : support::hashed_bits_of_everything())
        for (int i = 0; i < 2; ++i, ++count) {
            if (each.found[i] == each.expected[i]) continue;
            ++wrong;
            std::printf("%s, %s: 0x%016" PRIx64 ", expected 0x%016" PRIx64 "\n", each.name.c_str(),
                        i == 0 ? "float" : "double", each.found[i], each.expected[i]);
        }
    std::printf("%d of %d hashes differ\n", wrong, count);
    return wrong == 0 ? 0 : 1;
}
