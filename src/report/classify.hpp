// What kind of file a change is, by its place, its name, its first bytes and its writer.
#pragma once

#include <string_view>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

// The class of one change; its path is absolute, `writer` may be null. Beneath `project`, the working directory,
// nothing is temporary: some people work below /tmp. The first of these that fits:
//   vcs        beneath .git, .hg or .svn
//   cache      what a tool makes again by itself, editor swap files, coverage data
//   package    installed packages: node_modules, site-packages, vendor/bundle, what an installer writes into vendor
//   schedule   when a scheduler ran last: celerybeat-schedule
//   pid        PID files
//   session    sessions in files: PHP, Flask-Session, Rails, Laravel, express' session-file-store, Django
//   index      search indexes: Lucene, Xapian, Whoosh, Tantivy, TNTSearch
//   database   embedded databases and their journals, by first bytes and by name
//   log        log files
//   lock       lock files (a package manager's lock file is source)
//   upload     files below a directory for uploads, and media that the app saved in its project
//   temporary  beneath /tmp, /var/tmp, /run, /dev/shm
//   source     what a person or a generator writes and would miss: code, templates, configuration, migrations
//   file       the rest
[[nodiscard]] std::string_view classify(const ScannedChange& change, const ProcessInfo* writer = nullptr,
                                        std::string_view project = {});

// The directory under which the losses of a class are told as one: up to the directory that made them of this class
// (/srv/app/media for /srv/app/media/2026/a.png), else the directory that the file lies in.
[[nodiscard]] std::string_view place_of_class(std::string_view path, std::string_view file_class);

// npm install, pip, apt-get, bundle, composer and the like: a program that brings packages.
[[nodiscard]] bool is_installer(const ProcessInfo& process);

}  // namespace cofferdam::report
