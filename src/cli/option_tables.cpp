#include "cli/option_tables.hpp"

#include <sstream>

#include "cli/options.hpp"

namespace po = boost::program_options;

namespace cofferdam::cli {

namespace {

// `more`: exit statuses and an example, after the options.
std::string help_of(const char* usage, const po::options_description& options, const char* more) {
  std::ostringstream text;
  text << "Usage: cofferdam " << usage << "\n\n" << options << "\n" << more << "\n";
  return text.str();
}

void add_policy_text(po::options_description& options) {
  options.add_options()("policy-text", po::value<std::string>()->value_name("YAML"),
                        "a policy as text that extends it, as if it were a file here");
}

}  // namespace

po::options_description run_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("policy,p", po::value<std::string>()->value_name("FILE"),
      "policy file or name of a shipped one (twelve-factor, django, go, node)");
  add("policy-base", po::value<std::string>()->value_name("DIR"),
      "what relative paths of the policy mean, instead of the directory of its file");
  add_policy_text(options);
  add("user,u", po::value<std::string>()->value_name("USER"), "as root: run the app as this user");
  add("replicas,n", po::value<std::string>()->value_name("N"),
      "so many instances, each with a storage of its own, share the app's port");
  add("format,f", po::value<std::string>()->value_name("FORMAT"),
      "pretty, json or raw (default: pretty on a terminal, else json)");
  add("report", po::value<std::string>()->value_name("FILE"), "write the report as JSON");
  add("events", po::value<std::string>()->value_name("FILE"), "write the events as JSON Lines");
  add("keep-writes", po::value<std::string>()->value_name("DIR"), "copy out what the app wrote");
  add("fail-on", po::value<std::string>()->value_name("WHAT"),
      "exit 3 on these findings: codes, error or warning, comma-separated");
  add("baseline", po::value<std::string>()->value_name("FILE"),
      "findings that are known: they are counted only, and --fail-on passes over them");
  add("update-baseline", "write the findings of this run there");
  add("parent-pipe", po::value<std::string>()->value_name("FD"),
      "for programs: kill everything once the other end of this inherited pipe is closed");
  add("verbose,v", "tell each start, connection and refused write on stderr");
  add("help,h", "this text");
  return options;
}

po::options_description shell_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("policy,p", po::value<std::string>()->value_name("FILE"), "policy file or name of a shipped one");
  add_policy_text(options);
  add("user,u", po::value<std::string>()->value_name("USER"), "as root: run as this user");
  add("report", po::value<std::string>()->value_name("FILE"), "write the report as JSON");
  add("events", po::value<std::string>()->value_name("FILE"), "write the events as JSON Lines");
  add("keep-writes", po::value<std::string>()->value_name("DIR"), "copy out what was written");
  add("help,h", "this text");
  return options;
}

po::options_description rehearse_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("drive,d", po::value<std::string>()->value_name("SCRIPT"),
      "a command line for /bin/sh that does what visitors do, outside of the instance; started when the app listens, "
      "in each run");
  add("ready-after", po::value<std::string>()->value_name("SECONDS"),
      "start it after so long, for an app that does not listen");
  add("reader", po::value<std::vector<std::string>>()->value_name("CMD"),
      "another role (a worker, a job) on storage of its own, beside the first run; may be repeated");
  add("reader-for", po::value<std::string>()->value_name("SECONDS"),
      "stop a reader that has not ended by then (default: 30)");
  add("policy,p", po::value<std::string>()->value_name("FILE"), "policy file or name of a shipped one");
  add_policy_text(options);
  add("user,u", po::value<std::string>()->value_name("USER"), "as root: run the app as this user");
  add("format,f", po::value<std::string>()->value_name("FORMAT"),
      "pretty, json or raw (default: pretty on a terminal, else json)");
  add("report", po::value<std::string>()->value_name("FILE"), "write the report as JSON");
  add("events", po::value<std::string>()->value_name("FILE"), "write the events as JSON Lines");
  add("fail-on", po::value<std::string>()->value_name("WHAT"),
      "exit 3 on these findings: codes, error or warning, comma-separated");
  add("baseline", po::value<std::string>()->value_name("FILE"),
      "findings that are known: they are counted only, and --fail-on passes over them");
  add("update-baseline", "write the findings of this run there");
  add("verbose,v", "tell each start, connection and refused write on stderr");
  add("help,h", "this text");
  return options;
}

