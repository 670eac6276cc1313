// What the C++ library needs in a module without a system: memory from one static arena, which is
// given once and taken back as a whole, and ends for what can't happen.
// Include once per module, after defining ANTIPHASE_ARENA_BYTES.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#define EXPORT(name) extern "C" __attribute__((export_name(#name)))

namespace {

alignas(64) std::uint8_t arena[ANTIPHASE_ARENA_BYTES];
std::size_t arena_used = 0;

}  // namespace

void* operator new(std::size_t size, std::align_val_t alignment) {
  const std::size_t align = static_cast<std::size_t>(alignment);
  const std::size_t start = (arena_used + align - 1) / align * align;
  if (start + size > sizeof arena) __builtin_trap();
  arena_used = start + size;
  return arena + start;
}
void* operator new(std::size_t size) { return operator new(size, std::align_val_t{16}); }
void operator delete(void*) noexcept {}
void operator delete(void*, std::size_t) noexcept {}
void operator delete(void*, std::align_val_t) noexcept {}
void operator delete(void*, std::size_t, std::align_val_t) noexcept {}

extern "C" void __cxa_pure_virtual() { __builtin_trap(); }
// Called by libc++ where it would throw: a vector too long, which fixed sizes rule out.
namespace std {
inline namespace __1 {
[[noreturn]] void __libcpp_verbose_abort(const char*, ...) noexcept { __builtin_trap(); }
}  // namespace __1
}  // namespace std
