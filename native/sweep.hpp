// Passes over a weight vector that do the work of several samples at once. Weights and signal are
// stored oldest first: sample k of a block meets w[i] x[i + k].
#pragma once

#include <algorithm>
#include <cstddef>

#include "simd.hpp"

namespace antiphase {

// Samples handled in one pass. More would not fit the registers of AVX2.
constexpr std::size_t sweep_samples = 8;

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define ANTIPHASE_SHUFFLE 1
#endif
#endif

// out[k] = sum of the lanes of v[k], k < sweep_samples, by transposing adds where the compiler can.
template <class T>
inline void sum_lanes(const typename Simd<T>::type (&v)[sweep_samples], T* out) {
  using V = Simd<T>;
#if defined(ANTIPHASE_SHUFFLE)
  using Type = typename V::type;
  if constexpr (V::lanes == 8) {
    Type a[4], b[2];
    for (int k = 0; k < 4; ++k) {
      a[k] = __builtin_shufflevector(v[2 * k], v[2 * k + 1], 0, 2, 8, 10, 4, 6, 12, 14) +
             __builtin_shufflevector(v[2 * k], v[2 * k + 1], 1, 3, 9, 11, 5, 7, 13, 15);
    }
    for (int k = 0; k < 2; ++k) {
      b[k] = __builtin_shufflevector(a[2 * k], a[2 * k + 1], 0, 2, 8, 10, 4, 6, 12, 14) +
             __builtin_shufflevector(a[2 * k], a[2 * k + 1], 1, 3, 9, 11, 5, 7, 13, 15);
    }
    V::store(out, __builtin_shufflevector(b[0], b[1], 0, 1, 2, 3, 8, 9, 10, 11) +
                      __builtin_shufflevector(b[0], b[1], 4, 5, 6, 7, 12, 13, 14, 15));
    return;
  } else if constexpr (V::lanes == 4) {
    for (int half = 0; half < 2; ++half) {
      const Type* u = v + 4 * half;
      const Type a = __builtin_shufflevector(u[0], u[1], 0, 4, 2, 6) +
                     __builtin_shufflevector(u[0], u[1], 1, 5, 3, 7);
      const Type b = __builtin_shufflevector(u[2], u[3], 0, 4, 2, 6) +
                     __builtin_shufflevector(u[2], u[3], 1, 5, 3, 7);
      V::store(out + 4 * half, __builtin_shufflevector(a, b, 0, 1, 4, 5) +
                                   __builtin_shufflevector(a, b, 2, 3, 6, 7));
    }
    return;
  }
#endif
  for (std::size_t k = 0; k < sweep_samples; ++k) out[k] = V::sum(v[k]);
}

// out[k] = sum_i w[i] x[i + k], k < 8
template <class T>
inline void dots8(const T* w, const T* x, std::size_t n, T* out) {
  using V = Simd<T>;
  typename V::type total[sweep_samples] = {};
  std::size_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) {
    const auto taps = V::load(w + i);
    for (std::size_t k = 0; k < sweep_samples; ++k) {
      total[k] = V::fma(taps, V::load(x + i + k), total[k]);
    }
  }
  sum_lanes<T>(total, out);
  for (; i < n; ++i) {
    for (std::size_t k = 0; k < sweep_samples; ++k) out[k] += w[i] * x[i + k];
  }
}

// out[k] = sum_i w[i] x[i + k], k < count
template <class T>
inline void filter_block(const T* w, const T* x, std::size_t n, std::size_t count, T* out) {
  std::size_t k = 0;
  for (; k + sweep_samples <= count; k += sweep_samples) dots8(w, x + k, n, out + k);
  for (; k < count; ++k) out[k] = dot(w, x + k, n);
}