po::options_description learn_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("output,o", po::value<std::string>()->value_name("FILE"), "the policy to write (default: cofferdam.yaml)");
  add("merge,m", po::value<std::string>()->value_name("FILE"),
      "run under this policy and add what it lacks; the rest of the file stays as it is");
  add("force", "replace a file that is there");
  add("policy,p", po::value<std::string>()->value_name("FILE"),
      "what the new policy extends: a file or a shipped one (default: the shipped one that fits the project)");
  add("egress", po::value<std::string>()->value_name("deny"),
      "bound the network to what was reached (default: only proposed, as a comment)");
  add("user,u", po::value<std::string>()->value_name("USER"), "as root: run the app as this user");
  add("format,f", po::value<std::string>()->value_name("FORMAT"),
      "pretty, json or raw (default: pretty on a terminal, else json)");
  add("report", po::value<std::string>()->value_name("FILE"), "write the report of the run as JSON");
  add("verbose,v", "tell what is read and planned on stderr");
  add("help,h", "this text");
  return options;
}

po::options_description check_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("format,f", po::value<std::string>()->value_name("FORMAT"), "text (default), json or sarif");
  add_policy_text(options);
  add("help,h", "this text");
  return options;
}

po::options_description doctor_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("policy,p", po::value<std::string>()->value_name("FILE"), "the policy whose mounts are looked at");
  add_policy_text(options);
  add("json", "as JSON");
  add("help,h", "this text");
  return options;
}

po::options_description explain_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("as", po::value<std::string>()->value_name("PROGRAM"), "what would happen if PROGRAM connected to DESTINATION");
  add("write", po::value<std::string>()->value_name("PATH"), "what would become of a file that the app writes there");
  add("effective", "the policy with all that it extends, as one file");
  add("policy,p", po::value<std::string>()->value_name("FILE"),
      "for these three: policy file or name of a shipped one");
  add_policy_text(options);
  add("help,h", "this text");
  return options;
}

po::options_description test_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("run,r", po::value<std::string>()->value_name("REGEX"), "only cases whose `file: name` matches");
  add("list,l", "print the cases instead of running them");
  add("jobs,j", po::value<std::string>()->value_name("N"), "so many cases at a time (default: one a processor)");
  add("fail-fast", "start no further case once one has failed");
  add("format,f", po::value<std::string>()->value_name("FORMAT"), "human (default), tap, junit or json");
  add("report", po::value<std::string>()->value_name("FILE"), "write that format there, and the human one to stdout");
  add("allow-skips", "a skipped case is no failure, even when CI is set");
  add("verbose,v", "show the output of every case");
  add("help,h", "this text");
  return options;
}

po::options_description report_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("format,f", po::value<std::string>()->value_name("FORMAT"), "text (default), json, html, sarif or junit");
  add("output,o", po::value<std::string>()->value_name("FILE"), "write it there instead of to stdout");
  add("baseline", po::value<std::string>()->value_name("FILE"), "leave out the findings that are in it");
  add("all,a", "fold no directory");
  add("help,h", "this text");
  return options;
}

po::options_description logs_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("policy,p", po::value<std::string>()->value_name("FILE"), "policy file or name of a shipped one");
  add("sink,s", po::value<std::string>()->value_name("NAME"), "only this sink, without a heading");
  add("stderr", "the sample is what the app writes to stderr");
  add("help,h", "this text");
  return options;
}

po::options_description export_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("to,t", po::value<std::string>()->value_name("ENGINE"), "docker, compose or kubernetes");
  add("policy,p", po::value<std::string>()->value_name("FILE"), "policy file or name of a shipped one");
  add("image,i", po::value<std::string>()->value_name("IMAGE"), "the application's image (default: IMAGE)");
  add("name,n", po::value<std::string>()->value_name("NAME"), "of the container, service or Deployment (default: web)");
  add("workdir,w", po::value<std::string>()->value_name("DIR"),
      "where the image has what is in this directory here (default: /app)");
  add("port", po::value<std::vector<std::string>>()->value_name("PORT"), "that it serves on; may be repeated");
  add("runtime", po::value<std::string>()->value_name("NAME"),
      "the engine's runtime or RuntimeClass, such as cofferdam (docs/oci.md)");
  add("strict", "exit 1 when a part of the policy is not enforced");
  add("help,h", "this text");
  return options;
}

