#include "supervise/exec_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cofferdam::supervise {
namespace {

using testing::ElementsAre;

ImageTuple tuple(std::uint64_t number) {
  ImageTuple image{1, 2, {}};
  image.vector.random = number;
  return image;
}

RecordRef record(std::uint64_t number, bool is_app = false) {
  ExecRecord made;
  made.tuple = tuple(number);
  made.is_app = is_app;
  return std::make_shared<const ExecRecord>(made);
}

std::string name_of(std::vector<std::string> argv, const std::string& executable) {
  ExecRecord made;
  made.executable = executable;
  made.argv = std::move(argv);
  const std::string program = has_many_names(made) ? called_as(made) : executable.substr(executable.rfind('/') + 1);
  made.script = script_argument(program, made.argv);
  return program_name(made);
}

TEST(ExecRecords, AMillionImagesLeaveTheAppAndTheLatest) {
  ExecRecords records;
  const RecordRef app = record(0, true);
  records.remember(app, app);
  for (std::uint64_t i = 1; i <= 1'000'000; ++i) records.remember(record(i, i % 2 == 0), app);
  EXPECT_EQ(records.size(), ExecRecords::kMostApps + ExecRecords::kMostOthers);
  EXPECT_EQ(records.look_up(tuple(0)), app);
  EXPECT_NE(records.look_up(tuple(1'000'000)), nullptr);
  EXPECT_EQ(records.look_up(tuple(2)), nullptr);
}

TEST(ExecRecords, WhatIsInUseStays) {
  ExecRecords records;
  const RecordRef app = record(0, true);
  records.remember(app, app);
  const RecordRef shell = record(1);
  records.remember(shell, app);
  for (std::uint64_t i = 2; i < 10'000; ++i) {
    records.remember(record(i), app);
    ASSERT_EQ(records.look_up(tuple(1)), shell);
  }
}

TEST(ExecRecords, WhatTheAppStartsCannotDriveOutWhatItIs) {
  ExecRecords records;
  const RecordRef app = record(0, true);
  records.remember(app, app);
  const RecordRef worker = record(1, true);
  records.remember(worker, app);
  for (std::uint64_t i = 2; i < 10'000; ++i) records.remember(record(i), app);
  EXPECT_EQ(records.look_up(tuple(1)), worker);
}

TEST(ExecRecords, WhatWasDroppedIsNeverTakenForNew) {
  ExecRecords records;
  for (std::uint64_t i = 1; i <= 3'000; ++i) records.remember(record(i), nullptr);
  for (std::uint64_t i = 1; i <= 3'000; ++i) {
    ASSERT_NE(records.is_barred(tuple(i)), records.look_up(tuple(i)) != nullptr) << i;
  }
  EXPECT_FALSE(records.is_barred(tuple(3'001)));
}

TEST(ExecRecords, AJudgedRecordIsSmall) {
  ExecRecord large;
  large.argv.assign(100'000, std::string(1000, 'x'));
  large.loader_values.assign(1000, std::string(1000, 'x'));
  large.script.text = std::string(1 << 20, 'x');
  shorten(large);
  std::size_t bytes = large.script.text.capacity() + large.loader_values.capacity();
  for (const std::string& argument : large.argv) bytes += argument.capacity() + sizeof argument;
  EXPECT_LE(bytes, 4096U);
}

TEST(CutArguments, SaysThatThereWasMore) {
  EXPECT_THAT(cut_arguments({"a", "b"}, 100), ElementsAre("a", "b"));
  EXPECT_THAT(cut_arguments({"a", "bbbbb", "c"}, 4), ElementsAre("a", "..."));
  EXPECT_EQ(cut_arguments(std::vector<std::string>(100, "x"), 1000).size(), 33U);
}

TEST(ProgramName, IsWhatAPersonWouldCallIt) {
  EXPECT_EQ(name_of({"python3", "manage.py", "runserver"}, "/usr/bin/python3.11"), "manage.py");
  EXPECT_EQ(name_of({"/srv/venv/bin/python3", "/srv/venv/bin/gunicorn", "app"}, "/usr/bin/python3.11"), "gunicorn");
  EXPECT_EQ(name_of({"python3", "-u", "-m", "celery", "worker"}, "/usr/bin/python3.11"), "python3.11 -m celery");
  EXPECT_EQ(name_of({"node", "--require", "x", "server.js"}, "/usr/bin/node"), "server.js");
  EXPECT_EQ(name_of({"node", "/usr/bin/npm", "run", "dev"}, "/usr/bin/node"), "npm");
  EXPECT_EQ(name_of({"php", "artisan", "serve"}, "/usr/bin/php8.2"), "artisan");
  EXPECT_EQ(name_of({"ruby", "-w", "bin/rails", "s"}, "/usr/bin/ruby3.1"), "rails");
  EXPECT_EQ(name_of({"/usr/bin/perl", "-w", "./tool.pl"}, "/usr/bin/perl"), "tool.pl");
  EXPECT_EQ(name_of({"sh", "-c", "cp a b"}, "/usr/bin/dash"), "sh");
  EXPECT_EQ(name_of({"/bin/sh", "./entrypoint.sh"}, "/usr/bin/dash"), "entrypoint.sh");
  EXPECT_EQ(name_of({"bash", "-e", "build.sh"}, "/usr/bin/bash"), "build.sh");
  EXPECT_EQ(name_of({"sh", "run.sh"}, "/bin/busybox"), "run.sh");
  EXPECT_EQ(name_of({"/bin/busybox", "cp", "a"}, "/bin/busybox"), "cp");
  EXPECT_EQ(name_of({"xargs", "cp"}, "/usr/bin/xargs"), "xargs");
  EXPECT_EQ(name_of({}, "/srv/app"), "app");
}

}  // namespace
}  // namespace cofferdam::supervise
