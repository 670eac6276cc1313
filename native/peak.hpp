// The rate of fused multiply-adds that this core reaches on registers: the roof that benchmarks
// compare the kernels with.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "simd.hpp"

namespace antiphase {

// Best of `rounds` short runs, in 1e9 floating-point operations a second (two for each
// multiply-add).
template <class T>
double measure_peak(std::size_t rounds) {
  using V = Simd<T>;
  // Enough chains to hide the latency of two units, few enough for 16 registers.
  constexpr std::size_t chains = 12, steps = 20000;
  typename V::type value[chains];
  for (auto& v : value) v = V::splat(T(1));
  auto factor = V::splat(T(0.999999)), addend = V::splat(T(1e-6));
  V::pin(factor);
  V::pin(addend);
  double best = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t step = 0; step < steps; ++step) {
#pragma GCC unroll 12
      for (std::size_t c = 0; c < chains; ++c) value[c] = V::fma(value[c], factor, addend);
#pragma GCC unroll 12
      for (std::size_t c = 0; c < chains; ++c) {
        auto held = value[c];
        V::pin(held);
        value[c] = held;
      }
    }
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    const double operations = 2.0 * static_cast<double>(chains * V::lanes * steps);
    best = std::max(best, operations / spent.count() * 1e-9);
  }
  // Needs the values, so that the loop is not dropped.
  T total = 0;
  for (const auto& v : value) total += V::sum(v);
  return total > T(0) ? best : 0.0;
}

}  // namespace antiphase
