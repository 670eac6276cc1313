// Incoming and outgoing streams of the batch loop: reception counters, codecs, routes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "controller.hpp"
#include "g722.hpp"
#include "media/packet.hpp"

namespace antiphase::media {

using SrtpCall = int (*)(void*, void*, int*);

struct SrtpApi {
  SrtpCall protect, unprotect, protect_rtcp, unprotect_rtcp;
};

struct OpusApi {
  int (*encode)(void*, const float*, int, unsigned char*, std::int32_t);
  int (*decode)(void*, const unsigned char*, std::int32_t, float*, int, int);
  int (*control)(void*, int, ...);
};

enum class Codec : std::uint8_t { opus, l16, g722, pcmu, pcma };

struct Format {
  Codec codec = Codec::opus;
  std::uint8_t payload_type = 0;
  std::uint32_t clock_rate = 48000;
  std::uint32_t fs = 48000;
  std::size_t channels = 1;
};

// Tables of G.711: level of each code, and code of each 16-bit value; filled from Python's codec.
struct G711Tables {
  std::array<std::array<float, 256>, 2> level{};
  std::array<std::array<std::uint8_t, 65536>, 2> code{};
};

inline G711Tables& g711_tables() {
  static G711Tables tables;
  return tables;
}

constexpr std::size_t max_frame = 5760;  // 120 ms at 48 kHz
constexpr std::size_t max_stream_channels = 2;

inline std::int16_t to_int16(float value) {
  return static_cast<std::int16_t>(std::lrint(std::clamp(value, -1.0f, 1.0f) * 32767.0f));
}

struct ReceptionCounters {
  std::int64_t first = -1, highest = -1;
  std::uint64_t received = 0, duplicates = 0, late = 0, concealed = 0, undecodable = 0;
  double jitter = 0;  // RTP clock units
};

struct Scratch {
  std::vector<float> a, b, c;
  Scratch() : a(max_frame * max_stream_channels), b(max_frame), c(max_frame) {}
};

enum class Processing : std::uint8_t { forward, gain, clean, listen };

struct Route {
  std::int32_t output = -1;
  Processing processing = Processing::forward;
  float gain = 1.0f;
  Canceller<float>* canceller = nullptr;  // clean: reference = right channel, primary = left

  // Returns `out_channels` interleaved channels of the same number of frames.
  const float* run(const float* pcm, std::size_t frames, std::size_t channels,
                   std::size_t out_channels, Scratch& scratch) const {
    const float* mono = pcm;
    if (processing == Processing::clean && channels == 2) {
      for (std::size_t k = 0; k < frames; ++k) {
        scratch.b[k] = pcm[2 * k];
        scratch.c[k] = pcm[2 * k + 1];
      }
      canceller->process_flushed(scratch.c.data(), scratch.b.data(), scratch.b.data(), frames);
      mono = scratch.b.data();
      channels = 1;
    }
    const float g = processing == Processing::gain ? gain : 1.0f;
    if (channels == out_channels && g == 1.0f) return mono;
    float* target = scratch.a.data();
    for (std::size_t k = 0; k < frames; ++k) {
      if (channels == out_channels) {
        for (std::size_t c = 0; c < channels; ++c) target[channels * k + c] = g * mono[channels * k + c];
      } else if (channels == 1) {
        target[2 * k] = target[2 * k + 1] = g * mono[k];
      } else {
        target[k] = 0.5f * g * (mono[2 * k] + mono[2 * k + 1]);
      }
    }
    return target;
  }
};

class Stream {
 public:
  Stream(const Format& f, void* decoder, const OpusApi& opus)
      : format(f), decoder_(decoder), opus_(opus), pcm_(max_frame * max_stream_channels) {}

  Format format;
  ReceptionCounters reception;
  std::vector<Route> routes;

  // Calls on_packet for packets to forward (new ones, also late) and on_frame for decoded frames in
  // order, lost ones concealed.
  template <class OnPacket, class OnFrame>
  void receive(const Packet& packet, std::uint64_t time_ns, OnPacket on_packet, OnFrame on_frame) {
    const std::int64_t sequence = place(packet, time_ns);
    if (sequence < 0) return;
    on_packet(packet);
    const bool decoding = std::any_of(routes.begin(), routes.end(), [](const Route& r) {
      return r.processing != Processing::forward;
    });
    if (!decoding || packet.size == 0) {
      next_ = std::max(next_, sequence + 1);
      return;
    }
    if (next_ < 0) next_ = sequence;
    if (sequence < next_) return;
    const std::int64_t missing = sequence - next_;
    if (missing > 0 && missing <= max_gap && frames_ > 0) {
      for (std::int64_t k = missing; k > 0; --k) {
        conceal(k == 1 ? &packet : nullptr);
        ++reception.concealed;
        timestamp_ += frames_ * format.clock_rate / format.fs;
        on_frame(pcm_.data(), frames_, timestamp_);
      }
    }
    next_ = sequence + 1;
    if (!decode(packet)) {
      ++reception.undecodable;
      return;
    }
    timestamp_ = packet.timestamp;
    on_frame(pcm_.data(), frames_, timestamp_);
  }

