#include <cerrno>
#include <cstring>

#include "launch/launcher.hpp"

namespace cofferdam::launch {

const char* describe(Step step) {
  switch (step) {
    case Step::none: return "nothing";
    case Step::make_namespaces: return "make the instance's namespaces";
    case Step::enter_cgroup: return "enter the cgroup of the policy's limits";
    case Step::map_ids: return "map user and group ids";
    case Step::die_with_parent: return "tie the instance to the launcher";
    case Step::take_handles: return "open a mount's source";
    case Step::make_read_only: return "make the file systems read-only";
    case Step::make_scratch: return "build the storage";
    case Step::mount_overlay: return "mount the overlay";
    case Step::mount_tmpfs: return "mount the tmpfs";
    case Step::mount_bind: return "bind";
    case Step::mount_hidden: return "hide";
    case Step::mount_persistent: return "bind the persistent mount";
    case Step::mount_device: return "build /dev";
    case Step::take_device: return "let in the device";
    case Step::mount_proc: return "mount /proc";
    case Step::build_landlock: return "build the Landlock ruleset";
    case Step::open_handles: return "open the mounts";
    case Step::start_app: return "start a process";
    case Step::new_session: return "start a session";
    case Step::take_stdio: return "set up standard input and output";
    case Step::take_terminal: return "take the terminal";
    case Step::drop_capabilities: return "drop capabilities";
    case Step::take_identity: return "take the user's identity";
    case Step::change_directory: return "change to the working directory";
    case Step::no_new_privileges: return "set no_new_privs";
    case Step::enter_landlock: return "enter Landlock";
    case Step::load_filter: return "load the seccomp filter";
    case Step::close_descriptors: return "close inherited descriptors";
    case Step::limit_open_files: return "limit the open files";
    case Step::execute: return "execute the command";
  }
  return "start";
}

namespace {

Error execute_error(const plan::Plan& plan, int error) {
  const std::string& path = plan.program.path;
  switch (error) {
    case ENOENT:
      return {path +
                  " exists on the host but not inside the instance: a tmpfs or hidden mount of the policy covers it; "
                  "add {path: " +
                  path + ", type: read-only} to storage.mounts",
              error, 127};
    case EACCES: return {"can't execute " + path + ": permission denied inside the instance", error, 126};
    case ENOEXEC:
      return {"can't execute " + path +
                  ": it is no program for this machine, or a script without a first line such as "
                  "#!/bin/sh",
              error, 126};
    case E2BIG: return {"can't execute " + path + ": the arguments and the environment are too long", error, 126};
    default: return {"can't execute " + path + ": " + std::strerror(error), error, 126};
  }
}

}  // namespace

Error step_error(const plan::Plan& plan, const SharedPage& page) {
  const auto step = static_cast<Step>(page.failed_step.load());
  const int error = page.failed_errno;
  const int index = page.failed_index;
  if (step == Step::execute) return execute_error(plan, error);
  if (step == Step::none)
    return {"the process that was to execute " + plan.program.path + " was killed before it could"};
  std::string text = std::string("can't ") + describe(step);
  if (step == Step::take_device && index >= 0 && static_cast<std::size_t>(index) < plan.devices.size()) {
    text += " " + plan.devices[static_cast<std::size_t>(index)].path;
  } else if (index >= 0 && static_cast<std::size_t>(index) < plan.mounts.size()) {
    const plan::PlannedMount& mount = plan.mounts[static_cast<std::size_t>(index)];
    text += " " + mount.path + " (" + mount.policy.file +
            (mount.policy.line > 0 ? ":" + std::to_string(mount.policy.line) : "") + ")";
  }
  text += std::string(": ") + std::strerror(error);
  if (step == Step::change_directory) {
    text += ": " + plan.working_directory + " is not visible inside the instance; name it in storage.mounts";
  }
  if (step == Step::load_filter && error == EBUSY) {
    text += "; an outer seccomp listener is there already (cofferdam inside cofferdam, or a notifying profile)";
  }
  const bool no_namespaces = step == Step::make_namespaces;
  if (no_namespaces && error == EPERM) {
    text +=
        ". The kernel makes none in a chroot (user_namespaces(7)): start cofferdam outside of it, or enter the\n"
        "directory with systemd-nspawn -D DIR instead of chroot. In a container, leave mode: auto.";
  }
  if (plan.mode == Mode::local && (error == EPERM || error == EACCES) && !plan.identity.full_map &&
      (no_namespaces || step == Step::map_ids || step == Step::make_read_only || step == Step::take_handles)) {
    text += no_namespaces ? "\nElse user" : ". User";
    text +=
        " namespaces are restricted here (Ubuntu 24.04 does it by AppArmor). Two ways out:\n"
        "  install the AppArmor profile of the package:  sudo apparmor_parser -r /etc/apparmor.d/cofferdam\n"
        "  or start as root and run the app as yourself: sudo cofferdam run --user \"$USER\" -- ...";
  }
  return {text, error, 125};
}

}  // namespace cofferdam::launch
