// Whose word counts, and what it may name.
#include "oci/policy_choice.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace cofferdam::oci {
namespace {

using Kind = Choice::Kind;

class OciPolicyChoice : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/cofferdam-oci-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    host_.directory = directory_;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& text = "version: 1\n") const {
    std::filesystem::create_directories(std::filesystem::path(directory_ + "/" + name).parent_path());
    std::ofstream(directory_ + "/" + name) << text;
  }

  std::string directory_;
  HostPolicies host_;
  SpecFacts facts_;
  std::map<std::string, std::string> labels_;
};

TEST_F(OciPolicyChoice, AOneOffIsAskedFor) {
  EXPECT_FALSE(is_one_off(facts_, labels_).value());
  facts_.environment["COFFERDAM_ONE_OFF"] = "1";
  EXPECT_TRUE(is_one_off(facts_, labels_).value());
  labels_["cofferdam.one-off"] = "false";
  EXPECT_FALSE(is_one_off(facts_, labels_).value());
  facts_.annotations["cofferdam.one-off"] = "true";
  EXPECT_TRUE(is_one_off(facts_, labels_).value());
  facts_.annotations["cofferdam.one-off"] = "perhaps";
  EXPECT_FALSE(is_one_off(facts_, labels_));
}

TEST_F(OciPolicyChoice, InOrder) {
  EXPECT_EQ(choose_policy(facts_, labels_, host_)->policy, "twelve-factor");
  write("policy.yaml");
  EXPECT_EQ(choose_policy(facts_, labels_, host_)->policy, directory_ + "/policy.yaml");
  facts_.environment["COFFERDAM_POLICY"] = "go";
  EXPECT_EQ(choose_policy(facts_, labels_, host_)->policy, "go");
  labels_["cofferdam.policy"] = "node";
  EXPECT_EQ(choose_policy(facts_, labels_, host_)->policy, "node");
  facts_.annotations["cofferdam.policy"] = "off";
  EXPECT_EQ(choose_policy(facts_, labels_, host_)->kind, Kind::off);
  write("binding-policy.yaml");
  EXPECT_EQ(choose_policy(facts_, labels_, host_)->policy, directory_ + "/binding-policy.yaml");
}

TEST_F(OciPolicyChoice, ASandboxIsLeftAlone) {
  write("binding-policy.yaml");
  facts_.annotations["io.kubernetes.cri.container-type"] = "sandbox";
  EXPECT_EQ(choose_policy(facts_, labels_, host_)->kind, Kind::off);
  facts_.annotations["io.kubernetes.cri.container-type"] = "container";
  EXPECT_EQ(choose_policy(facts_, labels_, host_)->kind, Kind::on_host);
}

TEST_F(OciPolicyChoice, WhatAWishMayName) {
  const auto of = [&](const std::string& value) {
    facts_.annotations["cofferdam.policy"] = value;
    return choose_policy(facts_, labels_, host_);
  };
  write("policies/shop.yaml");
  EXPECT_EQ(of("shop")->policy, directory_ + "/policies/shop.yaml");
  EXPECT_EQ(of("/app/../app/p.yaml")->policy, "/app/p.yaml");
  EXPECT_EQ(of("/app/p.yaml")->kind, Kind::in_image);
  for (const char* wrong : {"", "none-such", "../shop", "a/b", ".", "policies/shop.yaml"}) {
    EXPECT_FALSE(of(wrong)) << wrong;
  }
}

TEST_F(OciPolicyChoice, FlattenedForTheContainer) {
  write("policies/shop.yaml", "version: 1\nextends: twelve-factor\nstorage: {mounts: [{path: /cache, type: tmpfs}]}\n");
  facts_.working_directory = "/app";
  const auto text = flatten_policy({Kind::on_host, directory_ + "/policies/shop.yaml", "a test"}, facts_, "/");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_NE(text->find("mode: container"), std::string::npos);
  EXPECT_NE(text->find("{path: \"/tmp\", type: tmpfs"), std::string::npos);
  EXPECT_NE(text->find("optional: true"), std::string::npos);
  EXPECT_NE(text->find("{path: \"/cache\", type: tmpfs}"), std::string::npos) << *text;
}

TEST_F(OciPolicyChoice, MistakesAreTold) {
  write("policies/bad.yaml", "version: 1\nstorge: {}\n");
  const auto text = flatten_policy({Kind::on_host, directory_ + "/policies/bad.yaml", "a test"}, facts_, "/");
  ASSERT_FALSE(text);
  EXPECT_NE(text.error().message.find("bad.yaml:2"), std::string::npos) << text.error().message;
  EXPECT_NE(text.error().message.find("a test"), std::string::npos);
}

TEST_F(OciPolicyChoice, LabelsOfDocker) {
  write("containers/1/config.v2.json", R"({"Config": {"Labels": {"cofferdam.policy": "go", "n": 1}}})");
  facts_.bind_sources = {"/etc/x", directory_ + "/containers/1/hostname"};
  EXPECT_EQ(read_docker_labels(facts_).at("cofferdam.policy"), "go");
  write("containers/1/config.v2.json", "{");
  EXPECT_TRUE(read_docker_labels(facts_).empty());
  facts_.bind_sources.clear();
  EXPECT_TRUE(read_docker_labels(facts_).empty());
}

}  // namespace
}  // namespace cofferdam::oci
