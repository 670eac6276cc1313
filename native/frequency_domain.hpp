// Partitioned-block frequency-domain adaptive filters: a canceller and two filtered-x controllers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "block_filter.hpp"
#include "controller.hpp"
#include "delay_line.hpp"

namespace antiphase {

// Collects samples into blocks, filters each full block and lets the derived class adapt with the
// spectrum of its residual. The residual leaves one block later.
template <class T>
class BlockCanceller : public Canceller<T> {
 public:
  BlockCanceller(std::size_t n_taps, std::size_t block, bool constrain_all)
      : filter_(n_taps, block), line_(block, n_taps / block), constrain_all_(constrain_all),
        old_(block), reference_(block), primary_(block), residual_(block), re_(block), im_(block) {}

  std::size_t n_taps() const { return filter_.n_taps(); }
  std::size_t latency() const override { return filter_.block(); }
  void taps(T* out) const { filter_.taps(out); }
  void set_taps(const T* in) { filter_.set_taps(in); }

  void reset() override {
    filter_.reset();
    line_.reset();
    for (auto* part : {&old_, &reference_, &primary_, &residual_}) {
      std::fill(part->begin(), part->end(), T(0));
    }
    filled_ = 0;
  }

  void visit(Archive& archive) override {
    archive.expect("block canceller");
    archive.expect("n_taps", n_taps());
    archive.expect("block_size", filter_.block());
    archive.expect("scalar bytes", sizeof(T));
    filter_.visit(archive);
    line_.visit(archive);
    for (auto* part : {&old_, &reference_, &primary_, &residual_}) archive(*part);
    archive(filled_);
    if (filled_ >= filter_.block()) throw StateMismatch("state has an overfull block");
  }

 protected:
  // re_, im_ hold the spectrum of the residual.
  virtual void adapt() = 0;

  void run(const T* reference, const T* primary, T* residual, std::size_t n) override {
    const std::size_t block = filter_.block();
    while (n > 0) {
      const std::size_t part = std::min<std::size_t>(n, block - filled_);
      std::copy_n(reference, part, reference_.begin() + filled_);
      std::copy_n(primary, part, primary_.begin() + filled_);
      std::copy_n(residual_.begin() + filled_, part, residual);
      reference += part;
      primary += part;
      residual += part;
      n -= part;
      filled_ += part;
      if (filled_ == block) {
        step();
        filled_ = 0;
      }
    }
  }

  BlockFilter<T> filter_;
  SpectrumLine<T> line_;
  bool constrain_all_;

 private:
  void step() {
    auto& transform = filter_.transform();
    transform.forward(old_.data(), reference_.data(), re_.data(), im_.data());
    line_.push(re_.data(), im_.data());
    old_.swap(reference_);
    filter_.filter(line_, residual_.data());
    for (std::size_t k = 0; k < residual_.size(); ++k) residual_[k] = primary_[k] - residual_[k];
    if (!this->adapting_ || !line_.full()) return;
    transform.forward_trailing(residual_.data(), re_.data(), im_.data());
    adapt();
  }

  Buffer<T> old_, reference_, primary_, residual_;
  std::uint64_t filled_ = 0;

 protected:
  Buffer<T> re_, im_;
};

// Normalised least mean squares in each bin.
template <class T>
class PartitionedBlock : public BlockCanceller<T> {
 public:
  PartitionedBlock(std::size_t n_taps, std::size_t block, StepOptions step, double leakage,
                   bool constrain_all)
      : BlockCanceller<T>(n_taps, block, constrain_all), step_(step, block, n_taps / block),
        leakage_(static_cast<T>(leakage)) {}

  double mu() const { return step_.mu(); }
  void set_mu(double mu) { step_.set_mu(mu); }

  void reset() override {
    BlockCanceller<T>::reset();
    step_.reset();
  }

