#include <vector>

#include "bind.hpp"
#include "g722.hpp"

namespace antiphase {

using Pcm = nb::ndarray<const std::int16_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void bind_codecs(nb::module_& m) {
  nb::class_<g722::Encoder>(m, "G722Encoder")
      .def(nb::init<>())
      .def(
          "encode",
          [](g722::Encoder& self, Pcm samples) {
            if (samples.shape(0) % 2 != 0) throw BadSignal("samples must be even in number");
            std::vector<std::uint8_t> bytes(samples.shape(0) / 2);
            {
              nb::gil_scoped_release unlocked;
              self.encode(samples.data(), samples.shape(0), bytes.data());
            }
            return nb::bytes(bytes.data(), bytes.size());
          },
          "samples"_a);
  nb::class_<g722::Decoder>(m, "G722Decoder")
      .def(nb::init<>())
      .def(
          "decode",
          [](g722::Decoder& self, nb::bytes payload) {
            const std::size_t n = payload.size();
            auto samples = new_array<std::int16_t>({2 * n});
            self.decode(static_cast<const std::uint8_t*>(payload.data()), n, samples.data());
            return samples.cast();
          },
          "payload"_a);
}

}  // namespace antiphase
