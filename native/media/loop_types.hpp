// What the batch loop keeps of a session, counts, and hands up to Python.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "media/packet.hpp"

namespace antiphase::media {

enum class Kind : std::uint8_t { stun, dtls, rtcp, new_stream, audio };

// Something for Python: a datagram, a decrypted packet, or decoded audio.
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
