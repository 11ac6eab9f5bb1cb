#include "policy/validate.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "policy/destination.hpp"
#include "policy/engines.hpp"
#include "policy/paths.hpp"
#include "policy/schema.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {
namespace {

std::string in_words(const std::vector<std::string_view>& words, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " " + std::string(last) + " " : ", ";
    text += words[i];
  }
  return text;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates) {
  const auto near = base::nearest(word, candidates);
  return near ? "did you mean " + in_quotes(*near) + "? " : "";
}

// A path of the table as messages name it: storage.mounts[].size is 'storage.mounts.size'.
std::string name_of(const Key& key) {
  std::string name(key.path);
  for (std::size_t at = name.find("[]"); at != std::string::npos; at = name.find("[]")) name.erase(at, 2);
  if (name.ends_with(".*")) name.resize(name.size() - 2);
  return in_quotes(name);
}

std::string found(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null: return node.text.empty() ? "no value" : in_quotes(node.text) + ", which is YAML's null";
    case Node::Kind::scalar: return (node.quoted ? "the text " : "") + in_quotes(node.text);
    case Node::Kind::list: return "a list";
    case Node::Kind::map: return "a map";
    case Node::Kind::refused: break;
  }
  return "nothing";
}

template <class T>
std::optional<ValueError> error_of(Value<T> value) {
  if (value) return std::nullopt;
  return std::move(value.error());
}

class Validator {
 public:
  // `inline_policy`: the keys of a policy that stand in a test, where `version` is the test file's.
  Validator(Mistakes& mistakes, const KeyTable& table, bool inline_policy = false)
      : mistakes_(mistakes), table_(table), inline_policy_(inline_policy) {}

  void check_map(std::string_view path, const Node& node) {
    const std::vector<const Key*> children = table_.children_of(path);
    if (children.size() == 1 && last_step(children.front()->path) == "*") {
      const bool variables = path.ends_with("environment.set") || path.ends_with("environment");
      for (const Entry& entry : node.entries) {
        if (auto error = variables ? error_of(parse_variable(entry.key)) : std::nullopt) report(entry.place, *error);
        check(*children.front(), entry.value);
      }
      return;
    }
    for (const Entry& entry : node.entries) {
      const auto child =
          std::ranges::find(children, std::string_view(entry.key), [](const Key* key) { return last_step(key->path); });
      if (child == children.end()) {
        report_unknown(path, children, entry);
      } else if (!(*child)->available) {
        mistakes_.error(entry.place, code::kNotAvailable, name_of(**child) + " is not available in this version",
                        "remove it: nothing would enforce it yet");
      } else {
        check(**child, entry.value);
      }
    }
    for (const Key* child : children) {
      if (inline_policy_ && path.empty()) break;
      if (child->required && node.find(last_step(child->path)) == nullptr) report_missing(path, *child, node);
    }
  }

 private:
  void check(const Key& key, const Node& node) {
    if (node.kind == Node::Kind::refused) return;
    switch (key.type) {
      case ValueType::map:
        if (expect(key, node, Node::Kind::map, "a map of keys")) check_map(key.path, node);
        return;
      case ValueType::list:
        if (expect(key, node, Node::Kind::list, "a list")) check_items(key, node);
        return;
      case ValueType::policy:
        if (expect(key, node, Node::Kind::map, "keys of a policy"))
          Validator(mistakes_, policy_keys(), true).check_map("", node);
        return;
      case ValueType::texts:
        if (node.kind == Node::Kind::list) {
          check_items(key, node);
        } else {
          check_scalar(key, node, "text or a list of texts");
        }
        return;
      case ValueType::program:
      case ValueType::allow_row:
      case ValueType::row:
        if (node.kind == Node::Kind::map) {
          check_map(key.path, node);
        } else {
          check_scalar(key, node, "text or a map of keys");
        }
        return;
      case ValueType::engines:
        if (node.kind == Node::Kind::list) {
          check_items(key, node);
        } else if (expect(key, node, Node::Kind::scalar, "'all' or a list") && node.text != "all") {
          mistakes_.error(node.place, code::kValue,
                          name_of(key) + " is " + in_quotes(node.text) + ", which is not a list",
                          "write all, or a list such as [" + node.text + "]");
        }
        return;
      case ValueType::rules:
        if (node.kind == Node::Kind::list) {
          check_items(key, node);
        } else if (expect(key, node, Node::Kind::scalar, "all, none or a list") && node.text != "all" &&
                   node.text != "none") {
          mistakes_.error(node.place, code::kValue,
                          name_of(key) + " is " + in_quotes(node.text) + ", which is not a list",
                          "write all, none, or a list such as [" + node.text + "]");
        }
        return;
      default: check_scalar(key, node, "a single value");
    }
  }

