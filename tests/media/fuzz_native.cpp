// Feeds packets from a file to the batch loop in a build with sanitizers: every codec, with and
// without a reordering window, forwarded, re-encoded and handed up. SRTP is left out (its calls
// do nothing), so what is in the file is what the decoders get.
//
// Usage: fuzz_native LIBOPUS PACKETS, where PACKETS is a sequence of 16-bit lengths and bytes.
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "media/batch_loop.hpp"

using namespace antiphase::media;

static int pass(void*, void*, int*) { return 0; }

struct Case {
  Format format;
  std::size_t reorder;
};

static std::vector<Case> cases() {
  std::vector<Case> result;
  for (const std::size_t reorder : {0, 3}) {
    for (const std::size_t channels : {1, 2}) {
      result.push_back({{Codec::opus, 111, 48000, 16000, channels, false}, reorder});
      result.push_back({{Codec::opus, 111, 48000, 48000, channels, false}, reorder});
      result.push_back({{Codec::l16, 96, 16000, 16000, channels, true}, reorder});
    }
    result.push_back({{Codec::g722, 9, 8000, 16000, 1, false}, reorder});
    result.push_back({{Codec::pcmu, 0, 8000, 8000, 1, false}, reorder});
    result.push_back({{Codec::pcma, 8, 8000, 8000, 1, false}, reorder});
  }
  return result;
}

static std::vector<std::vector<std::uint8_t>> packets(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
  std::vector<std::vector<std::uint8_t>> result;
  for (std::size_t at = 0; at + 2 <= bytes.size();) {
    const auto n = static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[at]) << 8 |
                                            static_cast<std::uint8_t>(bytes[at + 1]));
    result.emplace_back(bytes.begin() + static_cast<long>(at + 2),
                        bytes.begin() + static_cast<long>(std::min(at + 2 + n, bytes.size())));
    at += 2 + n;
  }
  return result;
}

int main(int count, char** arguments) {
  if (count != 3) return 2;
  void* opus = dlopen(arguments[1], RTLD_NOW);
  if (!opus) return 2;
  using Create = void* (*)(std::int32_t, int, int*);
  using CreateEncoder = void* (*)(std::int32_t, int, int, int*);
  const auto decoder = reinterpret_cast<Create>(dlsym(opus, "opus_decoder_create"));
  const auto encoder = reinterpret_cast<CreateEncoder>(dlsym(opus, "opus_encoder_create"));
  OpusApi api{};
  api.encode = reinterpret_cast<decltype(api.encode)>(dlsym(opus, "opus_encode_float"));
  api.decode = reinterpret_cast<decltype(api.decode)>(dlsym(opus, "opus_decode_float"));
  api.control = reinterpret_cast<decltype(api.control)>(dlsym(opus, "opus_encoder_ctl"));

  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int udp = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(udp, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 2;
  BatchLoop loop(udp, eventfd(0, EFD_NONBLOCK), {pass, pass, pass, pass}, api, 0.0005);

  const auto all = cases();
  std::vector<Route> routes{{-1, Processing::listen, 1.0f, nullptr}};
  std::vector<std::int32_t> streams;
  std::vector<AddressKey> sources;
  const std::vector<std::uint8_t> extension{0xBE, 0xDE, 0, 1, 0x10, 0x30, 0, 0};
  int error = 0;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Format& f = all[k].format;
    const bool coded = f.codec == Codec::opus;
    const auto rate = static_cast<std::int32_t>(f.fs);
    const int channels = static_cast<int>(f.channels);
    AddressKey source;
    source.host[15] = 1;
    source.port = static_cast<std::uint16_t>(1000 + k);
    source.tcp = k % 2 == 0;  // the others go to a port where nobody listens
    const std::int32_t id = loop.add_session(true);
    loop.set_keys(id, &loop, &loop);
    loop.open_gate(source, id);
    loop.set_target(id, source);
    streams.push_back(loop.add_stream(id, static_cast<std::uint32_t>(k), f,
                                      coded ? decoder(rate, channels, &error) : nullptr,
                                      all[k].reorder));
    routes.push_back({loop.add_output(id, 7, 1, 1, f,
                                      coded ? encoder(rate, channels, 2051, &error) : nullptr,
                                      k % 2 ? extension : std::vector<std::uint8_t>{}),
                      k % 3 == 0 ? Processing::forward : Processing::gain, 0.5f, nullptr});
    sources.push_back(source);
  }
  for (const std::int32_t stream : streams) loop.set_routes(stream, routes);

  std::size_t heard = 0;
  std::uint64_t time_ns = 0;
  for (auto packet : packets(arguments[2])) {
    for (std::size_t k = 0; k < all.size(); ++k) {
      loop.receive(sources[k], packet.data(), packet.size(), time_ns += 1000000);
      if (packet.size() < 12) continue;
      packet[1] = static_cast<std::uint8_t>((packet[1] & 0x80) | all[k].format.payload_type);
      for (std::size_t b = 8; b < 11; ++b) packet[b] = 0;
      packet[11] = static_cast<std::uint8_t>(k);
      loop.receive(sources[k], packet.data(), packet.size(), time_ns);
      loop.resend(routes[k + 1].output, static_cast<std::uint16_t>(packet[2] << 8 | packet[3]));
    }
    for (const Item& item : loop.take_items()) heard += item.kind == Kind::audio;
  }
  const LoopCounters counters = loop.counters();
  std::printf("%zu %llu\n", heard, static_cast<unsigned long long>(counters.sent));
  return 0;
}
