// Which instruction sets may be used here: CPUID for the processor, XGETBV for the operating system.
// Own code instead of __builtin_cpu_supports, which answers 0 under the zig compiler.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>

namespace {

bool has_avx2_and_fma() {
  std::uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
  constexpr std::uint32_t fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
  if ((c & (fma | osxsave | avx | f16c)) != (fma | osxsave | avx | f16c)) return false;
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 6u) != 6u) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  constexpr std::uint32_t avx2 = 1u << 5, bmi2 = 1u << 8;
  return (b & (avx2 | bmi2)) == (avx2 | bmi2);
}

}  // namespace
#else
namespace {
bool has_avx2_and_fma() { return false; }
}  // namespace
#endif

static PyObject* isas(PyObject*, PyObject*) {
  return has_avx2_and_fma() ? Py_BuildValue("(ss)", "avx2", "baseline")
                            : Py_BuildValue("(s)", "baseline");
}

static PyMethodDef methods[] = {
    {"isas", isas, METH_NOARGS, "isas() -> tuple of usable instruction sets, best first"},
    {nullptr, nullptr, 0, nullptr}};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_cpu", nullptr, 0, methods,
                                 nullptr,               nullptr, nullptr, nullptr};

PyMODINIT_FUNC PyInit__cpu() { return PyModule_Create(&definition); }
