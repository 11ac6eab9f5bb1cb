#include "logs/queue/segment.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

#include "logs/queue/crc32c.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::size_t kDigits = 20;
constexpr std::string_view kSuffix = ".seg";
constexpr std::array<char, 8> kMagic = {'C', 'F', 'D', 'M', 'S', 'P', 'I', 'L'};
constexpr std::uint32_t kVersion = 1;

// What is written once; `crc` is of the bytes before it.
struct Identity {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t unused = 0;
  std::uint64_t run = 0;
  std::uint64_t id = 0;
  std::array<char, 256> sink{};
  std::array<char, 256> instance{};
  std::uint32_t crc = 0;
  std::uint32_t unused_too = 0;
};

// What is written again with each append and each delivery. Without a checksum: a wrong number here makes records come
// twice or not at all, but never torn.
struct Progress {
  std::uint64_t end = 0;
  std::uint64_t records = 0;
  std::uint64_t sent = 0;
  std::uint64_t sent_records = 0;
};
constexpr off_t kProgressAt = 768;
static_assert(sizeof(Identity) <= kProgressAt && kProgressAt + sizeof(Progress) <= Segment::kHead);

template <std::size_t N>
void set_name(std::array<char, N>& out, std::string_view name) {
  std::copy_n(name.begin(), std::min(name.size(), N - 1), out.begin());
}

Identity identity_of(const SegmentOwner& owner, std::uint64_t id) {
  Identity identity;
  identity.run = owner.run;
  identity.id = id;
  set_name(identity.sink, owner.sink);
  set_name(identity.instance, owner.instance);
  identity.crc = crc32c({reinterpret_cast<const char*>(&identity), offsetof(Identity, crc)});
  return identity;
}

std::string safe(std::string_view name) {
  std::string text(name.substr(0, 80));
  for (char& c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    if (!plain) c = '_';
  }
  return text;
}

std::string prefix_of(const SegmentOwner& owner) {
  return safe(owner.sink) + "-" + safe(owner.instance) + "-";
}

std::unexpected<Error> refuse(const std::string& name, const char* why, int errnum) {
  return fail("the spill file " + name + " " + why, errnum);
}

}  // namespace

std::string Segment::file_name(const SegmentOwner& owner, std::uint64_t id) {
  std::array<char, kDigits + 1> digits{};
  (void)std::snprintf(digits.data(), digits.size(), "%020llu", static_cast<unsigned long long>(id));
  return prefix_of(owner) + digits.data() + std::string(kSuffix);
}

std::uint64_t Segment::id_in(std::string_view name, const SegmentOwner& owner) {
  const std::string prefix = prefix_of(owner);
  if (name.size() != prefix.size() + kDigits + kSuffix.size() || !name.starts_with(prefix) ||
      !name.ends_with(kSuffix)) {
    return 0;
  }
  const std::string_view digits = name.substr(prefix.size(), kDigits);
  std::uint64_t id = 0;
  const auto parsed = std::from_chars(digits.begin(), digits.end(), id);
  return parsed.ec == std::errc{} && parsed.ptr == digits.end() ? id : 0;
}

Segment::Segment(int directory, std::string name, kernel::Fd fd, std::uint64_t id)
    : directory_(directory), name_(std::move(name)), fd_(std::move(fd)), id_(id) {}

