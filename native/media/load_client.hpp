// Many clients of a media server on one thread: each with its own socket and keys sends a prepared
// payload at an even pace and takes what comes back. For load tests; Python does ICE and DTLS.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <functional>
#include <mutex>
#include <queue>
#include <stdexcept>
#include <thread>
#include <vector>

#include "media/loop_types.hpp"
#include "media/packet.hpp"
#include "media/stream.hpp"

namespace antiphase::media {

// One datagram that is Python's: STUN, DTLS or RTCP of a client.
struct LoadItem {
  std::int32_t client;
  std::vector<std::uint8_t> bytes;
};

struct LoadTotals {
  std::uint64_t sent = 0, received = 0, answered = 0, failed = 0, late_sends = 0;
};

class LoadClient {
 public:
  LoadClient(SrtpApi srtp, int wake) : srtp_(srtp), wake_(wake), epoll_(epoll_create1(0)) {
    if (epoll_ < 0) throw std::runtime_error("epoll is not to be had");
  }
  ~LoadClient() {
    stop();
    close(epoll_);
  }

  void start() {
    if (!running_.exchange(true)) thread_ = std::thread([this] { work(); });
  }
  void stop() {
    if (running_.exchange(false)) thread_.join();
  }

  // A connected UDP socket; datagrams that are not its media are handed up.
  std::int32_t add(int socket) {
    const std::lock_guard<std::mutex> hold(lock_);
    clients_.push_back(std::make_unique<Client>());
    clients_.back()->socket = socket;
    const auto id = static_cast<std::int32_t>(clients_.size() - 1);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = static_cast<std::uint32_t>(id);
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) {
      throw std::runtime_error("socket can't be watched");
    }
    return id;
  }

  // Sends `payload` each `interval_s` from `first_s` (monotonic) on; a share of the packets is left
  // out, as a lossy network would.
  void run(std::int32_t id, void* receive, void* send, std::uint32_t ssrc, int payload_type,
           std::uint32_t ticks, std::vector<std::uint8_t> payload, double interval_s, double first_s,
           double loss) {
    const std::lock_guard<std::mutex> hold(lock_);
    Client& c = *clients_.at(static_cast<std::size_t>(id));
    c.receive = receive;
    c.send = send;
    c.ssrc = ssrc;
    c.payload_type = static_cast<std::uint8_t>(payload_type);
    c.ticks = ticks;
    c.payload = std::move(payload);
    c.interval_s = interval_s;
    c.next_s = first_s;
    c.loss = loss;
    due_.emplace(first_s, id);
  }

  void pause(std::int32_t id) {
    const std::lock_guard<std::mutex> hold(lock_);
    Client& c = *clients_.at(static_cast<std::size_t>(id));
    c.interval_s = 0;
  }

  std::vector<std::uint8_t> protect_rtcp(std::int32_t id, const std::uint8_t* data, std::size_t n) {
    const std::lock_guard<std::mutex> hold(lock_);
    const Client& c = *clients_.at(static_cast<std::size_t>(id));
    std::vector<std::uint8_t> packet(n + 160);
    std::memcpy(packet.data(), data, n);
    int size = static_cast<int>(n);
    if (!c.send || srtp_.protect_rtcp(c.send, packet.data(), &size) != 0) return {};
    packet.resize(static_cast<std::size_t>(size));
    return packet;
  }

  std::vector<LoadItem> take_items() {
    const std::lock_guard<std::mutex> hold(upward_lock_);
    std::vector<LoadItem> items;
    items.swap(upward_);
    return items;
  }

  // Totals of one client (-1: of all), and round trips as counts per 1/8-octave bin from 1 us.
  LoadTotals totals(std::int32_t id) {
    const std::lock_guard<std::mutex> hold(lock_);
    LoadTotals sum;
    for (std::size_t k = 0; k < clients_.size(); ++k) {
      if (id >= 0 && k != static_cast<std::size_t>(id)) continue;
      const LoadTotals& t = clients_[k]->totals;
      sum.sent += t.sent;
      sum.received += t.received;
      sum.answered += t.answered;
      sum.failed += t.failed;
      sum.late_sends += t.late_sends;
    }
    return sum;
  }
  std::vector<std::uint64_t> take_delays() {
    const std::lock_guard<std::mutex> hold(lock_);
    return delays_.take();
  }
  void reset_totals() {
    const std::lock_guard<std::mutex> hold(lock_);
    for (auto& c : clients_) c->totals = LoadTotals{};
    delays_.take();
  }

 private:
  static constexpr std::size_t window = 256;
  static constexpr double longest_s = 1.0;  // what comes later counts as not answered
  static constexpr int max_rounds = 16;     // of events, before what is due is sent
  static constexpr int ahead = 4;           // clients whose memory is asked for beforehand

  struct Client {
    int socket = -1;
    void* receive = nullptr;
    void* send = nullptr;
    std::uint32_t ssrc = 0, ticks = 0, timestamp = 0;
    std::uint16_t sequence = 0;
    std::uint8_t payload_type = 0;
    std::vector<std::uint8_t> payload;
    double interval_s = 0, next_s = 0, loss = 0;
    bool aligned = false;
    std::uint16_t offset = 0;
    std::array<double, window> sent_s{};
    LoadTotals totals;

    void prefetch() const {
      __builtin_prefetch(&socket);
      __builtin_prefetch(receive);
      __builtin_prefetch(&sent_s[sequence % window]);
      __builtin_prefetch(&totals, 1);
    }
  };

