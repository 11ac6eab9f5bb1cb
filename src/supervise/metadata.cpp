#include "supervise/metadata.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "kernel/process.hpp"

namespace cofferdam::supervise {

namespace {

using Kind = kernel::NotifyKind;

constexpr std::size_t kMaxXattrName = 255;        // XATTR_NAME_MAX
constexpr std::size_t kMaxXattrValue = 64 << 10;  // XATTR_SIZE_MAX

template <class T>
int read_struct(const kernel::ThreadView& view, std::uint64_t address, T& into) {
  const ssize_t got = view.read_memory(address, std::as_writable_bytes(std::span(&into, 1)));
  return got == static_cast<ssize_t>(sizeof into) ? 0 : EFAULT;
}

// Each of the four calls passes the times in its own way; a null pointer means now.
int read_times(const kernel::Notification& call, const kernel::NotifyRow& row, const kernel::ThreadView& view,
               MetadataRequest& request) {
  const std::size_t index = static_cast<std::size_t>(row.shape.path) + 1;
  const std::uint64_t address = call.args.at(index);
  if (address == 0) {
    request.now = true;
    return 0;
  }
  if (row.name == "utimensat") return read_struct(view, address, request.times);
  if (row.name == "utime") {
    utimbuf times{};
    const int error = read_struct(view, address, times);
    request.times[0].tv_sec = times.actime;
    request.times[1].tv_sec = times.modtime;
    return error;
  }
  timeval times[2]{};
  const int error = read_struct(view, address, times);
  for (int i = 0; i < 2; ++i) {
    if (times[i].tv_usec < 0 || times[i].tv_usec >= 1000000) return EINVAL;
    request.times[i] = {times[i].tv_sec, times[i].tv_usec * 1000};
  }
  return error;
}

int read_xattr(const kernel::Notification& call, std::size_t name_index, bool with_value,
               const kernel::ThreadView& view, MetadataRequest& request) {
  auto name = view.read_path(call.args.at(name_index));
  if (!name) return name.error().errnum == ENAMETOOLONG ? ERANGE : EFAULT;
  if (name->empty() || name->size() > kMaxXattrName) return ERANGE;
  request.attribute = std::move(*name);
  // Capabilities and security labels are not the app's to set through us.
  if (!request.attribute.starts_with("user.") && !request.attribute.starts_with("system.posix_acl_")) return EPERM;
  if (!with_value) return 0;
  const std::uint64_t size = call.args.at(name_index + 2);
  if (size > kMaxXattrValue) return E2BIG;
  request.value.resize(size);
  request.flags = static_cast<int>(call.args.at(name_index + 3));
  if (size > 0 && view.read_memory(call.args.at(name_index + 1), request.value) != static_cast<ssize_t>(size))
    return EFAULT;
  return 0;
}

int result_of(int returned) {
  return returned == 0 ? 0 : errno;
}

int perform(const MetadataRequest& request, int object) {
  std::array<char, 32> link{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", object);
  switch (request.kind) {
    case Kind::chmod: return result_of(chmod(link.data(), request.mode));
    case Kind::chown: return result_of(fchownat(object, "", request.uid, request.gid, AT_EMPTY_PATH));
    case Kind::set_times: return result_of(utimensat(object, "", request.now ? nullptr : request.times, AT_EMPTY_PATH));
    case Kind::set_xattr:
      return result_of(
          setxattr(link.data(), request.attribute.c_str(), request.value.data(), request.value.size(), request.flags));
    case Kind::remove_xattr: return result_of(removexattr(link.data(), request.attribute.c_str()));
    default: return ENOSYS;
  }
}

}  // namespace

MetadataRequest read_metadata_request(const kernel::Notification& call, const kernel::NotifyRow& row,
                                      const kernel::ThreadView& view) {
  MetadataRequest request;
  request.kind = row.kind;
  // The object is a path (after an optional dirfd) or a descriptor; the values follow it.
  const auto next = static_cast<std::size_t>(row.shape.path >= 0 ? row.shape.path : row.shape.fd) + 1;
  switch (row.kind) {
    case Kind::chmod: request.mode = static_cast<mode_t>(call.args.at(next)); break;
    case Kind::chown:
      request.uid = static_cast<uid_t>(call.args.at(next));
      request.gid = static_cast<gid_t>(call.args.at(next + 1));
      break;
    case Kind::set_times: request.error = read_times(call, row, view, request); break;
    case Kind::set_xattr:
    case Kind::remove_xattr:
      // The *at variants pack their arguments; libc falls back to the older calls.
      if (row.shape.dirfd >= 0) {
        request.error = ENOSYS;
      } else {
        request.error = read_xattr(call, next, row.kind == Kind::set_xattr, view, request);
      }
      break;
    default: request.error = ENOSYS; break;
  }
  return request;
}

int judge_metadata(const MetadataRequest& request, const kernel::ThreadStatus& caller,
                   const kernel::FileIdentity& identity, const kernel::Fd& object, bool may_write) {
  const bool privileged = caller.fsuid == 0;
  const bool owner = privileged || identity.uid == caller.fsuid;
  switch (request.kind) {
    case Kind::chown: {
      constexpr std::uint32_t kAsItIs = ~0U;
      const bool other_user = request.uid != kAsItIs && request.uid != identity.uid;
      const bool other_group = request.gid != kAsItIs && request.gid != identity.gid;
      // An ordinary user's instance knows this user and group alone.
      const bool unknown_user = request.uid != kAsItIs && request.uid != geteuid();
      const bool unknown_group = request.gid != kAsItIs && request.gid != getegid();
      if (geteuid() != 0 && (unknown_user || unknown_group)) return EINVAL;
      const bool member =
          request.gid == caller.fsgid || std::ranges::find(caller.groups, request.gid) != caller.groups.end();
      return !privileged && (!owner || other_user || (other_group && !member)) ? EPERM : 0;
    }
    case Kind::set_times: {
      const auto both = [&](long value) {
        return request.times[0].tv_nsec == value && request.times[1].tv_nsec == value;
      };
      if (owner || both(UTIME_OMIT)) return 0;
      return request.now || both(UTIME_NOW) ? (may_write ? 0 : EACCES) : EPERM;
    }
    case Kind::set_xattr:
    case Kind::remove_xattr: {
      if (request.attribute.starts_with("trusted.")) return EPERM;
      const bool for_users = request.attribute.starts_with("user.");
      if (for_users && !S_ISREG(identity.mode) && !S_ISDIR(identity.mode)) return EPERM;
      if (for_users ? !may_write : !owner) return for_users ? EACCES : EPERM;
      std::array<char, 32> link{};
      std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", object.get());
      const bool there = getxattr(link.data(), request.attribute.c_str(), nullptr, 0) >= 0;
      if (request.kind == Kind::remove_xattr) return there ? 0 : ENODATA;
      if (there && (request.flags & XATTR_CREATE) != 0) return EEXIST;
      return !there && (request.flags & XATTR_REPLACE) != 0 ? ENODATA : 0;
    }
    default: return owner ? 0 : EPERM;
  }
}

int perform_metadata(const InstanceView& instance, const MetadataRequest& request, const kernel::ThreadStatus& caller,
                     const kernel::Fd& object, bool* refused) {
  if (request.error != 0) return request.error;
  const auto identity = kernel::identify(object.get(), "");
  if (!identity || !instance.may_change(identity->mount_id)) {
    *refused = true;
    return EROFS;
  }
  const kernel::BorrowedFileIdentity as_caller(caller.fsuid, caller.fsgid, caller.groups);
  if (!as_caller.ok()) return EPERM;
  return perform(request, object.get());
}

}  // namespace cofferdam::supervise
