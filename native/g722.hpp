// G.722 at 64 kb/s: two sub-bands, adaptive differential PCM in each. Tables and arithmetic as
// ITU-T Recommendation G.722 (2012) gives them; integers are exact, so any two right
// implementations agree bit by bit.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace antiphase::g722 {

inline int saturate(int value) { return std::clamp(value, -32768, 32767); }

constexpr std::array<int, 12> qmf = {3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11};
constexpr std::array<int, 30> lower_decision = {
    0,   35,  72,  110, 150, 190, 233, 276,  323,  370,  422,  473,  530,  587,  650,
    714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919};
constexpr std::array<int, 8> lower_log_step = {-60, -30, 58, 172, 334, 538, 1198, 3042};
constexpr std::array<int, 16> lower_step_index = {0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0};
constexpr std::array<int, 32> inverse_log = {
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008};
constexpr std::array<int, 16> quantiser4 = {0,     -20456, -12896, -8968, -6288, -4240, -2584, -1200,
                                            20456, 12896,  8968,   6288,  4240,  2584,  1200,  0};
constexpr std::array<int, 4> quantiser2 = {-7408, -1616, 7408, 1616};
constexpr std::array<int, 64> quantiser6 = {
    -136,   -136,   -136,   -136,   -24808, -21904, -19008, -16704, -14984, -13512, -12280,
    -11192, -10232, -9360,  -8576,  -7856,  -7192,  -6576,  -6000,  -5456,  -4944,  -4464,
    -4008,  -3576,  -3168,  -2776,  -2400,  -2032,  -1688,  -1360,  -1040,  -728,   24808,
    21904,  19008,  16704,  14984,  13512,  12280,  11192,  10232,  9360,   8576,   7856,
    7192,   6576,   6000,   5456,   4944,   4464,   4008,   3576,   3168,   2776,   2400,
    2032,   1688,   1360,   1040,   728,    432,    136,    -432,   -136};
constexpr std::array<int, 4> upper_log_step = {798, -214, 798, -214};

// Adaptive predictor (two poles, six zeros) and step size of one sub-band.
struct Band {
  std::array<int, 3> reconstructed{}, partial{}, pole{};
  std::array<int, 7> difference{}, zero{};
  int estimate = 0, estimate_zero = 0, log_step = 0, step = 0;

  explicit Band(int first_step) : step(first_step) {}

  void predict(int d) {
    difference[0] = d;
    reconstructed[0] = saturate(estimate + d);
    partial[0] = saturate(estimate_zero + d);
    const auto sign = [](int v) { return v >> 15; };

    const int doubled = saturate(pole[1] * 4);
    int toward = std::min(sign(partial[0]) == sign(partial[1]) ? -doubled : doubled, 32767);
    int second = (toward >> 7) + (sign(partial[0]) == sign(partial[2]) ? 128 : -128);
    second = std::clamp(second + ((pole[2] * 32512) >> 15), -12288, 12288);
    const int first = saturate((sign(partial[0]) == sign(partial[1]) ? 192 : -192) +
                               ((pole[1] * 32640) >> 15));
    const int limit = saturate(15360 - second);
    const int first_limited = std::clamp(first, -limit, limit);

    const int gain = d == 0 ? 0 : 128;
    for (std::size_t i = 1; i < 7; ++i) {
      const int step_up = sign(difference[i]) == sign(d) ? gain : -gain;
      zero[i] = saturate(step_up + ((zero[i] * 32640) >> 15));
    }
    for (std::size_t i = 6; i > 0; --i) difference[i] = difference[i - 1];
    for (std::size_t i = 2; i > 0; --i) {
      reconstructed[i] = reconstructed[i - 1];
      partial[i] = partial[i - 1];
    }
    pole[1] = first_limited;
    pole[2] = second;

    const int poles = saturate(((pole[1] * saturate(2 * reconstructed[1])) >> 15) +
                               ((pole[2] * saturate(2 * reconstructed[2])) >> 15));
    estimate_zero = 0;
    for (std::size_t i = 6; i > 0; --i) estimate_zero += (zero[i] * saturate(2 * difference[i])) >> 15;
    estimate_zero = saturate(estimate_zero);
    estimate = saturate(poles + estimate_zero);
  }

