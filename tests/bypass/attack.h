// What the attack programs share. A case is a function that tries one thing and says whether it believes that it got
// through; for connections and files the runner does not believe it and looks from outside.
#pragma once

#include <stddef.h>

enum outcome {
  BLOCKED,      // errno says how
  SUCCEEDED,    // as far as the case itself can see
  UNSUPPORTED,  // this kernel or user can't do it at all
};

struct attack {
  const char* name;  // row of the corpus, a letter behind it where a row has several ways
  enum outcome (*run)(void);
};

// One table a subject, ended by a null name.
extern const struct attack network_attacks[];
extern const struct attack storage_attacks[];
extern const struct attack identity_attacks[];
extern const struct attack process_attacks[];
extern const struct attack egress_attacks[];

extern const char* case_name;  // the one that runs

// The runner's environment.
int number_of(const char* variable);        // 0 when unset
const char* text_of(const char* variable);  // "" when unset
const char* scratch(const char* name);      // a path in a directory that may be written
const char* target(const char* name);       // a path in this case's own directory outside the writable mounts

// Says who we are to whoever is connected, so that the listeners outside know which attack reached them.
enum outcome announce(int socket);
enum outcome blocked_unless(int succeeded);

// Connects `type` to the database's port at a numeric address of either family.
int database_socket(const char* address, int type, int protocol);
int connect_to(int socket, const char* address, int port);
int connect_path(int socket, const char* path);

// A race: `flip` runs in a second thread until `stop`, while the case tries again and again. racing() is true until the
// time for it is over.
extern volatile int stop;
void start_flipping(void* (*flip)(void*));
int racing(void);
void stop_flipping(void);
