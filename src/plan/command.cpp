#include "plan/command.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include "base/text.hpp"

namespace cofferdam::plan {

namespace {

constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

std::string absolute(const std::string& path, const std::string& directory) {
  return path.starts_with('/') ? path : directory + "/" + path;
}

// execve(2) also looks at mode bits of files that root may read: access(2) with effective ids says what it would do.
int executability(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  if (!S_ISREG(status.st_mode)) return EACCES;
  return faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

std::string canonical(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> target(realpath(path.c_str(), nullptr), std::free);
  return target != nullptr ? target.get() : "";
}

struct ShebangLine {
  std::string interpreter;
  std::string argument;
};

// The `#!` line as execve(2) reads it: at most 255 bytes, one optional argument.
ShebangLine read_shebang(const std::string& path) {
  const auto head = kernel::read_file(path, 256);
  if (!head || !head->starts_with("#!")) return {};
  std::string_view line = std::string_view(*head).substr(2);
  line = line.substr(0, line.find('\n'));
  const auto trim = [](std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return std::string_view();
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
  };
  line = trim(line);
  const std::size_t space = line.find_first_of(" \t");
  ShebangLine shebang{std::string(line.substr(0, space)), {}};
  if (space != std::string_view::npos) shebang.argument = trim(line.substr(space));
  return shebang;
}

Result<Program> describe(const std::string& path, const std::string& search_path, const std::string& directory,
                         int depth) {
  Program program;
  program.path = path;
  const ShebangLine shebang = depth < 4 ? read_shebang(path) : ShebangLine{};
  std::string interpreter = shebang.interpreter;
  if (interpreter.ends_with("/env") && !shebang.argument.empty()) {
    // `#!/usr/bin/env -S python3 -u`: the first word that is neither an option nor an assignment.
    for (const std::string_view word : base::split(shebang.argument, ' ')) {
      if (word.empty() || word.starts_with('-') || word.find('=') != std::string_view::npos) continue;
      auto found = find_program(std::string(word), search_path, directory);
      if (found) interpreter = found->executable;
      break;
    }
  }
  const std::string& executable = interpreter.empty() ? path : interpreter;
  auto identity = kernel::identify(AT_FDCWD, executable.c_str());
  if (!identity) {
    return fail("can't execute " + base::printable(path) + ": its interpreter " + base::printable(executable) +
                    " does not exist; install it or mend the first line of the script",
                identity.error().errnum, kNotExecutable);
  }
  program.executable = executable;
  program.executable_identity = *identity;
  program.executable_target = canonical(executable);
  if (!interpreter.empty()) {
    program.script = path;
    if (auto script = kernel::identify(AT_FDCWD, path.c_str())) program.script_identity = *script;
    program.script_target = canonical(path);
  }
  return program;
}

Error not_executable(const std::string& path, int error) {
  if (error == EISDIR) return {"can't execute " + base::printable(path) + ": it is a directory", error, kNotExecutable};
  if (error == ENOENT || error == ENOTDIR) return {base::printable(path) + ": no such file", error, kNotFound};
  return {"can't execute " + base::printable(path) + ": permission denied; is it executable (chmod +x)?", error,
          kNotExecutable};
}

}  // namespace

Result<Program> find_program(const std::string& name, const std::string& search_path, const std::string& directory) {
  if (name.empty()) return fail("the command is an empty word", ENOENT, kNotFound);
  if (name.find('/') != std::string::npos) {
    const std::string path = absolute(name, directory);
    if (const int error = executability(path); error != 0) return std::unexpected(not_executable(name, error));
    return describe(path, search_path, directory, 0);
  }
  std::string refused;
  int refused_error = 0;
  for (const std::string_view entry : base::split(search_path, ':')) {
    const std::string path = absolute(entry.empty() ? name : std::string(entry) + "/" + name, directory);
    const int error = executability(path);
    if (error == 0) return describe(path, search_path, directory, 0);
    if ((error == EACCES || error == EISDIR) && refused.empty()) {
      refused = path;
      refused_error = error;
    }
  }
  if (!refused.empty()) return std::unexpected(not_executable(refused, refused_error));
  return fail(base::printable(name) + ": command not found (looked in PATH=" + base::printable(search_path) + ")",
              ENOENT, kNotFound);
}

std::string search_path_of(const std::map<std::string, std::string>& environment) {
  const auto path = environment.find("PATH");
  return path != environment.end() ? path->second : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

}  // namespace cofferdam::plan
