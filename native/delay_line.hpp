// The last samples of a signal as one contiguous window, oldest first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "archive.hpp"
#include "simd.hpp"

namespace antiphase {

template <class T>
class DelayLine {
 public:
  // Keeps `length` samples; blocks of up to `block` samples may be appended at once.
  explicit DelayLine(std::size_t length, std::size_t block = 1)
      : length_(length), capacity_(length + std::max<std::size_t>(length, 512) + block),
        buffer_(capacity_, T(0)), end_(length) {}

  std::size_t length() const { return length_; }

  void push(T value) {
    if (end_ == capacity_) rewind(1);
    buffer_[end_++] = value;
  }

  void push(const T* values, std::size_t n) {
    if (end_ + n > capacity_) rewind(n);
    std::memcpy(buffer_.data() + end_, values, n * sizeof(T));
    end_ += n;
  }

  // One past the newest sample.
  const T* end() const { return buffer_.data() + end_; }
  // The last n samples, to be overwritten.
  T* newest_block(std::size_t n) { return buffer_.data() + end_ - n; }
  // Pointer to the oldest of the `length` samples that end `age` samples before the newest one.
  // After a block push of n samples, ages up to n - 1 are valid.
  const T* window(std::size_t age = 0) const { return buffer_.data() + end_ - length_ - age; }
  T newest(std::size_t age = 0) const { return buffer_[end_ - 1 - age]; }

  void reset() {
    std::fill(buffer_.begin(), buffer_.end(), T(0));
    end_ = length_;
  }

  void visit(Archive& archive) {
    if (archive.loading()) reset();
    else rewind(0);
    for (std::size_t k = 0; k < length_; ++k) archive(buffer_[k]);
  }

 private:
  void rewind(std::size_t) {
    std::memmove(buffer_.data(), buffer_.data() + end_ - length_, length_ * sizeof(T));
    end_ = length_;
  }

  std::size_t length_;
  std::size_t capacity_;
  Buffer<T> buffer_;
  std::size_t end_;
};

}  // namespace antiphase
