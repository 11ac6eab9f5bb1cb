#include "policy/node_values.hpp"

#include <utility>

namespace cofferdam::policy {

const Node& child(const Node& map, std::string_view key) {
  static const Node nothing;
  const Node* found = map.find(key);
  return found == nullptr ? nothing : *found;
}

std::optional<std::string> text_of(const Node& node) {
  return node.kind == Node::Kind::scalar ? std::optional(node.text) : std::nullopt;
}

std::vector<std::string> texts_of(const Node& list) {
  std::vector<std::string> out;
  for (const Node& item : list.items) {
    if (item.kind == Node::Kind::scalar) out.push_back(item.text);
  }
  return out;
}

std::optional<bool> boolean_of(const Node& node) {
  if (node.kind != Node::Kind::scalar || node.quoted) return std::nullopt;
  const auto value = parse_boolean(node.text);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::string> path_of(const Node& node, const PathBase& base, bool shipped, Mistakes& mistakes,
                                   Resolve resolve) {
  if (node.kind != Node::Kind::scalar || check_path(node.text)) return std::nullopt;
  auto path = resolve(node.text, base);
  if (path) return std::move(*path);
  if (!shipped) mistakes.error(node.place, code::kValue, path.error().message, path.error().hint);
  return std::nullopt;
}

}  // namespace cofferdam::policy
