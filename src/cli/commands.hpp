// The commands. Each parses its options, calls one function of the layers below and prints.
#pragma once

#include <string>
#include <vector>

namespace cofferdam::cli {

// What every command gets beside its own arguments.
struct Invocation {
  std::vector<std::string> arguments;
};

int run_command(const Invocation& invocation);
int shell_command(const Invocation& invocation);
int rehearse_command(const Invocation& invocation);
int learn_command(const Invocation& invocation);
int check_command(const Invocation& invocation);
int doctor_command(const Invocation& invocation);
int explain_command(const Invocation& invocation);
int test_command(const Invocation& invocation);
int report_command(const Invocation& invocation);
int logs_command(const Invocation& invocation);
int export_command(const Invocation& invocation);
int oci_command(const Invocation& invocation);

// The whole program: picks the command by its first word.
int main_command(const std::vector<std::string>& arguments);

}  // namespace cofferdam::cli
