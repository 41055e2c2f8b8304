#pragma once
#include <stdint.h>

/*
 * What bare SQLite does from C: the measure of what this project adds.
 *
 * Every function returns 0, or an SQLite result code; cbaseline_message then says what happened. Times are
 * nanoseconds of CLOCK_MONOTONIC and hold nothing but the calls into SQLite. One thread uses a baseline.
 */

typedef struct CBaseline CBaseline;

/* The values of one save. Blobs are not copied and must live until the call returns. */
typedef struct {
  int64_t journal;
  int64_t sequence;
  const void *body;
  int32_t body_length;
  const void *head;    /* 32 bytes */
  const void *attempt; /* 16 bytes */
  const char *item;
  const void *value;
  int32_t value_length;
  const void *boot; /* 16 bytes */
  int64_t boot_milliseconds;
  int64_t wall_milliseconds;
  int64_t remaining_milliseconds;
  const void *mac; /* 16 bytes */
} CBaselineSave;

/* One entry as a row of its own. */
typedef struct {
  int64_t journal;
  int64_t sequence;
  const void *body;
  int32_t body_length;
} CBaselineRow;

/* Opens or makes the file and runs `scripts` on it, in order. NULL without memory; else ask cbaseline_message. */
CBaseline *cbaseline_open(const char *path, const char *const *scripts, int32_t count);
void cbaseline_close(CBaseline *baseline);
/* The last failure; NULL if there was none. */
const char *cbaseline_message(const CBaseline *baseline);

/* Prepares a save's statements: begin, insert, upsert, update, commit. */
int cbaseline_prepare_save(CBaseline *baseline, const char *const *statements);
/* All of them in one transaction. */
int cbaseline_save(CBaseline *baseline, const CBaselineSave *save, uint64_t *nanoseconds);
/* The upsert alone in a transaction: the smallest commit that keeps an answer. */
int cbaseline_commit_row(CBaseline *baseline, const CBaselineSave *save, uint64_t *nanoseconds);

/* Prepares the storing of entries as rows: begin, insert (journal, sequence, body), commit. */
int cbaseline_prepare_rows(CBaseline *baseline, const char *const *statements);
/* Stores `count` rows, `rows_per_commit` in each transaction. */
int cbaseline_store_rows(CBaseline *baseline, const CBaselineRow *rows, int64_t count, int64_t rows_per_commit,
                         uint64_t *nanoseconds);

/*
 * Waiting for the sockets of the load generator with epoll(7): what it costs must not grow with the sockets that have
 * nothing to say, or the generator would be what is measured.
 */

typedef struct {
  uint32_t index;
  int32_t has_room;
} CBaselineReady;

/* A descriptor to be closed by the caller, or -1 with errno. */
int cbaseline_poller_open(void);
/* Watches a socket for bytes, and for room to write where `waits_for_room` is not 0. -1 with errno on failure. */
int cbaseline_poller_watch(int poller, int socket, uint32_t index, int waits_for_room, int is_new);
/* How many sockets have news, at most `capacity` and 512; -1 with errno. An interrupted wait is 0. */
int cbaseline_poller_wait(int poller, CBaselineReady *ready, int32_t capacity, int32_t milliseconds);

/* Gives back to the kernel what lies free in the allocator: malloc_trim(3), which the Swift module of glibc lacks. */
void cbaseline_trim(void);
