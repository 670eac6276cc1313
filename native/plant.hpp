// The physical plant: drives pass through the loudspeaker and the secondary path and only then meet
// the disturbance. Double precision, whatever the controller computes in.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "controller.hpp"
#include "delay_line.hpp"
#include "path.hpp"
#include "simd.hpp"

namespace antiphase {

enum class Saturation : int { none = 0, soft = 1, hard = 2 };

// From frame `at` on the path is another one, faded to linearly over `fade` frames.
struct PathChange {
  std::uint64_t at;
  std::uint64_t fade;
  PathMatrix<double> path;
};

class Plant {
 public:
  // `feedback` may be null. `history` is the longest response that will ever be used.
  Plant(Shape shape, PathMatrix<double> secondary, const PathMatrix<double>* feedback, Saturation saturation,
        double limit, std::size_t error_delay, std::size_t history)
      : shape_(shape), saturation_(saturation), limit_(limit), error_delay_(error_delay),
        lines_(shape.loudspeakers, DelayLine<double>(history)),
        pending_(shape.errors * (error_delay + 1), 0.0) {
    changes_.push_back({0, 0, std::move(secondary)});
    if (feedback) feedback_.push_back(*feedback);
  }

  const Shape& shape() const { return shape_; }
  std::size_t error_delay() const { return error_delay_; }

  void add_change(std::uint64_t at, std::uint64_t fade, PathMatrix<double> path) {
    changes_.push_back({at, fade, std::move(path)});
  }

  // Largest block for which a controller sees exactly what it would see sample by sample; 0 when
  // the feedback path reaches the reference in the same sample.
  std::size_t exact_block() const {
    std::size_t zeros = changes_[0].path.leading_zeros();
    for (const PathChange& change : changes_) zeros = std::min(zeros, change.path.leading_zeros());
    std::size_t block = zeros + 1 + error_delay_;
    for (const PathMatrix<double>& path : feedback_) block = std::min(block, path.leading_zeros());
    return block;
  }

  // What the loudspeakers add to the reference microphones `lead` frames after the last drive
  // (lead 1 = the frame that is due).
  void feedback(std::size_t lead, double* out) const {
    for (std::size_t j = 0; j < shape_.references; ++j) {
      out[j] = feedback_.empty() ? 0.0 : feedback_[0].ahead(j, lines_, lead);
    }
  }

  // Anti-noise at frame `frame`, which is `lead` frames after the last drive. Frames in order.
  void anti_noise(std::uint64_t frame, std::size_t lead, double* out) {
    while (current_ + 1 < changes_.size() && frame >= changes_[current_ + 1].at) ++current_;
    const PathChange& now = changes_[current_];
    const bool fading = current_ > 0 && frame < now.at + now.fade;
    const double gain =
        fading ? static_cast<double>(frame - now.at + 1) / static_cast<double>(now.fade + 1) : 1.0;
    for (std::size_t m = 0; m < shape_.errors; ++m) {
      out[m] = gain * now.path.ahead(m, lines_, lead);
      if (fading) out[m] += (1.0 - gain) * changes_[current_ - 1].path.ahead(m, lines_, lead);
    }
  }

  // One frame of drives into the loudspeakers.
  template <class T>
  void play(const T* drive) {
    for (std::size_t k = 0; k < shape_.loudspeakers; ++k) {
      lines_[k].push(saturate(static_cast<double>(drive[k])));
    }
    ++frame_;
  }

  // Frames played so far.
  std::uint64_t frame() const { return frame_; }

  // Error frames that the controller has not been given yet: error_delay + 1 of them, oldest first.
  Buffer<double>& pending() { return pending_; }

 private:
  double saturate(double value) const {
    switch (saturation_) {
      case Saturation::soft: return limit_ * std::tanh(value / limit_);
      case Saturation::hard: return std::clamp(value, -limit_, limit_);
      default: return value;
    }
  }

  Shape shape_;
  std::vector<PathChange> changes_;
  std::vector<PathMatrix<double>> feedback_;
  Saturation saturation_;
  double limit_;
  std::size_t error_delay_;
  std::vector<DelayLine<double>> lines_;
  Buffer<double> pending_;
  std::size_t current_ = 0;
  std::uint64_t frame_ = 0;
};

}  // namespace antiphase