 private:
  static constexpr std::int64_t max_gap = 25;
  static constexpr std::int64_t max_dropout = 3000;

  // Extended sequence number of a packet that counts, -1 for a duplicate.
  std::int64_t place(const Packet& packet, std::uint64_t time_ns) {
    auto& r = reception;
    if (r.highest < 0) {
      restart(packet.sequence + 65536);
    } else {
      const auto step = static_cast<std::int16_t>(
          static_cast<std::uint16_t>(packet.sequence - static_cast<std::uint16_t>(r.highest)));
      const std::int64_t sequence = r.highest + step;
      if (step > max_dropout || step < -max_dropout) {
        restart(sequence);
      } else if (step > 0) {
        seen_ = (step < 64 ? seen_ << step : 0) | 1;
        r.highest = sequence;
      } else {
        const int back = -step;
        if (back < 64 && (seen_ >> back & 1)) {
          ++r.duplicates;
          return -1;
        }
        if (back < 64) seen_ |= 1ull << back;
        ++r.late;
        count(packet, time_ns);
        return sequence;
      }
    }
    count(packet, time_ns);
    return r.highest;
  }

  void restart(std::int64_t sequence) {
    reception.first = reception.highest = sequence;
    reception.received = 0;
    seen_ = 1;
    next_ = -1;
  }

  void count(const Packet& packet, std::uint64_t time_ns) {
    auto& r = reception;
    ++r.received;
    const double transit =
        static_cast<double>(time_ns % 1000000000000ull) * 1e-9 * format.clock_rate - packet.timestamp;
    if (has_transit_) {
      const double change = std::abs(transit - transit_);
      if (change < format.clock_rate) r.jitter += (change - r.jitter) / 16;
    }
    transit_ = transit;
    has_transit_ = true;
  }

  bool decode(const Packet& packet) {
    const std::size_t channels = format.channels;
    switch (format.codec) {
      case Codec::opus: {
        const int n = opus_.decode(decoder_, packet.payload, static_cast<std::int32_t>(packet.size),
                                   pcm_.data(), static_cast<int>(max_frame), 0);
        if (n <= 0) return false;
        frames_ = static_cast<std::size_t>(n);
        return true;
      }
      case Codec::l16: {
        if (packet.size % (2 * channels) != 0) return false;
        frames_ = std::min(packet.size / (2 * channels), max_frame);
        for (std::size_t k = 0; k < frames_ * channels; ++k) {
          const auto value = static_cast<std::int16_t>(packet.payload[2 * k] << 8 | packet.payload[2 * k + 1]);
          pcm_[k] = static_cast<float>(value) / 32767.0f;
        }
        return true;
      }
      case Codec::g722: {
        frames_ = std::min(2 * packet.size, max_frame);
        g722_.decode(packet.payload, frames_ / 2, samples_.data());
        for (std::size_t k = 0; k < frames_; ++k) pcm_[k] = static_cast<float>(samples_[k]) / 32767.0f;
        return true;
      }
      case Codec::pcmu:
      case Codec::pcma: {
        const auto& level = g711_tables().level[format.codec == Codec::pcma ? 1 : 0];
        frames_ = std::min(packet.size, max_frame);
        for (std::size_t k = 0; k < frames_; ++k) pcm_[k] = level[packet.payload[k]];
        return true;
      }
    }
    return false;
  }

  // Opus fills the gap itself, from forward error correction where the next packet has it; the
  // others repeat the last frame, faded to silence.
  void conceal(const Packet* following) {
    if (format.codec == Codec::opus) {
      const int n = static_cast<int>(frames_);
      int done = -1;
      if (following) {
        done = opus_.decode(decoder_, following->payload, static_cast<std::int32_t>(following->size),
                            pcm_.data(), n, 1);
      }
      if (done != n) opus_.decode(decoder_, nullptr, 0, pcm_.data(), n, 0);
      return;
    }
    const float step = frames_ > 1 ? 1.0f / static_cast<float>(frames_ - 1) : 1.0f;
    for (std::size_t k = 0; k < frames_; ++k) {
      for (std::size_t c = 0; c < format.channels; ++c) {
        pcm_[k * format.channels + c] *= 1.0f - static_cast<float>(k) * step;
      }
    }
  }

