// Remembers the last control filter that did good.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "controller.hpp"
#include "loop_watch.hpp"

namespace antiphase {

// The last control filter that was seen to cancel. Every 0.1 s the filter in force becomes the
// candidate; if it does well until the next time, it is the good one. A good filter gives way to a
// better one, or to one within 2 dB that is no louder; its claim fades by 1 dB a second. So slow
// decay is no new standard.
template <class T>
class FilterKeeper {
 public:
  explicit FilterKeeper(std::size_t size) : candidate_(size, T(0)), good_(size, T(0)) {}

  bool has_good() const { return good_db_ > 0; }
  const T* good() const { return good_.data(); }
  double good_drive() const { return good_drive_; }

  // `expected`: what the reference lets expect of the disturbance.
  void add(const HopEnergy& hop, double expected) {
    error_ += hop.error;
    disturbance_ += hop.disturbance;
    expected_ += expected;
  }

  // End of an interval of `seconds`. True when adaptation has spoilt the good filter: half of its
  // reduction or 6 dB lost with a louder drive, or a drive 6 dB louder for nothing. Noise that
  // changes looks like that too, so it counts only below 3 dB, or below 6 dB with a
  // discredited estimate.
  bool judge(const Controller<T>& controller, double drive_ratio, double seconds,
             bool discredited) {
    const double level = std::min(disturbance_, expected_);
    const double reduction = error_ > 0 && level > 0 ? 10 * std::log10(level / error_) : 0.0;
    const bool better = reduction > good_db_;
    const bool as_good = reduction > good_db_ - 2 && drive_ratio <= 1.1 * good_drive_;
    const bool spoilt =
        good_db_ > 2 && reduction < (discredited ? 6 : 3) &&
        ((reduction < std::max(good_db_ - 6, good_db_ / 2) &&
          drive_ratio > 1.5 * good_drive_) ||
         (reduction < good_db_ + 0.5 && drive_ratio > 4 * good_drive_));
    if (reduction > 0.5 && (better || as_good) && !spoilt && finite()) {
      std::swap(candidate_, good_);
      good_db_ = std::max(reduction, good_db_ - seconds);
      good_drive_ = drive_ratio;
    } else {
      good_db_ = good_db_ > 0 ? std::max(0.1, good_db_ - seconds) : 0.0;
    }
    controller.get_filter(candidate_.data());
    error_ = disturbance_ = expected_ = 0;
    return spoilt;
  }

  // Begin a new interval with the filter in force.
  void restart(const Controller<T>& controller) {
    controller.get_filter(candidate_.data());
    error_ = disturbance_ = expected_ = 0;
  }

  void forget() {
    std::fill(good_.begin(), good_.end(), T(0));
    std::fill(candidate_.begin(), candidate_.end(), T(0));
    good_db_ = good_drive_ = error_ = disturbance_ = expected_ = 0;
  }

  void visit(Archive& archive) {
    archive(candidate_);
    archive(good_);
    archive(good_db_);
    archive(good_drive_);
    archive(error_);
    archive(disturbance_);
    archive(expected_);
  }

 private:
  bool finite() const {
    return std::all_of(candidate_.begin(), candidate_.end(), [](T w) { return std::isfinite(w); });
  }

  Buffer<T> candidate_, good_;
  double good_db_ = 0, good_drive_ = 0, error_ = 0, disturbance_ = 0, expected_ = 0;
};

}  // namespace antiphase
