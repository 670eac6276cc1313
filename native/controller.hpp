// The two seams of every kernel: a Controller turns reference and error into a drive, a Canceller
// turns reference and primary into a residual. Blocks are a convenience; any split gives one result.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "archive.hpp"
#include "float_mode.hpp"
#include "simd.hpp"

namespace antiphase {

constexpr std::size_t max_channels = 64;

struct Shape {
  std::size_t references = 1;
  std::size_t loudspeakers = 1;
  std::size_t errors = 1;
};

// Shared by both kinds: two input streams, one output stream, frames interleaved by channel.
template <class T>
class Kernel {
 public:
  virtual ~Kernel() = default;

  virtual std::size_t first_channels() const { return 1; }
  virtual std::size_t second_channels() const { return 1; }
  virtual std::size_t output_channels() const { return 1; }

  // Samples by which the output lags a sample-by-sample kernel.
  virtual std::size_t latency() const { return 0; }
  virtual void reset() = 0;
  virtual void visit(Archive& archive) = 0;

  // False: go on filtering with frozen weights.
  bool adapting() const { return adapting_; }
  void set_adapting(bool on) { adapting_ = on; }

  // Non-finite input values that were replaced by 0.
  std::uint64_t rejected() const { return rejected_; }

  // Something that the user should be told, once; null when there is nothing (new).
  virtual const char* take_warning() { return nullptr; }

  // n frames; may be called from any thread, one at a time.
  void process(const T* first, const T* second, T* out, std::size_t n) {
    const FlushDenormals flush;
    process_flushed(first, second, out, n);
  }

  // As process, for callers that hold a FlushDenormals of their own.
  void process_flushed(const T* first, const T* second, T* out, std::size_t n) {
    const std::size_t a = first_channels(), b = second_channels(), c = output_channels();
    if (finite(first, n * a) && finite(second, n * b)) {
      run(first, second, out, n);
      return;
    }
    for (; n > 0; --n, first += a, second += b, out += c) {
      run(clean(first, a, scratch_a_.data()), clean(second, b, scratch_b_.data()), out, 1);
    }
  }

 protected:
  virtual void run(const T* first, const T* second, T* out, std::size_t n) = 0;

  bool adapting_ = true;

 private:
  // 0 times a finite number is 0, times anything else NaN.
  static bool finite(const T* x, std::size_t n) {
    using V = Simd<T>;
    const auto zero = V::splat(T(0));
    typename V::type lanes{}, more{};
    std::size_t k = 0;
    for (; k + 2 * V::lanes <= n; k += 2 * V::lanes) {
      lanes = V::fma(V::load(x + k), zero, lanes);
      more = V::fma(V::load(x + k + V::lanes), zero, more);
    }
    lanes += more;
    for (; k + V::lanes <= n; k += V::lanes) lanes += V::load(x + k) * V::splat(T(0));
    T total = V::sum(lanes);
    for (; k < n; ++k) total += x[k] * T(0);
    return total == T(0);
  }

  const T* clean(const T* x, std::size_t n, T* scratch) {
    for (std::size_t k = 0; k < n; ++k) {
      const bool good = std::isfinite(x[k]);
      scratch[k] = good ? x[k] : T(0);
      rejected_ += good ? 0 : 1;
    }
    return scratch;
  }

  std::array<T, max_channels> scratch_a_{}, scratch_b_{};
  std::uint64_t rejected_ = 0;
};

// process(reference, error) -> drive. error[k] is the newest error known when frame k is due:
// e[n0 + k - 1 - error_delay].
template <class T>
class Controller : public Kernel<T> {
 public:
  explicit Controller(Shape shape = {}) : shape_(shape) {
    for (const std::size_t n : {shape.references, shape.loudspeakers, shape.errors}) {
      if (n < 1 || n > max_channels) {
        fail<std::invalid_argument>([] { return "channels must be in 1 ... 64"; });
      }
    }
  }
  const Shape& shape() const { return shape_; }
  std::size_t first_channels() const override { return shape_.references; }
  std::size_t second_channels() const override { return shape_.errors; }
  std::size_t output_channels() const override { return shape_.loudspeakers; }

  // The control filter as one flat array, for a guard's snapshots; size 0: none to keep. Both are
  // called between frames of the signal path: no allocation.
  virtual std::size_t filter_size() const { return 0; }
  virtual void get_filter(T*) const {}
  virtual void set_filter(const T*) {}

  // Drop what the rule has gathered (covariances, step memory) but keep the control filter and the
  // signal histories: what a guard calls after a roll-back. Nothing to do for gradient rules.
  virtual void restart() {}

 private:
  Shape shape_;
};

// process(reference, primary) -> residual = primary - w * reference.
template <class T>
class Canceller : public Kernel<T> {};

}  // namespace antiphase