std::string run_help() {
  return help_of(
      "run [OPTION...] [--] COMMAND [ARG...]\n\nRuns a command under the policy: local storage is lost at the end, the "
      "database is\nreachable only from the app itself, output becomes log records.",
      run_options(),
      "Exit status: the command's own; 128+N when signal N ended it; 3 when --fail-on matched and it exited 0;\n"
      "125 a failure of cofferdam, 126 the command can't be executed, 127 it is not found.\n\n"
      "Example: cofferdam run --report report.json --fail-on error -- gunicorn shop.wsgi");
}
std::string shell_help() {
  return help_of(
      "shell [OPTION...] [--] [COMMAND [ARG...]]\n\nA one-off instance with a terminal and storage of its own under "
      "the same policy. Without a\ncommand: $SHELL.",
      shell_options(), "Exit status: as of run.\n\nExample: cofferdam shell -- psql \"$DATABASE_URL\"");
}
std::string rehearse_help() {
  return help_of(
      "rehearse [OPTION...] [--] COMMAND [ARG...]\n\nRuns the app, replaces the instance by an empty one and runs it "
      "again: finds the files\nof the first that the second, or another role, looked for. The database is kept.\n\n"
      "The script of --drive is called once in each run, with COFFERDAM_REHEARSAL=1 or 2: in run 1 let it\nleave "
      "something (an upload, a login), in run 2 ask for it. Without --drive each run ends by itself.",
      rehearse_options(),
      "Exit status: that of the app, where an app that ended by cofferdam's stop signal counts as 0; else that\nof the "
      "script in run 2; 125 when the rehearsal could not be carried out. Findings alone do not change it:\n--fail-on "
      "error makes it 3.\n\nExample: cofferdam rehearse --drive 'sh visit.sh' -- gunicorn shop.wsgi");
}
std::string learn_help() {
  return help_of(
      "learn [OPTION...] [--] COMMAND [ARG...]\n\nRuns the app without refusing it a write or a connection, and writes "
      "the smallest policy\nunder which it runs the same: mounts with their sizes, databases, the programs that reach "
      "them,\nsockets, and as comments what will be lost all the same. Use the app as it is used, then end it\n"
      "with Ctrl-C. Files that it writes are lost as in every run.",
      learn_options(),
      "Exit status: 0 when the app exited 0 or was stopped by a signal; else the app's own;\n"
      "125 when nothing could be learned.\n\nExample: cofferdam learn -- gunicorn shop.wsgi");
}
std::string check_help() {
  return help_of("check [FILE...]\n\nValidates and reviews policies (default: the one that run would find).",
                 check_options(),
                 "Exit status: 0 all is well, 1 there are warnings, 2 one is not valid.\n\nExample: cofferdam check "
                 "cofferdam.yaml");
}
std::string doctor_help() {
  return help_of("doctor [OPTION...]\n\nSays what this machine can enforce, rule by rule, and what to change.",
                 doctor_options(),
                 "Exit status: 0 every rule is enforced in full, 1 one is not, 2 wrong usage or an invalid policy.\n\n"
                 "Example: cofferdam doctor --policy django");
}

std::string explain_help() {
  return help_of(
      "explain [CODE...]\n"
      "       cofferdam explain [--policy P] --as PROGRAM DESTINATION\n"
      "       cofferdam explain [--policy P] --write PATH\n"
      "       cofferdam explain [--policy P] --effective\n\n"
      "What a finding's code means, what enforces it and how to mend it; without a code: all of them.\n"
      "Or what a run would do, without a run, and which line of the policy decides it. DESTINATION is\n"
      "host:port, [IPv6]:port or unix:/path.",
      explain_options(),
      "Exit status: 0; 1 when the write, or the connection of such a program started by the app, would be\n"
      "refused; 2 wrong usage or an invalid policy.\n\n"
      "Example: cofferdam explain --as psql db:5432");
}

std::string test_help() {
  return help_of(
      "test [OPTION...] [FILE|DIR...]\n\nRuns policy tests: *.test.yaml below the directories named (default: here). "
      "Each case runs a\ncommand under a policy and compares what came of it with what was expected.",
      test_options(),
      "Exit status: 0 every case passed; 1 one failed, or there was none; 2 wrong usage, or a test file that is not "
      "valid;\n130 interrupted.\n\n"
      "Example: cofferdam test --run 'psql' --report tests.xml --format junit policies/");
}

std::string report_help() {
  return help_of(
      "report [OPTION...] FILE\n\nShows a report that run --report FILE wrote: findings, the tree of what was lost "
      "with sizes\nand classes, connections, storage, logs. FILE may be - for stdin.",
      report_options(), "Exit status: 0; 2 when FILE is no report.\n\nExample: cofferdam report --all report.json");
}

std::string export_help() {
  return help_of(
      "export --to docker|compose|kubernetes [OPTION...] [--] [COMMAND [ARG...]]\n\nWrites what an engine enforces of "
      "the "
      "policy by itself to stdout, and what it does not to stderr.",
      export_options(),
      "Exit status: 0; 1 with --strict when something is not enforced; 2 a mistake.\n\n"
      "Example: cofferdam export --to compose --image shop:1 --port 8000 > compose.yaml");
}
std::string logs_help() {
  return help_of(
      "logs test [OPTION...] < SAMPLE\n\nPrints what each sink of the policy would receive if the app wrote SAMPLE: "
      "records as JSON Lines,\nand for a console or a file in its own format. Nothing is sent, and no file is "
      "written.\n"
      "A rate limit sees the whole sample at once.",
      logs_options(),
      "Exit status: 0; 2 wrong usage or an invalid policy.\n\n"
      "Example: cofferdam logs test --policy cofferdam.yaml --sink sentry < error.log");
}

}  // namespace cofferdam::cli
