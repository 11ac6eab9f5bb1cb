#include "oci/bundle.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::oci {

namespace {

constexpr std::size_t kMostDocument = 16 << 20;
constexpr std::size_t kMostState = 1 << 20;

std::string absolute(const std::string& path) {
  std::array<char, PATH_MAX> here{};
  if (path.starts_with('/')) return base::normalise_path(path);
  if (getcwd(here.data(), here.size()) == nullptr) return path;
  return base::normalise_path(std::string(here.data()) + "/" + path);
}

Result<void> failed(const std::string& path) {
  return fail("can't write " + path + ": " + std::strerror(errno), errno);
}

}  // namespace

Bundle::Bundle(std::string directory) : directory_(absolute(directory)) {}

Result<std::string> Bundle::read_config() const {
  return read_document(directory_ + "/config.json");
}

Result<void> Bundle::write_config(const std::string& text) const {
  return replace_document(directory_ + "/config.json", text);
}

Result<void> Bundle::write_policy(const std::string& text) const {
  // Whoever the container's processes are, they may read what governs them.
  constexpr mode_t kMode = 0644;
  const std::string path = policy_file();
  const auto file = kernel::open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, kMode);
  if (!file) return std::unexpected(file.error());
  if (!kernel::write_all(file->get(), text) || fchmod(file->get(), kMode) != 0) return failed(path);
  return {};
}

bool Bundle::has_policy() const {
  return access(policy_file().c_str(), F_OK) == 0;
}

std::string Bundle::path_of(const std::string& written) const {
  return written.starts_with('/') ? written : base::normalise_path(directory_ + "/" + written);
}

Result<std::string> read_document(const std::string& path) {
  auto text = kernel::read_file(path, kMostDocument + 1);
  if (!text) return fail("can't read " + path + ": " + std::strerror(text.error().errnum), text.error().errnum);
  if (text->size() > kMostDocument) return fail(path + " is larger than 16 MiB");
  return text;
}

Result<void> replace_document(const std::string& path, const std::string& text) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return failed(path);
  const std::string fresh = path + ".cofferdam";
  {
    const auto file = kernel::open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (!file) return std::unexpected(file.error());
    const bool same_owner = status.st_uid == geteuid() && status.st_gid == getegid();
    if (!kernel::write_all(file->get(), text) ||
        (!same_owner && fchown(file->get(), status.st_uid, status.st_gid) != 0) ||
        fchmod(file->get(), status.st_mode & 07777) != 0) {
      return failed(fresh);
    }
  }
  if (rename(fresh.c_str(), path.c_str()) != 0) return failed(path);
  return {};
}

std::string ask_for_bundle(const std::string& runtime, const std::string& root, const std::string& id) {
  std::vector<std::string> words = {runtime};
  if (!root.empty()) words.insert(words.end(), {"--root", root});
  words.insert(words.end(), {"state", id});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  auto pipe = kernel::make_pipe();
  if (!pipe) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe->write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error = posix_spawn(&child, runtime.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  pipe->write.reset();
  if (error != 0) return {};
  std::string answer;
  std::array<char, 65536> buffer{};
  while (answer.size() <= kMostState) {
    const ssize_t got = read(pipe->read.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  pipe->read.reset();
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  const auto document = nlohmann::json::parse(answer, nullptr, false);
  if (!document.is_object() || !document.contains("bundle") || !document["bundle"].is_string()) return {};
  return document["bundle"].get<std::string>();
}

}  // namespace cofferdam::oci
