#include "policy/origins.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "policy/engines.hpp"
#include "policy/schema.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {
namespace {

constexpr std::string_view kMounts = "storage.mounts";

// A list that a file writes takes the place of the one that it extends; the others grow.
constexpr auto kChoices =
    std::to_array<std::string_view>({"database.engines", "logs.parse.multiline", "logs.parse.redact"});

std::string item_key(std::string_view list, std::string_view item) {
  return std::string(list) + "[] " + std::string(item);
}

// The list of an item's key, or nothing for another key.
std::string_view list_of(std::string_view key) {
  const std::size_t end = key.find("[] ");
  return end == std::string_view::npos ? std::string_view{} : key.substr(0, end);
}

class Walk {
 public:
  Walk(const PathBase& base, const Mistakes& mistakes) : base_(base), mistakes_(mistakes) {}

  void map(const Node& node, const std::string& path) {
    for (const Entry& entry : node.entries) value(entry.value, path.empty() ? entry.key : path + "." + entry.key);
  }

  PolicyOrigins take() { return std::move(origins_); }

 private:
  void value(const Node& node, const std::string& path) {
    add(path, node);
    map(node, path);
    for (const Node& item : node.items) {
      if (path == kMounts) {
        mount_row(item);
      } else if (item.kind == Node::Kind::scalar) {
        add(item_key(path, as_loaded(item.text, path)), item);
      }
    }
  }

  void mount_row(const Node& row) {
    const Node* path = row.find("path");
    if (path == nullptr || path->kind != Node::Kind::scalar) return;
    const auto resolved = resolve_path(path->text, base_);
    if (!resolved) return;
    for (const Entry& entry : row.entries) add(item_key(kMounts, *resolved + " " + entry.key), entry.value);
  }

  // The item as the policy has it: paths are resolved, engines have one name.
  [[nodiscard]] std::string as_loaded(const std::string& text, const std::string& list) const {
    const Key* key = find_key(list + "[]");
    if (key == nullptr) return text;
    if (key->type == ValueType::engine) {
      const Engine* engine = find_engine(text);
      return engine == nullptr ? text : std::string(engine->name);
    }
    if (key->type == ValueType::path_glob) return resolve_glob(text, base_).value_or(text);
    const bool path = key->type == ValueType::path || key->type == ValueType::socket_path;
    return path && !text.starts_with('@') ? resolve_path(text, base_).value_or(text) : text;
  }

  void add(const std::string& key, const Node& node) { origins_.emplace(key, mistakes_.origin(node.place)); }

  const PathBase& base_;
  const Mistakes& mistakes_;
  PolicyOrigins origins_;
};

}  // namespace

PolicyOrigins read_origins(const Node& root, const PathBase& base, const Mistakes& mistakes) {
  Walk walk(base, mistakes);
  walk.map(root, "");
  return walk.take();
}

void merge_origins(PolicyOrigins& to, PolicyOrigins from) {
  const auto replaced = [&](const auto& each) {
    const std::string_view list = list_of(each.first);
    if (each.first.starts_with("run.readiness.")) return from.contains("run.readiness");
    return std::ranges::find(kChoices, list) != kChoices.end() && from.contains(std::string(list));
  };
  std::erase_if(to, replaced);
  for (auto& [key, origin] : from) {
    constexpr std::string_view kSet = "environment.set.";
    constexpr std::string_view kDrop = "environment.drop";
    if (key.starts_with(kSet)) to.erase(item_key(kDrop, key.substr(kSet.size())));
    const std::string_view list = list_of(key);
    if (list.empty() || list == kMounts) {
      to.insert_or_assign(key, std::move(origin));
    } else {
      to.emplace(key, std::move(origin));
    }
  }
}

const Origin* find_item_origin(const PolicyOrigins& origins, const std::string& key, const std::string& item) {
  auto found = origins.find(item_key(key, item));
  if (found == origins.end()) found = origins.find(key);
  return found == origins.end() ? nullptr : &found->second;
}

}  // namespace cofferdam::policy
