// Takes secrets out of what is shown: argument lists and URLs in events, reports and messages.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cofferdam::base {

// `text` with `***` in place of each secret that can be recognised by its place:
//   scheme://user:SECRET@host, and https://SECRET@host;
//   key=SECRET anywhere (also in a query, a libpq connection string or `sh -c "PGPASSWORD=... psql"`), where the key's
//   last words are password, passwd, passphrase, pwd, secret, token, api_key, access_key, private_key or credentials;
//   `"key":"SECRET"` in JSON; and the value of an Authorization, Cookie or X-Api-Key header.
// The rest is unchanged. A secret in a place of its own (an argument without a key) can't be seen.
[[nodiscard]] std::string redact_url(std::string_view text);

// Each argument as redact_url(), and beside it the value that follows a flag: `--password SECRET`, `-token SECRET`,
// and the short flags of well-known programs (mysql -pSECRET, redis-cli -a SECRET, mongosh -p SECRET,
// curl -u user:SECRET, sshpass -p SECRET). argv[0] says which program it is.
[[nodiscard]] std::vector<std::string> redact_argv(std::span<const std::string> argv);

}  // namespace cofferdam::base
