#include "logs/json_encoder.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>

#include "base/json.hpp"
#include "base/text.hpp"
#include "logs/escape.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kDigits = 20;
// All that is not the instance's name, escaped message or fields: the longest of each part.
constexpr std::string_view kLongest =
    R"({"ts":"2026-01-31T12:00:00.123456789Z","seq":18446744073709551615,"instance":,"stream":"cofferdam",)"
    R"("level":"critical","message_b64":"","encoding":"base64","partial":{"id":18446744073709551615,)"
    R"("n":18446744073709551615,"last":false},"eol":false,"trace_id":"0123456789abcdef0123456789abcdef",)"
    R"("span_id":"0123456789abcdef","fields":{}})"
    "\n";
constexpr std::size_t kMessageEnd = 3;  // ":"
// Blocks are copied before it is known how much of them counts.
constexpr std::size_t kSlack = 128;

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put_number(char* out, std::uint64_t value) {
  return std::to_chars(out, out + kDigits, value).ptr;
}

char* put_partial(const Record& record, char* at) {
  at = put(at, R"(,"partial":{"id":)");
  at = put_number(at, record.partial_id);
  at = put(at, R"(,"n":)");
  at = put_number(at, record.partial_n);
  return put(at, record.partial_last ? R"(,"last":true})" : R"(,"last":false})");
}

void append_string(OutBuffer& out, std::string_view text) {
  std::string quoted;
  base::append_json_string(quoted, text);
  out.append(quoted);
}

void append_fields(const Record& record, OutBuffer& out) {
  out.append(R"(,"fields":{)");
  bool first = true;
  for (const Field& field : record.fields) {
    if (!first) out.append(',');
    first = false;
    append_string(out, field.key);
    out.append(':');
    out.append(field.json);
  }
  out.append('}');
}

void append_gap(const Record& record, OutBuffer& out) {
  char* const start = out.reserve(kLongest.size());
  char* at = put(start, R"(,"gap":{"first":)");
  at = put_number(at, record.gap_first);
  at = put(at, R"(,"last":)");
  at = put_number(at, record.seq);
  at = put(at, R"(,"count":)");
  at = put_number(at, record.gap_count);
  at = put(at, R"(,"reason":)");
  out.commit(static_cast<std::size_t>(at - start));
  append_string(out, record.gap_reason);
  out.append('}');
}

}  // namespace

JsonEncoder::JsonEncoder(std::string_view instance) {
  for (std::size_t stream = 0; stream < kLogStreams; ++stream) {
    for (std::size_t level = 0; level < kLogLevels; ++level) {
      std::string middle = ",\"instance\":";
      base::append_json_string(middle, instance.substr(0, 255));
      middle += ",\"stream\":\"";
      middle += to_string(static_cast<Stream>(stream));
      middle += "\",\"level\":\"";
      middle += to_string(static_cast<LogLevel>(level));
      middle += R"(","message":")";
      Middle& kept = middles_.emplace_back();
      kept.size = std::min(middle.size(), kept.text.size());
      std::memcpy(kept.text.data(), middle.data(), kept.size);
    }
  }
}

std::size_t JsonEncoder::overhead() const {
  return kLongest.size() + middles_.back().size;
}

char* JsonEncoder::Counter::put(std::uint64_t value, std::size_t width, char* out) {
  std::size_t at = kDigits;
  if (value == value_ + 1 && begin_ != kDigits) {
    while (at != begin_ && digits_[at - 1] == '9') digits_[--at] = '0';
    if (at != begin_) {
      ++digits_[at - 1];
    } else {
      digits_[--begin_] = '1';
    }
  } else {
    for (std::uint64_t rest = value; rest != 0 || at > kDigits - std::max<std::size_t>(width, 1); rest /= 10) {
      digits_[--at] = static_cast<char>('0' + rest % 10);
    }
    begin_ = at;
  }
  value_ = value;
  std::memcpy(out, digits_.data() + begin_, kDigits);
  return out + (kDigits - begin_);
}

// Nine digits after the second, which is rendered anew only when it changes.
char* JsonEncoder::put_time(std::int64_t time, char* out) {
  std::int64_t rest = time - second_;
  if (second_ < 0 || rest < 0 || rest >= kSecond) {
    second_ = time / kSecond * kSecond;
    rest = time - second_;
    const std::string text = R"({"ts":")" + base::rfc3339(std::timespec{time / kSecond, 0});
    std::memcpy(second_text_.data(), text.data(), second_text_.size());
  }
  std::memcpy(out, second_text_.data(), second_text_.size());
  return nanoseconds_.put(static_cast<std::uint64_t>(rest), 9, out + second_text_.size());
}

void JsonEncoder::append(const Record& record, OutBuffer& out) {
  const std::string_view message = record.message;
  // Most messages need no escape: the room for one is asked for only when it is needed.
  const std::size_t worst = message.size() * 6 + overhead() + kSlack;
  char* const start = out.reserve(worst);
  char* at = put_time(record.time, start);
  at = put(at, R"(Z","seq":)");
  at = seq_.put(record.seq, 1, at);
  const Middle& middle = middles_[index_of(record.stream) * kLogLevels + static_cast<std::size_t>(record.level)];
  // A copy of constant size is a few instructions; what is too much is overwritten.
  std::memcpy(at, middle.text.data(), Middle::kUsual);
  if (middle.size > Middle::kUsual) std::memcpy(at, middle.text.data(), middle.size);
  at += middle.size;

  char* const begin = at;
  const Escaped escaped = escape_json(message, at, start + worst - kEscapeSlack);
  at = escaped.out;
  if (escaped.stop == EscapeStop::invalid) {
    at = put(begin - kMessageEnd, R"(_b64":")");
    at = encode_base64(message, at);
    at = put(at, R"(","encoding":"base64)");
  }
  *at++ = '"';
  if (record.partial_id != 0) at = put_partial(record, at);
  if (!record.eol) at = put(at, R"(,"eol":false)");
  if (!record.trace_id.empty()) at = put(put(put(at, R"(,"trace_id":")"), record.trace_id), "\"");
  if (!record.span_id.empty()) at = put(put(put(at, R"(,"span_id":")"), record.span_id), "\"");
  if (record.fields.empty() && record.gap_count == 0) {
    at = put(at, "}\n");
    out.commit(static_cast<std::size_t>(at - start));
    return;
  }
  out.commit(static_cast<std::size_t>(at - start));
  if (!record.fields.empty()) append_fields(record, out);
  if (record.gap_count != 0) append_gap(record, out);
  out.append("}\n");
}

}  // namespace cofferdam::logs
