#include "harness/test_file.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "harness/case_reader.hpp"
#include "harness/test_keys.hpp"
#include "kernel/fd.hpp"
#include "policy/mistakes.hpp"
#include "policy/node_values.hpp"
#include "policy/rule_catalog.hpp"
#include "policy/validate.hpp"

namespace cofferdam::harness {

namespace code = policy::code;
using policy::child;
using policy::in_quotes;
using policy::Mistakes;
using policy::Node;

TestCase WrittenCase::read(Variables& variables) const {
  return read_case(variables.substitute(node_), {file_, directory_, policy_, tree_});
}

class FileReader {
 public:
  FileReader(const std::string& file, const PolicyContext& context) : mistakes_(file), context_(context) {
    const std::string absolute = file.starts_with('/') ? file : context.working_directory + "/" + file;
    path_ = base::normalise_path(absolute);
    directory_ = path_.substr(0, std::max<std::size_t>(path_.rfind('/'), 1));
  }

  std::expected<std::vector<WrittenCase>, std::vector<Diagnostic>> read() {
    std::vector<WrittenCase> cases;
    const auto text = kernel::read_file(path_, policy::kMaxDocumentBytes + 1);
    if (!text) {
      mistakes_.error({}, code::kUnreadable, "can't read the test file: " + text.error().message);
      return std::unexpected(mistakes_.take());
    }
    const auto root = policy::parse_document(*text, mistakes_);
    if (root && root->kind == Node::Kind::map) {
      Variables sample;
      policy::validate(sample.substitute(*root), mistakes_, test_keys());
      if (const Node* own = root->find("policy")) policy_place_ = *own;
      const std::string policy = policy::text_of(child(*root, "policy")).value_or("");
      const std::string tree = policy::text_of(child(*root, "directory")).value_or("");
      for (const Node& node : child(*root, "cases").items) {
        if (node.kind != Node::Kind::map) continue;
        WrittenCase written;
        written.file_ = mistakes_.file();
        written.directory_ = directory_;
        written.policy_ = policy;
        written.tree_ = tree;
        written.node_ = node;
        written.shown_ = written.read(sample);
        check(written);
        cases.push_back(std::move(written));
      }
      if (const Node* list = root->find("cases");
          list != nullptr && list->kind == Node::Kind::list && list->items.empty())
        mistakes_.error(list->place, code::kValue, "there is no case", "a case begins with '- name: ...'");
    } else if (!root || root->kind != Node::Kind::refused) {
      if (mistakes_.empty())
        mistakes_.error({1, 1}, code::kValue, "a policy test is a map of keys", "begin it with 'version: 1'");
    }
    if (mistakes_.has_error()) return std::unexpected(mistakes_.take());
    return cases;
  }

 private:
  // What the key table can't know.
  void check(const WrittenCase& written) {
    const TestCase& test = written.shown_;
    const Node& node = written.node_;
    if (!test.name.empty() && !names_.insert(test.name).second)
      error(child(node, "name"), "there are two cases named " + in_quotes(test.name), "give each its own name");
    if (const Node* skip = node.find("skip"); skip != nullptr && skip->text.empty())
      error(*skip, "'skip' needs a reason", "such as 'skip: needs a kernel of 6.7'");
    check_command(node, "the case");
    for (const Node& service : child(node, "services").items) {
      if (service.kind == Node::Kind::map) check_command(service, "the service");
      check_ready(child(service, "ready"));
    }
    check_ready(child(node, "ready"));
    if (node.find("ready") != nullptr && node.find("drive") == nullptr)
      error(child(node, "ready"), "'ready' says when the driver may start, and there is none", "add 'drive'");
    for (const policy::Entry& entry : child(node, "files").entries) {
      const bool up = ("/" + entry.key + "/").find("/../") != std::string::npos;
      if (entry.key.empty() || entry.key.starts_with('/') || up)
        mistakes_.error(entry.place, code::kValue, in_quotes(entry.key) + " is no path inside the case's directory",
                        "write it relative to the directory, without ..");
    }
    const Node& expect = child(node, "expect");
    if (expect.find("exit") != nullptr && expect.find("signal") != nullptr)
      error(child(expect, "signal"), "a command ends with an exit status or by a signal", "remove one of the two");
    for (const FindingRow& row : test.expect.findings) check_code(row);
    for (const char* key : {"version", "extends"}) {
      if (const Node* value = child(node, "with").find(key))
        error(*value, "'with' extends the policy of the case and can't have " + in_quotes(key), "remove it");
    }
    check_directory(written);
    check_policy(written);
  }

