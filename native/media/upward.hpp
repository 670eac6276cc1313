// The batch loop's queue of what is Python's, bounded, with an eventfd that wakes it.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <vector>

#include "media/loop_types.hpp"

namespace antiphase::media {

class Upward {
 public:
  explicit Upward(int wake) : wake_(wake) {}

  // False where the queue is full.
  bool put(Item item) {
    const std::lock_guard<std::mutex> hold(lock_);
    if (items_.size() >= max_items) return false;
    items_.push_back(std::move(item));
    new_ = true;
    return true;
  }

  // After each batch, or a backlog of media would keep consent checks waiting.
  void wake() {
    if (!new_) return;
    const std::uint64_t one = 1;
    new_ = write(wake_, &one, sizeof one) < 0;
  }

  std::vector<Item> take() {
    const std::lock_guard<std::mutex> hold(lock_);
    std::vector<Item> items;
    items.swap(items_);
    return items;
  }

 private:
  static constexpr std::size_t max_items = 4096;

  int wake_;
  std::mutex lock_;
  std::vector<Item> items_;
  bool new_ = false;
};

}  // namespace antiphase::media
