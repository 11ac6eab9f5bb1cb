#include <cstdio>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/options.hpp"
#include "cli/run_parts.hpp"
#include "export/exporters.hpp"

namespace cofferdam::cli {

namespace {

exporting::Wishes wishes_of(const ExportOptions& options, const PolicyContext& context) {
  exporting::Wishes wishes;
  wishes.image = options.image;
  wishes.name = options.name;
  wishes.working_directory = options.workdir;
  wishes.project = context.working_directory;
  wishes.home = context.home;
  wishes.ports = options.ports;
  wishes.command = options.command;
  wishes.runtime = options.runtime;
  return wishes;
}

exporting::Exported exported(const std::string& target, const exporting::Container& container,
                             const exporting::Wishes& wishes) {
  if (target == "docker") return exporting::to_docker(container, wishes);
  if (target == "compose") return exporting::to_compose(container, wishes);
  return exporting::to_kubernetes(container, wishes);
}

}  // namespace

int export_command(const Invocation& invocation) {
  const auto options = parse_export(invocation.arguments);
  if (!options) return report_error({"export: " + options.error().message + " (see cofferdam export --help)", 0, 2});
  if (options->help) {
    std::fputs(export_help().c_str(), stdout);
    return 0;
  }
  const PolicyContext context = current_policy_context();
  const auto loaded = load_policy(discover_policy(options->policy, context), context);
  for (const Diagnostic& diagnostic : loaded ? loaded->warnings : loaded.error()) {
    std::fprintf(stderr, "%s\n", format_diagnostic(diagnostic).c_str());
  }
  if (!loaded) return 2;
  const exporting::Wishes wishes = wishes_of(*options, context);
  const exporting::Exported result = exported(options->to, exporting::container_of(loaded->policy, wishes), wishes);
  std::fputs(result.text.c_str(), stdout);
  std::fprintf(stderr, "not enforced by %s itself:\n", options->to.c_str());
  for (const exporting::Missing& missing : result.missing) {
    std::fprintf(stderr, "  %s: %s%s%s\n", missing.key.c_str(), base::printable(missing.why).c_str(),
                 missing.instead.empty() ? "" : "; instead: ", base::printable(missing.instead).c_str());
  }
  return options->strict && !result.missing.empty() ? 1 : 0;
}

}  // namespace cofferdam::cli
