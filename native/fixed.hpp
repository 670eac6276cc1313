// A control filter that does not adapt: y_k = sum_j w_kj * x_j.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "controller.hpp"
#include "delay_line.hpp"
#include "simd.hpp"

namespace antiphase {

template <class T>
class FixedFilter : public Controller<T> {
 public:
  FixedFilter(std::size_t references, std::size_t loudspeakers, std::size_t errors,
              std::size_t n_taps)
      : Controller<T>(Shape{references, loudspeakers, errors}), n_taps_(n_taps),
        histories_(references, DelayLine<T>(n_taps)),
        weights_(loudspeakers * references * n_taps, T(0)) {}

  std::size_t n_taps() const { return n_taps_; }

  // [loudspeaker][reference][taps], newest first.
  std::size_t filter_size() const override { return weights_.size(); }
  void get_filter(T* out) const override { reverse_each(weights_.data(), out); }
  void set_filter(const T* in) override { reverse_each(in, weights_.data()); }

  void reset() override {
    for (auto& history : histories_) history.reset();
  }

  void visit(Archive& archive) override {
    archive.expect("FixedFilter");
    archive.expect("n_taps", n_taps_);
    archive.expect("scalar bytes", sizeof(T));
    archive(weights_);
    for (auto& history : histories_) history.visit(archive);
  }

 protected:
  void run(const T* reference, const T*, T* drive, std::size_t n) override {
    const std::size_t J = histories_.size(), K = this->shape().loudspeakers;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < J; ++j) histories_[j].push(reference[i * J + j]);
      for (std::size_t k = 0; k < K; ++k) {
        T total = 0;
        for (std::size_t j = 0; j < J; ++j) {
          total += dot(weights_.data() + (k * J + j) * n_taps_, histories_[j].window(), n_taps_);
        }
        drive[i * K + k] = total;
      }
    }
  }

 private:
  void reverse_each(const T* from, T* to) const {
    for (std::size_t p = 0; p < weights_.size(); p += n_taps_) {
      std::reverse_copy(from + p, from + p + n_taps_, to + p);
    }
  }

  std::size_t n_taps_;
  std::vector<DelayLine<T>> histories_;
  Buffer<T> weights_;
};

}  // namespace antiphase
