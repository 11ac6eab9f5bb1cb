#include "report/html_parts.hpp"

#include <algorithm>
#include <array>

#include "base/json.hpp"
#include "base/text.hpp"
#include "base/xml.hpp"
#include "report/loss_nodes.hpp"
#include "report/tree.hpp"

namespace cofferdam::report {

namespace {

constexpr std::size_t kTableRows = 24;

class Tree {
 public:
  explicit Tree(bool all) : all_(all) {}

  std::string draw(const LossNode& root) {
    text_ = "<div class=\"tree\">";
    entries(root, true);
    return std::move(text_) + "</div>\n";
  }

 private:
  // `top`: begins with the root, and is open.
  void entries(const LossNode& node, bool top) {
    const auto children = entries_of(node);
    const std::size_t shown = all_ || children.size() <= kShownEntries + 1 ? children.size() : kShownEntries;
    text_ += "<ul>\n";
    for (std::size_t i = 0; i < shown; ++i) entry(children[i], top);
    if (shown < children.size()) {
      std::uint64_t files = 0;
      std::uint64_t bytes = 0;
      for (std::size_t i = shown; i < children.size(); ++i) {
        files += children[i].node->files;
        bytes += children[i].node->bytes;
      }
      line("and " + std::to_string(children.size() - shown) + " more (" + base::plural(files, "file") + ")", bytes, "");
    }
    for (const FoldedLoss* many : node.folded) {
      const bool deleted = many->what.change == Change::deleted;
      line("and " + std::to_string(many->count) + " more" + (deleted ? " (deletions undone)" : ""),
           deleted ? 0 : many->what.bytes, many->file_class);
    }
    text_ += "</ul>\n";
  }

  void entry(const NamedLoss& named, bool top) {
    const LossNode& node = *named.node;
    const std::string name =
        "<code>" + html_text((top ? "/" : "") + named.name + (node.is_leaf() ? "" : "/")) + "</code>";
    if (node.is_leaf()) {
      const std::string remark = remark_on(node);
      text_ += "<li><span>" + name + facts(node.bytes, node.only_class()) +
               (remark.empty() ? "" : " <span class=\"soft\">" + html_text(remark) + "</span>") + "</span></li>\n";
      return;
    }
    const std::string count = " <span class=\"soft\">" + base::plural(node.files, "file") + "</span>";
    const bool open = !is_dull(node) && (top || node.files <= kShownEntries);
    text_ += std::string("<li><details") + (open ? " open" : "") + "><summary>" + name + count +
             facts(node.bytes, node.only_class()) + "</summary>";
    entries(node, false);
    text_ += "</details></li>\n";
  }

  void line(const std::string& text, std::uint64_t bytes, std::string_view file_class) {
    text_ += "<li><span class=\"soft\">" + text + facts(bytes, file_class) + "</span></li>\n";
  }

  static std::string facts(std::uint64_t bytes, std::string_view file_class) {
    std::string text = " <span class=\"size\">" + base::human_bytes(bytes) + "</span>";
    if (!file_class.empty()) {
      const std::string shown = html_text(file_class);
      const bool precious = file_class == "source" || file_class == "vcs";
      text += " <span class=\"class" + (precious ? " " + shown : "") + "\">" + shown + "</span>";
    }
    return text;
  }

