// A long filter as partitions of one block each, in the frequency domain (partitioned-block
// overlap-save), and the line of past input spectra that it filters.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "archive.hpp"
#include "block_transform.hpp"
#include "simd.hpp"

namespace antiphase {

// `rows` complex spectra, stored by groups of bins: all rows of a group are contiguous, each one
// vector of real and one of imaginary parts, so that a sum over rows is one sweep.
template <class T>
class Spectra {
 public:
  static constexpr std::size_t lanes = Simd<T>::lanes;
  static constexpr std::size_t cell = 2 * lanes;

  Spectra(std::size_t bins, std::size_t rows) : bins_(bins), rows_(rows), data_(2 * bins * rows) {}

  std::size_t bins() const { return bins_; }
  std::size_t rows() const { return rows_; }
  std::size_t groups() const { return bins_ / lanes; }
  T* at(std::size_t group, std::size_t row) { return data_.data() + (group * rows_ + row) * cell; }
  const T* at(std::size_t group, std::size_t row) const {
    return data_.data() + (group * rows_ + row) * cell;
  }

  void get(std::size_t row, T* re, T* im) const {
    for (std::size_t g = 0; g < groups(); ++g) {
      std::copy_n(at(g, row), lanes, re + g * lanes);
      std::copy_n(at(g, row) + lanes, lanes, im + g * lanes);
    }
  }

  void set(std::size_t row, const T* re, const T* im) {
    for (std::size_t g = 0; g < groups(); ++g) {
      std::copy_n(re + g * lanes, lanes, at(g, row));
      std::copy_n(im + g * lanes, lanes, at(g, row) + lanes);
    }
  }

  void reset() { std::fill(data_.begin(), data_.end(), T(0)); }

  // Row by row and bin by bin: the bytes do not depend on the width of a vector.
  void visit_row(Archive& archive, std::size_t row) {
    for (std::size_t k = 0; k < bins_; ++k) {
      archive(at(k / lanes, row)[k % lanes]);
      archive(at(k / lanes, row)[k % lanes + lanes]);
    }
  }

 private:
  std::size_t bins_, rows_;
  Buffer<T> data_;
};

// The spectra of the last `rows` blocks, newest first, each written twice so that they are always
// contiguous; with the energy of each bin over all rows.
template <class T>
class SpectrumLine {
 public:
  SpectrumLine(std::size_t bins, std::size_t rows)
      : rows_(rows), spectra_(bins, 2 * rows), energy_(bins, 0.0), fresh_(bins, 0.0) {}

  std::size_t bins() const { return spectra_.bins(); }
  std::size_t rows() const { return rows_; }
  std::size_t groups() const { return spectra_.groups(); }
  const T* newest(std::size_t group) const { return spectra_.at(group, head_); }
  const double* energy() const { return energy_.data(); }

  // Whether the line has run for its own length since it was last all zero. Until then the energies are
  // those of a beginning, and steps normalised by them overshoot.
  bool full() const { return since_silence_ >= rows_; }

  void push(const T* re, const T* im) {
    constexpr std::size_t lanes = Spectra<T>::lanes;
    const bool silent = std::all_of(energy_.begin(), energy_.end(), [](double e) { return e == 0; });
    since_silence_ = silent ? 1 : std::min<std::uint64_t>(since_silence_ + 1, rows_);
    head_ = (head_ == 0 ? rows_ : head_) - 1;
    for (std::size_t g = 0; g < groups(); ++g) {
      const T* gone = spectra_.at(g, head_);
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const std::size_t k = g * lanes + lane;
        const double come = square(re[k], im[k]);
        fresh_[k] += come;
        energy_[k] = std::max(0.0, energy_[k] + come - square(gone[lane], gone[lane + lanes]));
      }
    }
    spectra_.set(head_, re, im);
    spectra_.set(head_ + rows_, re, im);
    // Each full turn the sum without subtractions takes over: no rounding error outlives it.
    if (head_ == 0) {
      energy_.swap(fresh_);
      std::fill(fresh_.begin(), fresh_.end(), 0.0);
    }
  }

  void reset() {
    spectra_.reset();
    std::fill(energy_.begin(), energy_.end(), 0.0);
    std::fill(fresh_.begin(), fresh_.end(), 0.0);
    head_ = 0;
    since_silence_ = 0;
  }

  void visit(Archive& archive) {
    archive(head_);
    archive(since_silence_);
    if (head_ >= rows_) throw StateMismatch("state has a block counter outside its range");
    for (std::size_t row = 0; row < 2 * rows_; ++row) spectra_.visit_row(archive, row);
    archive(energy_);
    archive(fresh_);
  }

 private:
  static double square(T re, T im) {
    return static_cast<double>(re) * static_cast<double>(re) +
           static_cast<double>(im) * static_cast<double>(im);
  }

  std::size_t rows_;
  Spectra<T> spectra_;
  Buffer<double> energy_, fresh_;
  std::uint64_t head_ = 0, since_silence_ = 0;
};

// Partitions of a filter of n_taps = partitions * block taps.
template <class T>
class BlockFilter {
 public:
  BlockFilter(std::size_t n_taps, std::size_t block)
      : transform_(block), re_(block), im_(block), weights_(block, checked(n_taps, block)),
        leading_(block) {}

  std::size_t block() const { return transform_.block(); }
  std::size_t partitions() const { return weights_.rows(); }
  std::size_t n_taps() const { return partitions() * block(); }
  BlockTransform<T>& transform() { return transform_; }
  Spectra<T>& weights() { return weights_; }

  void taps(T* out) const {
    for (std::size_t p = 0; p < partitions(); ++p) {
      weights_.get(p, re_.data(), im_.data());
      transform_.inverse_leading(re_.data(), im_.data(), out + p * block());
    }
  }

