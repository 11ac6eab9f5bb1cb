#include "report/classify.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "base/text.hpp"

namespace cofferdam::report {

namespace {

using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 3> kVcs = {".git", ".hg", ".svn"};
constexpr std::array<std::string_view, 16> kCacheFolders = {
    "__pycache__",  ".cache",      ".mypy_cache", ".pytest_cache", ".ruff_cache", ".parcel-cache",
    ".turbo",       ".nyc_output", ".gradle",     ".ccache",       "bootsnap",    ".sass-cache",
    ".eslintcache", ".npm",        "_cacache",    ".vite"};
constexpr std::array<std::string_view, 5> kCacheEndings = {".pyc", ".pyo", ".eslintcache", ".tsbuildinfo", ".swp"};
constexpr std::array<std::string_view, 2> kLogFolders = {"log", "logs"};
// Not written by the people of this application, whatever they look like.
constexpr std::array<std::string_view, 7> kForeignFolders = {"node_modules", "site-packages", "dist-packages", ".venv",
                                                             "venv",         ".tox",          ".bundle"};
constexpr std::array<std::string_view, 6> kTemporary = {"/tmp", "/var/tmp", "/run", "/var/run", "/dev", "/proc"};
constexpr std::array<std::string_view, 50> kCode = {
    "py",  "pyi",  "js",  "mjs",  "cjs",   "ts",      "tsx",    "jsx", "vue",  "svelte", "rb",  "erb", "rake",
    "php", "go",   "rs",  "java", "kt",    "kts",     "scala",  "cs",  "fs",   "vb",     "c",   "h",   "cc",
    "cpp", "hpp",  "cxx", "hh",   "m",     "swift",   "ex",     "exs", "erl",  "hs",     "lua", "pl",  "pm",
    "sh",  "bash", "zsh", "sql",  "proto", "graphql", "prisma", "css", "scss", "less",   "dart"};
constexpr std::array<std::string_view, 28> kText = {"html", "htm",  "jinja",      "jinja2", "j2",  "ejs",      "hbs",
                                                    "haml", "slim", "twig",       "tmpl",   "tpl", "mustache", "liquid",
                                                    "json", "yaml", "yml",        "toml",   "ini", "conf",     "cfg",
                                                    "env",  "xml",  "properties", "lock",   "md",  "rst",      "po"};
constexpr std::array<std::string_view, 12> kSourceNames = {
    "Dockerfile", "Makefile", "Gemfile", "Rakefile",    "Procfile",         "Pipfile",
    "go.mod",     "go.sum",   ".env",    "Jenkinsfile", "requirements.txt", "CMakeLists.txt"};

bool is_one_of(std::string_view name, Names names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool has_folder(const std::vector<std::string_view>& folders, Names names) {
  return std::any_of(folders.begin(), folders.end(), [&](std::string_view folder) { return is_one_of(folder, names); });
}

bool ends_with_one_of(std::string_view name, Names endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
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

}  // namespace

std::string_view classify(std::string_view path) {
  std::vector<std::string_view> folders = base::split(path, '/');
  const std::string_view name = folders.back();
  if (has_folder(folders, kVcs)) return "vcs";
  if (has_folder(folders, kCacheFolders) || ends_with_one_of(name, kCacheEndings)) return "cache";
  folders.pop_back();

  const std::string_view extension = extension_of(name);
  const bool code = is_one_of(extension, kCode);
  if (is_log_name(name)) return "log";
  if (!code && has_folder(folders, kLogFolders)) return "log";

  const bool temporary = std::any_of(kTemporary.begin(), kTemporary.end(),
                                     [&](std::string_view directory) { return base::is_beneath(path, directory); });
  if (temporary || has_folder(folders, kForeignFolders)) return "file";
  if (code || is_one_of(extension, kText) || is_one_of(name, kSourceNames) || name.starts_with(".env."))
    return "source";
  return "file";
}

}  // namespace cofferdam::report
