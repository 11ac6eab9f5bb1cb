#include "policy/mounts.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "policy/schema.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {
namespace {

constexpr std::array kTypes = {MountType::overlay, MountType::tmpfs, MountType::read_only, MountType::hidden,
                               MountType::persistent};

std::optional<MountRow::Placed<bool>> read_boolean(const Node& row, std::string_view key) {
  const Node* node = row.find(key);
  if (node == nullptr || node->kind != Node::Kind::scalar || node->quoted) return std::nullopt;
  const auto value = parse_boolean(node->text);
  if (!value) return std::nullopt;
  return MountRow::Placed<bool>{*value, node->place};
}

MountRow read_row(const Node& row) {
  MountRow out;
  if (const Node* type = row.find("type")) {
    const auto* known = std::ranges::find_if(kTypes, [&](MountType each) { return type->text == to_string(each); });
    if (known != kTypes.end()) out.type = *known;
  }
  if (const Node* size = row.find("size"); size != nullptr && size->kind == Node::Kind::scalar) {
    if (const auto bytes = parse_size(size->text)) out.size = {*bytes, size->place};
  }
  if (const Node* inodes = row.find("inodes"); inodes != nullptr && inodes->kind == Node::Kind::scalar) {
    if (const auto number = parse_inodes(inodes->text); number && !inodes->quoted)
      out.inodes = {*number, inodes->place};
  }
  out.type_refused = !out.type && std::ranges::any_of(row.entries, [](const Entry& entry) {
    return entry.key == "type" || find_key("storage.mounts[]." + entry.key) == nullptr;
  });
  out.watch = read_boolean(row, "watch");
  out.exec = read_boolean(row, "exec");
  out.optional = read_boolean(row, "optional");
  return out;
}

bool is_home_path(std::string_view written) {
  return written == "~" || written.starts_with("~/");
}

void note(Mistakes& mistakes, Place place, std::string message) {
  mistakes.add(Severity::note, place, code::kDangerousPath, std::move(message));
}

// Notes about optional rows, the shipped ones among them, each said once.
class OptionalNotes {
 public:
  OptionalNotes(const PathBase& base, Mistakes& mistakes) : base_(base), mistakes_(mistakes) {}

  // True when the row is about a home directory that nobody lives in.
  bool skips_home(const MountRow& row) {
    if (!is_home_path(row.written) || !(base_.home.empty() || base_.home == "/")) return false;
    if (!std::exchange(home_said_, true)) {
      note(mistakes_, row.place,
           std::string(base_.home.empty() ? "HOME is not set" : "the home directory is '/'") +
               ": the mounts of '~' and beneath it are skipped");
    }
    return true;
  }

  // True when the place where the run happens makes the row a dangerous one. Expects a resolved path.
  bool skips_danger(const MountRow& row) {
    const auto danger = check_mount(row.path, row.type.value_or(MountType::overlay), base_.home);
    if (!danger) return false;
    note(mistakes_, row.place, "the mount of " + in_quotes(row.written) + " is skipped: " + danger->message);
    return true;
  }

  void drop_watch(MountRow& row) {
    if (!row.watch || !row.watch->value || !is_too_wide_to_watch(row.path, base_.home)) return;
    row.watch->value = false;
    note(mistakes_, row.place,
         "watch is off for " + in_quotes(row.written) + ": " + in_quotes(row.path) +
             (row.path == base_.home ? " is" : " contains") + " the home directory");
  }

 private:
  const PathBase& base_;
  Mistakes& mistakes_;
  bool home_said_ = false;
};

// A key that stands in the row but means nothing for its type.
void check_keys(const MountRow& row, MountType type, Mistakes& mistakes) {
  const auto refuse = [&](Place place, std::string_view key, std::string_view types) {
    mistakes.error(place, code::kValue,
                   in_quotes(key) + " does not apply to a " + std::string(to_string(type)) + " mount",
                   "it is for " + std::string(types) + "; remove it");
  };
  if (row.size && type != MountType::overlay && type != MountType::tmpfs)
    refuse(row.size->place, "size", "overlay and tmpfs");
  if (row.inodes && type != MountType::overlay && type != MountType::tmpfs)
    refuse(row.inodes->place, "inodes", "overlay and tmpfs");
  if (row.watch && type != MountType::overlay) refuse(row.watch->place, "watch", "overlay");
  if (row.exec && type != MountType::tmpfs) refuse(row.exec->place, "exec", "tmpfs");
}

}  // namespace

