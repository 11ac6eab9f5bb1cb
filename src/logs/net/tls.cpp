#include "logs/net/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <vector>

#include "base/text.hpp"
#include "logs/net/socket.hpp"
#include "plan/address.hpp"

namespace cofferdam::logs {

namespace {

template <auto Free>
struct Deleter {
  void operator()(auto* object) const { Free(object); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Deleter<SSL_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;

// Where distributions install their bundle: Debian, Ubuntu, Alpine; Fedora, RHEL; openSUSE; Alpine, BSD.
constexpr std::array<const char*, 5> kBundles = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

// --- the socket, as OpenSSL sees it: its own BIO writes with write(2), which may raise SIGPIPE
// -------------------------

struct Wire {
  int fd = -1;
  int errnum = 0;  // of the last call that failed for good; 0: the peer has ended the stream
};

Wire& wire_of(BIO* bio) {
  return *static_cast<Wire*>(BIO_get_data(bio));
}

int settle(BIO* bio, ssize_t moved, int retry_flag) {
  BIO_clear_retry_flags(bio);
  if (moved < 0) {
    if (errno == EAGAIN || errno == EINTR) {
      BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
    } else {
      wire_of(bio).errnum = errno;
    }
  }
  return static_cast<int>(moved);
}

int wire_write(BIO* bio, const char* bytes, int size) {
  return settle(bio, send(wire_of(bio).fd, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

int wire_read(BIO* bio, char* into, int size) {
  return settle(bio, recv(wire_of(bio).fd, into, static_cast<std::size_t>(size), 0), BIO_FLAGS_READ);
}

long wire_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* wire_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_write(made, wire_write);
    BIO_meth_set_read(made, wire_read);
    BIO_meth_set_ctrl(made, wire_control);
    return made;
  }();
  return method;
}

// --- what went wrong -------------------------------------------------------------------------------------------------

// The first entry of OpenSSL's queue is the cause; the rest is what followed from it.
std::string first_error() {
  const unsigned long code = ERR_peek_error();
  if (code == 0) return "unknown error";
  if (ERR_SYSTEM_ERROR(code)) return errno_text(ERR_GET_REASON(code));
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    switch (ERR_GET_REASON(code)) {
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_HTTP_REQUEST: return "the peer does not speak TLS";
      case SSL_R_UNSUPPORTED_PROTOCOL:
      case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return "the peer does not offer TLS 1.2 or later";
      case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE: return "the peer refuses the TLS handshake";
      case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return "the peer wants a client's certificate; there is no key for one";
      default: break;
    }
  }
  const char* reason = ERR_reason_error_string(code);
  return std::string("TLS: ") + (reason != nullptr ? reason : "unknown error");
}

std::string text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

// "db.example, 10.0.0.7": what the certificate is for; at most three names.
std::string names_in(const X509* certificate) {
  std::vector<std::string> found;
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int i = 0; i < count && found.size() < 4; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) found.push_back(base::printable(text_of(name->d.dNSName)));
    if (name->type != GEN_IPADD) continue;
    const std::string bytes = text_of(name->d.iPAddress);
    plan::IpAddress address;
    if (bytes.size() != 4 && bytes.size() != 16) continue;
    address.family = bytes.size() == 4 ? plan::IpAddress::Family::v4 : plan::IpAddress::Family::v6;
    std::ranges::copy(bytes, address.bytes.begin());
    found.push_back(plan::to_string(address));
  }
  if (found.empty()) return "no name";
  if (found.size() > 3) found.back() = "...";
  return base::join(found, ", ");
}

// A certificate that was refused is gone when the handshake has failed: its names are kept in the session's app data.
int keep_names_of_refused(int good, X509_STORE_CTX* store) {
  if (good == 1) return 1;
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  *static_cast<std::string*>(SSL_get_ex_data(ssl, 0)) = names_in(X509_STORE_CTX_get0_cert(store));
  return 0;
}

// `names`: of the certificate; `authorities`: the file that was asked.
std::string describe_refusal(long verdict, const Endpoint& endpoint, const std::string& names,
                             const std::string& authorities) {
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return "the server's certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "the server's certificate is not valid yet (is the clock right?)";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the server's certificate is for " + names + ", not for " + base::printable(endpoint.host);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "the server's certificate is self-signed, and not in " + authorities + "; name it in ca_file";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "the server's certificate is of an authority that is not in " + authorities +
             "; name that authority's certificate in ca_file";
    default: return std::string("the server's certificate was refused: ") + X509_verify_cert_error_string(verdict);
  }
}

// --- preparation -----------------------------------------------------------------------------------------------------

// No configuration file is read: it could name modules to load, which a static program can't and ours shall not.
bool start_library() {
  static const bool started = OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr) == 1;
  return started;
}

