#include "learn/lesson.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "base/text.hpp"
#include "learn/write_observer.hpp"
#include "policy/effective_text.hpp"
#include "policy/paths.hpp"
#include "report/losses.hpp"

namespace cofferdam::learn {

namespace {

constexpr std::size_t kMostFindings = 40;
constexpr std::size_t kMostNames = 4;
// At the end of what CD202 says to do (supervise/refusal.cpp).
constexpr std::string_view kRow = "app.also: ";

// Who listens here can do on this machine whatever its owner can.
constexpr std::array<std::string_view, 8> kPowerful = {"docker.sock", "containerd.sock", "podman.sock",  "crio.sock",
                                                       "libvirt",     "systemd/private", "snapd.socket", "lxd"};

// Libraries ask here whether there is anybody, and do without.
constexpr std::array<std::string_view, 5> kProbed = {"nscd/socket", "systemd/userdb", "systemd/resolve",
                                                     "systemd/journal", "systemd/notify"};

bool has_part(const std::string& path, std::span<const std::string_view> parts) {
  return std::ranges::any_of(parts, [&](std::string_view part) { return path.find(part) != std::string::npos; });
}

std::string list(const std::set<std::string>& names) {
  std::string text;
  std::size_t shown = 0;
  for (const std::string& name : names) {
    if (shown == kMostNames) return text + " and " + std::to_string(names.size() - shown) + " more";
    if (shown++ > 0) text += ", ";
    text += base::printable(name);
  }
  return text.empty() ? "a process" : text;
}

std::string times(std::uint64_t count) {
  return count == 1 ? "once" : base::grouped(count) + " times";
}

bool is_of(const CountedFinding& counted, const CountedConnection& connection) {
  return counted.finding.destination == connection.connection.destination &&
         program_of(counted.finding.process) == program_of(connection.connection.process);
}

class Conclusion {
 public:
  explicit Conclusion(const Observed& observed) : observed_(observed) {}

  Lesson draw() {
    programs();
    databases();
    sockets();
    egress();
    mounts();
    findings();
    other_losses();
    for (const InstanceResult& instance : observed_.report.instances) {
      lesson_.memory = std::max(lesson_.memory, instance.memory_peak);
    }
    return std::move(lesson_);
  }

 private:
  [[nodiscard]] const CountedFinding* finding_of(const CountedConnection& connection) const {
    const auto& all = observed_.report.findings;
    const auto found = std::ranges::find_if(all, [&](const CountedFinding& counted) {
      return counted.finding.code.starts_with("CD20") && counted.finding.code != "CD205" && is_of(counted, connection);
    });
    return found == all.end() ? nullptr : &*found;
  }

  void settle(const CountedFinding& finding) { settled_.insert(&finding); }

  // The row that stands at the end of the advice: only a worker of the app gets one.
  void programs() {
    std::map<std::string, std::set<std::string>> rows;
    for (const CountedFinding& counted : observed_.report.findings) {
      const std::size_t at = counted.finding.fix.rfind(kRow);
      if (counted.finding.code != "CD202" || at == std::string::npos) continue;
      rows[counted.finding.fix.substr(at + kRow.size())].insert(observed_.name_of(counted.finding.destination));
      settle(counted);
    }
    for (const auto& [row, destinations] : rows) {
      lesson_.also.push_back(
          {row, "The app started it, and it reached a database (" + list(destinations) + ").", true});
    }
  }

  void databases() {
    struct Use {
      std::string engine;
      std::set<std::string> programs;
      std::uint64_t count = 0;
      std::string mentioned;
    };
    std::map<std::string, Use> rows;
    for (const CountedConnection& connection : observed_.report.connections) {
      const ConnectEvent& event = connection.connection;
      if (event.engine.empty()) continue;
      const CountedFinding* finding = finding_of(connection);
      // Rows that there are already name the destination, unless the finding says that they do not.
      const bool named = !observed_.policy.database.allow.empty();
      if (named && (finding == nullptr || finding->finding.code != "CD203")) continue;
      if (finding != nullptr && !settled_.contains(finding) && finding->finding.code != "CD203") continue;
      if (finding != nullptr) settle(*finding);
      std::string row = observed_.variable_of(event.destination);
      std::string mentioned;
      if (row.empty()) {
        row = policy::quoted(observed_.name_of(event.destination));
        mentioned = observed_.mentioned_by(event.destination);
      }
      Use& use = rows[row];
      use.engine = event.engine;
      use.programs.insert(program_of(event.process));
      use.count += connection.count;
      use.mentioned = mentioned;
    }
    for (const auto& [row, use] : rows) {
      std::string why = use.engine + ", reached by " + list(use.programs) + " " + times(use.count) + ".";
      if (!row.starts_with("env:") && use.mentioned.empty()) {
        why += " No variable names it: production has it elsewhere, so let the app read the address from one.";
      } else if (!use.mentioned.empty()) {
        why += " " + use.mentioned + " names it.";
      }
      lesson_.databases.push_back({row, why, true});
    }
    // A list names everybody who may: without these a one-off would be refused what it could do before.
    std::string why = "For a one-off, such as cofferdam shell -- psql.";
    for (const auto& [row, use] : rows) {
      lesson_.databases.push_back({"{from: one-off, to: " + row + "}", std::exchange(why, ""), true});
    }
  }

