// Save and load of a kernel's state: each class lists its members once, in `visit`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace antiphase {

// Thrown when a saved state does not fit the object it is loaded into.
struct StateMismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws Error(message()); where exceptions are off (WebAssembly) it stops the module instead.
template <class Error, class Message>
[[noreturn]] inline void fail(Message message) {
#if defined(__cpp_exceptions)
  throw Error(message());
#else
  (void)message;
  __builtin_trap();
#endif
}

class Archive {
 public:
  Archive() = default;  // saving
  Archive(const std::uint8_t* data, std::size_t size) : data_(data), size_(size), loading_(true) {}

  bool loading() const { return loading_; }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }
  void finish() const {
    if (loading_ && position_ != size_) mismatch("state has trailing bytes");
  }

  // A value that must be the same in the state and in the object (class name, number of taps, ...).
  void expect(const char* what, std::uint64_t value) {
    std::uint64_t stored = value;
    (*this)(stored);
    if (stored != value) {
      fail<StateMismatch>([&] {
        return std::string("state has ") + what + "=" + std::to_string(stored) + ", expected " +
               std::to_string(value);
      });
    }
  }

  void expect(const char* name) {
    std::uint64_t hash = 1469598103934665603ull;
    for (const char* c = name; *c != 0; ++c) {
      hash = (hash ^ static_cast<unsigned char>(*c)) * 1099511628211ull;
    }
    std::uint64_t stored = hash;
    (*this)(stored);
    if (stored != hash) fail<StateMismatch>([&] { return std::string("state is not of a ") + name; });
  }

  template <class V>
  std::enable_if_t<std::is_arithmetic_v<V> || std::is_enum_v<V>> operator()(V& value) {
    raw(&value, sizeof(V));
  }

  template <class V, class A>
  std::enable_if_t<std::is_arithmetic_v<V>> operator()(std::vector<V, A>& values) {
    std::uint64_t size = values.size();
    (*this)(size);
    if (size != values.size()) mismatch("state has arrays of another length");
    raw(values.data(), values.size() * sizeof(V));
  }

  // Bytes of any length, such as the state of an object that is not native.
  void blob(std::vector<std::uint8_t>& bytes) {
    std::uint64_t size = bytes.size();
    (*this)(size);
    if (loading_) {
      if (size > size_ - position_) mismatch("state is cut short");
      bytes.resize(static_cast<std::size_t>(size));
    }
    raw(bytes.data(), bytes.size());
  }

 private:
  [[noreturn]] static void mismatch(const char* message) {
    fail<StateMismatch>([&] { return message; });
  }

  void raw(void* target, std::size_t n) {
    if (n == 0) return;
    if (loading_) {
      if (n > size_ - position_) mismatch("state is cut short");
      std::memcpy(target, data_ + position_, n);
      position_ += n;
    } else {
      const auto* source = static_cast<const std::uint8_t*>(target);
      bytes_.insert(bytes_.end(), source, source + n);
    }
  }

  std::vector<std::uint8_t> bytes_;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t position_ = 0;
  bool loading_ = false;
};

// Save to bytes / load from bytes for anything with `visit(Archive&)`. A failed load changes nothing.
template <class Object>
std::vector<std::uint8_t> save_state(Object& object) {
  Archive archive;
  object.visit(archive);
  return archive.bytes();
}

#if defined(__cpp_exceptions)
template <class Object>
void load_state(Object& object, const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> before = save_state(object);
  try {
    Archive archive(data, size);
    object.visit(archive);
    archive.finish();
  } catch (...) {
    Archive undo(before.data(), before.size());
    object.visit(undo);
    throw;
  }
}
#endif

}  // namespace antiphase
