// What the batch loop keeps of a session, counts, and hands up to Python.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "media/packet.hpp"

namespace antiphase::media {

enum class Kind : std::uint8_t { stun, dtls, rtcp, new_stream, audio, framed };

// Something for Python: a datagram, a decrypted packet, decoded audio, or what is to go out over TCP.
struct Item {
  Kind kind;
  std::int32_t session;
  std::int32_t stream;
  AddressKey source;
  std::uint64_t received_ns;
  std::vector<std::uint8_t> bytes;
};

struct LoopCounters {
  std::uint64_t received = 0, sent = 0, ungated = 0, junk = 0, srtp_failed = 0, srtp_replayed = 0;
  std::uint64_t rtcp_failed = 0, rtp_unknown = 0, unencodable = 0, upward_dropped = 0, batches = 0, send_failed = 0;
};

// What the peer sends under one source, by its place among the loop's streams.
struct Source {
  std::uint32_t ssrc;
  std::int32_t stream;
};

struct Session {
  bool open = false, repeats = false;
  void* receive = nullptr;  // srtp_t
  void* send = nullptr;
  bool has_target = false;
  AddressKey target{};
  std::vector<Source> sources;
  // Packets, and copies of them, of sources that Python has yet to find a section for.
  std::uint64_t early = 0, early_copies = 0;

  // Asks for the memory of the session, and of what hangs on it.
  void prefetch() const {
    __builtin_prefetch(&open);
    __builtin_prefetch(&sources);
  }
  void prefetch_parts() const {
    __builtin_prefetch(receive);
    __builtin_prefetch(send);
    __builtin_prefetch(sources.data());
  }

  // The stream of a source, -1 where Python has yet to find its section.
  std::int32_t stream_of(std::uint32_t ssrc) const {
    for (const Source& source : sources) {
      if (source.ssrc == ssrc) return source.stream;
    }
    return -1;
  }

  bool take_early_copy() {
    if (!repeats || early_copies >= early) return false;
    ++early_copies;
    return true;
  }
};

// The index of a free slot.
template <class V>
std::size_t place(std::vector<std::unique_ptr<V>>& slots) {
  for (std::size_t k = 0; k < slots.size(); ++k) {
    if (!slots[k]) return k;
  }
  slots.emplace_back();
  return slots.size() - 1;
}

// Share of the time that a thread works, over 20 ms, smoothed over five such.
class BusyMeter {
 public:
  void note(double worked_s) {
    worked_s_ += worked_s;
    const double now = now_s();
    if (now - since_s_ < 0.02) return;
    share_.store(0.8 * share_.load() + 0.2 * worked_s_ / (now - since_s_), std::memory_order_relaxed);
    worked_s_ = 0;
    since_s_ = now;
  }
  double share() const { return share_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> share_{0.0};
  double worked_s_ = 0, since_s_ = now_s();
};

// Delays counted in bins of an eighth of an octave from 1 us.
class DelayHistogram {
 public:
  static constexpr std::size_t bins = 200;

  void add(std::uint64_t ns) {
    const double us = std::max(1.0, static_cast<double>(ns) * 1e-3);
    ++counts_[std::min(bins - 1, static_cast<std::size_t>(8.0 * std::log2(us)))];
  }
  std::vector<std::uint64_t> take() {
    std::vector<std::uint64_t> counts(counts_.begin(), counts_.end());
    counts_.fill(0);
    return counts;
  }

 private:
  std::array<std::uint64_t, bins> counts_{};
};

}  // namespace antiphase::media