  void check_command(const Node& node, const std::string& who) {
    const bool command = node.find("command") != nullptr;
    const bool script = node.find("script") != nullptr;
    if (command && script) error(node, who + " has both 'command' and 'script'", "remove one of the two");
    if (!command && !script)
      error(node, who + " runs nothing", "add 'command: [PROGRAM, ARGUMENT]' or 'script: text for sh'");
    if (command && child(node, "command").items.empty() && child(node, "command").kind == Node::Kind::list)
      error(child(node, "command"), "the command is empty", "name a program");
  }

  void check_ready(const Node& ready) {
    if (ready.kind != Node::Kind::map) return;
    if (ready.find("port") == nullptr && ready.find("line") == nullptr)
      error(ready, "'ready' needs a port or a line", "such as {port: \"${PORT}\"} or {line: listening}");
    const Node* http = ready.find("http");
    if (http == nullptr) return;
    if (ready.find("port") == nullptr) error(*http, "'http' needs a port", "add 'port'");
    if (!http->text.starts_with('/')) error(*http, in_quotes(http->text) + " is no path of a URL", "write /healthz");
  }

  void check_code(const FindingRow& row) {
    if (row.code.empty() || policy::find_rule(row.code) != nullptr) return;
    std::vector<std::string_view> codes;
    for (const policy::RuleRow& rule : policy::rule_catalog()) codes.push_back(rule.code);
    const auto near = base::nearest(row.code, codes);
    mistakes_.error({row.where.line, row.where.column}, code::kValue, in_quotes(row.code) + " is no code of a finding",
                    (near ? "did you mean " + in_quotes(*near) + "? " : "") + "cofferdam explain lists them");
  }

  void check_directory(const WrittenCase& written) {
    const std::string& path = written.shown_.directory;
    std::error_code ignored;
    if (path.empty() || std::filesystem::is_directory(path, ignored)) return;
    const Node* node = written.node_.find("directory");
    error(node != nullptr ? *node : written.node_, "there is no directory " + in_quotes(path),
          "it is relative to the test file");
  }

  // Each policy is loaded once.
  void check_policy(const WrittenCase& written) {
    const Node* own = written.node_.find("policy");
    const Node& at = own != nullptr ? *own : policy_place_.value_or(written.node_);
    const std::string& policy = written.shown_.policy;
    if (policy.empty()) {
      error(at, "no policy", "name one at the top of the file: 'policy: twelve-factor', or a path relative to it");
      return;
    }
    if (!policies_.insert(policy).second) return;
    const auto loaded = load_policy(policy, context_);
    if (loaded) return;
    std::string why;
    for (const Diagnostic& each : loaded.error()) why += (why.empty() ? "" : "\n") + format_diagnostic(each);
    mistakes_.error(at.place, code::kUnreadable, "the policy " + in_quotes(policy) + " is not valid", why);
  }

  void error(const Node& node, std::string message, std::string hint) {
    mistakes_.error(node.place, code::kValue, std::move(message), std::move(hint));
  }

  Mistakes mistakes_;
  const PolicyContext& context_;
  std::string path_;
  std::string directory_;
  std::optional<Node> policy_place_;  // of the whole file
  std::set<std::string> names_;
  std::set<std::string> policies_;
};

std::expected<std::vector<WrittenCase>, std::vector<Diagnostic>> load_tests(const std::string& file,
                                                                            const PolicyContext& context) {
  return FileReader(file, context).read();
}

}  // namespace cofferdam::harness
