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
      : fast_(0.03 * hops_per_second), middle_(0.2 * hops_per_second),
        gate_(std::pow(10.0, gate_db / 10)), floor_(floor_rms * floor_rms * frames_per_hop),
        hops_per_second_(hops_per_second), has_estimate_(has_estimate) {}

  // One hop under control.
  void add(const HopEnergy& hop) {
    fast_.add(hop);
    middle_.add(hop);
    ++hops_;
    hear_reference();
    const HopEnergy& now = middle_.value();
    if (!active() || now.reference <= 0) return;
    // The disturbance estimate tells the uncontrolled level while the drive is still small. Later it
    // may only lower it: a loop that diverges where Ŝ is wrong raises its own estimate.
    const double level = (has_estimate_ ? now.disturbance : now.error) / now.reference;
    if (early() || (has_estimate_ && level < uncontrolled_)) learn(level, 3.0);
  }

  // One hop without drive, the sound of the last drives being over.
  void add_open(const HopEnergy& hop) {
    if (!was_open_) restart();
    was_open_ = true;
    fast_.add(hop);
    middle_.add(hop);
    hear_reference();
    const HopEnergy& now = middle_.value();
    if (active() && now.reference > 0) learn(now.error / now.reference, 0.3);
  }

  // What a test with control off found; half way, for one short test is not the whole truth.
  void correct(double ratio) { uncontrolled_ += 0.5 * (ratio - uncontrolled_); }

  // Loud enough to learn from, against its own peak and an absolute floor.
  bool active() const {
    const double level = fast_.value().reference;
    return gate_ == 0 || (level > peak_ * gate_ && level > floor_);
  }

  // Without an estimate the first 0.1 s go to hearing the uncontrolled level.
  bool listening() const { return !has_estimate_ && early(); }

  // Beyond doubt, within 30 ms: error 4 dB above the estimated disturbance; or, for estimates so
  // wrong that they can't show it, above its level with control off (4 dB, without estimate 6 dB)
  // and drive above that of the last good filter (or that filter itself in force).
  bool harmful(double good_drive, bool rolled_back) const {
    if (hops_ < 0.02 * hops_per_second_) return false;
    const HopEnergy& now = fast_.value();
    if (has_estimate_ && hops_ > 0.03 * hops_per_second_ && now.error > 2.5 * now.disturbance) {
      return true;
    }
    if (early() || !(expected() > 0) || !active()) return false;
    const double wanted = rolled_back ? 0.0 : 1.5 * good_drive;
    return now.error > (has_estimate_ ? 2.5 : 4.0) * expected() &&
           now.drive > wanted * recent_reference_;
  }

  // Error against disturbance over the last 0.2 s, by the more pessimistic of the two ways to know
  // the disturbance; 0 while it is too early to say.
  double harm_ratio() const {
    const HopEnergy& now = middle_.value();
    double level = uncontrolled_ * now.reference;
    if (has_estimate_) level = std::min(level, now.disturbance);
    if (hops_ < 0.2 * hops_per_second_ || !active() || !(level > 0)) return 0;
    return now.error / level;
  }

  // The disturbance estimate is 4 dB above what the reference lets expect.
  bool discredited() const {
    const HopEnergy& now = middle_.value();
    return has_estimate_ && now.disturbance > 2.5 * uncontrolled_ * now.reference;
  }

  // Error and drive per reference over the last 0.2 s.
  double error_ratio() const { return per_reference(middle_.value().error); }
  double drive_ratio() const { return per_reference(middle_.value().drive); }

  // Disturbance energy to expect of a reference energy, 0 while unknown.
  double uncontrolled() const { return uncontrolled_; }

  // Disturbance energy that a hop is expected to have now, 0 while unknown.
  double expected() const { return uncontrolled_ * recent_reference_; }

  // Judge afresh from here; what was learnt about the uncontrolled level stays.
  void restart() {
    fast_.reset();
    middle_.reset();
    hops_ = 0;
    was_open_ = false;
  }

  void reset() {
    restart();
    peak_ = recent_reference_ = uncontrolled_ = 0;
    learnt_ = 0;
  }

  void visit(Archive& archive) {
    fast_.visit(archive);
    middle_.visit(archive);
    archive(was_open_);
    archive(hops_);
    archive(learnt_);
    archive(peak_);
    archive(recent_reference_);
    archive(uncontrolled_);
  }

 private:
  bool early() const { return static_cast<double>(learnt_) < 0.1 * hops_per_second_; }

  double per_reference(double energy) const {
    const double reference = middle_.value().reference;
    return reference > 0 ? energy / reference : 0.0;
  }

  void hear_reference() {
    peak_ = std::max(middle_.value().reference, peak_ * std::pow(10.0, -0.1 / hops_per_second_));
    recent_reference_ = std::max(fast_.value().reference,
                                 recent_reference_ * std::exp(-1.0 / (0.3 * hops_per_second_)));
  }

  void learn(double level, double seconds) {
    const double share = std::max(1.0 / static_cast<double>(learnt_ + 1),
                                  1.0 / (seconds * hops_per_second_));
    uncontrolled_ += share * (level - uncontrolled_);
    ++learnt_;
  }

  Mean fast_, middle_;
  double gate_, floor_, hops_per_second_;
  bool has_estimate_, was_open_ = false;
  std::uint64_t hops_ = 0, learnt_ = 0;
  double peak_ = 0, recent_reference_ = 0, uncontrolled_ = 0;
};

