// Whether a shell was started for somebody to type into, read from its arguments alone. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cofferdam::supervise {

// sh, bash, dash, zsh, fish, csh, busybox's ash and their like, by the program's name ("-bash" of a login, too).
[[nodiscard]] bool is_shell(std::string_view program);

struct ShellCall {
  bool interactive = false;  // -i, --interactive, -o interactive
  bool has_script = false;   // a script or -c; else it reads what to do from its standard input
};
// A script that is the standard input itself (/dev/stdin, /dev/fd/0) counts as none.
[[nodiscard]] ShellCall read_shell_call(std::span<const std::string> argv);

// What a process's standard input is.
enum class Input {
  nothing,   // closed, a file, /dev/null
  pipe,      // a pipe, or one end of a unix socket: what a parent feeds its child through (Node.js uses sockets)
  network,   // a socket of another family: somebody outside
  terminal,  // a terminal or another device that can be typed into
};

// A shell that is a login: it waits for commands of somebody outside, or was told to be interactive and has somebody to
// read from. With a script it is none, unless it is told to be interactive and its input is not the app's own.
[[nodiscard]] bool is_login(const ShellCall& call, Input input);

}  // namespace cofferdam::supervise
