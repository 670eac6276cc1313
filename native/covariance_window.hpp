// Recency-weighted covariance of delay-line signals, kept exactly at O(n_taps) per sample.
//
// With R_n = sum_t f^(n-t) x_t x_t^T and x_t the last n_taps samples of a signal that was 0 before
// the start, R_n[i+1, j+1] = R_(n-1)[i, j]. So the first rows of the last n_taps instants are the
// whole matrix: entry (i, j >= i) is lag j - i of the row that is i samples old.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "archive.hpp"
#include "delay_line.hpp"
#include "simd.hpp"

namespace antiphase {

// Normal equations R w = -p of min_w sum_t f^(n-t) sum_m (target_m + sum_i w_i * x_mi)^2 for
// `inputs` filters of n_taps taps seen through `observations` outputs, and through one output more
// for each of `groups` equal shares of the inputs, which sees only those. Vectors hold input after
// input, taps oldest first, as the delay lines do.
template <class T>
class CovarianceWindow {
 public:
  // slack: rows kept beyond n_taps, so that a product may lag `slack` samples behind.
  CovarianceWindow(std::size_t inputs, std::size_t observations, std::size_t groups,
                   std::size_t n_taps, double forgetting, std::size_t slack)
      : inputs_(inputs), observations_(observations), share_(inputs / groups), n_taps_(n_taps),
        capacity_(n_taps + slack), row_size_(inputs * inputs * n_taps), forgetting_(forgetting),
        histories_(inputs * (observations + 1), DelayLine<T>(n_taps)), rows_(capacity_ * row_size_),
        first_row_(row_size_), right_sum_(inputs * n_taps), right_hand_(inputs * n_taps),
        scale_(observations + 1) {}

  std::size_t size() const { return inputs_ * n_taps_; }
  std::size_t n_taps() const { return n_taps_; }
  // Sum of the weights of the samples seen: at most 1 / (1 - forgetting).
  double weight() const { return weight_; }
  // Weighted mean power of one input, summed over the observations.
  double power() const {
    double total = 0;
    for (std::size_t i = 0; i < inputs_; ++i) total += first_row_[lag0(i)];
    return weight_ > 0 ? total / (weight_ * static_cast<double>(inputs_)) : 0.0;
  }
  const Buffer<T>& right_hand() const { return right_hand_; }

  // Takes the newest samples of all inputs, [observation][input], the last row for the groups.
  // False: silent for n_taps samples; the clock then stands still, because forgetting in silence
  // leaves nothing.
  bool push(const T* x) {
    double newest = 0;
    for (std::size_t k = 0; k < histories_.size(); ++k) {
      histories_[k].push(x[k]);
      newest += static_cast<double>(x[k]) * static_cast<double>(x[k]);
    }
    const bool quiet = newest <= silence * power() * static_cast<double>(inputs_);
    quiet_ = quiet ? std::min(quiet_ + 1, n_taps_) : 0;
    return quiet_ < n_taps_;
  }

  // What the filters w make of the newest samples: at each observation, then at each group.
  void predict(const T* w, T* out) const {
    std::fill(out, out + observations_ + inputs_ / share_, T(0));
    for (std::size_t m = 0; m <= observations_; ++m) {
      for (std::size_t i = 0; i < inputs_; ++i) {
        T& target = out[m < observations_ ? m : observations_ + i / share_];
        target += dot(w + i * n_taps_, history(m, i), n_taps_);
      }
    }
  }

  // Adds the instant just pushed, with the targets of the observations, then of the groups.
  void accumulate(const T* target) {
    weight_ = forgetting_ * weight_ + 1;
    head_ = head_ + 1 == capacity_ ? 0 : head_ + 1;
    filled_ = std::min(filled_ + 1, n_taps_);
    T* row = rows_.data() + head_ * row_size_;
    for (std::size_t a = 0; a < inputs_; ++a) {
      for (std::size_t b = 0; b < inputs_; ++b) {
        const std::size_t start = (a * inputs_ + b) * n_taps_;
        for (std::size_t m = 0; m <= observations_; ++m) scale_[m] = newest(m, a);
        const bool grouped = a / share_ == b / share_;
        fold(b, observations_ + grouped, first_row_.data() + start, row + start);
      }
      std::copy(target, target + observations_, scale_.begin());
      scale_[observations_] = target[observations_ + a / share_];
      fold(a, observations_ + 1, right_sum_.data() + a * n_taps_,
           right_hand_.data() + a * n_taps_);
    }
  }

  // Where a product starts: it stays valid while `slack` more samples come in.
  struct Mark {
    std::size_t head = 0, filled = 0;
  };
  Mark mark() const { return {head_, filled_}; }

  // Adds the part of R v that lies in the rows of age [begin, end); all ages make the product.
  // `out` starts at 0; ages of mark.filled and more hold nothing.
  void multiply(const Mark& mark, const T* v, T* out, std::size_t begin, std::size_t end) const {
    end = std::min(end, mark.filled);
    for (std::size_t a = 0; a < inputs_; ++a) {
      for (std::size_t b = 0; b < inputs_; ++b) {
        std::size_t age = begin;
        for (; age + 4 <= end; age += 4) rows_product<4>(mark, a, b, age, v, out);
        for (; age < end; ++age) rows_product<1>(mark, a, b, age, v, out);
      }
    }
  }

