#include "support/authority.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>

#include <cstdio>
#include <stdexcept>

namespace cofferdam::test {

namespace {

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr, "extension");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* make_certificate(EVP_PKEY* key, const std::string& name, std::chrono::seconds from, std::chrono::seconds until) {
  static long serial = 0;
  ++serial;
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate), until.count());
  X509_set_pubkey(certificate, key);
  const std::string unique = name + " " + std::to_string(serial);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(unique.c_str()), -1, -1, 0);
  return certificate;
}

template <class Write>
void write_pem(const std::string& path, const Write& write) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  require(file != nullptr, "PEM file");
  require(write(file) == 1, "PEM");
  (void)std::fclose(file);
}

}  // namespace

Authority::Authority() : file_(directory_.path() + "/ca.pem"), key_(EVP_EC_gen("P-256")) {
  certificate_ = make_certificate(key_, "Test Authority", std::chrono::hours(-24), std::chrono::hours(24));
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  add_extension(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate_, certificate_, NID_key_usage, "critical,keyCertSign");
  require(X509_sign(certificate_, key_, EVP_sha256()) > 0, "signature");
  write_pem(file_, [&](std::FILE* file) { return PEM_write_X509(file, certificate_); });
}

Authority::~Authority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

Certificate Authority::issue(const CertificateWish& wish) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = make_certificate(key, "test server", wish.valid_from, wish.valid_until);
  X509* const issuer = wish.self_signed ? certificate : certificate_;
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  std::string names;
  for (const std::string& name : wish.names) names += (names.empty() ? "" : ",") + name;
  if (!names.empty()) add_extension(certificate, issuer, NID_subject_alt_name, names);
  require(X509_sign(certificate, wish.self_signed ? key : key_, EVP_sha256()) > 0, "signature");

  const std::string stem = directory_.path() + "/" + std::to_string(++issued_);
  const Certificate files{stem + ".crt", stem + ".key"};
  write_pem(files.certificate, [&](std::FILE* file) { return PEM_write_X509(file, certificate); });
  write_pem(files.key,
            [&](std::FILE* file) { return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr); });
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

TlsAcceptor::TlsAcceptor(const Certificate& certificate, const std::string& newest)
    : context_(SSL_CTX_new(TLS_server_method())) {
  if (newest == "TLSv1.2") SSL_CTX_set_max_proto_version(context_, TLS1_2_VERSION);
  if (newest == "TLSv1.1") {
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_, TLS1_1_VERSION);
    SSL_CTX_set_security_level(context_, 0);
  }
  require(SSL_CTX_use_certificate_file(context_, certificate.certificate.c_str(), SSL_FILETYPE_PEM) == 1,
          "certificate");
  require(SSL_CTX_use_PrivateKey_file(context_, certificate.key.c_str(), SSL_FILETYPE_PEM) == 1, "key");
}

TlsAcceptor::~TlsAcceptor() {
  SSL_CTX_free(context_);
}

std::unique_ptr<TlsAcceptor::Session> TlsAcceptor::accept(int fd) {
  // OpenSSL writes with write(2). The signal comes to the thread that wrote; the client's keeps its default action.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  ERR_clear_error();
  SSL* ssl = SSL_new(context_);
  SSL_set_fd(ssl, fd);
  if (SSL_accept(ssl) == 1) return std::make_unique<Session>(ssl);
  SSL_free(ssl);
  return nullptr;
}

TlsAcceptor::Session::~Session() {
  SSL_free(ssl_);
}

void TlsAcceptor::Session::write(std::string_view bytes) {
  (void)SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
}

std::string TlsAcceptor::Session::read() {
  std::string got(64 << 10, '\0');
  const int size = SSL_read(ssl_, got.data(), static_cast<int>(got.size()));
  got.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return got;
}

void TlsAcceptor::Session::close() {
  (void)SSL_shutdown(ssl_);
}

std::string TlsAcceptor::Session::server_name() const {
  const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? name : "";
}

std::string TlsAcceptor::Session::version() const {
  return SSL_get_version(ssl_);
}

}  // namespace cofferdam::test
