// The media plane's packet loop on a thread of its own, without the interpreter lock:
// recvmmsg -> source gate -> unprotect -> decode -> filter -> encode -> protect -> sendmmsg.
// Python owns STUN, DTLS, SDP and RTCP policy; what is theirs is handed up through a bounded queue
// and an eventfd. libsrtp and libopus are called through addresses, so no headers are needed.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unordered_map>
#include <vector>

#include "controller.hpp"
#include "g722.hpp"
#include "media/packet.hpp"
#include "media/stream.hpp"

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
  std::uint64_t received = 0, sent = 0, ungated = 0, junk = 0, srtp_failed = 0, rtcp_failed = 0;
  std::uint64_t upward_dropped = 0, batches = 0, send_failed = 0;
};

struct Session {
  bool open = false;
  void* receive = nullptr;  // srtp_t
  void* send = nullptr;
  bool has_target = false;
  AddressKey target{};
};

class BatchLoop {
 public:
  BatchLoop(int socket, int wake, SrtpApi srtp, OpusApi opus, double coalesce_s)
      : socket_(socket), wake_(wake), srtp_(srtp), opus_(opus), coalesce_s_(coalesce_s),
        in_(batch), out_(out_batch) {
    const int on = 1;
    setsockopt(socket_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  }
  ~BatchLoop() { stop(); }

  void start() {
    if (running_.exchange(true)) return;
    thread_ = std::thread([this] { work(); });
  }

  void stop() {
    if (!running_.exchange(false)) return;
    thread_.join();
  }

  std::int32_t add_session() {
    const std::lock_guard<std::mutex> hold(control_);
    const auto free = std::find_if(sessions_.begin(), sessions_.end(),
                                   [](const Session& s) { return !s.open; });
    Session& session = free == sessions_.end() ? sessions_.emplace_back() : *free;
    session = Session{};
    session.open = true;
    return static_cast<std::int32_t>(&session - sessions_.data());
  }

  // Contexts of libsrtp; from here on only this object may call libsrtp on them.
  void set_keys(std::int32_t id, void* receive, void* send) {
    const std::lock_guard<std::mutex> hold(control_);
    Session& session = sessions_.at(static_cast<std::size_t>(id));
    session.receive = receive;
    session.send = send;
  }

  // A decrypted packet that was handed up as a new stream's first, once the stream is known.
  void inject(std::int32_t id, const std::uint8_t* data, std::size_t n, std::uint64_t time_ns) {
    const std::lock_guard<std::mutex> hold(control_);
    Packet packet;
    if (parse(data, n, packet)) deliver(packet, id, AddressKey{}, time_ns, nullptr, 0);
    flush(1);
  }

  // After this returns the thread touches nothing of the session.
  void remove_session(std::int32_t id) {
    const std::lock_guard<std::mutex> hold(control_);
    Session& session = sessions_.at(static_cast<std::size_t>(id));
    session = Session{};
    for (auto it = gate_.begin(); it != gate_.end();) {
      it = it->second == id ? gate_.erase(it) : std::next(it);
    }
    for (auto it = by_ssrc_.begin(); it != by_ssrc_.end();) {
      if (static_cast<std::int32_t>(it->first >> 32) == id) {
        streams_[static_cast<std::size_t>(it->second)].reset();
        it = by_ssrc_.erase(it);
      } else {
        ++it;
      }
    }
    for (auto& output : outputs_) {
      if (output && output->session == id) output.reset();
    }
  }

  void open_gate(const AddressKey& source, std::int32_t id) {
    const std::lock_guard<std::mutex> hold(control_);
    gate_[source] = id;
  }
  void close_gate(const AddressKey& source) {
    const std::lock_guard<std::mutex> hold(control_);
    gate_.erase(source);
  }
  void set_target(std::int32_t id, const AddressKey& target) {
    const std::lock_guard<std::mutex> hold(control_);
    Session& session = sessions_.at(static_cast<std::size_t>(id));
    session.target = target;
    session.has_target = true;
  }

  std::int32_t add_stream(std::int32_t id, std::uint32_t ssrc, const Format& format, void* decoder) {
    const std::lock_guard<std::mutex> hold(control_);
    const std::size_t slot = place(streams_);
    streams_[slot] = std::make_unique<Stream>(format, decoder, opus_);
    const auto stream = static_cast<std::int32_t>(slot);
    by_ssrc_[key(id, ssrc)] = stream;
    return stream;
  }

  void remove_stream(std::int32_t id, std::uint32_t ssrc) {
    const std::lock_guard<std::mutex> hold(control_);
    const auto found = by_ssrc_.find(key(id, ssrc));
    if (found == by_ssrc_.end()) return;
    streams_[static_cast<std::size_t>(found->second)].reset();
    by_ssrc_.erase(found);
  }

  std::int32_t add_output(std::int32_t id, std::uint32_t ssrc, std::uint16_t sequence,
                          std::uint32_t timestamp, const Format& format, void* encoder,
                          const std::vector<std::uint8_t>& extension) {
    const std::lock_guard<std::mutex> hold(control_);
    const std::size_t slot = place(outputs_);
    outputs_[slot] =
        std::make_unique<Output>(id, ssrc, sequence, timestamp, format, encoder, opus_, extension);
    return static_cast<std::int32_t>(slot);
  }

  // Replaces all routes of one stream at once.
  void set_routes(std::int32_t stream, std::vector<Route> routes) {
    const std::lock_guard<std::mutex> hold(control_);
    auto& target = streams_.at(static_cast<std::size_t>(stream));
    if (target) target->routes = std::move(routes);
  }

  void set_bitrate(std::int32_t output, int bitrate) {
    const std::lock_guard<std::mutex> hold(control_);
    auto& target = outputs_.at(static_cast<std::size_t>(output));
    if (target && target->codec()) opus_.control(target->codec(), 4002, bitrate);
  }

  // Protects a plain RTCP packet; the SRTP contexts belong to this lock.
  std::vector<std::uint8_t> protect_rtcp(std::int32_t id, const std::uint8_t* data, std::size_t n) {
    const std::lock_guard<std::mutex> hold(control_);
    return protect(id, srtp_.protect_rtcp, data, n);
  }
  // Protects a plain RTP packet of Python's own (retransmission, audio from `realtime`).
  std::vector<std::uint8_t> protect_rtp(std::int32_t id, const std::uint8_t* data, std::size_t n) {
    const std::lock_guard<std::mutex> hold(control_);
    return protect(id, srtp_.protect, data, n);
  }

  // Sends one frame of audio from Python on an output.
  bool send_audio(std::int32_t output, const float* pcm, std::size_t frames) {
    const std::lock_guard<std::mutex> hold(control_);
    auto& target = outputs_.at(static_cast<std::size_t>(output));
    if (!target) return false;
    emit(*target, pcm, frames);
    flush(0);
    return true;
  }

  std::vector<Item> take_items() {
    const std::lock_guard<std::mutex> hold(upward_lock_);
    std::vector<Item> items;
    items.swap(upward_);
    return items;
  }

  LoopCounters counters() {
    const std::lock_guard<std::mutex> hold(control_);
    return counters_;
  }
  ReceptionCounters reception(std::int32_t stream) {
    const std::lock_guard<std::mutex> hold(control_);
    const auto& found = streams_.at(static_cast<std::size_t>(stream));
    return found ? found->reception : ReceptionCounters{};
  }
  std::array<std::uint64_t, 4> output_state(std::int32_t output) {
    const std::lock_guard<std::mutex> hold(control_);
    const auto& o = outputs_.at(static_cast<std::size_t>(output));
    if (!o) return {0, 0, 0, 0};
    return {o->packets, o->octets, o->timestamp, o->sequence};
  }
  // Kernel receive time to the return of the send: counts per 1/8-octave bin from 1 us.
  std::vector<std::uint64_t> take_delays() {
    const std::lock_guard<std::mutex> hold(control_);
    std::vector<std::uint64_t> bins(delays_.begin(), delays_.end());
    delays_.fill(0);
    return bins;
  }
  double busy() const { return busy_.load(std::memory_order_relaxed); }

  static constexpr std::size_t delay_bins = 200;

 private:
  static constexpr std::size_t batch = 128;
  static constexpr std::size_t out_batch = 512;
  static constexpr std::size_t max_upward = 4096;

  static std::uint64_t key(std::int32_t session, std::uint32_t ssrc) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(session)) << 32 | ssrc;
  }

  template <class V>
  static std::size_t place(std::vector<std::unique_ptr<V>>& slots) {
    for (std::size_t k = 0; k < slots.size(); ++k) {
      if (!slots[k]) return k;
    }
    slots.emplace_back();
    return slots.size() - 1;
  }

  std::vector<std::uint8_t> protect(std::int32_t id, SrtpCall call, const std::uint8_t* data,
                                    std::size_t n) {
    const Session& session = sessions_.at(static_cast<std::size_t>(id));
    std::vector<std::uint8_t> packet(n + 160);
    std::memcpy(packet.data(), data, n);
    int size = static_cast<int>(n);
    if (!session.open || !session.send || call(session.send, packet.data(), &size) != 0) return {};
    packet.resize(static_cast<std::size_t>(size));
    return packet;
  }

  void work() {
    const FlushDenormals flush_denormals;
    double since = now_s();
    while (running_.load(std::memory_order_relaxed)) {
      pollfd wait{socket_, POLLIN, 0};
      if (poll(&wait, 1, 50) <= 0) {
        note_busy(0.0, since);
        continue;
      }
      if (busy_.load(std::memory_order_relaxed) > 0.5) {
        const timespec pause{0, static_cast<long>(coalesce_s_ * 1e9)};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
      }
      const double begin = now_s();
      for (int n = in_.receive(socket_); n > 0; n = in_.receive(socket_)) {
        const std::lock_guard<std::mutex> hold(control_);
        ++counters_.batches;
        for (int k = 0; k < n; ++k) take(in_.data(k), in_.size(k), in_.source(k), in_.time_ns(k));
        flush(1);
        if (n < static_cast<int>(batch)) break;
      }
      if (woken_) {
        woken_ = false;
        const std::uint64_t one = 1;
        if (write(wake_, &one, sizeof one) < 0) woken_ = true;
      }
      note_busy(now_s() - begin, since);
    }
  }

  void note_busy(double worked, double& since) {
    worked_ += worked;
    const double now = now_s();
    if (now - since < 0.02) return;
    const double share = worked_ / (now - since);
    busy_.store(0.8 * busy_.load() + 0.2 * share, std::memory_order_relaxed);
    worked_ = 0;
    since = now;
  }

  void hand_up(Kind kind, std::int32_t session, std::int32_t stream, const AddressKey& source,
               std::uint64_t time_ns, const std::uint8_t* data, std::size_t n) {
    const std::lock_guard<std::mutex> hold(upward_lock_);
    if (upward_.size() >= max_upward) {
      ++counters_.upward_dropped;
      return;
    }
    upward_.push_back({kind, session, stream, source, time_ns, {data, data + n}});
    woken_ = true;
  }

  void take(std::uint8_t* data, std::size_t n, const AddressKey& source, std::uint64_t time_ns) {
    ++counters_.received;
    if (n >= 20 && data[0] < 4) {
      hand_up(Kind::stun, -1, -1, source, time_ns, data, n);
      return;
    }
    const auto gated = gate_.find(source);
    if (gated == gate_.end()) {
      ++counters_.ungated;
      return;
    }
    const std::int32_t id = gated->second;
    if (n >= 13 && data[0] >= 20 && data[0] <= 63) {
      hand_up(Kind::dtls, id, -1, source, time_ns, data, n);
    } else if (n >= 12 && data[0] >= 128 && data[0] <= 191) {
      take_media(data, n, id, source, time_ns);
    } else {
      ++counters_.junk;
    }
  }

  void take_media(std::uint8_t* data, std::size_t n, std::int32_t id, const AddressKey& source,
                  std::uint64_t time_ns) {
    const Session& session = sessions_[static_cast<std::size_t>(id)];
    int size = static_cast<int>(n);
    if (!session.receive) return;
    if (data[1] >= 192 && data[1] <= 223) {
      if (srtp_.unprotect_rtcp(session.receive, data, &size) != 0) {
        ++counters_.rtcp_failed;
      } else {
        hand_up(Kind::rtcp, id, -1, source, time_ns, data, static_cast<std::size_t>(size));
      }
      return;
    }
    Packet packet;
    if (srtp_.unprotect(session.receive, data, &size) != 0 ||
        !parse(data, static_cast<std::size_t>(size), packet)) {
      ++counters_.srtp_failed;
      return;
    }
    deliver(packet, id, source, time_ns, data, static_cast<std::size_t>(size));
  }

  // `data` is the whole plain packet, handed up when its stream is not known yet.
  void deliver(const Packet& packet, std::int32_t id, const AddressKey& source,
               std::uint64_t time_ns, const std::uint8_t* data, std::size_t size) {
    const auto found = by_ssrc_.find(key(id, packet.ssrc));
    if (found == by_ssrc_.end()) {
      if (data) hand_up(Kind::new_stream, id, -1, source, time_ns, data, size);
      return;
    }
    Stream& stream = *streams_[static_cast<std::size_t>(found->second)];
    if (packet.payload_type != stream.format.payload_type) {
      ++counters_.junk;
      return;
    }
    times_ns_[pending_] = time_ns;
    stream.receive(packet, time_ns, [&](const Packet& p) { forward(stream, p); },
                   [&](const float* pcm, std::size_t frames, std::uint32_t timestamp) {
                     process(stream, id, found->second, source, time_ns, pcm, frames, timestamp);
                   });
  }

  void forward(Stream& stream, const Packet& packet) {
    for (const Route& route : stream.routes) {
      if (route.processing != Processing::forward) continue;
      Output* output = outputs_[static_cast<std::size_t>(route.output)].get();
      if (!output) continue;
      std::uint8_t* target = reserve();
      const std::size_t size = output->packetise_forwarded(packet, target);
      protect_and_queue(*output, target, size);
    }
  }

  void process(Stream& stream, std::int32_t id, std::int32_t stream_id, const AddressKey& source,
               std::uint64_t time_ns, const float* pcm, std::size_t frames,
               std::uint32_t timestamp) {
    for (const Route& route : stream.routes) {
      if (route.processing == Processing::forward) continue;
      if (route.processing == Processing::listen) {
        std::vector<std::uint8_t> bytes(4 + frames * stream.format.channels * sizeof(float));
        std::memcpy(bytes.data(), &timestamp, 4);
        std::memcpy(bytes.data() + 4, pcm, bytes.size() - 4);
        hand_up(Kind::audio, id, stream_id, source, time_ns, bytes.data(), bytes.size());
        continue;
      }
      Output* output = outputs_[static_cast<std::size_t>(route.output)].get();
      if (!output) continue;
      const float* result = route.run(pcm, frames, stream.format.channels,
                                      output->format.channels, scratch_);
      emit(*output, result, frames);
    }
  }

  void emit(Output& output, const float* pcm, std::size_t frames) {
    std::uint8_t* target = reserve();
    const std::size_t size = output.packetise(pcm, frames, target, Outbox::packet_bytes - 160);
    if (size > 0) protect_and_queue(output, target, size);
  }

  std::uint8_t* reserve() {
    if (pending_ == out_batch) flush(1);
    return out_.data(pending_);
  }

  void protect_and_queue(Output& output, std::uint8_t* data, std::size_t size) {
    const Session& session = sessions_[static_cast<std::size_t>(output.session)];
    int n = static_cast<int>(size);
    if (!session.open || !session.send || !session.has_target || srtp_.protect(session.send, data, &n) != 0) return;
    out_.set(pending_, static_cast<std::size_t>(n), session.target);
    ++pending_;
    if (pending_ < out_batch) times_ns_[pending_] = times_ns_[pending_ - 1];
  }

  void flush(int with_delays) {
    if (pending_ == 0) return;
    const std::size_t sent = out_.send(socket_, pending_);
    counters_.sent += sent;
    counters_.send_failed += pending_ - sent;
    if (with_delays) {
      const std::uint64_t now = realtime_ns();
      for (std::size_t k = 0; k < sent; ++k) ++delays_[delay_bin(now - std::min(now, times_ns_[k]))];
    }
    pending_ = 0;
  }

  static std::size_t delay_bin(std::uint64_t ns) {
    const double us = std::max(1.0, static_cast<double>(ns) * 1e-3);
    return std::min(delay_bins - 1, static_cast<std::size_t>(8.0 * std::log2(us)));
  }

  int socket_, wake_;
  SrtpApi srtp_;
  OpusApi opus_;
  double coalesce_s_;
  Inbox in_;
  Outbox out_;
  std::size_t pending_ = 0;
  std::array<std::uint64_t, out_batch> times_ns_{};
  std::array<std::uint64_t, delay_bins> delays_{};
  std::vector<Session> sessions_;
  std::unordered_map<AddressKey, std::int32_t, AddressHash> gate_;
  std::unordered_map<std::uint64_t, std::int32_t> by_ssrc_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::unique_ptr<Output>> outputs_;
  Scratch scratch_;
  LoopCounters counters_;
  std::mutex control_;
  std::mutex upward_lock_;
  std::vector<Item> upward_;
  bool woken_ = false;
  std::atomic<bool> running_{false};
  std::atomic<double> busy_{0.0};
  double worked_ = 0;
  std::thread thread_;
};

}  // namespace antiphase::media
