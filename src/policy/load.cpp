// load_policy and discover_policy of cofferdam/policy.hpp.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "base/text.hpp"
#include "cofferdam/policy.hpp"
#include "policy/builtin.hpp"
#include "policy/document.hpp"
#include "policy/layer.hpp"
#include "policy/limits.hpp"
#include "policy/log_layer.hpp"
#include "policy/merge.hpp"
#include "policy/origins.hpp"
#include "policy/validate.hpp"

namespace cofferdam {
namespace policy {
namespace {

constexpr std::size_t kMaxExtends = 8;
constexpr std::string_view kDefaultName = "twelve-factor";
constexpr std::string_view kDefaultFile = "cofferdam.yaml";
constexpr std::string_view kHowFound =
    "a policy is found by --policy FILE, then COFFERDAM_POLICY, then ./cofferdam.yaml, else twelve-factor is used";

// One file of the chain that begins with what was asked for and ends with what extends nothing.
struct Source {
  std::string identity;   // of a file its canonical path, of a shipped policy its name
  PathBase base;          // of its mounts and other paths
  std::string directory;  // of `extends`
  bool shipped = false;
  std::optional<Layer> layer;
  PolicyOrigins origins;
  Mistakes mistakes;
};

const BuiltinPolicy* find_builtin(std::string_view name) {
  const auto& all = builtin_policies();
  const auto found = std::ranges::find(all, name, &BuiltinPolicy::name);
  return found == all.end() ? nullptr : &*found;
}

bool looks_like_path(std::string_view name) {
  return name.find('/') != std::string_view::npos || name.ends_with(".yaml") || name.ends_with(".yml") ||
         name.starts_with('.') || name.starts_with('~');
}

ValueError unknown_builtin(std::string_view name) {
  std::vector<std::string_view> names;
  std::string list;
  for (const BuiltinPolicy& each : builtin_policies()) {
    names.push_back(each.name);
    list += (list.empty() ? "" : ", ") + std::string(each.name);
  }
  const auto near = base::nearest(name, names);
  return {"there is no shipped policy " + in_quotes(name),
          (near ? "did you mean " + in_quotes(*near) + "? " : "") + "the shipped policies are " + list +
              "; a file of that name is " + in_quotes("./" + std::string(name))};
}

struct CloseFile {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }  // opened for reading: nothing to lose
};

// The text of the file, or why it can't be read. Stops one byte past what a document may have.
std::expected<std::string, std::string> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
  if (!file) return std::unexpected(std::string(std::strerror(errno)));
  std::string text(kMaxDocumentBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return std::unexpected(std::string(std::strerror(errno)));
  return text;
}

class Loader {
 public:
  explicit Loader(const PolicyContext& context)
      : home_(context.home.starts_with('/') ? base::normalise_path(context.home) : ""),
        working_directory_(base::normalise_path(context.working_directory)),
        policy_base_(context.policy_base.empty() ? "" : base::normalise_path(context.policy_base)),
        inline_text_(context.inline_text) {}

  std::expected<LoadedPolicy, std::vector<Diagnostic>> load(const std::string& choice) {
    Policy policy;
    PolicyOrigins origins;
    policy.name = choice;
    const bool alone = !inline_text_.empty() && read_inline();
    if (alone) {
      policy.name = kInlinePolicyName;
    } else {
      open_choice(choice);
    }
    // A row may take its type from a layer that is missing: merging then would report what is not wrong.
    broken_ = broken_ || !std::ranges::all_of(chain_, [](const Source& each) { return each.layer.has_value(); });
    for (auto source = chain_.rbegin(); !broken_ && source != chain_.rend(); ++source) {
      if (!source->layer) continue;
      apply_layer(policy, std::move(*source->layer), source->base, source->mistakes);
      merge_origins(origins, std::move(source->origins));
    }
    std::vector<Diagnostic> diagnostics = complete_logs(policy.logs);
    const bool failed = broken_ || !diagnostics.empty() ||
                        std::ranges::any_of(chain_, [](const Source& each) { return each.mistakes.has_error(); });
    for (Source& source : chain_) std::ranges::move(source.mistakes.take(), std::back_inserter(diagnostics));
    if (failed) {
      // Notes say what the run will be like, and there will be none.
      std::erase_if(diagnostics, [](const Diagnostic& each) { return each.severity == Severity::note; });
      return std::unexpected(std::move(diagnostics));
    }
    std::ranges::move(check_limits(policy), std::back_inserter(diagnostics));
    return LoadedPolicy{std::move(policy), std::move(diagnostics), std::move(origins)};
  }

