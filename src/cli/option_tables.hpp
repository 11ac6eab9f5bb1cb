// The options of each command, for the parser and for --help. Boost's types; only options.cpp includes this.
#pragma once

#include <boost/program_options.hpp>

namespace cofferdam::cli {

[[nodiscard]] boost::program_options::options_description run_options();
[[nodiscard]] boost::program_options::options_description shell_options();
[[nodiscard]] boost::program_options::options_description rehearse_options();
[[nodiscard]] boost::program_options::options_description learn_options();
[[nodiscard]] boost::program_options::options_description check_options();
[[nodiscard]] boost::program_options::options_description doctor_options();
[[nodiscard]] boost::program_options::options_description explain_options();
[[nodiscard]] boost::program_options::options_description report_options();
[[nodiscard]] boost::program_options::options_description test_options();
[[nodiscard]] boost::program_options::options_description logs_options();
[[nodiscard]] boost::program_options::options_description export_options();

}  // namespace cofferdam::cli
