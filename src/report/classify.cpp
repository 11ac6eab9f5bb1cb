#include "report/classify.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "base/text.hpp"

namespace cofferdam::report {

namespace {

using Names = std::span<const std::string_view>;
template <std::size_t N>
using List = std::array<std::string_view, N>;

// --- names. Wildcards are those of base::glob_match; what is called a place is a part of the path.
// --------------------

constexpr List<3> kVcs = {".git", ".hg", ".svn"};
// Build output is made again, too.
constexpr List<29> kCacheFolders = {"__pycache__",   ".cache",      ".mypy_cache",  ".pytest_cache", ".ruff_cache",
                                    ".parcel-cache", ".turbo",      ".nyc_output",  ".gradle",       ".ccache",
                                    "bootsnap",      ".sass-cache", ".eslintcache", ".npm",          "_cacache",
                                    ".vite",         "CACHE",       ".tox",         ".nox",          ".swc",
                                    ".angular",      ".next",       ".nuxt",        ".svelte-kit",   ".output",
                                    ".astro",        ".docusaurus", "htmlcov",      ".dart_tool"};
constexpr List<13> kCacheNames = {"*.pyc", "*.pyo", "*.eslintcache", "*.tsbuildinfo", "*.swp",       "*.swo", "*.swx",
                                  "*~",    ".#*",   "#*#",           ".coverage",     ".coverage.*", "4913"};
constexpr List<8> kCachePlaces = {"/storage/framework/cache/",
                                  "/storage/framework/views/",
                                  "/bootstrap/cache/",
                                  "/wp-content/cache/",
                                  "/tmp/cache/",
                                  "/var/cache/",
                                  "/.next/cache/",
                                  "/node_modules/.cache/"};
// Profiles of browsers that tests drive, and what installers unpack: full of databases and media that are nobody's.
constexpr List<8> kPassing = {"puppeteer_dev_*",  "playwright_*", ".org.chromium.*", ".com.google.Chrome.*",
                              "rust_mozprofile*", "pip-*",        "npm-*",           "composer-*"};
constexpr List<7> kPackageFolders = {"node_modules", "site-packages", "dist-packages",   ".venv",
                                     "venv",         ".bundle",       "bower_components"};
constexpr List<4> kPackagePlaces = {"/vendor/bundle/", "/vendor/composer/", "/vendor/autoload.php", "/vendor/gems/"};
constexpr List<1> kVendor = {"vendor"};
constexpr List<2> kScheduleNames = {"celerybeat-schedule*", "beat-schedule*"};
constexpr List<1> kPidNames = {"*.pid"};
constexpr List<1> kPidFolders = {"pids"};
constexpr List<3> kSessionNames = {"sess_??????????????????????*", "ci_session????????????????*", "SESSIONS.ser"};
constexpr List<1> kDjangoSessions = {"sessionid????????????????????????????????"};
constexpr List<2> kSessionFolders = {"flask_session", "sessions"};
constexpr List<2> kIndexContents = {"lucene", "xapian"};
constexpr List<7> kIndexNames = {"_MAIN_*.toc", "MAIN_WRITELOCK", "MAIN_*.seg", ".managed.json",
                                 ".tantivy-*",  "iamglass",       "iamchert"};
constexpr List<4> kIndexFolders = {"whoosh_index", "xapian_index", "tantivy_index", "lucene_index"};
constexpr List<1> kTntNames = {"*.index"};
constexpr List<11> kDatabaseContents = {"sqlite", "sqlite-wal", "sqlite-journal", "berkeley-db", "gdbm", "lmdb", "bolt",
                                        "duckdb", "h2",         "hsqldb",         "leveldb"};
constexpr List<17> kDatabaseNames = {"*.sqlite3",         "*.sqlite",     "*.sqlite3-wal",   "*.sqlite3-shm",
                                     "*.sqlite3-journal", "*.sqlite-wal", "*.sqlite-shm",    "*.sqlite-journal",
                                     "*.db-wal",          "*.db-shm",     "*.db-journal",    "*.mv.db",
                                     "*.duckdb",          "*.ldb",        "MANIFEST-00????", "00????.log",
                                     "00????.sst"};
constexpr List<1> kDumps = {"redis-dump"};
constexpr List<2> kDerbyPlaces = {"/seg0/c", "/log/log"};
constexpr List<2> kLogFolders = {"log", "logs"};
constexpr List<4> kLockNames = {"*.lock", "*.lck", "lockfile", ".lock"};
constexpr List<10> kUploadFolders = {"uploads",      "upload",       "media",        "attachments", "avatars",
                                     "user_uploads", "user-uploads", "user-content", "userfiles",   "upload-dir"};
constexpr List<2> kUploadPlaces = {"/storage/app/", "/public/system/"};
constexpr List<1> kActiveStorage = {"/storage/"};
constexpr List<5> kUploadContents = {"image", "video", "audio", "pdf", "zip"};
// Where builds and tests leave media.
constexpr List<27> kMadeFolders = {
    "dist",  "build",   "static", "staticfiles", "assets",   "public",      "out",  "target",  "coverage",
    ".next", ".nuxt",   "_site",  "site",        "tests",    "test",        "spec", "e2e",     "test-results",
    "docs",  "htmlcov", "icons",  "fixtures",    "testdata", "screenshots", "www",  "cypress", "__image_snapshots__"};
constexpr List<9> kBuildFolders = {
    "dist", "build", ".next", ".nuxt", "out", "target", "coverage", "test-results", "__image_snapshots__"};
constexpr List<6> kTemporary = {"/tmp", "/var/tmp", "/run", "/var/run", "/dev", "/proc"};

constexpr List<50> kCode = {"py",   "pyi",   "js",   "mjs",   "cjs",     "ts",     "tsx",  "jsx",  "vue",  "svelte",
                            "rb",   "erb",   "rake", "php",   "go",      "rs",     "java", "kt",   "kts",  "scala",
                            "cs",   "fs",    "vb",   "c",     "h",       "cc",     "cpp",  "hpp",  "cxx",  "hh",
                            "m",    "swift", "ex",   "exs",   "erl",     "hs",     "lua",  "pl",   "pm",   "sh",
                            "bash", "zsh",   "sql",  "proto", "graphql", "prisma", "css",  "scss", "less", "dart"};
constexpr List<29> kText = {"html", "htm", "jinja",    "jinja2",     "j2",   "ejs",  "hbs", "haml", "slim", "twig",
                            "tmpl", "tpl", "mustache", "liquid",     "json", "yaml", "yml", "toml", "ini",  "conf",
                            "cfg",  "env", "xml",      "properties", "lock", "md",   "rst", "po",   "snap"};
constexpr List<16> kSourceNames = {
    "Dockerfile", "Makefile", "Gemfile",     "Rakefile",          "Procfile",       "Pipfile",    "go.mod",   "go.sum",
    ".env",       ".env.*",   "Jenkinsfile", "requirements*.txt", "CMakeLists.txt", ".gitignore", ".gitkeep", ".keep"};
constexpr List<13> kPackageLocks = {"yarn.lock",    "poetry.lock", "composer.lock", "Gemfile.lock", "Cargo.lock",
                                    "Pipfile.lock", "flake.lock",  "uv.lock",       "pdm.lock",     "mix.lock",
                                    "pubspec.lock", "bun.lock",    "Podfile.lock"};

// A lock file holds a pid or nothing; what is larger is somebody's data.
constexpr std::uint64_t kLargestLock = 256;

bool is_wild(char c) {
  return c == '*' || c == '?';
}

// Asked some hundred times a file: the first and the last letter tell most of them apart.
bool fits(std::string_view name, std::string_view pattern) {
  if (name.empty()) return false;
  if (!is_wild(pattern.front()) && pattern.front() != name.front()) return false;
  if (!is_wild(pattern.back()) && pattern.back() != name.back()) return false;
  const std::size_t wild = pattern.find_first_of("*?");
  if (wild == std::string_view::npos) return name == pattern;
  if (!name.starts_with(pattern.substr(0, wild))) return false;
  if (pattern[wild] == '*' && wild == pattern.size() - 1) return true;
  if (pattern[wild] == '*' && wild == 0 && pattern.find_first_of("*?", 1) == std::string_view::npos)
    return name.ends_with(pattern.substr(1));
  return base::glob_match(pattern, name);
}

bool is_one_of(std::string_view name, Names patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](std::string_view pattern) { return fits(name, pattern); });
}

