#include "launch/launcher.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <string_view>

#include "kernel/process.hpp"
#include "launch/child.hpp"

namespace cofferdam::launch {

void SharedPageDeleter::operator()(SharedPage* page) const noexcept {
  munmap(page, sizeof *page);
}

namespace {

constexpr std::string_view kListenPid = "LISTEN_PID=";

Result<std::unique_ptr<SharedPage, SharedPageDeleter>> make_page() {
  void* memory = mmap(nullptr, sizeof(SharedPage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail(std::string("can't map memory: ") + std::strerror(errno), errno);
  return std::unique_ptr<SharedPage, SharedPageDeleter>(new (memory) SharedPage);
}

std::string tmpfs_options(const plan::PlannedMount& mount, bool full_map) {
  std::array<char, 128> text{};
  const bool overlay = mount.type == MountType::overlay;
  std::snprintf(text.data(), text.size(), "size=%llu,nr_inodes=%llu,mode=%o",
                static_cast<unsigned long long>(mount.size), static_cast<unsigned long long>(mount.inodes),
                overlay ? 0700U : static_cast<unsigned>(mount.mode));
  std::string options = text.data();
  // With one mapped id the mounter owns it, and another id would be refused.
  if (full_map && !overlay) options += ",uid=" + std::to_string(mount.uid) + ",gid=" + std::to_string(mount.gid);
  return options;
}

// The service manager's sockets are meant for the process that LISTEN_PID names, which was the launcher.
void give_listen_sockets(Prepared& prepared) {
  const auto place = std::ranges::find_if(prepared.environment, [](const char* variable) {
    return variable != nullptr && std::string_view(variable).starts_with(kListenPid);
  });
  if (place == prepared.environment.end()) return;  // the policy drops it
  prepared.listen_pid = std::make_unique<char[]>(kListenPid.size() + kPidDigits + 1);
  std::ranges::copy(kListenPid, prepared.listen_pid.get());
  *place = prepared.listen_pid.get();
}

Result<Prepared> prepare(const plan::Plan& plan, const Stdio& stdio, const Inherited& inherited, SharedPage* page) {
  Prepared prepared;
  prepared.plan = &plan;
  prepared.stdio = stdio;
  prepared.page = page;
  for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
    prepared.mounts.push_back({&plan.mounts[i], tmpfs_options(plan.mounts[i], plan.identity.full_map),
                               plan.scratch + "/" + std::to_string(i)});
  }
  for (const std::string& argument : plan.argv) prepared.argv.push_back(const_cast<char*>(argument.c_str()));
  prepared.argv.push_back(nullptr);
  for (const std::string& variable : plan.environment) {
    prepared.environment.push_back(const_cast<char*>(variable.c_str()));
  }
  prepared.environment.push_back(nullptr);
  prepared.inherited = &inherited;
  if (inherited.listen_sockets > 0) give_listen_sockets(prepared);
  return prepared;
}

Result<void> compile_into_page(const plan::Plan& plan, SharedPage& page) {
  const bool container = plan.mode == Mode::container;
  kernel::FilterOptions options;
  options.container = container;
  options.broker = plan.broker;
  options.egress = plan.egress_denied;
  options.protected_pid = container ? getpid() : 1;
  options.shared_pid_namespace = container;
  options.rehearsal = plan.sees_reads;
  options.terminals = plan.access.terminals;
  options.debugging = plan.access.debugging;
  auto filter = kernel::compile_filter(options);
  if (!filter) return std::unexpected(filter.error());
  if (filter->size() > kMaxFilter)
    return fail("the seccomp filter has more than " + std::to_string(kMaxFilter) + " instructions");
  std::ranges::copy(*filter, page.filter);
  page.filter_length = static_cast<unsigned short>(filter->size());
  return {};
}

Result<void> write_file(const std::string& path, const std::string& text) {
  auto fd = kernel::open_file(path, O_WRONLY);
  if (fd && kernel::write_all(fd->get(), text)) return {};
  const int error = fd ? errno : fd.error().errnum;
  return fail("can't write " + path + ": " + std::strerror(error), error);
}

// All ids: one line for every range that this namespace itself has; inside another user namespace that is not all.
Result<std::string> full_map(const char* file) {
  auto own = kernel::read_file(std::string("/proc/self/") + file, 4096);
  if (!own) return own;
  std::string map;
  unsigned long inside = 0;
  unsigned long outside = 0;
  unsigned long count = 0;
  const char* cursor = own->c_str();
  for (int used = 0; std::sscanf(cursor, "%lu %lu %lu%n", &inside, &outside, &count, &used) == 3; cursor += used) {
    map += std::to_string(inside) + " " + std::to_string(inside) + " " + std::to_string(count) + "\n";
  }
  return map;
}

Result<void> write_maps(const plan::Plan& plan, pid_t child) {
  const std::string place = "/proc/" + std::to_string(child) + "/";
  if (!plan.identity.full_map) {
    // Without a privilege in the parent namespace only one's own id can be mapped, and groups must be fixed first.
    if (auto fixed = write_file(place + "setgroups", "deny"); !fixed) return fixed;
    const std::string gid = std::to_string(plan.identity.gid) + " " + std::to_string(plan.host.gid) + " 1";
    if (auto mapped = write_file(place + "gid_map", gid); !mapped) return mapped;
    return write_file(place + "uid_map",
                      std::to_string(plan.identity.uid) + " " + std::to_string(plan.host.uid) + " 1");
  }
  for (const char* file : {"gid_map", "uid_map"}) {
    auto map = full_map(file);
    if (!map) return std::unexpected(map.error());
    if (auto mapped = write_file(place + file, *map); !mapped) return mapped;
  }
  return {};
}

void kill_and_reap(int pidfd, pid_t pid) {
  kernel::send_signal(pidfd, SIGKILL);
  while (waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) {
  }
}

// Waits until the app (and in local mode the init) has left the descriptor table that they share with us: until then
// nothing may be closed here. False when the child ended before.
bool wait_until_started(int status, int pidfd, int expected) {
  for (int seen = 0; seen < expected;) {
    std::array<pollfd, 2> watched = {{{status, POLLIN, 0}, {pidfd, POLLIN, 0}}};
    if (poll(watched.data(), watched.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if ((watched[0].revents & POLLIN) != 0) {
      char byte = 0;
      if (read(status, &byte, 1) != 1 || (byte != 'L' && byte != 'I')) return false;
      ++seen;
    } else if (watched[1].revents != 0) {
      return false;
    }
  }
  return true;
}

struct Cloned {
  pid_t pid;  // or -errno
  bool into;  // the cgroup of v2
};

Cloned clone_into(const kernel::Cgroup* cgroup, unsigned long flags, int& pidfd) {
  if (cgroup != nullptr && cgroup->unified() >= 0) {
    const pid_t child = kernel::clone_process_into(flags, &pidfd, cgroup->unified());
    if (child >= 0) return {child, true};
  }
  return {kernel::clone_process(flags, &pidfd), false};
}

void take_handles(Launched& launched) {
  SharedPage& page = *launched.page;
  launched.listener.reset(page.listener);
  launched.root.reset(page.root);
  const kernel::Fd ruleset(page.ruleset);
  const kernel::Fd slave(page.terminal_slave);
  launched.terminal.reset(page.terminal_master);
  for (Launched::Mount& mount : launched.mounts) {
    const MountHandles& handles = page.mounts[&mount - launched.mounts.data()];
    mount.root.reset(handles.root);
    mount.layer.reset(handles.layer);
    mount.filesystem.reset(handles.filesystem);
    mount.stage.reset(handles.stage);
    if (!mount.root) continue;
    if (auto identity = kernel::identify(mount.root.get(), "")) mount.mount_id = identity->mount_id;
  }
}

}  // namespace

Inherited take_inherited() {
  Inherited inherited;
  sigprocmask(SIG_SETMASK, nullptr, &inherited.signal_mask);
  for (int number = 1; number < 32; ++number) sigaction(number, nullptr, &inherited.dispositions[number]);
  getrlimit(RLIMIT_NOFILE, &inherited.open_files);
  inherited.umask = umask(0);
  umask(inherited.umask);
  return inherited;
}

Result<Launched> launch(const plan::Plan& plan, const Stdio& stdio, const Inherited& inherited,
                        const kernel::Cgroup* cgroup, int grace_milliseconds,
                        const std::function<Result<void>()>& meanwhile) {
  Launched launched;
  auto page = make_page();
  if (!page) return std::unexpected(page.error());
  launched.page = std::move(*page);
  launched.mounts.resize(plan.mounts.size());
  auto prepared = prepare(plan, stdio, inherited, launched.page.get());
  if (!prepared) return std::unexpected(prepared.error());
  prepared->grace_milliseconds = grace_milliseconds;

  auto go = kernel::make_pipe();
  auto status = kernel::make_pipe();
  if (!go || !status) return std::unexpected((!go ? go : status).error());
  kernel::Fd self = kernel::open_pidfd(getpid(), false);
  if (!self) return fail(std::string("pidfd_open: ") + std::strerror(errno) + " (Linux 5.3 is needed)", errno);
  prepared->go_pipe = go->read.get();
  prepared->status_pipe = status->write.get();
  prepared->launcher_pidfd = self.get();

  const bool container = plan.mode == Mode::container;
  const int ruleset = container ? build_container_ruleset(*prepared) : -1;
  int pidfd = -1;
  const unsigned long flags =
      CLONE_FILES | CLONE_PIDFD | (container ? 0UL : CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC);
  const auto [child, cloned_into] = clone_into(cgroup, flags, pidfd);
  if (child == 0) {
    if (container) run_app(*prepared, ruleset);
    run_init(*prepared);
  }
  if (child < 0) {
    launched.page->failed_step = static_cast<int>(container ? Step::start_app : Step::make_namespaces);
    launched.page->failed_errno = -child;
    return std::unexpected(step_error(plan, *launched.page));
  }
  launched.page->ruleset = ruleset;
  (container ? launched.app : launched.init).reset(pidfd);
  if (!container) {
    const auto refuse = [&](Step step, int error) {
      kill_and_reap(pidfd, child);
      launched.page->failed_step = static_cast<int>(step);
      launched.page->failed_errno = error;
      return std::unexpected(step_error(plan, *launched.page));
    };
    // The child waits for the maps, and has done nothing yet.
    if (const int error = cgroup == nullptr ? 0 : cgroup->admit(child, cloned_into); error != 0) {
      return refuse(Step::enter_cgroup, error);
    }
    if (auto mapped = write_maps(plan, child); !mapped) return refuse(Step::map_ids, mapped.error().errnum);
    const char byte = 'g';
    (void)!write(go->write.get(), &byte, 1);
  }
  auto filtered = compile_into_page(plan, *launched.page);
  if (filtered) filtered = meanwhile();
  if (!filtered) {
    kill_and_reap(pidfd, child);
    return std::unexpected(filtered.error());
  }
  const char filter_byte = 'f';
  (void)!write(go->write.get(), &filter_byte, 1);
  if (!wait_until_started(status->read.get(), pidfd, container ? 1 : 2)) {
    kill_and_reap(pidfd, child);
    take_handles(launched);
    return std::unexpected(step_error(plan, *launched.page));
  }
  take_handles(launched);
  if (container) {
    launched.app_pid = child;
  } else {
    launched.init_pid = child;
    launched.app.reset(launched.page->app_pidfd);
    launched.app_pid = kernel::pid_of(launched.app.get());
    launched.status = std::move(status->read);
  }
  return launched;
}

}  // namespace cofferdam::launch
