// Key tables: every key that a file can have, once. A table drives validation, the messages about unknown keys and the
// JSON Schema for editors. Here is the one of policies: to add a key, add a row and its reading in layer.cpp. Policy
// tests have theirs in src/harness/test_keys.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cofferdam::policy {

enum class ValueType {
  map,
  list,
  version,  // the integer 1
  choice,   // one of Key::legal
  boolean,
  text,
  parent,  // of extends: a shipped policy, a path or none
  path,
  path_glob,
  socket_path,  // a path, or @name
  size,
  record_size,
  memory,
  inodes,
  count,  // a whole number from 1
  cores,  // processors, with up to three decimal places
  duration,
  port,
  signal,
  variable,
  variable_pattern,  // a variable, with * for any letters
  engines,           // `all`, or a list of names
  engine,
  rules,    // `all`, `none`, or a list of Key::legal
  program,  // of app.also: a name, or a map
  destination,
  allow_row,  // of database.allow: a destination, or a map
  egress,     // of network.allow: host or network, with or without a port
  // of policy tests
  policy,            // keys of a policy, without `version`; ${...} stands for a value
  texts,             // a text, or a list of them
  row,               // a text, or a map
  regex,             // an extended regular expression (regex(7))
  status,            // 0 to 255
  port_or_variable,  // a port, or ${PORT...}
  any_signal,        // the name of a signal
};

// One key. `path` is dotted from the root: `[]` is any item of a list, `*` any key of a map.
struct Key {
  std::string_view path;
  ValueType type;
  bool required = false;
  std::string_view legal = {};     // of a choice or rules, separated by '|'
  std::string_view later = {};     // of a choice: values that a later version will know
  std::string_view fallback = {};  // what holds without the key
  std::string_view doc = {};       // one line, for editors
  bool available = true;           // false: a key of a later version; its children have no rows
};

class KeyTable {
 public:
  // `rows` outlive the table. `what` is what messages call such a file: "policy".
  constexpr KeyTable(std::span<const Key> rows, std::string_view what) : rows_(rows), what_(what) {}

  [[nodiscard]] std::span<const Key> rows() const { return rows_; }
  [[nodiscard]] std::string_view what() const { return what_; }
  // The row of this path, or nullptr.
  [[nodiscard]] const Key* find(std::string_view path) const;
  // The rows one step below `parent` ("" is the root), in table order.
  [[nodiscard]] std::vector<const Key*> children_of(std::string_view parent) const;

 private:
  std::span<const Key> rows_;
  std::string_view what_;
};

[[nodiscard]] const KeyTable& policy_keys();

// Of the table of policies.
[[nodiscard]] std::span<const Key> keys();
[[nodiscard]] const Key* find_key(std::string_view path);

// The last step of a path: "type" of "storage.mounts[].type".
[[nodiscard]] std::string_view last_step(std::string_view path);

// The JSON Schema (draft-07) of such files, for editors; ends with a newline. policies/schema.json is that of policies.
[[nodiscard]] std::string schema_json(const KeyTable& table = policy_keys());

}  // namespace cofferdam::policy
