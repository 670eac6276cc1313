// Which session a datagram's source belongs to: open addressing, so that a search touches one line
// of memory, which can be asked for beforehand.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "media/packet.hpp"

namespace antiphase::media {

class SourceGate {
 public:
  SourceGate() : entries_(std::size_t{1} << bits_) {}

  void prefetch(const AddressKey& source) const { __builtin_prefetch(&entries_[home(source)]); }

  // The session of a source, -1 where none has opened the gate to it.
  std::int32_t find(const AddressKey& source) const { return entries_[place_of(source)].session; }

  void open(const AddressKey& source, std::int32_t session) {
    const std::size_t place = place_of(source);
    if (entries_[place].session < 0) ++used_;
    entries_[place] = {source, session};
    if (2 * used_ > entries_.size()) grow();
  }

  void close(const AddressKey& source) {
    std::size_t hole = place_of(source);
    if (entries_[hole].session < 0) return;
    --used_;
    // Entries behind that would no longer be found move up.
    for (std::size_t k = next(hole); entries_[k].session >= 0; k = next(k)) {
      const std::size_t from_home = (k - home(entries_[k].source)) & (entries_.size() - 1);
      const std::size_t from_hole = (k - hole) & (entries_.size() - 1);
      if (from_home < from_hole) continue;
      entries_[hole] = entries_[k];
      hole = k;
    }
    entries_[hole] = Entry{};
  }

  void close_all(std::int32_t session) {
    std::vector<AddressKey> sources;
    for (const Entry& entry : entries_) {
      if (entry.session == session) sources.push_back(entry.source);
    }
    for (const AddressKey& source : sources) close(source);
  }

 private:
  struct alignas(32) Entry {
    AddressKey source;
    std::int32_t session = -1;
  };

  std::size_t home(const AddressKey& source) const {
    std::uint64_t a = 0, b = 0;
    std::memcpy(&a, source.host.data(), 8);
    std::memcpy(&b, source.host.data() + 8, 8);
    std::uint64_t mixed = (a ^ (b * 0x9E3779B97F4A7C15ull)) + source.port;
    mixed ^= mixed >> 31;
    return static_cast<std::size_t>((mixed * 0xBF58476D1CE4E5B9ull) >> (64 - bits_));
  }
  std::size_t next(std::size_t place) const { return (place + 1) & (entries_.size() - 1); }

  // Where a source is, or where it would go.
  std::size_t place_of(const AddressKey& source) const {
    std::size_t k = home(source);
    while (entries_[k].session >= 0 && !(entries_[k].source == source)) k = next(k);
    return k;
  }

  void grow() {
    std::vector<Entry> old(std::size_t{1} << ++bits_);
    old.swap(entries_);
    for (const Entry& entry : old) {
      if (entry.session >= 0) entries_[place_of(entry.source)] = entry;
    }
  }

  unsigned bits_ = 6;
  std::vector<Entry> entries_;  // 2^bits of them, at most half in use
  std::size_t used_ = 0;
};

}  // namespace antiphase::media