std::string_view extension_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view{} : name.substr(dot + 1);
}

// app.log, app.log.3, app.log.2026-01-31, app.log.gz
bool is_log_name(std::string_view name) {
  const std::size_t at = name.rfind(".log");
  if (at == std::string_view::npos) return false;
  const std::string_view rest = name.substr(at + 4);
  return rest.empty() || rest.front() == '.' || rest.front() == '-';
}

// A change taken apart once, for all rows.
struct Subject {
  const ScannedChange& change;
  std::vector<std::string_view> folders;
  std::string_view name;
  bool code = false;
  bool text = false;
  bool temporary = false;
  bool by_installer = false;

  [[nodiscard]] bool in(Names patterns) const {
    return std::any_of(folders.begin(), folders.end(),
                       [&](std::string_view folder) { return is_one_of(folder, patterns); });
  }
};

Subject take_apart(const ScannedChange& change, const ProcessInfo* writer, std::string_view project) {
  Subject subject{change, base::split(change.path, '/'), {}};
  subject.name = subject.folders.back();
  if (change.type != "directory") subject.folders.pop_back();
  const std::string_view extension = extension_of(subject.name);
  subject.code = is_one_of(extension, kCode);
  subject.text = is_one_of(extension, kText);
  const bool in_project = project.size() > 1 && base::is_beneath(change.path, project);
  subject.temporary = !in_project && std::any_of(kTemporary.begin(), kTemporary.end(), [&](std::string_view directory) {
    return base::is_beneath(change.path, directory);
  });
  subject.by_installer = writer != nullptr && is_installer(*writer);
  return subject;
}

