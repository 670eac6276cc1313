// How far one update goes: plain or normalised step, none on a reference that has gone quiet, and
// the influence of the error under impulsive noise.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "archive.hpp"
#include "simd.hpp"

namespace antiphase {

enum class Robust : int { none = 0, huber = 1, sign = 2 };

class StepRule {
 public:
  // normalised: step mu / (epsilon + energy), else mu; 0 where energy < floor * peak energy.
  StepRule(double mu, double leakage, double epsilon, double floor, bool normalised, Robust robust)
      : mu_(mu), leakage_(leakage), epsilon_(epsilon), floor_(floor), normalised_(normalised),
        robust_(robust) {}

  double mu() const { return mu_; }
  void set_mu(double mu) { mu_ = mu; }
  double leakage() const { return leakage_; }
  // Running peak of the energy, for callers that carry it themselves.
  double peak() const { return peak_; }
  void set_peak(double peak) { peak_ = peak; }

  // Whether a regressor of this energy may teach anything: not where it has faded to the sensor noise
  // of a reference that was loud. Once per update.
  bool active(double energy) {
    peak_ = std::max(energy, peak_ * peak_decay);
    return energy >= smallest_energy && energy >= floor_ * peak_;
  }

  Robust robust() const { return robust_; }
  double epsilon() const { return epsilon_; }

  // Step for a regressor of this energy; once per update.
  double step(double energy) {
    if (!active(energy)) return 0.0;
    return normalised_ ? mu_ / (epsilon_ + energy) : mu_;
  }

  // Steps for Count successive regressors of the energies[0], energies[stride], ...
  template <std::size_t Count>
  void steps(const double* energies, std::size_t stride, double* out) {
    if constexpr (Count % Simd<double>::lanes == 0) {
      if (normalised_ && steps_if_active<Count>(energies, stride, out)) return;
    }
    for (std::size_t k = 0; k < Count; ++k) out[k] = step(energies[k * stride]);
  }

  // The error as the update sees it.
  double influence(double error) {
    if (robust_ == Robust::none) return error;
    const double size = std::fabs(error);
    // The tracker rests in silence: it would need as long to climb out of it.
    if (size == 0.0) return 0.0;
    const double median = median_ > 0.0 ? median_ : size;
    median_ = size > median ? median * median_up : median * median_down;
    if (robust_ == Robust::sign) return std::copysign(median, error);
    const double limit = huber_limit * median;
    return std::clamp(error, -limit, limit);
  }

  void reset() { peak_ = median_ = 0; }
  void visit(Archive& archive) {
    archive(peak_);
    archive(median_);
  }

  // Smaller energies (float32 samples near 1e-19) count as silence.
  static constexpr double smallest_energy = 1e-37;

 private:
  // The peak forgets by 1/e in 200,000 samples, so that a filter wakes up for a source that stays
  // quieter than it began.
  static constexpr double peak_decay = 1.0 - 5e-6;
  // Tracks the median of |error| in steps of 1 %: no single outlier moves it further.
  static constexpr double median_up = 1.01, median_down = 1.0 / 1.01;
  // Huber's 1.345 standard deviations (95 % efficiency on Gaussian noise); the standard deviation of
  // Gaussian noise is 1.4826 medians.
  static constexpr double huber_limit = 1.345 * 1.4826;

  template <std::size_t N>
  static constexpr double power(double x) {
    double product = 1.0;
    for (std::size_t k = 0; k < N; ++k) product *= x;
    return product;
  }

  // As `steps`, where it is plain to see that all regressors are active; false, and nothing done,
  // where it is not.
  template <std::size_t Count>
  bool steps_if_active(const double* energies, std::size_t stride, double* out) {
    using V = Simd<double>;
    constexpr std::size_t parts = Count / V::lanes;
    typename V::type energy[parts];
    for (std::size_t p = 0; p < parts; ++p) {
      for (std::size_t m = 0; m < V::lanes; ++m) energy[p][m] = energies[(p * V::lanes + m) * stride];
    }
    auto least = energy[0], most = energy[0];
    for (std::size_t p = 1; p < parts; ++p) {
      least = energy[p] < least ? energy[p] : least;
      most = energy[p] > most ? energy[p] : most;
    }
    double lowest = least[0], highest = most[0];
    for (std::size_t m = 1; m < V::lanes; ++m) {
      lowest = std::min(lowest, least[m]);
      highest = std::max(highest, most[m]);
    }
    if (lowest < std::max(floor_ * std::max(peak_, highest), smallest_energy)) return false;
    // The peak sinks by less than 5e-6 a frame: worth its own loop only where one frame passes it.
    constexpr double decay = power<Count>(peak_decay);
    double peak = peak_ * decay;
    if (highest > peak) {
      peak = peak_;
      for (std::size_t k = 0; k < Count; ++k) peak = std::max(energies[k * stride], peak * peak_decay);
    }
    peak_ = peak;
    const auto mu = V::splat(mu_), epsilon = V::splat(epsilon_);
    for (std::size_t p = 0; p < parts; ++p) V::store(out + p * V::lanes, mu / (epsilon + energy[p]));
    return true;
  }

  double mu_, leakage_, epsilon_, floor_;
  bool normalised_;
  Robust robust_;
  double peak_ = 0, median_ = 0;
};

}  // namespace antiphase
