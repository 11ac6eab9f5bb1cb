#include "logs/queue/spill.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "logs/queue/crc32c.hpp"
#include "logs/queue/packed.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::uint64_t kSmallestSegment = 64 << 10;
constexpr int kNamesToTry = 100;
constexpr std::string_view kDamaged = "a spill file is damaged";

std::uint64_t size_of(std::span<const iovec> frames) {
  std::uint64_t bytes = 0;
  for (const iovec& part : frames) bytes += part.iov_len;
  return bytes;
}

// The ids of the owner's segments, oldest first.
std::vector<std::uint64_t> list(int directory, const SegmentOwner& owner) {
  std::vector<std::uint64_t> ids;
  // A descriptor of its own: the place in the directory belongs to the open file.
  const int fd = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = fd < 0 ? nullptr : ::fdopendir(fd);
  if (entries == nullptr) {
    if (fd >= 0) (void)::close(fd);
    return ids;
  }
  while (const dirent* entry = ::readdir(entries)) {
    const std::uint64_t id = Segment::id_in(entry->d_name, owner);
    if (id != 0) ids.push_back(id);
  }
  (void)::closedir(entries);
  std::ranges::sort(ids);
  return ids;
}

// Looks at the heads of the frames of a segment one after the other, without reading what is in them.
class HeadReader {
 public:
  HeadReader(const Segment& segment, std::uint64_t from) : segment_(segment), at_(from) {}

  // False at the end, or where no frame can be.
  bool next(PackedHead& head) {
    constexpr std::size_t kNeeded = 64;
    if (at_ < window_at_ || at_ + kNeeded > window_at_ + window_.size()) {
      window_.resize(256 << 10);
      window_.resize(segment_.read(at_, window_.data(), window_.size()));
      window_at_ = at_;
    }
    const std::string_view here = std::string_view(window_).substr(at_ - window_at_);
    FrameHead frame;
    if (here.size() < sizeof frame) return false;
    std::memcpy(&frame, here.data(), sizeof frame);
    const std::size_t size = frame_size(frame.size);
    if (size > kLargestFrame || at_ + size > segment_.end()) return false;
    if (!peek(here.substr(kFrameHead, frame.size), head)) return false;
    at_ += size;
    return true;
  }
  [[nodiscard]] std::uint64_t at() const { return at_; }

 private:
  const Segment& segment_;
  std::uint64_t at_;
  std::string window_;
  std::uint64_t window_at_ = 0;
};

}  // namespace

Result<kernel::Fd> open_spill(const std::string& path) {
  const auto open_it = [&path] { return kernel::Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); };
  kernel::Fd fd = open_it();
  int errnum = errno;
  if (!fd && errnum == ENOENT) {
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) fd = open_it();
    errnum = errno;
  }
  if (fd && ::faccessat(fd.get(), ".", W_OK | X_OK, AT_EACCESS) == 0) return fd;
  if (fd) errnum = errno;
  const char* advice = errnum == ENOENT    ? "; create the directory above it"
                       : errnum == ENOTDIR ? "; name a directory"
                                           : "; name a directory that can be written";
  return fail("can't use the directory of the log spill " + path + ": " + std::strerror(errnum) + advice, errnum);
}

Spill::Spill(int directory, std::uint64_t size, SegmentOwner owner)
    : directory_(directory),
      size_(size),
      largest_(std::clamp(size / 4, kSmallestSegment, Segment::kLargest)),
      owner_(std::move(owner)) {}

void Spill::open(RingState& state) {
  if (!exists()) return;
  for (const std::uint64_t id : list(directory_, owner_)) {
    if (segments_.size() == kMostSegments) break;
    auto opened = Segment::open(directory_, owner_, id);
    if (!opened) continue;
    const std::shared_ptr<Segment>& segment = *opened;
    const bool own = !is_adopted(*segment);
    if (own && id == state.write_segment) {
      segment->truncate(state.write_bytes, state.write_records);
      writing_ = segment;
    }
    const bool uncommitted = own && id > state.write_segment;
    if (uncommitted || segment->sent() >= segment->end()) {
      segment->remove();
      if (segment == writing_) writing_ = nullptr;
      continue;
    }
    segments_.push_back(segment);
  }
  if (writing_ && segments_.back() != writing_) writing_ = nullptr;
  if (empty() || segments_.front()->id() != state.read_segment) read_from_start(state);
}

void Spill::read_from_start(RingState& state) const {
  state.read_segment = empty() ? 0 : segments_.front()->id();
  state.read_bytes = empty() ? 0 : segments_.front()->sent();
  state.read_records = empty() ? 0 : segments_.front()->sent_records();
}

std::uint64_t Spill::total() const {
  std::uint64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment->end();
  return bytes;
}

std::uint64_t Spill::waiting(const RingState& state) const {
  std::uint64_t records = 0;
  for (const auto& segment : segments_) {
    if (is_adopted(*segment)) continue;
    const bool being_read = segment->id() == state.read_segment;
    records +=
        segment->records() - std::min(segment->records(), being_read ? state.read_records : segment->sent_records());
  }
  return records;
}

