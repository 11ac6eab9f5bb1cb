// A Record as flat bytes, for rings and spill files: a head of 32 bytes, the partial's and the gap's numbers where
// there are any, then the message, the trace ids, the reason and the fields. Native byte order: it never leaves its
// machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "logs/out_buffer.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

// How many bytes pack() writes. Views longer than their field in the format are cut: keys, trace ids and span ids at
// 255 bytes, a gap's reason at 65535, a message and a field's JSON at 4 GiB.
[[nodiscard]] std::size_t packed_size(const Record& record);

// Writes packed_size(record) bytes at `out`; returns one past the last.
char* pack(const Record& record, char* out);
void pack(const Record& record, OutBuffer& out);

// What is at fixed places of a packed record; what a queue needs to count and to drop without unpacking.
struct PackedHead {
  std::uint64_t seq = 0;
  std::int64_t time = 0;
  std::uint64_t gap_count = 0;  // 0: a record; else an announcement of so many lost ones
  std::uint64_t gap_first = 0;
  std::uint32_t fields = 0;
};
// False when `bytes` are too short to have a head.
[[nodiscard]] bool peek(std::string_view bytes, PackedHead& head);

// The views of `record` point into `bytes`; its fields are appended to `fields`, and `record.fields` is valid as long
// as `fields` does not grow beyond its capacity: reserve the sum of PackedHead::fields for a batch. False, with
// `fields` as it was, when `bytes` are no packed record: lengths that don't add up, an unknown stream or level. Any
// input is safe.
[[nodiscard]] bool unpack(std::string_view bytes, Record& record, std::vector<Field>& fields);

}  // namespace cofferdam::logs
