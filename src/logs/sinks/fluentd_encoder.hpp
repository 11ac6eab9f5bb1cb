// Records to messages of the Fluentd forward protocol (Forward Protocol Specification v1).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "logs/record.hpp"

namespace cofferdam::logs {

// What a record becomes: an entry [EventTime, map]. The map has message, level, stream, instance and seq, then, where
// they apply, eol, partial_id, partial_n, partial_last, trace_id, span_id, gap_count, gap_first and gap_reason, then
// the record's fields with their JSON types. A message that is no UTF-8 stands as message_b64 with encoding "base64",
// as it does in JSON: what collectors make of other bytes differs.
class FluentdEncoder {
 public:
  struct Options {
    bool gzip = false;
    bool ack = true;  // ask for an acknowledgement, which comes for what has a chunk
  };
  FluentdEncoder(std::string tag, std::string instance, const Options& options)
      : tag_(std::move(tag)), instance_(std::move(instance)), options_(options) {}

  // A PackedForward message, or CompressedPackedForward: [tag, entries, {size, compressed, chunk}]. The chunk is made
  // from the entries, so the same records have the same one.
  [[nodiscard]] std::string encode(std::span<const Record> records) const;

 private:
  std::string tag_;
  std::string instance_;
  Options options_;
};

// The chunk of a message that encode() made with one.
[[nodiscard]] std::string chunk_of(std::string_view message);

}  // namespace cofferdam::logs
