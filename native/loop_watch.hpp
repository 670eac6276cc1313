// Judges a running loop by its levels alone: outliers in the inputs, activity of the reference, and
// whether control makes things louder. No filters and no paths in here.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "archive.hpp"

namespace antiphase {

// Replaces single values far above the running level by 0; a burst of them is a new level.
class OutlierFilter {
 public:
  // Bound: `factor` times the RMS of the last 100 ms, which never counts as less than a tenth of
  // its own slowly decaying peak: neither a start after a pause nor one in deep quiet is an outlier.
  OutlierFilter(std::size_t channels, double factor, double fs)
      : bound_(factor * factor), smooth_(1.0 - std::exp(-10.0 / fs)),
        decay_(std::pow(10.0, -0.1 / fs)), level_(channels, 0.0), peak_(channels, 0.0),
        burst_(channels, burst_limit) {}

  template <class T>
  T operator()(std::size_t channel, T value) {
    const double power = static_cast<double>(value) * static_cast<double>(value);
    double &level = level_[channel], &peak = peak_[channel], &burst = burst_[channel];
    burst *= 1.0 - 1.0 / 64;
    if (peak > 0 && power > bound_ * std::max(level, 1e-2 * peak)) {
      if (burst <= burst_limit - 1) {
        burst += 1;
        ++rejected_;
        return T(0);
      }
      level = power;
    }
    level += smooth_ * (power - level);
    peak = std::max(level, decay_ * peak);
    return value;
  }

  std::uint64_t rejected() const { return rejected_; }

  void reset() {
    std::fill(level_.begin(), level_.end(), 0.0);
    std::fill(peak_.begin(), peak_.end(), 0.0);
    std::fill(burst_.begin(), burst_.end(), burst_limit);
  }

  void visit(Archive& archive) {
    archive(level_);
    archive(peak_);
    archive(burst_);
    archive(rejected_);
  }

 private:
  static constexpr double burst_limit = 8;
  double bound_, smooth_, decay_;
  std::vector<double> level_, peak_, burst_;
  std::uint64_t rejected_ = 0;
};

// Energies of one hop, summed over channels.
struct HopEnergy {
  double error = 0, disturbance = 0, reference = 0, drive = 0;
};

// Leaky mean of hop energies over a time given in hops; right from the first hop on.
class Mean {
 public:
  explicit Mean(double hops) : gain_(1.0 - std::exp(-1.0 / hops)) {}

  void add(const HopEnergy& hop) {
    weight_ += gain_ * (1.0 - weight_);
    const double share = gain_ / weight_;
    mean_.error += share * (hop.error - mean_.error);
    mean_.disturbance += share * (hop.disturbance - mean_.disturbance);
    mean_.reference += share * (hop.reference - mean_.reference);
    mean_.drive += share * (hop.drive - mean_.drive);
  }

  const HopEnergy& value() const { return mean_; }

  void reset() {
    mean_ = {};
    weight_ = 0;
  }

  void visit(Archive& archive) {
    archive(weight_);
    archive(mean_.error);
    archive(mean_.disturbance);
    archive(mean_.reference);
    archive(mean_.drive);
  }

 private:
  double gain_, weight_ = 0;
  HopEnergy mean_;
};

// Is the reference active, and does control do harm?
class LoopWatch {
 public:
  LoopWatch(double hops_per_second, double gate_db, double floor_rms, double frames_per_hop,
            bool has_estimate)
      : fast_(0.03 * hops_per_second), middle_(0.2 * hops_per_second), slow_(2 * hops_per_second),
        gate_(std::pow(10.0, gate_db / 10)), floor_(floor_rms * floor_rms * frames_per_hop),
        hops_per_second_(hops_per_second), has_estimate_(has_estimate) {}

  // One hop; `open_loop` says that the hop went by without drive.
  void add(const HopEnergy& hop, bool open_loop) {
    // What came before must not count as sound of the open loop.
    if (open_loop && !was_open_) restart();
    was_open_ = open_loop;
    fast_.add(hop);
    middle_.add(hop);
    slow_.add(hop);
    ++hops_;
    peak_ = std::max(middle_.value().reference, peak_ * std::pow(10.0, -0.1 / hops_per_second_));
    recent_reference_ = std::max(fast_.value().reference,
                                 recent_reference_ * std::exp(-1.0 / (0.3 * hops_per_second_)));
    learn_uncontrolled_level(open_loop);
  }

