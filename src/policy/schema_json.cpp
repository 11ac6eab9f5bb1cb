#include <string>

#include "base/json.hpp"
#include "base/text.hpp"
#include "policy/engines.hpp"
#include "policy/schema.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {
namespace {

using base::JsonWriter;

class SchemaWriter {
 public:
  // `inline_policy`: keys of a policy in a test, without `version` and `extends`, where ${...} may stand for a number.
  SchemaWriter(JsonWriter& json, const KeyTable& table, bool inline_policy = false)
      : json_(json), table_(table), inline_policy_(inline_policy) {}

  void write_map(std::string_view parent) {
    json_.field("type", "object").key("additionalProperties");
    const std::vector<const Key*> children = table_.children_of(parent);
    if (children.size() == 1 && last_step(children.front()->path) == "*") {
      json_.begin_object();
      write_value(*children.front());
      json_.end_object();
      return;
    }
    json_.boolean(false).key("properties").begin_object();
    std::vector<std::string_view> required;
    for (const Key* child : children) {
      if (!child->available || (inline_policy_ && is_of_the_file(*child))) continue;
      json_.key(last_step(child->path)).begin_object();
      write_value(*child);
      json_.end_object();
      if (child->required) required.push_back(last_step(child->path));
    }
    json_.end_object();
    if (required.empty()) return;
    json_.key("required").begin_array();
    for (const std::string_view name : required) json_.string(name);
    json_.end_array();
  }

 private:
  void write_enum(const std::vector<std::string_view>& values) {
    json_.field("type", "string").key("enum").begin_array();
    for (const std::string_view value : values) json_.string(value);
    json_.end_array();
  }

  void write_text(std::string_view pattern) {
    json_.field("type", "string");
    if (!pattern.empty()) json_.field("pattern", pattern);
  }

  // What a policy in a test can't have: it is the test file that has a version, and the case that has a policy.
  static bool is_of_the_file(const Key& key) { return key.type == ValueType::version || key.type == ValueType::parent; }

  void write_list(std::string_view parent) {
    json_.field("type", "array");
    if (const Key* item = table_.find(std::string(parent) + "[]")) {
      json_.key("items").begin_object();
      write_value(*item);
      json_.end_object();
    }
  }

  // A short form in one line, or the map.
  void write_text_or_map(const Key& key) {
    json_.key("oneOf").begin_array().begin_object();
    write_text("");
    json_.end_object().begin_object();
    write_map(key.path);
    json_.end_object().end_array();
  }

  void write_text_or_list(const Key& key) {
    json_.key("oneOf").begin_array().begin_object();
    write_text("");
    json_.end_object().begin_object();
    write_list(key.path);
    json_.end_object().end_array();
  }

  void write_port() { json_.field("type", "integer").key("minimum").number(1).key("maximum").number(65'535); }

  void write_port_or_variable() {
    json_.key("oneOf").begin_array().begin_object();
    write_port();
    json_.end_object().begin_object();
    write_text("^\\$\\{PORT(_[A-Z0-9_]+)?\\}$");
    json_.end_object().end_array();
  }

  void write_type(const Key& key) {
    switch (key.type) {
      case ValueType::map: write_map(key.path); return;
      case ValueType::list: write_list(key.path); return;
      case ValueType::version: json_.key("const").number(1); return;
      case ValueType::choice: write_enum(base::split(key.legal, '|')); return;
      case ValueType::boolean: json_.field("type", "boolean"); return;
      case ValueType::record_size:
      case ValueType::memory:
      case ValueType::size: write_text("^[1-9][0-9]*(KiB|MiB|GiB|TiB)$"); return;
      case ValueType::inodes:
        json_.field("type", "integer").key("minimum").unsigned_number(kFewestInodes);
        json_.key("maximum").unsigned_number(kMostInodes);
        return;
      case ValueType::count: json_.field("type", "integer").key("minimum").number(1); return;
      case ValueType::cores: json_.field("type", "number").key("exclusiveMinimum").number(0); return;
      case ValueType::duration: write_text("^(0|[1-9][0-9]*)(ms|s|m|h)$"); return;
      case ValueType::port:
        if (inline_policy_) return write_port_or_variable();
        json_.field("type", "integer").key("minimum").number(1).key("maximum").number(65'535);
        return;
      case ValueType::variable: write_text("^[A-Za-z_][A-Za-z0-9_]*$"); return;
      case ValueType::variable_pattern: write_text("^[A-Za-z_*][A-Za-z0-9_*]*$"); return;
      case ValueType::signal: {
        std::vector<std::string_view> names;
        for (const std::string_view name : signal_names()) {
          names.push_back(name);
          names.push_back(name.substr(3));
        }
        write_enum(names);
        return;
      }
      case ValueType::engine: {
        std::vector<std::string_view> names = {"all"};
        for (const std::string_view name : engine_names()) names.push_back(name);
        write_enum(names);
        return;
      }
      case ValueType::engines:
        json_.key("oneOf").begin_array().begin_object().key("const").string("all").end_object().begin_object();
        write_list(key.path);
        json_.end_object().end_array();
        return;
      case ValueType::rules:
        json_.key("oneOf").begin_array().begin_object();
        write_enum({"all", "none"});
        json_.end_object().begin_object();
        write_list(key.path);
        json_.end_object().end_array();
        return;
      case ValueType::policy: SchemaWriter(json_, policy_keys(), true).write_map(""); return;
      case ValueType::texts: write_text_or_list(key); return;
      case ValueType::status:
        json_.field("type", "integer").key("minimum").number(0).key("maximum").number(255);
        return;
      case ValueType::port_or_variable: write_port_or_variable(); return;
      case ValueType::program:
      case ValueType::row:
      case ValueType::allow_row: write_text_or_map(key); return;
      case ValueType::text:
      case ValueType::regex:
      case ValueType::any_signal:
      case ValueType::parent:
      case ValueType::path:
      case ValueType::path_glob:
      case ValueType::socket_path:
      case ValueType::egress:
      case ValueType::destination: write_text(""); return;
    }
  }

  void write_value(const Key& key) {
    if (!key.doc.empty()) json_.field("description", key.doc);
    if (!key.fallback.empty()) {
      json_.key("default");
      if (key.type == ValueType::boolean) {
        json_.boolean(key.fallback == "true");
      } else if (key.type == ValueType::count) {
        json_.number(std::stoll(std::string(key.fallback)));
      } else {
        json_.string(key.fallback);
      }
    }
    write_type(key);
  }

  JsonWriter& json_;
  const KeyTable& table_;
  bool inline_policy_;
};

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

std::string schema_json(const KeyTable& table) {
  JsonWriter json;
  json.begin_object()
      .field("$schema", "http://json-schema.org/draft-07/schema#")
      .field("title", "cofferdam " + std::string(table.what()))
      .field("description", "Generated from the key table of cofferdam; not edited by hand.");
  SchemaWriter(json, table).write_map("");
  json.end_object();
  return indented(json.text());
}

}  // namespace cofferdam::policy
