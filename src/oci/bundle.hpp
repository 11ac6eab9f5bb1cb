// The directory that an engine makes for a container, and the documents in it.
#pragma once

#include <string>

#include "cofferdam/result.hpp"

namespace cofferdam::oci {

class Bundle {
 public:
  // Relative paths are those of the working directory.
  explicit Bundle(std::string directory);

  [[nodiscard]] Result<std::string> read_config() const;
  [[nodiscard]] Result<void> write_config(const std::string& text) const;
  // The policy that governs the container, as one file. It stays until the engine removes the bundle.
  [[nodiscard]] std::string policy_file() const { return directory_ + "/cofferdam-policy.yaml"; }
  [[nodiscard]] Result<void> write_policy(const std::string& text) const;
  [[nodiscard]] bool has_policy() const;
  // An absolute path of one that may be relative to the bundle.
  [[nodiscard]] std::string path_of(const std::string& written) const;

 private:
  std::string directory_;  // absolute
};

// At most 16 MiB of text. Errors name the file.
[[nodiscard]] Result<std::string> read_document(const std::string& path);
// Puts another text in the place of the file: all of it or nothing, with the owner and the mode of the old one.
[[nodiscard]] Result<void> replace_document(const std::string& path, const std::string& text);

// Asks the runtime (`state`) for the bundle of a container; empty when it knows none.
[[nodiscard]] std::string ask_for_bundle(const std::string& runtime, const std::string& root, const std::string& id);

}  // namespace cofferdam::oci