  void* decoder_;
  OpusApi opus_;
  g722::Decoder g722_;
  std::array<std::int16_t, max_frame> samples_{};
  std::vector<float> pcm_;
  std::size_t frames_ = 0;
  std::uint32_t timestamp_ = 0;
  std::int64_t next_ = -1;
  std::uint64_t seen_ = 0;
  double transit_ = 0;
  bool has_transit_ = false;
};

class Output {
 public:
  Output(std::int32_t session_id, std::uint32_t ssrc, std::uint16_t first_sequence,
         std::uint32_t first_timestamp, const Format& f, void* encoder, const OpusApi& opus,
         std::vector<std::uint8_t> extension)
      : session(session_id), format(f), sequence(first_sequence), timestamp(first_timestamp),
        ssrc_(ssrc), encoder_(encoder), opus_(opus), extension_(std::move(extension)) {}

  std::int32_t session;
  Format format;
  std::uint16_t sequence;
  std::uint32_t timestamp;
  std::uint64_t packets = 0, octets = 0;

  void* codec() const { return encoder_; }

  // One encoded frame as an RTP packet; 0 where the frame does not fit the codec.
  std::size_t packetise(const float* pcm, std::size_t frames, std::uint8_t* data, std::size_t limit) {
    const std::size_t start = header(data, packets == 0, timestamp);
    const std::size_t size = encode(pcm, frames, data + start, limit - start);
    if (size == 0) return 0;
    timestamp += static_cast<std::uint32_t>(frames * format.clock_rate / format.fs);
    return finish(start, size);
  }

  // A foreign packet under our source: timestamps keep their steps, sequence numbers their gaps.
  std::size_t packetise_forwarded(const Packet& packet, std::uint8_t* data) {
    if (!forwarding_) {
      forwarding_ = true;
      sequence_offset_ = static_cast<std::uint16_t>(sequence - packet.sequence);
      timestamp_offset_ = timestamp - packet.timestamp;
    }
    sequence = static_cast<std::uint16_t>(packet.sequence + sequence_offset_);
    timestamp = packet.timestamp + timestamp_offset_;
    const std::size_t start = header(data, packet.marker, timestamp);
    std::memcpy(data + start, packet.payload, packet.size);
    return finish(start, packet.size);
  }

 private:
  std::size_t header(std::uint8_t* data, bool marker, std::uint32_t stamp) const {
    data[0] = extension_.empty() ? 0x80 : 0x90;
    data[1] = static_cast<std::uint8_t>(format.payload_type | (marker ? 0x80 : 0));
    data[2] = static_cast<std::uint8_t>(sequence >> 8);
    data[3] = static_cast<std::uint8_t>(sequence);
    for (int k = 0; k < 4; ++k) {
      data[4 + k] = static_cast<std::uint8_t>(stamp >> (24 - 8 * k));
      data[8 + k] = static_cast<std::uint8_t>(ssrc_ >> (24 - 8 * k));
    }
    std::memcpy(data + 12, extension_.data(), extension_.size());
    return 12 + extension_.size();
  }

  std::size_t finish(std::size_t start, std::size_t size) {
    ++sequence;
    ++packets;
    octets += size;
    return start + size;
  }

  std::size_t encode(const float* pcm, std::size_t frames, std::uint8_t* data, std::size_t limit) {
    const std::size_t samples = frames * format.channels;
    switch (format.codec) {
      case Codec::opus: {
        const int n = opus_.encode(encoder_, pcm, static_cast<int>(frames), data,
                                   static_cast<std::int32_t>(limit));
        return n > 0 ? static_cast<std::size_t>(n) : 0;
      }
      case Codec::l16:
        if (2 * samples > limit) return 0;
        for (std::size_t k = 0; k < samples; ++k) {
          const std::int16_t value = to_int16(pcm[k]);
          data[2 * k] = static_cast<std::uint8_t>(value >> 8);
          data[2 * k + 1] = static_cast<std::uint8_t>(value);
        }
        return 2 * samples;
      case Codec::g722:
        if (frames % 2 != 0 || frames > max_frame) return 0;
        for (std::size_t k = 0; k < frames; ++k) samples_[k] = to_int16(pcm[k]);
        g722_.encode(samples_.data(), frames, data);
        return frames / 2;
      case Codec::pcmu:
      case Codec::pcma: {
        if (samples > limit) return 0;
        const auto& code = g711_tables().code[format.codec == Codec::pcma ? 1 : 0];
        for (std::size_t k = 0; k < samples; ++k) {
          data[k] = code[static_cast<std::size_t>(to_int16(pcm[k]) + 32768)];
        }
        return samples;
      }
    }
    return 0;
  }

  std::uint32_t ssrc_;
  void* encoder_;
  OpusApi opus_;
  std::vector<std::uint8_t> extension_;
  g722::Encoder g722_;
  std::array<std::int16_t, max_frame> samples_{};
  bool forwarding_ = false;
  std::uint16_t sequence_offset_ = 0;
  std::uint32_t timestamp_offset_ = 0;
};

}  // namespace antiphase::media
