#include "learn/merge.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "learn/policy_writer.hpp"
#include "policy/document.hpp"
#include "policy/effective_text.hpp"

namespace cofferdam::learn {

namespace {

using policy::Node;

std::size_t indentation(std::string_view line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

// The lines of a file. Numbers count from 1, as places do.
class Text {
 public:
  explicit Text(const std::string& text) {
    for (const std::string_view line : base::split(text, '\n')) lines_.emplace_back(line);
    while (!lines_.empty() && lines_.back().empty()) lines_.pop_back();
  }

  [[nodiscard]] std::string whole() const { return base::join(lines_, "\n") + "\n"; }
  [[nodiscard]] int count() const { return static_cast<int>(lines_.size()); }
  [[nodiscard]] std::string& at(int number) { return lines_[static_cast<std::size_t>(number) - 1]; }
  void insert_after(int number, const std::vector<std::string>& lines) {
    lines_.insert(lines_.begin() + number, lines.begin(), lines.end());
  }
  void erase(int first, int last) { lines_.erase(lines_.begin() + first - 1, lines_.begin() + last); }
  // The last line of what begins at `number`: those that follow are indented deeper.
  [[nodiscard]] int end_of(int number) {
    const std::size_t outer = indentation(at(number));
    int last = number;
    for (int next = number + 1; next <= count() && indentation(at(next)) > outer && !at(next).empty(); ++next) {
      last = next;
    }
    return last;
  }

 private:
  std::vector<std::string> lines_;
};

std::optional<Node> parsed(const Text& text) {
  policy::Mistakes mistakes("");
  return policy::parse_document(text.whole(), mistakes);
}

std::vector<std::string> lines_of(const Section::Row& row, const std::string& indent) {
  std::vector<std::string> lines;
  for (const std::string& each : row.comment) lines.push_back(indent + "# " + each);
  lines.push_back(indent + (row.proposed ? "- " : "# - ") + row.text);
  return lines;
}

std::vector<std::string> lines_of(const std::vector<Section::Row>& rows, const std::string& indent) {
  std::vector<std::string> lines;
  for (const Section::Row& row : rows) {
    for (std::string& line : lines_of(row, indent)) lines.push_back(std::move(line));
  }
  return lines;
}

Error unmergeable(const Section& section, const std::string& key) {
  std::string rows;
  for (const Section::Row& row : section.rows) rows += "\n  - " + row.text;
  return {"`" + key +
              "` is not written as a block, a line for each row, so nothing can be added to it; these rows "
              "belong to " +
              base::join(section.keys, ".") + ":" + rows,
          0, 125};
}

// Adds the rows at the end of the list, or makes the list.
Result<void> add(Text& text, const Section& section) {
  if (section.rows.empty()) return {};
  const auto root = parsed(text);
  const Node* node = root ? &*root : nullptr;
  int line = 0;  // of the key that has been found last
  std::size_t depth = 0;
  for (; node != nullptr && depth < section.keys.size(); ++depth) {
    const auto entry = std::ranges::find(node->entries, section.keys[depth], &policy::Entry::key);
    if (entry == node->entries.end()) break;
    line = entry->place.line;
    node = &entry->value;
  }
  if (depth == section.keys.size() && node->kind == Node::Kind::list && !node->items.empty()) {
    const int last = node->items.back().place.line;
    const std::size_t indent = indentation(text.at(last));
    if (last == line || text.at(last).compare(indent, 1, "-") != 0)
      return std::unexpected(unmergeable(section, section.keys.back()));
    text.insert_after(text.end_of(last), lines_of(section.rows, std::string(indent, ' ')));
    return {};
  }
  if (depth > 0) {
    // What stands on the key's own line is a flow map or an empty list.
    const std::string& key = text.at(line);
    const std::size_t colon = key.find(':', key.find(section.keys[depth - 1]));
    const std::size_t rest = colon == std::string::npos ? colon : key.find_first_not_of(' ', colon + 1);
    if (rest != std::string::npos && key[rest] != '#')
      return std::unexpected(unmergeable(section, section.keys[depth - 1]));
  }
  std::size_t indent = 0;
  if (depth > 0) {
    const bool has_keys = depth < section.keys.size() && !node->entries.empty();
    indent =
        has_keys ? static_cast<std::size_t>(node->entries.front().place.column) - 1 : indentation(text.at(line)) + 2;
  }
  std::vector<std::string> lines;
  if (depth == 0) lines.emplace_back();
  for (; depth < section.keys.size(); ++depth, indent += 2) {
    lines.push_back(std::string(indent, ' ') + section.keys[depth] + ":");
  }
  for (std::string& each : lines_of(section.rows, std::string(indent, ' '))) lines.push_back(std::move(each));
  text.insert_after(line == 0 ? text.count() : line, lines);
  return {};
}

// Whether the file has a row for the path and now has the size in it.
bool resize(Text& text, const MountAdvice& mount) {
  const auto root = parsed(text);
  const Node* storage = root ? root->find("storage") : nullptr;
  const Node* mounts = storage != nullptr ? storage->find("mounts") : nullptr;
  if (mounts == nullptr) return false;
  for (const Node& row : mounts->items) {
    const Node* path = row.find("path");
    if (path == nullptr || path->text != mount.written) continue;
    const std::string size = policy::size_text(mount.size);
    if (const Node* old = row.find("size"); old != nullptr) {
      text.at(old->place.line).replace(static_cast<std::size_t>(old->place.column) - 1, old->text.size(), size);
      return true;
    }
    std::string& line = text.at(path->place.line);
    const std::size_t brace = line.find('{');
    if (brace != std::string::npos) {
      line.insert(brace + 1, "size: " + size + ", ");
    } else {
      const std::size_t column = static_cast<std::size_t>(row.entries.front().place.column) - 1;
      text.insert_after(path->place.line, {std::string(column, ' ') + "size: " + size});
    }
    return true;
  }
  return false;
}

// The paragraphs that earlier lessons have left as comments, which are taken out.
std::vector<std::string> take_paragraphs(Text& text, std::string_view title) {
  std::vector<std::string> paragraphs;
  for (int line = 1; line <= text.count(); ++line) {
    if (text.at(line) != title) continue;
    int last = line;
    for (; last < text.count() && text.at(last + 1).starts_with('#'); ++last) {
      const std::string& next = text.at(last + 1);
      if (next.starts_with("# - ")) {
        paragraphs.push_back(next.substr(4));
      } else if (next.starts_with("#   ") && !paragraphs.empty()) {
        paragraphs.back() += next.substr(3);
      } else {
        break;  // somebody's own comment
      }
    }
    text.erase(line > 1 && text.at(line - 1).empty() ? line - 1 : line, last);
    break;
  }
  return paragraphs;
}

void add_paragraphs(Text& text, std::string_view title, const std::vector<std::string>& paragraphs) {
  std::vector<std::string> all = take_paragraphs(text, title);
  for (const std::string& paragraph : paragraphs) {
    if (std::ranges::find(all, paragraph) == all.end()) all.push_back(paragraph);
  }
  if (!all.empty()) text.insert_after(text.count(), comment_block(title, all));
}

// Destinations that stand in the block of comments already stay; new ones follow.
void add_to_comments(Text& text, const std::vector<Advice>& egress) {
  std::vector<std::string> rows;
  for (const Advice& row : egress) {
    bool there = false;
    for (int line = 1; line <= text.count(); ++line) there |= text.at(line) == "#     - " + row.row;
    if (there) continue;
    rows.push_back("#     # " + row.why);
    rows.push_back("#     - " + row.row);
  }
  if (rows.empty()) return;
  for (int line = 1; line <= text.count(); ++line) {
    if (text.at(line) != "#   egress: deny") continue;
    int last = line;
    while (last < text.count() && text.at(last + 1).starts_with("#   ")) ++last;
    if (last == line) rows.insert(rows.begin(), "#   allow:");
    text.insert_after(last, rows);
    return;
  }
  text.insert_after(text.count(), network_block(egress, false));
}

}  // namespace

Result<std::string> merged(const std::string& policy, const Lesson& lesson, bool denies_egress) {
  Text text(policy);
  Lesson rest = lesson;
  std::erase_if(rest.mounts, [&](const MountAdvice& mount) { return mount.known && resize(text, mount); });
  for (const Section& section : sections_of(rest)) {
    if (auto added = add(text, section); !added) return std::unexpected(added.error());
  }
  if (denies_egress) {
    if (auto added = add(text, egress_section(rest)); !added) return std::unexpected(added.error());
  } else {
    add_to_comments(text, rest.egress);
  }
  add_paragraphs(text, kPlacesTitle, rest.places);
  add_paragraphs(text, kFindingsTitle, rest.findings);
  return text.whole();
}

}  // namespace cofferdam::learn
