// What every mistake in a policy looks like.
#include <string>
#include <vector>

#include "unit/policy/policy_files.hpp"

namespace cofferdam {
namespace {

class InvalidPolicy : public PolicyFiles {};

// Row for row: the text of a policy whose line 3 is wrong, and the place and code of it.
struct Bad {
  std::string rows;
  Places mistakes;
};

TEST_F(InvalidPolicy, ReportsEachMistakeWithItsPlaceAndCode) {
  const std::vector<Bad> all = {
      // unknown keys, and keys of a later version
      {"storag: {}", {"3:1 CD902"}},
      {"Mode: auto", {"3:1 CD902"}},
      {"storage: {mount: []}", {"3:11 CD902"}},
      {"storage: {mounts: [{path: /a, type: tmpfs, mode: 1}]}", {"3:44 CD902"}},
      {"database: {allow: [{form: app, to: 'a:1'}]}", {"3:21 CD902"}},
      {"\"<<\": 1", {"3:1 CD902"}},
      {"access: {remote_logins: deny}", {"3:10 CD902"}},
      {"network: {egress: maybe}", {"3:19 CD903"}},
      {"network: {egres: deny}", {"3:11 CD902"}},
      {"network: {allow: [\"api:0\"]}", {"3:19 CD903"}},
      {"network: {allow: [\"*.example.com\"]}", {"3:19 CD903"}},
      {"network: {allow: [\"env:API_URL\"]}", {"3:19 CD903"}},
      {"access: {debug: yes}", {"3:17 CD903"}},
      {"access: allow", {"3:9 CD903"}},
      {"devices: /dev/dri", {"3:10 CD903"}},
      {"devices: [/dev]", {"3:11 CD908"}},
      {"devices: [/etc/passwd]", {"3:11 CD908"}},
      {"devices: [/dev/../etc]", {"3:11 CD908"}},
      {"devices: [\"/dev/video*\"]", {"3:11 CD908"}},
      {"limits: {memory: 2G, processes: 0, cpu: 1.2345, open_files: many, swap: 0}",
       {"3:18 CD903", "3:33 CD903", "3:41 CD903", "3:61 CD903", "3:67 CD902"}},
      {"limits: {memory: 4MiB, processes: '5', cpu: '1', open_files: 1e3}",
       {"3:18 CD903", "3:35 CD903", "3:45 CD903", "3:62 CD903"}},
      {"limits: 2GiB", {"3:9 CD903"}},
      {"storage: {elsewhere: deny}", {"3:11 CD904"}},
      // wrong types
      {"mode: [auto]", {"3:7 CD903"}},
      {"mode: ", {"3:1 CD903"}},
      {"mode: ~", {"3:7 CD903"}},
      {"storage: []", {"3:10 CD903"}},
      {"storage: ", {"3:1 CD903"}},
      {"storage: {mounts: {path: /a}}", {"3:19 CD903"}},
      {"storage: {mounts: [/a]}", {"3:20 CD903"}},
      {"environment: {require: DATABASE_URL}", {"3:24 CD903"}},
      {"environment: {set: [A]}", {"3:20 CD903"}},
      {"database: {engines: postgres}", {"3:21 CD903"}},
      {"app: {also: [[celery]]}", {"3:14 CD903"}},
      // Y4: values that mean something else to some readers
      {"mode: no", {"3:7 CD903"}},
      {"mode: Auto", {"3:7 CD903"}},
      {"enforcement: off", {"3:14 CD903"}},
      {"database: {ports: [0777, 1e3, 0x1F, 1_000, 5432:30, .inf, 0, -1, 65536, '5432', 5432.0, +5432]}",
       {"3:20 CD903", "3:26 CD903", "3:31 CD903", "3:37 CD903", "3:44 CD903", "3:53 CD903", "3:59 CD903", "3:62 CD903",
        "3:66 CD903", "3:73 CD903", "3:81 CD903", "3:89 CD903"}},
      {"environment: {set: {A: no, B: 1, C: 0777, D: 1e3, E: .inf, F: }}",
       {"3:24 CD903", "3:31 CD903", "3:37 CD903", "3:46 CD903", "3:54 CD903", "3:60 CD903"}},
      {"environment: {export: yes}", {"3:23 CD903"}},
      {"environment: {export: \"true\"}", {"3:23 CD903"}},
      {"environment: {files: [no]}", {"3:23 CD903"}},
      {"storage: {mounts: [{path: ~, type: tmpfs}]}", {"3:27 CD903"}},
      {"run: {stop_grace: 10}", {"3:19 CD903"}},
      {"run: {stop_grace: 1.5s}", {"3:19 CD903"}},
      {"run: {stop_signal: 15}", {"3:20 CD903"}},
      {"run: {replicas: 0}", {"3:17 CD903"}},
      {"run: {replicas: 101}", {"3:17 CD903"}},
      {"run: {restart: no}", {"3:16 CD903"}},
      {"run: {readiness: {http: healthz}}", {"3:25 CD903"}},
      {"run: {readiness: {port: 70000}}", {"3:25 CD903"}},
      {"storage: {mounts: [{path: /a, type: tmpfs, size: 512}]}", {"3:50 CD903"}},
      {"storage: {mounts: [{path: /a, type: tmpfs, size: big}]}", {"3:50 CD903"}},
      {"storage: {mounts: [{path: /a, type: tmpfs, size: 1KiB}]}", {"3:50 CD903"}},
      {"storage: {mounts: [{path: /a, type: tmpfs, size: 99999999999TiB}]}", {"3:50 CD903"}},
      // Y5: paths and hosts
      {"storage: {mounts: [{path: /a//b, type: tmpfs}]}", {"3:27 CD903"}},
      {"storage: {mounts: [{path: $HOME/a, type: tmpfs}]}", {"3:27 CD903"}},
      {"storage: {mounts: [{path: \"/a\\0b\", type: tmpfs}]}", {"3:27 CD901"}},
      {"storage: {mounts: [{path: \xef\xbc\x8f"
       "etc, type: tmpfs}]}",
       {"3:27 CD903"}},
      {"storage: {mounts: [{path: /a/*, type: tmpfs}]}", {"3:27 CD903"}},
      {"database: {allow: [\"db.:5432\", \"d\xc3\xbc.de:5432\", {to: \"db\"}]}",
       {"3:20 CD903", "3:32 CD903", "3:52 CD903"}},
      // keys that are missing or exclude each other
      {"storage: {mounts: [{type: tmpfs}]}", {"3:20 CD903"}},
      {"storage: {mounts: [{path: /a}]}", {"3:27 CD903"}},
      {"storage: {mounts: [{path: /a, type: tmpsf}]}", {"3:37 CD903"}},
      {"storage: {mounts: [{path: /a, typ: tmpfs}]}", {"3:31 CD902"}},
      {"storage: {mounts: [{path: /a, type: tmpfs, watch: true}]}", {"3:51 CD903"}},
      {"storage: {mounts: [{path: /a, type: overlay, exec: false}]}", {"3:52 CD903"}},
      {"storage: {mounts: [{path: /a, type: hidden, size: 1MiB, watch: true, exec: true}]}",
       {"3:51 CD903", "3:64 CD903", "3:76 CD903"}},
      {"storage: {mounts: [{path: /a, type: read-only, size: 1MiB}]}", {"3:54 CD903"}},
      {"storage: {mounts: [{path: /a, type: tmpfs}, {path: /a/, type: tmpfs}]}", {"3:52 CD905"}},
      {"database: {allow: [{from: app}]}", {"3:20 CD903"}},
      {"database: {allow: [{from: me, to: env:A}]}", {"3:27 CD903"}},
      {"database: {engines: [postgres, oracel]}", {"3:32 CD903"}},
      {"app: {also: [{argv: [a]}]}", {"3:14 CD903"}},
      {"app: {also: [\"celery -A x\", \"wor*\", \"bin/\"]}", {"3:14 CD903", "3:29 CD903", "3:37 CD903"}},
      {"app: {also: [/*/x, /usr/bin/p*, \"/tmp/../bin/*\", \"~/*\", \"./*\"]}",
       {"3:14 CD903", "3:20 CD903", "3:33 CD903", "3:50 CD903", "3:57 CD903"}},
      {"logs: {sinks: [{type: file}, {type: console, path: /a}, {type: files}]}",
       {"3:16 CD903", "3:46 CD903", "3:64 CD903"}},
      {"environment: {set: {A: \"1\"}, drop: [A]}", {"3:21 CD903"}},
      {"environment: {set: {COFFERDAM_MODE: \"local\"}}", {"3:21 CD903"}},
      {"environment: {set: {A-B: \"1\"}, require: [A B]}", {"3:21 CD903", "3:42 CD903"}},
      // paths that are too much
      {"storage: {mounts: [{path: /, type: overlay}]}", {"3:27 CD908"}},
      {"storage: {mounts: [{path: /a/.., type: tmpfs}]}", {"3:27 CD908"}},
      {"storage: {mounts: [{path: /proc/sys, type: read-only}]}", {"3:27 CD908"}},
      {"storage: {mounts: [{path: /sys, type: hidden}]}", {"3:27 CD908"}},
      {"storage: {mounts: [{path: /dev, type: tmpfs}]}", {"3:27 CD908"}},
      {"storage: {mounts: [{path: /usr, type: tmpfs}]}", {"3:27 CD908"}},
      {"storage: {mounts: [{path: /etc, type: persistent}]}", {"3:27 CD908"}},
      {"storage: {mounts: [{path: \"~\", type: persistent}]}", {"3:27 CD908"}},
      {"storage: {mounts: [{path: /home, type: overlay, watch: true}]}", {"3:56 CD908"}},
  };
  for (const Bad& bad : all)
    EXPECT_EQ(mistakes_of("version: 1\nextends: none\n" + bad.rows + "\n"), bad.mistakes) << bad.rows;
}

TEST_F(InvalidPolicy, ReportsAllMistakesOfAFileInItsOrder) {
  EXPECT_EQ(mistakes_of(
                "run: {stop_grace: soon}\nversion: 2\nmode: &m locl\nmode: auto\nstorge: {}\n"
                "storage:\n  mounts:\n    - {path: /, type: tmpfs}\n    - {path: /a, typ: tmpfs}\nextends: nowhere\n"),
            (Places{"1:19 CD903", "2:10 CD903", "3:7 CD906", "4:1 CD905", "5:1 CD902", "9:18 CD902", "10:10 CD909"}));
}

TEST_F(InvalidPolicy, WantsAVersion) {
  EXPECT_EQ(mistakes_of("mode: auto\n"), Places{"1:1 CD903"});
  EXPECT_EQ(mistakes_of("version: \"1\"\n"), Places{"1:10 CD903"});
  EXPECT_EQ(mistakes_of("version: 1.0\n"), Places{"1:10 CD903"});
}

TEST_F(InvalidPolicy, SaysWhatToWriteIntoAnEmptyPolicy) {
  EXPECT_EQ(
      printed("# nothing yet\n"),
      "p.yaml:1:1: error: the policy is empty [CD903]\n  write at least:\n  version: 1\n  extends: twelve-factor");
  EXPECT_EQ(mistakes_of("- a\n"), Places{"1:1 CD903"});
  EXPECT_EQ(mistakes_of("a\n"), Places{"1:1 CD903"});
}

TEST_F(InvalidPolicy, CapsSizeDepthAndNodesBeforeParsing) {
  EXPECT_EQ(mistakes_of("version: 1\n#" + std::string(10 << 20, 'x')), Places{"0:0 CD907"});
  EXPECT_EQ(mistakes_of("version: 1\nstorage: " + std::string(10'000, '[')), Places{"2:26 CD907"});
  std::string many = "version: 1\nsockets:\n";
  for (int i = 0; i < 20'000; ++i) many += "- /a\n";
  EXPECT_EQ(mistakes_of(many), Places{"9998:3 CD907"});
}

TEST_F(InvalidPolicy, NamesTheNearestMatchAndTheLegalValues) {
  EXPECT_EQ(printed("version: 1\nstorage:\n  mounts: [{path: /a, typ: tmpfs}]\n"),
            "p.yaml:3:23: error: unknown key 'typ' in 'storage.mounts' [CD902]\n"
            "  did you mean 'type'? the keys here are path, type, size, inodes, watch, exec and optional");
  EXPECT_EQ(printed("version: 1\nmode: contaner\n"),
            "p.yaml:2:7: error: 'contaner' is no value of 'mode' [CD903]\n"
            "  did you mean 'container'? write auto, local or container");
  EXPECT_NE(printed("version: 1\ndatabase: {engines: [postgrse]}\n").find("did you mean 'postgres'?"),
            std::string::npos);
  EXPECT_EQ(printed("version: 1\nstorage: {elsewhere: deny}\n"),
            "p.yaml:2:11: error: 'storage.elsewhere' is not available in this version [CD904]\n"
            "  remove it: nothing would enforce it yet");
}

TEST_F(InvalidPolicy, MakesTextOfThePolicySafeToPrint) {
  const std::string text = printed("version: 1\n\"a\\e[31mb\\n\": 1\n");
  EXPECT_NE(text.find("'a\\x1b[31mb\\n'"), std::string::npos) << text;
}

}  // namespace
}  // namespace cofferdam
