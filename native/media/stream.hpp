// Incoming streams of the batch loop: reception counters, decoders, routes.
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

// What `unprotect` says of a packet that has come before, or is too old to tell.
constexpr int srtp_replayed = 9, srtp_too_old = 10;

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
  bool repeat = false;  // each packet is sent once more, just before the next one
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
  std::uint64_t repeats = 0;  // copies of packets that had come, at most one for each
  double jitter = 0;  // RTP clock units
};

// Buffers of one frame that all streams and outputs of a loop share.
struct Scratch {
  std::vector<float> pcm, a, b, c;
  std::vector<std::int16_t> samples;
  Scratch()
      : pcm(max_frame * max_stream_channels), a(max_frame * max_stream_channels), b(max_frame),
        c(max_frame), samples(max_frame) {}
};

enum class Processing : std::uint8_t { forward, gain, clean, listen };

// Samples on their way from a stream to an output.
struct Sound {
  const float* pcm;
  std::size_t frames, channels;
};

struct Route {
  std::int32_t output = -1;
  Processing processing = Processing::forward;
  float gain = 1.0f;
  Canceller<float>* canceller = nullptr;  // clean: reference = right channel, primary = left

  bool same_treatment(const Route& other) const {
    return processing == other.processing && gain == other.gain && canceller == other.canceller;
  }

  // What becomes of a frame, apart from gain; once for all routes of the same treatment.
  Sound treat(const Sound& sound, Scratch& scratch) const {
    if (processing != Processing::clean || sound.channels != 2) return sound;
    for (std::size_t k = 0; k < sound.frames; ++k) {
      scratch.b[k] = sound.pcm[2 * k];
      scratch.c[k] = sound.pcm[2 * k + 1];
    }
    canceller->process_flushed(scratch.c.data(), scratch.b.data(), scratch.b.data(), sound.frames);
    return {scratch.b.data(), sound.frames, 1};
  }

  // The sound with its gain in `channels` interleaved channels.
  const float* match(const Sound& sound, std::size_t channels, Scratch& scratch) const {
    const float g = processing == Processing::gain ? gain : 1.0f;
    if (sound.channels == channels && g == 1.0f) return sound.pcm;
    float* target = scratch.a.data();
    const float* pcm = sound.pcm;
    if (sound.channels == channels) {
      for (std::size_t k = 0; k < sound.frames * channels; ++k) target[k] = g * pcm[k];
    } else if (sound.channels == 1) {
      for (std::size_t k = 0; k < sound.frames; ++k) target[2 * k] = target[2 * k + 1] = g * pcm[k];
    } else {
      for (std::size_t k = 0; k < sound.frames; ++k) target[k] = 0.5f * g * (pcm[2 * k] + pcm[2 * k + 1]);
    }
    return target;
  }
};

class Stream {
 public:
  // `reorder`: packets that may wait for a missing one before it is concealed.
  Stream(const Format& f, void* decoder, const OpusApi& opus, std::size_t reorder, Scratch& scratch)
      : format(f), decoder_(decoder), opus_(opus), pcm_(scratch.pcm), samples_(scratch.samples),
        held_(reorder > 0 ? reorder + 1 : 0) {}

  Format format;
  ReceptionCounters reception;
  std::vector<Route> routes;

  // Asks for the memory that `receive` will need.
  void prefetch() const {
    __builtin_prefetch(&format);
    __builtin_prefetch(&reception, 1);
    __builtin_prefetch(&routes);
    __builtin_prefetch(&next_, 1);
  }

  // Whether a copy of a packet may be the peer's repeat; counts it then.
  bool take_repeat() {
    if (!format.repeat || reception.repeats >= reception.received) return false;
    ++reception.repeats;
    return true;
  }

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
    if (!decoding) {
      next_ = -1;
      waiting_ = 0;
      return;
    }
    if (next_ < 0) next_ = sequence;
    if (sequence < next_) return;
    if (held_.empty()) {
      play(packet, sequence, on_frame);
      return;
    }
    hold(packet, sequence);
    while (waiting_ > 0 && (held_[0].sequence == next_ || waiting_ == held_.size())) {
      play(held_[0].packet(), held_[0].sequence, on_frame);
      std::rotate(held_.begin(), held_.begin() + 1, held_.begin() + static_cast<long>(waiting_));
      --waiting_;
    }
  }

 private:
  // A packet that waits for an older one.
  struct Held {
    std::int64_t sequence = 0;
    std::uint32_t timestamp = 0;
    std::vector<std::uint8_t> payload;

    Packet packet() const {
      Packet p;
      p.timestamp = timestamp;
      p.payload = payload.data();
      p.size = payload.size();
      return p;
    }
  };

  static constexpr std::int64_t max_gap = 25;
  static constexpr std::int64_t max_dropout = 3000;

  // Keeps a copy, oldest first; there is always room for one.
  void hold(const Packet& packet, std::int64_t sequence) {
    std::size_t at = waiting_++;
    held_[at].sequence = sequence;
    held_[at].timestamp = packet.timestamp;
    held_[at].payload.assign(packet.payload, packet.payload + packet.size);
    for (; at > 0 && held_[at - 1].sequence > sequence; --at) std::swap(held_[at - 1], held_[at]);
  }

  // Conceals what is missing before a packet and decodes it. A packet without payload keeps a
  // connection alive and is no frame.
  template <class OnFrame>
  void play(const Packet& packet, std::int64_t sequence, OnFrame on_frame) {
    const std::int64_t missing = sequence - next_;
    if (missing > 0 && missing <= max_gap && frames_ > 0) {
      for (std::int64_t k = missing; k > 0; --k) {
        conceal(k == 1 && packet.size > 0 ? &packet : nullptr);
        ++reception.concealed;
        timestamp_ += static_cast<std::uint32_t>(frames_ * format.clock_rate / format.fs);
        on_frame(Sound{pcm_.data(), frames_, format.channels}, timestamp_, true);
      }
    }
    next_ = sequence + 1;
    if (packet.size == 0) return;
    if (!decode(packet)) {
      ++reception.undecodable;
      return;
    }
    timestamp_ = packet.timestamp;
    if (format.codec != Codec::opus) last_.assign(pcm_.begin(), pcm_.begin() + size_of_frame());
    on_frame(Sound{pcm_.data(), frames_, format.channels}, timestamp_, false);
  }

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
    reception.received = reception.repeats = 0;
    seen_ = 1;
    next_ = -1;
    waiting_ = 0;
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
        last_[k * format.channels + c] *= 1.0f - static_cast<float>(k) * step;
      }
    }
    std::copy(last_.begin(), last_.end(), pcm_.begin());
  }

  std::ptrdiff_t size_of_frame() const {
    return static_cast<std::ptrdiff_t>(frames_ * format.channels);
  }

  void* decoder_;
  OpusApi opus_;
  g722::Decoder g722_;
  std::vector<float>& pcm_;  // the frame in work
  std::vector<std::int16_t>& samples_;
  std::vector<float> last_;  // the frame before, of codecs that do not keep it themselves
  std::size_t frames_ = 0;
  std::uint32_t timestamp_ = 0;
  std::int64_t next_ = -1;
  std::vector<Held> held_;  // as many as may wait, and one; the first `waiting_` do
  std::size_t waiting_ = 0;
  std::uint64_t seen_ = 0;
  double transit_ = 0;
  bool has_transit_ = false;
};

}  // namespace antiphase::media
