// Symmetric positive systems of up to 16 unknowns, eight of them factored side by side.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "simd.hpp"

namespace antiphase {

constexpr std::size_t max_order = 16;

// A = L D L' of eight matrices of n rows. Element (i, j), i >= j, of matrix k is
// a[(j * n + i) * 8 + k]; afterwards it holds D_j L_ij, and inverse[j * 8 + k] holds 1 / D_j, 0 for a
// pivot without substance: that unknown then contributes nothing.
class FactoredSystems {
 public:
  static constexpr std::size_t batch = 8;

  explicit FactoredSystems(std::size_t n)
      : n_(n), matrix_(n * n * batch, 0.0), inverse_(n * batch, 0.0) {}

  using V = Simd<double>;

  // Element (i, j) of the systems k ... k + V::lanes - 1.
  void set(std::size_t i, std::size_t j, std::size_t k, V::type value) {
    V::store(matrix_.data() + (j * n_ + i) * batch + k, value);
  }

  // Factors the systems k ... k + V::lanes - 1; pivots <= `smallest` have no substance.
  void factor(std::size_t k, double smallest) {
    double* a = matrix_.data() + k;
    auto least = V::splat(1e12 * smallest);
    for (std::size_t j = 0; j < n_; ++j) {
      const auto diagonal = V::load(a + (j * n_ + j) * batch);
      least = diagonal > least ? diagonal : least;
    }
    least *= V::splat(1e-12);
    for (std::size_t j = 0; j < n_; ++j) {
      double* column = a + j * n_ * batch;
      const auto pivot = V::load(column + j * batch);
      const auto inverse = pivot > least ? V::splat(1.0) / pivot : typename V::type{};
      V::store(inverse_.data() + j * batch + k, inverse);
      for (std::size_t c = j + 1; c < n_; ++c) {
        const auto factor = -V::load(column + c * batch) * inverse;
        double* target = a + c * n_ * batch;
        for (std::size_t i = c; i < n_; ++i) {
          V::store(target + i * batch,
                   V::fma(factor, V::load(column + i * batch), V::load(target + i * batch)));
        }
      }
    }
  }

  // Solves system k; false where an unknown was left out.
  bool solve(std::size_t k, double* b) const {
    switch (n_) {
      case 2: return solve_fixed<2>(k, b);
      case 3: return solve_fixed<3>(k, b);
      case 4: return solve_fixed<4>(k, b);
      default: return solve_any(n_, k, b);
    }
  }

 private:
  // Of a size known when compiling: stays in registers.
  template <std::size_t N>
  bool solve_fixed(std::size_t k, double* b) const {
    std::array<double, N> x;
    std::copy_n(b, N, x.begin());
    const bool regular = solve_any(N, k, x.data());
    std::copy_n(x.begin(), N, b);
    return regular;
  }

  bool solve_any(std::size_t n, std::size_t k, double* b) const {
    const double* a = matrix_.data() + k;
    const double* inverse = inverse_.data() + k;
    bool regular = true;
#pragma GCC unroll 4
    for (std::size_t j = 0; j < n; ++j) {
      const double value = b[j] * inverse[j * batch];
#pragma GCC unroll 4
      for (std::size_t i = j + 1; i < n; ++i) b[i] = multiply_add(-a[(j * n + i) * batch], value, b[i]);
      b[j] = value;
      regular &= inverse[j * batch] != 0.0;
    }
#pragma GCC unroll 4
    for (std::size_t j = n; j-- > 0;) {
      double sum = 0;
#pragma GCC unroll 4
      for (std::size_t i = n; i-- > j + 1;) sum = multiply_add(a[(j * n + i) * batch], b[i], sum);
      b[j] = multiply_add(-inverse[j * batch], sum, b[j]);
    }
    return regular;
  }

  std::size_t n_;
  Buffer<double> matrix_, inverse_;
};

}  // namespace antiphase