 private:
  // A name of a shipped policy wins over a file: `django` is also what many project directories are called.
  void open_choice(const std::string& choice) {
    if (const BuiltinPolicy* builtin = find_builtin(choice)) return read_builtin(*builtin);
    const std::string path = absolute(choice, working_directory_);
    std::error_code ignored;
    if (!looks_like_path(choice) && !std::filesystem::is_regular_file(path, ignored)) {
      const ValueError error = unknown_builtin(choice);
      return fail(Mistakes(""), {}, error.message, error.hint + "\n" + std::string(kHowFound));
    }
    auto text = read_file(path);
    if (!text) {
      return fail(Mistakes(choice), {}, "can't read the policy " + in_quotes(choice) + ": " + text.error(),
                  std::string(kHowFound));
    }
    read_user_file(choice, path, *text);
  }

  void read_builtin(const BuiltinPolicy& builtin) {
    Source source{.identity = std::string(builtin.name),
                  .base = {working_directory_, home_},
                  .directory = working_directory_,
                  .shipped = true,
                  .layer = {},
                  .origins = {},
                  .mistakes = Mistakes(std::string(builtin.name) + " (built in)")};
    read_source(std::move(source), builtin.text);
  }

  void read_user_file(const std::string& shown, const std::string& path, std::string_view text) {
    const std::string directory = base::normalise_path(std::filesystem::path(path).parent_path().string());
    Source source{.identity = identity_of(path),
                  .base = {policy_base_.empty() ? directory : policy_base_, home_},
                  .directory = directory,
                  .shipped = false,
                  .layer = {},
                  .origins = {},
                  .mistakes = Mistakes(shown)};
    read_source(std::move(source), text);
  }

  // Whether the text says itself what it extends.
  bool read_inline() {
    Source source{.identity = {},
                  .base = {working_directory_, home_},
                  .directory = working_directory_,
                  .shipped = false,
                  .layer = {},
                  .origins = {},
                  .mistakes = Mistakes(kInlinePolicyName)};
    std::optional<Node> root = parse_document(inline_text_, source.mistakes);
    const bool is_map = root && root->kind == Node::Kind::map;
    const bool extends = is_map && root->find("extends") != nullptr;
    if (is_map && root->find("version") == nullptr) {
      Node version;
      version.kind = Node::Kind::scalar;
      version.text = "1";
      version.place = root->place;
      root->entries.push_back({"version", root->place, std::move(version)});
    }
    read_document(std::move(source), root, extends);
    return extends;
  }

  void read_source(Source source, std::string_view text) {
    const std::optional<Node> root = parse_document(text, source.mistakes);
    read_document(std::move(source), root, true);
  }

  void read_document(Source source, const std::optional<Node>& root, bool follow) {
    if (root && root->kind == Node::Kind::map) {
      validate(*root, source.mistakes);
      source.layer = read_layer(*root, source.base, source.shipped, source.mistakes);
      source.origins = read_origins(*root, source.base, source.mistakes);
    } else if (root && root->kind == Node::Kind::null) {
      source.mistakes.error({1, 1}, code::kValue, "the policy is empty",
                            "write at least:\nversion: 1\nextends: twelve-factor");
    } else if (root && root->kind != Node::Kind::refused) {
      source.mistakes.error(root->place, code::kValue, "a policy is a map of keys", "begin it with 'version: 1'");
    }
    chain_.push_back(std::move(source));
    if (follow && root && root->kind == Node::Kind::map) follow_extends(*root);
  }

