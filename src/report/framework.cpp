#include "report/framework.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "base/text.hpp"

namespace cofferdam::report {

namespace {

// A framework and the language that it is written in; a language is a framework of its own.
struct Evidence {
  Framework framework;
  Framework language;
  std::string_view word;
};

// Found as a whole word in the program's name or its first arguments.
constexpr std::array kByProcess = {
    Evidence{Framework::django, Framework::python, "manage.py"},
    Evidence{Framework::django, Framework::python, "django-admin"},
    Evidence{Framework::flask, Framework::python, "flask"},
    Evidence{Framework::rails, Framework::ruby, "rails"},
    Evidence{Framework::rails, Framework::ruby, "sidekiq"},
    Evidence{Framework::laravel, Framework::php, "artisan"},
    Evidence{Framework::wordpress, Framework::php, "wp"},
};

// Found in the path of what was written.
constexpr std::array kByPath = {
    Evidence{Framework::flask, Framework::python, "/flask_session/"},
    Evidence{Framework::wordpress, Framework::php, "/wp-content/"},
    Evidence{Framework::laravel, Framework::php, "/storage/app/"},
    Evidence{Framework::laravel, Framework::php, "/storage/framework/"},
};

// Found in the working directory.
constexpr std::array kByFile = {
    Evidence{Framework::django, Framework::python, "manage.py"},
    Evidence{Framework::python, Framework::python, "requirements.txt"},
    Evidence{Framework::python, Framework::python, "pyproject.toml"},
    Evidence{Framework::rails, Framework::ruby, "config/application.rb"},
    Evidence{Framework::rails, Framework::ruby, "bin/rails"},
    Evidence{Framework::ruby, Framework::ruby, "Gemfile"},
    Evidence{Framework::laravel, Framework::php, "artisan"},
    Evidence{Framework::wordpress, Framework::php, "wp-config.php"},
    Evidence{Framework::wordpress, Framework::php, "wp-load.php"},
    Evidence{Framework::symfony, Framework::php, "bin/console"},
    Evidence{Framework::php, Framework::php, "composer.json"},
    Evidence{Framework::express, Framework::express, "package.json"},
    Evidence{Framework::spring, Framework::spring, "pom.xml"},
    Evidence{Framework::spring, Framework::spring, "build.gradle"},
    Evidence{Framework::spring, Framework::spring, "build.gradle.kts"},
    Evidence{Framework::go, Framework::go, "go.mod"},
};

// The language of a program, by the beginning of its name.
constexpr std::array kLanguages = {
    Evidence{Framework::python, Framework::python, "python"},
    Evidence{Framework::python, Framework::python, "gunicorn"},
    Evidence{Framework::python, Framework::python, "uvicorn"},
    Evidence{Framework::python, Framework::python, "celery"},
    Evidence{Framework::ruby, Framework::ruby, "ruby"},
    Evidence{Framework::ruby, Framework::ruby, "puma"},
    Evidence{Framework::ruby, Framework::ruby, "unicorn"},
    Evidence{Framework::php, Framework::php, "php"},
    Evidence{Framework::php, Framework::php, "apache2"},
    Evidence{Framework::express, Framework::express, "node"},
    Evidence{Framework::express, Framework::express, "bun"},
    Evidence{Framework::express, Framework::express, "deno"},
    Evidence{Framework::spring, Framework::spring, "java"},
};

// Names that begin like this tell of an object store.
constexpr std::array<std::string_view, 21> kStorageBeginnings = {"AWS_STORAGE_",
                                                                 "AWS_S3_",
                                                                 "AWS_BUCKET",
                                                                 "AWS_ACCESS_KEY_ID",
                                                                 "S3_",
                                                                 "BUCKETEER_",
                                                                 "GS_BUCKET",
                                                                 "GCS_",
                                                                 "GOOGLE_CLOUD_STORAGE",
                                                                 "AZURE_STORAGE_",
                                                                 "AZURE_ACCOUNT_NAME",
                                                                 "AZURE_CONTAINER",
                                                                 "MINIO_",
                                                                 "CLOUDINARY_",
                                                                 "SPACES_",
                                                                 "R2_",
                                                                 "B2_",
                                                                 "SWIFT_",
                                                                 "TIGRIS_",
                                                                 "FILEBASE_",
                                                                 "UPLOADCARE_"};
constexpr std::string_view kStorageEnding = "STORAGE_DSN";

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::vector<std::string_view> words_of(const ProcessInfo& process) {
  std::vector<std::string_view> words = {file_name(process.exe)};
  for (std::size_t i = 0; i < std::min<std::size_t>(4, process.argv.size()); ++i) {
    for (const std::string_view part : base::split(process.argv[i], ' ')) words.push_back(file_name(part));
  }
  if (!process.lineage.empty()) words.push_back(file_name(process.lineage.front()));
  return words;
}

std::optional<Framework> language_of(std::span<const std::string_view> words) {
  for (const std::string_view word : words) {
    for (const Evidence& row : kLanguages) {
      if (word.starts_with(row.word)) return row.language;
    }
  }
  return std::nullopt;
}

}  // namespace

Project read_project(const std::string& working_directory, const std::map<std::string, std::string>& environment) {
  Project project;
  project.directory = working_directory;
  for (const Evidence& row : kByFile) {
    const std::string path = working_directory + "/" + std::string(row.word);
    if (access(path.c_str(), F_OK) == 0) project.frameworks.insert(row.framework);
  }
  if (const auto home = environment.find("HOME"); home != environment.end()) project.home = home->second;
  for (const auto& [name, value] : environment) {
    const bool tells = name.ends_with(kStorageEnding) ||
                       std::any_of(kStorageBeginnings.begin(), kStorageBeginnings.end(),
                                   [&](std::string_view beginning) { return name.starts_with(beginning); });
    if (!tells || value.empty()) continue;
    // A DSN says more than a key.
    if (project.storage_variable.empty() || name.ends_with(kStorageEnding)) project.storage_variable = name;
  }
  return project;
}

std::vector<Framework> frameworks_of(const ProcessInfo* writer, std::string_view path, const Project& project) {
  std::vector<Framework> found;
  const auto add = [&](Framework framework) {
    if (std::find(found.begin(), found.end(), framework) == found.end()) found.push_back(framework);
  };
  const std::vector<std::string_view> words = writer == nullptr ? std::vector<std::string_view>{} : words_of(*writer);
  std::optional<Framework> language = language_of(words);
  for (const Evidence& row : kByProcess) {
    if (std::find(words.begin(), words.end(), row.word) == words.end()) continue;
    add(row.framework);
    if (!language) language = row.language;
  }
  for (const Evidence& row : kByPath) {
    const bool fits = path.find(row.word) != std::string_view::npos || (std::string(path) + "/").ends_with(row.word);
    if (fits && (!language || *language == row.language)) add(row.framework);
  }
  for (const Evidence& row : kByFile) {
    if (project.frameworks.contains(row.framework) && (!language || *language == row.language)) add(row.framework);
  }
  if (language) add(*language);
  add(Framework::any);
  return found;
}

}  // namespace cofferdam::report