  bool all_;
  std::string text_;
};

using Value = std::uint64_t TimelinePoint::*;

std::uint64_t sum_of(std::span<const TimelinePoint> points, Value value) {
  std::uint64_t sum = 0;
  for (const TimelinePoint& point : points) sum += point.*value;
  return sum;
}

std::string chart(const Timeline& timeline, const std::string& title, const std::string& label, Value value,
                  bool with_refused) {
  std::uint64_t largest = 1;
  for (const TimelinePoint& point : timeline.points) {
    largest = std::max({largest, point.*value, with_refused ? point.refused : 0});
  }
  const std::size_t count = timeline.points.size();
  std::string bars;
  const auto bar = [&](std::size_t at, std::uint64_t height, const char* kind) {
    if (height == 0) return;
    const double share = std::max(1.5, 100.0 * static_cast<double>(height) / static_cast<double>(largest));
    bars += "<rect class=\"" + std::string(kind) + "\" x=\"" + std::to_string(at) + "\" y=\"" +
            std::to_string(100.0 - share) + "\" width=\"0.85\" height=\"" + std::to_string(share) + "\"/>";
  };
  for (std::size_t i = 0; i < count; ++i) {
    bar(i, timeline.points[i].*value, "bar");
    if (with_refused) bar(i, timeline.points[i].refused, "refused");
  }
  return "<figure><figcaption><strong>" + title + "</strong> <span class=\"soft\">" + label +
         "</span></figcaption><svg role=\"img\" aria-label=\"" + title + " over time: " + label +
         ", the same numbers are in the table below\" viewBox=\"0 0 " +
         std::to_string(std::max<std::size_t>(count, 10)) + " 100\" preserveAspectRatio=\"none\">" + bars +
         "</svg></figure>\n";
}

std::string seconds(std::uint64_t milliseconds) {
  std::string text = std::to_string(milliseconds / 1000);
  if (milliseconds % 1000 != 0) text += "." + std::to_string(milliseconds % 1000 / 100);
  return text + " s";
}

}  // namespace

std::string html_text(std::string_view text) {
  return base::xml_text(base::printable(text));
}

std::string html_tree(std::span<const LostFile> lost, std::span<const FoldedLoss> folded, bool all) {
  return Tree(all).draw(loss_nodes(lost, folded));
}

std::string html_table(std::string_view caption, std::span<const std::string_view> heads,
                       std::span<const std::vector<std::string>> rows) {
  std::string text = "<div class=\"wide\" role=\"region\" aria-label=\"" + html_text(caption) +
                     "\" tabindex=\"0\"><table><caption>" + html_text(caption) + "</caption><thead><tr>";
  for (const std::string_view head : heads) text += "<th scope=\"col\">" + html_text(head) + "</th>";
  text += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    text += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += i == 0 ? "<th scope=\"row\">" + row[i] + "</th>" : "<td>" + row[i] + "</td>";
    }
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

std::string html_timeline(const Timeline& timeline) {
  if (timeline.points.empty() || timeline.width == 0) return "";
  const std::span<const TimelinePoint> points = timeline.points;
  const std::uint64_t refused = sum_of(points, &TimelinePoint::refused);
  std::string text = chart(timeline, "Writes", base::plural(sum_of(points, &TimelinePoint::writes), "call"),
                           &TimelinePoint::writes, false);
  text += chart(timeline, "Connections",
                base::plural(sum_of(points, &TimelinePoint::connections), "attempt") +
                    (refused == 0 ? "" : ", " + std::to_string(refused) + " refused, writes included"),
                &TimelinePoint::connections, refused != 0);
  text += chart(timeline, "Log volume", base::human_bytes(sum_of(points, &TimelinePoint::log_bytes)),
                &TimelinePoint::log_bytes, false);
  text += "<div class=\"axis\"><span>start</span><span>" +
          seconds(timeline.width * std::max<std::size_t>(points.size(), 10)) + "</span></div>\n";

  const std::size_t together = (points.size() + kTableRows - 1) / kTableRows;
  std::vector<std::vector<std::string>> rows;
  for (std::size_t at = 0; at < points.size(); at += together) {
    const auto part = points.subspan(at, std::min(together, points.size() - at));
    rows.push_back({seconds(at * timeline.width), base::grouped(sum_of(part, &TimelinePoint::writes)),
                    base::grouped(sum_of(part, &TimelinePoint::connections)),
                    base::grouped(sum_of(part, &TimelinePoint::refused)),
                    base::human_bytes(sum_of(part, &TimelinePoint::log_bytes))});
  }
  constexpr std::array<std::string_view, 5> kHeads = {"From", "Writes", "Connections", "Refused", "Logs"};
  return text + "<details><summary>As a table</summary>" +
         html_table("In steps of " + seconds(timeline.width * together), kHeads, rows) + "</details>\n";
}

}  // namespace cofferdam::report