std::vector<MountRow> read_mounts(const Node& list, const PathBase& base, bool shipped, Mistakes& mistakes) {
  std::vector<MountRow> rows;
  OptionalNotes notes(base, mistakes);
  for (const Node& item : list.items) {
    const Node* path = item.find("path");
    if (path == nullptr || path->kind != Node::Kind::scalar || check_path(path->text)) continue;
    MountRow row = read_row(item);
    row.written = path->text;
    row.place = path->place;
    row.shipped = shipped;
    const bool optional = row.optional ? row.optional->value : shipped;
    if (optional && notes.skips_home(row)) continue;
    auto resolved = resolve_path(row.written, base);
    if (!resolved) {
      mistakes.error(row.place, code::kValue, resolved.error().message, resolved.error().hint);
      continue;
    }
    row.path = std::move(*resolved);
    if (row.path.find('*') != std::string::npos) {
      mistakes.error(row.place, code::kValue, "the path " + in_quotes(row.written) + " is a pattern",
                     "a mount is one directory");
      continue;
    }
    if (optional && notes.skips_danger(row)) continue;
    if (optional) notes.drop_watch(row);
    if (const auto first = std::ranges::find(rows, row.path, &MountRow::path); first != rows.end()) {
      // In the home directory `.` and `~` of a shipped policy meet; the first, `.`, covers both.
      if (shipped) continue;
      mistakes.error(row.place, code::kDuplicateKey, "a second mount of " + in_quotes(row.written),
                     "the first is in line " + std::to_string(first->place.line));
      continue;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void merge_mounts(std::vector<MountRule>& mounts, const std::vector<MountRow>& rows, const PathBase& base,
                  Mistakes& mistakes) {
  for (const MountRow& row : rows) {
    auto rule = std::ranges::find(mounts, row.path, &MountRule::path);
    if (rule == mounts.end()) {
      if (!row.type) {
        if (!row.type_refused) {
          mistakes.error(row.place, code::kValue, "the mount of " + in_quotes(row.written) + " has no type",
                         "add type: overlay, tmpfs, read-only, hidden or persistent");
        }
        continue;
      }
      mounts.push_back({.path = row.path, .written = {}, .type = *row.type, .origin = {}});
      rule = std::prev(mounts.end());
    } else if (row.type && *row.type != rule->type) {
      // What was said of another type of mount says nothing of this one.
      *rule = MountRule{.path = row.path, .written = {}, .type = *row.type, .origin = {}};
    }
    rule->written = row.written;
    rule->optional = row.optional ? row.optional->value : row.shipped;
    rule->origin = mistakes.origin(row.place);
    if (row.size) rule->size = row.size->value;
    if (row.inodes) rule->inodes = row.inodes->value;
    if (row.watch) rule->watch = row.watch->value;
    if (row.exec) rule->exec = row.exec->value;

    check_keys(row, rule->type, mistakes);
    if (auto danger = check_mount(rule->path, rule->type, base.home)) {
      mistakes.error(row.place, code::kDangerousPath, std::move(danger->message), std::move(danger->hint));
    } else if (rule->watch && is_too_wide_to_watch(rule->path, base.home)) {
      mistakes.error(row.watch ? row.watch->place : row.place, code::kDangerousPath,
                     "watch on " + in_quotes(rule->written) + " would replay changes of the whole home directory",
                     "write watch: false, or name the project's directory");
    }
  }
}

}  // namespace cofferdam::policy