  void check_items(const Key& key, const Node& node) {
    const Key* item = table_.find(std::string(key.path) + "[]");
    for (const Node& each : node.items) check(*item, each);
  }

  bool expect(const Key& key, const Node& node, Node::Kind kind, const std::string& what) {
    if (node.kind == kind) return true;
    std::string hint;
    if (node.kind == Node::Kind::null && node.text == "~" && kind == Node::Kind::scalar) {
      hint = "write it in quotes: \"~\"";
    } else if (node.kind == Node::Kind::null && kind != Node::Kind::scalar) {
      hint = "leave the key out when there is nothing to say";
    } else if (node.kind == Node::Kind::scalar && kind == Node::Kind::list) {
      hint = "write [" + node.text + "]";
    }
    mistakes_.error(node.place, code::kValue, name_of(key) + " needs " + what + ", found " + found(node), hint);
    return false;
  }

  void check_scalar(const Key& key, const Node& node, const std::string& what) {
    if (!expect(key, node, Node::Kind::scalar, what)) return;
    const bool plain_type = key.type == ValueType::version || key.type == ValueType::port ||
                            key.type == ValueType::boolean || key.type == ValueType::inodes ||
                            key.type == ValueType::count || key.type == ValueType::cores ||
                            key.type == ValueType::status;
    if (plain_type && node.quoted && !node.variable) {
      mistakes_.error(node.place, code::kValue, name_of(key) + " is the text " + in_quotes(node.text),
                      "write it without quotes");
      return;
    }
    if (const auto error = check_text(key, node)) report(node.place, *error);
  }

  std::optional<ValueError> check_text(const Key& key, const Node& node) {
    const std::string& text = node.text;
    switch (key.type) {
      case ValueType::version:
        if (text == "1") return std::nullopt;
        return ValueError{"the version " + in_quotes(text) + " is not known", "this cofferdam reads version: 1"};
      case ValueType::choice: return check_choice(key, node);
      case ValueType::boolean: return error_of(parse_boolean(text));
      case ValueType::size: return error_of(parse_size(text));
      case ValueType::record_size: return error_of(parse_record_size(text));
      case ValueType::memory: return error_of(parse_memory(text));
      case ValueType::inodes: return error_of(parse_inodes(text));
      case ValueType::count: return error_of(parse_count(text));
      case ValueType::cores: return error_of(parse_cores(text));
      case ValueType::duration: return error_of(parse_duration(text));
      case ValueType::port: return error_of(parse_port(text));
      case ValueType::signal: return error_of(parse_signal(text));
      case ValueType::variable: return error_of(parse_variable(text));
      case ValueType::variable_pattern: return error_of(parse_variable_pattern(text));
      case ValueType::destination:
      case ValueType::allow_row: return error_of(parse_destination(text));
      case ValueType::egress: return error_of(parse_egress(text));
      case ValueType::engine: return check_engine(text);
      case ValueType::regex: return error_of(parse_regex(text));
      case ValueType::status: return error_of(parse_status(text));
      case ValueType::any_signal: return error_of(parse_any_signal(text));
      case ValueType::port_or_variable:
        return text.starts_with("${PORT") && text.ends_with('}') ? std::nullopt : error_of(parse_port(text));
      default: break;
    }
    if (const auto reading = node.quoted || node.variable ? std::nullopt : other_reading(text)) {
      return ValueError{in_quotes(text) + " is " + std::string(*reading) + " where text is needed",
                        "write it in quotes: \"" + text + "\""};
    }
    switch (key.type) {
      case ValueType::path:
      case ValueType::path_glob: return check_path(text);
      case ValueType::socket_path: return text.starts_with('@') && text.size() > 1 ? std::nullopt : check_path(text);
      case ValueType::program: return check_program(text);
      case ValueType::text:
        if (last_step(key.path) == "exe") return check_program(text);
        return std::nullopt;
      case ValueType::parent:
        if (text.find('/') != std::string::npos) return check_path(text);
        return text.empty() ? std::optional(ValueError{"'extends' is empty", "write none to start from nothing"})
                            : std::nullopt;
      default: return std::nullopt;
    }
  }

