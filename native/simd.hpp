// Inner products and updates through the compilers' vector extensions, so that the same text builds
// for SSE2, AVX2, NEON and WebAssembly. Intrinsics only for the fused multiply-add, which has no
// portable spelling: everything else is compiled without contraction, alike on every compiler.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <vector>
#if defined(__FMA__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace antiphase {

#if defined(__AVX512F__)
constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX2__)
constexpr std::size_t vector_bytes = 32;
#else
constexpr std::size_t vector_bytes = 16;
#endif

template <class T>
struct Simd {
  static constexpr std::size_t lanes = vector_bytes / sizeof(T);
  typedef T type __attribute__((vector_size(vector_bytes)));

  static type load(const T* p) {
    type v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
  static void store(T* p, type v) { std::memcpy(p, &v, sizeof v); }
  static type splat(T value) { return value - type{}; }

  // a b + c
  static type fma(type a, type b, type c) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return (type)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
    else return (type)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    if constexpr (sizeof(T) == 4) return (type)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
    else return (type)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__ARM_NEON) && defined(__aarch64__)
    if constexpr (sizeof(T) == 4) return (type)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
    else return (type)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
    return a * b + c;
#endif
  }
  // Keeps a value that is used twice in a register: gcc would rather load it twice.
  static void pin(type& v) {
#if defined(__SSE2__)
    __asm__("" : "+x"(v));
#else
    (void)v;
#endif
  }
  static T sum(type v) {
    T total = 0;
    for (std::size_t i = 0; i < lanes; ++i) total += v[i];
    return total;
  }
};

// The double vector of the samples p[0 ...]. With an intrinsic, because gcc 12 takes the portable
// conversion apart.
inline Simd<double>::type widen(const double* p) { return Simd<double>::load(p); }
inline Simd<double>::type widen(const float* p) {
  constexpr std::size_t lanes = Simd<double>::lanes;
  typedef float Narrow __attribute__((vector_size(lanes * sizeof(float))));
  Narrow v;
  std::memcpy(&v, p, sizeof v);
#if defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
  return (Simd<double>::type)_mm256_cvtps_pd((__m128)v);
#else
  return __builtin_convertvector(v, Simd<double>::type);
#endif
}

// a b + c, in one instruction where the processor has it.
inline double multiply_add(double a, double b, double c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

// Memory on a cache-line boundary for std::vector.
template <class T>
struct CacheAligned {
  using value_type = T;
  CacheAligned() = default;
  template <class U>
  CacheAligned(const CacheAligned<U>&) {}
  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{64}));
  }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t{64}); }
  template <class U>
  bool operator==(const CacheAligned<U>&) const { return true; }
  template <class U>
  bool operator!=(const CacheAligned<U>&) const { return false; }
};

template <class T>
using Buffer = std::vector<T, CacheAligned<T>>;

// sum_k a[k] b[k]
template <class T>
inline T dot(const T* a, const T* b, std::size_t n) {
  using V = Simd<T>;
  typename V::type s0{}, s1{}, s2{}, s3{};
  std::size_t k = 0;
  for (; k + 4 * V::lanes <= n; k += 4 * V::lanes) {
    s0 = V::fma(V::load(a + k), V::load(b + k), s0);
    s1 = V::fma(V::load(a + k + V::lanes), V::load(b + k + V::lanes), s1);
    s2 = V::fma(V::load(a + k + 2 * V::lanes), V::load(b + k + 2 * V::lanes), s2);
    s3 = V::fma(V::load(a + k + 3 * V::lanes), V::load(b + k + 3 * V::lanes), s3);
  }
  for (; k + V::lanes <= n; k += V::lanes) s0 = V::fma(V::load(a + k), V::load(b + k), s0);
  T total = V::sum((s0 + s1) + (s2 + s3));
  for (; k < n; ++k) total += a[k] * b[k];
  return total;
}

// y[k] += scale * x[k]
template <class T>
inline void axpy(T scale, const T* x, T* y, std::size_t n) {
  using V = Simd<T>;
  const auto s = V::splat(scale);
  std::size_t k = 0;
  for (; k + V::lanes <= n; k += V::lanes) V::store(y + k, V::fma(s, V::load(x + k), V::load(y + k)));
  for (; k < n; ++k) y[k] += scale * x[k];
}

// Energy in double, whatever T is: a float32 running sum drifts.
template <class T>
inline double energy(const T* x, std::size_t n) {
  using V = Simd<double>;
  typename V::type lanes{};
  std::size_t k = 0;
  for (; k + V::lanes <= n; k += V::lanes) lanes = V::fma(widen(x + k), widen(x + k), lanes);
  double total = V::sum(lanes);
  for (; k < n; ++k) total += static_cast<double>(x[k]) * static_cast<double>(x[k]);
  return total;
}

}  // namespace antiphase
