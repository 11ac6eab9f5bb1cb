#include "supervise/outcome.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

namespace cofferdam::supervise {
namespace {

using Kind = kernel::NotifyKind;

constexpr uid_t kOwner = 1000;
constexpr uid_t kStranger = 2000;

// One mount of each type, its mount id is its place in the list, from 1; 99 belongs to none of them.
class Outcomes : public testing::Test {
 protected:
  static constexpr std::array kTypes = {MountType::overlay, MountType::tmpfs, MountType::persistent,
                                        MountType::read_only, MountType::hidden};
  static constexpr std::uint64_t kNoMount = 99;

  Outcomes() {
    for (std::size_t i = 0; i < kTypes.size(); ++i) {
      plans_.at(i).type = kTypes.at(i);
      plans_.at(i).path = "/mount" + std::to_string(i);
    }
    for (std::size_t i = 0; i < kTypes.size(); ++i) {
      instance_.mounts.push_back({.plan = &plans_.at(i), .mount_id = i + 1, .root = -1, .layer = -1});
    }
  }

  static std::uint64_t id_of(MountType type) {
    for (std::size_t i = 0; i < kTypes.size(); ++i) {
      if (kTypes.at(i) == type) return i + 1;
    }
    return kNoMount;
  }

  // A directory that is there, with these mode bits, owned by kOwner and the group of the same number.
  static Place directory(std::uint64_t mount_id, std::uint32_t mode = 0755) {
    Place place;
    place.parent = kernel::Fd(::open("/", O_PATH | O_CLOEXEC));
    place.name = "x";
    place.parent_identity = file(mount_id, S_IFDIR | mode);
    return place;
  }
  static kernel::FileIdentity file(std::uint64_t mount_id, std::uint32_t mode = S_IFREG | 0644) {
    kernel::FileIdentity identity;
    identity.mount_id = mount_id;
    identity.mode = mode;
    identity.uid = kOwner;
    identity.gid = kOwner;
    return identity;
  }
  static kernel::ThreadStatus by(uid_t uid, gid_t gid = kStranger) {
    kernel::ThreadStatus status;
    status.fsuid = uid;
    status.fsgid = gid;
    return status;
  }

  // "landed", "refused 30 rule", "refused 30 rights", "failed 13"
  static std::string shown(const Outcome& outcome) {
    std::string text = to_string(outcome.outcome);
    if (outcome.errnum != 0) text += " " + std::to_string(outcome.errnum);
    if (outcome.outcome == WriteOutcome::refused) text += outcome.by_rule ? " rule" : " rights";
    return text;
  }
  [[nodiscard]] std::string outcome(const WriteIntent& intent, uid_t uid, const Place& place,
                                    const kernel::FileIdentity* object = nullptr) const {
    return shown(predict(instance_, by(uid), intent, place, object));
  }

