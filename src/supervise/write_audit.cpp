#include "supervise/write_audit.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "supervise/metadata.hpp"

namespace cofferdam::supervise {

namespace {

using Kind = kernel::NotifyKind;

// Distinct refusals that become findings; what comes after only counts in the events.
constexpr std::size_t kMostRefusals = 10000;

int int_argument(const kernel::Notification& call, std::int8_t index) {
  return static_cast<int>(call.args.at(static_cast<std::size_t>(index)));
}
std::uint64_t argument(const kernel::Notification& call, std::int8_t index) {
  return call.args.at(static_cast<std::size_t>(index));
}

// The open flags of open, openat, openat2 and creat; nothing when the caller's struct can't be read.
std::optional<std::uint64_t> open_flags(const kernel::Notification& call, const kernel::NotifyRow& row,
                                        const kernel::ThreadView& view) {
  if (row.kind == Kind::open_how) {
    kernel::OpenHow how;
    const std::size_t size = std::min<std::size_t>(argument(call, row.shape.length), sizeof how);
    const auto bytes = std::as_writable_bytes(std::span(&how, 1)).first(size);
    if (view.read_memory(argument(call, row.shape.data), bytes) != static_cast<ssize_t>(size)) return std::nullopt;
    return how.flags;
  }
  if (row.shape.flags < 0) return O_CREAT | O_WRONLY | O_TRUNC;
  return static_cast<unsigned>(int_argument(call, row.shape.flags));
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
  const int flags = row.shape.flags >= 0 ? int_argument(call, row.shape.flags) : 0;
  switch (row.kind) {
    case Kind::open: return (flags & (O_NOFOLLOW | O_EXCL)) == 0;
    case Kind::link: return (flags & AT_SYMLINK_FOLLOW) != 0;
    default:
      if (!is_metadata(row.kind)) return row.shape.follows;
      return row.shape.follows && (flags & AT_SYMLINK_NOFOLLOW) == 0;
  }
}

bool holds_data(std::uint32_t mode) {
  return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode);
}

std::string way_out(bool container, const std::string& directory) {
  const std::string below = "write below a mount of the policy";
  if (directory == "/") return below;
  if (container)
    return below + ", or give the container a tmpfs there: --tmpfs " + directory + ", and name it in storage.mounts";
  // An empty /etc would not serve anybody: over what is there, an overlay.
  const char* type = access(directory.c_str(), F_OK) == 0 ? "overlay" : "tmpfs";
  return below + ", or add {path: " + directory + ", type: " + type + "} to storage.mounts";
}

}  // namespace

WriteAudit::Examined WriteAudit::examine(const KnownThread& thread, int dirfd, const std::string& path,
                                         const WriteIntent& intent, bool follow) const {
  Examined examined;
  examined.path = path;
  const kernel::Fd object = pin_object(instance_, thread.view, thread.status, dirfd, path, follow);
  std::optional<kernel::FileIdentity> identity;
  if (object) {
    if (auto found = kernel::identify(object.get(), "")) identity = *found;
  }
  if (identity && !holds_data(identity->mode) &&
      (intent.kind == Kind::open || intent.kind == Kind::open_how || is_metadata(intent.kind))) {
    examined.storage = false;
    return examined;
  }
  Place place;
  if (identity) {
    const std::string name = path_of(object.get());
    if (!name.starts_with('/') || is_process_path(name) || name.starts_with("/memfd:")) {
      examined.storage = false;
      return examined;
    }
    examined.path = name;
  }
  // The directory is looked at where it decides: for what is not there yet, and for what changes the directory.
  const bool need_directory = !identity || (intent.kind != Kind::open && intent.kind != Kind::open_how &&
                                            intent.kind != Kind::truncate && !is_metadata(intent.kind));
  if (need_directory) {
    place = find_place(instance_, thread.view, dirfd, path);
    if (is_process_path(place.path)) {
      examined.storage = false;
      return examined;
    }
    if (!identity) examined.path = place.path;
  }
  examined.mount_id = identity && !need_directory ? identity->mount_id : place.parent_identity.mount_id;
  examined.is_new = !identity;
  examined.outcome = predict(instance_, thread.status, intent, place, identity ? &*identity : nullptr);
  return examined;
}

void WriteAudit::handle(kernel::NotifyChannel& channel, const kernel::Notification& call, const kernel::NotifyRow& row,
                        const KnownThread& thread) {
  const kernel::ArgumentShape& shape = row.shape;
  WriteIntent intent{row.kind, false, false};
  if (row.kind == Kind::open || row.kind == Kind::open_how) {
    const auto flags = open_flags(call, row, thread.view);
    // Unreadable: the kernel will say EFAULT. Read-only (openat2): nothing to record.
    if (!flags || !writes(*flags)) return channel.answer_continue(call.id);
    intent.creates = (*flags & O_CREAT) != 0;
    intent.exclusive = (*flags & O_EXCL) != 0;
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
  } else if (shape.fd >= 0) {
    dirfd = int_argument(call, shape.fd);
  }
  int second_dirfd = AT_FDCWD;
  if (shape.second_path >= 0) {
    auto text = thread.view.read_path(argument(call, shape.second_path));
    if (!text) return channel.answer_continue(call.id);
    second = std::move(*text);
    if (shape.second_dirfd >= 0) second_dirfd = int_argument(call, shape.second_dirfd);
  }

  if (instance_.container && is_metadata(row.kind)) {
    return handle_metadata(channel, call, row, thread, dirfd, path, follow);
  }
  Examined examined = examine(thread, dirfd, path, intent, follow);
  Examined target;
  if (row.kind == Kind::rename || row.kind == Kind::link) {
    // The destination is made; rename may replace what is there.
    target =
        examine(thread, second_dirfd, second, {row.kind == Kind::rename ? Kind::open : Kind::link, true, false}, false);
    if (row.kind == Kind::link && examined.outcome.errnum == EEXIST) examined.outcome = {};  // the source is there
    if (examined.outcome.outcome == WriteOutcome::landed) examined.outcome = target.outcome;
    if (examined.outcome.outcome == WriteOutcome::landed && examined.mount_id != target.mount_id) {
      examined.outcome = {WriteOutcome::failed, EXDEV, false};
    }
  }
  if (!channel.still_valid(call.id)) return;
  channel.answer_continue(call.id);
  if (examined.storage) record(row.name, examined, target.path, thread);
}

void WriteAudit::handle_metadata(kernel::NotifyChannel& channel, const kernel::Notification& call,
                                 const kernel::NotifyRow& row, const KnownThread& thread, int dirfd,
                                 const std::string& path, bool follow) {
  const kernel::Fd object = pin_object(instance_, thread.view, thread.status, dirfd, path, follow);
  if (!object) return channel.answer_error(call.id, errno);
  Examined examined = examine(thread, dirfd, path, {row.kind, false, false}, follow);
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
  record(row.name, examine(thread, AT_FDCWD, path, {Kind::bind, true, true}, false), {}, thread);
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