// w[i] = scale (w[i] + sum_m gains[m] x[i + m]), m < count
template <class T>
inline void add_block(T* w, const T* x, const T* gains, std::size_t count, T scale, std::size_t n) {
  using V = Simd<T>;
  constexpr std::size_t wide = 8;
  const auto factor = V::splat(scale);
  std::size_t i = 0;
  for (; i + wide * V::lanes <= n; i += wide * V::lanes) {
    typename V::type taps[wide];
    for (std::size_t v = 0; v < wide; ++v) taps[v] = V::load(w + i + v * V::lanes);
    for (std::size_t m = 0; m < count; ++m) {
      const auto gain = V::splat(gains[m]);
      for (std::size_t v = 0; v < wide; ++v) {
        taps[v] = V::fma(gain, V::load(x + i + m + v * V::lanes), taps[v]);
      }
    }
    for (std::size_t v = 0; v < wide; ++v) V::store(w + i + v * V::lanes, factor * taps[v]);
  }
  for (; i + V::lanes <= n; i += V::lanes) {
    auto taps = V::load(w + i);
    for (std::size_t m = 0; m < count; ++m) {
      taps = V::fma(V::splat(gains[m]), V::load(x + i + m), taps);
    }
    V::store(w + i, factor * taps);
  }
  for (; i < n; ++i) {
    for (std::size_t m = 0; m < count; ++m) w[i] += gains[m] * x[i + m];
    w[i] *= scale;
  }
}

// Eight filtered-x steps in one pass. For k = 0 ... 7: w += gains[k] u[. + k], then
// out[k] = sum_i w[i] x[i + k]; at the end w *= scale. Exact, because the gains don't depend on out.
template <class T>
inline void adapt_and_filter8(T* w, const T* u, const T* gains, const T* x, T scale, std::size_t n,
                              T* out) {
  using V = Simd<T>;
  typename V::type total[sweep_samples] = {}, gain[sweep_samples];
  for (std::size_t k = 0; k < sweep_samples; ++k) gain[k] = V::splat(gains[k]);
  const auto factor = V::splat(scale);
  std::size_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) {
    auto taps = V::load(w + i);
    for (std::size_t k = 0; k < sweep_samples; ++k) {
      taps = V::fma(gain[k], V::load(u + i + k), taps);
      total[k] = V::fma(taps, V::load(x + i + k), total[k]);
    }
    V::store(w + i, factor * taps);
  }
  sum_lanes<T>(total, out);
  for (; i < n; ++i) {
    for (std::size_t k = 0; k < sweep_samples; ++k) {
      w[i] += gains[k] * u[i + k];
      out[k] += w[i] * x[i + k];
    }
    w[i] *= scale;
  }
}

// One filtered-x step in one pass: w = scale w + gain u; returns sum_i w[i] x[i].
template <class T>
inline T adapt_and_filter(T* w, const T* u, T gain, const T* x, T scale, std::size_t n) {
  using V = Simd<T>;
  constexpr std::size_t wide = 4;
  const auto factor = V::splat(scale), step = V::splat(gain);
  typename V::type total[wide] = {};
  std::size_t i = 0;
  for (; i + wide * V::lanes <= n; i += wide * V::lanes) {
    for (std::size_t v = 0; v < wide; ++v) {
      const std::size_t at = i + v * V::lanes;
      const auto taps = V::fma(step, V::load(u + at), factor * V::load(w + at));
      V::store(w + at, taps);
      total[v] = V::fma(taps, V::load(x + at), total[v]);
    }
  }
  for (; i + V::lanes <= n; i += V::lanes) {
    const auto taps = V::fma(step, V::load(u + i), factor * V::load(w + i));
    V::store(w + i, taps);
    total[0] = V::fma(taps, V::load(x + i), total[0]);
  }
  T sum = V::sum((total[0] + total[1]) + (total[2] + total[3]));
  for (; i < n; ++i) {
    w[i] = scale * w[i] + gain * u[i];
    sum += w[i] * x[i];
  }
  return sum;
}

}  // namespace antiphase
