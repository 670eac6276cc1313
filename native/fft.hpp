// Power-of-two FFT of complex values on split arrays.
//
// Length n = L * M with L lanes per vector: L-point transforms across vectors, one transposition, then
// an M-point Stockham transform in which every lane is its own. No pass has a butterfly inside a
// vector and the result is in natural order.
#pragma once

#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "simd.hpp"

namespace antiphase {

template <class T, std::size_t L>
struct Pack {
  typedef T type __attribute__((vector_size(L * sizeof(T))));
  static type load(const T* p) {
    type v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
  static void store(T* p, type v) { std::memcpy(p, &v, sizeof v); }
  static type splat(T value) { return value - type{}; }
};

namespace fft_detail {

template <class V>
struct Complex {
  V re, im;
  Complex operator+(const Complex& o) const { return {re + o.re, im + o.im}; }
  Complex operator-(const Complex& o) const { return {re - o.re, im - o.im}; }
  Complex operator*(const Complex& o) const {
    return {re * o.re - im * o.im, re * o.im + im * o.re};
  }
  Complex minus_i() const { return {im, -re}; }
};

// Rows become columns of an L x L block held in L vectors.
template <class V>
inline void transpose(V (&r)[2]) {
  const V a = __builtin_shufflevector(r[0], r[1], 0, 2);
  r[1] = __builtin_shufflevector(r[0], r[1], 1, 3);
  r[0] = a;
}

template <class V>
inline void transpose(V (&r)[4]) {
  const V a = __builtin_shufflevector(r[0], r[1], 0, 4, 2, 6);
  const V b = __builtin_shufflevector(r[0], r[1], 1, 5, 3, 7);
  const V c = __builtin_shufflevector(r[2], r[3], 0, 4, 2, 6);
  const V d = __builtin_shufflevector(r[2], r[3], 1, 5, 3, 7);
  r[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  r[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  r[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  r[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

template <class V>
inline void transpose(V (&r)[8]) {
  V a[8], b[8];
  for (int k = 0; k < 8; k += 2) {
    a[k] = __builtin_shufflevector(r[k], r[k + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    a[k + 1] = __builtin_shufflevector(r[k], r[k + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int k = 0; k < 8; k += 4) {
    for (int j = 0; j < 2; ++j) {
      b[k + 2 * j] = __builtin_shufflevector(a[k + j], a[k + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      b[k + 2 * j + 1] = __builtin_shufflevector(a[k + j], a[k + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int k = 0; k < 4; ++k) {
    r[k] = __builtin_shufflevector(b[k], b[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    r[k + 4] = __builtin_shufflevector(b[k], b[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

template <class C>
inline void butterfly(C& a, C& b, C& c, C& d) {
  const C s = a + c, t = a - c, u = b + d, v = (b - d).minus_i();
  a = s + u;
  b = t + v;
  c = s - u;
  d = t - v;
}

template <class C>
inline void small_transform(C (&z)[2]) {
  const C a = z[0];
  z[0] = a + z[1];
  z[1] = a - z[1];
}

template <class C>
inline void small_transform(C (&z)[4]) { butterfly(z[0], z[1], z[2], z[3]); }

template <class C>
inline void small_transform(C (&z)[8]) {
  butterfly(z[0], z[2], z[4], z[6]);
  butterfly(z[1], z[3], z[5], z[7]);
  using V = decltype(C::re);
  using Scalar = std::decay_t<decltype(std::declval<V&>()[0])>;
  const V half = static_cast<Scalar>(0.70710678118654752440) - V{};
  const C even[4] = {z[0], z[2], z[4], z[6]};
  const C odd[4] = {z[1], C{(z[3].re + z[3].im) * half, (z[3].im - z[3].re) * half},
                    z[5].minus_i(), C{(z[7].im - z[7].re) * half, (z[7].re + z[7].im) * -half}};
  for (int k = 0; k < 4; ++k) {
    z[k] = even[k] + odd[k];
    z[k + 4] = even[k] - odd[k];
  }
}

// exp(-2 pi i k / n), each octant from arguments below pi / 4.
inline std::pair<double, double> root(std::size_t k, std::size_t n) {
  const double pi = 3.14159265358979323846;
  k %= n;
  const std::size_t octant = 8 * k / n;
  const std::size_t quarter = (octant + 1) / 2;
  const double angle = 2 * pi * (4.0 * k - static_cast<double>(quarter * n)) / (4.0 * n);
  const double c = std::cos(angle), s = std::sin(angle);
  switch (quarter % 4) {
    case 0: return {c, -s};
    case 1: return {-s, -c};
    case 2: return {-c, s};
    default: return {s, c};
  }
}

// Everything that depends on the length only.
template <class T>
struct Tables {
  explicit Tables(std::size_t n) : length(n), lanes(Simd<T>::lanes) {
    if (n < 4 || (n & (n - 1))) throw std::invalid_argument("length must be a power of two >= 4");
    while (lanes * lanes > n) lanes /= 2;
    const std::size_t columns = n / lanes;
    for (std::size_t l = 1; l < lanes; ++l) {
      for (std::size_t m = 0; m < columns; ++m) add(across, l * m, n);
    }
    for (std::size_t size = columns; size >= 4; size /= 4) {
      for (std::size_t p = 0; p < size / 4; ++p) {
        for (std::size_t k = 1; k < 4; ++k) {
          const auto w = root(k * p, size);
          along.push_back(static_cast<T>(w.first));
          along.push_back(static_cast<T>(w.second));
        }
      }
    }
    for (std::size_t k = 0; k < n; ++k) add(twist, k, 4 * n);
  }

  struct Split {
    Buffer<T> re, im;
  };
  static void add(Split& table, std::size_t k, std::size_t n) {
    const auto w = root(k, n);
    table.re.push_back(static_cast<T>(w.first));
    table.im.push_back(static_cast<T>(w.second));
  }

  std::size_t length, lanes;
  Split across;     // exp(-2 pi i l m / n) after the pass across vectors, l = 1 ... L - 1
  Buffer<T> along;  // w, w^2, w^3 (re, im) of each butterfly of the passes along the columns
  Split twist;      // exp(-i pi k / 2n)
};

template <class T>
std::shared_ptr<const Tables<T>> shared_tables(std::size_t n) {
  static std::mutex mutex;
  static std::map<std::size_t, std::weak_ptr<const Tables<T>>> cache;
  const std::lock_guard<std::mutex> lock(mutex);
  auto found = cache[n].lock();
  if (!found) cache[n] = found = std::make_shared<const Tables<T>>(n);
  return found;
}

}  // namespace fft_detail

// Forward transform of n complex values, n a power of two >= 4; the input comes from a function
// `load(k, re, im)` that fills the vectors that start at value k.
template <class T>
class Fft {
 public:
  explicit Fft(std::size_t n)
      : tables_(fft_detail::shared_tables<T>(n)), work_re_(n), work_im_(n) {}

  std::size_t length() const { return tables_->length; }
  const typename fft_detail::Tables<T>::Split& twist() const { return tables_->twist; }

  template <class Load>
  void forward(const Load& load, T* re, T* im) {
    switch (tables_->lanes) {
      case 2: return transform<2>(load, re, im);
      case 4: return transform<4>(load, re, im);
      default:
        if constexpr (Simd<T>::lanes >= 8) return transform<8>(load, re, im);
    }
  }

 private:
  template <std::size_t L>
  using Vector = typename Pack<T, L>::type;
  template <std::size_t L>
  using Value = fft_detail::Complex<Vector<L>>;

  template <std::size_t L, class Load>
  void transform(const Load& load, T* re, T* im) {
    const std::size_t columns = length() / L;
    std::size_t passes = 0;
    for (std::size_t size = columns; size > 1; size /= size >= 4 ? 4 : 2) ++passes;
    T *from_re = re, *from_im = im, *to_re = work_re_.data(), *to_im = work_im_.data();
    if (passes % 2 == 1) {
      std::swap(from_re, to_re);
      std::swap(from_im, to_im);
    }
    across<L>(load, columns, from_re, from_im);
    const T* w = tables_->along.data();
    std::size_t size = columns, stride = 1;
    for (; size >= 4; size /= 4, stride *= 4) {
      along<L>(size, stride, w, from_re, from_im, to_re, to_im);
      w += 6 * (size / 4);
      std::swap(from_re, to_re);
      std::swap(from_im, to_im);
    }
    if (size == 2) last<L>(stride, from_re, from_im, to_re, to_im);
  }

  template <std::size_t L, class Load>
  void across(const Load& load, std::size_t columns, T* re, T* im) const {
    using P = Pack<T, L>;
    const auto& w = tables_->across;
    for (std::size_t m = 0; m < columns; m += L) {
      Value<L> z[L];
      for (std::size_t v = 0; v < L; ++v) load(v * columns + m, z[v].re, z[v].im);
      fft_detail::small_transform(z);
      Vector<L> a[L], b[L];
      a[0] = z[0].re;
      b[0] = z[0].im;
      for (std::size_t l = 1; l < L; ++l) {
        const std::size_t k = (l - 1) * columns + m;
        const Value<L> turned = z[l] * Value<L>{P::load(&w.re[k]), P::load(&w.im[k])};
        a[l] = turned.re;
        b[l] = turned.im;
      }
      fft_detail::transpose(a);
      fft_detail::transpose(b);
      for (std::size_t j = 0; j < L; ++j) {
        P::store(re + (m + j) * L, a[j]);
        P::store(im + (m + j) * L, b[j]);
      }
    }
  }

  template <std::size_t L>
  static void along(std::size_t size, std::size_t stride, const T* w, const T* in_re, const T* in_im,
                    T* re, T* im) {
    using P = Pack<T, L>;
    const std::size_t step = stride * L, quarter = size / 4 * step;
    for (std::size_t p = 0; p < size / 4; ++p, w += 6) {
      const Value<L> w1{P::splat(w[0]), P::splat(w[1])}, w2{P::splat(w[2]), P::splat(w[3])},
          w3{P::splat(w[4]), P::splat(w[5])};
      for (std::size_t q = 0; q < step; q += L) {
        const std::size_t i = p * step + q, o = 4 * p * step + q;
        Value<L> z[4];
        for (std::size_t v = 0; v < 4; ++v) {
          z[v] = {P::load(in_re + i + v * quarter), P::load(in_im + i + v * quarter)};
        }
        fft_detail::butterfly(z[0], z[1], z[2], z[3]);
        if (p > 0) {
          z[1] = z[1] * w1;
          z[2] = z[2] * w2;
          z[3] = z[3] * w3;
        }
        for (std::size_t v = 0; v < 4; ++v) {
          P::store(re + o + v * step, z[v].re);
          P::store(im + o + v * step, z[v].im);
        }
      }
    }
  }

  template <std::size_t L>
  static void last(std::size_t stride, const T* in_re, const T* in_im, T* re, T* im) {
    using P = Pack<T, L>;
    const std::size_t half = stride * L;
    for (std::size_t q = 0; q < half; q += L) {
      const auto a = P::load(in_re + q), b = P::load(in_re + q + half);
      const auto c = P::load(in_im + q), d = P::load(in_im + q + half);
      P::store(re + q, a + b);
      P::store(re + q + half, a - b);
      P::store(im + q, c + d);
      P::store(im + q + half, c - d);
    }
  }

  std::shared_ptr<const fft_detail::Tables<T>> tables_;
  Buffer<T> work_re_, work_im_;
};

}  // namespace antiphase
