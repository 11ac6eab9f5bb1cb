#include "report/loss_fold.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace cofferdam::report {

namespace {

constexpr std::array<std::size_t, 3> kLimits = {LossFold::kMostDeleted, LossFold::kMostSource, LossFold::kMostOthers};

// What is greater is named rather. By path only where all else is equal, so that a report does not depend on the order
// in which a directory is read.
bool goes_before(const LostFile& a, const LostFile& b) {
  const auto weight = [](const LostFile& file) {
    const int kind = file.file_class == "source" ? 2 : file.file_class == "cache" ? 0 : 1;
    return std::pair(kind, file.what.bytes);
  };
  if (weight(a) != weight(b)) return weight(a) > weight(b);
  return a.what.path < b.what.path;
}

std::string parent_of(const std::string& path) {
  return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
}

std::ptrdiff_t depth_of(const std::string& path) {
  return path == "/" ? 0 : std::count(path.begin(), path.end(), '/');
}

std::string key_of(const FoldedLoss& loss) {
  std::string key = loss.what.path;
  for (const std::string_view part : {std::string_view(loss.what.type), std::string_view(to_string(loss.what.change)),
                                      std::string_view(loss.file_class)}) {
    key += '\0';
    key += part;
  }
  return key;
}

bool earlier(const std::timespec& a, const std::timespec& b) {
  return std::tie(a.tv_sec, a.tv_nsec) < std::tie(b.tv_sec, b.tv_nsec);
}

void add_writers(std::vector<Writer>& all, const std::vector<Writer>& more) {
  for (const Writer& writer : more) {
    const auto known =
        std::find_if(all.begin(), all.end(), [&](const Writer& w) { return w.process == writer.process; });
    if (known == all.end()) {
      if (all.size() < LossFold::kMostWriters) all.push_back(writer);
      continue;
    }
    known->count += writer.count;
    if (earlier(writer.first, known->first)) known->first = writer.first;
    if (earlier(known->last, writer.last)) known->last = writer.last;
  }
}

}  // namespace

void LossFold::add(LostFile file) {
  const bool of_source = file.file_class == "source" || file.file_class == "vcs";
  const bool data = file.what.type == "file" || file.what.type == "symlink";
  const Group group = file.what.change == Change::deleted ? deleted : of_source && data ? source : others;
  std::vector<LostFile>& heap = named_.at(group);
  const std::size_t limit = kLimits.at(group);
  const std::size_t more = file.what.path.size();
  if (name_bytes_ + more > kMostNameBytes) return count(std::move(file));
  if (heap.size() < limit) {
    name_bytes_ += more;
    heap.push_back(std::move(file));
    if (heap.size() == limit) std::make_heap(heap.begin(), heap.end(), goes_before);
    return;
  }
  if (!goes_before(file, heap.front())) return count(std::move(file));
  std::pop_heap(heap.begin(), heap.end(), goes_before);
  name_bytes_ += more - heap.back().what.path.size();
  std::swap(heap.back(), file);
  std::push_heap(heap.begin(), heap.end(), goes_before);
  count(std::move(file));
}

void LossFold::count(LostFile file) {
  file.what.path = parent_of(file.what.path);
  fold({std::move(file.what), std::move(file.file_class), 1, std::move(file.writers)});
  if (folders_exceed(kMostFolders, kMostFolderBytes)) raise_deepest();
}

bool LossFold::folders_exceed(std::size_t most, std::size_t most_bytes) const {
  return folders_.size() > most || folder_bytes_ > most_bytes;
}

void LossFold::fold(FoldedLoss loss) {
  std::string key = key_of(loss);
  const auto known = folders_.find(key);
  if (known == folders_.end()) {
    folder_bytes_ += key.size();
    folders_.emplace(std::move(key), std::move(loss));
    return;
  }
  known->second.count += loss.count;
  known->second.what.bytes += loss.what.bytes;
  add_writers(known->second.writers, loss.writers);
}

// Until half of the room is free again, so that it is done rarely.
void LossFold::raise_deepest() {
  while (folders_exceed(kMostFolders / 2, kMostFolderBytes / 2)) {
    std::ptrdiff_t deepest = 0;
    for (const auto& [key, loss] : folders_) deepest = std::max(deepest, depth_of(loss.what.path));
    if (deepest == 0) return;
    std::vector<FoldedLoss> raised;
    for (auto entry = folders_.begin(); entry != folders_.end();) {
      if (depth_of(entry->second.what.path) < deepest) {
        ++entry;
        continue;
      }
      raised.push_back(std::move(entry->second));
      folder_bytes_ -= entry->first.size();
      entry = folders_.erase(entry);
    }
    // Those below are covered by the ones that come now.
    std::erase_if(raised_, [&](const std::string& directory) { return depth_of(directory) >= deepest; });
    for (FoldedLoss& loss : raised) {
      loss.what.path = parent_of(loss.what.path);
      raised_.insert(loss.what.path);
      fold(std::move(loss));
    }
  }
}

// The directory itself, unless one above it already stands for all that lies below.
std::string LossFold::raised_above(const std::string& directory) const {
  std::string found = directory;
  for (std::string above = directory; above != "/";) {
    above = parent_of(above);
    if (raised_.contains(above)) found = above;
  }
  return found;
}

LossFold::Taken LossFold::take() {
  Taken taken;
  for (std::vector<LostFile>& heap : named_) {
    std::move(heap.begin(), heap.end(), std::back_inserter(taken.lost));
    heap = {};
  }
  std::ranges::sort(taken.lost, {}, [](const LostFile& file) -> const std::string& { return file.what.path; });
  // What came after its directory was raised is counted there, too.
  auto folders = std::exchange(folders_, {});
  for (auto& [key, loss] : folders) {
    loss.what.path = raised_above(loss.what.path);
    fold(std::move(loss));
  }
  for (auto& [key, loss] : folders_) {
    std::ranges::stable_sort(loss.writers, [](const Writer& a, const Writer& b) { return a.count > b.count; });
    taken.folded.push_back(std::move(loss));
  }
  folders_.clear();
  raised_.clear();
  name_bytes_ = folder_bytes_ = 0;
  return taken;
}

}  // namespace cofferdam::report
