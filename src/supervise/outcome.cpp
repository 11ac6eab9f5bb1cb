#include "supervise/outcome.hpp"

#include <sys/stat.h>

#include <cerrno>

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

}  // namespace

bool permitted(const kernel::FileIdentity& file, const kernel::ThreadStatus& status) {
  if (status.fsuid == 0) return true;
  if (file.uid == status.fsuid) return (file.mode & S_IWUSR) != 0;
  if (file.gid == status.fsgid) return (file.mode & S_IWGRP) != 0;
  return (file.mode & S_IWOTH) != 0;
}

Outcome predict(const InstanceView& instance, const kernel::ThreadStatus& status, const WriteIntent& intent,
                const Place& directory, const kernel::FileIdentity* object) {
  if (object == nullptr && !directory.parent) return failed(directory.error);
  const bool creates = touches_directory(intent.kind) || (object == nullptr && intent.creates);
  if (object == nullptr && !creates) return failed(ENOENT);
  if (object == nullptr &&
      (intent.kind == kernel::NotifyKind::unlink || intent.kind == kernel::NotifyKind::remove_directory ||
       intent.kind == kernel::NotifyKind::rename)) {
    return failed(ENOENT);
  }
  if (object != nullptr && (must_be_new(intent.kind) || (intent.creates && intent.exclusive))) {
    return failed(intent.kind == kernel::NotifyKind::bind ? EADDRINUSE : EEXIST);
  }
  const kernel::FileIdentity& judged = creates || object == nullptr ? directory.parent_identity : *object;
  const bool allowed =
      is_metadata(intent.kind) ? status.fsuid == 0 || judged.uid == status.fsuid : permitted(judged, status);
  const InstanceMount* mount = instance.find(judged.mount_id);
  if (mount == nullptr || !is_writable(mount->plan->type)) {
    return {WriteOutcome::refused, instance.refusal(judged.mount_id), allowed};
  }
  if (!allowed) return failed(is_metadata(intent.kind) ? EPERM : EACCES);
  return {};
}

}  // namespace cofferdam::supervise
