// Closes the loop: controller and plant, sample by sample or in blocks that give the same result.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "controller.hpp"
#include "float_mode.hpp"
#include "plant.hpp"

namespace antiphase {

// What a run reads and writes; frames interleaved by channel, noises may be null.
struct LoopSignals {
  const double* source;           // at the reference microphones, without feedback and noise
  const double* disturbance;      // at the error microphones, control off
  const double* reference_noise;  // of the sensors
  const double* error_noise;
  double* reference;  // as the controller heard it
  double* drive;      // as the controller sent it, before saturation
  double* error;      // sound at the error microphones, without sensor noise
};

template <class T>
class Loop {
 public:
  Loop(Controller<T>& controller, Plant& plant, std::size_t block)
      : controller_(controller), plant_(plant), block_(block),
        x_(block * plant.shape().references), e_(block * plant.shape().errors),
        y_(block * plant.shape().loudspeakers) {}

  void run(const LoopSignals& s, std::size_t n) {
    const FlushDenormals flush;
    for (std::size_t start = 0; start < n; start += block_) {
      step(s, start, std::min(block_, n - start));
    }
  }

 private:
  void step(const LoopSignals& s, std::size_t start, std::size_t n) {
    const Shape& shape = plant_.shape();
    const std::size_t delay = plant_.error_delay();
    hear(s, start, n);
    // Errors of this block that must be known before its drives are: those the path's leading zeros
    // make independent of them.
    const std::size_t ahead = n - 1 > delay ? n - 1 - delay : 0;
    for (std::size_t k = 0; k < ahead; ++k) measure(s, start + k, k + 1, plant_.frame() + k);
    fill_errors(s, start, n);
    controller_.process_flushed(x_.data(), e_.data(), y_.data(), n);
    for (std::size_t k = 0; k < n; ++k) {
      const T* y = y_.data() + k * shape.loudspeakers;
      plant_.play(y);
      std::copy(y, y + shape.loudspeakers, s.drive + (start + k) * shape.loudspeakers);
      if (k >= ahead) measure(s, start + k, 0, plant_.frame() - 1);
    }
    keep_pending(s, start, n);
  }

  // References of the block: source, what the loudspeakers add to it, sensor noise.
  void hear(const LoopSignals& s, std::size_t start, std::size_t n) {
    const std::size_t J = plant_.shape().references;
    for (std::size_t k = 0; k < n; ++k) {
      double* x = s.reference + (start + k) * J;
      plant_.feedback(k + 1, x);
      for (std::size_t j = 0; j < J; ++j) {
        const std::size_t at = (start + k) * J + j;
        x[j] += s.source[at] + (s.reference_noise ? s.reference_noise[at] : 0.0);
        x_[k * J + j] = static_cast<T>(x[j]);
      }
    }
  }

  void measure(const LoopSignals& s, std::size_t at, std::size_t lead, std::uint64_t frame) {
    const std::size_t M = plant_.shape().errors;
    double* e = s.error + at * M;
    plant_.anti_noise(frame, lead, e);
    for (std::size_t m = 0; m < M; ++m) e[m] += s.disturbance[at * M + m];
  }

  double seen(const LoopSignals& s, std::size_t at) const {
    return s.error[at] + (s.error_noise ? s.error_noise[at] : 0.0);
  }

  // error[k] = e[start + k - 1 - delay], from the frames left over by earlier blocks first.
  void fill_errors(const LoopSignals& s, std::size_t start, std::size_t n) {
    const std::size_t M = plant_.shape().errors;
    const Buffer<double>& pending = plant_.pending();
    for (std::size_t i = 0; i < n * M; ++i) {
      const bool old = i < pending.size();
      e_[i] = static_cast<T>(old ? pending[i] : seen(s, start * M + i - pending.size()));
    }
  }

  void keep_pending(const LoopSignals& s, std::size_t start, std::size_t n) {
    const std::size_t M = plant_.shape().errors;
    Buffer<double>& pending = plant_.pending();
    const std::size_t fresh = std::min(n * M, pending.size());
    std::move(pending.begin() + static_cast<std::ptrdiff_t>(fresh), pending.end(), pending.begin());
    for (std::size_t i = 0; i < fresh; ++i) {
      pending[pending.size() - fresh + i] = seen(s, (start + n) * M - fresh + i);
    }
  }

  Controller<T>& controller_;
  Plant& plant_;
  std::size_t block_;
  Buffer<T> x_, e_, y_;
};

}  // namespace antiphase
