#include "report/storage_findings.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "report/classify.hpp"
#include "report/loss_kinds.hpp"

namespace cofferdam::report {

namespace {

constexpr std::size_t kMostExamples = 3;

// Processes that serve, or that fill in templates at start: what they change in the code is changed at run time. A word
// of the command line; generators (makemigrations, prettier, a shell) are on purpose not among them.
constexpr std::array<std::string_view, 26> kServing = {
    "gunicorn", "uvicorn",  "uwsgi",   "hypercorn", "daphne", "waitress-serve", "runserver",  "puma",   "unicorn",
    "thin",     "php-fpm",  "apache2", "httpd",     "nginx",  "server.js",      "server.mjs", "app.js", "bin/www",
    "envsubst", "gomplate", "confd",   "dockerize", "app.py", "wsgi.py",        "server.py",  "main.py"};

// Losses that are told together.
struct Group {
  std::string_view file_class;
  std::string place;
  std::string_view fix = {};  // of home caches, which have one each
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> examples = {};  // paths
  ProcessRef writer = nullptr;             // the most frequent one of the first file
};

// A lost file, or those of a directory that the report does not name each.
struct Loss {
  const ScannedChange& what;
  std::string_view file_class;
  ProcessRef writer;
  std::uint64_t count;
  std::string below;  // the path, with a slash at its end where it is the directory of many
};

Loss loss_of(const LostFile& file) {
  return {file.what, file.file_class, file.writers.empty() ? nullptr : file.writers.front().process, 1, file.what.path};
}
Loss loss_of(const FoldedLoss& many) {
  return {many.what, many.file_class, many.writers.empty() ? nullptr : many.writers.front().process, many.count,
          many.what.path + "/"};
}

void add(Group& group, const Loss& loss) {
  if (group.files == 0) group.writer = loss.writer;
  group.files += loss.count;
  group.bytes += loss.what.bytes;
  if (group.examples.size() < kMostExamples) group.examples.push_back(loss.below);
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

// "a.png, 2026/b.png, ..."
std::string named(const Group& group) {
  std::vector<std::string> names;
  for (const std::string& path : group.examples) {
    const bool below = base::is_beneath(path, group.place) && path.size() > group.place.size() + 1;
    names.push_back(below ? path.substr(group.place.size() + (group.place == "/" ? 0 : 1)) : path);
  }
  return base::join(names, ", ") + (group.files > names.size() ? ", ..." : "");
}

std::string sized(std::uint64_t bytes) {
  return "(" + base::human_bytes(bytes) + ")";
}

// "a.png (5 bytes)" for one, "3 uploaded files (1.2 MiB) in /srv/app/media" for more, with names.
std::string told(const Group& group, std::string_view one, std::string_view many) {
  if (group.files == 1) return std::string(one) + " " + group.examples.front() + " " + sized(group.bytes);
  return counted(group.files, one, many) + " " + sized(group.bytes) + " in " + group.place + ": " + named(group);
}

bool is_serving(const ProcessRef& process) {
  if (process == nullptr) return false;
  const auto ends_in_one = [](std::string_view word) {
    return std::ranges::any_of(kServing, [&](std::string_view name) {
      return word.ends_with(name) && (word.size() == name.size() || word[word.size() - name.size() - 1] == '/');
    });
  };
  if (ends_in_one(process->exe)) return true;
  const std::size_t first = std::min<std::size_t>(4, process->argv.size());
  return std::ranges::any_of(std::span(process->argv).first(first), ends_in_one);
}

class Fold {
 public:
  explicit Fold(const LossContext& context) : context_(context) {}

  void take(const Loss& loss) {
    const bool written = loss.what.change == Change::created || loss.what.change == Change::modified;
    if (loss.what.type != "file" || !written) return;
    const std::string_view kind = loss.file_class;
    if (find_loss_kind(kind) != nullptr) {
      add(group_of(groups_, kind, place_of_class(loss.below, kind)), loss);
    } else if (kind == "cache") {
      take_cache(loss);
    } else if (kind == "source") {
      if (is_serving(loss.writer)) add(changed_, loss);
    } else if (kind == "temporary") {
      add(group_of(temporary_, kind, temporary_root(loss.what.path)), loss);
    } else if (kind == "file") {
      add(rest_, loss);
    }
    const bool passing = kind == "cache" || kind == "temporary" || kind == "pid" || kind == "lock" || kind == "log";
    if (!passing && kind != "vcs" && kind != "source") add(all_, loss);
  }

  std::vector<Counted> findings() {
    for (const Group& group : groups_) {
      if (group.file_class == "cache") {
        tell_cache(group);
      } else {
        tell(group, *find_loss_kind(group.file_class));
      }
    }
    if (changed_.files != 0) tell_changed();
    for (const Group& group : temporary_) tell_temporary(group);
    if (context_.one_off && all_.files != 0) {
      tell_one_off();
    } else if (rest_.files != 0) {
      tell_rest();
    }
    // The weightiest classes have the first codes.
    std::ranges::stable_sort(findings_, {}, [](const Counted& entry) { return entry.first.code; });
    return std::move(findings_);
  }

 private:
  static Group& group_of(std::vector<Group>& groups, std::string_view file_class, std::string_view place) {
    std::size_t of_class = 0;
    Group* last = nullptr;
    for (Group& group : groups) {
      if (group.file_class != file_class) continue;
      if (group.place == place) return group;
      ++of_class;
      last = &group;
    }
    if (of_class >= kMostPlaces) return *last;
    groups.push_back({find_class(file_class), std::string(place)});
    return groups.back();
  }

  // A name that lives as long as the program.
  static std::string_view find_class(std::string_view file_class) {
    const LossKind* kind = find_loss_kind(file_class);
    return kind != nullptr ? kind->file_class : file_class == "cache" ? "cache" : "temporary";
  }

  static std::string temporary_root(const std::string& path) {
    for (const char* root : {"/var/tmp", "/dev/shm", "/var/run"}) {
      if (base::is_beneath(path, root)) return root;
    }
    return path.substr(0, path.find('/', 1));
  }

  void take_cache(const Loss& loss) {
    const std::string_view fix = home_cache_fix(loss.what.path, context_.project.home);
    if (fix.empty()) return;
    const auto known = std::ranges::find(groups_, fix, &Group::fix);
    if (known != groups_.end()) {
      add(*known, loss);
      return;
    }
    // ~/.cache/NAME: the directory by which people know it.
    const std::size_t inside = loss.what.path.find('/', context_.project.home.size() + 1);
    const std::size_t end = inside == std::string::npos ? inside : loss.what.path.find('/', inside + 1);
    groups_.push_back({"cache", loss.what.path.substr(0, end), fix});
    add(groups_.back(), loss);
  }

  void add_finding(std::string_view code, Severity severity, const Group& group, std::string message, std::string fix,
                   std::string_view key = "storage.mounts") {
    Finding finding;
    finding.code = code;
    finding.severity = severity;
    finding.message = std::move(message);
    finding.fix = std::move(fix);
    finding.policy.key = key;
    finding.process = group.writer;
    finding.path = group.files == 1 || group.place.empty() ? group.examples.front() : group.place;
    findings_.emplace_back(std::move(finding), group.files);
  }

  void tell(const Group& group, const LossKind& kind) {
    const std::string inside = group.examples.front();
    std::string fix(
        fix_of(kind.file_class, frameworks_of(group.writer.get(), inside, context_.project), group.writer.get()));
    if (kind.object_storage && !context_.project.storage_variable.empty()) {
      fix += "; " + context_.project.storage_variable + " is set already: use the store that it names";
    }
    add_finding(kind.code, kind.severity, group,
                told(group, kind.one, kind.many) + (group.files == 1 ? " is lost" : " are lost") +
                    " with the instance; " + std::string(kind.why),
                std::move(fix), kind.policy_key);
  }

  void tell_cache(const Group& group) {
    add_finding("CD115", Severity::note, group,
                told(group, "cache file", "cache files") +
                    "; in production the home directory is often missing or read-only, and empty at each start",
                std::string(group.fix));
  }

  void tell_changed() {
    changed_.place = changed_.examples.front().substr(0, changed_.examples.front().rfind('/'));
    add_finding("CD120", Severity::warning, changed_,
                told(changed_, "source file", "source files") +
                    ", changed by a serving process; the code of an image is read-only, and every replica would "
                    "change its own",
                "render templates and build code with the image; keep what changes at run time in the database, the "
                "environment or below /tmp");
  }

  void tell_temporary(const Group& group) {
    if (group.files < kManyTemporaryFiles && group.bytes < kLargeTemporaryBytes) {
      if (rest_.files == 0)
        rest_ = group;
      else
        rest_.files += group.files;
      return;
    }
    add_finding("CD121", Severity::warning, group,
                told(group, "temporary file", "temporary files") +
                    ", never removed; an instance that runs for weeks fills its disk or its memory with them",
                "remove each temporary file when it is done with (tempfile.TemporaryDirectory, Tempfile.create, "
                "os.CreateTemp with defer os.Remove), or stream without one");
  }

  void tell_one_off() {
    all_.place = all_.examples.front().substr(0, all_.examples.front().rfind('/'));
    add_finding("CD119", Severity::warning, all_,
                told(all_, "file", "files") +
                    ", written by a one-off: lost with it, and no running instance ever "
                    "sees it",
                "write to the database or an object store, or run the job inside the app; --keep-writes DIR copies "
                "the files out");
  }

  void tell_rest() {
    rest_.place.clear();  // they lie anywhere
    add_finding("CD102", Severity::note, rest_,
                rest_.files == 1 ? "a file saved locally is lost with the instance"
                                 : std::to_string(rest_.files) + " files saved locally are lost with the instance",
                "keep what must last in a database or an object store; a file that is made anew each time needs "
                "nothing");
  }

  const LossContext& context_;
  std::vector<Group> groups_;
  std::vector<Group> temporary_;
  Group changed_;
  Group rest_;
  Group all_;
  std::vector<Counted> findings_;
};

}  // namespace

std::vector<Counted> storage_findings(std::span<const LostFile> lost, std::span<const FoldedLoss> folded,
                                      const LossContext& context) {
  Fold fold(context);
  for (const LostFile& file : lost) fold.take(loss_of(file));
  for (const FoldedLoss& many : folded) fold.take(loss_of(many));
  return fold.findings();
}

std::vector<Counted> kept_findings(std::span<const ScannedChange> kept) {
  if (kept.empty()) return {};
  Finding finding;
  finding.code = "CD122";
  finding.severity = Severity::note;
  finding.path = kept.front().path;
  finding.message = counted(kept.size(), "file is", "files are") + " kept in a persistent mount: " + kept.front().path +
                    (kept.size() == 1 ? "" : ", ...") + "; production keeps none of it, so a loss stays hidden here";
  finding.fix = "keep nothing there but a build cache; run once with the mount as tmpfs to see what the app misses";
  finding.policy.key = "storage.mounts";
  return {{std::move(finding), kept.size()}};
}

}  // namespace cofferdam::report
