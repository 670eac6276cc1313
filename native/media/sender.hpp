// The sending half of the batch loop: what becomes of packets and frames on their routes, the
// outputs they go to, and the datagrams that wait to be sent. Its owner holds one lock around all.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "media/loop_types.hpp"
#include "media/output.hpp"
#include "media/packet.hpp"
#include "media/stream.hpp"
#include "media/upward.hpp"

namespace antiphase::media {

// A decoded frame of a stream.
struct Frame {
  Sound sound;
  std::uint32_t timestamp;
  bool concealed;
};

class Sender {
 public:
  Sender(int socket, SrtpCall protect, Upward& upward)
      : socket_(socket), protect_(protect), upward_(upward), out_(out_batch) {}

  std::vector<Session> sessions;
  std::vector<std::unique_ptr<Output>> outputs;
  LoopCounters counters;
  DelayHistogram delays;
  Scratch scratch;

  // Asks for the memory that a packet of a stream will need on its way out.
  void prefetch(const Stream& stream) const {
    for (const Route& route : stream.routes) {
      if (const Output* output = output_of(route)) output->prefetch();
    }
  }

  // When the packet came that is being worked on.
  void begin(std::uint64_t time_ns) { time_ns_ = time_ns; }
  std::uint64_t time_ns() const { return time_ns_; }

  void forward(Stream& stream, const Packet& packet) {
    for (const Route& route : stream.routes) {
      Output* output = route.processing == Processing::forward ? output_of(route) : nullptr;
      if (!output) continue;
      repeat_last(*output);
      std::uint8_t* target = reserve();
      const std::size_t size = output->packetise_forwarded(packet, target, packet_limit);
      if (size > 0) protect_and_queue(*output, target, size);
    }
  }

  // Treats a frame once for all routes of one kind, and encodes it once for each format; calls
  // on_listen for routes that Python hears.
  template <class OnListen>
  void process(const Stream& stream, const Frame& frame, OnListen on_listen) {
    const auto& routes = stream.routes;
    done_.assign(routes.size(), false);
    for (std::size_t k = 0; k < routes.size(); ++k) {
      if (done_[k] || routes[k].processing == Processing::forward) continue;
      if (routes[k].processing == Processing::listen) {
        on_listen(frame);
        continue;
      }
      const Sound sound = routes[k].treat(frame.sound, scratch);
      for (std::size_t j = k; j < routes.size(); ++j) {
        if (!done_[j] && routes[j].same_treatment(routes[k])) emit_alike(stream, j, sound);
      }
    }
  }

  // Sends one frame on one output; false where it does not fit the codec.
  bool send_audio(Output& output, const float* pcm, std::size_t frames) {
    group_.assign(1, &output);
    return emit(pcm, frames);
  }

  // Sends a packet again that its receiver missed; false where it is too old.
  bool resend(const Output& output, std::uint16_t sequence) {
    const auto* packet = output.sent(sequence);
    if (!packet) return false;
    std::uint8_t* target = reserve();
    std::memcpy(target, packet->data(), packet->size());
    protect_and_queue(output, target, packet->size());
    return true;
  }

  // Hands over what waits; delays are counted where a received packet caused it.
  void flush(bool with_delays) {
    upward_.wake();
    if (pending_ == 0) return;
    const std::size_t sent = out_.send(socket_, pending_);
    counters.sent += sent;
    counters.send_failed += pending_ - sent;
    if (with_delays) {
      const std::uint64_t now = realtime_ns();
      for (std::size_t k = 0; k < sent; ++k) delays.add(now - std::min(now, times_ns_[k]));
    }
    pending_ = 0;
  }

 private:
  static constexpr std::size_t out_batch = 512;
  // A slot of the outbox without what SRTP may add, and without the longest header.
  static constexpr std::size_t packet_limit = Outbox::packet_bytes - 160;
  static constexpr std::size_t payload_limit = packet_limit - 80;

  Output* output_of(const Route& route) const {
    return route.output < 0 ? nullptr : outputs[static_cast<std::size_t>(route.output)].get();
  }

  // Sends on one route and on all later ones of the same treatment and format.
  void emit_alike(const Stream& stream, std::size_t first, const Sound& sound) {
    const auto& routes = stream.routes;
    done_[first] = true;
    Output* leader = output_of(routes[first]);
    if (!leader) return;
    if (leader->format.fs != stream.format.fs) {
      ++counters.unencodable;
      return;
    }
    group_.assign(1, leader);
    for (std::size_t k = first + 1; k < routes.size(); ++k) {
      Output* output = output_of(routes[k]);
      if (done_[k] || !routes[k].same_treatment(routes[first]) || !output ||
          !output->takes_payload_of(*leader)) {
        continue;
      }
      done_[k] = true;
      group_.push_back(output);
    }
    emit(routes[first].match(sound, leader->format.channels, scratch), sound.frames);
  }

  // Encodes for the whole group at the bitrate that its weakest receiver can take.
  bool emit(const float* pcm, std::size_t frames) {
    Output& leader = *group_.front();
    int bitrate = leader.bitrate;
    for (const Output* output : group_) {
      if (output->bitrate > 0 && (bitrate == 0 || output->bitrate < bitrate)) bitrate = output->bitrate;
    }
    leader.use_bitrate(bitrate);
    const std::size_t size = leader.encode(pcm, frames, scratch, payload_.data(), payload_.size());
    if (size == 0) {
      ++counters.unencodable;
      return false;
    }
    for (Output* output : group_) {
      repeat_last(*output);
      std::uint8_t* target = reserve();
      protect_and_queue(*output, target, output->packetise(payload_.data(), size, frames, target));
    }
    return true;
  }

  // What was lost of the packet before comes one frame late.
  void repeat_last(const Output& output) {
    if (output.format.repeat) resend(output, static_cast<std::uint16_t>(output.sequence - 1));
  }

  std::uint8_t* reserve() {
    if (pending_ == out_batch) flush(true);
    return out_.data(pending_);
  }

  void protect_and_queue(const Output& output, std::uint8_t* data, std::size_t size) {
    const Session& session = sessions[static_cast<std::size_t>(output.session)];
    int n = static_cast<int>(size);
    if (!session.open || !session.send || !session.has_target ||
        protect_(session.send, data, &n) != 0) {
      return;
    }
    if (session.target.tcp) {
      send_framed(output.session, session.target, data, static_cast<std::size_t>(n));
      return;
    }
    out_.set(pending_, static_cast<std::size_t>(n), session.target);
    times_ns_[pending_] = time_ns_;
    ++pending_;
  }

  void send_framed(std::int32_t id, const AddressKey& target, const std::uint8_t* data,
                   std::size_t n) {
    const bool taken = upward_.put({Kind::framed, id, -1, target, time_ns_, {data, data + n}});
    ++(taken ? counters.sent : counters.upward_dropped);
  }

  int socket_;
  SrtpCall protect_;
  Upward& upward_;
  Outbox out_;
  std::size_t pending_ = 0;
  std::array<std::uint64_t, out_batch> times_ns_{};
  std::uint64_t time_ns_ = 0;
  std::vector<bool> done_;      // routes that the frame in work has been sent on
  std::vector<Output*> group_;  // outputs that share one encoding
  std::array<std::uint8_t, payload_limit> payload_{};
};

}  // namespace antiphase::media
