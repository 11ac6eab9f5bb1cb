// Policy tests, read from their file as strictly as policies.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "cofferdam/diagnostic.hpp"
#include "cofferdam/policy.hpp"
#include "harness/test_case.hpp"
#include "harness/variables.hpp"
#include "policy/document.hpp"

namespace cofferdam::harness {

// A case as it was written; read() makes values of it once its variables are known.
class WrittenCase {
 public:
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] const TestCase& shown() const { return shown_; }  // with stand-ins for the variables
  [[nodiscard]] TestCase read(Variables& variables) const;

 private:
  friend class FileReader;
  std::string file_;       // as the user named it
  std::string directory_;  // of the file, absolute
  std::string policy_;     // of the whole file, as written
  std::string tree_;       // `directory` of the whole file, as written
  policy::Node node_;
  TestCase shown_;
};

// The cases of the file, or all that is wrong with it. Policies that it names are loaded, so that their mistakes are
// known before anything runs.
[[nodiscard]] std::expected<std::vector<WrittenCase>, std::vector<Diagnostic>> load_tests(const std::string& file,
                                                                                          const PolicyContext& context);

}  // namespace cofferdam::harness
