// Rule 4: nobody logs in to an instance and nobody looks into its processes. What a register or a missing device can't
// refuse is refused here, and each refusal is told with the way that is open: `cofferdam shell`.
#pragma once

#include <cstdint>
#include <string>

#include "kernel/notify.hpp"
#include "kernel/syscall_table.hpp"
#include "supervise/event_log.hpp"
#include "supervise/shell_call.hpp"
#include "supervise/threads.hpp"

namespace cofferdam::supervise {

class AccessRule {
 public:
  AccessRule(const plan::AccessPlan& plan, EventLog& events) : plan_(plan), events_(events) {}

  // NotifyKind::terminal and NotifyKind::debug: EPERM, and CD402 or CD405.
  void refuse(kernel::NotifyChannel& channel, const kernel::Notification& call, const kernel::NotifyRow& row,
              const KnownThread& thread);

  // A file is opened for writing. CD402 when it is where terminals come from: in local mode there is nothing, in a
  // container Landlock or the filter decides, so the call runs on.
  void see_open(const std::string& path, const KnownThread& thread);

  // True when the new image is a shell that somebody outside would type into. It stands in its first call, before any
  // code of its own: end it there and tell (CD403).
  [[nodiscard]] bool is_login(const kernel::ThreadView& view, const ExecRecord& record) const;
  // Kills it. Its call is not to be answered: should the kill fail, it waits there for ever.
  void end_login(const kernel::NotifyChannel& channel, const kernel::Notification& call,
                 const kernel::ThreadStatus& status, const ProcessRef& process);

  // Whether binding to, or listening on, this TCP port is refused, with CD404.
  [[nodiscard]] bool refuses_port(std::uint16_t port, const KnownThread& thread);
  // A port is about to be bound, and nobody can tell which.
  void tell_hidden_port(const KnownThread& thread);
  [[nodiscard]] bool judges_ports() const { return !plan_.logins; }

 private:
  void tell(const char* code, std::string message, std::string fix, const ProcessRef& process);

  const plan::AccessPlan& plan_;
  EventLog& events_;
};

// What the standard input of a process is; an unreadable one counts as somebody outside.
[[nodiscard]] Input standard_input_of(const kernel::ThreadView& view);

}  // namespace cofferdam::supervise
