#include "supervise/program_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <deque>

#include "base/text.hpp"

namespace cofferdam::supervise {

namespace {

constexpr int kMostLinks = 40;       // as many as the kernel follows
constexpr long kTmpfs = 0x01021994;  // statfs(2)

std::string joined(const std::string& directory, std::string_view path) {
  return path.starts_with('/') ? std::string(path) : directory + "/" + std::string(path);
}

std::string name_of(const kernel::Fd& file) {
  return kernel::read_link_at(AT_FDCWD, ("/proc/self/fd/" + std::to_string(file.get())).c_str()).value_or("");
}

}  // namespace

bool Changeable::at(int directory) const {
  struct statfs about{};
  if (fstatfs(directory, &about) != 0) return true;
  return (about.f_flags & ST_RDONLY) == 0 && (!tmpfs_only || about.f_type == kTmpfs);
}

std::string settled_path(const kernel::Fd& root, const std::string& absolute, Changeable changeable) {
  // Mostly there is no link on the way.
  const kernel::Fd plain =
      kernel::open_resolved(root.get(), absolute.c_str(), O_PATH, kernel::kInRoot | kernel::kNoSymlinks);
  if (plain) return name_of(plain);
  std::deque<std::string> words;
  const auto put_in_front = [&](const std::string& path) {
    const auto parts = base::split(path, '/');
    words.insert(words.begin(), parts.begin(), parts.end());
  };
  put_in_front(absolute);
  std::string walked;
  for (int links = 0; !words.empty();) {
    const std::string word = words.front();
    words.pop_front();
    if (word.empty() || word == ".") continue;
    if (word == "..") {
      walked.resize(walked.empty() ? 0 : walked.rfind('/'));
      continue;
    }
    const std::uint64_t straight = kernel::kInRoot | kernel::kNoSymlinks;
    const kernel::Fd above =
        kernel::open_resolved(root.get(), walked.empty() ? "/" : walked.c_str(), O_PATH | O_DIRECTORY, straight);
    const auto target = above ? kernel::read_link_at(above.get(), word.c_str()) : fail("", ENOENT);
    walked += "/" + word;
    if (above && !target && target.error().errnum == EINVAL) continue;  // no link
    if (!target || changeable.at(above.get()) || ++links > kMostLinks) {
      for (const std::string& rest : words) walked += "/" + rest;
      return walked;
    }
    walked.resize(target->starts_with('/') ? 0 : walked.rfind('/'));
    put_in_front(*target);
  }
  return walked.empty() ? "/" : walked;
}

InterpreterHome interpreter_home(const kernel::Fd& root, const std::string& directory, const std::string& argv0,
                                 const std::vector<std::string>& environment, Changeable changeable) {
  const auto place_of = [&](const std::string& program) {
    const std::string path = joined(directory, program);
    return settled_path(root, path.substr(0, path.rfind('/') + 1), changeable);
  };
  if (argv0.find('/') != std::string::npos) return {place_of(argv0), {}};
  constexpr std::string_view kPath = "PATH=";
  std::string search;
  bool certain = true;
  for (const std::string& variable : environment) {
    if (!variable.starts_with(kPath)) continue;
    for (const std::string_view entry : base::split(std::string_view(variable).substr(kPath.size()), ':')) {
      const std::string path = joined(directory, std::string(entry.empty() ? "." : entry) + "/" + argv0);
      search += std::string(entry) + ":";
      const kernel::Fd found = kernel::open_resolved(root.get(), path.c_str(), O_PATH, kernel::kInRoot);
      const auto identity = found ? kernel::identify(found.get(), "") : fail("", ENOENT);
      constexpr std::uint32_t kAnyExecute = 0111;
      if (identity && S_ISREG(identity->mode) && (identity->mode & kAnyExecute) != 0) {
        return {place_of(path), certain ? std::string() : search};
      }
      const std::string folder = settled_path(root, path.substr(0, path.rfind('/') + 1), changeable);
      const kernel::Fd place = kernel::open_resolved(root.get(), folder.c_str(), O_PATH | O_DIRECTORY,
                                                     kernel::kInRoot | kernel::kNoSymlinks);
      certain = certain && place && !changeable.at(place.get());
    }
    break;
  }
  return {};
}

bool same_home(const InterpreterHome& app, const InterpreterHome& other) {
  return !other.place.empty() && other.place == app.place && (other.search.empty() || other.search == app.search);
}

}  // namespace cofferdam::supervise
