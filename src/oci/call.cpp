#include "oci/call.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace cofferdam::oci {

namespace {

// Of runc 1.3 and crun 1.2x.
constexpr std::array<std::string_view, 21> kCommands = {
    "checkpoint", "create", "delete",  "events", "exec", "features", "help",  "init",  "kill",   "list", "mounts",
    "pause",      "ps",     "restore", "resume", "run",  "spec",     "start", "state", "update", "pidof"};
constexpr std::array<std::string_view, 3> kPreparing = {"create", "run", "restore"};
constexpr std::array<std::string_view, 7> kGlobalsWithValue = {"--root", "--log",      "--log-format",    "--log-level",
                                                               "--criu", "--rootless", "--cgroup-manager"};
// Of exec: what stands before the id.
constexpr std::array<std::string_view, 18> kExecWithValue = {"--console-socket",
                                                             "--cwd",
                                                             "-c",
                                                             "--env",
                                                             "-e",
                                                             "--user",
                                                             "-u",
                                                             "--additional-gids",
                                                             "-g",
                                                             "--process",
                                                             "-p",
                                                             "--pid-file",
                                                             "--process-label",
                                                             "--apparmor",
                                                             "--cap",
                                                             "--preserve-fds",
                                                             "--cgroup",
                                                             "--pidfd-socket"};
constexpr std::array<std::string_view, 15> kPrepareWithValue = {
    "--bundle",       "-b",           "--console-socket", "--pidfd-socket",        "--pid-file",
    "--preserve-fds", "--image-path", "--work-path",      "--manage-cgroups-mode", "--empty-ns",
    "--config",       "-f",           "--lsm-profile",    "--lsm-mount-context",   "--criu"};

bool is_in(const auto& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

// The value of an option that is called one of `names`: `--x V`, `--x=V`, and Go's `-x V` for a long name.
std::optional<std::string> value_at(const std::vector<std::string>& words, std::size_t at,
                                    std::initializer_list<std::string_view> names) {
  std::string_view word = words[at];
  if (!word.starts_with('-')) return std::nullopt;
  const std::size_t equals = word.find('=');
  std::string name(word.substr(0, equals));
  if (name.size() > 2 && name[1] != '-') name = "-" + name;
  if (std::ranges::find(names, std::string_view(name)) == names.end()) return std::nullopt;
  if (equals != std::string_view::npos) return std::string(word.substr(equals + 1));
  return at + 1 < words.size() ? std::optional(words[at + 1]) : std::nullopt;
}

bool takes_next(const auto& with_value, std::string_view word) {
  if (word.size() > 2 && word[0] == '-' && word[1] != '-') return is_in(with_value, "-" + std::string(word));
  return is_in(with_value, word);
}

// The index of the first word that is no option; `words.size()` when there is none.
std::size_t first_word(const std::vector<std::string>& words, std::size_t from, const auto& with_value) {
  std::size_t at = from;
  while (at < words.size() && words[at].starts_with('-') && words[at] != "-") {
    if (words[at] == "--") return at + 1;
    at += takes_next(with_value, words[at]) ? 2 : 1;
  }
  return std::min(at, words.size());
}

}  // namespace

Call parse_call(const std::vector<std::string>& arguments) {
  Call call;
  std::size_t at = first_word(arguments, 0, kGlobalsWithValue);
  // The value of an option that is not known here.
  while (at < arguments.size() && !is_in(kCommands, arguments[at])) {
    const std::size_t next = first_word(arguments, at + 1, kGlobalsWithValue);
    if (next <= at) break;
    at = next;
  }
  for (std::size_t i = 0; i < std::min(at, arguments.size()); ++i) {
    if (auto root = value_at(arguments, i, {"--root"})) call.root = *root;
    if (auto log = value_at(arguments, i, {"--log"})) call.log = *log;
    if (auto format = value_at(arguments, i, {"--log-format"})) call.json_log = *format == "json";
  }
  if (at >= arguments.size()) return call;
  call.command = arguments[at];
  call.command_at = at;
  if (is_in(kPreparing, call.command)) {
    call.kind = Call::Kind::prepares;
    const std::size_t id = first_word(arguments, at + 1, kPrepareWithValue);
    for (std::size_t i = at + 1; i < arguments.size(); ++i) {
      if (auto bundle = value_at(arguments, i, {"--bundle", "-b"})) call.bundle = *bundle;
    }
    if (id < arguments.size()) call.id = arguments[id];
  } else if (call.command == "exec") {
    call.kind = Call::Kind::executes;
    const std::size_t id = first_word(arguments, at + 1, kExecWithValue);
    for (std::size_t i = at + 1; i < id; ++i) {
      if (auto process = value_at(arguments, i, {"--process", "-p"})) call.process = *process;
      call.terminal = call.terminal || arguments[i] == "-t" || arguments[i] == "--tty" || arguments[i] == "-tty" ||
                      arguments[i] == "--tty=true";
    }
    if (id < arguments.size()) call.id = arguments[id];
  }
  return call;
}

}  // namespace cofferdam::oci
