// How far one update goes: plain or normalised step, none on a reference that has gone quiet, and
// the influence of the error under impulsive noise.
#pragma once

#include <algorithm>
#include <cmath>

#include "archive.hpp"

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

  // Whether a regressor of this energy may teach anything: not where it has faded to the sensor noise
  // of a reference that was loud. Once per update.
  bool active(double energy) {
    peak_ = std::max(energy, peak_ * peak_decay);
    return energy > smallest_energy && energy >= floor_ * peak_;
  }

  double epsilon() const { return epsilon_; }

  // Step for a regressor of this energy; once per update.
  double step(double energy) {
    if (!active(energy)) return 0.0;
    return normalised_ ? mu_ / (epsilon_ + energy) : mu_;
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

  double mu_, leakage_, epsilon_, floor_;
  bool normalised_;
  Robust robust_;
  double peak_ = 0, median_ = 0;
};

}  // namespace antiphase
