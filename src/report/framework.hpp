// Which framework an application is written with, as far as that can be known, so that a fix can name its own way.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/event.hpp"

namespace cofferdam::report {

enum class Framework {
  any,  // a fix that fits every program
  django,
  flask,
  python,
  rails,
  ruby,
  laravel,
  symfony,
  wordpress,
  php,
  express,  // any server on Node.js
  spring,   // any program on the Java virtual machine
  go,
};

// What the project and its environment say, read once before the end of the run.
struct Project {
  std::string directory;           // the working directory
  std::string home;                // of the app, empty when unknown
  std::set<Framework> frameworks;  // by the files of the working directory
  std::string storage_variable;    // the variable that configures an object store, by name; empty for none
};

// Looks for manage.py, artisan, Gemfile, package.json and so on in the working directory. Reads no content and opens
// nothing. `environment` is the app's; only names are looked at.
[[nodiscard]] Project read_project(const std::string& working_directory,
                                   const std::map<std::string, std::string>& environment);

// What may have written `path`, the surest first: what the writer's command line says, what the path says, what the
// project says as far as it fits the writer's language, the language itself; any at the end. `writer` may be null.
[[nodiscard]] std::vector<Framework> frameworks_of(const ProcessInfo* writer, std::string_view path,
                                                   const Project& project);

}  // namespace cofferdam::report