  void adapt_step(int change, int limit, int shift) {
    log_step = std::clamp(((log_step * 127) >> 7) + change, 0, limit);
    const int mantissa = inverse_log[static_cast<std::size_t>((log_step >> 6) & 31)];
    const int exponent = shift - (log_step >> 11);
    step = (exponent < 0 ? mantissa << -exponent : mantissa >> exponent) << 2;
  }

  void adapt_lower(int code4) {
    const auto k = static_cast<std::size_t>(code4);
    predict_after((step * quantiser4[k]) >> 15, lower_log_step[static_cast<std::size_t>(lower_step_index[k])],
                  18432, 8);
  }
  void adapt_upper(int code2) {
    const auto k = static_cast<std::size_t>(code2);
    predict_after((step * quantiser2[k]) >> 15, upper_log_step[k], 22528, 10);
  }

 private:
  void predict_after(int d, int change, int limit, int shift) {
    adapt_step(change, limit, shift);
    predict(d);
  }
};

struct State {
  Band lower{32}, upper{8};
  std::array<int, 24> history{};
};

class Encoder {
 public:
  // n samples at 16 kHz (n even) to n / 2 bytes.
  void encode(const std::int16_t* samples, std::size_t n, std::uint8_t* bytes) {
    for (std::size_t i = 0; i + 1 < n; i += 2) {
      auto& x = state_.history;
      std::copy(x.begin() + 2, x.end(), x.begin());
      x[22] = samples[i];
      x[23] = samples[i + 1];
      int even = 0, odd = 0;
      for (std::size_t k = 0; k < 12; ++k) {
        even += x[2 * k] * qmf[k];
        odd += x[2 * k + 1] * qmf[11 - k];
      }
      bytes[i / 2] = code((even + odd) >> 14, (odd - even) >> 14);
    }
  }

 private:
  std::uint8_t code(int low, int high) {
    Band& lower = state_.lower;
    Band& upper = state_.upper;
    const int error_low = saturate(low - lower.estimate);
    const int size_low = error_low >= 0 ? error_low : -(error_low + 1);
    int level = 1;
    while (level < 30 &&
           size_low >= ((lower_decision[static_cast<std::size_t>(level)] * lower.step) >> 12)) {
      ++level;
    }
    const int code_low = error_low >= 0 ? 62 - level : level < 3 ? 64 - level : 34 - level;
    lower.adapt_lower(code_low >> 2);

    const int error_high = saturate(high - upper.estimate);
    const int size_high = error_high >= 0 ? error_high : -(error_high + 1);
    const bool far = size_high >= ((564 * upper.step) >> 12);
    const int code_high = error_high < 0 ? (far ? 0 : 1) : (far ? 2 : 3);
    upper.adapt_upper(code_high);
    return static_cast<std::uint8_t>((code_high << 6) | code_low);
  }

  State state_;
};

class Decoder {
 public:
  // n bytes to 2 n samples at 16 kHz.
  void decode(const std::uint8_t* bytes, std::size_t n, std::int16_t* samples) {
    for (std::size_t i = 0; i < n; ++i) {
      const int code_low = bytes[i] & 63, code_high = bytes[i] >> 6;
      Band& lower = state_.lower;
      Band& upper = state_.upper;
      const int fine = (lower.step * quantiser6[static_cast<std::size_t>(code_low)]) >> 15;
      const int low = std::clamp(lower.estimate + fine, -16384, 16383);
      lower.adapt_lower(code_low >> 2);
      const int coarse = (upper.step * quantiser2[static_cast<std::size_t>(code_high)]) >> 15;
      const int high = std::clamp(upper.estimate + coarse, -16384, 16383);
      upper.adapt_upper(code_high);

      auto& x = state_.history;
      std::copy(x.begin() + 2, x.end(), x.begin());
      x[22] = low + high;
      x[23] = low - high;
      int first = 0, second = 0;
      for (std::size_t k = 0; k < 12; ++k) {
        second += x[2 * k] * qmf[k];
        first += x[2 * k + 1] * qmf[11 - k];
      }
      samples[2 * i] = static_cast<std::int16_t>(saturate(first >> 11));
      samples[2 * i + 1] = static_cast<std::int16_t>(saturate(second >> 11));
    }
  }

 private:
  State state_;
};

}  // namespace antiphase::g722
