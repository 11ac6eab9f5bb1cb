#include "logs/sinks/compressor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include <functional>
#include <random>
#include <thread>

#include "logs/sinks/compress_stream.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::logs {
namespace {

using Compress = LogRotation::Compress;
using std::chrono::milliseconds;

std::string text_of(std::size_t size) {
  std::mt19937 random(5);
  std::string text;
  while (text.size() < size) text += "line " + std::to_string(random() % 1000) + "\n";
  return text;
}

std::string gunzip(const std::string& path) {
  std::string text;
  const gzFile file = gzopen(path.c_str(), "rb");
  std::array<char, 4096> piece{};
  int count = 0;
  while (file != nullptr && (count = gzread(file, piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
  if (file == nullptr || count < 0 || gzclose(file) != Z_OK) return "(broken)";
  return text;
}

std::string unzstd(const std::string& packed) {
  std::string text(10 << 20, '\0');
  const std::size_t size = ZSTD_decompress(text.data(), text.size(), packed.data(), packed.size());
  if (ZSTD_isError(size) != 0) return "(broken)";
  text.resize(size);
  return text;
}

class CompressorTest : public testing::Test {
 protected:
  void make(Compress kind) {
    at_.reset(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    LogRotation rotation;
    rotation.compress = kind;
    files = std::make_unique<RotatedFiles>(at_.get(), "app.log", rotation);
    compressor = std::make_unique<Compressor>(*files, milliseconds{20});
  }
  static void await(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(milliseconds{1});
    ASSERT_TRUE(condition());
  }

  test::TemporaryDirectory directory;
  std::unique_ptr<RotatedFiles> files;
  std::unique_ptr<Compressor> compressor;

 private:
  kernel::Fd at_;
};

TEST_F(CompressorTest, MakesGzipOfEveryFile) {
  make(Compress::gzip);
  const std::string one = text_of(700'000);
  directory.write("app.log", "now");
  directory.write("app.log.1", one, 0604);
  directory.write("app.log.2", "");
  directory.write("app.log.3.zst", "as it was");
  compressor->wake();
  await([&] { return directory.has("app.log.1.gz") && directory.has("app.log.2.gz") && !directory.has("app.log.2"); });
  EXPECT_EQ(gunzip(directory("app.log.1.gz")), one);
  EXPECT_EQ(gunzip(directory("app.log.2.gz")), "");
  EXPECT_EQ(directory.read("app.log.3.zst"), "as it was");
  EXPECT_EQ(directory.read("app.log"), "now");
  struct stat status{};
  ASSERT_EQ(::stat(directory("app.log.1.gz").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0604U);
  EXPECT_LT(status.st_size, 350'000);
}

TEST_F(CompressorTest, MakesZstd) {
  make(Compress::zstd);
  const std::string one = text_of(700'000);
  directory.write("app.log.1", one);
  compressor->wake();
  await([&] { return directory.has("app.log.1.zst") && !directory.has("app.log.1"); });
  EXPECT_EQ(unzstd(directory.read("app.log.1.zst")), one);
}

TEST_F(CompressorTest, LeavesAFileAloneThatAnotherProcessCompresses) {
  make(Compress::gzip);
  const std::string path = directory.write("app.log.1", "text");
  const kernel::Fd locked(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(locked.get(), LOCK_EX), 0);
  compressor->wake();
  std::this_thread::sleep_for(milliseconds{100});
  EXPECT_EQ(directory.read("app.log.1"), "text");
  EXPECT_FALSE(directory.has("app.log.1.gz"));
}

TEST_F(CompressorTest, StopsAtOnceAndLeavesTheFileAsItWas) {
  make(Compress::gzip);
  const std::string text = text_of(8 << 20);
  directory.write("app.log.1", text);
  compressor->wake();
  await([&] {
    for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
      if (entry.path().extension() == ".compressing") return true;
    }
    return directory.has("app.log.1.gz");
  });
  const auto before = std::chrono::steady_clock::now();
  compressor.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, milliseconds{500});
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    entries += entry.exists() ? 1 : 0;
  }
  EXPECT_EQ(entries, 1U);
  if (directory.has("app.log.1")) {
    EXPECT_EQ(directory.read("app.log.1"), text);
  }
}

}  // namespace
}  // namespace cofferdam::logs
