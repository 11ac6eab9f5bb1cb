#include "logs/stamper.hpp"

#include "logs/escape.hpp"
#include "logs/framer.hpp"

namespace cofferdam::logs {

std::size_t Stamper::fits(std::string_view text, std::size_t room) {
  if (text.size() <= room / kWorst) return text.size();
  scratch_.clear();
  char* const out = scratch_.reserve(room + kEscapeSlack);
  const Escaped escaped = escape_json(text, out, out + room);
  if (escaped.stop != EscapeStop::invalid) return escaped.consumed;
  return cut_between_characters(text, std::min(text.size(), room / 4 * 3));
}

std::size_t Stamper::fields_size(std::span<const Field> fields) {
  std::size_t size = 0;
  for (const Field& field : fields) size += field.key.size() * kWorst + field.json.size() + 4;
  return size;
}

}  // namespace cofferdam::logs
