#include "logs/sinks/fluentd_encoder.hpp"

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <msgpack.hpp>

#include "base/text.hpp"
#include "logs/escape.hpp"
#include "logs/net/gzip.hpp"
#include "logs/sinks/json_cursor.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::size_t kChunkBytes = 16;
constexpr std::size_t kChunkText = 24;  // of base64
constexpr int kDeepest = 32;
constexpr std::int64_t kSecond = 1'000'000'000;

struct Output {
  std::string bytes;
  void write(const char* data, std::size_t size) { bytes.append(data, size); }
};
using Packer = msgpack::packer<Output>;

void put(Packer& packer, std::string_view text) {
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}

void put_number(Packer& packer, std::string_view text) {
  const char* const end = text.data() + text.size();
  std::int64_t whole = 0;
  if (const auto [at, error] = std::from_chars(text.data(), end, whole); error == std::errc{} && at == end) {
    packer.pack(whole);
    return;
  }
  std::uint64_t large = 0;
  if (const auto [at, error] = std::from_chars(text.data(), end, large); error == std::errc{} && at == end) {
    packer.pack(large);
    return;
  }
  double real = 0;
  if (const auto [at, error] = std::from_chars(text.data(), end, real); error == std::errc{} && at == end) {
    packer.pack(real);
  } else {
    put(packer, text);
  }
}

// How many elements or members the array or object has.
std::uint32_t count_of(std::string_view json, bool object) {
  JsonCursor cursor(json);
  cursor.enter();
  std::uint32_t count = 0;
  while (cursor.next()) {
    if (object) {
      (void)cursor.skip();
      cursor.colon();
    }
    (void)cursor.skip();
    ++count;
  }
  return count;
}

void put_value(Packer& packer, std::string_view json, int depth) {
  JsonCursor cursor(json);
  const JsonCursor::Kind kind = cursor.kind();
  const bool object = kind == JsonCursor::Kind::object;
  switch (kind) {
    case JsonCursor::Kind::boolean:
      if (cursor.boolean()) {
        packer.pack_true();
      } else {
        packer.pack_false();
      }
      return;
    case JsonCursor::Kind::number: put_number(packer, cursor.number()); return;
    case JsonCursor::Kind::string: put(packer, cursor.string()); return;
    case JsonCursor::Kind::array:
    case JsonCursor::Kind::object: break;
    default: packer.pack_nil(); return;
  }
  if (depth >= kDeepest) {
    put(packer, json);
    return;
  }
  const std::uint32_t count = count_of(json, object);
  if (object) {
    packer.pack_map(count);
  } else {
    packer.pack_array(count);
  }
  cursor.enter();
  while (cursor.next()) {
    if (object) {
      put(packer, cursor.string());
      cursor.colon();
    }
    put_value(packer, cursor.skip(), depth + 1);
  }
}

// Extension type 0: seconds and nanoseconds, 32 bits each, big-endian.
void put_time(Packer& packer, std::int64_t time) {
  const auto seconds = static_cast<std::uint32_t>(time / kSecond);
  const auto nanoseconds = static_cast<std::uint32_t>(time % kSecond);
  std::array<char, 8> bytes{};
  for (std::size_t i = 0; i < 4; ++i) {
    bytes.at(i) = static_cast<char>(seconds >> (24 - 8 * i));
    bytes.at(4 + i) = static_cast<char>(nanoseconds >> (24 - 8 * i));
  }
  packer.pack_ext(bytes.size(), 0);
  packer.pack_ext_body(bytes.data(), bytes.size());
}

std::string base64(std::string_view bytes) {
  std::string text(base64_size(bytes.size()), '\0');
  (void)encode_base64(bytes, text.data());
  return text;
}

void put_record(Packer& packer, const Record& record, std::string_view instance) {
  packer.pack_array(2);
  put_time(packer, record.time);
  const bool gap = record.gap_count != 0;
  const std::size_t members = 5 + (record.text ? 0 : 1) + (record.eol ? 0 : 1) + (record.partial_id != 0 ? 3 : 0) +
                              (record.trace_id.empty() ? 0 : 1) + (record.span_id.empty() ? 0 : 1) + (gap ? 3 : 0) +
                              record.fields.size();
  packer.pack_map(static_cast<std::uint32_t>(members));
  const auto text = [&](std::string_view key, std::string_view value) {
    put(packer, key);
    put(packer, value);
  };
  const auto number = [&](std::string_view key, std::uint64_t value) {
    put(packer, key);
    packer.pack(value);
  };
  const auto flag = [&](std::string_view key, bool value) {
    put(packer, key);
    packer.pack(value);
  };
  if (record.text) {
    text("message", record.message);
  } else {
    text("message_b64", base64(record.message));
    text("encoding", "base64");
  }
  text("level", to_string(record.level));
  text("stream", to_string(record.stream));
  text("instance", instance);
  number("seq", record.seq);
  if (!record.eol) flag("eol", false);
  if (record.partial_id != 0) {
    number("partial_id", record.partial_id);
    number("partial_n", record.partial_n);
    flag("partial_last", record.partial_last);
  }
  if (!record.trace_id.empty()) text("trace_id", record.trace_id);
  if (!record.span_id.empty()) text("span_id", record.span_id);
  if (gap) {
    number("gap_count", record.gap_count);
    number("gap_first", record.gap_first);
    text("gap_reason", record.gap_reason);
  }
  for (const Field& field : record.fields) {
    put(packer, field.key);
    put_value(packer, field.json, 0);
  }
}

std::string chunk_id(std::string_view entries) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(entries.data(), entries.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) return {};
  return base64({reinterpret_cast<const char*>(digest.data()), kChunkBytes});
}

}  // namespace

std::string FluentdEncoder::encode(std::span<const Record> records) const {
  Output entries;
  Packer entry(entries);
  for (const Record& record : records) put_record(entry, record, instance_);
  const std::string chunk = options_.ack ? chunk_id(entries.bytes) : std::string();
  if (options_.gzip) entries.bytes = gzip(entries.bytes);

  Output message;
  Packer packer(message);
  packer.pack_array(3);
  put(packer, tag_);
  packer.pack_bin(static_cast<std::uint32_t>(entries.bytes.size()));
  packer.pack_bin_body(entries.bytes.data(), static_cast<std::uint32_t>(entries.bytes.size()));
  packer.pack_map(1 + (options_.gzip ? 1 : 0) + (options_.ack ? 1 : 0));
  put(packer, "size");
  packer.pack(static_cast<std::uint64_t>(records.size()));
  if (options_.gzip) {
    put(packer, "compressed");
    put(packer, "gzip");
  }
  if (options_.ack) {  // the last member: chunk_of() finds it there
    put(packer, "chunk");
    put(packer, chunk);
  }
  return std::move(message.bytes);
}

std::string chunk_of(std::string_view message) {
  return std::string(message.substr(message.size() - std::min(message.size(), kChunkText)));
}

}  // namespace cofferdam::logs
