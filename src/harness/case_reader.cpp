#include "harness/case_reader.hpp"

#include <utility>

#include "base/text.hpp"
#include "harness/policy_text.hpp"
#include "policy/node_values.hpp"
#include "policy/values.hpp"

namespace cofferdam::harness {
namespace {

using policy::boolean_of;
using policy::child;
using policy::Node;
using policy::text_of;
using policy::texts_of;
using policy::value_of;

class CaseReader {
 public:
  explicit CaseReader(const FileDefaults& defaults) : defaults_(defaults) {}

  TestCase read(const Node& node) {
    TestCase test;
    test.where = origin(node);
    test.name = text(node, "name");
    test.policy = policy_name(node.find("policy") != nullptr ? text(node, "policy") : defaults_.policy);
    if (const Node* with = node.find("with"); with != nullptr && with->kind == Node::Kind::map)
      test.with = policy_text(*with);
    test.command = command(node);
    const std::string tree = node.find("directory") != nullptr ? text(node, "directory") : defaults_.tree;
    if (!tree.empty()) test.directory = absolute(tree);
    test.files = map(child(node, "files"));
    test.environment = map(child(node, "environment"));
    test.inherit = texts_of(child(node, "inherit"));
    test.stdin_text = text(node, "stdin");
    for (const Node& item : child(node, "services").items)
      test.services.push_back({origin(item), command(item), map(child(item, "environment")), ready(item)});
    test.replicas = count(node, "replicas");
    test.ready = ready(node);
    test.drive = text(node, "drive");
    test.timeout = value_of(child(node, "timeout"), &policy::parse_duration).value_or(test.timeout);
    test.needs = texts_of(child(node, "needs"));
    test.skip = text(node, "skip");
    const Node* expect = node.find("expect");
    test.expect = expectations(expect != nullptr ? *expect : Node{});
    test.expect.where = expect != nullptr ? origin(*expect) : test.where;
    return test;
  }

 private:
  [[nodiscard]] Origin origin(const Node& node) const { return {defaults_.file, node.place.line, node.place.column}; }
  static std::string text(const Node& map, std::string_view key) { return text_of(child(map, key)).value_or(""); }
  static std::optional<std::uint64_t> count(const Node& map, std::string_view key) {
    return value_of(child(map, key), &policy::parse_count);
  }
  static std::map<std::string, std::string> map(const Node& node) {
    std::map<std::string, std::string> out;
    for (const policy::Entry& entry : node.entries) out.emplace(entry.key, text_of(entry.value).value_or(""));
    return out;
  }
  [[nodiscard]] std::string absolute(const std::string& path) const {
    return base::normalise_path(path.starts_with('/') ? path : defaults_.directory + "/" + path);
  }
  // A shipped policy by name; anything that looks like a file is one.
  [[nodiscard]] std::string policy_name(const std::string& name) const {
    const bool file = name.find('/') != std::string::npos || name.ends_with(".yaml") || name.ends_with(".yml");
    return file ? absolute(name) : name;
  }

  static std::vector<std::string> command(const Node& node) {
    if (node.find("command") == nullptr && node.find("script") != nullptr)
      return {"/bin/sh", "-c", text(node, "script")};
    return texts_of(child(node, "command"));
  }

  static std::optional<Ready> ready(const Node& parent) {
    const Node& node = child(parent, "ready");
    if (node.kind != Node::Kind::map) return std::nullopt;
    Ready ready;
    ready.port = value_of(child(node, "port"), &policy::parse_port);
    ready.http = text(node, "http");
    ready.line = text(node, "line");
    ready.timeout = value_of(child(node, "timeout"), &policy::parse_duration).value_or(ready.timeout);
    return ready;
  }

  static std::vector<std::string> one_or_more(const Node& node) {
    if (const auto one = text_of(node)) return {*one};
    return texts_of(node);
  }

  [[nodiscard]] std::optional<TextMatcher> matcher(const Node& parent, std::string_view key) const {
    const Node* node = parent.find(key);
    if (node == nullptr) return std::nullopt;
    TextMatcher matcher;
    matcher.where = origin(*node);
    if (node->kind == Node::Kind::scalar) {
      matcher.equals = node->text;
    } else {
      matcher.equals = text_of(child(*node, "equals"));
      matcher.contains = one_or_more(child(*node, "contains"));
      matcher.lacks = one_or_more(child(*node, "lacks"));
      matcher.regex = text(*node, "regex");
    }
    return matcher;
  }

  [[nodiscard]] FindingRow finding(const Node& node) const {
    if (node.kind == Node::Kind::scalar) return {.where = origin(node), .code = node.text};
    return {.where = origin(node),
            .code = text(node, "code"),
            .count = count(node, "count"),
            .process = text(node, "process"),
            .path = text(node, "path"),
            .destination = text(node, "destination"),
            .severity = text(node, "severity")};
  }

  void connections(const Node& list, bool allowed, Expectations& out) const {
    for (const Node& node : list.items) {
      ConnectionRow row{.where = origin(node), .allowed = allowed};
      row.destination = node.kind == Node::Kind::scalar ? node.text : text(node, "destination");
      row.process = text(node, "process");
      row.count = count(node, "count");
      out.connections.push_back(std::move(row));
    }
  }

  [[nodiscard]] std::vector<PathRow> paths(const Node& list) const {
    std::vector<PathRow> rows;
    for (const Node& node : list.items) rows.push_back({origin(node), text_of(node).value_or("")});
    return rows;
  }

  [[nodiscard]] Expectations expectations(const Node& node) const {
    Expectations out;
    out.exit = value_of(child(node, "exit"), &policy::parse_status);
    out.signal = value_of(child(node, "signal"), &policy::parse_any_signal);
    out.out = matcher(node, "stdout");
    out.err = matcher(node, "stderr");
    out.messages = matcher(node, "messages");
    for (const Node& row : child(node, "logs").items)
      out.logs.push_back(
          {origin(row), text(row, "stream"), text(row, "level"), matcher(row, "message"), map(child(row, "fields"))});
    for (const Node& row : child(node, "findings").items) out.findings.push_back(finding(row));
    out.other_findings = boolean_of(child(node, "other_findings")).value_or(false);
    out.lost = paths(child(node, "lost"));
    out.other_losses = boolean_of(child(node, "other_losses")).value_or(true);
    out.kept = paths(child(node, "kept"));
    connections(child(child(node, "connections"), "allowed"), true, out);
    connections(child(child(node, "connections"), "refused"), false, out);
    out.enforcement = map(child(node, "enforcement"));
    out.host_unchanged = boolean_of(child(node, "host_unchanged")).value_or(true);
    const Node& duration = child(node, "duration");
    out.at_least = value_of(child(duration, "at_least"), &policy::parse_duration);
    out.at_most = value_of(child(duration, "at_most"), &policy::parse_duration);
    return out;
  }

  const FileDefaults& defaults_;
};

}  // namespace

TestCase read_case(const Node& node, const FileDefaults& defaults) {
  return CaseReader(defaults).read(node);
}

}  // namespace cofferdam::harness