// --- the rows: the first that fits decides ---------------------------------------------------------------------------

enum class Where { folder, place, name, content };
using Condition = bool (*)(const Subject&);
struct ClassRow {
  std::string_view file_class;
  Where where;
  Names patterns;
  Condition when = nullptr;
};

bool not_code(const Subject& s) {
  return !s.code;
}
bool not_written_text(const Subject& s) {
  return !s.code && (!s.text || s.name.ends_with(".json"));
}
bool below_tmp(const Subject& s) {
  return s.temporary;
}
bool below_tmp_or_installer(const Subject& s) {
  return s.temporary || s.by_installer;
}
bool by_installer(const Subject& s) {
  return s.by_installer;
}
bool is_sqlite(const Subject& s) {
  return s.change.content == "sqlite";
}
bool is_small(const Subject& s) {
  return s.change.bytes <= kLargestLock && !is_one_of(s.name, kPackageLocks);
}
// A module called uploads is code, and its templates that somebody edits are, too.
bool is_saved(const Subject& s) {
  return !s.code && !s.in(kBuildFolders) && !(s.text && s.change.change == Change::modified);
}
// Active Storage: storage/x1/y2/x1y2... with a key of 28 letters.
bool is_blob(const Subject& s) {
  const std::size_t depth = s.folders.size();
  return is_saved(s) && depth >= 3 && s.folders[depth - 3] == "storage" && s.folders[depth - 2].size() == 2 &&
         s.name.starts_with(std::string(s.folders[depth - 2]) + std::string(s.folders[depth - 1]));
}
bool is_derby(const Subject& s) {
  return s.name.ends_with(".dat");
}
bool is_saved_media(const Subject& s) {
  return !s.temporary && !s.in(kMadeFolders) && s.change.change == Change::created && !s.by_installer;
}

constexpr std::array kRows = {
    ClassRow{"vcs", Where::folder, kVcs},
    ClassRow{"cache", Where::folder, kCacheFolders},
    ClassRow{"cache", Where::name, kCacheNames},
    ClassRow{"cache", Where::place, kCachePlaces},
    ClassRow{"temporary", Where::folder, kPassing, below_tmp_or_installer},
    ClassRow{"package", Where::folder, kPackageFolders},
    ClassRow{"package", Where::place, kPackagePlaces},
    ClassRow{"package", Where::folder, kVendor, by_installer},
    ClassRow{"schedule", Where::name, kScheduleNames, not_code},
    ClassRow{"pid", Where::name, kPidNames},
    ClassRow{"pid", Where::folder, kPidFolders, not_code},
    ClassRow{"session", Where::name, kSessionNames, not_code},
    ClassRow{"session", Where::name, kDjangoSessions, below_tmp},
    ClassRow{"session", Where::folder, kSessionFolders, not_written_text},
    ClassRow{"index", Where::content, kIndexContents},
    ClassRow{"index", Where::name, kIndexNames},
    ClassRow{"index", Where::folder, kIndexFolders, not_code},
    ClassRow{"index", Where::name, kTntNames, is_sqlite},
    ClassRow{"database", Where::content, kDatabaseContents},
    ClassRow{"database", Where::content, kDumps},
    ClassRow{"database", Where::name, kDatabaseNames},
    ClassRow{"database", Where::place, kDerbyPlaces, is_derby},
    ClassRow{"log", Where::folder, kLogFolders, not_code},
    ClassRow{"lock", Where::name, kLockNames, is_small},
    ClassRow{"upload", Where::folder, kUploadFolders, is_saved},
    ClassRow{"upload", Where::place, kUploadPlaces, is_saved},
    ClassRow{"upload", Where::place, kActiveStorage, is_blob},
    ClassRow{"upload", Where::content, kUploadContents, is_saved_media},
};

