#include "harness/policy_text.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "policy/schema.hpp"

namespace cofferdam::harness {
namespace {

class Writer {
 public:
  [[nodiscard]] std::string take() { return std::move(text_); }

  void entries(const policy::Node& map, const std::string& path) {
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const policy::Entry& entry : map.entries) {
      go_to(entry.place);
      base::append_json_string(text_, entry.key);
      text_ += ": ";
      const bool known = policy::find_key(prefix + entry.key) != nullptr;
      value(entry.value, prefix + (known ? entry.key : "*"));
      text_ += ", ";
    }
  }

 private:
  void value(const policy::Node& node, const std::string& path) {
    go_to(node.place);
    switch (node.kind) {
      case policy::Node::Kind::map:
        text_ += '{';
        entries(node, path);
        text_ += '}';
        return;
      case policy::Node::Kind::list:
        text_ += '[';
        for (const policy::Node& item : node.items) {
          value(item, path + "[]");
          text_ += ", ";
        }
        text_ += ']';
        return;
      case policy::Node::Kind::scalar: scalar(node, path); return;
      case policy::Node::Kind::null:
      case policy::Node::Kind::refused: text_ += node.text == "~" ? "~" : "null"; return;
    }
  }

  void scalar(const policy::Node& node, const std::string& path) {
    const policy::Key* key = policy::find_key(path);
    const bool number = node.variable && key != nullptr && key->type == policy::ValueType::port;
    // What has other letters than these is neither a number nor a boolean to anybody.
    const bool plain = !node.quoted && !node.text.empty() && std::ranges::all_of(node.text, [](char letter) {
      return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
             letter == '.' || letter == '_';
    });
    if (number || (plain && !node.variable)) {
      text_ += node.text;
    } else {
      base::append_json_string(text_, node.text);
    }
  }

  void go_to(policy::Place place) {
    for (; line_ < place.line; ++line_) text_ += '\n';
  }

  std::string text_;
  int line_ = 1;
};

}  // namespace

std::string policy_text(const policy::Node& with) {
  Writer writer;
  writer.entries(with, "");
  return writer.take();
}

std::string policy_file(std::string_view text, std::string_view parent) {
  std::string file = "{version: 1, extends: ";
  base::append_json_string(file, parent);
  file += ", ";
  file += text;
  return file + "}\n";
}

}  // namespace cofferdam::harness
