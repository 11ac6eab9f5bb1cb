#include "logs/queue/packed.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace cofferdam::logs {

namespace {

constexpr std::uint8_t kText = 1;
constexpr std::uint8_t kEol = 2;
constexpr std::uint8_t kLastPart = 4;
constexpr std::uint8_t kHasPartial = 8;
constexpr std::uint8_t kHasGap = 16;
constexpr std::uint8_t kFlags = 31;

struct Head {
  std::uint64_t seq = 0;
  std::int64_t time = 0;
  std::uint32_t message = 0;  // bytes
  std::uint32_t fields = 0;   // how many
  std::uint16_t reason = 0;   // bytes
  std::uint8_t trace = 0;
  std::uint8_t span = 0;
  std::uint8_t flags = 0;
  std::uint8_t stream = 0;
  std::uint8_t level = 0;
  std::uint8_t unused = 0;
};
static_assert(sizeof(Head) == 32);

struct Partial {
  std::uint64_t id = 0;
  std::uint64_t n = 0;
};

struct Lost {
  std::uint64_t count = 0;
  std::uint64_t first = 0;
};

// Before each field stand the sizes of its JSON (4 bytes) and of its key (1 byte).
constexpr std::size_t kFieldHead = 5;

template <class Size>
Size cut(std::size_t size) {
  return static_cast<Size>(std::min<std::size_t>(size, std::numeric_limits<Size>::max()));
}

template <class T>
char* put(const T& value, char* out) {
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

char* put_bytes(std::string_view bytes, std::size_t size, char* out) {
  if (size != 0) std::memcpy(out, bytes.data(), size);
  return out + size;
}

// Takes the parts of a packed record from its front; once one is missing, `ok` stays false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T get() {
    T value{};
    const std::string_view bytes = get_bytes(sizeof value);
    if (ok_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string_view get_bytes(std::size_t size) {
    ok_ = ok_ && size <= rest_.size();
    if (!ok_) return {};
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return ok_ && rest_.empty(); }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::size_t packed_size(const Record& record) {
  std::size_t size = sizeof(Head) + cut<std::uint32_t>(record.message.size());
  if (record.partial_id != 0) size += sizeof(Partial);
  if (record.gap_count != 0) size += sizeof(Lost) + cut<std::uint16_t>(record.gap_reason.size());
  size += cut<std::uint8_t>(record.trace_id.size());
  size += cut<std::uint8_t>(record.span_id.size());
  for (const Field& field : record.fields) {
    size += kFieldHead + cut<std::uint8_t>(field.key.size()) + cut<std::uint32_t>(field.json.size());
  }
  return size;
}

char* pack(const Record& record, char* out) {
  Head head;
  head.seq = record.seq;
  head.time = record.time;
  head.message = cut<std::uint32_t>(record.message.size());
  head.fields = cut<std::uint32_t>(record.fields.size());
  head.reason = record.gap_count != 0 ? cut<std::uint16_t>(record.gap_reason.size()) : std::uint16_t{0};
  head.trace = cut<std::uint8_t>(record.trace_id.size());
  head.span = cut<std::uint8_t>(record.span_id.size());
  head.flags = static_cast<std::uint8_t>(
      (record.text ? kText : 0) | (record.eol ? kEol : 0) | (record.partial_last ? kLastPart : 0) |
      (record.partial_id != 0 ? kHasPartial : 0) | (record.gap_count != 0 ? kHasGap : 0));
  head.stream = static_cast<std::uint8_t>(record.stream);
  head.level = static_cast<std::uint8_t>(record.level);
  out = put(head, out);
  if (record.gap_count != 0) out = put(Lost{record.gap_count, record.gap_first}, out);
  if (record.partial_id != 0) out = put(Partial{record.partial_id, record.partial_n}, out);
  out = put_bytes(record.message, head.message, out);
  out = put_bytes(record.trace_id, head.trace, out);
  out = put_bytes(record.span_id, head.span, out);
  out = put_bytes(record.gap_reason, head.reason, out);
  for (const Field& field : record.fields) {
    const auto json = cut<std::uint32_t>(field.json.size());
    const auto key = cut<std::uint8_t>(field.key.size());
    out = put(json, out);
    out = put(key, out);
    out = put_bytes(field.key, key, out);
    out = put_bytes(field.json, json, out);
  }
  return out;
}

void pack(const Record& record, OutBuffer& out) {
  const std::size_t size = packed_size(record);
  (void)pack(record, out.reserve(size));
  out.commit(size);
}

bool peek(std::string_view bytes, PackedHead& head) {
  Reader reader(bytes);
  const auto packed = reader.get<Head>();
  const Lost lost = (packed.flags & kHasGap) != 0 ? reader.get<Lost>() : Lost{};
  if (!reader.ok()) return false;
  head = {packed.seq, packed.time, lost.count, lost.first, packed.fields};
  return true;
}

bool unpack(std::string_view bytes, Record& record, std::vector<Field>& fields) {
  Reader reader(bytes);
  const auto head = reader.get<Head>();
  if (!reader.ok() || head.stream >= kLogStreams || head.level >= kLogLevels || (head.flags & ~kFlags) != 0) {
    return false;
  }
  record = Record{};
  record.seq = head.seq;
  record.time = head.time;
  record.stream = static_cast<Stream>(head.stream);
  record.level = static_cast<LogLevel>(head.level);
  record.text = (head.flags & kText) != 0;
  record.eol = (head.flags & kEol) != 0;
  record.partial_last = (head.flags & kLastPart) != 0;
  if ((head.flags & kHasGap) != 0) {
    const auto lost = reader.get<Lost>();
    record.gap_count = lost.count;
    record.gap_first = lost.first;
  }
  if ((head.flags & kHasPartial) != 0) {
    const auto partial = reader.get<Partial>();
    record.partial_id = partial.id;
    record.partial_n = partial.n;
  }
  record.message = reader.get_bytes(head.message);
  record.trace_id = reader.get_bytes(head.trace);
  record.span_id = reader.get_bytes(head.span);
  record.gap_reason = reader.get_bytes(head.reason);
  // A number of fields that can't be in what is left must not make us ask for the memory that they would need.
  if (!reader.ok() || head.fields > reader.left() / kFieldHead) return false;
  const std::size_t before = fields.size();
  for (std::uint32_t i = 0; i < head.fields; ++i) {
    const auto json = reader.get<std::uint32_t>();
    const auto key = reader.get<std::uint8_t>();
    Field field;
    field.key = reader.get_bytes(key);
    field.json = reader.get_bytes(json);
    if (!reader.ok()) break;
    fields.push_back(field);
  }
  if (!reader.at_end()) {
    fields.resize(before);
    return false;
  }
  record.fields = std::span(fields).subspan(before);
  return true;
}

}  // namespace cofferdam::logs
