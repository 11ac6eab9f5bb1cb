// What only a try tells (host.hpp: try_host). Each try is a process of its own; what it does ends with it.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "kernel/filter.hpp"
#include "kernel/mount.hpp"
#include "kernel/process.hpp"
#include "plan/host.hpp"

namespace cofferdam::plan {

namespace {

// Filled by the child.
struct Findings {
  int namespaces_error = -1;  // 0: works
  const char* namespaces_step = "";
  int overlay_error = -1;
  int proc_error = -1;
  int notification_error = -1;
};

bool write_file(const char* path, const char* text) noexcept {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  const bool written = fd >= 0 && write(fd, text, std::strlen(text)) == static_cast<ssize_t>(std::strlen(text));
  if (fd >= 0) close(fd);
  return written;
}

int try_namespaces(Findings& findings, const char* uid_map, const char* gid_map) noexcept {
  findings.namespaces_step = "map ids";
  if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/gid_map", gid_map) ||
      !write_file("/proc/self/uid_map", uid_map)) {
    return errno;
  }
  findings.namespaces_step = "mount";
  kernel::MountAttributes everything;
  everything.read_only = true;
  everything.make_private = true;
  everything.recursive = true;
  if (const int error = kernel::set_mount_attributes(AT_FDCWD, "/", everything); error < 0) return -error;
  const char* scratch = "/sys";
  struct stat status{};
  if (stat(scratch, &status) != 0) scratch = "/mnt";
  if (const int error = kernel::mount_tmpfs(scratch, "size=1m", true); error < 0) return -error;
  return 0;
}

int try_overlay() noexcept {
  struct stat status{};
  const char* base = stat("/sys/.", &status) == 0 ? "/sys" : "/mnt";
  if (chdir(base) != 0 || mkdir("lower", 0755) != 0 || mkdir("upper", 0755) != 0 || mkdir("work", 0755) != 0 ||
      mkdir("merged", 0755) != 0) {
    return errno;
  }
  return -kernel::mount_overlay("merged", "lowerdir=lower,upperdir=upper,workdir=work,userxattr");
}

int try_notification(const sock_fprog& program) noexcept {
  if (const int error = kernel::set_no_new_privs(); error != 0) return error;
  const int listener = kernel::load_filter(&program, 0);
  return listener < 0 ? -listener : 0;
}

template <class Try>
void in_child(unsigned long flags, Try attempt) {
  const pid_t child = kernel::clone_process(flags, nullptr);
  if (child == 0) {
    attempt();
    _exit(0);
  }
  if (child > 0) waitpid(child, nullptr, __WALL);
}

bool can_steal() {
  auto pipe = kernel::make_pipe();
  if (!pipe) return false;
  const pid_t child = kernel::clone_process(0, nullptr);
  if (child == 0) {
    pause();
    _exit(0);
  }
  if (child < 0) return false;
  const kernel::Fd pidfd = kernel::open_pidfd(child, false);
  const bool stolen = static_cast<bool>(kernel::steal_fd(pidfd.get(), pipe->read.get()));
  kill(child, SIGKILL);
  waitpid(child, nullptr, __WALL);
  return stolen;
}

}  // namespace

HostTrials try_host() {
  HostTrials trials;
  void* memory = mmap(nullptr, sizeof(Findings), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return trials;
  auto* findings = new (memory) Findings;
  const std::string uid_map = std::to_string(geteuid()) + " " + std::to_string(geteuid()) + " 1";
  const std::string gid_map = std::to_string(getegid()) + " " + std::to_string(getegid()) + " 1";
  const pid_t probe = kernel::clone_process(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, nullptr);
  if (probe == 0) {
    findings->namespaces_error = try_namespaces(*findings, uid_map.c_str(), gid_map.c_str());
    if (findings->namespaces_error == 0) {
      findings->overlay_error = try_overlay();
      findings->proc_error = -kernel::mount_proc("/proc");
    }
    _exit(0);
  }
  if (probe > 0) {
    waitpid(probe, nullptr, __WALL);
  } else {
    findings->namespaces_step = "make them";
    findings->namespaces_error = -probe;
  }
  if (const auto filter = kernel::compile_filter({})) {
    const sock_fprog program{static_cast<unsigned short>(filter->size()), const_cast<sock_filter*>(filter->data())};
    in_child(0, [&] { findings->notification_error = try_notification(program); });
  }
  trials.namespaces = findings->namespaces_error == 0;
  if (!trials.namespaces) {
    trials.namespaces_error = std::string(findings->namespaces_step) + ": " + std::strerror(findings->namespaces_error);
  }
  trials.overlay = findings->overlay_error == 0;
  trials.fresh_proc = findings->proc_error == 0;
  trials.notification = findings->notification_error == 0;
  if (!trials.notification) trials.notification_error = std::strerror(findings->notification_error);
  trials.steal_descriptors = can_steal();
  munmap(memory, sizeof(Findings));
  return trials;
}

}  // namespace cofferdam::plan