// The only sure way to know what control does: a tenth of a second without it. Asked for when the
// levels leave it open whether control does any good.
class OffTest {
 public:
  explicit OffTest(double hops_per_second) : hops_per_second_(hops_per_second) {}

  bool running() const { return running_; }

  // One hop under control with this harm ratio: is it time for a test? Where less than 1 dB is
  // gained: when it gets 0.5 dB worse than at the last test, or 4 s after it. Where less than 2 dB
  // is gained: when the drive has grown by 6 dB for it, or the disturbance estimate has left the
  // level that the reference lets expect (`discredited`); then control has to prove a gain.
  bool due(double harm, double drive, bool discredited) {
    ++since_;
    if (drive_ == 0 && since_ > 0.2 * hops_per_second_) drive_ = drive;
    if (since_ < 0.3 * hops_per_second_) return false;
    strict_ = harm > 0.63 && (discredited || drive > 4 * drive_);
    return strict_ ||
           (harm > 0.8 && (harm > 1.12 * passed_ || since_ > 4 * hops_per_second_));
  }

  void begin(double error_ratio, double drive) {
    running_ = true;
    on_ = error_ratio;
    drive_ = drive;
    error_ = reference_ = 0;
    hops_ = since_ = 0;
  }

  // One hop without drive; true when enough was heard.
  bool add(const HopEnergy& hop) {
    error_ += hop.error;
    reference_ += hop.reference;
    return ++hops_ > 0.06 * hops_per_second_;
  }

  double off_ratio() const { return reference_ > 0 ? error_ / reference_ : 0.0; }

  // Ends the test: did control make it louder by half a dB, or fail to prove as much gain?
  bool failed() {
    running_ = false;
    const double off = off_ratio();
    if (!(off > 0)) return false;
    passed_ = on_ / off;
    return passed_ > (strict_ ? 0.9 : 1.12);
  }

  // Another filter: nothing is known about it.
  void forget() {
    running_ = false;
    passed_ = 1;
    drive_ = 0;
    since_ = 0;
  }

  void visit(Archive& archive) {
    archive(running_);
    archive(strict_);
    archive(since_);
    archive(hops_);
    for (double* value : {&on_, &error_, &reference_, &passed_, &drive_}) archive(*value);
  }

 private:
  double hops_per_second_;
  bool running_ = false, strict_ = false;
  std::uint64_t since_ = 0, hops_ = 0;
  double on_ = 0, error_ = 0, reference_ = 0, passed_ = 1, drive_ = 0;
};

}  // namespace antiphase
