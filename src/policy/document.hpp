// Strict reading of the small YAML that policies and policy tests are written in. The result is a plain tree
// with the place of every key and value; no type of the YAML library leaves document.cpp.
//
// Refused, each with its place: anything but UTF-8 without byte order mark; control characters and bare
// carriage returns; tabs in indentation; directives, anchors, aliases, tags, merge keys, a second document;
// keys that are no text; duplicate keys; quotes that are never closed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/mistakes.hpp"

namespace cofferdam::policy {

inline constexpr std::size_t kMaxDocumentBytes = 256 * 1024;
inline constexpr std::size_t kMaxDocumentDepth = 32;      // the root is 1
inline constexpr std::size_t kMaxDocumentNodes = 10'000;  // keys and values

struct Entry;

// A value. Scalars keep the text as written: what type it is, the schema says. `quoted` is true for '', "" and
// block scalars, which are text whatever they look like. `refused` stands where something was refused that the
// mistakes already tell of; readers skip it in silence.
struct Node {
  enum class Kind { null, scalar, list, map, refused };
  Kind kind = Kind::null;
  std::string text;  // of a scalar; of a null, how it was written: "~", "null" or nothing
  bool quoted = false;
  bool variable = false;  // of a policy test: stood for a number, which may be meant as text as well
  Place place;
  std::vector<Node> items;     // of a list
  std::vector<Entry> entries;  // of a map, in file order, keys unique

  // The value of `key`, or nullptr when this is no map or has no such key.
  [[nodiscard]] const Node* find(std::string_view key) const;
};

struct Entry {
  std::string key;
  Place place;  // of the key
  Node value;
};

// Reads one document and adds what is wrong with it to `mistakes`. The tree is there even after mistakes that
// leave the rest readable, so that the reader can go on and report more; without it nothing more can be said.
// An empty document is a null root.
[[nodiscard]] std::optional<Node> parse_document(std::string_view text, Mistakes& mistakes);

}  // namespace cofferdam::policy
