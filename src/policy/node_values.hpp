// Values of nodes that validate() has seen: what it refused is nothing here, and was reported there.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/document.hpp"
#include "policy/mistakes.hpp"
#include "policy/paths.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {

// The value of `key`; a null node where the map does not have it.
[[nodiscard]] const Node& child(const Node& map, std::string_view key);

[[nodiscard]] std::optional<std::string> text_of(const Node& node);
[[nodiscard]] std::vector<std::string> texts_of(const Node& list);
[[nodiscard]] std::optional<bool> boolean_of(const Node& node);

// A path or, with resolve_glob, a pattern of paths, resolved. One that does not resolve (`~` without a home) is a
// mistake; in a shipped policy, which is written for machines with a home, what lies there is just not there.
using Resolve = Value<std::string> (*)(std::string_view, const PathBase&);
[[nodiscard]] std::optional<std::string> path_of(const Node& node, const PathBase& base, bool shipped,
                                                 Mistakes& mistakes, Resolve resolve = &resolve_path);

// What one of the readers of values.hpp makes of it.
template <class T>
[[nodiscard]] std::optional<T> value_of(const Node& node, Value<T> (*parse)(std::string_view)) {
  if (node.kind != Node::Kind::scalar) return std::nullopt;
  auto value = parse(node.text);
  if (!value) return std::nullopt;
  return std::move(*value);
}

// `words` are the names of an enumeration's values, in their order.
template <class Enum, class Words>
[[nodiscard]] std::optional<Enum> choice_of(const Node& node, const Words& words) {
  if (node.kind != Node::Kind::scalar) return std::nullopt;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (node.text == words[i]) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace cofferdam::policy
