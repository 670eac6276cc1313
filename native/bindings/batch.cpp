#include "batch.hpp"

#include "bind.hpp"

namespace antiphase {

// A batch and the Python objects that own its kernels.
template <class T>
struct OwnedBatch {
  using List = nb::typed<nb::list, nb::object>;
  explicit OwnedBatch(List filters) : owners(filters), batch(kernels(filters)) {}

  static std::vector<Kernel<T>*> kernels(List filters) {
    std::vector<Kernel<T>*> found;
    for (nb::handle filter : filters) {
      if (nb::isinstance<Controller<T>>(filter)) found.push_back(nb::cast<Controller<T>*>(filter));
      else found.push_back(nb::cast<Canceller<T>*>(filter));
    }
    return found;
  }

  List owners;
  Batch<T> batch;
};

// Frames of an array that must be [session][frame] or [session][frame][channel].
template <class A>
static std::size_t batch_frames(const char* name, const A& array, std::size_t sessions,
                                std::size_t channels) {
  const bool flat = array.ndim() == 2 && channels == 1;
  const bool framed = array.ndim() == 3 && array.shape(2) == channels;
  if ((!flat && !framed) || array.shape(0) != sessions) {
    throw BadSignal(std::string(name) + " must have the shape (" + std::to_string(sessions) + ", n" +
                    (channels == 1 ? ")" : ", " + std::to_string(channels) + ")"));
  }
  return array.shape(1);
}

template <class T>
static nb::object process(OwnedBatch<T>& self, Array<T> first, Array<T> second, nb::object out) {
  Batch<T>& batch = self.batch;
  const std::size_t n = batch_frames("first", first, batch.size(), batch.first());
  if (batch_frames("second", second, batch.size(), batch.second()) != n) {
    throw BadSignal("first and second must have as many frames as each other");
  }
  const std::size_t channels = batch.output();
  nb::object result = out;
  T* target = nullptr;
  if (out.is_none()) {
    auto array = channels == 1 ? new_array<T>({batch.size(), n}) : new_array<T>({batch.size(), n, channels});
    target = array.data();
    result = array.cast();
  } else {
    auto array = nb::cast<nb::ndarray<T, nb::c_contig, nb::device::cpu>>(out, false);
    if (batch_frames("out", array, batch.size(), channels) != n) {
      throw BadSignal("out must have as many frames as first");
    }
    target = array.data();
  }
  {
    nb::gil_scoped_release unlocked;
    batch.process(first.data(), second.data(), target, n);
  }
  return result;
}

template <class T>
static void bind(nb::module_& m) {
  nb::class_<OwnedBatch<T>>(m, named<T>("Batch").c_str())
      .def(nb::init<typename OwnedBatch<T>::List>(), "filters"_a)
      .def("process", &process<T>, "first"_a, "second"_a, "out"_a = nb::none());
}

void bind_batch(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace antiphase
