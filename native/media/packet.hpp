// Addresses, batches of datagrams, and RTP headers.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

namespace antiphase::media {

inline double now_s() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

inline std::uint64_t realtime_ns() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1000000000ull + static_cast<std::uint64_t>(t.tv_nsec);
}

// IPv6 address (IPv4 mapped) and port in host order; `tcp` where Python has the connection.
struct AddressKey {
  std::array<std::uint8_t, 16> host{};
  std::uint16_t port = 0;
  bool v4 = true, tcp = false;
  bool operator==(const AddressKey& other) const {
    return host == other.host && port == other.port && v4 == other.v4 && tcp == other.tcp;
  }
};

inline AddressKey key_of(const sockaddr_storage& address) {
  AddressKey key;
  if (address.ss_family == AF_INET) {
    const auto& a = reinterpret_cast<const sockaddr_in&>(address);
    std::memcpy(key.host.data() + 12, &a.sin_addr, 4);
    key.port = ntohs(a.sin_port);
  } else {
    const auto& a = reinterpret_cast<const sockaddr_in6&>(address);
    std::memcpy(key.host.data(), &a.sin6_addr, 16);
    key.port = ntohs(a.sin6_port);
    key.v4 = false;
  }
  return key;
}

inline socklen_t socket_address(const AddressKey& key, sockaddr_storage& address) {
  std::memset(&address, 0, sizeof address);
  if (key.v4) {
    auto& a = reinterpret_cast<sockaddr_in&>(address);
    a.sin_family = AF_INET;
    a.sin_port = htons(key.port);
    std::memcpy(&a.sin_addr, key.host.data() + 12, 4);
    return sizeof(sockaddr_in);
  }
  auto& a = reinterpret_cast<sockaddr_in6&>(address);
  a.sin6_family = AF_INET6;
  a.sin6_port = htons(key.port);
  std::memcpy(&a.sin6_addr, key.host.data(), 16);
  return sizeof(sockaddr_in6);
}

// Datagrams of one recvmmsg with the kernel's receive times.
class Inbox {
 public:
  static constexpr std::size_t packet_bytes = 2048;

  explicit Inbox(std::size_t n)
      : messages_(n), vectors_(n), addresses_(n), controls_(n), data_(n * packet_bytes) {}

  int receive(int socket) {
    for (std::size_t k = 0; k < messages_.size(); ++k) {
      vectors_[k] = {data_.data() + k * packet_bytes, packet_bytes};
      msghdr& header = messages_[k].msg_hdr;
      header = {};
      header.msg_name = &addresses_[k];
      header.msg_namelen = sizeof addresses_[k];
      header.msg_iov = &vectors_[k];
      header.msg_iovlen = 1;
      header.msg_control = controls_[k].data();
      header.msg_controllen = controls_[k].size();
    }
    return recvmmsg(socket, messages_.data(), static_cast<unsigned>(messages_.size()), MSG_DONTWAIT,
                    nullptr);
  }

  std::uint8_t* data(int k) { return data_.data() + static_cast<std::size_t>(k) * packet_bytes; }
  std::size_t size(int k) const { return messages_[static_cast<std::size_t>(k)].msg_len; }
  AddressKey source(int k) const { return key_of(addresses_[static_cast<std::size_t>(k)]); }
  std::uint64_t time_ns(int k) {
    msghdr& header = messages_[static_cast<std::size_t>(k)].msg_hdr;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
        timespec t{};
        std::memcpy(&t, CMSG_DATA(c), sizeof t);
        return static_cast<std::uint64_t>(t.tv_sec) * 1000000000ull +
               static_cast<std::uint64_t>(t.tv_nsec);
      }
    }
    return realtime_ns();
  }

 private:
  std::vector<mmsghdr> messages_;
  std::vector<iovec> vectors_;
  std::vector<sockaddr_storage> addresses_;
  std::vector<std::array<std::uint8_t, 64>> controls_;
  std::vector<std::uint8_t> data_;
};

// Datagrams that wait for one sendmmsg.
class Outbox {
 public:
  static constexpr std::size_t packet_bytes = 2048;

  explicit Outbox(std::size_t n)
      : messages_(n), vectors_(n), addresses_(n), data_(n * packet_bytes) {}

  std::uint8_t* data(std::size_t k) { return data_.data() + k * packet_bytes; }

  void set(std::size_t k, std::size_t size, const AddressKey& target) {
    vectors_[k] = {data(k), size};
    msghdr& header = messages_[k].msg_hdr;
    header = {};
    header.msg_namelen = socket_address(target, addresses_[k]);
    header.msg_name = &addresses_[k];
    header.msg_iov = &vectors_[k];
    header.msg_iovlen = 1;
  }

  // Returns how many were taken; a datagram that the kernel refuses is skipped.
  std::size_t send(int socket, std::size_t n) {
    std::size_t done = 0, sent = 0;
    while (done < n) {
      const int result = sendmmsg(socket, messages_.data() + done, static_cast<unsigned>(n - done), 0);
      if (result > 0) {
        done += static_cast<std::size_t>(result);
        sent += static_cast<std::size_t>(result);
      } else if (errno != EINTR) {
        ++done;
      }
    }
    return sent;
  }

 private:
  std::vector<mmsghdr> messages_;
  std::vector<iovec> vectors_;
  std::vector<sockaddr_storage> addresses_;
  std::vector<std::uint8_t> data_;
};

struct Packet {
  std::uint8_t payload_type = 0;
  bool marker = false;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  const std::uint8_t* payload = nullptr;
  std::size_t size = 0;
};

inline std::uint32_t read32(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0]) << 24 | static_cast<std::uint32_t>(p[1]) << 16 |
         static_cast<std::uint32_t>(p[2]) << 8 | p[3];
}

inline bool parse(const std::uint8_t* data, std::size_t n, Packet& packet) {
  if (n < 12 || data[0] >> 6 != 2) return false;
  std::size_t start = 12 + 4u * (data[0] & 15u);
  if (data[0] & 0x10) {
    if (n < start + 4) return false;
    start += 4 + 4u * (static_cast<std::size_t>(data[start + 2]) << 8 | data[start + 3]);
  }
  const std::size_t padding = data[0] & 0x20 ? data[n - 1] : 0;
  if (start + padding > n || (data[0] & 0x20 && padding == 0)) return false;
  packet.marker = data[1] & 0x80;
  packet.payload_type = data[1] & 0x7F;
  packet.sequence = static_cast<std::uint16_t>(data[2] << 8 | data[3]);
  packet.timestamp = read32(data + 4);
  packet.ssrc = read32(data + 8);
  packet.payload = data + start;
  packet.size = n - start - padding;
  return true;
}

}  // namespace antiphase::media