  // Loud enough to learn from, against its own peak and an absolute floor.
  bool active() const {
    const double level = fast_.value().reference;
    return gate_ == 0 || (level > peak_ * gate_ && level > floor_);
  }

  // Without an estimate the first 0.1 s go to hearing the uncontrolled level.
  bool listening() const { return !has_estimate_ && early(); }

  // Control adds energy. By the estimated disturbance: 4 dB in 30 ms, 1 dB in 0.2 s or 0.2 dB in
  // 2 s. By growth, for estimates so wrong that they can't show it: error well above its level with
  // control off, and drive above that of the last good filter (or that filter itself in force).
  bool harmful(double good_drive, bool rolled_back) const {
    if (hops_ < 0.02 * hops_per_second_) return false;
    if (has_estimate_) {
      if (hops_ > 0.03 * hops_per_second_ && louder(fast_, 2.5)) return true;
      if (hops_ > 0.2 * hops_per_second_ && louder(middle_, 1.26)) return true;
      if (hops_ > 2 * hops_per_second_ && louder(slow_, 1.05)) return true;
    }
    const double growth = has_estimate_ ? 2.5 : 4.0;
    const HopEnergy& now = fast_.value();
    if (!(expected() > 0) || !active() || now.error <= growth * expected()) return false;
    return rolled_back || now.drive > 1.5 * good_drive * recent_reference_;
  }

  // Drive per reference over the last 0.2 s.
  double drive_ratio() const {
    const HopEnergy& mean = middle_.value();
    return mean.reference > 0 ? mean.drive / mean.reference : 0.0;
  }

  // Disturbance energy to expect of a reference energy, 0 while unknown.
  double uncontrolled() const { return uncontrolled_; }

  // Disturbance energy that a hop is expected to have now, 0 while unknown.
  double expected() const { return uncontrolled_ * recent_reference_; }

  // Judge afresh from here; what was learnt about the uncontrolled level stays.
  void restart() {
    fast_.reset();
    middle_.reset();
    slow_.reset();
    hops_ = 0;
  }

  void reset() {
    restart();
    peak_ = recent_reference_ = uncontrolled_ = 0;
    learnt_ = 0;
    was_open_ = false;
  }

  void visit(Archive& archive) {
    fast_.visit(archive);
    middle_.visit(archive);
    slow_.visit(archive);
    archive(was_open_);
    archive(hops_);
    archive(learnt_);
    archive(peak_);
    archive(recent_reference_);
    archive(uncontrolled_);
  }

 private:
  bool early() const { return static_cast<double>(learnt_) < 0.1 * hops_per_second_; }

  static bool louder(const Mean& mean, double ratio) {
    return mean.value().error > ratio * mean.value().disturbance;
  }

  // Disturbance per reference: with control off it is the error's, with an estimate that of d̂ while
  // control does good, without one the error's at the very start.
  void learn_uncontrolled_level(bool open_loop) {
    const HopEnergy& now = middle_.value();
    const bool trusted = has_estimate_ && now.error <= now.disturbance;
    if (!active() || now.reference <= 0 || !(open_loop || early() || trusted)) return;
    const double seconds = open_loop ? 0.3 : 3.0;
    const double share = std::max(1.0 / static_cast<double>(learnt_ + 1),
                                  1.0 / (seconds * hops_per_second_));
    const double level = open_loop || !has_estimate_ ? now.error : now.disturbance;
    uncontrolled_ += share * (level / now.reference - uncontrolled_);
    ++learnt_;
  }

  Mean fast_, middle_, slow_;
  double gate_, floor_, hops_per_second_;
  bool has_estimate_, was_open_ = false;
  std::uint64_t hops_ = 0, learnt_ = 0;
  double peak_ = 0, recent_reference_ = 0, uncontrolled_ = 0;
};

}  // namespace antiphase
