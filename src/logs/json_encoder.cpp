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

constexpr std::int64_t kNanosecondsASecond = 1'000'000'000;
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

// Nothing beside its message, as most are: one test for all.
bool is_bare(const Record& record) {
  return ((record.partial_id | record.trace_id.size() | record.span_id.size() | record.fields.size() |
           record.gap_count) == 0) &
         record.eol;
}

// All that stands behind the message, instead of the end that is there.
[[gnu::noinline]] void append_details(const Record& record, OutBuffer& out) {
  constexpr std::string_view kEnd = "}\n";
  out.take_back(kEnd.size());
  char* const start = out.reserve(kLongest.size());
  char* at = start;
  if (record.partial_id != 0) at = put_partial(record, at);
  if (!record.eol) at = put(at, R"(,"eol":false)");
  if (!record.trace_id.empty()) at = put(put(put(at, R"(,"trace_id":")"), record.trace_id), "\"");
  if (!record.span_id.empty()) at = put(put(put(at, R"(,"span_id":")"), record.span_id), "\"");
  out.commit(static_cast<std::size_t>(at - start));
  if (!record.fields.empty()) append_fields(record, out);
  if (record.gap_count != 0) append_gap(record, out);
  out.append(kEnd);
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
  overhead_ = kLongest.size() + middles_.back().size;
}

bool JsonEncoder::Head::carry(std::size_t last) {
  while (text_[last] == '9') text_[last--] = '0';
  if (text_[last] < '0' || text_[last] > '8') return false;
  ++text_[last];
  return true;
}

void JsonEncoder::Head::render() {
  if (second_ != time_ / kNanosecondsASecond) {
    second_ = time_ / kNanosecondsASecond;
    const std::string text = R"({"ts":")" + base::rfc3339(std::timespec{second_, 0});
    std::memcpy(text_.data(), text.data(), kTime + kSecond);
  }
  char* at = text_.data() + kSeq - kGap;
  std::int64_t rest = time_ % kNanosecondsASecond;
  for (std::size_t digit = 0; digit < kNanoseconds; ++digit, rest /= 10) *--at = static_cast<char>('0' + rest % 10);
  (void)logs::put(text_.data() + kSeq - kGap, R"(Z","seq":)");
  size_ = static_cast<std::size_t>(put_number(text_.data() + kSeq, seq_) - text_.data());
}

void JsonEncoder::append(const Record& record, OutBuffer& out) {
  const std::string_view message = record.message;
  // Most messages need no escape: the room for one is asked for only when it is needed.
  const std::size_t worst = message.size() * 6 + overhead() + kSlack;
  char* const start = out.reserve(worst);
  head_.set(record.time, record.seq);
  char* at = head_.put(start);
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
  // Most records end here.
  at = put(at, "\"}\n");
  out.commit(static_cast<std::size_t>(at - start));
  if (!is_bare(record)) append_details(record, out);
}

}  // namespace cofferdam::logs