  void visit(Archive& archive) override {
    archive.expect("PartitionedBlock");
    BlockCanceller<T>::visit(archive);
    step_.visit(archive);
  }

 protected:
  void adapt() override {
    T *re = this->re_.data(), *im = this->im_.data();
    step_.apply(this->line_.energy(), re, im);
    this->filter_.adapt(this->line_, re, im, leakage_);
    this->filter_.constrain_turn(this->constrain_all_);
  }

 private:
  BinStep step_;
  T leakage_;
};

// Filtered-x with block updates. `delayless`: the first partition filters in the time domain sample by
// sample, the others one block ahead, so the drive lags nothing; otherwise it lags one block.
// `modified`: the update sees d^ = e - s^ * y re-filtered with the current w, which takes the delay of
// the secondary path and of the block out of the adaptation loop.
template <class T>
class PartitionedFx : public Controller<T> {
 public:
  struct Options {
    std::size_t error_delay;
    bool constrain_all, delayless, modified;
  };

  PartitionedFx(std::size_t n_taps, std::size_t block, const T* path, std::size_t path_taps,
                StepOptions step, double leakage, Options options)
      : options_(options), step_(step, block, n_taps / block), leakage_(static_cast<T>(leakage)), filter_(n_taps, block),
        path_(padded(path_taps, block), block),
        reference_line_(block, std::max(n_taps, path_.n_taps()) / block),
        filtered_line_(block, n_taps / block), drive_line_(block, path_.partitions()),
        filtered_(2 * block + lag(), block), anti_noise_(block + 1 + options.error_delay, block),
        history_(block, block), old_(block), reference_(block), error_(block), drive_(block),
        played_(block), head_(block), re_(block), im_(block), work_(block),
        path_taps_(path_taps), path_padded_(path_.n_taps(), T(0)) {
    set_path(path);
  }

  std::size_t path_taps() const { return path_taps_; }
  void get_path(T* out) const { std::copy_n(path_padded_.begin(), path_taps_, out); }
  void set_path(const T* in) {
    std::copy_n(in, path_taps_, path_padded_.begin());
    path_.set_taps(path_padded_.data());
  }

  std::size_t n_taps() const { return filter_.n_taps(); }
  std::size_t latency() const override { return options_.delayless ? 0 : filter_.block(); }
  double mu() const { return step_.mu(); }
  void set_mu(double mu) { step_.set_mu(mu); }

  std::size_t filter_size() const override { return n_taps(); }
  void get_filter(T* out) const override {
    filter_.taps(out);
    if (options_.delayless) std::reverse_copy(head_.begin(), head_.end(), out);
  }
  void set_filter(const T* in) override {
    filter_.set_taps(in);
    std::reverse_copy(in, in + head_.size(), head_.begin());
  }

  void reset() override {
    filter_.reset();
    step_.reset();
    for (auto* line : {&reference_line_, &filtered_line_, &drive_line_}) line->reset();
    for (auto* line : {&filtered_, &anti_noise_, &history_}) line->reset();
    for (auto* part : parts()) std::fill(part->begin(), part->end(), T(0));
    filled_ = 0;
  }

  void visit(Archive& archive) override {
    archive.expect("PartitionedFx");
    archive.expect("n_taps", n_taps());
    archive.expect("block_size", filter_.block());
    archive.expect("secondary path taps", path_taps_);
    archive.expect("error_delay", options_.error_delay);
    archive.expect("latency", latency());
    archive.expect("modified", options_.modified);
    archive.expect("scalar bytes", sizeof(T));
    filter_.visit(archive);
    step_.visit(archive);
    archive(path_padded_);
    if (archive.loading()) path_.set_taps(path_padded_.data());
    for (auto* line : {&reference_line_, &filtered_line_, &drive_line_}) line->visit(archive);
    for (auto* line : {&filtered_, &anti_noise_, &history_}) line->visit(archive);
    for (auto* part : parts()) archive(*part);
    archive(filled_);
    if (filled_ >= filter_.block()) throw StateMismatch("state has an overfull block");
  }

