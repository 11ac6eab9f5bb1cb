#include "logs/sinks/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/json.hpp"
#include "base/text.hpp"
#include "logs/sinks/write.hpp"

namespace cofferdam::logs {

namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::chrono::seconds kRotateAgain{10};
constexpr std::uint32_t kMode = 0640;
constexpr int kLooks = 4;
constexpr useconds_t kBetweenLooks = 1000;

std::uint64_t lines_of(std::string_view bytes) {
  return static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
}

// {"ts":"...","seq":9,"instance":"web.1": what a record begins with, up to its stream; empty when it is none of ours.
std::string_view head_of(std::string_view line) {
  const std::size_t end = line.find(R"(,"stream":")");
  return line.starts_with(R"({"ts":")") && end != std::string_view::npos ? line.substr(0, end) : std::string_view{};
}

std::uint64_t seq_of(std::string_view head) {
  constexpr std::string_view kSeq = R"(,"seq":)";
  const std::size_t at = head.find(kSeq);
  std::uint64_t seq = 0;
  if (at == std::string_view::npos) return 0;
  (void)std::from_chars(head.data() + at + kSeq.size(), head.data() + head.size(), seq);
  return seq;
}

bool is_same_file(int one, int other) {
  struct stat first{};
  struct stat second{};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace

FileSink::FileSink(Encoding encoding, int fd, FileRotation rotation)
    : Sink(encoding), fd_(fd), rotation_(std::move(rotation)) {
  files_.emplace(rotation_->directory, rotation_->name, rotation_->rotate);
  const auto identity = kernel::identify(fd, "");
  size_ = identity ? identity->size : 0;
  // A file that is there already is as old as its birth; where that is not known, it begins now.
  begun_ =
      identity && size_ != 0 && identity->born != 0 ? system_clock::from_time_t(identity->born) : system_clock::now();
  end_torn_line();
  if (rotation_->rotate.compress == LogRotation::Compress::none) return;
  compressor_ = std::make_unique<Compressor>(*files_);
  const auto old = files_->list();
  if (std::ranges::any_of(old, [](const RotatedFile& file) { return file.suffix.empty(); })) compressor_->wake();
}

void FileSink::end_torn_line() {
  const kernel::Fd file(::openat(rotation_->directory, rotation_->name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (encoding() == Encoding::raw || !file || !is_same_file(file.get(), fd_)) return;
  // Another process may be in the middle of a write, whose pages show one after the other.
  for (int look = 0; look < kLooks; ++look) {
    if (look != 0) (void)::usleep(kBetweenLooks);
    struct stat status{};
    char last = '\n';
    if (::fstat(file.get(), &status) != 0 || status.st_size == 0) return;
    size_ = static_cast<std::uint64_t>(status.st_size);
    if (::pread(file.get(), &last, 1, status.st_size - 1) != 1 || last == '\n') return;
  }
  std::size_t ignored = 0;
  (void)write("\n", ignored);
}

FileSink::~FileSink() {
  if (complete_torn()) announce_lost();
}

bool FileSink::write(std::string_view bytes, std::size_t& written) {
  const Written result = write_all(fd_, bytes);
  written = result.bytes;
  size_ += result.bytes;
  if (result.bytes != 0) at_line_start_ = bytes[result.bytes - 1] == '\n';
  errnum_ = result.errnum;
  return result.errnum == 0;
}

bool FileSink::complete_torn() {
  std::size_t written = 0;
  const bool whole = torn_.empty() || write(torn_, written);
  torn_.erase(0, written);
  return whole;
}

Delivery FileSink::deliver(const Batch& batch) {
  if (rotation_) look();
  if (!complete_torn()) {
    note_lost(batch.bytes, batch.records);
    return {0, batch.records, false};
  }
  announce_lost();
  const std::size_t written = torn_.empty() ? append_parts(batch.bytes) : 0;
  if (written == batch.bytes.size()) return {batch.records, 0, false};
  std::string_view rest = batch.bytes.substr(written);
  if (!at_line_start_ && written != 0) {
    torn_ = rest.substr(0, rest.find('\n') + 1);
    rest.remove_prefix(torn_.size());
  }
  const std::uint64_t done = std::min(lines_of(batch.bytes) - lines_of(rest), batch.records);
  note_lost(rest, batch.records - done);
  return {done, batch.records - done, false};
}

std::size_t FileSink::append(std::string_view bytes) {
  if (rotation_) look();
  return append_parts(bytes);
}

// Rotates between two records where it must. Returns the bytes that are written.
std::size_t FileSink::append_parts(std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    rotate_if_due();
    const std::size_t part = fitting(bytes.substr(done));
    if (part == 0) {
      rotate();
      continue;
    }
    std::size_t written = 0;
    const bool whole = write(bytes.substr(done, part), written);
    done += written;
    if (!whole) break;
  }
  return done;
}

void FileSink::note_lost(std::string_view bytes, std::uint64_t records) {
  if (records == 0 || encoding() == Encoding::raw) return;
  lost_.errnum = errnum_;
  const std::uint64_t before = lost_.count;
  lost_.count += records;
  if (encoding() != Encoding::json || bytes.empty()) return;
  const std::string_view whole = bytes.substr(0, bytes.size() - 1);
  const std::size_t last = whole.rfind('\n');  // npos + 1 is 0
  lost_.head = head_of(bytes.substr(last + 1));
  lost_.last = seq_of(lost_.head);
  if (before == 0) lost_.first = seq_of(head_of(bytes));
}

void FileSink::announce_lost() {
  if (lost_.count == 0 || (encoding() == Encoding::json && lost_.head.empty())) return;
  const std::string reason = std::strerror(lost_.errnum);
  const std::string message = base::plural(lost_.count, "record") + " lost here: " + reason;
  std::string line = "cofferdam: " + message + "\n";
  if (!lost_.head.empty()) {
    line = lost_.head + R"(,"stream":"cofferdam","level":"warning","message":)";
    base::append_json_string(line, message);
    line += R"(,"gap":{"first":)" + std::to_string(lost_.first) + R"(,"last":)" + std::to_string(lost_.last) +
            R"(,"count":)" + std::to_string(lost_.count) + R"(,"reason":)";
    base::append_json_string(line, reason);
    line += "}}\n";
  }
  std::size_t written = 0;
  if (!write(line, written) && written == 0) return;
  torn_ = line.substr(written);
  lost_ = Lost{};
}

// --- rotation

// How many of the bytes may be written before the file must be rotated: up to the end of a record. 0: it must be now.
std::size_t FileSink::fitting(std::string_view bytes) const {
  const std::uint64_t limit = rotation_ ? rotation_->rotate.size : 0;
  if (limit == 0 || size_ + bytes.size() <= limit || steady_clock::now() < rotate_again_) return bytes.size();
  const std::size_t first = bytes.find('\n');
  const std::size_t one = first == std::string_view::npos ? bytes.size() : first + 1;
  // A line goes on in the file in which it began; one that is larger than a file has its own.
  if (!at_line_start_) return one;
  if (size_ + one > limit) return size_ == 0 ? one : 0;
  const std::size_t last = bytes.rfind('\n', static_cast<std::size_t>(limit - size_) - 1);
  return last == std::string_view::npos ? one : last + 1;
}

// Others may have renamed, removed or cut the file.
void FileSink::look() {
  const auto now = steady_clock::now();
  if (now < look_again_) return;
  look_again_ = now + rotation_->look_each;
  struct stat status{};
  if (::fstat(fd_, &status) != 0) return;
  size_ = static_cast<std::uint64_t>(status.st_size);
  if (files_->is_current(fd_) || !torn_.empty() || !at_line_start_) return;
  auto fresh = files_->open_current((status.st_mode & 07777) != 0 ? status.st_mode & 07777 : kMode);
  if (fresh) use(std::move(*fresh));
}

void FileSink::rotate_if_due() {
  const auto age = rotation_ ? rotation_->rotate.age : std::chrono::seconds{0};
  if (age.count() == 0 || size_ == 0 || !at_line_start_ || steady_clock::now() < rotate_again_) return;
  if (system_clock::now() - begun_ >= age) rotate();
}

void FileSink::rotate() {
  auto fresh = files_->rotate(fd_);
  if (!fresh) {
    rotate_again_ = steady_clock::now() + kRotateAgain;
    return;
  }
  use(std::move(*fresh));
  if (compressor_) compressor_->wake();
}

void FileSink::use(kernel::Fd fd) {
  own_ = std::move(fd);
  fd_ = own_.get();
  struct stat status{};
  size_ = ::fstat(fd_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  begun_ = system_clock::now();
}

}  // namespace cofferdam::logs
