// Policies in a directory of their own, and assertions about what is wrong with them.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cofferdam/policy.hpp"

namespace cofferdam {

// A directory with a policy file in it, removed at the end. It is the working directory of the loads; the home
// directory is a path beside it that does not exist: the loader asks only for its name.
class PolicyFiles : public ::testing::Test {
 protected:
  PolicyFiles() {
    std::string name = (std::filesystem::temp_directory_path() / "policy-XXXXXX").string();
    root_ = std::filesystem::canonical(::mkdtemp(name.data())).string();
    context_.working_directory = root_;
    context_.home = "/home/ada";
  }
  ~PolicyFiles() override {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = std::filesystem::path(root_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }

  [[nodiscard]] auto load(const std::string& choice) const { return load_policy(choice, context_); }

  // Writes p.yaml with this text and loads it.
  [[nodiscard]] auto load_text(const std::string& text) const {
    write("p.yaml", text);
    return load("p.yaml");
  }

  // The policy of this text; fails the test when it does not load.
  [[nodiscard]] Policy policy_of(const std::string& text) const {
    auto loaded = load_text(text);
    if (loaded) return loaded->policy;
    for (const Diagnostic& each : loaded.error()) ADD_FAILURE() << format_diagnostic(each);
    return {};
  }

  // "line:column code" of every mistake of this text, in order.
  [[nodiscard]] std::vector<std::string> mistakes_of(const std::string& text) const {
    const auto loaded = load_text(text);
    std::vector<std::string> out;
    if (loaded) return out;
    for (const Diagnostic& each : loaded.error()) {
      out.push_back(std::to_string(each.where.line) + ":" + std::to_string(each.where.column) + " " + each.code);
    }
    return out;
  }

  // The first mistake of this text, as it is printed.
  [[nodiscard]] std::string printed(const std::string& text) const {
    const auto loaded = load_text(text);
    return loaded ? "no mistake" : format_diagnostic(loaded.error().front());
  }

  std::string root_;
  PolicyContext context_;
};

using Places = std::vector<std::string>;

}  // namespace cofferdam
