// The real transform of the block filters.
#pragma once

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "fft.hpp"
#include "simd.hpp"

namespace antiphase {

// 2 n real samples <-> n complex bins at odd half-frequencies:
//   X[k] = sum_t x[t] exp(-2 pi i t (2k + 1/2) / 2n).
// Its convolution wraps with a minus sign, which overlap-save discards as it discards the plus sign of
// the ordinary transform; in exchange there is no bin at 0 or fs / 2 to treat apart and no
// post-processing: one twist and one complex transform of half the length.
template <class T>
class BlockTransform {
 public:
  explicit BlockTransform(std::size_t block) : fft_(block), re_(block), im_(block) {
    if (block < 16) throw std::invalid_argument("block must be a power of two >= 16");
  }

  std::size_t block() const { return fft_.length(); }

  // Of the block `old` followed by the block `fresh`.
  void forward(const T* old, const T* fresh, T* re, T* im) {
    turn([=](std::size_t k, auto c, auto s, auto& a, auto& b) {
      decltype(c) x, y;
      std::memcpy(&x, old + k, sizeof x);
      std::memcpy(&y, fresh + k, sizeof y);
      a = x * c + y * s;
      b = x * s - y * c;
    }, re, im);
  }

  // Of a block followed by zeros: a partition of an impulse response.
  void forward_leading(const T* block, T* re, T* im) {
    turn([=](std::size_t k, auto c, auto s, auto& a, auto& b) {
      decltype(c) x;
      std::memcpy(&x, block + k, sizeof x);
      a = x * c;
      b = x * s;
    }, re, im);
  }

  // Of zeros followed by a block: an error.
  void forward_trailing(const T* block, T* re, T* im) {
    turn([=](std::size_t k, auto c, auto s, auto& a, auto& b) {
      decltype(c) y;
      std::memcpy(&y, block + k, sizeof y);
      a = y * s;
      b = -y * c;
    }, re, im);
  }

  // The first block of the inverse: an impulse response from its spectrum.
  void inverse_leading(const T* re, const T* im, T* block) {
    invert(re, im);
    const auto& w = fft_.twist();
    for_vectors([&](std::size_t k) {
      V::store(block + k, scale_ * (V::load(&re_[k]) * V::load(&w.re[k]) +
                                    V::load(&im_[k]) * V::load(&w.im[k])));
    });
  }

  // The second block of the inverse: the valid part of overlap-save.
  void inverse_trailing(const T* re, const T* im, T* block) {
    invert(re, im);
    const auto& w = fft_.twist();
    for_vectors([&](std::size_t k) {
      V::store(block + k, scale_ * (V::load(&re_[k]) * V::load(&w.im[k]) -
                                    V::load(&im_[k]) * V::load(&w.re[k])));
    });
  }

 private:
  using V = Simd<T>;

  template <class Each>
  void for_vectors(const Each& each) {
    for (std::size_t k = 0; k < block(); k += V::lanes) each(k);
  }

  // The forward transform with the factor exp(-i pi t / 2n) at hand while loading.
  template <class Load>
  void turn(const Load& load, T* re, T* im) {
    const T* twist_re = fft_.twist().re.data();
    const T* twist_im = fft_.twist().im.data();
    fft_.forward(
        [=](std::size_t k, auto& a, auto& b) {
          std::decay_t<decltype(a)> c, s;
          std::memcpy(&c, twist_re + k, sizeof c);
          std::memcpy(&s, twist_im + k, sizeof s);
          load(k, c, s, a, b);
        },
        re, im);
  }

  // Inverse = forward with real and imaginary parts swapped on both sides.
  void invert(const T* re, const T* im) {
    fft_.forward(
        [=](std::size_t k, auto& a, auto& b) {
          std::memcpy(&a, im + k, sizeof a);
          std::memcpy(&b, re + k, sizeof b);
        },
        im_.data(), re_.data());
  }

  Fft<T> fft_;
  Buffer<T> re_, im_;
  const typename V::type scale_ = V::splat(T(1) / static_cast<T>(fft_.length()));
};

}  // namespace antiphase
