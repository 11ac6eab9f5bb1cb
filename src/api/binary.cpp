#include "api/binary.hpp"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "api/child.hpp"
#include "base/text.hpp"
#include "cofferdam/run.hpp"

namespace cofferdam {

const char* version() {
  return COFFERDAM_VERSION;
}

namespace api {

namespace {

constexpr std::chrono::milliseconds kVersionTimeout{10'000};

// Installed: as the directories were given when this was built. In a build directory: beside each other.
std::vector<std::string> places() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&version), &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code error;
  const auto library = std::filesystem::canonical(info.dli_fname, error);
  if (error) return {};
  const auto directory = library.parent_path();
  return {(directory / COFFERDAM_LIBRARY_TO_BINARY / "cofferdam").lexically_normal().string(),
          (directory / "cofferdam").string()};
}

Result<std::string> locate(const std::string& wanted) {
  const char* variable = std::getenv("COFFERDAM_BINARY");
  const bool from_variable = wanted.empty() && variable != nullptr && *variable != '\0';
  const std::string chosen = from_variable ? variable : wanted;
  if (!chosen.empty()) {
    // Checked here and not only by the start, which would name no reason.
    if (access(chosen.c_str(), X_OK) == 0) return chosen;
    return fail((from_variable ? "COFFERDAM_BINARY is " : "RunRequest::binary is ") + base::printable(chosen) +
                    ", which can't be executed",
                errno);
  }
  std::string tried;
  for (const std::string& place : places()) {
    if (access(place.c_str(), X_OK) == 0) return place;
    tried += (tried.empty() ? "" : ", ") + place;
  }
  return fail("the cofferdam binary is not there; looked at: " + (tried.empty() ? "(nothing)" : tried) +
                  ". Install it with this library, or name it in COFFERDAM_BINARY",
              ENOENT);
}

using FileKey = std::tuple<dev_t, ino_t, time_t, long>;

Result<std::string> version_of(const std::string& binary) {
  ChildRequest request;
  request.binary = binary;
  request.arguments = {"--version"};
  request.environment = {"PATH=/usr/bin:/bin"};
  const auto captured = capture(std::move(request), kVersionTimeout);
  if (!captured) return std::unexpected(captured.error());
  constexpr std::string_view kName = "cofferdam ";
  if (captured->status != 0 || !captured->out.starts_with(kName)) {
    return fail(base::printable(binary) + " is no cofferdam: --version says " +
                base::printable(captured->out.substr(0, 80)));
  }
  return captured->out.substr(kName.size(), captured->out.find('\n') - kName.size());
}

}  // namespace

Result<std::string> find_binary(const std::string& wanted) {
  static std::mutex mutex;
  static std::map<FileKey, std::string> versions;
  auto binary = locate(wanted);
  if (!binary) return binary;
  struct stat status{};
  if (stat(binary->c_str(), &status) != 0) return fail("can't look at " + base::printable(*binary), errno);
  const FileKey key{status.st_dev, status.st_ino, status.st_ctim.tv_sec, status.st_ctim.tv_nsec};
  const std::scoped_lock lock(mutex);
  auto known = versions.find(key);
  if (known == versions.end()) {
    auto found = version_of(*binary);
    if (!found) return std::unexpected(found.error());
    known = versions.emplace(key, std::move(*found)).first;
  }
  if (known->second != version()) {
    return fail("this library is cofferdam " + std::string(version()) + ", and " + base::printable(*binary) + " is " +
                base::printable(known->second) + ": install both from one release");
  }
  return binary;
}

}  // namespace api
}  // namespace cofferdam
