// Records to the body of an OTLP/HTTP request: an ExportLogsServiceRequest, as Protocol Buffers or as JSON
// (opentelemetry-proto: collector/logs/v1/logs_service.proto, logs/v1/logs.proto; in JSON, ids are hexadecimal, enums
// numbers, and integers of 64 bits strings).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "logs/record.hpp"

namespace cofferdam::logs {

// What a record becomes:
//   time and observed time   Record::time
//   severity                 5 DEBUG, 9 INFO, 13 WARN, 17 ERROR, 21 FATAL, with cofferdam's name of the level
//   body                     the message; bytesValue when it is no UTF-8
//   attributes               log.iostream (stdout, stderr) or cofferdam.stream (syslog, cofferdam), cofferdam.seq;
//                            where they apply cofferdam.partial.id, .n and .last, cofferdam.eol = false,
//                            cofferdam.gap.count, .first and .reason; then the fields. A field that bears one of these
//                            names is written as app.NAME
//   trace and span id        Record::trace_id, Record::span_id
// A field's value keeps its JSON type. As text, as it was written, come numbers that neither a 64-bit integer nor a
// double holds, and what is nested more than 30 deep (decoders stop at 100 messages, three of which are one level).
class OtlpEncoder {
 public:
  enum class Format : std::uint8_t { protobuf, json };

  // `resource`: the attributes of the resource, all of them text.
  OtlpEncoder(Format format, const std::map<std::string, std::string>& resource);

  [[nodiscard]] std::string encode(std::span<const Record> records) const;

 private:
  Format format_;
  std::string resource_;  // encoded
  std::string scope_;
};

// What a server says about a request that it has taken (ExportLogsServiceResponse), or not (google.rpc.Status).
struct OtlpAnswer {
  std::uint64_t rejected = 0;  // records of the request
  std::string message;         // perhaps for people
};
// Anything else than such an answer gives an empty one.
[[nodiscard]] OtlpAnswer read_otlp_success(std::string_view body, std::string_view content_type);
[[nodiscard]] std::string read_otlp_status(std::string_view body, std::string_view content_type);

}  // namespace cofferdam::logs
