// Impulse responses between several inputs and outputs, and a model of such paths that runs along.
#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include "archive.hpp"
#include "delay_line.hpp"
#include "simd.hpp"

namespace antiphase {

// Impulse responses [output][input][taps], stored newest tap last so that a window meets them.
template <class T>
class PathMatrix {
 public:
  PathMatrix(std::size_t outputs, std::size_t inputs, std::size_t taps, const T* values)
      : outputs_(outputs), inputs_(inputs), taps_(taps), reversed_(outputs * inputs * taps) {
    for (std::size_t p = 0; p < outputs * inputs; ++p) {
      std::reverse_copy(values + p * taps, values + (p + 1) * taps, reversed_.data() + p * taps);
    }
  }

  std::size_t outputs() const { return outputs_; }
  std::size_t inputs() const { return inputs_; }
  std::size_t taps() const { return taps_; }

  // Exact zeros that all responses start with.
  std::size_t leading_zeros() const {
    std::size_t least = taps_;
    for (std::size_t p = 0; p < outputs_ * inputs_; ++p) {
      const T* end = reversed_.data() + (p + 1) * taps_;
      std::size_t zeros = 0;
      while (zeros < taps_ && end[-1 - static_cast<std::ptrdiff_t>(zeros)] == T(0)) ++zeros;
      least = std::min(least, zeros);
    }
    return least;
  }

  // Output `lead` frames after the newest pushed one, by the pushed samples alone: exact for
  // lead <= leading_zeros().
  T ahead(std::size_t output, const std::vector<DelayLine<T>>& lines, std::size_t lead) const {
    if (lead >= taps_) return 0;
    const std::size_t n = taps_ - lead;
    T total = 0;
    for (std::size_t input = 0; input < inputs_; ++input) {
      total += dot(row(output, input), lines[input].window() + lines[input].length() - n, n);
    }
    return total;
  }

  // Output `age` frames before the newest pushed one; the lines hold at least taps + age.
  T back(std::size_t output, const std::vector<DelayLine<T>>& lines, std::size_t age) const {
    T total = 0;
    for (std::size_t input = 0; input < inputs_; ++input) {
      const DelayLine<T>& line = lines[input];
      total += dot(row(output, input), line.window() + line.length() - taps_ - age, taps_);
    }
    return total;
  }

 private:
  const T* row(std::size_t output, std::size_t input) const {
    return reversed_.data() + (output * inputs_ + input) * taps_;
  }

  std::size_t outputs_, inputs_, taps_;
  Buffer<T> reversed_;
};

// A path estimate with the signals that went into it.
template <class T>
class PathModel {
 public:
  // `delay`: outputs are asked for that many frames late.
  PathModel(PathMatrix<T> path, std::size_t delay = 0)
      : path_(std::move(path)), delay_(delay),
        lines_(path_.inputs(), DelayLine<T>(path_.taps() + delay)) {}

  const PathMatrix<T>& path() const { return path_; }

  // Another path of the same shape, from the next output on.
  void replace(const PathMatrix<T>& path) {
    if (path.outputs() != path_.outputs() || path.inputs() != path_.inputs() ||
        path.taps() != path_.taps()) {
      fail<std::invalid_argument>([] { return "a replaced path must keep its shape"; });
    }
    path_ = path;
  }

  // One frame of inputs.
  void push(const T* frame) {
    for (std::size_t input = 0; input < lines_.size(); ++input) lines_[input].push(frame[input]);
  }

  // Output of the frame pushed `delay` frames before the newest one.
  T output(std::size_t index) const { return path_.back(index, lines_, delay_); }

  // Output of the frame that is due next, for paths that start with a zero.
  T next(std::size_t index) const { return path_.ahead(index, lines_, 1); }

  void reset() {
    for (auto& line : lines_) line.reset();
  }

  void visit(Archive& archive) {
    archive.expect("path taps", path_.taps() + delay_);
    for (auto& line : lines_) line.visit(archive);
  }

 private:
  PathMatrix<T> path_;
  std::size_t delay_;
  std::vector<DelayLine<T>> lines_;
};

}  // namespace antiphase