  void set_taps(const T* in) {
    for (std::size_t p = 0; p < partitions(); ++p) {
      transform_.forward_leading(in + p * block(), re_.data(), im_.data());
      weights_.set(p, re_.data(), im_.data());
    }
  }

  // The newest block of w * x from the partitions `first` on, the first of them on the newest spectrum.
  void filter(const SpectrumLine<T>& x, T* out, std::size_t first = 0) {
    sum_bins(x, first);
    transform_.inverse_trailing(re_.data(), im_.data(), out);
  }

  // w <- leakage w + g conj(x), all partitions, unconstrained.
  void adapt(const SpectrumLine<T>& x, const T* g_re, const T* g_im, T leakage) {
    using V = Simd<T>;
    const auto keep = V::splat(leakage);
    for (std::size_t g = 0; g < weights_.groups(); ++g) {
      const auto a = V::load(g_re + g * V::lanes), b = V::load(g_im + g * V::lanes);
      T* w = weights_.at(g, 0);
      const T* u = x.newest(g);
      for (std::size_t p = 0; p < partitions(); ++p, w += 2 * V::lanes, u += 2 * V::lanes) {
        const auto c = V::load(u), d = V::load(u + V::lanes);
        V::store(w, keep * V::load(w) + (a * c + b * d));
        V::store(w + V::lanes, keep * V::load(w + V::lanes) + (b * c - a * d));
      }
    }
  }

  // Gradient constraint: the second half of the partition's impulse response becomes 0. The first half
  // stays readable in `leading`.
  void constrain(std::size_t p) {
    weights_.get(p, re_.data(), im_.data());
    transform_.inverse_leading(re_.data(), im_.data(), leading_.data());
    transform_.forward_leading(leading_.data(), re_.data(), im_.data());
    weights_.set(p, re_.data(), im_.data());
  }
  const T* leading() const { return leading_.data(); }

  // All partitions, or one per call in turn.
  void constrain_turn(bool all) {
    if (all) {
      for (std::size_t p = 0; p < partitions(); ++p) constrain(p);
    } else {
      constrain(next_);
      next_ = next_ + 1 == partitions() ? 0 : next_ + 1;
    }
  }

  void reset() {
    weights_.reset();
    next_ = 0;
  }

  void visit(Archive& archive) {
    archive(next_);
    if (next_ >= partitions()) throw StateMismatch("state has a partition outside the filter");
    for (std::size_t p = 0; p < partitions(); ++p) weights_.visit_row(archive, p);
  }

 private:
  static std::size_t checked(std::size_t n_taps, std::size_t block) {
    if (n_taps == 0 || n_taps % block != 0) {
      throw std::invalid_argument("n_taps must be a multiple of block_size");
    }
    return n_taps / block;
  }

  void sum_bins(const SpectrumLine<T>& x, std::size_t first) {
    using V = Simd<T>;
    for (std::size_t g = 0; g < weights_.groups(); ++g) {
      typename V::type rr{}, ii{}, ri{}, ir{};
      const T* w = weights_.at(g, first);
      const T* u = x.newest(g);
      for (std::size_t p = first; p < partitions(); ++p, w += 2 * V::lanes, u += 2 * V::lanes) {
        const auto a = V::load(w), b = V::load(w + V::lanes);
        const auto c = V::load(u), d = V::load(u + V::lanes);
        rr += a * c;
        ii += b * d;
        ri += a * d;
        ir += b * c;
      }
      V::store(&re_[g * V::lanes], rr - ii);
      V::store(&im_[g * V::lanes], ri + ir);
    }
  }

  mutable BlockTransform<T> transform_;  // with its work arrays; so are re_ and im_
  mutable Buffer<T> re_, im_;
  Spectra<T> weights_;
  Buffer<T> leading_;
  std::uint64_t next_ = 0;
};

struct StepOptions {
  double mu;
  double epsilon;         // in units of reference energy over n_taps
  double regularisation;  // in units of the mean energy of a bin, at its recent peak
};

// The step of each bin: e <- mu e / energy, the NLMS rule for the bin over all partitions. The energy is
// held at its recent peak (a filter of one or two partitions sees it near 0 by chance), and no bin counts
// as weaker than a share of the strongest one's peak of the last 64 filter lengths or so (half-life): a
// reference that fades into its own noise stops the adaptation instead of speeding it up.
class BinStep {
 public:
  BinStep(StepOptions options, std::size_t bins, std::size_t partitions)
      : options_(options), decay_(std::exp2(-1.0 / (64.0 * static_cast<double>(partitions)))),
        held_(bins, 0.0) {}

  double mu() const { return options_.mu; }
  void set_mu(double mu) { options_.mu = mu; }
  void reset() {
    peak_ = 0;
    std::fill(held_.begin(), held_.end(), 0.0);
  }
  void visit(Archive& archive) {
    archive(peak_);
    archive(held_);
  }

  template <class T>
  void apply(const double* energy, T* re, T* im) {
    const std::size_t bins = held_.size();
    peak_ = std::max(*std::max_element(energy, energy + bins), decay_ * peak_);
    const double floor = options_.regularisation * peak_;
    for (std::size_t k = 0; k < bins; ++k) {
      held_[k] = std::max(energy[k], hold * held_[k]);
      // A window of two blocks holds each sample twice, hence 2 epsilon.
      const double total = std::max(held_[k], floor) + 2 * options_.epsilon;
      const T step = static_cast<T>(total > 0 ? options_.mu / total : 0.0);
      re[k] *= step;
      im[k] *= step;
    }
  }

 private:
  static constexpr double hold = 0.9;  // per block

  StepOptions options_;
  double decay_;
  double peak_ = 0;
  Buffer<double> held_;
};

}  // namespace antiphase
