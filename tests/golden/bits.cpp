// Whether this machine, compiler and flags compute the same bits as all others: prints what differs, and
// returns 1 then. Needs nothing but the library, so that it runs where the test framework does not.

#include "golden/bits.hpp"

#include <cinttypes>
#include <cstdio>

int main() {
    int wrong = 0, count = 0;
    for (const support::hashed_bits& each : support::hashed_bits_of_everything()) {
        ++count;
        if (each.found == each.expected) continue;
        ++wrong;
        std::printf("%s: 0x%016" PRIx64 ", expected 0x%016" PRIx64 "\n", each.name.c_str(), each.found,
                    each.expected);
    }
    std::printf("%d of %d hashes differ\n", wrong, count);
    return wrong == 0 ? 0 : 1;
}
