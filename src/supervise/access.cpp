#include "supervise/access.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "kernel/process.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::array<std::uint16_t, 2> kLoginPorts = {22, 23};  // ssh, telnet
constexpr unsigned kMemoryDevices = 1;                          // major of null, zero, full, random, urandom

std::string who_asked(const ProcessRef& process) {
  return process->lineage.empty() ? process->exe : base::join(process->lineage, " <- ");
}

std::string name_of(const ProcessRef& process) {
  return process->lineage.empty() ? process->exe : process->lineage.front();
}

bool is_loader(std::string_view name) {
  return name.starts_with("ld-linux") || name.starts_with("ld-musl") || name == "ld.so";
}

// Where the program of a loader that was called by hand stands: behind the loader's options.
std::size_t program_of_loader(const std::vector<std::string>& argv) {
  constexpr std::array<std::string_view, 7> kValued = {"--library-path",     "--preload", "--audit",
                                                       "--inhibit-rpath",    "--argv0",   "--glibc-hwcaps-prepend",
                                                       "--glibc-hwcaps-mask"};
  for (std::size_t i = 1; i < argv.size(); ++i) {
    if (!argv[i].starts_with('-')) return i;
    if (std::ranges::find(kValued, argv[i]) != kValued.end()) ++i;
  }
  return argv.size();
}

// The words of the command line from the shell's own name on; empty when the image is none. Behind a program of many
// names (`busybox sh`), or a loader, the shell's name is an argument.
std::span<const std::string> shell_words(const ExecRecord& record) {
  const std::string executable = base::base_name(record.executable);
  const std::span words(record.argv);
  if (is_shell(executable)) return words;
  std::size_t name = words.size();
  if (is_loader(executable)) name = program_of_loader(record.argv);
  if (has_many_names(record)) name = called_as(record) == executable ? 1 : 0;
  return name < words.size() && is_shell(base::base_name(words[name])) ? words.subspan(name)
                                                                       : std::span<const std::string>();
}

bool is_terminal_device(std::string_view path) {
  return path == "/dev/ptmx" || path.starts_with("/dev/pts/");
}

}  // namespace

Input standard_input_of(const kernel::ThreadView& view) {
  const auto link = view.descriptor_link(0);
  if (!link) return link.error().errnum == ENOENT ? Input::nothing : Input::network;
  if (link->starts_with("pipe:[")) return Input::pipe;
  if (link->starts_with("socket:[")) {
    return view.socket_protocol(0).starts_with("UNIX") ? Input::pipe : Input::network;
  }
  const kernel::Fd pinned = view.pin_descriptor(0);
  struct stat status{};
  if (!pinned || fstat(pinned.get(), &status) != 0) return Input::network;
  if (S_ISFIFO(status.st_mode)) return Input::pipe;
  if (!S_ISCHR(status.st_mode)) return Input::nothing;
  return major(status.st_rdev) == kMemoryDevices ? Input::nothing : Input::terminal;
}

void AccessRule::tell(const char* code, std::string message, std::string fix, const ProcessRef& process) {
  Finding finding;
  finding.code = code;
  finding.severity = Severity::error;
  finding.message = std::move(message);
  finding.fix = std::move(fix);
  finding.policy = plan_.policy;
  finding.policy.key += finding.code == "CD405" ? ".debug" : ".remote_login";
  finding.process = process;
  events_.emit(std::move(finding));
}

void AccessRule::refuse(kernel::NotifyChannel& channel, const kernel::Notification& call, const kernel::NotifyRow& row,
                        const KnownThread& thread) {
  channel.answer_error(call.id, EPERM);
  if (row.kind == kernel::NotifyKind::terminal) return see_open("/dev/ptmx", thread);
  tell("CD405",
       std::string(row.name) + " refused: whoever looks into another process acts as it (" + who_asked(thread.process) +
           ")",
       plan_.debugging ? "profile the program outside of cofferdam"
                       : "to debug, write `access: {debug: allow}` into the policy: the database rule is then enforced "
                         "in part only",
       thread.process);
}

void AccessRule::see_open(const std::string& path, const KnownThread& thread) {
  if (plan_.terminals || !is_terminal_device(path)) return;
  tell("CD402", "a terminal was refused: nobody logs in to an instance (" + who_asked(thread.process) + ")",
       "for a terminal of your own: " + plan_.one_off +
           "; an app that itself drives programs through pseudoterminals (pexpect, node-pty, script) needs `access: "
           "{remote_login: allow}`",
       thread.process);
}

bool AccessRule::is_login(const kernel::ThreadView& view, const ExecRecord& record) const {
  if (plan_.terminals) return false;
  const std::span<const std::string> words = shell_words(record);
  if (words.empty() && !is_shell(base::base_name(record.executable))) return false;
  const ShellCall call = read_shell_call(words);
  // Most shells run a script: nothing more is read of them.
  if (call.has_script && !call.interactive) return false;
  return supervise::is_login(call, standard_input_of(view));
}

void AccessRule::end_login(const kernel::NotifyChannel& channel, const kernel::Notification& call,
                           const kernel::ThreadStatus& status, const ProcessRef& process) {
  const kernel::Fd shell = kernel::open_pidfd(status.tgid, false);
  // The number may be another process's by now.
  if (!channel.still_valid(call.id)) return;
  kernel::send_signal(shell.get(), SIGKILL);
  tell("CD403",
       "the interactive shell " + name_of(process) + " was ended: nobody types into an instance (" +
           who_asked(process) + ")",
       "to look around: " + plan_.one_off + "; scripts, `sh -c` and a shell that reads its script from a pipe run",
       process);
}

bool AccessRule::refuses_port(std::uint16_t port, const KnownThread& thread) {
  if (plan_.logins || std::ranges::find(kLoginPorts, port) == kLoginPorts.end()) return false;
  tell("CD404",
       "listening on port " + std::to_string(port) + " refused: nobody logs in to an instance (" +
           who_asked(thread.process) + ")",
       "to look around: " + plan_.one_off +
           "; a service that is no login takes another port; to allow it: `access: {remote_login: allow}`",
       thread.process);
  return true;
}

void AccessRule::tell_hidden_port(const KnownThread& thread) {
  tell("CD404",
       "binding to a port refused: " + name_of(thread.process) + " hides its memory, so nobody can tell which (" +
           who_asked(thread.process) + ")",
       "leave PR_SET_DUMPABLE alone until the program listens", thread.process);
}

}  // namespace cofferdam::supervise
