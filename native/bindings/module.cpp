#include "bind.hpp"

namespace antiphase {

template <class T>
static void bind_seams(nb::module_& m) {
  nb::class_<Controller<T>>(m, named<T>("Controller").c_str())
      .def_prop_ro("references", [](const Controller<T>& self) { return self.shape().references; })
      .def_prop_ro("loudspeakers", [](const Controller<T>& self) { return self.shape().loudspeakers; })
      .def_prop_ro("errors", [](const Controller<T>& self) { return self.shape().errors; });
  nb::class_<Canceller<T>>(m, named<T>("Canceller").c_str());
}

static void translate_errors() {
  nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
    const char* name = nullptr;
    std::string message;
    try {
      std::rethrow_exception(pointer);
    } catch (const StateMismatch& error) {
      name = "StateError";
      message = error.what();
    } catch (const BadSignal& error) {
      name = "SignalError";
      message = error.what();
    }
    if (name) {
      const nb::object cls = nb::module_::import_("antiphase.errors").attr(name);
      PyErr_SetString(cls.ptr(), message.c_str());
    }
  });
}

}  // namespace antiphase

NB_MODULE(ANTIPHASE_MODULE, m) {
  using namespace antiphase;
  m.attr("ISA") = ANTIPHASE_ISA;
  translate_errors();
  bind_seams<float>(m);
  bind_seams<double>(m);
  bind_batch(m);
  bind_codecs(m);
  bind_frequency_domain(m);
  bind_fxlms(m);
  bind_lms(m);
  bind_least_squares(m);
  bind_guard(m);
  bind_media(m);
  bind_loop(m);
  bind_multichannel(m);
  bind_narrowband(m);
  bind_peak(m);
  bind_rls(m);
  bind_split_device(m);
  bind_structures(m);
}
