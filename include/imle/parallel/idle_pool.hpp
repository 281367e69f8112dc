#pragma once

/// @file
/// Objects that calls borrow and give back, so that calls from several threads share nothing while they run.

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include <imle/core/function_ref.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Objects that nobody uses at the moment. It grows to the largest number that was in use at one time. One
/// user at a time, as there usually is, gets the first object by a flag; others get theirs by a lock, which
/// is held only while an object changes hands. The pool outlives its loans.
template <class T>
class idle_pool {
    struct give_back {
        idle_pool* pool;
        bool is_first;
        void operator()(T* object) const noexcept {
            if (is_first) {
                pool->first_in_use_.store(0, std::memory_order_release);
                return;
            }
            const std::lock_guard lock(pool->mutex_);
            pool->idle_.emplace_back(object);  // never allocates: see `take`
        }
    };

  public:
    /// An object for the caller alone, which returns to the pool when the loan ends.
    using loan = std::unique_ptr<T, give_back>;

    /// Lends an object that an earlier loan gave back, or else the result of make(), a new one.
    [[nodiscard]] loan take(function_ref<std::unique_ptr<T>()> make) {
        if (first_in_use_.exchange(1, std::memory_order_acquire) == 0) {
            if (!first_) make_first(make);
            return loan(first_.get(), give_back{this, true});
        }
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                loan taken(idle_.back().release(), give_back{this, false});
                idle_.pop_back();
                return taken;
            }
            idle_.reserve(++lent_or_idle_);  // a place to return to
        }
        return loan(make().release(), give_back{this, false});
    }

  private:
    void make_first(function_ref<std::unique_ptr<T>()> make) {
        try {
            first_ = make();
        } catch (...) {
            first_in_use_.store(0, std::memory_order_release);
            throw;
        }
    }

    std::atomic<int> first_in_use_{0};  // not bool: RISC-V has no atomic exchange of bytes
    std::unique_ptr<T> first_;
    std::mutex mutex_;
    std::size_t lent_or_idle_ = 0;
    std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace imle::inline IMLE_ABI::detail
