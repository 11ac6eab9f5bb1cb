#include "logs/json_encoder.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/json.hpp"
#include "logs/escape.hpp"
#include "logs/framer.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
// ","encoding":"base64","partial":{"id":<20>,"n":<20>,"last":false},"eol":false}\n
constexpr std::size_t kLongestEnd = 160;

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put_number(char* out, std::uint64_t value) {
  return std::to_chars(out, out + 20, value).ptr;
}

}  // namespace

void RecordClock::set(const std::timespec& now) {
  if (now.tv_sec < second_ || (now.tv_sec == second_ && now.tv_nsec <= nanosecond_)) return;
  second_ = now.tv_sec;
  nanosecond_ = now.tv_nsec;
}

void RecordClock::render_second() {
  const std::string text = base::rfc3339(std::timespec{second_, 0});
  std::memcpy(text_.data(), text.data(), text_.size());
  rendered_ = second_;
}

char* RecordClock::next(char* out) {
  if (nanosecond_ >= kSecond) {
    nanosecond_ -= kSecond;
    ++second_;
  }
  if (rendered_ != second_) render_second();
  out = put(out, {text_.data(), text_.size()});
  auto rest = static_cast<std::uint32_t>(nanosecond_++);
  for (int digit = 8; digit >= 0; --digit) {
    out[digit] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  out[9] = 'Z';
  return out + 10;
}

JsonEncoder::JsonEncoder(std::string_view instance) {
  for (const Stream stream : {Stream::out, Stream::err}) {
    for (std::size_t level = 0; level < kLogLevels; ++level) {
      std::string& middle = middles_.at(index_of(stream)).at(level);
      middle = ",\"instance\":";
      base::append_json_string(middle, instance.substr(0, 255));
      middle += ",\"stream\":\"";
      middle += to_string(stream);
      middle += "\",\"level\":\"";
      middle += to_string(static_cast<LogLevel>(level));
      middle += "\",";
    }
  }
}

void JsonEncoder::append(const Piece& piece, OutBuffer& out) {
  Line& line = lines_[index_of(piece.stream)];
  if (piece.first) {
    line = Line{};
    line.level = detect_level(piece.bytes);
  }
  std::string_view rest = piece.bytes;
  do {
    rest.remove_prefix(append_record(piece, rest, line, out));
  } while (!rest.empty());
}

std::size_t JsonEncoder::append_record(const Piece& piece, std::string_view rest, Line& line, OutBuffer& out) {
  char* const start = out.reserve(kMaxRecord);
  char* const limit = start + kMaxRecord - kLongestEnd;
  char* at = put(start, R"({"ts":")");
  at = clock_.next(at);
  at = put(at, R"(","seq":)");
  at = put_number(at, ++seq_);
  at = put(at, middles_[index_of(piece.stream)][static_cast<std::size_t>(line.level)]);

  char* const message = at;
  at = put(at, R"("message":")");
  const Escaped escaped = escape_json(rest, at, limit);
  std::size_t consumed = escaped.consumed;
  at = escaped.out;
  bool base64 = false;
  if (escaped.stop == EscapeStop::invalid) {
    base64 = true;
    at = put(message, R"("message_b64":")");
    consumed = cut_between_characters(rest, std::min(rest.size(), static_cast<std::size_t>(limit - at) / 4 * 3));
    at = encode_base64(rest.substr(0, consumed), at);
  }
  *at++ = '"';

  const bool line_ends = piece.last && consumed == rest.size();
  if (base64) at = put(at, R"(,"encoding":"base64")");
  if (line.id == 0 && !line_ends) line.id = ++last_id_;
  if (line.id != 0) {
    at = put(at, R"(,"partial":{"id":)");
    at = put_number(at, line.id);
    at = put(at, R"(,"n":)");
    at = put_number(at, ++line.n);
    at = put(at, line_ends ? R"(,"last":true})" : R"(,"last":false})");
  }
  if (line_ends && !piece.eol) at = put(at, R"(,"eol":false)");
  at = put(at, "}\n");
  out.commit(static_cast<std::size_t>(at - start));
  return consumed;
}

}  // namespace cofferdam::logs
