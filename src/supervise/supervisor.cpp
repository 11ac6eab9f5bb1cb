#include "supervise/supervisor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.hpp"
#include "kernel/process.hpp"
#include "supervise/emptying.hpp"
#include "supervise/keep_writes.hpp"

namespace cofferdam::supervise {

namespace {

// Answered in one go before signals and timers get their turn.
constexpr int kBatch = 64;

// Calls that may give space back: what they remove may be what fills a mount.
bool may_free(const kernel::NotifyRow& row, const kernel::Notification& call) {
  switch (row.kind) {
    case kernel::NotifyKind::unlink:
    case kernel::NotifyKind::truncate:
    case kernel::NotifyKind::rename: return true;
    case kernel::NotifyKind::open:
      return row.shape.flags < 0 || (call.args.at(static_cast<std::size_t>(row.shape.flags)) & O_TRUNC) != 0;
    default: return false;
  }
}

bool acts_on(kernel::NotifyKind kind) {
  using Kind = kernel::NotifyKind;
  return kind == Kind::new_image || kind == Kind::socket || kind == Kind::connect || kind == Kind::listen ||
         kind == Kind::bind;
}

// An address without a family is one of IPv4 to bind(2).
const plan::InetEndpoint* port_of(const plan::Endpoint& endpoint) {
  if (const auto* inet = std::get_if<plan::InetEndpoint>(&endpoint)) return inet;
  const auto* other = std::get_if<plan::OtherEndpoint>(&endpoint);
  return other != nullptr && other->as_inet ? &*other->as_inet : nullptr;
}

}  // namespace

Supervisor::Supervisor(const plan::Plan& plan, InstanceView instance, kernel::Fd listener, pid_t entry,
                       ConnectRules rules, EventLog& events, SupervisorOptions options)
    : plan_(plan),
      instance_(std::move(instance)),
      events_(events),
      channel_(std::move(listener)),
      identities_(plan, entry, options.role),
      threads_(identities_),
      rules_(std::move(rules)),
      connects_(instance_, rules_, identities_, events, options.broker),
      access_(plan.access, events),
      audit_(instance_, events, access_, std::move(options.audit_ignore), std::move(options.storage_policy)),
      looks_(instance_, std::move(options.leftovers)),
      watch_(instance_, events),
      storage_(instance_, events, entry) {
  if (instance_.container) baseline_ = take_baseline(instance_);
  if (options.ports != nullptr) connects_.share_ports(*options.ports, std::move(options.instance));
}

void Supervisor::on_notification() {
  for (int i = 0; i < kBatch; ++i) {
    // RECV blocks when nothing is there, whatever the flags of the descriptor: ask first. The caller has asked once.
    pollfd listener{channel_.fd(), POLLIN, 0};
    if (i > 0 && (poll(&listener, 1, 0) != 1 || (listener.revents & POLLIN) == 0)) return;
    kernel::Notification call;
    if (!channel_.receive(call)) continue;
    dispatch(call);
  }
}

void Supervisor::on_connect_progress() {
  connects_.on_progress(channel_);
  dispatch_ready();
}

void Supervisor::dispatch_ready() {
  for (const kernel::Notification& call : connects_.take_ready()) dispatch(call);
}

void Supervisor::dispatch(const kernel::Notification& call) {
  const kernel::NotifyRow* row = kernel::notify_row(call.number);
  // A call that the table does not know can't come; were it to, it would not run.
  if (row == nullptr) return channel_.answer_error(call.id, EPERM);
  KnownThread* thread = threads_.find(static_cast<pid_t>(call.tid));
  // Recording needs no more than the answer's own word that the caller was still there; to act, it must be known
  // before.
  if (acts_on(row->kind) && !channel_.still_valid(call.id)) return;
  if (thread == nullptr) return channel_.answer_error(call.id, EACCES);
  refresh_identity(*row, *thread);
  looks_.see(call, *row, *thread);
  switch (row->kind) {
    case kernel::NotifyKind::new_image:
      // Answered only now: the record must be there before the image does anything. One that was killed gets no answer.
      if (take_record(call, *thread)) channel_.answer_continue(call.id);
      return;
    case kernel::NotifyKind::socket: return connects_.handle_socket(channel_, call, *thread);
    case kernel::NotifyKind::connect: return connects_.handle_connect(channel_, call, *thread);
    case kernel::NotifyKind::send: return connects_.handle_send(channel_, call, *thread);
    case kernel::NotifyKind::terminal:
    case kernel::NotifyKind::debug: return access_.refuse(channel_, call, *row, *thread);
    case kernel::NotifyKind::listen:
      if (access_.judges_ports() && access_.refuses_port(connects_.bound_port(call, *thread), *thread)) {
        return channel_.answer_error(call.id, EACCES);
      }
      listens_ = true;
      return connects_.handle_listen(channel_, call, *thread);
    case kernel::NotifyKind::look: return channel_.answer_continue(call.id);  // seen above; nothing is decided
    case kernel::NotifyKind::bind: return handle_bind(call, *row, *thread);
    default: storage_.before_call(may_free(*row, call)); return audit_.handle(channel_, call, *row, *thread);
  }
}

// A process may have changed its user since it was first seen; what acts on its behalf must know. Only root's processes
// can.
void Supervisor::refresh_identity(const kernel::NotifyRow& row, KnownThread& thread) {
  const bool acts =
      row.kind == kernel::NotifyKind::connect || row.kind == kernel::NotifyKind::socket ||
      row.kind == kernel::NotifyKind::send || row.kind == kernel::NotifyKind::bind ||
      (instance_.container && row.kind != kernel::NotifyKind::open && row.kind != kernel::NotifyKind::look);
  if (!acts || plan_.host.uid != 0) return;
  if (const auto status = thread.view.status()) thread.status = *status;
}

bool Supervisor::take_record(const kernel::Notification& call, const KnownThread& thread) {
  const auto status = thread.view.status();
  if (!status) return true;
  const pid_t process = status->tgid;
  auto view = kernel::ThreadView::open(thread.view.tid());
  if (!view) return true;
  const RecordRef record = identities_.take_record(*view, *status, thread.record);
  threads_.forget_process(process);  // `thread` is gone from here on
  ExecEvent event;
  event.process = describe_process(identities_, *view, *status, record);
  const auto parent = kernel::ThreadView::open(status->ppid);
  const auto parent_status = parent ? parent->status() : fail("", ESRCH);
  event.parent = parent_status ? parent_status->inner_pid : 0;
  const ProcessRef image = event.process;
  events_.emit(std::move(event));
  if (record == nullptr || !access_.is_login(*view, *record)) return true;
  access_.end_login(channel_, call, *status, image);
  return false;
}

// A socket file is a write, and the mount decides about it: the call runs on, whatever is read here. A port is bound
// here, on the copy.
void Supervisor::handle_bind(const kernel::Notification& call, const kernel::NotifyRow& row,
                             const KnownThread& thread) {
  connects_.before_bind(channel_, call, thread);
  const auto length = static_cast<std::uint32_t>(call.args[2]);
  if (length > plan::kMaxSockaddr) return channel_.answer_continue(call.id);  // EINVAL
  std::vector<std::byte> bytes(length);
  const ssize_t got = thread.view.read_memory(call.args[1], bytes);
  if (got != static_cast<ssize_t>(length)) return handle_unread_bind(call, thread, got);
  const auto endpoint = plan::parse_sockaddr(bytes);
  if (!endpoint) return channel_.answer_continue(call.id);
  if (const plan::InetEndpoint* inet = port_of(*endpoint)) {
    if (access_.refuses_port(inet->port, thread)) return channel_.answer_error(call.id, EACCES);
    if (connects_.bind_shared(channel_, call, thread, bytes)) return;
    return connects_.bind_inet(channel_, call, thread, bytes);
  }
  if (std::holds_alternative<plan::UnixAbstractEndpoint>(*endpoint) && !instance_.container) {
    return connects_.bind_abstract(channel_, call, thread, bytes);
  }
  const auto* file = std::get_if<plan::UnixPathEndpoint>(&*endpoint);
  if (file != nullptr && !file->path.empty()) audit_.record_bind(row, thread, file->path);
  channel_.answer_continue(call.id);
}

void Supervisor::handle_unread_bind(const kernel::Notification& call, const KnownThread& thread, ssize_t got) {
  const bool hidden = got == -EPERM || got == -EACCES;
  // In a container a process that has changed its user can't be read (limit 41); who hides by itself is refused.
  const bool other_user = hidden && thread.status.euid != geteuid();
  if (!access_.judges_ports() || other_user) return channel_.answer_continue(call.id);
  if (hidden) access_.tell_hidden_port(thread);
  channel_.answer_error(call.id, hidden ? EACCES : EFAULT);
}

std::chrono::milliseconds Supervisor::next_look() const {
  auto wait = connects_.next_look();
  const auto consider = [&](std::chrono::milliseconds other) {
    if (other.count() >= 0 && (wait.count() < 0 || other < wait)) wait = other;
  };
  consider(watch_.next_look());
  consider(storage_.next_look());
  return wait;
}

void Supervisor::on_tick() {
  connects_.on_tick(channel_);
  dispatch_ready();
  watch_.look();
  storage_.on_tick();
}

ScanResult Supervisor::scan(const ChangeVisitor& visit) {
  ScanResult result;
  result.unreadable = scan_storage(instance_, baseline_, [&](const ScannedChange& change) {
    if (!watch_.is_replay(change.path)) visit(change);
  });
  result.kept = audit_.kept();
  result.storage = storage_.use();
  result.memory = storage_.memory_peak();
  return result;
}

std::vector<std::string> Supervisor::keep_writes(const std::string& directory) const {
  return supervise::keep_writes(instance_, baseline_, directory);
}

std::vector<std::string> Supervisor::empty_mounts() const {
  return supervise::empty_mounts(instance_, baseline_);
}

}  // namespace cofferdam::supervise
