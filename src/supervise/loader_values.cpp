#include "supervise/loader_values.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.hpp"

namespace cofferdam::supervise {

namespace {

// An option of node that loads nothing, alone or with a number.
bool is_harmless(std::string_view option) {
  constexpr std::array<std::string_view, 6> kNumbers = {
      "--max-old-space-size=",  "--max_old_space_size=", "--max-semi-space-size=",
      "--max_semi_space_size=", "--stack-trace-limit=",  "--max-http-header-size="};
  constexpr std::array<std::string_view, 6> kAlone = {"--enable-source-maps", "--no-warnings",
                                                      "--trace-warnings",     "--no-deprecation",
                                                      "--trace-deprecation",  "--trace-uncaught"};
  const auto is_number = [&](std::string_view name) {
    return option.starts_with(name) && option.size() > name.size() &&
           option.find_first_not_of("0123456789", name.size()) == std::string_view::npos;
  };
  return std::ranges::find(kAlone, option) != kAlone.end() || std::ranges::any_of(kNumbers, is_number);
}

std::string node_options(std::string_view value) {
  if (value.find_first_of("\"'\\") != std::string_view::npos) return std::string(value);  // node's quoting: as it is
  std::vector<std::string_view> kept;
  for (const std::string_view option : base::split(value, ' ')) {
    // What follows an option without `=` may be its value.
    const bool is_value =
        !kept.empty() && kept.back().starts_with('-') && kept.back().find('=') == std::string_view::npos;
    if (!option.empty() && (is_value || !is_harmless(option))) kept.push_back(option);
  }
  std::string joined;
  for (const std::string_view option : kept) joined += (joined.empty() ? "" : " ") + std::string(option);
  return joined;
}

std::string node_path(std::string_view value, std::string_view project) {
  const std::string modules = std::string(project) + "/node_modules/";
  std::string kept;
  for (const std::string_view entry : base::split(value, ':')) {
    const bool own = !project.empty() && entry.starts_with(modules) && entry.ends_with("/node_modules") &&
                     entry.find("/../") == std::string_view::npos;
    if (!own && !entry.empty()) kept += (kept.empty() ? "" : ":") + std::string(entry);
  }
  return kept;
}

// The variable without what loads nothing; empty when nothing is left.
std::string what_loads(const std::string& variable, std::string_view project) {
  const std::size_t value = variable.find('=') + 1;
  const std::string_view name = std::string_view(variable).substr(0, value);
  if (name != "NODE_OPTIONS=" && name != "NODE_PATH=") return variable;
  const std::string_view text = std::string_view(variable).substr(value);
  const std::string kept = name == "NODE_PATH=" ? node_path(text, project) : node_options(text);
  return kept.empty() ? "" : std::string(name) + kept;
}

}  // namespace

std::vector<std::string> loader_values(const std::vector<std::string>& environment, std::string_view project) {
  constexpr auto kPrefixes = std::to_array<std::string_view>(
      {"LD_", "PYTHON", "UVICORN_", "LUA_", "BASH_FUNC_", "NODE_PRESERVE_", "LIBMYSQL_PLUGIN", "CORECLR_"});
  constexpr auto kNames = std::to_array<std::string_view>(
      {"HOME=", "NODE_OPTIONS=", "NODE_PATH=", "RUBYOPT=", "RUBYLIB=", "PERL5OPT=", "PERL5LIB=", "PHPRC=",
       "PHP_INI_SCAN_DIR=", "JAVA_TOOL_OPTIONS=", "_JAVA_OPTIONS=", "JDK_JAVA_OPTIONS=", "BASH_ENV=", "OPENSSL_CONF=",
       "OPENSSL_MODULES=", "GCONV_PATH=", "CLASSPATH=", "DOTNET_STARTUP_HOOKS=", "PERL5DB=", "PERLLIB=", "GEM_HOME=",
       "GEM_PATH=", "GUNICORN_CMD_ARGS=",
       // Where the script seems to be (NODE_PRESERVE_SYMLINKS_MAIN
       // above), or what stands for it once it has been compiled.
       "NODE_COMPILE_CACHE=",
       // Lines that bash runs before and beside those of its script.
       "SHELLOPTS=", "BASHOPTS=", "PS4=",
       // Libraries and plugins of what clients are linked with.
       "OPENSSL_ENGINES=", "MARIADB_PLUGIN_DIR=", "ODBCINI=", "ODBCSYSINI=", "ODBCINSTINI=", "KRB5_CONFIG=",
       "SASL_PATH=",
       // More of the same for runtimes above.
       "RUBYGEMS_GEMDEPS=", "OPENJ9_JAVA_OPTIONS=", "DOTNET_ADDITIONAL_DEPS=", "PYTEST_ADDOPTS=", "PYTEST_PLUGINS="});
  std::vector<std::string> found;
  for (const std::string& variable : environment) {
    const auto begins = [&](std::string_view start) { return variable.starts_with(start); };
    if (std::ranges::any_of(kPrefixes, begins) || std::ranges::any_of(kNames, begins)) {
      if (std::string kept = what_loads(variable, project); !kept.empty()) found.push_back(std::move(kept));
    }
  }
  std::ranges::sort(found);
  return found;
}

std::string first_difference(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> different;
  std::ranges::set_symmetric_difference(a, b, std::back_inserter(different));
  return different.empty() ? "" : different.front().substr(0, different.front().find('='));
}

}  // namespace cofferdam::supervise