  // Below a directory that is named, and none where a system keeps its programs.
  static bool may_be_pattern(std::string_view text, std::size_t wild) {
    constexpr std::array<std::string_view, 5> kSystem = {"/usr/", "/bin/", "/sbin/", "/opt/", "/lib"};
    const std::string_view directory = text.substr(0, text.rfind('/', wild) + 1);
    return directory.size() > 1 && directory != "~/" && directory != "./" &&
           directory.find("..") == std::string_view::npos &&
           std::ranges::none_of(kSystem, [&](std::string_view each) { return directory.starts_with(each); });
  }

  static std::optional<ValueError> check_program(const std::string& text) {
    if (text.find_first_of(" \t\n") != std::string::npos && text.find('/') == std::string::npos) {
      const std::vector<std::string_view> words = base::split(text, ' ');
      return ValueError{
          in_quotes(text) + " is a command line, not a program",
          "write {exe: " + std::string(words.front()) + ", argv: [...]} with a pattern for each argument"};
    }
    if (const auto wild = text.find_first_of("*?"); wild != std::string::npos && !may_be_pattern(text, wild)) {
      return ValueError{
          "the program " + in_quotes(text) + " is a pattern",
          "name the program; only paths of what the app builds later may be patterns, such as ./tmp/main*"};
    }
    if (text == "." || text == ".." || text.ends_with('/')) return ValueError{in_quotes(text) + " is no program", {}};
    return check_path(text);
  }

  static std::optional<ValueError> check_engine(const std::string& text) {
    if (text == "all" || find_engine(text) != nullptr) return std::nullopt;
    const std::vector<std::string_view> names = engine_names();
    return ValueError{in_quotes(text) + " is no known engine",
                      did_you_mean(text, names) + "the engines are all, " + in_words(names, "and")};
  }

  std::optional<ValueError> check_choice(const Key& key, const Node& node) {
    const std::vector<std::string_view> legal = base::split(key.legal, '|');
    if (std::ranges::find(legal, node.text) != legal.end()) return std::nullopt;
    const std::vector<std::string_view> later = base::split(key.later, '|');
    const std::string hint = did_you_mean(node.text, legal) + "write " + in_words(legal, "or");
    if (!node.text.empty() && std::ranges::find(later, node.text) != later.end()) {
      mistakes_.error(node.place, code::kNotAvailable,
                      name_of(key) + " " + in_quotes(node.text) + " is not available in this version", hint);
      return std::nullopt;
    }
    return ValueError{in_quotes(node.text) + " is no value of " + name_of(key), hint};
  }

  void report(Place place, const ValueError& error) { mistakes_.error(place, code::kValue, error.message, error.hint); }

  void report_unknown(std::string_view path, const std::vector<const Key*>& children, const Entry& entry) {
    std::vector<std::string_view> legal;
    for (const Key* child : children) {
      if (child->available) legal.push_back(last_step(child->path));
    }
    std::string message = "unknown key " + in_quotes(entry.key);
    if (const Key* parent = table_.find(path)) message += " in " + name_of(*parent);
    mistakes_.error(entry.place, code::kUnknownKey, message,
                    did_you_mean(entry.key, legal) + "the keys here are " + in_words(legal, "and"));
  }

  void report_missing(std::string_view path, const Key& missing, const Node& map) {
    const std::string name = in_quotes(last_step(missing.path));
    if (path.empty() && missing.type == ValueType::version) {
      mistakes_.error(map.place, code::kValue, "the key " + name + " is missing",
                      "begin the " + std::string(table_.what()) + " with 'version: 1'");
      return;
    }
    mistakes_.error(
        map.place, code::kValue,
        "the key " + name + " is missing" + (path.empty() ? std::string() : " in " + name_of(*table_.find(path))));
  }

  Mistakes& mistakes_;
  const KeyTable& table_;
  bool inline_policy_;
};

}  // namespace

void validate(const Node& root, Mistakes& mistakes, const KeyTable& table) {
  Validator(mistakes, table).check_map("", root);
}

}  // namespace cofferdam::policy
