// Lets a drive out only while it would help: compares the disturbance with what it and the drive
// that the filter would have played leave together, and mutes while they leave more.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "archive.hpp"
#include "delay_line.hpp"
#include "simd.hpp"

namespace antiphase {

template <class T>
class DriveGate {
 public:
  // memory: samples of drive that an error depends on; forgetting of the powers and steps of the
  // fade are per sample.
  DriveGate(std::size_t loudspeakers, std::size_t memory, double forgetting, double fade)
      : wanted_(loudspeakers, DelayLine<T>(memory)), forgetting_(forgetting), fade_(fade) {}

  bool open() const { return open_; }

  // For a filter that somebody vouches for: played until it is seen to do harm.
  void trust() {
    open_ = true;
    gain_ = 1;
  }

  // What the filter wants to play at this instant; faded in place to what may be played.
  void pass(T* drive) {
    gain_ = std::clamp(gain_ + (open_ ? fade_ : -fade_), 0.0, 1.0);
    for (auto& line : wanted_) {
      line.push(*drive);
      *drive = static_cast<T>(gain_ * *drive);
      ++drive;
    }
  }

  // Energy that the disturbance and the wanted drive leave, through paths [error][loudspeaker][tap],
  // taps oldest first, for the instant `age` before the newest drive.
  double observe(const T* disturbance, std::size_t errors, const T* paths, std::size_t taps,
                 std::size_t age) {
    double left = 0, disturbed = 0;
    for (std::size_t m = 0; m < errors; ++m) {
      double sum = disturbance[m];
      for (const auto& line : wanted_) {
        sum += dot(paths, line.window() + line.length() - age - taps, taps);
        paths += taps;
      }
      left += sum * sum;
      disturbed += static_cast<double>(disturbance[m]) * static_cast<double>(disturbance[m]);
    }
    left_ = forgetting_ * left_ + left;
    disturbed_ = forgetting_ * disturbed_ + disturbed;
    open_ = open_ ? left_ <= disturbed_ : left_ < disturbed_;
    return left;
  }

  void reset() {
    for (auto& line : wanted_) line.reset();
    gain_ = left_ = disturbed_ = 0;
    open_ = false;
  }
  void visit(Archive& archive) {
    for (auto& line : wanted_) line.visit(archive);
    archive(gain_);
    archive(left_);
    archive(disturbed_);
    archive(open_);
  }

 private:
  std::vector<DelayLine<T>> wanted_;
  double forgetting_, fade_;
  double gain_ = 0, left_ = 0, disturbed_ = 0;
  bool open_ = false;
};

}  // namespace antiphase
