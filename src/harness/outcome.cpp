#include "harness/outcome.hpp"

#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace cofferdam::harness {
namespace {

using nlohmann::json;

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// RFC 4648; what is no letter of it ends the text.
std::string from_base64(std::string_view text) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char letter : text) {
    const std::size_t value = kLetters.find(letter);
    if (value == std::string_view::npos) break;
    bits = (bits << 6U) | static_cast<unsigned>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xffU);
  }
  return out;
}

// Whether no line end follows the message: it is a part of a longer line, or the last line had none.
bool goes_on(const json& record) {
  const auto partial = record.find("partial");
  if (partial != record.end() && partial->is_object() && !partial->value("last", true)) return true;
  return !record.value("eol", true);
}

}  // namespace

std::vector<Record> read_records(const std::string& text) {
  std::vector<Record> records;
  for (const std::string_view line : base::split(text, '\n')) {
    const json value = json::parse(line.begin(), line.end(), nullptr, false);
    if (!value.is_object()) continue;
    Record record{text_at(value, "stream"), text_at(value, "level"), text_at(value, "message"), goes_on(value), {}};
    if (value.contains("message_b64")) record.message = from_base64(text_at(value, "message_b64"));
    if (const auto fields = value.find("fields"); fields != value.end() && fields->is_object()) {
      for (const auto& [name, field] : fields->items())
        record.fields.emplace(name, field.is_string() ? field.get<std::string>()
                                                      : field.dump(-1, ' ', false, json::error_handler_t::replace));
    }
    records.push_back(std::move(record));
  }
  return records;
}

std::string stream_text(const std::vector<Record>& records, const std::string& stream) {
  std::string text;
  for (const Record& record : records) {
    if (record.stream == stream) text += record.message + (record.partial ? "" : "\n");
  }
  return text;
}

}  // namespace cofferdam::harness
