#include "learn/policy_writer.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "policy/effective_text.hpp"

namespace cofferdam::learn {

namespace {

constexpr std::size_t kWidth = 116;
constexpr std::uint64_t kLeastMemory = 64ULL << 20;

class Writer {
 public:
  Writer(const Lesson& lesson, const Heading& heading) : lesson_(lesson), heading_(heading) {}

  std::string write() {
    head();
    for (const Section& section : sections_of(lesson_)) rows(section);
    if (!lesson_.egress.empty() || heading_.deny_egress) lines(network_block(lesson_.egress, heading_.deny_egress));
    limits();
    if (!lesson_.places.empty()) lines(comment_block(kPlacesTitle, lesson_.places));
    if (!lesson_.findings.empty()) lines(comment_block(kFindingsTitle, lesson_.findings));
    return std::move(text_);
  }

 private:
  void line(const std::string& text) { text_ += text + "\n"; }
  void comment(const std::string& text, const std::string& indent = "") {
    for (const std::string& each : wrapped(text, kWidth - indent.size())) line(indent + "# " + each);
  }

  void head() {
    comment("What " + heading_.command + " needs, as seen in a run on " + heading_.date + ".");
    comment("What it did not do in that run is not in here. What another run shows is added by");
    line("#   cofferdam learn --merge " + heading_.file + " -- COMMAND");
    line("version: 1");
    line("extends: " + heading_.extends);
  }

  void rows(const Section& section) {
    if (section.rows.empty()) return;
    // A list that has comments alone would be no list.
    const bool proposed = std::ranges::any_of(section.rows, &Section::Row::proposed);
    const std::string mark = proposed ? "" : "# ";
    line("");
    std::string indent;
    for (const std::string& key : section.keys) {
      line(mark + indent + key + ":");
      indent += "  ";
    }
    for (const Section::Row& row : section.rows) {
      for (const std::string& each : row.comment) line(mark + indent + "# " + each);
      line(mark + indent + (row.proposed || !proposed ? "- " : "# - ") + row.text);
    }
  }

  void limits() {
    if (lesson_.memory == 0) return;
    line("");
    comment("It took " + base::human_bytes(lesson_.memory) +
            " of memory at most. Take the # away to bound it as a container's memory limit would.");
    line("# limits:");
    line("#   memory: " + policy::size_text(std::max(kLeastMemory, size_for(lesson_.memory))));
  }

  void lines(const std::vector<std::string>& all) {
    for (const std::string& each : all) line(each);
  }

  const Lesson& lesson_;
  const Heading& heading_;
  std::string text_;
};

Section section_of(std::vector<std::string> keys, const std::vector<Advice>& advices) {
  Section section{std::move(keys), {}};
  for (const Advice& advice : advices) {
    section.rows.push_back({wrapped(advice.why, kWidth - 4), advice.row, advice.proposed});
  }
  return section;
}

}  // namespace

std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines;
  for (const std::string_view word : base::split(text, ' ')) {
    if (word.empty()) continue;
    if (lines.empty() || lines.back().size() + 1 + word.size() > width) {
      lines.emplace_back(word);
    } else {
      lines.back() += ' ';
      lines.back() += word;
    }
  }
  return lines;
}

std::vector<Section> sections_of(const Lesson& lesson) {
  Section mounts{{"storage", "mounts"}, {}};
  for (const MountAdvice& mount : lesson.mounts) {
    mounts.rows.push_back({wrapped(mount.why, kWidth - 4),
                           "{path: " + policy::quoted(mount.written) + (mount.known ? "" : ", type: overlay") +
                               ", size: " + policy::size_text(mount.size) + "}",
                           true});
  }
  return {section_of({"app", "also"}, lesson.also), std::move(mounts),
          section_of({"database", "allow"}, lesson.databases), section_of({"sockets"}, lesson.sockets)};
}

Section egress_section(const Lesson& lesson) {
  return section_of({"network", "allow"}, lesson.egress);
}

std::vector<std::string> comment_block(std::string_view title, const std::vector<std::string>& paragraphs) {
  std::vector<std::string> lines = {"", std::string(title)};
  for (const std::string& text : paragraphs) {
    bool first = true;
    for (const std::string& each : wrapped(text, kWidth - 2)) {
      lines.push_back((first ? "# - " : "#   ") + each);
      first = false;
    }
  }
  return lines;
}

std::vector<std::string> network_block(const std::vector<Advice>& egress, bool deny) {
  std::vector<std::string> lines = {""};
  if (!deny) {
    for (const std::string& each :
         wrapped("Where it connected to beside its databases. Take the # away to let it reach "
                 "nothing else. Datagrams (UDP) were not seen; name servers stay reachable.",
                 kWidth)) {
      lines.push_back("# " + each);
    }
  }
  const std::string mark = deny ? "" : "# ";
  lines.push_back(mark + "network:");
  lines.push_back(mark + "  egress: deny");
  if (!egress.empty()) lines.push_back(mark + "  allow:");
  for (const Advice& row : egress) {
    lines.push_back(mark + "    # " + row.why);
    lines.push_back(mark + "    - " + row.row);
  }
  return lines;
}

std::string write_policy(const Lesson& lesson, const Heading& heading) {
  return Writer(lesson, heading).write();
}

}  // namespace cofferdam::learn
