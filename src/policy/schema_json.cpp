#include <string>

#include "base/json.hpp"
#include "base/text.hpp"
#include "policy/engines.hpp"
#include "policy/schema.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {
namespace {

using base::JsonWriter;

void write_value(JsonWriter& json, const Key& key);

void write_enum(JsonWriter& json, const std::vector<std::string_view>& values) {
  json.field("type", "string").key("enum").begin_array();
  for (const std::string_view value : values) json.string(value);
  json.end_array();
}

void write_text(JsonWriter& json, std::string_view pattern) {
  json.field("type", "string");
  if (!pattern.empty()) json.field("pattern", pattern);
}

void write_map(JsonWriter& json, std::string_view parent) {
  json.field("type", "object").key("additionalProperties");
  const std::vector<const Key*> children = children_of(parent);
  if (children.size() == 1 && last_step(children.front()->path) == "*") {
    json.begin_object();
    write_value(json, *children.front());
    json.end_object();
    return;
  }
  json.boolean(false).key("properties").begin_object();
  std::vector<std::string_view> required;
  for (const Key* child : children) {
    if (!child->available) continue;
    json.key(last_step(child->path)).begin_object();
    write_value(json, *child);
    json.end_object();
    if (child->required) required.push_back(last_step(child->path));
  }
  json.end_object();
  if (required.empty()) return;
  json.key("required").begin_array();
  for (const std::string_view name : required) json.string(name);
  json.end_array();
}

void write_list(JsonWriter& json, std::string_view parent) {
  json.field("type", "array");
  if (const Key* item = find_key(std::string(parent) + "[]")) {
    json.key("items").begin_object();
    write_value(json, *item);
    json.end_object();
  }
}

// A short form in one line, or the map.
void write_text_or_map(JsonWriter& json, const Key& key) {
  json.key("oneOf").begin_array().begin_object();
  write_text(json, "");
  json.end_object().begin_object();
  write_map(json, key.path);
  json.end_object().end_array();
}

void write_type(JsonWriter& json, const Key& key) {
  switch (key.type) {
    case ValueType::map: write_map(json, key.path); return;
    case ValueType::list: write_list(json, key.path); return;
    case ValueType::version: json.key("const").number(1); return;
    case ValueType::choice: write_enum(json, base::split(key.legal, '|')); return;
    case ValueType::boolean: json.field("type", "boolean"); return;
    case ValueType::record_size:
    case ValueType::memory:
    case ValueType::size: write_text(json, "^[1-9][0-9]*(KiB|MiB|GiB|TiB)$"); return;
    case ValueType::inodes:
      json.field("type", "integer").key("minimum").unsigned_number(kFewestInodes);
      json.key("maximum").unsigned_number(kMostInodes);
      return;
    case ValueType::count: json.field("type", "integer").key("minimum").number(1); return;
    case ValueType::cores: json.field("type", "number").key("exclusiveMinimum").number(0); return;
    case ValueType::duration: write_text(json, "^(0|[1-9][0-9]*)(ms|s|m|h)$"); return;
    case ValueType::port: json.field("type", "integer").key("minimum").number(1).key("maximum").number(65'535); return;
    case ValueType::variable: write_text(json, "^[A-Za-z_][A-Za-z0-9_]*$"); return;
    case ValueType::variable_pattern: write_text(json, "^[A-Za-z_*][A-Za-z0-9_*]*$"); return;
    case ValueType::signal: {
      std::vector<std::string_view> names;
      for (const std::string_view name : signal_names()) {
        names.push_back(name);
        names.push_back(name.substr(3));
      }
      write_enum(json, names);
      return;
    }
    case ValueType::engine: {
      std::vector<std::string_view> names = {"all"};
      for (const std::string_view name : engine_names()) names.push_back(name);
      write_enum(json, names);
      return;
    }
    case ValueType::engines:
      json.key("oneOf").begin_array().begin_object().key("const").string("all").end_object().begin_object();
      write_list(json, key.path);
      json.end_object().end_array();
      return;
    case ValueType::rules:
      json.key("oneOf").begin_array().begin_object();
      write_enum(json, {"all", "none"});
      json.end_object().begin_object();
      write_list(json, key.path);
      json.end_object().end_array();
      return;
    case ValueType::program:
    case ValueType::allow_row: write_text_or_map(json, key); return;
    case ValueType::text:
    case ValueType::parent:
    case ValueType::path:
    case ValueType::path_glob:
    case ValueType::socket_path:
    case ValueType::egress:
    case ValueType::destination: write_text(json, ""); return;
  }
}

void write_value(JsonWriter& json, const Key& key) {
  if (!key.doc.empty()) json.field("description", key.doc);
  if (!key.fallback.empty()) {
    json.key("default");
    if (key.type == ValueType::boolean) {
      json.boolean(key.fallback == "true");
    } else if (key.type == ValueType::count) {
      json.number(std::stoll(std::string(key.fallback)));
    } else {
      json.string(key.fallback);
    }
  }
  write_type(json, key);
}

// Compact JSON with line breaks and indentation, so that a change of the table is a readable diff.
std::string indented(std::string_view compact) {
  std::string out;
  std::size_t depth = 0;
  bool in_string = false;
  const auto new_line = [&] { out += '\n' + std::string(depth * 2, ' '); };
  for (std::size_t at = 0; at < compact.size(); ++at) {
    const char c = compact[at];
    if (in_string) {
      out += c;
      if (c == '\\') out += compact[++at];
      if (c == '"') in_string = false;
      continue;
    }
    in_string = c == '"';
    if (c == '{' || c == '[') {
      out += c;
      ++depth;
      new_line();
    } else if (c == '}' || c == ']') {
      --depth;
      new_line();
      out += c;
    } else if (c == ',') {
      out += c;
      new_line();
    } else if (c == ':') {
      out += ": ";
    } else {
      out += c;
    }
  }
  return out + '\n';
}

}  // namespace

std::string schema_json() {
  JsonWriter json;
  json.begin_object()
      .field("$schema", "http://json-schema.org/draft-07/schema#")
      .field("title", "cofferdam policy")
      .field("description", "Generated from the key table of cofferdam; not edited by hand.");
  write_map(json, "");
  json.end_object();
  return indented(json.text());
}

}  // namespace cofferdam::policy