int Spill::add_segment(std::uint64_t id) {
  for (int attempt = 0; attempt < kNamesToTry; ++attempt, ++id) {
    auto made = Segment::create(directory_, owner_, id);
    if (made) {
      segments_.push_back(*made);
      writing_ = *made;
      return 0;
    }
    if (made.error().errnum != EEXIST) return made.error().errnum;
  }
  return EEXIST;
}

int Spill::append(std::span<iovec> frames, std::uint64_t records, std::int64_t time, RingState& state) {
  const std::uint64_t bytes = size_of(frames);
  if (bytes > largest_piece()) return EFBIG;
  const bool fits = writing_ && writing_->end() + bytes <= largest_;
  while (!empty() && total() + bytes + (fits ? 0 : Segment::kHead) > size_) drop_oldest(kSpillFull, state);
  if (!fits || !writing_) {
    const std::uint64_t next = empty() ? 1 : segments_.back()->id() + 1;
    const bool first = empty();
    if (const int errnum = add_segment(std::max(static_cast<std::uint64_t>(std::max<std::int64_t>(time, 1)), next))) {
      return errnum;
    }
    if (first) read_from_start(state);
  }
  if (const int errnum = writing_->append(frames, bytes, records)) return errnum;
  state.write_segment = writing_->id();
  state.write_bytes = writing_->end();
  state.write_records = writing_->records();
  return 0;
}

int Spill::prepend(std::span<iovec> frames, std::uint64_t records, std::int64_t time, RingState& state) {
  std::uint64_t id = static_cast<std::uint64_t>(std::max<std::int64_t>(time, kNamesToTry));
  if (!empty()) id = std::min(id, segments_.front()->id() - 1);
  for (int attempt = 0; attempt < kNamesToTry; ++attempt, --id) {
    auto made = Segment::create(directory_, owner_, id);
    if (!made && made.error().errnum == EEXIST) continue;
    if (!made) return made.error().errnum;
    if (const int errnum = (*made)->append(frames, size_of(frames), records)) {
      (*made)->remove();
      return errnum;
    }
    segments_.push_front(*made);
    read_from_start(state);
    if (state.write_segment < id) {
      state.write_segment = id;
      state.write_bytes = (*made)->end();
      state.write_records = records;
    }
    return 0;
  }
  return EEXIST;
}

Spill::Read Spill::read(const Segment& segment, std::uint64_t from, std::uint64_t end, std::span<char> into) {
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(end - std::min(from, end), into.size()));
  std::string_view rest(into.data(), segment.read(from, into.data(), wanted));
  Read result;
  Record record;
  std::vector<Field> fields;
  while (const auto frame = frame_at(rest)) {
    fields.clear();
    if (crc32c(frame->packed) != frame->crc || !unpack(frame->packed, record, fields)) break;
    rest.remove_prefix(frame->size);
    result.bytes += frame->size;
    result.records += record.gap_count == 0 ? 1 : 0;
    result.last_seq = record.seq;
    result.last_time = record.time;
  }
  return result;
}

void Spill::lose_taken(std::uint64_t records, RingState& state) const {
  state.read_records += records;
  state.dropped += records;
  if (is_adopted(*segments_.front())) state.adopted += records;
}

void Spill::skip_damage(RingState& state) {
  const Segment& segment = *segments_.front();
  if (!segment.was_complete(state.read_bytes)) {
    state.read_bytes = segment.end();
    return;
  }
  HeadReader reader(segment, state.read_bytes);
  PackedHead ignored;
  const bool one = reader.next(ignored);
  const std::uint64_t known = segment.records() - std::min(segment.records(), state.read_records);
  const std::uint64_t lost = one ? std::min<std::uint64_t>(known, 1) : known;
  state.read_bytes = one ? reader.at() : segment.end();
  if (lost == 0) return;
  PackedHead head;
  head.gap_count = lost;
  head.gap_first = state.read_seq + 1;
  head.seq = state.read_seq += lost;
  head.time = ++state.read_time;
  state.gap(GapPlace::spill).add(head, kDamaged);
  lose_taken(lost, state);
}

void Spill::remove_oldest(RingState& state) {
  segments_.front()->remove();
  if (segments_.front() == writing_) writing_ = nullptr;
  segments_.pop_front();
  read_from_start(state);
}

void Spill::drop_oldest(std::string_view reason, RingState& state) {
  const Segment& segment = *segments_.front();
  HeadReader reader(segment, state.read_bytes);
  PackedHead head;
  std::uint64_t records = 0;
  while (reader.next(head)) {
    state.gap(GapPlace::spill).add(head, reason);
    state.read_seq = head.seq;
    state.read_time = head.time;
    records += head.gap_count == 0 ? 1 : 0;
  }
  lose_taken(records, state);
  state.read_bytes = reader.at();
  while (state.read_bytes < segment.end()) skip_damage(state);
  remove_oldest(state);
}

}  // namespace cofferdam::logs