  void work() {
    while (running_.load(std::memory_order_relaxed)) {
      take_waiting();
      const std::lock_guard<std::mutex> hold(lock_);
      const double now = now_s();
      while (!due_.empty() && due_.top().first <= now) {
        const auto [when, id] = due_.top();
        due_.pop();
        Client& c = *clients_[static_cast<std::size_t>(id)];
        if (c.interval_s == 0 || c.next_s != when) continue;  // paused, or begun anew
        send(c, now);
        due_.emplace(c.next_s, id);
      }
      if (woken_) {
        woken_ = false;
        const std::uint64_t one = 1;
        if (write(wake_, &one, sizeof one) < 0) woken_ = true;
      }
    }
  }

  // Takes what has come before anything is sent: a machine that can't keep up sends late and says
  // so; answers that wait unread in its sockets would be charged to the server.
  void take_waiting() {
    int n = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 1);
    for (int round = 0; n > 0 && round < max_rounds; ++round) {
      const std::lock_guard<std::mutex> hold(lock_);
      for (int k = 0; k < n; ++k) {
        if (k + ahead < n) client_of(k + ahead).prefetch();
        take(client_of(k), static_cast<std::int32_t>(events_[static_cast<std::size_t>(k)].data.u32));
      }
      if (n < static_cast<int>(events_.size())) break;
      n = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 0);
    }
  }

  Client& client_of(int event) {
    return *clients_[events_[static_cast<std::size_t>(event)].data.u32];
  }

  void send(Client& c, double now) {
    if (now - c.next_s > 0.5 * c.interval_s) ++c.totals.late_sends;
    c.next_s += c.interval_s;
    if (c.next_s < now) c.next_s = now;
    c.timestamp += c.ticks;
    ++c.sequence;
    random_ = random_ * 6364136223846793005ull + 1442695040888963407ull;
    if (static_cast<double>(random_ >> 11) * 0x1p-53 < c.loss) return;
    std::array<std::uint8_t, 2048> data;
    data[0] = 0x80;
    data[1] = c.payload_type;
    data[2] = static_cast<std::uint8_t>(c.sequence >> 8);
    data[3] = static_cast<std::uint8_t>(c.sequence);
    for (int k = 0; k < 4; ++k) {
      data[static_cast<std::size_t>(4 + k)] = static_cast<std::uint8_t>(c.timestamp >> (24 - 8 * k));
      data[static_cast<std::size_t>(8 + k)] = static_cast<std::uint8_t>(c.ssrc >> (24 - 8 * k));
    }
    const std::size_t size = std::min(c.payload.size(), data.size() - 200);
    std::memcpy(data.data() + 12, c.payload.data(), size);
    int total = static_cast<int>(12 + size);
    if (srtp_.protect(c.send, data.data(), &total) != 0) {
      ++c.totals.failed;
      return;
    }
    c.sent_s[c.sequence % window] = now_s();
    if (::send(c.socket, data.data(), static_cast<std::size_t>(total), MSG_DONTWAIT) == total) {
      ++c.totals.sent;
    } else {
      ++c.totals.failed;
    }
  }

  void take(Client& c, std::int32_t id) {
    // One datagram at a time; epoll tells again where there are more.
    std::array<std::uint8_t, 2048> data;
    const auto n = recv(c.socket, data.data(), data.size(), MSG_DONTWAIT);
    if (n <= 0) return;
    const auto size = static_cast<std::size_t>(n);
    const bool media = size >= 12 && data[0] >= 128 && data[0] <= 191;
    if (media && !(data[1] >= 192 && data[1] <= 223) && c.receive) {
      take_media(c, data.data(), size);
    } else {
      const std::lock_guard<std::mutex> hold(upward_lock_);
      upward_.push_back({id, {data.data(), data.data() + size}});
      woken_ = true;
    }
  }

  void take_media(Client& c, std::uint8_t* data, std::size_t size) {
    int n = static_cast<int>(size);
    Packet packet;
    const int failure = srtp_.unprotect(c.receive, data, &n);
    if (failure == srtp_replayed) return;  // the server repeats packets of control streams
    if (failure != 0 ||
        !parse(data, static_cast<std::size_t>(n), packet)) {
      ++c.totals.failed;
      return;
    }
    ++c.totals.received;
    // The server's numbers keep the steps of ours. An answer belongs to the packet sent last at
    // the newest: where it would belong to one that is yet to be sent, the first answers were late.
    auto ours = static_cast<std::uint16_t>(packet.sequence + c.offset);
    if (!c.aligned || static_cast<std::int16_t>(ours - c.sequence) > 0) {
      c.aligned = true;
      ours = c.sequence;
      c.offset = static_cast<std::uint16_t>(ours - packet.sequence);
    }
    const double delay = now_s() - c.sent_s[ours % window];
    if (delay >= 0 && delay < longest_s) {
      ++c.totals.answered;
      delays_.add(static_cast<std::uint64_t>(delay * 1e9));
    }
  }

  SrtpApi srtp_;
  int wake_, epoll_;
  std::array<epoll_event, 256> events_{};
  std::mutex lock_, upward_lock_;
  std::vector<std::unique_ptr<Client>> clients_;
  using Due = std::pair<double, std::int32_t>;  // when who sends next
  std::priority_queue<Due, std::vector<Due>, std::greater<Due>> due_;
  std::vector<LoadItem> upward_;
  DelayHistogram delays_;
  std::uint64_t random_ = 88172645463325252ull;
  bool woken_ = false;
  std::atomic<bool> running_{false};
  std::thread thread_;
};

}  // namespace antiphase::media
