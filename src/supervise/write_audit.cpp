#include "supervise/write_audit.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/text.hpp"
#include "kernel/process.hpp"
#include "supervise/arguments.hpp"
#include "supervise/metadata.hpp"

namespace cofferdam::supervise {

namespace {

using Kind = kernel::NotifyKind;

// Distinct refusals that become findings; what comes after only counts in the events.
constexpr std::size_t kMostRefusals = 10000;

constexpr int kMostLinks = 8;  // one after another, at the end of a path that O_CREAT makes

// AT_*, RENAME_* or open flags; 0 for a call without.
int int_flags(const kernel::Notification& call, const kernel::NotifyRow& row) {
  return row.shape.flags >= 0 ? int_argument(call, row.shape.flags) : 0;
}

bool writes(std::uint64_t flags) {
  return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
}

bool is_metadata(Kind kind) {
  return kind == Kind::chmod || kind == Kind::chown || kind == Kind::set_times || kind == Kind::set_xattr ||
         kind == Kind::remove_xattr || kind == Kind::set_attributes;
}

// Whether a symbolic link at the end of the path is followed: the row says the default, flags override it.
bool follows(const kernel::Notification& call, const kernel::NotifyRow& row) {
  const int flags = int_flags(call, row);
  switch (row.kind) {
    case Kind::open: return (flags & (O_NOFOLLOW | O_EXCL)) == 0;
    case Kind::link: return (flags & AT_SYMLINK_FOLLOW) != 0;
    default:
      if (!is_metadata(row.kind)) return row.shape.follows;
      return row.shape.follows && (flags & AT_SYMLINK_NOFOLLOW) == 0;
  }
}

// What the kernel says of the arguments themselves.
int argument_error(const kernel::Notification& call, const kernel::NotifyRow& row, const kernel::ThreadView& view,
                   const std::string& path) {
  if (row.kind == Kind::unlink && (int_flags(call, row) & ~AT_REMOVEDIR) != 0) return EINVAL;
  if (row.kind == Kind::link && (int_flags(call, row) & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0) return EINVAL;
  if (row.kind != Kind::symlink) return path.empty() && row.kind == Kind::open ? ENOENT : 0;
  const auto target = view.read_path(call.args[0]);
  return target && target->empty() ? ENOENT : 0;
}

bool changes_directory(Kind kind) {
  return kind != Kind::open && kind != Kind::open_how && kind != Kind::truncate && !is_metadata(kind);
}

// The write bits of a file as they are for this caller, ACLs and all; what only the mount forbids leaves them alone.
// The identity must be borrowed already where it is not ours.
void show_write_bits(kernel::FileIdentity& file, const kernel::Fd& pinned, const kernel::ThreadStatus& caller) {
  if (caller.fsuid == 0) return;
  constexpr std::uint32_t kAll = S_IWUSR | S_IWGRP | S_IWOTH;
  const int error = kernel::write_access(pinned.get());
  if (error == 0) file.mode |= kAll;
  if (error == EACCES) file.mode &= ~kAll;
}

bool is_occupied(const kernel::Fd& directory) {
  const kernel::Fd readable(openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!readable) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(dup(readable.get())), closedir);
  while (const dirent* entry = entries ? readdir(entries.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return true;
  }
  return false;
}

// An overlay moves a directory only when all of it is its own: redirects are off, so others get EXDEV. The layer knows
// it: a directory of the host is missing there, or carries where it was copied from.
bool is_of_lower_layer(const InstanceView& instance, const kernel::FileIdentity& directory, const std::string& path) {
  const InstanceMount* mount = instance.find(directory.mount_id);
  if (mount == nullptr || mount->plan->type != MountType::overlay || mount->layer < 0) return false;
  if (path.size() <= mount->plan->path.size()) return false;
  const std::string below = path.substr(mount->plan->path.size() + (mount->plan->path == "/" ? 0 : 1));
  const kernel::Fd upper = kernel::open_resolved(mount->layer, below.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                                 kernel::kBeneath | kernel::kNoSymlinks);
  if (!upper) return errno == ENOENT;
  for (const char* prefix : {"trusted.overlay.", "user.overlay."}) {
    if (fgetxattr(upper.get(), (std::string(prefix) + "origin").c_str(), nullptr, 0) >= 0) return true;
  }
  return false;
}

bool holds_data(std::uint32_t mode) {
  return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode);
}

std::string way_out(bool container, const std::string& directory) {
  // Configuration that is filled in at start: an image has it already.
  const std::string below = base::is_beneath(directory, "/etc")
                                ? "render configuration when the image is built, or below /tmp at start"
                                : "write below a mount of the policy";
  if (directory == "/") return below;
  if (container)
    return below + ", or give the container a tmpfs there: --tmpfs " + directory + ", and name it in storage.mounts";
  // An empty /etc would not serve anybody: over what is there, an overlay.
  const char* type = access(directory.c_str(), F_OK) == 0 ? "overlay" : "tmpfs";
  return below + ", or add {path: " + directory + ", type: " + type + "} to storage.mounts";
}

}  // namespace

WriteAudit::Found WriteAudit::find(const KnownThread& thread, int dirfd, const std::string& path,
                                   const WriteIntent& intent, bool follow) const {
  Found found;
  found.path = path;
  // Looked up with the caller's own rights, so that a directory which is closed to it is closed here. In a container
  // the launcher may not look into processes of others, so there it keeps its own.
  std::optional<kernel::BorrowedFileIdentity> as_caller;
  const kernel::ThreadStatus& who = thread.status;
  if (!instance_.container) as_caller.emplace(who.fsuid, who.fsgid, who.groups);
  const bool directory_decides = changes_directory(intent.kind);
  // A slash behind a name: what has the name is there all the same.
  const std::size_t end = directory_decides ? path.find_last_not_of('/') : std::string::npos;
  const std::string name_alone = end == std::string::npos ? path : path.substr(0, end + 1);
  found.pinned = pin_object(instance_, thread.view, thread.status, dirfd, name_alone, follow);
  const kernel::Fd& object = found.pinned;
  const int error = object ? 0 : errno;
  if (object) {
    if (auto identity = kernel::identify(object.get(), "")) found.object = *identity;
    if (found.object) show_write_bits(*found.object, object, thread.status);
  }
  if (found.object && !holds_data(found.object->mode) && !directory_decides) {
    found.storage = false;
    return found;
  }
  if (found.object) {
    const std::string name = path_of(object.get());
    if (!name.starts_with('/') || is_process_path(name) || name.starts_with("/memfd:")) {
      found.storage = false;
      return found;
    }
    found.path = name;
    found.occupied = S_ISDIR(found.object->mode) && directory_decides && is_occupied(object);
  }
  // The directory is looked at where it decides: for what is not there yet, and for what changes the directory.
  if (found.object && !directory_decides) return found;
  found.place = find_place(instance_, thread.view, dirfd, path);
  if (error != ENOENT && found.place.error == 0) found.place.error = error;
  // A link to what is not there yet: O_CREAT makes its target.
  for (int links = 0; error == ENOENT && follow && intent.creates && found.place.parent && links < kMostLinks;
       ++links) {
    auto target = kernel::read_link_at(found.place.parent.get(), found.place.name.c_str());
    if (!target) break;
    const std::string directory = path_of(found.place.parent.get());
    const bool absolute = target->starts_with('/');
    found.place = find_place(instance_, thread.view, AT_FDCWD, absolute ? *target : directory + "/" + *target);
  }
  if (found.place.parent) show_write_bits(found.place.parent_identity, found.place.parent, thread.status);
  if (is_process_path(found.place.path)) found.storage = false;
  if (!found.object) found.path = found.place.path;
  return found;
}

WriteAudit::Examined WriteAudit::examine(const KnownThread& thread, int dirfd, const std::string& path,
                                         const WriteIntent& intent, bool follow) const {
  Found found = find(thread, dirfd, path, intent, follow);
  Examined examined;
  examined.path = found.path;
  examined.storage = found.storage;
  if (!found.storage) return examined;
  const bool object_decides = found.object && !changes_directory(intent.kind);
  examined.mount_id = object_decides ? found.object->mount_id : found.place.parent_identity.mount_id;
  examined.is_new = !found.object;
  examined.outcome =
      predict(instance_, thread.status, intent, found.place, found.object ? &*found.object : nullptr, found.occupied);
  const bool upwards = path == ".." || path.ends_with("/..");
  if (upwards && intent.kind == Kind::remove_directory) examined.outcome = {WriteOutcome::failed, ENOTEMPTY, false};
  examined.pinned = std::move(found.pinned);
  examined.object = found.object;
  return examined;
}

WriteAudit::Examined WriteAudit::examine_pair(const KnownThread& thread, const kernel::Notification& call,
                                              const kernel::NotifyRow& row, const std::string& path,
                                              const std::string& second, std::string& to) const {
  const auto directory = [&](std::int8_t index) { return index < 0 ? AT_FDCWD : int_argument(call, index); };
  const bool renames = row.kind == Kind::rename;
  WriteIntent intent{.kind = row.kind};
  intent.trailing_slash = path.ends_with('/') || second.ends_with('/');
  if (renames && row.shape.flags >= 0) intent.flags = static_cast<unsigned>(int_argument(call, row.shape.flags));
  // The source of a link is the object, wherever its name leads: /proc/self/fd, or no name at all.
  const WriteIntent source{.kind = renames ? Kind::rename : Kind::chmod};
  const Found from = find(thread, directory(row.shape.dirfd), path, source, follows(call, row));
  const Found target = find(thread, directory(row.shape.second_dirfd), second, {.kind = row.kind}, false);
  const WriteEnd source_end{&from.place, from.object ? &*from.object : nullptr, from.occupied};
  const WriteEnd target_end{&target.place, target.object ? &*target.object : nullptr, target.occupied};
  Examined examined;
  examined.path = from.path;
  examined.storage = target.storage;
  examined.mount_id = target.place.parent_identity.mount_id;
  examined.is_new = !target.object;
  examined.outcome = renames ? predict_rename(instance_, thread.status, intent, source_end, target_end)
                             : predict_link(instance_, thread.status, source_end, target_end);
  if (renames && examined.outcome.outcome == WriteOutcome::landed && from.object && S_ISDIR(from.object->mode) &&
      is_of_lower_layer(instance_, *from.object, from.path)) {
    examined.outcome = {WriteOutcome::failed, EXDEV, false};
  }
  to = target.path;
  return examined;
}

int WriteAudit::metadata_error(const kernel::Notification& call, const kernel::NotifyRow& row,
                               const KnownThread& thread, const Examined& examined, bool for_writers) {
  const MetadataRequest request = read_metadata_request(call, row, thread.view);
  const bool foreign_attribute = request.error == EPERM && !request.attribute.starts_with("trusted.");
  if (request.error == ENOSYS || foreign_attribute) return 0;
  if (request.error != 0) return request.error;
  if (!examined.object) return 0;
  const kernel::BorrowedFileIdentity as_caller(thread.status.fsuid, thread.status.fsgid, thread.status.groups);
  const bool may_write = for_writers && (thread.status.fsuid == 0 || kernel::write_access(examined.pinned.get()) == 0);
  return judge_metadata(request, thread.status, *examined.object, examined.pinned, may_write);
}

void WriteAudit::handle(kernel::NotifyChannel& channel, const kernel::Notification& call, const kernel::NotifyRow& row,
                        const KnownThread& thread) {
  const kernel::ArgumentShape& shape = row.shape;
  WriteIntent intent{.kind = row.kind};
  if (row.kind == Kind::open || row.kind == Kind::open_how) {
    const auto flags = open_flags(call, row, thread.view);
    // Unreadable: the kernel will say EFAULT. Read-only (openat2): nothing to record.
    if (!flags || !writes(*flags)) return channel.answer_continue(call.id);
    intent.creates = (*flags & O_CREAT) != 0;
    intent.exclusive = (*flags & O_EXCL) != 0;
    intent.nameless = (*flags & O_TMPFILE) == O_TMPFILE;
    intent.trailing_slash = !intent.nameless && (*flags & O_DIRECTORY) != 0;
  }
  std::string path;
  std::string second;
  int dirfd = AT_FDCWD;
  bool follow = follows(call, row);
  if (shape.path >= 0) {
    auto text = thread.view.read_path(argument(call, shape.path));
    const bool null_path = argument(call, shape.path) == 0;  // utimensat(fd, NULL): the descriptor itself
    if (!text && !null_path) {
      // Nobody else decides about metadata in a container: what can't be read does not run.
      if (instance_.container && is_metadata(row.kind)) return channel.answer_error(call.id, text.error().errnum);
      return channel.answer_continue(call.id);
    }
    if (text) path = std::move(*text);
    if (shape.dirfd >= 0) dirfd = int_argument(call, shape.dirfd);
    if (row.kind == Kind::open || row.kind == Kind::open_how) access_.see_open(path, thread);
  } else if (shape.fd >= 0) {
    dirfd = int_argument(call, shape.fd);
  }
  if (shape.second_path >= 0) {
    auto text = thread.view.read_path(argument(call, shape.second_path));
    if (!text) return channel.answer_continue(call.id);
    second = std::move(*text);
  }

  if (instance_.container && is_metadata(row.kind)) {
    return handle_metadata(channel, call, row, thread, dirfd, path, follow);
  }
  intent.trailing_slash = intent.trailing_slash || path.ends_with('/');
  if (row.kind == Kind::unlink && (int_flags(call, row) & AT_REMOVEDIR) != 0) intent.kind = Kind::remove_directory;
  intent.for_writers = row.kind == Kind::set_times || row.kind == Kind::set_xattr || row.kind == Kind::remove_xattr;
  std::string to;
  Examined examined = shape.second_path >= 0 ? examine_pair(thread, call, row, path, second, to)
                                             : examine(thread, dirfd, path, intent, follow);
  const bool lands = examined.outcome.outcome == WriteOutcome::landed;
  if (const int error = lands ? argument_error(call, row, thread.view, path) : 0; error != 0) {
    examined.outcome = {WriteOutcome::failed, error, false};
  }
  if (lands && is_metadata(row.kind)) {
    const int error = metadata_error(call, row, thread, examined, intent.for_writers);
    if (error != 0) examined.outcome = {WriteOutcome::failed, error, false};
  }
  if (channel.continue_if_valid(call.id) && examined.storage) record(row.name, examined, std::move(to), thread);
}

void WriteAudit::handle_metadata(kernel::NotifyChannel& channel, const kernel::Notification& call,
                                 const kernel::NotifyRow& row, const KnownThread& thread, int dirfd,
                                 const std::string& path, bool follow) {
  // The launcher may look into processes that the caller may not.
  if (passes_another_process(path, thread.status)) return channel.answer_error(call.id, EACCES);
  const kernel::Fd object = pin_object(instance_, thread.view, thread.status, dirfd, path, follow);
  if (!object) return channel.answer_error(call.id, errno);
  Examined examined = examine(thread, dirfd, path, {.kind = row.kind}, follow);
  const MetadataRequest request = read_metadata_request(call, row, thread.view);
  if (!channel.still_valid(call.id)) return;
  bool refused = false;
  const int error = perform_metadata(instance_, request, thread.status, object, &refused);
  if (error == 0) {
    channel.answer_value(call.id, 0);
  } else {
    channel.answer_error(call.id, error);
  }
  examined.outcome.outcome = error == 0 ? WriteOutcome::landed : refused ? WriteOutcome::refused : WriteOutcome::failed;
  examined.outcome.errnum = error;
  examined.outcome.by_rule = examined.outcome.by_rule && refused;
  if (examined.storage) record(row.name, examined, {}, thread);
}

void WriteAudit::record(std::string_view call, const Examined& examined, std::string to, const KnownThread& thread) {
  const InstanceMount* mount = instance_.find(examined.mount_id);
  if (mount != nullptr && mount->plan->type == MountType::persistent && kept_.size() < kMostRefusals &&
      examined.outcome.outcome == WriteOutcome::landed) {
    for (const std::string& path : {examined.path, to}) {
      if (!path.empty()) kept_.emplace(path, examined.is_new || path == to ? Change::created : Change::modified);
    }
  }
  WriteEvent event;
  event.call = call;
  event.path = examined.path;
  event.to = std::move(to);
  event.outcome = examined.outcome.outcome;
  event.errnum = examined.outcome.errnum;
  event.by = instance_.decider();
  event.process = thread.process;
  events_.emit(std::move(event));
  if (examined.outcome.outcome == WriteOutcome::refused && examined.outcome.by_rule) {
    report_refusal(std::string(call), examined.path, thread.process, examined.outcome.errnum);
  }
}

std::vector<ScannedChange> WriteAudit::kept() const {
  std::vector<ScannedChange> kept;
  for (const auto& [path, change] : kept_) {
    // A persistent mount is the host's own directory, at the same path.
    struct stat status{};
    const bool there = lstat(path.c_str(), &status) == 0;
    if (!there && change == Change::created) continue;
    ScannedChange scanned;
    scanned.path = path;
    scanned.type = S_ISDIR(status.st_mode) ? "directory" : S_ISLNK(status.st_mode) ? "symlink" : "file";
    scanned.change = there ? change : Change::deleted;
    scanned.bytes = there && S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
    kept.push_back(std::move(scanned));
  }
  return kept;
}

void WriteAudit::record_bind(const kernel::NotifyRow& row, const KnownThread& thread, const std::string& path) {
  record(row.name, examine(thread, AT_FDCWD, path, {.kind = Kind::bind, .creates = true, .exclusive = true}, false), {},
         thread);
}

void WriteAudit::report_refusal(const std::string& call, const std::string& path, const ProcessRef& process,
                                int errnum) {
  if (std::ranges::any_of(ignore_, [&](const std::string& glob) { return base::glob_match(glob, path); })) return;
  if (refused_.size() >= kMostRefusals || !refused_.emplace(path, process->exe).second) return;
  Finding finding;
  finding.code = "CD101";
  finding.severity = Severity::error;
  finding.message =
      call + " refused: " + path + " is not in the instance's writable storage (" + std::strerror(errnum) + ")";
  const std::string directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  finding.fix = way_out(instance_.container, directory);
  finding.policy = policy_;
  finding.process = process;
  finding.path = path;
  events_.emit(std::move(finding));
}

}  // namespace cofferdam::supervise
