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

// Zeros in registers: an initialiser would be written to memory with a slow string instruction.
template <class T>
inline void clear(typename Simd<T>::type (&v)[sweep_samples]) {
  for (auto& value : v) {
    auto zero = Simd<T>::splat(T(0));
    Simd<T>::pin(zero);
    value = zero;
  }
}

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
  typename V::type total[sweep_samples];
  clear<T>(total);
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

// The same for a count known when compiling.
template <std::size_t Count, class T>
inline void filter_frames(const T* w, const T* x, std::size_t n, T* out) {
  if constexpr (Count == sweep_samples) {
    dots8(w, x, n, out);
  } else {
    filter_block(w, x, n, Count, out);
  }
}

// w[i] = scale (w[i] + sum_m gains[m] x[i + m]), m < Terms
template <std::size_t Terms, class T>
inline void add_terms(T* w, const T* x, const T* gains, T scale, std::size_t n) {
  using V = Simd<T>;
  constexpr std::size_t wide = 4;
  typename V::type gain[Terms], taps[wide];
  for (std::size_t m = 0; m < Terms; ++m) gain[m] = V::splat(gains[m]);
  const auto factor = V::splat(scale);
  std::size_t i = 0;
  for (; i + wide * V::lanes <= n; i += wide * V::lanes) {
    for (std::size_t v = 0; v < wide; ++v) taps[v] = V::load(w + i + v * V::lanes);
    for (std::size_t m = 0; m < Terms; ++m) {
      for (std::size_t v = 0; v < wide; ++v) {
        taps[v] = V::fma(gain[m], V::load(x + i + m + v * V::lanes), taps[v]);
      }
    }
    for (std::size_t v = 0; v < wide; ++v) V::store(w + i + v * V::lanes, factor * taps[v]);
  }
  for (; i + V::lanes <= n; i += V::lanes) {
    taps[0] = V::load(w + i);
    for (std::size_t m = 0; m < Terms; ++m) taps[0] = V::fma(gain[m], V::load(x + i + m), taps[0]);
    V::store(w + i, factor * taps[0]);
  }
  for (; i < n; ++i) {
    for (std::size_t m = 0; m < Terms; ++m) w[i] += gains[m] * x[i + m];
    w[i] *= scale;
  }
}

// The same for any number of terms >= 1, at most eight in a pass.
template <class T>
inline void add_block(T* w, const T* x, const T* gains, std::size_t count, T scale, std::size_t n) {
  for (; count > sweep_samples; count -= sweep_samples) {
    add_terms<sweep_samples>(w, x, gains, T(1), n);
    x += sweep_samples;
    gains += sweep_samples;
  }
  switch (count) {
    case 1: return add_terms<1>(w, x, gains, scale, n);
    case 2: return add_terms<2>(w, x, gains, scale, n);
    case 3: return add_terms<3>(w, x, gains, scale, n);
    case 4: return add_terms<4>(w, x, gains, scale, n);
    case 5: return add_terms<5>(w, x, gains, scale, n);
    case 6: return add_terms<6>(w, x, gains, scale, n);
    case 7: return add_terms<7>(w, x, gains, scale, n);
    default: return add_terms<sweep_samples>(w, x, gains, scale, n);
  }
}

template <bool Scaled, class T>
inline typename Simd<T>::type scaled(typename Simd<T>::type factor, typename Simd<T>::type value) {
  return Scaled ? factor * value : value;
}

// An update with eight gains, w[i] = scale (w[i] + sum_k gains[k] x[i + k]), and in the same pass the
// inner products of the eight windows that follow, out[k] = sum_i w[i] x[i + 8 + k]. What one tap's
// product reads is what the update of the tap eight further on reads: one load for both.
// Scaled: false where scale is 1, which saves a product on the longest chain.
template <bool Scaled, class T>
inline void add_and_dots8(T* w, const T* x, const T* gains, T scale, std::size_t n, T* out) {
  using V = Simd<T>;
  constexpr std::size_t step = sweep_samples;
  if constexpr (V::lanes > step) {
    add_block(w, x, gains, step, scale, n);
    dots8(w, x + step, n, out);
    return;
  } else {
    constexpr std::size_t parts = step / V::lanes;
    using Type = typename V::type;
    Type total[step], gain[step], taps[parts] = {}, next[parts];
    clear<T>(total);
    for (std::size_t k = 0; k < step; ++k) gain[k] = V::splat(gains[k]);
    const auto factor = V::splat(scale);
    std::size_t i = 0;
    // Position i: taps of i ... i + 7 are updated already, those of i + 8 ... i + 15 come next.
    if (n >= step) {
      for (std::size_t d = 0; d < parts; ++d) {
        taps[d] = V::load(w + d * V::lanes);
        Type other{};
        for (std::size_t k = 0; k < step; k += 2) {
          taps[d] = V::fma(gain[k], V::load(x + d * V::lanes + k), taps[d]);
          other = V::fma(gain[k + 1], V::load(x + d * V::lanes + k + 1), other);
        }
        taps[d] = scaled<Scaled, T>(factor, taps[d] + other);
        V::store(w + d * V::lanes, taps[d]);
      }
    }
    for (; i + 2 * step <= n; i += step) {
      Type other[parts] = {};
      for (std::size_t d = 0; d < parts; ++d) next[d] = V::load(w + i + step + d * V::lanes);
      for (std::size_t k = 0; k < step; ++k) {
        for (std::size_t d = 0; d < parts; ++d) {
          auto signal = V::load(x + i + step + d * V::lanes + k);
          V::pin(signal);
          // Two chains: one of eight would be longer than the processor looks ahead.
          auto& sum = k % 2 ? other[d] : next[d];
          sum = V::fma(gain[k], signal, sum);
          total[k] = V::fma(taps[d], signal, total[k]);
        }
      }
      for (std::size_t d = 0; d < parts; ++d) {
        taps[d] = scaled<Scaled, T>(factor, next[d] + other[d]);
        V::store(w + i + step + d * V::lanes, taps[d]);
      }
    }
    if (n >= step) {
      for (std::size_t k = 0; k < step; ++k) {
        for (std::size_t d = 0; d < parts; ++d) {
          total[k] = V::fma(taps[d], V::load(x + i + step + d * V::lanes + k), total[k]);
        }
      }
      i += step;
    }
    sum_lanes<T>(total, out);
    for (; i < n; ++i) {
      for (std::size_t k = 0; k < step; ++k) w[i] += gains[k] * x[i + k];
      w[i] *= scale;
      for (std::size_t k = 0; k < step; ++k) out[k] += w[i] * x[i + step + k];
    }
  }
}

template <class T>
inline void add_and_dots8(T* w, const T* x, const T* gains, T scale, std::size_t n, T* out) {
  // More vectors to a step are more chains: there the product costs nothing.
  if constexpr (Simd<T>::lanes == sweep_samples) {
    if (scale == T(1)) return add_and_dots8<false>(w, x, gains, scale, n, out);
  }
  add_and_dots8<true>(w, x, gains, scale, n, out);
}

// Eight filtered-x steps in one pass. For k = 0 ... 7: w += gains[k] u[. + k], then
// out[k] = sum_i w[i] x[i + k]; at the end w *= scale. Exact, because the gains don't depend on out.
template <class T>
inline void adapt_and_filter8(T* w, const T* u, const T* gains, const T* x, T scale, std::size_t n,
                              T* out) {
  using V = Simd<T>;
  typename V::type total[sweep_samples], gain[sweep_samples];
  clear<T>(total);
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
