// A directory of a test's own, removed at its end.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace cofferdam::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "cofferdam-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::filesystem::filesystem_error("mkdtemp", std::error_code(errno, std::system_category()));
    // The kernel prints paths without symlinks; the tests compare with what it prints.
    path_ = std::filesystem::canonical(name).string();
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // The path of `name` in it.
  [[nodiscard]] std::string operator()(const std::string& name) const { return path_ + "/" + name; }

  // Writes a file, with the directories on the way; returns its path.
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    const std::string path = (*this)(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0) << path;
    return path;
  }
  std::string make_directory(const std::string& name) const {
    std::filesystem::create_directories((*this)(name));
    return (*this)(name);
  }
  void make_link(const std::string& name, const std::string& target) const {
    std::filesystem::create_directories(std::filesystem::path((*this)(name)).parent_path());
    std::filesystem::create_symlink(target, (*this)(name));
  }
  // The content of a file; "(none)" when it can't be read.
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file((*this)(name), std::ios::binary);
    return file ? std::string(std::istreambuf_iterator<char>(file), {}) : "(none)";
  }
  // Whether the name is there, without following it.
  [[nodiscard]] bool has(const std::string& name) const {
    struct stat status{};
    return ::lstat((*this)(name).c_str(), &status) == 0;
  }

 private:
  std::string path_;
};

}  // namespace cofferdam::test
