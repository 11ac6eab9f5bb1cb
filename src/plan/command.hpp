// Programs as people type them: looked up on PATH, with the interpreter behind a `#!` line.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cofferdam/result.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::plan {

// A program on disk, as it is found before the instance has its mounts: below an overlay the same file has another
// identity and is known by its path. For a script, `executable` is the interpreter (with `env NAME` resolved on PATH)
// and `script` the file itself; otherwise script is empty. Both absolute; identities are of the files that the links
// lead to.
struct Program {
  std::string path;  // what is handed to execve(2)
  std::string executable;
  kernel::FileIdentity executable_identity;
  std::string executable_target;  // canonical
  std::string script;
  kernel::FileIdentity script_identity;
  std::string script_target;  // canonical
};

// Looks `name` up as execvp(3) would: a name with a slash is a path relative to `directory`, else each entry of
// PATH. Errors are those of the container convention: exit code 127 not found, 126 not executable or a directory,
// with a message that says what was looked for where.
[[nodiscard]] Result<Program> find_program(const std::string& name, const std::string& search_path,
                                           const std::string& directory);

// PATH of the environment, or the system's default when unset.
[[nodiscard]] std::string search_path_of(const std::map<std::string, std::string>& environment);

}  // namespace cofferdam::plan
