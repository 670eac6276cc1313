// Energies and correlations of sliding windows in double, whatever the signal's type: a running sum
// in float32 was off by a factor of 15 after the level had fallen by 60 dB.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "archive.hpp"
#include "simd.hpp"

namespace antiphase {

// A running difference drifts; starting anew this often bounds the drift to rounding error.
constexpr std::uint32_t exact_every = 480;

template <class T>
class SlidingEnergy {
 public:
  explicit SlidingEnergy(std::size_t n) : n_(n) {}

  // Energy of the n samples that end with x[0]; called for each sample in turn. Reads x[-n ... 0].
  double advance(const T* x) {
    const double come = x[0], gone = x[-static_cast<std::ptrdiff_t>(n_)];
    energy_ += come * come - gone * gone;
    if (until_exact_ == 0) {
      energy_ = energy(x - (n_ - 1), n_);
      until_exact_ = exact_every;
    }
    --until_exact_;
    return std::max(0.0, energy_);
  }

  void reset() { energy_ = until_exact_ = 0; }
  void visit(Archive& archive) {
    archive(energy_);
    archive(until_exact_);
  }

 private:
  std::size_t n_;
  double energy_ = 0;
  std::uint32_t until_exact_ = 0;
};

// Correlations of two sliding windows of n samples at the lags 0 ... L - 1. The element
// L - 1 - lag of a row holds one lag, in the order of memory, so that the update is elementwise.
template <class T>
class SlidingCorrelation {
 public:
  SlidingCorrelation(std::size_t n, std::size_t lags)
      : n_(n), lags_((lags + 7) / 8 * 8), row_(lags_, 0.0) {}

  std::size_t lags() const { return lags_; }

  // Moves both windows on by Count samples, to newest a[0], a[1], ... and b[0], b[1], ..., and writes
  // a row for each to `out`. Lags look back along b. Reads a[-n ...] and b[-n - lags + 1 ...].
  template <std::size_t Count>
  void advance(const T* a, const T* b, double* out) {
    using V = Simd<double>;
    if (until_exact_ < Count) return advance_anew<Count>(a, b, out);
    until_exact_ -= Count;
    const std::size_t lags = lags_;
    double* row = row_.data();
    const T* fresh = b - (lags - 1);
    const T* stale = fresh - n_;
    std::array<double, Count> come, gone;
    for (std::size_t k = 0; k < Count; ++k) {
      come[k] = a[k];
      gone[k] = -static_cast<double>(a[k - n_]);
    }
    for (std::size_t i = 0; i < lags; i += V::lanes) {
      auto value = V::load(row + i);
      for (std::size_t k = 0; k < Count; ++k) {
        value += V::fma(V::splat(come[k]), widen(fresh + i + k), V::splat(gone[k]) * widen(stale + i + k));
        V::store(out + k * lags + i, value);
      }
      V::store(row + i, value);
    }
  }

  void reset() {
    std::fill(row_.begin(), row_.end(), 0.0);
    until_exact_ = 0;
  }
  void visit(Archive& archive) {
    archive(row_);
    archive(until_exact_);
  }

 private:
  template <std::size_t Count>
  void advance_anew(const T* a, const T* b, double* out) {
    for (std::size_t k = 0; k < Count; ++k) {
      if (until_exact_ == 0) {
        recompute(a + k, b + k);
        std::copy_n(row_.data(), lags_, out + k * lags_);
        until_exact_ = exact_every - 1;
      } else {
        advance<1>(a + k, b + k, out + k * lags_);
      }
    }
  }

  void recompute(const T* a, const T* b) {
    using V = Simd<double>;
    const T* first_a = a - (n_ - 1);
    const T* first_b = b - (n_ - 1) - (lags_ - 1);
    constexpr std::size_t parts = 8 / V::lanes;
    for (std::size_t i = 0; i < lags_; i += 8) {
      typename V::type total[parts] = {};
      for (std::size_t k = 0; k < n_; ++k) {
        const auto value = V::splat(first_a[k]);
        for (std::size_t j = 0; j < parts; ++j) {
          total[j] = V::fma(value, widen(first_b + k + i + j * V::lanes), total[j]);
        }
      }
      for (std::size_t j = 0; j < parts; ++j) V::store(row_.data() + i + j * V::lanes, total[j]);
    }
  }

  std::size_t n_, lags_;
  Buffer<double> row_;
  std::uint32_t until_exact_ = 0;
};

}  // namespace antiphase