  // R as a full matrix, row after row, taps oldest first.
  void matrix(T* out) const {
    const std::size_t n = size();
    std::fill(out, out + n * n, T(0));
    for (std::size_t a = 0; a < inputs_; ++a) {
      for (std::size_t b = 0; b < inputs_; ++b) {
        for (std::size_t age = 0; age < filled_; ++age) {
          const T* row = entries(mark(), a, b, age);
          const std::size_t q = n_taps_ - 1 - age;
          for (std::size_t j = 0; j <= q; ++j) {
            out[(a * n_taps_ + q) * n + b * n_taps_ + j] = row[j];
            out[(b * n_taps_ + j) * n + a * n_taps_ + q] = row[j];
          }
        }
      }
    }
  }

  // Drops all that was seen; O(n_taps), the rows are only forgotten.
  void forget() {
    for (auto& line : histories_) line.reset();
    std::fill(first_row_.begin(), first_row_.end(), 0.0);
    std::fill(right_sum_.begin(), right_sum_.end(), 0.0);
    std::fill(right_hand_.begin(), right_hand_.end(), T(0));
    weight_ = 0;
    head_ = filled_ = quiet_ = 0;
  }

  void visit(Archive& archive) {
    archive.expect("inputs", inputs_);
    archive.expect("observations", observations_);
    archive.expect("share", share_);
    archive.expect("n_taps", n_taps_);
    for (auto& line : histories_) line.visit(archive);
    archive(rows_);
    archive(first_row_);
    archive(right_sum_);
    archive(right_hand_);
    archive(weight_);
    archive(head_);
    archive(filled_);
    archive(quiet_);
  }

 private:
  static constexpr double silence = 1e-6;  // -60 dB of the mean power

  std::size_t lag0(std::size_t i) const { return (i * inputs_ + i + 1) * n_taps_ - 1; }
  const T* history(std::size_t m, std::size_t i) const {
    return histories_[m * inputs_ + i].window();
  }
  T newest(std::size_t m, std::size_t i) const { return histories_[m * inputs_ + i].newest(); }

  // sum <- forgetting sum + sum_m scale_m x_m,input over the first `count` observations, and a copy.
  // Sums stay in double: a float32 recursion leaves errors above the ridge.
  void fold(std::size_t input, std::size_t count, double* sum, T* copy) const {
    using V = Simd<T>;
    constexpr std::size_t chunk = 4 * V::lanes;
    std::size_t q = 0;
    for (; q + chunk <= n_taps_; q += chunk) {
      typename V::type s0{}, s1{}, s2{}, s3{};
      for (std::size_t m = 0; m < count; ++m) {
        const T* x = history(m, input) + q;
        const auto scale = V::splat(scale_[m]);
        s0 += scale * V::load(x);
        s1 += scale * V::load(x + V::lanes);
        s2 += scale * V::load(x + 2 * V::lanes);
        s3 += scale * V::load(x + 3 * V::lanes);
      }
      T increment[chunk];
      V::store(increment, s0);
      V::store(increment + V::lanes, s1);
      V::store(increment + 2 * V::lanes, s2);
      V::store(increment + 3 * V::lanes, s3);
      for (std::size_t k = 0; k < chunk; ++k) {
        sum[q + k] = forgetting_ * sum[q + k] + static_cast<double>(increment[k]);
        copy[q + k] = static_cast<T>(sum[q + k]);
      }
    }
    for (; q < n_taps_; ++q) {
      double increment = 0;
      for (std::size_t m = 0; m < count; ++m) increment += scale_[m] * history(m, input)[q];
      sum[q] = forgetting_ * sum[q] + increment;
      copy[q] = static_cast<T>(sum[q]);
    }
  }

  // Entries (a, q = n_taps - 1 - age) x (b, 0 ... q); the last one is the diagonal of the block.
  const T* entries(const Mark& mark, std::size_t a, std::size_t b, std::size_t age) const {
    const std::size_t row = mark.head >= age ? mark.head - age : mark.head + capacity_ - age;
    return rows_.data() + row * row_size_ + (a * inputs_ + b) * n_taps_ + age;
  }

  template <std::size_t Rows>
  void rows_product(const Mark& mark, std::size_t a, std::size_t b, std::size_t age, const T* v,
                    T* out) const {
    using V = Simd<T>;
    const std::size_t q = n_taps_ - 1 - age;
    const T* va = v + a * n_taps_;
    const T* vb = v + b * n_taps_;
    T* oa = out + a * n_taps_;
    T* ob = out + b * n_taps_;
    const T* row[Rows];
    typename V::type sum[Rows]{}, scale[Rows];
    for (std::size_t r = 0; r < Rows; ++r) {
      row[r] = entries(mark, a, b, age + r);
      scale[r] = V::splat(va[q - r]);
    }
    std::size_t j = 0;
    for (; j + V::lanes + Rows <= q + 1; j += V::lanes) {
      const auto x = V::load(vb + j);
      auto y = V::load(ob + j);
      for (std::size_t r = 0; r < Rows; ++r) {
        const auto entry = V::load(row[r] + j);
        sum[r] += entry * x;
        y += entry * scale[r];
      }
      V::store(ob + j, y);
    }
    for (std::size_t r = 0; r < Rows; ++r) {
      T total = V::sum(sum[r]);
      for (std::size_t k = j; k < q - r; ++k) {
        total += row[r][k] * vb[k];
        ob[k] += row[r][k] * va[q - r];
      }
      oa[q - r] += total + row[r][q - r] * vb[q - r];
    }
  }

  std::size_t inputs_, observations_, share_, n_taps_, capacity_, row_size_;
  double forgetting_;
  std::vector<DelayLine<T>> histories_;
  Buffer<T> rows_;
  Buffer<double> first_row_, right_sum_;
  Buffer<T> right_hand_, scale_;
  double weight_ = 0;
  std::size_t head_ = 0, filled_ = 0, quiet_ = 0;
};

}  // namespace antiphase
