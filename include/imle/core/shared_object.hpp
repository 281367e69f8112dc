#pragma once

/// @file
/// `std::make_shared` that is compiled once, for objects of all types.

#include <memory>
#include <type_traits>
#include <utility>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

struct any_shared_object {
    any_shared_object() = default;
    any_shared_object(const any_shared_object&) = delete;
    any_shared_object& operator=(const any_shared_object&) = delete;
    virtual ~any_shared_object() = default;
};

template <class T>
struct shared_object final : any_shared_object {
    template <class... Arguments>
    explicit shared_object(Arguments&&... arguments) : value(std::forward<Arguments>(arguments)...) {}
    T value;
};

inline std::shared_ptr<any_shared_object> own(any_shared_object* object) {
    return std::shared_ptr<any_shared_object>(object);
}

/// Like `std::make_shared<T>(arguments...)`. A control block of each type would be some forty
/// functions, which take a program longer to compile than most of the types.
template <class T, class... Arguments>
[[nodiscard]] std::shared_ptr<T> make_shared_object(Arguments&&... arguments) {
    auto* const object = new shared_object<std::remove_const_t<T>>(std::forward<Arguments>(arguments)...);
    return std::shared_ptr<T>(own(object), &object->value);
}

}  // namespace imle::inline IMLE_ABI::detail