  std::array<plan::PlannedMount, kTypes.size()> plans_;
  InstanceView instance_;
};

const std::string kRefusedByRule = "refused " + std::to_string(EROFS) + " rule";
const std::string kRefusedByRights = "refused " + std::to_string(EROFS) + " rights";
std::string failed(int error) {
  return "failed " + std::to_string(error);
}

constexpr std::array kMetadata = {Kind::chmod,     Kind::chown,        Kind::set_times,
                                  Kind::set_xattr, Kind::remove_xattr, Kind::set_attributes};
constexpr std::array kMakers = {Kind::make_directory, Kind::symlink, Kind::make_node, Kind::link, Kind::bind};

TEST_F(Outcomes, WhatIsWrittenOverFollowsTheMountOfTheFile) {
  for (const MountType type : kTypes) {
    const bool writable = type == MountType::overlay || type == MountType::tmpfs || type == MountType::persistent;
    EXPECT_EQ(is_writable(type), writable);
    const auto object = file(id_of(type));
    // The directory lies on another mount: a file that is mounted itself is judged by its own.
    for (const Kind kind : {Kind::open, Kind::truncate}) {
      const Place elsewhere = directory(id_of(writable ? MountType::read_only : MountType::tmpfs), 0777);
      EXPECT_EQ(outcome({.kind = kind}, kOwner, elsewhere, &object), writable ? "landed" : kRefusedByRule);
    }
    for (const Kind kind : kMetadata) {
      if (kind == Kind::set_attributes && type == MountType::overlay) continue;  // below
      EXPECT_EQ(outcome({.kind = kind}, kOwner, directory(kNoMount), &object), writable ? "landed" : kRefusedByRule);
    }
  }
}

TEST_F(Outcomes, WhatChangesADirectoryFollowsTheMountOfTheDirectory) {
  for (const MountType type : kTypes) {
    const bool writable = is_writable(type);
    const Place place = directory(id_of(type));
    for (const Kind kind : kMakers) {
      EXPECT_EQ(outcome({.kind = kind}, kOwner, place), writable ? "landed" : kRefusedByRule);
    }
    const std::uint64_t elsewhere = id_of(writable ? MountType::read_only : MountType::tmpfs);
    const auto object = file(elsewhere, S_IFREG | 0);
    EXPECT_EQ(outcome({.kind = Kind::unlink}, kOwner, place, &object), writable ? "landed" : kRefusedByRule);
    const auto folder = file(elsewhere, S_IFDIR | 0);
    EXPECT_EQ(outcome({.kind = Kind::remove_directory}, kOwner, place, &folder), writable ? "landed" : kRefusedByRule);
    EXPECT_EQ(outcome({.kind = Kind::open, .creates = true}, kOwner, place), writable ? "landed" : kRefusedByRule);
  }
  EXPECT_EQ(outcome({.kind = Kind::make_directory}, kOwner, directory(kNoMount)), kRefusedByRule);
}

TEST_F(Outcomes, RightsOfTheCallerCountWhereTheRuleDoesNot) {
  const Place mine = directory(id_of(MountType::tmpfs));
  EXPECT_EQ(outcome({.kind = Kind::make_directory}, kStranger, mine), failed(EACCES));
  EXPECT_EQ(outcome({.kind = Kind::open, .creates = true}, kStranger, mine), failed(EACCES));
  EXPECT_EQ(outcome({.kind = Kind::make_directory}, 0, mine), "landed");
  const auto in_overlay = file(id_of(MountType::overlay));
  EXPECT_EQ(outcome({.kind = Kind::set_attributes}, kOwner, mine, &in_overlay), failed(EOPNOTSUPP));
  const auto object = file(id_of(MountType::tmpfs));
  EXPECT_EQ(outcome({.kind = Kind::open}, kStranger, mine, &object), failed(EACCES));
  for (const Kind kind : kMetadata) {
    EXPECT_EQ(outcome({.kind = kind}, kStranger, mine, &object), failed(EPERM));
    EXPECT_EQ(outcome({.kind = kind}, 0, mine, &object), "landed");
  }
  // Being allowed to write is not enough to change whose a file is.
  const auto open_to_all = file(id_of(MountType::overlay), S_IFREG | 0666);
  EXPECT_EQ(outcome({.kind = Kind::open}, kStranger, mine, &open_to_all), "landed");
  EXPECT_EQ(outcome({.kind = Kind::chmod}, kStranger, mine, &open_to_all), failed(EPERM));
}

TEST_F(Outcomes, ARefusalSaysWhetherTheRightsAloneWouldHaveRefused) {
  const Place place = directory(id_of(MountType::read_only));
  EXPECT_EQ(outcome({.kind = Kind::unlink}, kOwner, place), failed(ENOENT));
  EXPECT_EQ(outcome({.kind = Kind::make_directory}, kStranger, place), kRefusedByRights);
  EXPECT_EQ(outcome({.kind = Kind::make_directory}, 0, place), kRefusedByRule);
  const auto object = file(kNoMount);
  EXPECT_EQ(outcome({.kind = Kind::chmod}, kStranger, place, &object), kRefusedByRights);
  EXPECT_EQ(outcome({.kind = Kind::chmod}, kOwner, place, &object), kRefusedByRule);
}

TEST_F(Outcomes, NamesThatAreMissingOrInTheWay) {
  const Place place = directory(id_of(MountType::tmpfs));
  const auto object = file(id_of(MountType::tmpfs));
  for (const Kind kind : {Kind::unlink, Kind::remove_directory}) {
    EXPECT_EQ(outcome({.kind = kind}, kOwner, place), failed(ENOENT));
  }
  for (const Kind kind : {Kind::open, Kind::truncate, Kind::chmod, Kind::set_times}) {
    EXPECT_EQ(outcome({.kind = kind}, kOwner, place), failed(ENOENT));
  }
  for (const Kind kind : kMakers) {
    EXPECT_EQ(outcome({.kind = kind}, kOwner, place, &object), failed(kind == Kind::bind ? EADDRINUSE : EEXIST));
  }
  EXPECT_EQ(outcome({.kind = Kind::open, .creates = true, .exclusive = true}, kOwner, place, &object), failed(EEXIST));
  EXPECT_EQ(outcome({.kind = Kind::open, .creates = true}, kOwner, place, &object), "landed");
  EXPECT_EQ(outcome({.kind = Kind::open, .creates = true, .exclusive = true}, kOwner, place), "landed");

  // What is in the way is said before the rule, as the kernel does it.
  const Place sealed = directory(id_of(MountType::read_only));
  EXPECT_EQ(outcome({.kind = Kind::make_directory}, kOwner, sealed, &object), failed(EEXIST));
}

TEST_F(Outcomes, ADirectoryThatIsNotThereGivesItsOwnError) {
  Place nowhere;
  nowhere.error = ENOTDIR;
  EXPECT_EQ(outcome({.kind = Kind::open, .creates = true}, kOwner, nowhere), failed(ENOTDIR));
  nowhere.error = ELOOP;
  EXPECT_EQ(outcome({.kind = Kind::unlink}, 0, nowhere), failed(ELOOP));
}

TEST_F(Outcomes, LandlockRefusesWithItsOwnError) {
  const Place place = directory(kNoMount);
  instance_.container = true;
  EXPECT_EQ(outcome({.kind = Kind::make_directory}, kOwner, place), kRefusedByRule);
  EXPECT_STREQ(instance_.decider(), "mount");
  instance_.landlock = true;
  EXPECT_EQ(outcome({.kind = Kind::make_directory}, kOwner, place), "refused " + std::to_string(EACCES) + " rule");
  EXPECT_STREQ(instance_.decider(), "landlock");
  instance_.read_only = {kNoMount};  // a read-only mount speaks first
  EXPECT_EQ(outcome({.kind = Kind::make_directory}, kOwner, place), kRefusedByRule);
  instance_.container = false;
  instance_.read_only.clear();
  EXPECT_EQ(outcome({.kind = Kind::make_directory}, kOwner, place), kRefusedByRule);
}

TEST_F(Outcomes, ModeBitsAreThoseOfTheFirstClassThatFits) {
  struct Row {
    std::uint32_t mode;
    uid_t uid;
    gid_t gid;
    bool may;
  };
  for (const auto& [mode, uid, gid, may] :
       {Row{0200, kOwner, kStranger, true}, Row{0022, kOwner, kOwner, false}, Row{0020, kStranger, kOwner, true},
        Row{0002, kStranger, kOwner, false}, Row{0002, kStranger, kStranger, true},
        Row{0220, kStranger, kStranger, false}, Row{0000, 0, 0, true}}) {
    EXPECT_EQ(permitted(file(1, mode), by(uid, gid)), may) << std::oct << mode << " " << std::dec << uid << ":" << gid;
  }
}

TEST_F(Outcomes, AMountIdThatIsUnknownIsNoMount) {
  plan::PlannedMount plan;
  InstanceView view;
  view.mounts.push_back({.plan = &plan, .mount_id = 0, .root = -1, .layer = -1});
  EXPECT_EQ(view.find(0), nullptr);
  EXPECT_FALSE(view.may_change(0));
  EXPECT_TRUE(view.may_change(7));  // a file system of the kernel's own
  view.foreign = {7};
  EXPECT_FALSE(view.may_change(7));
  EXPECT_FALSE(instance_.may_change(id_of(MountType::read_only)));
  EXPECT_TRUE(instance_.may_change(id_of(MountType::overlay)));
}

TEST_F(Outcomes, WhatTheObjectIsDecidesBeforeAnybodysRights) {
  const Place place = directory(id_of(MountType::tmpfs));
  const auto folder = file(id_of(MountType::tmpfs), S_IFDIR | 0755);
  const auto plain = file(id_of(MountType::tmpfs));
  EXPECT_EQ(outcome({.kind = Kind::open}, kOwner, place, &folder), failed(EISDIR));
  EXPECT_EQ(outcome({.kind = Kind::open, .nameless = true}, kOwner, place, &folder), "landed");
  EXPECT_EQ(outcome({.kind = Kind::truncate}, kOwner, place, &folder), failed(EISDIR));
  EXPECT_EQ(outcome({.kind = Kind::unlink}, kOwner, place, &folder), failed(EISDIR));
  EXPECT_EQ(outcome({.kind = Kind::unlink, .trailing_slash = true}, kOwner, place, &plain), failed(ENOTDIR));
  EXPECT_EQ(outcome({.kind = Kind::remove_directory}, kOwner, place, &plain), failed(ENOTDIR));
  EXPECT_EQ(shown(predict(instance_, by(kOwner), {.kind = Kind::remove_directory}, place, &folder, true)),
            failed(ENOTEMPTY));
}

TEST_F(Outcomes, StickyDirectoriesLetOwnersTakeNamesAway) {
  const Place open_to_all = directory(id_of(MountType::tmpfs), 01777);
  const auto object = file(id_of(MountType::tmpfs));
  EXPECT_EQ(outcome({.kind = Kind::unlink}, kStranger, open_to_all, &object), failed(EPERM));
  EXPECT_EQ(outcome({.kind = Kind::unlink}, kOwner, open_to_all, &object), "landed");
  EXPECT_EQ(outcome({.kind = Kind::unlink}, 0, open_to_all, &object), "landed");
}

TEST_F(Outcomes, SupplementaryGroupsCount) {
  const auto object = file(id_of(MountType::tmpfs), S_IFREG | 0664);
  kernel::ThreadStatus member = by(kStranger);
  EXPECT_FALSE(permitted(object, member));
  member.groups = {kOwner};
  EXPECT_TRUE(permitted(object, member));
}

TEST_F(Outcomes, ARenameIsOfBothEnds) {
  const Place here = directory(id_of(MountType::overlay));
  const Place there = directory(id_of(MountType::tmpfs));
  const Place sealed = directory(id_of(MountType::read_only));
  const auto plain = file(id_of(MountType::overlay));
  auto other = plain;
  other.inode = 7;
  auto folder = file(id_of(MountType::overlay), S_IFDIR | 0755);
  folder.inode = 8;
  const auto rename = [&](const WriteEnd& from, const WriteEnd& to, unsigned flags = 0) {
    return shown(predict_rename(instance_, by(kOwner), {.kind = Kind::rename, .flags = flags}, from, to));
  };
  EXPECT_EQ(rename({&here, &plain}, {&here}), "landed");
  EXPECT_EQ(rename({&here, &plain}, {&here, &other}), "landed");
  EXPECT_EQ(rename({&here}, {&here}), failed(ENOENT));
  EXPECT_EQ(rename({&here, &plain}, {&there}), failed(EXDEV));
  EXPECT_EQ(rename({&here, &plain}, {&sealed}), kRefusedByRule);
  EXPECT_EQ(rename({&here, &plain}, {&here, &folder}), failed(EISDIR));
  EXPECT_EQ(rename({&here, &folder}, {&here, &plain}), failed(ENOTDIR));
  EXPECT_EQ(rename({&here, &plain}, {&here, &other}, RENAME_NOREPLACE), failed(EEXIST));
  EXPECT_EQ(rename({&here, &plain}, {&here}, RENAME_EXCHANGE), failed(ENOENT));
  EXPECT_EQ(rename({&here, &plain}, {&here}, RENAME_WHITEOUT), failed(EINVAL));
}

TEST_F(Outcomes, ALinkIsOfTheObjectAndTheNewName) {
  const Place here = directory(id_of(MountType::overlay));
  const Place sealed = directory(id_of(MountType::read_only));
  const auto plain = file(id_of(MountType::overlay));
  const auto foreign = file(id_of(MountType::read_only));
  const auto folder = file(id_of(MountType::overlay), S_IFDIR | 0755);
  const auto link = [&](const WriteEnd& from, const WriteEnd& to) {
    return shown(predict_link(instance_, by(kOwner), from, to));
  };
  EXPECT_EQ(link({nullptr, &plain}, {&here}), "landed");
  EXPECT_EQ(link({nullptr, nullptr}, {&here}), failed(ENOENT));
  EXPECT_EQ(link({nullptr, &plain}, {&here, &plain}), failed(EEXIST));
  EXPECT_EQ(link({nullptr, &foreign}, {&here}), failed(EXDEV));
  EXPECT_EQ(link({nullptr, &plain}, {&sealed}), kRefusedByRule);
  EXPECT_EQ(link({nullptr, &folder}, {&here}), failed(EPERM));
}

}  // namespace
}  // namespace cofferdam::supervise