 protected:
  void run(const T* reference, const T* error, T* drive, std::size_t n) override {
    const std::size_t block = filter_.block();
    while (n > 0) {
      const std::size_t part = std::min<std::size_t>(n, block - filled_);
      std::copy_n(reference, part, reference_.begin() + filled_);
      std::copy_n(error, part, error_.begin() + filled_);
      if (options_.delayless) {
        for (std::size_t k = 0; k < part; ++k) {
          history_.push(reference[k]);
          drive_[filled_ + k] += dot(head_.data(), history_.window(), block);
        }
      }
      std::copy_n(drive_.begin() + filled_, part, drive);
      reference += part;
      error += part;
      drive += part;
      n -= part;
      filled_ += part;
      if (filled_ == block) {
        step();
        filled_ = 0;
      }
    }
  }

 private:
  // Samples from a reference sample to the first error handed in that its drive can reach.
  std::size_t lag() const { return 1 + options_.error_delay + latency(); }

  static std::size_t padded(std::size_t n, std::size_t block) {
    if (n == 0) throw std::invalid_argument("secondary_path_estimate must not be empty");
    return (n + block - 1) / block * block;
  }

  std::array<Buffer<T>*, 6> parts() {
    return {&old_, &reference_, &error_, &drive_, &played_, &head_};
  }

  void step() {
    auto& transform = filter_.transform();
    T *re = re_.data(), *im = im_.data();
    transform.forward(old_.data(), reference_.data(), re, im);
    reference_line_.push(re, im);
    old_.swap(reference_);
    path_.filter(reference_line_, work_.data());
    filtered_.push(work_.data(), work_.size());
    const T* delayed = filtered_.window();
    transform.forward(delayed, delayed + filter_.block(), re, im);
    filtered_line_.push(re, im);
    if (options_.modified) remove_anti_noise();
    if (this->adapting_ && filtered_line_.full()) adapt();
    filter_.filter(reference_line_, drive_.data(), options_.delayless ? 1 : 0);
  }

  // error_ <- e - s^ * y, of the samples that error_ belongs to.
  void remove_anti_noise() {
    T *re = re_.data(), *im = im_.data();
    path_.transform().forward(played_.data(), drive_.data(), re, im);
    played_.swap(drive_);
    drive_line_.push(re, im);
    path_.filter(drive_line_, work_.data());
    anti_noise_.push(work_.data(), work_.size());
    const T* anti_noise = anti_noise_.window();
    for (std::size_t k = 0; k < error_.size(); ++k) error_[k] -= anti_noise[k];
  }

  void adapt() {
    T *re = re_.data(), *im = im_.data();
    if (options_.modified) {
      filter_.filter(filtered_line_, work_.data());
      for (std::size_t k = 0; k < error_.size(); ++k) error_[k] += work_[k];
    }
    for (T& e : error_) e = -e;
    filter_.transform().forward_trailing(error_.data(), re, im);
    step_.apply(filtered_line_.energy(), re, im);
    filter_.adapt(filtered_line_, re, im, leakage_);
    filter_.constrain_turn(options_.constrain_all);
    if (options_.delayless) {
      filter_.constrain(0);
      std::reverse_copy(filter_.leading(), filter_.leading() + head_.size(), head_.begin());
    }
  }

  Options options_;
  BinStep step_;
  T leakage_;
  BlockFilter<T> filter_, path_;
  SpectrumLine<T> reference_line_, filtered_line_, drive_line_;
  DelayLine<T> filtered_, anti_noise_, history_;
  Buffer<T> old_, reference_, error_, drive_, played_, head_, re_, im_, work_;
  std::size_t path_taps_;
  Buffer<T> path_padded_;
  std::uint64_t filled_ = 0;
};

}  // namespace antiphase