  void follow_extends(const Node& root) {
    const Node* extends = root.find("extends");
    if (extends == nullptr) {
      const BuiltinPolicy* builtin = find_builtin(kDefaultName);
      if (!chain_.back().shipped && builtin != nullptr) read_builtin(*builtin);
      return;
    }
    if (extends->kind != Node::Kind::scalar || extends->text.empty()) {
      broken_ = true;  // validate() has reported it
      return;
    }
    const std::string& parent = extends->text;
    if (parent == "none") return;
    if (chain_.size() > kMaxExtends) {
      return fail_extends(extends->place, "more than " + std::to_string(kMaxExtends) + " policies extend each other",
                          "");
    }
    if (!looks_like_path(parent)) {
      const BuiltinPolicy* builtin = find_builtin(parent);
      if (builtin == nullptr) {
        const ValueError error = unknown_builtin(parent);
        return fail_extends(extends->place, error.message, error.hint);
      }
      if (!is_cycle(parent, extends->place)) read_builtin(*builtin);
      return;
    }
    if (check_path(parent)) {
      broken_ = true;
      return;
    }
    const auto path = resolve_path(parent, {chain_.back().directory, home_});
    if (!path) return fail_extends(extends->place, path.error().message, path.error().hint);
    auto text = read_file(*path);
    if (!text) {
      return fail_extends(extends->place, "can't read " + in_quotes(*path) + ": " + text.error(),
                          "extends is a shipped policy, a path relative to this file, or none");
    }
    if (!is_cycle(identity_of(*path), extends->place)) read_user_file(*path, *path, *text);
  }

  bool is_cycle(const std::string& identity, Place place) {
    const auto seen = std::ranges::find(chain_, identity, &Source::identity);
    if (seen == chain_.end()) return false;
    fail_extends(place, "the policy extends itself through " + in_quotes(identity), "");
    return true;
  }

  void fail_extends(Place place, std::string message, std::string hint) {
    broken_ = true;
    chain_.back().mistakes.error(place, code::kUnreadable, std::move(message), std::move(hint));
  }

  void fail(Mistakes mistakes, Place place, std::string message, std::string hint) {
    broken_ = true;
    mistakes.error(place, code::kUnreadable, std::move(message), std::move(hint));
    chain_.push_back({.identity = {},
                      .base = {},
                      .directory = {},
                      .shipped = false,
                      .layer = {},
                      .origins = {},
                      .mistakes = std::move(mistakes)});
  }

  static std::string absolute(const std::string& path, const std::string& directory) {
    return path.starts_with('/') ? path : directory + '/' + path;
  }

  static std::string identity_of(const std::string& path) {
    std::error_code error;
    const std::filesystem::path canonical = std::filesystem::canonical(path, error);
    return error ? path : canonical.string();
  }

  std::string home_;
  std::string working_directory_;
  std::string policy_base_;
  std::string inline_text_;
  std::vector<Source> chain_;
  bool broken_ = false;  // a policy of the chain is missing or can't be read
};

}  // namespace
}  // namespace policy

std::expected<LoadedPolicy, std::vector<Diagnostic>> load_policy(const std::string& file_or_name,
                                                                 const PolicyContext& context) {
  return policy::Loader(context).load(file_or_name);
}

std::string discover_policy(const std::optional<std::string>& explicit_choice, const PolicyContext& context) {
  if (explicit_choice) return *explicit_choice;
  const auto variable = context.environment.find("COFFERDAM_POLICY");
  if (variable != context.environment.end() && !variable->second.empty()) return variable->second;
  // A link that leads nowhere counts: to run under another policy than the one that was put there is worse than
  // an error.
  std::error_code ignored;
  const std::filesystem::path file = std::filesystem::path(context.working_directory) / policy::kDefaultFile;
  if (std::filesystem::exists(std::filesystem::symlink_status(file, ignored))) return std::string(policy::kDefaultFile);
  return std::string(policy::kDefaultName);
}

}  // namespace cofferdam
