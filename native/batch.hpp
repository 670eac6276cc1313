// Many independent kernels in one call: one frame of each session, in turn.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

#include "controller.hpp"

namespace antiphase {

template <class T>
class Batch {
 public:
  // Kernels of one kind: as many channels in and out each. They must outlive the batch.
  explicit Batch(std::vector<Kernel<T>*> kernels) : kernels_(std::move(kernels)) {
    if (kernels_.empty()) throw std::invalid_argument("a batch needs at least one filter");
    for (const Kernel<T>* kernel : kernels_) {
      if (kernel->first_channels() != first() || kernel->second_channels() != second() ||
          kernel->output_channels() != output()) {
        throw std::invalid_argument("the filters of a batch must have the same channels");
      }
    }
  }

  std::size_t size() const { return kernels_.size(); }
  std::size_t first() const { return kernels_.front()->first_channels(); }
  std::size_t second() const { return kernels_.front()->second_channels(); }
  std::size_t output() const { return kernels_.front()->output_channels(); }

  // Arrays [session][frame][channel], n frames each.
  void process(const T* a, const T* b, T* out, std::size_t n) {
    const FlushDenormals flush;
    for (std::size_t k = 0; k < kernels_.size(); ++k) {
      kernels_[k]->process_flushed(a + k * n * first(), b + k * n * second(), out + k * n * output(), n);
    }
  }

 private:
  std::vector<Kernel<T>*> kernels_;
};

}  // namespace antiphase