bool applies(const ClassRow& row, const Subject& subject) {
  const auto matches = [&] {
    switch (row.where) {
      case Where::folder: return subject.in(row.patterns);
      case Where::place:
        return std::any_of(row.patterns.begin(), row.patterns.end(),
                           [&](std::string_view part) { return subject.change.path.find(part) != std::string::npos; });
      case Where::name: return is_one_of(subject.name, row.patterns);
      case Where::content: return !subject.change.content.empty() && is_one_of(subject.change.content, row.patterns);
    }
    return false;
  };
  return matches() && (row.when == nullptr || row.when(subject));
}

// Where the directory that a row names ends in `path`; 0 when it is not there. "/storage/app/" ends before its last
// slash.
std::size_t end_of_part(std::string_view path, std::string_view part) {
  const std::size_t at = part.ends_with('/') ? path.find(part) : std::string_view::npos;
  return at == std::string_view::npos ? 0 : at + part.size() - 1;
}

std::size_t end_of_folder(std::string_view path, std::string_view pattern) {
  for (std::size_t from = 0; from < path.size();) {
    const std::size_t slash = path.find('/', from);
    if (slash == std::string_view::npos) return 0;
    if (fits(path.substr(from, slash - from), pattern)) return slash;
    from = slash + 1;
  }
  return 0;
}

struct Installer {
  std::string_view program;
  std::string_view action;  // an argument that must be there, empty when any will do
};
constexpr std::array<Installer, 24> kInstallers = {{
    {"pip", "install"},
    {"pip3", "install"},
    {"poetry", "install"},
    {"uv", "sync"},
    {"uv", "pip"},
    {"pipenv", "install"},
    {"pipenv", "sync"},
    {"npm", "install"},
    {"npm", "i"},
    {"npm", "ci"},
    {"pnpm", "install"},
    {"pnpm", "i"},
    {"yarn", "install"},
    {"bun", "install"},
    {"apt-get", "install"},
    {"apt", "install"},
    {"apk", "add"},
    {"gem", "install"},
    {"bundle", "install"},
    {"bundler", "install"},
    {"composer", "install"},
    {"composer", "update"},
    {"composer.phar", "install"},
    {"composer", "require"},
}};

}  // namespace

bool is_installer(const ProcessInfo& process) {
  // "python3 -m pip install", "node /usr/bin/npm ci", "npm ci" (npm changes its title to one argument)
  std::vector<std::string> words;
  for (std::size_t i = 0; i < std::min<std::size_t>(process.argv.size(), 5); ++i) {
    for (const std::string_view word : base::split(process.argv[i], ' ')) {
      words.emplace_back(word.substr(word.rfind('/') + 1));
      std::string& last = words.back();
      for (const std::string_view ending : {"-cli.js", ".js", ".cjs", ".py"}) {
        if (last.ends_with(ending)) last.resize(last.size() - ending.size());
      }
    }
  }
  return std::any_of(kInstallers.begin(), kInstallers.end(), [&](const Installer& row) {
    const auto program = std::find(words.begin(), words.end(), row.program);
    return program != words.end() && std::find(program, words.end(), row.action) != words.end();
  });
}

std::string_view classify(const ScannedChange& change, const ProcessInfo* writer, std::string_view project) {
  const Subject subject = take_apart(change, writer, project);
  const auto row = std::find_if(kRows.begin(), kRows.end(), [&](const ClassRow& r) { return applies(r, subject); });
  // A log is known by its name wherever no row before that of the log folders fits.
  const bool later = row == kRows.end() || row->file_class == "lock" || row->file_class == "upload";
  if (later && is_log_name(subject.name)) return "log";
  if (row != kRows.end()) return row->file_class;
  if (subject.temporary) return "temporary";
  // What a build makes looks like source.
  const bool built = change.change == Change::created && subject.in(kBuildFolders);
  if (!built && (subject.code || subject.text || is_one_of(subject.name, kSourceNames))) return "source";
  return "file";
}

std::string_view place_of_class(std::string_view path, std::string_view file_class) {
  for (const ClassRow& row : kRows) {
    if (row.file_class != file_class || (row.where != Where::folder && row.where != Where::place)) continue;
    // The outermost: node_modules lie in each other.
    std::size_t shortest = 0;
    for (const std::string_view pattern : row.patterns) {
      const std::size_t end = row.where == Where::folder ? end_of_folder(path, pattern) : end_of_part(path, pattern);
      if (end != 0 && (shortest == 0 || end < shortest)) shortest = end;
    }
    if (shortest != 0) return path.substr(0, shortest);
  }
  const std::size_t slash = path.rfind('/');
  return path.substr(0, slash == std::string_view::npos ? 0 : std::max<std::size_t>(slash, 1));
}

}  // namespace cofferdam::report
