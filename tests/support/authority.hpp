// A certificate authority of a test, and the server's side of TLS.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/temporary_directory.hpp"

// OpenSSL's types, without its headers.
struct evp_pkey_st;
struct x509_st;
struct ssl_ctx_st;
struct ssl_st;

namespace cofferdam::test {

struct CertificateWish {
  std::vector<std::string> names = {"DNS:localhost", "IP:127.0.0.1", "IP:::1"};  // as openssl.cnf writes them
  std::chrono::seconds valid_from{-3600};                                        // from now
  std::chrono::seconds valid_until{3600};
  bool self_signed = false;
};

// PEM files.
struct Certificate {
  std::string certificate;
  std::string key;
};

class Authority {
 public:
  Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;
  ~Authority();

  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] Certificate issue(const CertificateWish& wish = {});

 private:
  TemporaryDirectory directory_;
  std::string file_;
  int issued_ = 0;
  evp_pkey_st* key_;
  x509_st* certificate_;
};

class TlsAcceptor {
 public:
  // `newest`: the highest version that it offers, as in "TLSv1.2"; empty: any.
  explicit TlsAcceptor(const Certificate& certificate, const std::string& newest = {});
  TlsAcceptor(const TlsAcceptor&) = delete;
  TlsAcceptor& operator=(const TlsAcceptor&) = delete;
  ~TlsAcceptor();

  class Session {
   public:
    ~Session();
    explicit Session(ssl_st* ssl) : ssl_(ssl) {}
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    void write(std::string_view bytes);
    [[nodiscard]] std::string read();               // what comes next; empty at the end
    void close();                                   // says good-bye
    [[nodiscard]] std::string server_name() const;  // what the client asked for (SNI); empty: nothing
    [[nodiscard]] std::string version() const;      // "TLSv1.3"

   private:
    ssl_st* ssl_;
  };
  // The handshake on a blocking socket; null when it failed. Blocks SIGPIPE in the calling thread.
  [[nodiscard]] std::unique_ptr<Session> accept(int fd);

 private:
  ssl_ctx_st* context_;
};

}  // namespace cofferdam::test
