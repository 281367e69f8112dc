#pragma once

// What an exception says.

#include <initializer_list>
#include <string>

#include "support/catch.hpp"

namespace support {

// The message of the exception of type ErrorT that f throws; empty if it throws none.
template <class ErrorT, class F>
std::string message_of(F&& f) {
    try {
        f();
    } catch (const ErrorT& error) {
        return error.what();
    }
    return "";
}

inline bool says(const std::string& message, std::initializer_list<const char*> parts) {
    for (const char* part : parts)
        if (message.find(part) == std::string::npos) {
            UNSCOPED_INFO("\"" << message << "\" lacks \"" << part << '"');
            return false;
        }
    return true;
}

}  // namespace support