// A PEM file, and who named it: nobody for the bundles of distributions.
struct AuthoritiesFile {
  std::string path;
  const char* named_by = "";
};

Result<AuthoritiesFile> find_authorities(const Endpoint& endpoint) {
  if (!endpoint.ca_file.empty()) return AuthoritiesFile{endpoint.ca_file, "ca_file "};
  const char* file = std::getenv("SSL_CERT_FILE");
  if (file != nullptr && *file != '\0') return AuthoritiesFile{file, "SSL_CERT_FILE "};
  for (const char* bundle : kBundles) {
    if (access(bundle, R_OK) == 0) return AuthoritiesFile{bundle};
  }
  return fail(
      "no certificate authorities to verify the server with: name a PEM file in ca_file, or install the system's "
      "bundle (" +
      std::string(kBundles.front()) + ")");
}

Result<void> load_authorities(SSL_CTX* context, const AuthoritiesFile& file) {
  ERR_clear_error();
  if (SSL_CTX_load_verify_file(context, file.path.c_str()) == 1) return {};
  const unsigned long code = ERR_peek_error();
  const int errnum = ERR_SYSTEM_ERROR(code) ? ERR_GET_REASON(code) : 0;
  return fail(file.named_by + base::printable(file.path) + ": " +
                  (errnum != 0 ? errno_text(errnum) : "holds no certificate in PEM form"),
              errnum);
}

struct Context {
  ContextPtr context;
  std::string authorities;  // the file
};

Result<Context> make_context(const Endpoint& endpoint) {
  if (!start_library()) return fail("OpenSSL can't be started");
  Context made{ContextPtr(SSL_CTX_new(TLS_client_method())), {}};
  SSL_CTX* const context = made.context.get();
  if (context == nullptr) return fail(first_error());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!endpoint.verify) return made;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, keep_names_of_refused);
  auto file = find_authorities(endpoint);
  if (!file) return std::unexpected(file.error());
  if (auto loaded = load_authorities(context, *file); !loaded) return std::unexpected(loaded.error());
  made.authorities = base::printable(file->path);
  return made;
}

// Whom we want to talk to: for the server, which may have several certificates (SNI), and for the verification.
bool set_peer(SSL* ssl, const Endpoint& endpoint) {
  const auto address = plan::parse_ip(endpoint.host);
  if (address) {
    const std::string plain = plan::to_string(*address);
    return !endpoint.verify || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), plain.c_str()) == 1;
  }
  std::string name = endpoint.host;
  if (name.ends_with('.')) name.pop_back();
  // SSL_set_tlsext_host_name(), without its cast.
  if (SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) != 1) return false;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return !endpoint.verify || SSL_set1_host(ssl, name.c_str()) == 1;
}

}  // namespace

// --- the session -----------------------------------------------------------------------------------------------------

struct TlsSession::State {
  Wire wire;
  SslPtr ssl;
  bool broken = false;  // nothing may be written any more, not even a good-bye