Result<std::shared_ptr<Segment>> Segment::create(int directory, const SegmentOwner& owner, std::uint64_t id) {
  std::string name = file_name(owner, id);
  kernel::Fd fd(::openat(directory, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return refuse(name, "can't be made", errno);
  // Another run that looks for what was left may have been faster than us: then it removes the empty file.
  struct stat status{};
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 || ::fstat(fd.get(), &status) != 0 || status.st_nlink == 0) {
    return refuse(name, "was taken by another run", EEXIST);
  }
  std::shared_ptr<Segment> segment(new Segment(directory, std::move(name), std::move(fd), id));
  segment->run_ = owner.run;
  const Identity identity = identity_of(owner, id);
  const ssize_t written = ::pwrite(segment->fd_.get(), &identity, sizeof identity, 0);
  if (written != static_cast<ssize_t>(sizeof identity)) {
    const int errnum = written < 0 ? errno : ENOSPC;
    segment->remove();
    return refuse(segment->name_, "can't be written", errnum);
  }
  segment->write_progress();
  return segment;
}

Result<std::shared_ptr<Segment>> Segment::open(int directory, const SegmentOwner& owner, std::uint64_t id) {
  std::string name = file_name(owner, id);
  kernel::Fd fd(::openat(directory, name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return refuse(name, "can't be opened", errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return refuse(name, "is in use by another run", EWOULDBLOCK);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return refuse(name, "can't be read", errno);
  if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077) != 0) {
    return refuse(name, "is not a file of this user alone", EPERM);
  }
  if (status.st_nlink == 0) return refuse(name, "has just been removed", ENOENT);
  Identity identity;
  Progress progress;
  if (::pread(fd.get(), &identity, sizeof identity, 0) != static_cast<ssize_t>(sizeof identity) ||
      ::pread(fd.get(), &progress, sizeof progress, kProgressAt) != static_cast<ssize_t>(sizeof progress)) {
    (void)::unlinkat(directory, name.c_str(), 0);  // its process died while it made it
    return refuse(name, "ends in its head", EINVAL);
  }
  SegmentOwner theirs = owner;
  theirs.run = identity.run;
  const Identity expected = identity_of(theirs, id);
  if (std::memcmp(&identity, &expected, sizeof identity) != 0) {
    return refuse(name, "is not of this sink and instance", EINVAL);
  }
  std::shared_ptr<Segment> segment(new Segment(directory, std::move(name), std::move(fd), id));
  segment->run_ = identity.run;
  segment->end_ = std::max(static_cast<std::uint64_t>(status.st_size), kHead);
  segment->complete_ = std::min(progress.end, segment->end_);
  segment->records_ = progress.records;
  segment->sent_ = std::clamp(progress.sent, kHead, segment->end_);
  segment->sent_records_ = std::min(progress.sent_records, progress.records);
  return segment;
}

void Segment::write_progress() const {
  const Progress progress{end_, records_, sent_, sent_records_};
  // Lost, it only makes records come twice.
  (void)!::pwrite(fd_.get(), &progress, sizeof progress, kProgressAt);
}

int Segment::append(std::span<iovec> frames, std::uint64_t bytes, std::uint64_t records) {
  std::uint64_t written = 0;
  while (written < bytes) {
    const ssize_t count =
        ::pwritev(fd_.get(), frames.data(), static_cast<int>(frames.size()), static_cast<off_t>(end_ + written));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const int errnum = count < 0 ? errno : ENOSPC;
      (void)!::ftruncate(fd_.get(), static_cast<off_t>(end_));
      return errnum;
    }
    written += static_cast<std::uint64_t>(count);
    auto done = static_cast<std::size_t>(count);
    while (!frames.empty() && done >= frames.front().iov_len) {
      done -= frames.front().iov_len;
      frames = frames.subspan(1);
    }
    if (done != 0) {
      frames.front().iov_base = static_cast<char*>(frames.front().iov_base) + done;
      frames.front().iov_len -= done;
    }
  }
  end_ += bytes;
  complete_ = end_;
  records_ += records;
  write_progress();
  return 0;
}

void Segment::truncate(std::uint64_t end, std::uint64_t records) {
  if (end < kHead || end > end_) return;
  (void)!::ftruncate(fd_.get(), static_cast<off_t>(end));
  end_ = complete_ = end;
  records_ = records;
  write_progress();
}

void Segment::note_sent(std::uint64_t bytes, std::uint64_t records) {
  sent_ = bytes;
  sent_records_ = records;
  write_progress();
}

std::size_t Segment::read(std::uint64_t offset, char* into, std::size_t size) const {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = ::pread(fd_.get(), into + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

void Segment::remove() const {
  (void)::unlinkat(directory_, name_.c_str(), 0);
}

}  // namespace cofferdam::logs
