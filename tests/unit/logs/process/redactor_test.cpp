#include "logs/process/redactor.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "logs/escape.hpp"

namespace cofferdam::logs {
namespace {

std::vector<std::string> all_rules() {
  return {kRedactRules.begin(), kRedactRules.end()};
}

std::string redacted(Redactor& redactor, std::string_view text) {
  std::string scratch;
  return std::string(redactor.redact(Stream::out, text, scratch));
}

// Marks without their hash.
std::string shape(std::string text) {
  for (std::size_t at = text.find("[REDACTED:"); at != std::string::npos; at = text.find("[REDACTED:", at + 1)) {
    const std::size_t colon = text.find(':', at + 10);
    text.erase(colon, 9);
  }
  return text;
}

struct Case {
  const char* line;
  const char* shape;  // null: unchanged
};

class RedactedLine : public ::testing::TestWithParam<Case> {};

TEST_P(RedactedLine, IsAsItShouldBe) {
  Redactor redactor(all_rules(), {});
  const std::string line = GetParam().line;
  EXPECT_EQ(shape(redacted(redactor, line)), GetParam().shape == nullptr ? line : GetParam().shape);
}

INSTANTIATE_TEST_SUITE_P(
    Secrets, RedactedLine,
    ::testing::Values(
        Case{"connect postgres://app:s3cret@db:5432/x?y=1",
             "connect postgres://app:[REDACTED:url-password]@db:5432/x?y=1"},
        Case{"\"redis://:p4ss@cache\"", "\"redis://:[REDACTED:url-password]@cache\""},
        Case{"git clone https://0123456789abcdef0123@github.com/a",
             "git clone https://[REDACTED:url-password]@github.com/a"},
        Case{"Authorization: Bearer abc.def-123", "Authorization: Bearer [REDACTED:bearer]"},
        Case{"{\"authorization\": \"Basic dXNlcjpwYXNz\"}", "{\"authorization\": \"Basic [REDACTED:bearer]\"}"},
        Case{"curl -H 'authorization: token abcdef'", "curl -H 'authorization: token [REDACTED:bearer]'"},
        Case{"sent bearer 0123456789abcdef01", "sent bearer [REDACTED:bearer]"},
        Case{"Cookie: sessionid=abc; csrftoken=def", "Cookie: sessionid=[REDACTED:cookie]"},
        Case{"{\"set-cookie\":\"sid=1234; Path=/\"}", "{\"set-cookie\":\"sid=[REDACTED:cookie]\"}"},
        Case{"key AKIAIOSFODNN7EXAMPLE used", "key [REDACTED:aws-key] used"},
        Case{"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
             "aws_secret_access_key = [REDACTED:aws-key]"},
        Case{"t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P", "t=[REDACTED:jwt]"},
        Case{"remote ghp_0123456789abcdefghijABCDEFGHIJ012345 ok", "remote [REDACTED:github-token] ok"},
        Case{"glpat-0123456789abcdefABCD", "[REDACTED:gitlab-token]"},
        Case{"slack xoxb-123456789012-abcdef", "slack [REDACTED:slack-token]"},
        Case{"POST https://hooks.slack.com/services/T000/B000/XXXXXXXXXXXXXXXX",
             "POST https://hooks.slack.com/services/[REDACTED:slack-token]"},
        Case{"sk_live_0123456789abcdefABCD", "[REDACTED:stripe-key]"},
        Case{"DB_PASSWORD=hunter2 next", "DB_PASSWORD=[REDACTED:password-pair] next"},
        Case{"{\"password\": \"hun\\\"ter2\", \"user\": \"bob\"}",
             "{\"password\": \"[REDACTED:password-pair]\", \"user\": \"bob\"}"},
        Case{R"(body="{\"api_key\":\"abc123\"}")", R"(body="{\"api_key\":\"[REDACTED:password-pair]\"}")"},
        Case{"  password: hunter", "  password: [REDACTED:password-pair]"},
        Case{"GET /x?access_token=abc&y=1", "GET /x?access_token=[REDACTED:password-pair]&y=1"},
        Case{"login(user='a', passwd='b c')", "login(user='a', passwd='[REDACTED:password-pair]')"}));

// As loggers, frameworks and other encodings print them.
INSTANTIATE_TEST_SUITE_P(
    Disguised, RedactedLine,
    ::testing::Values(
        Case{"\x1b[33mghp_0123456789abcdefghijABCDEFGHIJ012345\x1b[0m", "\x1b[33m[REDACTED:github-token]\x1b[0m"},
        Case{"\x1b[1;36mpassword\x1b[0m=\x1b[35mhunter2\x1b[0m",
             "\x1b[1;36mpassword\x1b[0m=\x1b[35m[REDACTED:password-pair]\x1b[0m"},
        Case{"\x1b[36mauthorization\x1b[0m: \x1b[35mBasic dXNlcjpwYXNz\x1b[0m",
             "\x1b[36mauthorization\x1b[0m: \x1b[35mBasic [REDACTED:bearer]\x1b[0m"},
        Case{R"({"msg":"a\nAKIAIOSFODNN7EXAMPLE\nb"})", R"({"msg":"a\n[REDACTED:aws-key]\nb"})"},
        Case{"next=%2Fx%3Ft%3Dglpat-0123456789abcdefABCD", "next=%2Fx%3Ft%3D[REDACTED:gitlab-token]"},
        Case{"next=%2Fx%3Fpassword%3Dhunter2%26y", "next=%2Fx%3Fpassword%3D[REDACTED:password-pair]%26y"},
        Case{R"({"url":"mysql:\/\/app:s3cret@db\/x"})", R"({"url":"mysql:\/\/app:[REDACTED:url-password]@db\/x"})"},
        Case{"map[Accept:[*/*] Authorization:[Basic dXNlcjpwYXNz]]",
             "map[Accept:[*/*] Authorization:[Basic [REDACTED:bearer]]]"},
        Case{"SECRET_KEY = 'django-insecure-abc'", "SECRET_KEY = '[REDACTED:password-pair]'"},
        Case{"{\"secretKey\":\"abc1\"}", "{\"secretKey\":\"[REDACTED:password-pair]\"}"},
        Case{"Server=db;Password=hunter2;Database=x", "Server=db;Password=[REDACTED:password-pair];Database=x"},
        Case{"AccountName=x;AccountKey=abc+/=;", "AccountName=x;AccountKey=[REDACTED:password-pair];"},
        Case{"<user>bob</user><password>hun ter</password>",
             "<user>bob</user><password>[REDACTED:password-pair]</password>"},
        Case{"password=hunter2\r", "password=[REDACTED:password-pair]\r"},
        Case{R"({"key":"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"})",
             R"({"key":"[REDACTED:private-key]\n"})"}));

INSTANTIATE_TEST_SUITE_P(
    Text, RedactedLine,
    ::testing::Values(Case{"GET http://example.com:8080/a@b", nullptr}, Case{"mailto user@example.com", nullptr},
                      Case{"2026-11-22 INFO token refreshed in 12 ms", nullptr},
                      Case{"SyntaxError: Unexpected token: colon", nullptr}, Case{"password=***", nullptr},
                      Case{"password: <hidden>", nullptr}, Case{"{\"password\": null}", nullptr},
                      Case{"tokens=512 max_tokens=100", nullptr}, Case{"set PASSWORD=${DB_PASSWORD}", nullptr},
                      Case{"cookie consent shown", nullptr}, Case{"the bearer of this letter", nullptr},
                      Case{"AKIAlone", nullptr}, Case{"eyJust a word", nullptr}, Case{"mysk_live_", nullptr},
                      Case{"Authorization required", nullptr}, Case{"PWD=/srv/app OLDPWD=/", nullptr},
                      Case{"password reset mail sent to bob", nullptr},
                      Case{"reset your password: click here", nullptr},
                      Case{"commit 9fceb02d0ae598e95dc970b74767f19372d61af8", nullptr},
                      Case{"id=123e4567-e89b-12d3-a456-426614174000", nullptr},
                      Case{"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", nullptr},
                      Case{"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ", nullptr},
                      Case{"!function(e){var t={};function n(r){if(t[r])return t[r].exports}}([])", nullptr},
                      Case{"the secret of token buckets", nullptr}, Case{"tokens: 12", nullptr}));

TEST(Redactor, APrivateKeySpansLinesOfItsStream) {
  Redactor redactor(all_rules(), {});
  std::string scratch;
  EXPECT_EQ(shape(redacted(redactor, "key: -----BEGIN RSA PRIVATE KEY-----")), "key: [REDACTED:private-key]");
  EXPECT_EQ(shape(redacted(redactor, "MIIEpAIBAAKCAQEA7d")), "[REDACTED:private-key]");
  EXPECT_EQ(redactor.redact(Stream::err, "another stream", scratch), "another stream");
  EXPECT_EQ(shape(redacted(redactor, "-----END RSA PRIVATE KEY----- after")), "[REDACTED:private-key] after");
  EXPECT_EQ(redacted(redactor, "a plain line"), "a plain line");
  EXPECT_EQ(shape(redacted(redactor, "x\n-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\ny")),
            "x\n[REDACTED:private-key]\ny");
  EXPECT_EQ(redacted(redactor, "-----BEGIN PUBLIC KEY-----"), "-----BEGIN PUBLIC KEY-----");
  // A key that was never ended does not swallow the log.
  EXPECT_EQ(shape(redacted(redactor, "-----BEGIN PRIVATE KEY-----")), "[REDACTED:private-key]");
  EXPECT_EQ(redacted(redactor, "2026-11-22 INFO request done"), "2026-11-22 INFO request done");
  for (const char* after : {"INFO: request done", "{\"a\": 1}", "{\"a\":1}"}) {
    (void)redacted(redactor, "-----BEGIN PRIVATE KEY-----");
    EXPECT_EQ(redacted(redactor, after), after);
  }
  (void)redacted(redactor, "-----BEGIN RSA PRIVATE KEY-----");
  EXPECT_EQ(shape(redacted(redactor, "Proc-Type: 4,ENCRYPTED")), "[REDACTED:private-key]");
  EXPECT_EQ(shape(redacted(redactor, "MIIEpAIBAAKCAQEA7d==\r")), "[REDACTED:private-key]");
}

TEST(Redactor, ValuesAreFoundInEveryForm) {
  const std::string secret = "p@ss w\"rd/ä+1";
  Redactor redactor({}, {secret});
  std::string json;
  base::append_json_string(json, secret);
  for (const std::string& form :
       {secret, std::string("p%40ss%20w%22rd%2F%C3%A4%2B1"), std::string("p%40ss+w%22rd%2f%c3%a4%2b1"), json,
        std::string("p%40ss%20w%22rd/%C3%A4%2B1"), std::string(R"(p@ss w\"rd/\u00e4+1)"),
        std::string(R"(p@ss w\"rd\/ä+1)")}) {
    const std::string out = redacted(redactor, "before " + form + " after");
    EXPECT_EQ(out.find("rd"), std::string::npos) << out;
    EXPECT_TRUE(out.starts_with("before ") && out.ends_with(" after")) << out;
  }
  for (std::size_t shift = 0; shift < 3; ++shift) {
    const std::string text = std::string(shift, 'x') + secret + "yz";
    std::string encoded(base64_size(text.size()), '\0');
    (void)encode_base64(text, encoded.data());
    EXPECT_NE(redacted(redactor, encoded), encoded) << shift;
  }
}

TEST(Redactor, AValueOfSeveralLinesIsFoundLineByLine) {
  Redactor redactor({}, {"first line of it\nsecond line of it\n"});
  EXPECT_EQ(shape(redacted(redactor, "x second line of it")), "x [REDACTED:value]");
}

TEST(Redactor, TheSameSecretHasTheSameMark) {
  Redactor redactor(all_rules(), {"hunter2hunter2"});
  const std::string a = redacted(redactor, "password=hunter2x");
  EXPECT_EQ(a, redacted(redactor, "password=hunter2x"));
  EXPECT_NE(a, redacted(redactor, "password=hunter3x"));
  Redactor other(all_rules(), {});
  EXPECT_NE(a, redacted(other, "password=hunter2x"));
}

TEST(Redactor, ABlockWithoutAnyHintIsClean) {
  const Redactor redactor(all_rules(), {"hunter2hunter2"});
  EXPECT_FALSE(
      redactor.may_match(Stream::out, "2026-11-22T10:00:00.123Z INFO [worker-3] request done path=\"/x\" ms=12\n"));
  for (const char* hint : {"PASSWORD", "aKIa", "://", "hunter2hunter2", "private key-----", "xoxb"}) {
    // Wherever it stands in and across blocks of 32 bytes, and up to the end of the text.
    for (std::size_t shift = 0; shift < 100; ++shift) {
      for (const std::size_t behind : {0U, 1U, 2U, 33U, 70U}) {
        const std::string text = std::string(shift, '.') + hint + std::string(behind, '.');
        EXPECT_TRUE(redactor.may_match(Stream::out, text)) << hint << ' ' << shift << ' ' << behind;
      }
    }
  }
}

TEST(Redactor, AnyBytesAreSafeAndCleanOnesAreLeftAlone) {
  std::mt19937 random(17);
  Redactor redactor(all_rules(), {"hunter2hunter2", "s3cr3t/value"});
  constexpr std::array<std::string_view, 16> kParts = {
      "password", "=", ":",    "\"", "\\\"",           "://",    "@", "Bearer ",
      "eyJ",      ".", "AKIA", " ",  "hunter2hunter2", "cookie", "'", "x1"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t i = random() % 12; i > 0; --i) {
      if (random() % 3 == 0) {
        text += static_cast<char>(random());
      } else {
        text += kParts.at(random() % kParts.size());
      }
    }
    const std::string out = redacted(redactor, text);
    EXPECT_EQ(out.find("hunter2hunter2"), std::string::npos);
    EXPECT_TRUE(redactor.may_match(Stream::out, text) || out == text);
  }
}

}  // namespace
}  // namespace cofferdam::logs
