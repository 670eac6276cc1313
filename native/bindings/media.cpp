#include "bind.hpp"

#ifdef __linux__
#include <nanobind/stl/vector.h>

#include "media/batch_loop.hpp"
#include "media/load_client.hpp"
#endif

namespace antiphase {

#ifdef __linux__

using media::AddressKey;
using media::BatchLoop;

static AddressKey address(nb::bytes host, int port, bool tcp) {
  if (host.size() != 4 && host.size() != 16) throw BadSignal("host must be 4 or 16 bytes");
  AddressKey key;
  key.v4 = host.size() == 4;
  std::memcpy(key.host.data() + (key.v4 ? 12 : 0), host.data(), host.size());
  key.port = static_cast<std::uint16_t>(port);
  key.tcp = tcp;
  return key;
}

static nb::bytes host_of(const AddressKey& key) {
  return nb::bytes(key.host.data() + (key.v4 ? 12 : 0), key.v4 ? 4 : 16);
}

static media::Format format(int codec, int payload_type, int clock_rate, int fs, int channels,
                            bool repeat) {
  if (codec < 0 || codec > 4 || channels < 1 ||
      channels > static_cast<int>(media::max_stream_channels)) {
    throw BadSignal("codec must be in 0 ... 4 and channels 1 or 2");
  }
  media::Format result;
  result.codec = static_cast<media::Codec>(codec);
  result.payload_type = static_cast<std::uint8_t>(payload_type);
  result.clock_rate = static_cast<std::uint32_t>(clock_rate);
  result.fs = static_cast<std::uint32_t>(fs);
  result.channels = static_cast<std::size_t>(channels);
  result.repeat = repeat;
  return result;
}

static nb::bytes to_bytes(const std::vector<std::uint8_t>& data) {
  return nb::bytes(data.data(), data.size());
}

template <class F>
static F function(std::uintptr_t pointer) { return reinterpret_cast<F>(pointer); }

static media::SrtpApi srtp_functions(const std::vector<std::uintptr_t>& srtp) {
  if (srtp.size() != 4) throw BadSignal("srtp needs 4 addresses");
  return {function<media::SrtpCall>(srtp[0]), function<media::SrtpCall>(srtp[1]),
          function<media::SrtpCall>(srtp[2]), function<media::SrtpCall>(srtp[3])};
}

static void make_loop(BatchLoop* self, int socket, int wake, std::vector<std::uintptr_t> srtp,
                                            std::vector<std::uintptr_t> opus, double coalesce_s) {
  if (opus.size() != 3) throw BadSignal("opus needs 3 addresses");
  const media::SrtpApi srtp_api = srtp_functions(srtp);
  media::OpusApi opus_api{};
  opus_api.encode = function<decltype(opus_api.encode)>(opus[0]);
  opus_api.decode = function<decltype(opus_api.decode)>(opus[1]);
  opus_api.control = function<decltype(opus_api.control)>(opus[2]);
  new (self) BatchLoop(socket, wake, srtp_api, opus_api, coalesce_s);
}

static void set_routes(BatchLoop& self, int stream, nb::list routes) {
  std::vector<media::Route> result;
  for (const nb::handle item : routes) {
    const nb::tuple row = nb::cast<nb::tuple>(item);
    media::Route route;
    route.output = nb::cast<int>(row[0]);
    route.processing = static_cast<media::Processing>(nb::cast<int>(row[1]));
    route.gain = nb::cast<float>(row[2]);
    if (!row[3].is_none()) route.canceller = nb::cast<Canceller<float>*>(row[3]);
    if (route.processing == media::Processing::clean && !route.canceller) {
      throw BadSignal("a clean route needs a canceller");
    }
    result.push_back(route);
  }
  nb::gil_scoped_release unlocked;
  self.set_routes(stream, std::move(result));
}

static nb::list take_items(BatchLoop& self) {
  std::vector<media::Item> items;
  {
    nb::gil_scoped_release unlocked;
    items = self.take_items();
  }
  nb::list result;
  for (const media::Item& item : items) {
    result.append(nb::make_tuple(static_cast<int>(item.kind), item.session, item.stream,
                                 host_of(item.source), item.source.port, item.received_ns,
                                 to_bytes(item.bytes)));
  }
  return result;
}

static nb::dict counters(BatchLoop& self) {
  const media::LoopCounters c = self.counters();
  nb::dict result;
  result["received"] = c.received;
  result["sent"] = c.sent;
  result["ungated"] = c.ungated;
  result["junk"] = c.junk;
  result["srtp_failed"] = c.srtp_failed;
  result["srtp_replayed"] = c.srtp_replayed;
  result["rtcp_malformed"] = c.rtcp_failed;
  result["rtp_unknown"] = c.rtp_unknown;
  result["unencodable"] = c.unencodable;
  result["upward_dropped"] = c.upward_dropped;
  result["batches"] = c.batches;
  result["send_failed"] = c.send_failed;
  return result;
}

static nb::tuple reception(BatchLoop& self, int stream) {
  const media::ReceptionCounters r = self.reception(stream);
  return nb::make_tuple(r.first, r.highest, r.received, r.duplicates, r.late, r.concealed,
                        r.undecodable, r.repeats, r.jitter);
}

static void bind_load_client(nb::module_& m) {
  using media::LoadClient;
  using Release = nb::call_guard<nb::gil_scoped_release>;
  nb::class_<LoadClient>(m, "LoadClient")
      .def("__init__",
           [](LoadClient* self, std::vector<std::uintptr_t> srtp, int wake) {
             new (self) LoadClient(srtp_functions(srtp), wake);
           },
           "srtp"_a, "wake"_a)
      .def("start", &LoadClient::start, Release())
      .def("stop", &LoadClient::stop, Release())
      .def("add", &LoadClient::add, "socket"_a, Release())
      .def("run",
           [](LoadClient& self, int client, std::uintptr_t receive, std::uintptr_t send,
              std::uint32_t ssrc, int payload_type, std::uint32_t ticks, nb::bytes payload,
              double interval_s, double first_s, double loss) {
             const auto* bytes = static_cast<const std::uint8_t*>(payload.data());
             self.run(client, reinterpret_cast<void*>(receive), reinterpret_cast<void*>(send), ssrc,
                      payload_type, ticks, {bytes, bytes + payload.size()}, interval_s, first_s, loss);
           },
           "client"_a, "receive"_a, "send"_a, "ssrc"_a, "payload_type"_a, "ticks"_a, "payload"_a,
           "interval_s"_a, "first_s"_a, "loss"_a)
      .def("pause", &LoadClient::pause, "client"_a, Release())
      .def("protect_rtcp",
           [](LoadClient& self, int client, nb::bytes packet) {
             return to_bytes(self.protect_rtcp(
                 client, static_cast<const std::uint8_t*>(packet.data()), packet.size()));
           },
           "client"_a, "packet"_a)
      .def("take_items",
           [](LoadClient& self) {
             nb::list result;
             for (const auto& item : self.take_items()) {
               result.append(nb::make_tuple(item.client, to_bytes(item.bytes)));
             }
             return result;
           },
           nb::sig("def take_items(self) -> list[tuple[int, bytes]]"))
      .def("totals",
           [](LoadClient& self, int client) {
             const media::LoadTotals t = self.totals(client);
             return nb::make_tuple(t.sent, t.received, t.answered, t.failed, t.late_sends);
           },
           "client"_a = -1,
           nb::sig("def totals(self, client: int = -1) -> tuple[int, int, int, int, int]"))
      .def("take_delays", &LoadClient::take_delays)
      .def("reset_totals", &LoadClient::reset_totals, Release());
}

void bind_media(nb::module_& m) {
  bind_load_client(m);
  using Release = nb::call_guard<nb::gil_scoped_release>;
  nb::class_<BatchLoop>(m, "BatchLoop")
      .def("__init__", &make_loop, "socket"_a, "wake"_a, "srtp"_a, "opus"_a, "coalesce_s"_a)
      .def("start", &BatchLoop::start, Release())
      .def("stop", &BatchLoop::stop, Release())
      .def("add_session", &BatchLoop::add_session, "repeats"_a, Release())
      .def("set_keys",
           [](BatchLoop& self, int session, std::uintptr_t receive, std::uintptr_t send) {
             nb::gil_scoped_release unlocked;
             self.set_keys(session, reinterpret_cast<void*>(receive), reinterpret_cast<void*>(send));
           },
           "session"_a, "receive"_a, "send"_a)
      .def("inject",
           [](BatchLoop& self, int session, nb::bytes packet, std::uint64_t time_ns) {
             self.inject(session, static_cast<const std::uint8_t*>(packet.data()), packet.size(),
                         time_ns);
           },
           "session"_a, "packet"_a, "time_ns"_a)
      .def("remove_session", &BatchLoop::remove_session, "session"_a, Release())
      .def("open_gate",
           [](BatchLoop& self, nb::bytes host, int port, bool tcp, int session) {
             self.open_gate(address(host, port, tcp), session);
           },
           "host"_a, "port"_a, "tcp"_a, "session"_a)
      .def("receive",
           [](BatchLoop& self, nb::bytes host, int port, bool tcp, nb::bytes packet,
              std::uint64_t time_ns) {
             const AddressKey source = address(host, port, tcp);
             const auto* data = static_cast<const std::uint8_t*>(packet.data());
             const std::size_t size = packet.size();
             nb::gil_scoped_release unlocked;
             self.receive(source, data, size, time_ns);
           },
           "host"_a, "port"_a, "tcp"_a, "packet"_a, "time_ns"_a)
      .def("close_gate",
           [](BatchLoop& self, nb::bytes host, int port, bool tcp) {
             self.close_gate(address(host, port, tcp));
           },
           "host"_a, "port"_a, "tcp"_a)
      .def("set_target",
           [](BatchLoop& self, int session, nb::bytes host, int port, bool tcp) {
             self.set_target(session, address(host, port, tcp));
           },
           "session"_a, "host"_a, "port"_a, "tcp"_a)
      .def("add_stream",
           [](BatchLoop& self, int session, std::uint32_t ssrc, int codec, int payload_type,
              int clock_rate, int fs, int channels, bool repeat, std::uintptr_t decoder,
              std::size_t reorder) {
             return self.add_stream(session, ssrc,
                                    format(codec, payload_type, clock_rate, fs, channels, repeat),
                                    reinterpret_cast<void*>(decoder), reorder);
           },
           "session"_a, "ssrc"_a, "codec"_a, "payload_type"_a, "clock_rate"_a, "fs"_a, "channels"_a,
           "repeat"_a, "decoder"_a, "reorder"_a)
      .def("remove_stream", &BatchLoop::remove_stream, "session"_a, "ssrc"_a, Release())
      .def("add_output",
           [](BatchLoop& self, int session, std::uint32_t ssrc, int sequence, std::uint32_t timestamp,
              int codec, int payload_type, int clock_rate, int fs, int channels, bool repeat,
              std::uintptr_t encoder, nb::bytes extension) {
             const auto* bytes = static_cast<const std::uint8_t*>(extension.data());
             return self.add_output(session, ssrc, static_cast<std::uint16_t>(sequence), timestamp,
                                    format(codec, payload_type, clock_rate, fs, channels, repeat),
                                    reinterpret_cast<void*>(encoder),
                                    std::vector<std::uint8_t>(bytes, bytes + extension.size()));
           },
           "session"_a, "ssrc"_a, "sequence"_a, "timestamp"_a, "codec"_a, "payload_type"_a,
           "clock_rate"_a, "fs"_a, "channels"_a, "repeat"_a, "encoder"_a, "extension"_a)
      .def("set_routes", &set_routes, "stream"_a, "routes"_a,
           nb::sig("def set_routes(self, stream: int, routes: list[tuple[int, int, float, object]]) -> "
                   "None"))
      .def("remove_output", &BatchLoop::remove_output, "output"_a, Release())
      .def("resend",
           [](BatchLoop& self, int output, int sequence) {
             nb::gil_scoped_release unlocked;
             return self.resend(output, static_cast<std::uint16_t>(sequence));
           },
           "output"_a, "sequence"_a)
      .def("set_bitrate", &BatchLoop::set_bitrate, "output"_a, "bitrate"_a, Release())
      .def("protect_rtcp",
           [](BatchLoop& self, int session, nb::bytes packet) {
             return to_bytes(self.protect_rtcp(
                 session, static_cast<const std::uint8_t*>(packet.data()), packet.size()));
           },
           "session"_a, "packet"_a)
      .def("send_audio",
           [](BatchLoop& self, int output, Array<float> pcm) {
             nb::gil_scoped_release unlocked;
             return self.send_audio(output, pcm.data(), pcm.shape(0));
           },
           "output"_a, "pcm"_a)
      .def("take_items", &take_items,
           nb::sig("def take_items(self) -> list[tuple[int, int, int, bytes, int, int, bytes]]"))
      .def("counters", &counters, nb::sig("def counters(self) -> dict[str, int]"))
      .def("reception", &reception, "stream"_a,
           nb::sig("def reception(self, stream: int) -> tuple[int, int, int, int, int, int, int, int, float]"))
      .def("output_state",
           [](BatchLoop& self, int output) {
             const auto s = self.output_state(output);
             return nb::make_tuple(s[0], s[1], s[2], s[3]);
           },
           "output"_a, nb::sig("def output_state(self, output: int) -> tuple[int, int, int, int]"))
      .def("take_delays", &BatchLoop::take_delays)
      .def_prop_ro("busy", &BatchLoop::busy);

  m.def(
      "set_g711_tables",
      [](int law, Array1<float> levels, nb::bytes codes) {
        if (levels.shape(0) != 256 || codes.size() != 65536 || law < 0 || law > 1) {
          throw BadSignal("G.711 needs 256 levels and 65536 codes");
        }
        auto& tables = media::g711_tables();
        const auto index = static_cast<std::size_t>(law);
        std::copy_n(levels.data(), 256, tables.level[index].begin());
        std::copy_n(static_cast<const std::uint8_t*>(codes.data()), 65536, tables.code[index].begin());
      },
      "law"_a, "levels"_a, "codes"_a);
}

#else

void bind_media(nb::module_&) {}

#endif

}  // namespace antiphase