  void sockets() {
    std::map<std::string, std::set<std::string>> rows;
    for (const CountedFinding& counted : observed_.report.findings) {
      const std::string& destination = counted.finding.destination;
      if (counted.finding.code != "CD401" || !destination.starts_with("unix:")) continue;
      if (policy::check_path(destination.substr(5))) continue;  // stays a finding
      if (!has_part(destination, kPowerful)) settle(counted);
      if (!has_part(destination, kProbed)) rows[destination.substr(5)].insert(program_of(counted.finding.process));
    }
    for (const auto& [path, programs] : rows) {
      const bool proposed = !has_part(path, kPowerful);
      lesson_.sockets.push_back({policy::quoted(path),
                                 proposed ? "A service of this machine, used by " + list(programs) + "."
                                          : "Used by " + list(programs) +
                                                ". Who reaches it can do anything on this machine; take the # away if "
                                                "that is what you want.",
                                 proposed});
    }
  }

  void egress() {
    std::map<std::string, std::set<std::string>> rows;
    for (const CountedConnection& connection : observed_.report.connections) {
      const ConnectEvent& event = connection.connection;
      if (event.destination.starts_with("unix:") || observed_.may_leave(event.destination)) continue;
      if (!event.engine.empty()) continue;  // what the database rule names may be reached
      rows[observed_.name_of(event.destination)].insert(program_of(event.process));
    }
    for (const auto& [destination, programs] : rows) {
      lesson_.egress.push_back({policy::quoted(destination), "Reached by " + list(programs) + ".", true});
    }
  }

  [[nodiscard]] const StorageUse* storage_at(const std::string& path) const {
    const StorageUse* nearest = nullptr;
    for (const StorageUse& use : observed_.report.storage) {
      if (base::is_beneath(path, use.path) && (nearest == nullptr || use.path.size() > nearest->path.size())) {
        nearest = &use;
      }
    }
    return nearest;
  }

  [[nodiscard]] bool was_full(const MountRule& rule) const {
    return std::ranges::any_of(observed_.report.findings, [&](const CountedFinding& counted) {
      return counted.finding.code == "CD103" && storage_at(counted.finding.path) == storage_at(rule.path);
    });
  }

  void mounts() {
    for (const MountRule& rule : observed_.policy.storage.mounts) {
      if (rule.type != MountType::overlay && rule.type != MountType::tmpfs) continue;
      const StorageUse* use = storage_at(rule.path);
      if (use == nullptr || use->path != rule.path || use->size == 0) continue;
      const bool full = was_full(rule);
      const std::uint64_t size = full ? use->size * 2 : size_for(use->peak);
      if (size <= use->size) continue;
      lesson_.mounts.push_back({rule.written, true, size,
                                "It held " + base::human_bytes(use->peak) + " at most, of " +
                                    base::human_bytes(use->size) + "." +
                                    (full ? " It was full: learn again with this size." : "")});
    }
    const Places found = places_of(observed_.writes, observed_.bounds);
    for (const Place& place : found.mounts) {
      const StorageUse* use = storage_at(place.directory);
      const std::set<std::string> programs(place.programs.begin(), place.programs.end());
      lesson_.mounts.push_back({place.directory, false, size_for(use == nullptr ? place.bytes : use->peak),
                                "Written by " + list(programs) + ", such as " + base::printable(place.example) +
                                    ". What is in it is lost at the end."});
    }
    for (const LeftOut& left : found.left_out) {
      const std::set<std::string> programs(left.place.programs.begin(), left.place.programs.end());
      lesson_.places.push_back(base::printable(left.place.directory) + ": written by " + list(programs) + ", such as " +
                               base::printable(left.place.example) +
                               ". It will be refused (CD101): no mount is proposed, because " + left.why + ".");
    }
    if (observed_.more_writes) {
      lesson_.places.emplace_back(
          "More directories were written than could be followed; learn again under this policy.");
    }
  }

  // What a finding says in the past tense of a refusal did not happen in a permissive run.
  static std::string words_of(const Finding& finding) {
    constexpr std::string_view kRefused = " refused:";
    std::string text = finding.message;
    if (const std::size_t at = text.find(kRefused); at != std::string::npos) {
      text.replace(at, kRefused.size(), " will be refused:");
    }
    return text;
  }

  // Files without a class of their own, which no finding tells of one by one.
  void other_losses() {
    const report::LossGroup others = report::sort_losses(observed_.report).others;
    if (others.count == 0) return;
    std::set<std::string> paths;
    for (const LostFile* file : others.named) paths.insert(file->what.path);
    lesson_.findings.push_back("CD102 " + base::plural(others.count, "other file") + " (" +
                               base::human_bytes(others.bytes) + ") lost with the instance: " + list(paths) +
                               ". To do: keep what must last in a database or an object store.");
  }

  void findings() {
    std::set<std::string> told;
    for (const CountedFinding& counted : observed_.report.findings) {
      const Finding& finding = counted.finding;
      const bool resized = finding.code == "CD103" || finding.code == "CD107";
      if (settled_.contains(&counted) || resized || finding.code == "CD102") continue;
      std::string text = finding.code + " " + words_of(finding) + ".";
      if (!finding.fix.empty()) text += " To do: " + finding.fix + ".";
      if (!told.insert(text).second) continue;
      if (lesson_.findings.size() == kMostFindings) {
        lesson_.findings.emplace_back("More findings: see the report of cofferdam run --report FILE.");
        return;
      }
      lesson_.findings.push_back(base::printable(text));
    }
  }

  const Observed& observed_;
  Lesson lesson_;
  std::set<const CountedFinding*> settled_;  // by a row of the lesson
};

}  // namespace

std::size_t Lesson::additions() const {
  const auto proposed = [](const std::vector<Advice>& rows) {
    return static_cast<std::size_t>(std::ranges::count_if(rows, &Advice::proposed));
  };
  return mounts.size() + proposed(also) + proposed(databases) + proposed(sockets);
}

Lesson conclude(const Observed& observed) {
  return Conclusion(observed).draw();
}

}  // namespace cofferdam::learn
