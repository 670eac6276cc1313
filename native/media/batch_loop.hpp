// The media plane's packet loop on a thread of its own, without the interpreter lock:
// recvmmsg -> source gate -> unprotect -> decode -> filter -> encode -> protect -> sendmmsg.
// Python owns STUN, DTLS, SDP and RTCP policy; what is theirs is handed up through a bounded queue
// and an eventfd. libsrtp and libopus are called through addresses, so no headers are needed.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "controller.hpp"
#include "media/gate.hpp"
#include "media/loop_types.hpp"
#include "media/packet.hpp"
#include "media/sender.hpp"
#include "media/stream.hpp"
#include "media/upward.hpp"

namespace antiphase::media {

class BatchLoop {
 public:
  BatchLoop(int socket, int wake, SrtpApi srtp, OpusApi opus, double coalesce_s)
      : socket_(socket), upward_(wake), srtp_(srtp), opus_(opus), coalesce_s_(coalesce_s),
        in_(batch), sender_(socket, srtp.protect, upward_) {
    const int on = 1;
    setsockopt(socket_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  }
  ~BatchLoop() { stop(); }

  void start() {
    if (!running_.exchange(true)) thread_ = std::thread([this] { work(); });
  }
  void stop() {
    if (running_.exchange(false)) thread_.join();
  }

  // `repeats`: the peer may send packets of some formats twice.
  std::int32_t add_session(bool repeats) {
    const std::lock_guard<std::mutex> hold(control_);
    const auto free = std::find_if(sender_.sessions.begin(), sender_.sessions.end(),
                                   [](const Session& s) { return !s.open; });
    Session& session = free == sender_.sessions.end() ? sender_.sessions.emplace_back() : *free;
    session = Session{};
    session.open = true;
    session.repeats = repeats;
    return static_cast<std::int32_t>(&session - sender_.sessions.data());
  }

  // Contexts of libsrtp; from here on only this object may call libsrtp on them.
  void set_keys(std::int32_t id, void* receive, void* send) {
    const std::lock_guard<std::mutex> hold(control_);
    Session& session = sender_.sessions.at(static_cast<std::size_t>(id));
    session.receive = receive;
    session.send = send;
  }

  // A decrypted packet that was handed up as a new stream's first, once the stream is known.
  void inject(std::int32_t id, const std::uint8_t* data, std::size_t n, std::uint64_t time_ns) {
    const std::lock_guard<std::mutex> hold(control_);
    Packet packet;
    if (parse(data, n, packet)) deliver(packet, id, AddressKey{}, time_ns, nullptr, 0);
    sender_.flush(true);
    upward_.wake();
  }

  // A packet of media that came over TCP.
  void receive(const AddressKey& source, const std::uint8_t* data, std::size_t n,
               std::uint64_t time_ns) {
    std::array<std::uint8_t, Inbox::packet_bytes> copy;
    const std::lock_guard<std::mutex> hold(control_);
    if (n == 0 || n > copy.size()) return;
    std::memcpy(copy.data(), data, n);
    take(copy.data(), n, {source, gate_.find(source), nullptr}, time_ns);
    sender_.flush(true);
    upward_.wake();
  }

  // After this returns the thread touches nothing of it.
  void remove_session(std::int32_t id) {
    const std::lock_guard<std::mutex> hold(control_);
    Session& session = sender_.sessions.at(static_cast<std::size_t>(id));
    for (const Source& source : session.sources) {
      streams_[static_cast<std::size_t>(source.stream)].reset();
    }
    session = Session{};
    gate_.close_all(id);
    for (auto& output : sender_.outputs) {
      if (output && output->session == id) output.reset();
    }
  }

  void open_gate(const AddressKey& source, std::int32_t id) {
    const std::lock_guard<std::mutex> hold(control_);
    gate_.open(source, id);
  }
  void close_gate(const AddressKey& source) {
    const std::lock_guard<std::mutex> hold(control_);
    gate_.close(source);
  }
  void set_target(std::int32_t id, const AddressKey& target) {
    const std::lock_guard<std::mutex> hold(control_);
    Session& session = sender_.sessions.at(static_cast<std::size_t>(id));
    session.target = target;
    session.has_target = true;
  }

  std::int32_t add_stream(std::int32_t id, std::uint32_t ssrc, const Format& format, void* decoder,
                          std::size_t reorder) {
    const std::lock_guard<std::mutex> hold(control_);
    const std::size_t slot = place(streams_);
    streams_[slot] = std::make_unique<Stream>(format, decoder, opus_, reorder, sender_.scratch);
    const auto stream = static_cast<std::int32_t>(slot);
    sender_.sessions.at(static_cast<std::size_t>(id)).sources.push_back({ssrc, stream});
    return stream;
  }

  void remove_stream(std::int32_t id, std::uint32_t ssrc) {
    const std::lock_guard<std::mutex> hold(control_);
    auto& sources = sender_.sessions.at(static_cast<std::size_t>(id)).sources;
    const auto found = std::find_if(sources.begin(), sources.end(),
                                    [&](const Source& s) { return s.ssrc == ssrc; });
    if (found == sources.end()) return;
    streams_[static_cast<std::size_t>(found->stream)].reset();
    sources.erase(found);
  }

  std::int32_t add_output(std::int32_t id, std::uint32_t ssrc, std::uint16_t sequence,
                          std::uint32_t timestamp, const Format& format, void* encoder,
                          const std::vector<std::uint8_t>& extension) {
    const std::lock_guard<std::mutex> hold(control_);
    const std::size_t slot = place(sender_.outputs);
    sender_.outputs[slot] =
        std::make_unique<Output>(id, ssrc, sequence, timestamp, format, encoder, opus_, extension);
    return static_cast<std::int32_t>(slot);
  }

  // After this returns nothing uses the output's encoder any more.
  void remove_output(std::int32_t output) {
    const std::lock_guard<std::mutex> hold(control_);
    sender_.outputs.at(static_cast<std::size_t>(output)).reset();
  }

  // Replaces all routes of one stream at once.
  void set_routes(std::int32_t stream, std::vector<Route> routes) {
    const std::lock_guard<std::mutex> hold(control_);
    auto& target = streams_.at(static_cast<std::size_t>(stream));
    if (target) target->routes = std::move(routes);
  }

  void set_bitrate(std::int32_t output, int bitrate) {
    const std::lock_guard<std::mutex> hold(control_);
    auto& target = sender_.outputs.at(static_cast<std::size_t>(output));
    if (target) target->bitrate = bitrate;
  }

  // Sends a packet again that its receiver missed.
  bool resend(std::int32_t output, std::uint16_t sequence) {
    const std::lock_guard<std::mutex> hold(control_);
    const auto& source = sender_.outputs.at(static_cast<std::size_t>(output));
    const bool known = source && sender_.resend(*source, sequence);
    sender_.flush(false);
    return known;
  }

  // Protects a plain RTCP packet; the SRTP contexts belong to this lock.
  std::vector<std::uint8_t> protect_rtcp(std::int32_t id, const std::uint8_t* data, std::size_t n) {
    const std::lock_guard<std::mutex> hold(control_);
    const Session& session = sender_.sessions.at(static_cast<std::size_t>(id));
    std::vector<std::uint8_t> packet(n + 160);
    std::memcpy(packet.data(), data, n);
    int size = static_cast<int>(n);
    if (!session.open || !session.send ||
        srtp_.protect_rtcp(session.send, packet.data(), &size) != 0) {
      return {};
    }
    packet.resize(static_cast<std::size_t>(size));
    return packet;
  }

  // Sends one frame of audio from Python on an output; false where it does not fit the codec.
  bool send_audio(std::int32_t output, const float* pcm, std::size_t frames) {
    const std::lock_guard<std::mutex> hold(control_);
    auto& target = sender_.outputs.at(static_cast<std::size_t>(output));
    if (!target) return true;
    const bool fits = sender_.send_audio(*target, pcm, frames);
    sender_.flush(false);
    return fits;
  }

  std::vector<Item> take_items() { return upward_.take(); }

  LoopCounters counters() {
    const std::lock_guard<std::mutex> hold(control_);
    return sender_.counters;
  }
  ReceptionCounters reception(std::int32_t stream) {
    const std::lock_guard<std::mutex> hold(control_);
    const auto& found = streams_.at(static_cast<std::size_t>(stream));
    return found ? found->reception : ReceptionCounters{};
  }
  std::array<std::uint64_t, 4> output_state(std::int32_t output) {
    const std::lock_guard<std::mutex> hold(control_);
    const auto& o = sender_.outputs.at(static_cast<std::size_t>(output));
    if (!o) return {0, 0, 0, 0};
    return {o->packets, o->octets, o->timestamp, o->sequence};
  }
  // Kernel receive time to the return of the send: counts per 1/8-octave bin from 1 us.
  std::vector<std::uint64_t> take_delays() {
    const std::lock_guard<std::mutex> hold(control_);
    return sender_.delays.take();
  }
  double busy() const { return busy_.share(); }

 private:
  static constexpr std::size_t batch = 128;

  // Where a datagram came from, and whose it is as far as that is known.
  struct Arrival {
    AddressKey source;
    std::int32_t session = -1;
    Stream* stream = nullptr;
  };


  void work() {
    const FlushDenormals flush_denormals;
    while (running_.load(std::memory_order_relaxed)) {
      pollfd wait{socket_, POLLIN, 0};
      if (poll(&wait, 1, 50) <= 0) {
        busy_.note(0.0);
        continue;
      }
      // The busier, the longer it waits for more packets, from half busy on.
      const double wait_s = coalesce_s_ * std::clamp(4.0 * (busy_.share() - 0.5), 0.0, 1.0);
      if (wait_s > 0) {
        const timespec pause{0, static_cast<long>(wait_s * 1e9)};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
      }
      const double begin = now_s();
      for (int n = in_.receive(socket_); n > 0; n = in_.receive(socket_)) {
        const std::lock_guard<std::mutex> hold(control_);
        ++sender_.counters.batches;
        look_up(static_cast<std::size_t>(n));
        for (int k = 0; k < n; ++k) {
          take(in_.data(k), in_.size(k), arrivals_[static_cast<std::size_t>(k)], in_.time_ns(k));
        }
        sender_.flush(true);
        upward_.wake();
        if (n < static_cast<int>(batch)) break;
      }
      busy_.note(now_s() - begin);
    }
  }

  void hand_up(Kind kind, std::int32_t session, std::int32_t stream, const AddressKey& source,
               std::uint64_t time_ns, const std::uint8_t* data, std::size_t n) {
    if (!upward_.put({kind, session, stream, source, time_ns, {data, data + n}})) {
      ++sender_.counters.upward_dropped;
    }
  }

  // Finds the sessions and streams of a batch's datagrams, and asks for the memory that each will
  // need: with many sessions it is out of the caches. Each pass asks for what the next one reads,
  // so the processor fetches for many datagrams at once.
  void look_up(std::size_t n) {
    for (std::size_t k = 0; k < n; ++k) {
      arrivals_[k] = {in_.source(static_cast<int>(k)), -1, nullptr};
      gate_.prefetch(arrivals_[k].source);
    }
    for (std::size_t k = 0; k < n; ++k) {
      Arrival& arrival = arrivals_[k];
      arrival.session = gate_.find(arrival.source);
      if (arrival.session >= 0) session_of(arrival).prefetch();
    }
    for (std::size_t k = 0; k < n; ++k) {
      if (arrivals_[k].session >= 0) session_of(arrivals_[k]).prefetch_parts();
    }
    for (std::size_t k = 0; k < n; ++k) {
      Arrival& arrival = arrivals_[k];
      if (arrival.session < 0 || in_.size(static_cast<int>(k)) < 12) continue;
      const auto stream = session_of(arrival).stream_of(read32(in_.data(static_cast<int>(k)) + 8));
      if (stream >= 0) arrival.stream = streams_[static_cast<std::size_t>(stream)].get();
      if (arrival.stream) arrival.stream->prefetch();
    }
    for (std::size_t k = 0; k < n; ++k) {
      if (arrivals_[k].stream) __builtin_prefetch(arrivals_[k].stream->routes.data());
    }
    for (std::size_t k = 0; k < n; ++k) {
      if (arrivals_[k].stream) sender_.prefetch(*arrivals_[k].stream);
    }
  }

  const Session& session_of(const Arrival& arrival) const {
    return sender_.sessions[static_cast<std::size_t>(arrival.session)];
  }

  void take(std::uint8_t* data, std::size_t n, const Arrival& arrival, std::uint64_t time_ns) {
    const AddressKey& source = arrival.source;
    const std::int32_t id = arrival.session;
    ++sender_.counters.received;
    if (n >= 20 && data[0] < 4) {
      hand_up(Kind::stun, -1, -1, source, time_ns, data, n);
      return;
    }
    if (id < 0) {
      ++sender_.counters.ungated;
    } else if (n >= 13 && data[0] >= 20 && data[0] <= 63) {
      hand_up(Kind::dtls, id, -1, source, time_ns, data, n);
    } else if (n >= 12 && data[0] >= 128 && data[0] <= 191) {
      take_media(data, n, id, source, time_ns);
    } else {
      ++sender_.counters.junk;
    }
  }

  void take_media(std::uint8_t* data, std::size_t n, std::int32_t id, const AddressKey& source,
                  std::uint64_t time_ns) {
    const Session& session = sender_.sessions[static_cast<std::size_t>(id)];
    int size = static_cast<int>(n);
    if (!session.receive) return;
    if (data[1] >= 192 && data[1] <= 223) {
      if (srtp_.unprotect_rtcp(session.receive, data, &size) != 0) {
        ++sender_.counters.rtcp_failed;
      } else {
        hand_up(Kind::rtcp, id, -1, source, time_ns, data, static_cast<std::size_t>(size));
      }
      return;
    }
    Packet packet;
    const int failure = srtp_.unprotect(session.receive, data, &size);
    if (failure == srtp_replayed || failure == srtp_too_old) {
      count_copy(id, read32(data + 8));
      return;
    }
    if (failure != 0 || !parse(data, static_cast<std::size_t>(size), packet)) {
      ++sender_.counters.srtp_failed;
      return;
    }
    deliver(packet, id, source, time_ns, data, static_cast<std::size_t>(size));
  }

  // A copy is the peer's repeat, one for each packet, or somebody's replay.
  void count_copy(std::int32_t id, std::uint32_t ssrc) {
    Session& session = sender_.sessions[static_cast<std::size_t>(id)];
    const std::int32_t found = session.stream_of(ssrc);
    const bool due = found < 0 ? session.take_early_copy()
                               : streams_[static_cast<std::size_t>(found)]->take_repeat();
    if (!due) ++sender_.counters.srtp_replayed;
  }

  // `data` is the whole plain packet, handed up when its stream is not known yet.
  void deliver(const Packet& packet, std::int32_t id, const AddressKey& source,
               std::uint64_t time_ns, const std::uint8_t* data, std::size_t size) {
    Session& session = sender_.sessions[static_cast<std::size_t>(id)];
    const std::int32_t found = session.stream_of(packet.ssrc);
    if (found < 0) {
      if (!data) return;
      ++session.early;
      hand_up(Kind::new_stream, id, -1, source, time_ns, data, size);
      return;
    }
    Stream& stream = *streams_[static_cast<std::size_t>(found)];
    if (packet.payload_type != stream.format.payload_type) {
      ++sender_.counters.rtp_unknown;
      return;
    }
    sender_.begin(time_ns);
    stream.receive(packet, time_ns, [&](const Packet& p) { sender_.forward(stream, p); },
                   [&](const Sound& sound, std::uint32_t timestamp, bool concealed) {
                     sender_.process(stream, {sound, timestamp, concealed}, [&](const Frame& f) {
                       listen(id, found, source, f);
                     });
                   });
  }

  void listen(std::int32_t id, std::int32_t stream, const AddressKey& source, const Frame& frame) {
    const std::size_t size = frame.sound.frames * frame.sound.channels * sizeof(float);
    std::vector<std::uint8_t> bytes(8 + size);
    bytes[0] = frame.concealed;
    std::memcpy(bytes.data() + 4, &frame.timestamp, 4);
    std::memcpy(bytes.data() + 8, frame.sound.pcm, size);
    hand_up(Kind::audio, id, stream, source, sender_.time_ns(), bytes.data(), bytes.size());
  }

  int socket_;
  Upward upward_;
  SrtpApi srtp_;
  OpusApi opus_;
  double coalesce_s_;
  Inbox in_;
  std::array<Arrival, batch> arrivals_;
  Sender sender_;
  SourceGate gate_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::mutex control_;
  std::atomic<bool> running_{false};
  BusyMeter busy_;
  std::thread thread_;
};

}  // namespace antiphase::media
