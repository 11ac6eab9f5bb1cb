#include "supervise/outcome.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>  // RENAME_*

namespace cofferdam::supervise {

namespace {

bool touches_directory(kernel::NotifyKind kind) {
  using Kind = kernel::NotifyKind;
  switch (kind) {
    case Kind::rename:
    case Kind::link:
    case Kind::symlink:
    case Kind::unlink:
    case Kind::remove_directory:
    case Kind::make_directory:
    case Kind::make_node:
    case Kind::bind: return true;
    default: return false;
  }
}

bool must_be_new(kernel::NotifyKind kind) {
  using Kind = kernel::NotifyKind;
  return kind == Kind::make_directory || kind == Kind::symlink || kind == Kind::make_node || kind == Kind::link ||
         kind == Kind::bind;
}

bool is_metadata(kernel::NotifyKind kind) {
  using Kind = kernel::NotifyKind;
  return kind == Kind::chmod || kind == Kind::chown || kind == Kind::set_times || kind == Kind::set_xattr ||
         kind == Kind::remove_xattr || kind == Kind::set_attributes;
}

Outcome failed(int errnum) {
  return {WriteOutcome::failed, errnum, false};
}

// A directory where only owners may take names away.
bool sticky_forbids(const kernel::FileIdentity& directory, const kernel::FileIdentity& object,
                    const kernel::ThreadStatus& status) {
  return (directory.mode & S_ISVTX) != 0 && status.fsuid != 0 && object.uid != status.fsuid &&
         directory.uid != status.fsuid;
}

// A new name needs an inode. Blocks come with the data, after the call.
bool out_of_inodes(const InstanceMount& mount) {
  struct statvfs usage{};
  return mount.layer >= 0 && fstatvfs(mount.layer, &usage) == 0 && usage.f_files != 0 && usage.f_ffree == 0;
}

// Whether the instance may change what lies on this mount, and the file's own permissions allow it.
Outcome decide(const InstanceView& instance, const kernel::FileIdentity& judged, bool allowed, int not_allowed) {
  const InstanceMount* mount = instance.find(judged.mount_id);
  if (mount == nullptr || !is_writable(mount->plan->type)) {
    return {WriteOutcome::refused, instance.refusal(judged.mount_id), allowed};
  }
  return allowed ? Outcome{} : failed(not_allowed);
}

Outcome decide_in_directory(const InstanceView& instance, const kernel::ThreadStatus& status, const Place& directory) {
  const kernel::FileIdentity& identity = directory.parent_identity;
  return decide(instance, identity, permitted(identity, status), EACCES);
}

// What the object itself is against, whoever asks. Looked at after the mount, before permissions are.
int misfit(const WriteIntent& intent, const kernel::FileIdentity& object) {
  using Kind = kernel::NotifyKind;
  const bool directory = S_ISDIR(object.mode);
  switch (intent.kind) {
    case Kind::open:
    case Kind::open_how:
      if (intent.nameless) return directory ? 0 : ENOTDIR;
      if (directory) return EISDIR;
      if (S_ISLNK(object.mode)) return ELOOP;
      return intent.trailing_slash ? ENOTDIR : 0;
    case Kind::truncate: return directory ? EISDIR : intent.trailing_slash ? ENOTDIR : 0;
    case Kind::unlink: return directory ? EISDIR : intent.trailing_slash ? ENOTDIR : 0;
    case Kind::remove_directory: return directory ? 0 : ENOTDIR;
    case Kind::chmod:
      if (S_ISLNK(object.mode)) return EOPNOTSUPP;
      [[fallthrough]];
    default: return intent.trailing_slash && !directory ? ENOTDIR : 0;
  }
}

// fs.protected_hardlinks: a second name for somebody else's file is for those who may write it, and for plain files.
bool hard_links_protected() {
  static const bool protects = kernel::read_file("/proc/sys/fs/protected_hardlinks", 8).value_or("1").starts_with('1');
  return protects;
}
bool may_link_others(const kernel::FileIdentity& file, const kernel::ThreadStatus& status) {
  return S_ISREG(file.mode) && (file.mode & S_ISUID) == 0 && permitted(file, status);
}

bool removes(kernel::NotifyKind kind) {
  return kind == kernel::NotifyKind::unlink || kind == kernel::NotifyKind::remove_directory;
}

}  // namespace

bool permitted(const kernel::FileIdentity& file, const kernel::ThreadStatus& status) {
  if (status.fsuid == 0) return true;
  if (file.uid == status.fsuid) return (file.mode & S_IWUSR) != 0;
  const bool member = file.gid == status.fsgid || std::ranges::find(status.groups, file.gid) != status.groups.end();
  return (file.mode & (member ? S_IWGRP : S_IWOTH)) != 0;
}

Outcome predict(const InstanceView& instance, const kernel::ThreadStatus& status, const WriteIntent& intent,
                const Place& directory, const kernel::FileIdentity* object, bool occupied) {
  using Kind = kernel::NotifyKind;
  if (object == nullptr && directory.error != 0) return failed(directory.error);
  if (directory.name == "." && touches_directory(intent.kind)) {
    if (intent.kind == Kind::unlink) return failed(EISDIR);
    if (intent.kind == Kind::remove_directory) return failed(EINVAL);
  }
  const bool creates = touches_directory(intent.kind) || (object == nullptr && intent.creates);
  if (object == nullptr && !creates) return failed(ENOENT);
  if (object == nullptr && removes(intent.kind)) return failed(ENOENT);
  if (object != nullptr && (must_be_new(intent.kind) || (intent.creates && intent.exclusive))) {
    return failed(intent.kind == Kind::bind ? EADDRINUSE : EEXIST);
  }
  if (object == nullptr && intent.trailing_slash && intent.kind != Kind::make_directory) {
    return failed(intent.creates ? EISDIR : ENOENT);
  }
  if (is_metadata(intent.kind)) {
    const bool owner = status.fsuid == 0 || object->uid == status.fsuid;
    const Outcome outcome = decide(instance, *object, owner || intent.for_writers, EPERM);
    const int error = misfit(intent, *object);
    if (outcome.outcome != WriteOutcome::landed) return outcome;
    // An overlay hands on the flags of FS_IOC_SETFLAGS only.
    const bool overlay = instance.find(object->mount_id)->plan->type == MountType::overlay;
    if (intent.kind == Kind::set_attributes && overlay) return failed(EOPNOTSUPP);
    return error != 0 ? failed(error) : outcome;
  }
  Outcome outcome = creates ? decide_in_directory(instance, status, directory)
                            : decide(instance, *object, permitted(*object, status), EACCES);
  const int error = object != nullptr ? misfit(intent, *object) : 0;
  // What can't be meant is said before anybody is asked who may: an open of a directory is no attempt to write.
  if (error != 0 && (!creates || outcome.outcome == WriteOutcome::landed)) return failed(error);
  if (outcome.outcome != WriteOutcome::landed) return outcome;
  if (removes(intent.kind) && sticky_forbids(directory.parent_identity, *object, status)) return failed(EPERM);
  if (intent.kind == Kind::remove_directory && occupied) return failed(ENOTEMPTY);
  if (creates && !removes(intent.kind)) {
    if (out_of_inodes(*instance.find(directory.parent_identity.mount_id))) return failed(ENOSPC);
  }
  return outcome;
}

Outcome predict_rename(const InstanceView& instance, const kernel::ThreadStatus& status, const WriteIntent& intent,
                       const WriteEnd& from, const WriteEnd& to) {
  constexpr unsigned kKnown = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;
  const bool exchanges = (intent.flags & RENAME_EXCHANGE) != 0;
  if ((intent.flags & ~kKnown) != 0 || (exchanges && intent.flags != RENAME_EXCHANGE)) return failed(EINVAL);
  if (!from.directory->parent) return failed(from.directory->error);
  if (!to.directory->parent) return failed(to.directory->error);
  if (from.directory->name == "." || to.directory->name == ".") return failed(EBUSY);
  Outcome outcome = decide_in_directory(instance, status, *from.directory);
  if (outcome.outcome == WriteOutcome::refused) return outcome;
  const Outcome at_target = decide_in_directory(instance, status, *to.directory);
  if (at_target.outcome == WriteOutcome::refused) return at_target;
  if (from.directory->parent_identity.mount_id != to.directory->parent_identity.mount_id) return failed(EXDEV);
  if (from.object == nullptr) return failed(ENOENT);
  const bool directory = S_ISDIR(from.object->mode);
  if ((intent.flags & RENAME_NOREPLACE) != 0 && to.object != nullptr) return failed(EEXIST);
  if (exchanges && to.object == nullptr) return failed(ENOENT);
  if (intent.trailing_slash && !directory) return failed(ENOTDIR);
  if (directory && to.directory->path.starts_with(from.directory->path + "/")) return failed(EINVAL);
  if (to.object != nullptr && S_ISDIR(to.object->mode) && from.directory->path.starts_with(to.directory->path + "/")) {
    return failed(exchanges ? EINVAL : ENOTEMPTY);
  }
  if (outcome.outcome != WriteOutcome::landed) return outcome;
  if (at_target.outcome != WriteOutcome::landed) return at_target;
  if (sticky_forbids(from.directory->parent_identity, *from.object, status)) return failed(EPERM);
  const InstanceMount* mount = instance.find(from.directory->parent_identity.mount_id);
  const bool overlay = mount->plan->type == MountType::overlay;
  if ((intent.flags & RENAME_WHITEOUT) != 0 && overlay) return failed(EINVAL);
  if (to.object == nullptr || exchanges) return {};
  if (sticky_forbids(to.directory->parent_identity, *to.object, status)) return failed(EPERM);
  if (to.object->same_file(*from.object)) return {};
  if (directory != S_ISDIR(to.object->mode)) return failed(directory ? ENOTDIR : EISDIR);
  if (to.occupied) return failed(ENOTEMPTY);
  return {};
}

Outcome predict_link(const InstanceView& instance, const kernel::ThreadStatus& status, const WriteEnd& from,
                     const WriteEnd& to) {
  if (from.object == nullptr) return failed(ENOENT);
  const Outcome outcome = predict(instance, status, {.kind = kernel::NotifyKind::link}, *to.directory, to.object);
  if (outcome.outcome == WriteOutcome::refused || to.object != nullptr || !to.directory->parent) return outcome;
  if (from.object->mount_id != to.directory->parent_identity.mount_id) return failed(EXDEV);
  if (S_ISDIR(from.object->mode)) return failed(EPERM);
  const bool own = status.fsuid == 0 || from.object->uid == status.fsuid;
  if (!own && hard_links_protected() && !may_link_others(*from.object, status)) return failed(EPERM);
  return outcome;
}

}  // namespace cofferdam::supervise
