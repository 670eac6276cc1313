// Histories of several channels that move together, and inner products of many rows at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "archive.hpp"
#include "simd.hpp"

namespace antiphase {

// The last samples of each channel as contiguous windows, oldest first, one `stride` apart.
template <class T>
class ChannelLines {
 public:
  ChannelLines(std::size_t channels, std::size_t length)
      : channels_(channels), length_(length), capacity_(std::max<std::size_t>(2 * length, 512) + length),
        stride_((capacity_ + 63) / 64 * 64 + 16),  // not a multiple of a page: rows would share cache sets
        buffer_(channels * stride_, T(0)), end_(length) {}

  std::size_t stride() const { return stride_; }
  std::size_t length() const { return length_; }
  const T* window(std::size_t channel) const { return latest(channel, length_); }
  // The newest n <= length samples.
  const T* latest(std::size_t channel, std::size_t n) const {
    return buffer_.data() + channel * stride_ + end_ - n;
  }

  void push(const T* frame) {
    if (end_ == capacity_) rewind();
    for (std::size_t c = 0; c < channels_; ++c) buffer_[c * stride_ + end_] = frame[c];
    ++end_;
  }

  void reset() {
    std::fill(buffer_.begin(), buffer_.end(), T(0));
    end_ = length_;
  }

  void visit(Archive& archive) {
    if (archive.loading()) reset();
    else rewind();
    for (std::size_t c = 0; c < channels_; ++c) {
      for (std::size_t k = 0; k < length_; ++k) archive(buffer_[c * stride_ + k]);
    }
  }

 private:
  void rewind() {
    for (std::size_t c = 0; c < channels_; ++c) {
      T* row = buffer_.data() + c * stride_;
      std::memmove(row, row + end_ - length_, length_ * sizeof(T));
    }
    end_ = length_;
  }

  std::size_t channels_, length_, capacity_, stride_;
  Buffer<T> buffer_;
  std::size_t end_;
};

template <class T>
inline void reverse_rows(const T* in, T* out, std::size_t rows, std::size_t n) {
  for (std::size_t r = 0; r < rows; ++r) std::reverse_copy(in + r * n, in + (r + 1) * n, out + r * n);
}

// Inner product in double.
template <class T>
inline double inner(const T* a, const T* b, std::size_t n) {
  double total = 0;
  for (std::size_t k = 0; k < n; ++k) total += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  return total;
}

// sum_i a[n - 1 - i] x[i]
template <class T>
inline T reversed_dot(const T* a, const T* x, std::size_t n) {
  T total = 0;
  for (std::size_t i = 0; i < n; ++i) total += a[n - 1 - i] * x[i];
  return total;
}

// Four rows at once share each load of x.
template <class T>
inline void dots4(const T* a, std::size_t stride, const T* x, std::size_t n, T* out) {
  using V = Simd<T>;
  typename V::type low[4]{}, high[4]{};
  std::size_t i = 0;
  for (; i + 2 * V::lanes <= n; i += 2 * V::lanes) {
    const auto x0 = V::load(x + i), x1 = V::load(x + i + V::lanes);
    for (std::size_t r = 0; r < 4; ++r) {
      low[r] += V::load(a + r * stride + i) * x0;
      high[r] += V::load(a + r * stride + i + V::lanes) * x1;
    }
  }
  for (std::size_t r = 0; r < 4; ++r) {
    T total = V::sum(low[r] + high[r]);
    for (std::size_t k = i; k < n; ++k) total += a[r * stride + k] * x[k];
    out[r] = total;
  }
}

// out[r] += sum_i a[r][i] x[i]
template <class T>
inline void dots(const T* a, std::size_t stride, std::size_t rows, const T* x, std::size_t n, T* out) {
  T part[4];
  for (; rows >= 4; rows -= 4, a += 4 * stride, out += 4) {
    dots4(a, stride, x, n, part);
    for (std::size_t r = 0; r < 4; ++r) out[r] += part[r];
  }
  for (; rows > 0; --rows, a += stride, ++out) *out += dot(a, x, n);
}

// y[i] += sum_r scale[r] a[r][i]
template <class T>
inline void add_rows(const T* a, std::size_t stride, std::size_t rows, const T* scale, T* y, std::size_t n) {
  using V = Simd<T>;
  for (; rows >= 4; rows -= 4, a += 4 * stride, scale += 4) {
    std::size_t i = 0;
    for (; i + V::lanes <= n; i += V::lanes) {
      auto total = V::load(y + i);
      for (std::size_t r = 0; r < 4; ++r) total += V::splat(scale[r]) * V::load(a + r * stride + i);
      V::store(y + i, total);
    }
    for (; i < n; ++i) {
      for (std::size_t r = 0; r < 4; ++r) y[i] += scale[r] * a[r * stride + i];
    }
  }
  for (; rows > 0; --rows, a += stride, ++scale) axpy(*scale, a, y, n);
}

// w[r][i] += scale[r] u[i], then out[r] += sum_i w[r][i] x[i], in one pass over w.
template <class T>
inline void spread_and_dot(const T* u, const T* scale, const T* x, std::size_t rows, T* w, std::size_t stride,
                           std::size_t n, T* out) {
  using V = Simd<T>;
  for (; rows >= 4; rows -= 4, w += 4 * stride, scale += 4, out += 4) {
    typename V::type sums[4]{};
    const typename V::type s[4]{V::splat(scale[0]), V::splat(scale[1]), V::splat(scale[2]), V::splat(scale[3])};
    std::size_t i = 0;
    for (; i + V::lanes <= n; i += V::lanes) {
      const auto old = V::load(u + i), now = V::load(x + i);
      for (std::size_t r = 0; r < 4; ++r) {
        const auto value = V::load(w + r * stride + i) + s[r] * old;
        V::store(w + r * stride + i, value);
        sums[r] += value * now;
      }
    }
    for (std::size_t r = 0; r < 4; ++r) {
      out[r] += V::sum(sums[r]);
      for (std::size_t k = i; k < n; ++k) {
        w[r * stride + k] += scale[r] * u[k];
        out[r] += w[r * stride + k] * x[k];
      }
    }
  }
  for (; rows > 0; --rows, w += stride, ++scale, ++out) {
    axpy(*scale, u, w, n);
    *out += dot(w, x, n);
  }
}

}  // namespace antiphase
