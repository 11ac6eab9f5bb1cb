#include "harness/workspace.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "kernel/fd.hpp"

namespace cofferdam::harness {

namespace fs = std::filesystem;

namespace {

constexpr auto kCopy = fs::copy_options::recursive | fs::copy_options::copy_symlinks;

std::string describe(const fs::path& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return "gone";
  std::string text;
  for (const auto number :
       {static_cast<long long>(status.st_mode), static_cast<long long>(status.st_ino),
        static_cast<long long>(status.st_uid), static_cast<long long>(status.st_size),
        static_cast<long long>(status.st_mtim.tv_sec), static_cast<long long>(status.st_mtim.tv_nsec),
        static_cast<long long>(status.st_ctim.tv_sec), static_cast<long long>(status.st_ctim.tv_nsec)}) {
    text += std::to_string(number) + ' ';
  }
  return text;
}

}  // namespace

Result<Workspace> Workspace::make(const std::string& parent) {
  std::error_code error;
  std::string name;
  // Another case may remove the parent in between, when it was the last.
  for (int tries = 0; tries < 10; ++tries) {
    fs::create_directories(parent, error);
    name = parent + "/test.XXXXXX";
    if (mkdtemp(name.data()) != nullptr || errno != ENOENT) break;
    name.clear();
  }
  if (name.empty() || access(name.c_str(), W_OK) != 0)
    return fail("can't make a directory for the case in " + parent + ": " + std::strerror(errno), errno);
  Workspace space(std::move(name));
  for (const std::string& directory : {space.work(), space.scratch(), space.out()}) {
    fs::create_directory(directory, error);
    if (error) return fail("can't make " + directory + ": " + error.message(), error.value());
  }
  return space;
}

Workspace::Workspace(Workspace&& other) noexcept : base_(std::exchange(other.base_, {})) {}

Workspace::~Workspace() {
  std::error_code ignored;
  if (base_.empty()) return;
  fs::remove_all(base_, ignored);
  (void)rmdir(fs::path(base_).parent_path().c_str());  // only when nobody else's is in it
}

Result<void> Workspace::copy(const std::string& directory) const {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().filename() == ".git") continue;
    fs::copy(entry.path(), fs::path(work()) / entry.path().filename(), kCopy, error);
    if (error) return fail("can't copy " + entry.path().string() + ": " + error.message(), error.value());
  }
  if (error) return fail("can't read " + directory + ": " + error.message(), error.value());
  return {};
}

Result<void> Workspace::write(const std::map<std::string, std::string>& files) const {
  for (const auto& [name, content] : files) {
    const fs::path path = fs::path(work()) / name;
    std::error_code ignored;
    fs::create_directories(path.parent_path(), ignored);
    const unsigned mode = content.starts_with("#!") ? 0755 : 0644;
    auto file = kernel::open_file(path.string(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
    if (!file) return std::unexpected(file.error());
    if (!kernel::write_all(file->get(), content)) return fail("can't write " + path.string(), errno);
  }
  return {};
}

std::string workspace_parent(const std::map<std::string, std::string>& environment) {
  const auto value = [&](const char* name) {
    const auto found = environment.find(name);
    return found != environment.end() && found->second.starts_with('/') ? found->second : std::string();
  };
  const std::string home = value("HOME");
  if (home.size() > 1 && access(home.c_str(), W_OK) == 0) return home + "/.cofferdam";
  const std::string temporary = value("TMPDIR");
  return (temporary.empty() ? "/tmp" : temporary) + "/cofferdam-" + std::to_string(getuid());
}

Snapshot take_snapshot(const std::string& directory) {
  Snapshot snapshot;
  std::error_code error;
  snapshot.emplace(".", describe(directory));
  for (auto entry = fs::recursive_directory_iterator(directory, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    snapshot.emplace(entry->path().string().substr(directory.size() + 1), describe(entry->path()));
  }
  return snapshot;
}

std::vector<std::string> differences(const Snapshot& before, const Snapshot& after) {
  std::vector<std::string> out;
  for (const auto& [path, what] : before) {
    const auto now = after.find(path);
    if (now == after.end()) {
      out.push_back(path + " is gone");
    } else if (now->second != what && path != ".") {
      out.push_back(path + " changed");
    }
  }
  for (const auto& [path, what] : after) {
    if (!before.contains(path)) out.push_back(path + " is new");
  }
  if (out.empty() && before.contains(".") && after.contains(".") && before.at(".") != after.at("."))
    out.emplace_back("the directory itself changed");
  return out;
}

}  // namespace cofferdam::harness
