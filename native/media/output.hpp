// Outgoing streams of the batch loop: encoders, RTP headers, packets kept for retransmission.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "g722.hpp"
#include "media/packet.hpp"
#include "media/stream.hpp"

namespace antiphase::media {

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

  int bitrate = 0;  // what this output's receiver can take; 0 where nothing is known yet

  // Asks for the memory that the next packet will need.
  void prefetch() const {
    __builtin_prefetch(&session, 1);
    __builtin_prefetch(&ssrc_);
    __builtin_prefetch(&history_[sequence % history_.size()], 1);
  }

  // Whether a payload made for the one can go out on the other.
  bool takes_payload_of(const Output& other) const {
    return format.codec == other.format.codec && format.clock_rate == other.format.clock_rate &&
           format.fs == other.format.fs && format.channels == other.format.channels;
  }

  // Lets the encoder work at a bitrate; asked before each frame, told to the codec when it changes.
  void use_bitrate(int wanted) {
    if (wanted == 0 || wanted == used_bitrate_ || !encoder_) return;
    used_bitrate_ = wanted;
    opus_.control(encoder_, 4002, wanted);
  }

  // An encoded frame as an RTP packet.
  std::size_t packetise(const std::uint8_t* payload, std::size_t size, std::size_t frames,
                        std::uint8_t* data) {
    const std::size_t start = header(data, packets == 0, timestamp);
    std::memcpy(data + start, payload, size);
    timestamp += static_cast<std::uint32_t>(frames * format.clock_rate / format.fs);
    return finish(data, start, size);
  }

  // A packet sent lately, for a retransmission request; nullptr where it is too old.
  const std::vector<std::uint8_t>* sent(std::uint16_t number) const {
    const auto& kept = history_[number % history_.size()];
    const bool same = kept.size() > 3 && kept[2] == number >> 8 && kept[3] == (number & 0xFF);
    return same ? &kept : nullptr;
  }

  // A foreign packet under our source: timestamps keep their steps, sequence numbers their gaps.
  // 0 where it is too long.
  std::size_t packetise_forwarded(const Packet& packet, std::uint8_t* data, std::size_t limit) {
    if (12 + extension_.size() + packet.size > limit) return 0;
    if (!forwarding_) {
      forwarding_ = true;
      sequence_offset_ = static_cast<std::uint16_t>(sequence - packet.sequence);
      timestamp_offset_ = timestamp - packet.timestamp;
    }
    sequence = static_cast<std::uint16_t>(packet.sequence + sequence_offset_);
    timestamp = packet.timestamp + timestamp_offset_;
    const std::size_t start = header(data, packet.marker, timestamp);
    std::memcpy(data + start, packet.payload, packet.size);
    return finish(data, start, packet.size);
  }

  // The payload of one frame; 0 where the frame does not fit the codec.
  std::size_t encode(const float* pcm, std::size_t frames, Scratch& scratch, std::uint8_t* data,
                     std::size_t limit) {
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
        if (frames % 2 != 0 || frames > max_frame || frames / 2 > limit) return 0;
        for (std::size_t k = 0; k < frames; ++k) scratch.samples[k] = to_int16(pcm[k]);
        g722_.encode(scratch.samples.data(), frames, data);
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
    std::copy(extension_.begin(), extension_.end(), data + 12);
    return 12 + extension_.size();
  }

  std::size_t finish(const std::uint8_t* data, std::size_t start, std::size_t size) {
    history_[sequence % history_.size()].assign(data, data + start + size);
    ++sequence;
    ++packets;
    octets += size;
    return start + size;
  }

  std::uint32_t ssrc_;
  void* encoder_;
  OpusApi opus_;
  std::vector<std::uint8_t> extension_;
  g722::Encoder g722_;
  std::array<std::vector<std::uint8_t>, 64> history_;
  int used_bitrate_ = 0;
  bool forwarding_ = false;
  std::uint16_t sequence_offset_ = 0;
  std::uint32_t timestamp_offset_ = 0;
};

}  // namespace antiphase::media