  // Waits for what the call that returned `result` needs: 0 when it shall be made again. The error is told by
  // explain().
  [[nodiscard]] int wait(int error, Deadline deadline) const {
    if (error == SSL_ERROR_WANT_READ) return wait_for(wire.fd, POLLIN, deadline);
    return wait_for(wire.fd, POLLOUT, deadline);
  }
  // A call has failed for good.
  [[nodiscard]] std::unexpected<Error> give_up(int error) {
    broken = true;
    if (wire.errnum != 0) return fail(errno_text(wire.errnum), wire.errnum);
    const bool cut =
        error == SSL_ERROR_SYSCALL || (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL &&
                                       ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
    if (cut) return fail("the peer has cut the connection", ECONNRESET);
    return fail(first_error(), EPROTO);
  }
  [[nodiscard]] std::unexpected<Error> give_up_waiting(int errnum) {
    broken = true;
    return fail(errno_text(errnum), errnum);
  }
};

TlsSession::TlsSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsSession::TlsSession(TlsSession&&) noexcept = default;
TlsSession& TlsSession::operator=(TlsSession&&) noexcept = default;

TlsSession::~TlsSession() {
  if (state_ && !state_->broken) (void)SSL_shutdown(state_->ssl.get());
  ERR_clear_error();
}

Result<TlsSession> TlsSession::open(int fd, const Endpoint& endpoint, Deadline deadline) {
  auto prepared = make_context(endpoint);
  if (!prepared) return std::unexpected(prepared.error());
  ERR_clear_error();
  auto state = std::make_unique<State>();
  state->wire.fd = fd;
  state->broken = true;  // until the handshake is done
  state->ssl.reset(SSL_new(prepared->context.get()));
  SSL* const ssl = state->ssl.get();
  BIO* const bio = BIO_new(wire_method());
  if (ssl == nullptr || bio == nullptr || !set_peer(ssl, endpoint)) {
    BIO_free(bio);
    return fail(first_error());
  }
  std::string names;
  SSL_set_ex_data(ssl, 0, &names);
  BIO_set_data(bio, &state->wire);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);

  for (int result = SSL_connect(ssl); result != 1; result = SSL_connect(ssl)) {
    const int error = SSL_get_error(ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      if (const int errnum = state->wait(error, deadline); errnum != 0) {
        return fail("TLS handshake: " + errno_text(errnum), errnum);
      }
      continue;
    }
    const long verdict = SSL_get_verify_result(ssl);
    if (endpoint.verify && verdict != X509_V_OK) {
      return fail(describe_refusal(verdict, endpoint, names, prepared->authorities), EPROTO);
    }
    return state->give_up(error);
  }
  SSL_set_ex_data(ssl, 0, nullptr);
  state->broken = false;
  return TlsSession(std::move(state));
}

Result<void> TlsSession::write(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    ERR_clear_error();
    const int size = static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX));
    const int result = SSL_write(state_->ssl.get(), bytes.data(), size);
    if (result > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(result));
      continue;
    }
    const int error = SSL_get_error(state_->ssl.get(), result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return state_->give_up(error);
    if (const int errnum = state_->wait(error, deadline); errnum != 0) return state_->give_up_waiting(errnum);
  }
  return {};
}

Result<std::size_t> TlsSession::read(char* into, std::size_t size, Deadline deadline) {
  while (true) {
    ERR_clear_error();
    const int most = static_cast<int>(std::min<std::size_t>(size, INT_MAX));
    const int result = SSL_read(state_->ssl.get(), into, most);
    if (result > 0) return static_cast<std::size_t>(result);
    const int error = SSL_get_error(state_->ssl.get(), result);
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return state_->give_up(error);
    if (const int errnum = state_->wait(error, deadline); errnum != 0) return state_->give_up_waiting(errnum);
  }
}

bool TlsSession::is_stale() {
  if (state_->broken) return true;
  ERR_clear_error();
  char byte = 0;
  const int result = SSL_peek(state_->ssl.get(), &byte, 1);
  if (result <= 0 && SSL_get_error(state_->ssl.get(), result) == SSL_ERROR_WANT_READ) return false;
  if (result <= 0) state_->broken = true;
  return true;
}

Result<void> check_authorities(const Endpoint& endpoint) {
  auto context = make_context(endpoint);
  if (!context) return std::unexpected(context.error());
  return {};
}

}  // namespace cofferdam::logs
