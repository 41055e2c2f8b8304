#include "CBaseline.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ITEM_LENGTH = -1, ID_BYTES = 16, DIGEST_BYTES = 32, MESSAGE_BYTES = 512 };

struct CBaseline {
  sqlite3 *database;
  sqlite3_stmt *begin, *insert, *upsert, *update, *commit;
  char message[MESSAGE_BYTES];
};

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int failed(CBaseline *baseline, int code) {
  const char *text = baseline->database ? sqlite3_errmsg(baseline->database) : "no memory";
  strncpy(baseline->message, text, MESSAGE_BYTES - 1);
  if (baseline->database && !sqlite3_get_autocommit(baseline->database)) {
    sqlite3_exec(baseline->database, "ROLLBACK", NULL, NULL, NULL);
  }
  return code;
}

CBaseline *cbaseline_open(const char *path, const char *const *scripts, int32_t count) {
  CBaseline *baseline = calloc(1, sizeof(CBaseline));
  if (!baseline) return NULL;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  int code = sqlite3_open_v2(path, &baseline->database, flags, NULL);
  for (int32_t index = 0; code == SQLITE_OK && index < count; index++) {
    code = sqlite3_exec(baseline->database, scripts[index], NULL, NULL, NULL);
  }
  if (code != SQLITE_OK) failed(baseline, code);
  return baseline;
}

static void finalize(CBaseline *baseline) {
  sqlite3_stmt **all[] = {&baseline->begin, &baseline->insert, &baseline->upsert, &baseline->update, &baseline->commit};
  for (size_t index = 0; index < sizeof(all) / sizeof(all[0]); index++) {
    sqlite3_finalize(*all[index]);
    *all[index] = NULL;
  }
}

void cbaseline_close(CBaseline *baseline) {
  if (!baseline) return;
  finalize(baseline);
  sqlite3_close(baseline->database);
  free(baseline);
}

const char *cbaseline_message(const CBaseline *baseline) { return baseline->message[0] ? baseline->message : NULL; }

static int prepare(CBaseline *baseline, const char *sql, sqlite3_stmt **statement) {
  int code = sqlite3_prepare_v3(baseline->database, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
  return code == SQLITE_OK ? SQLITE_OK : failed(baseline, code);
}

int cbaseline_prepare_save(CBaseline *baseline, const char *const *statements) {
  finalize(baseline);
  int code = prepare(baseline, statements[0], &baseline->begin);
  if (code == SQLITE_OK) code = prepare(baseline, statements[1], &baseline->insert);
  if (code == SQLITE_OK) code = prepare(baseline, statements[2], &baseline->upsert);
  if (code == SQLITE_OK) code = prepare(baseline, statements[3], &baseline->update);
  if (code == SQLITE_OK) code = prepare(baseline, statements[4], &baseline->commit);
  return code;
}

int cbaseline_prepare_rows(CBaseline *baseline, const char *const *statements) {
  finalize(baseline);
  int code = prepare(baseline, statements[0], &baseline->begin);
  if (code == SQLITE_OK) code = prepare(baseline, statements[1], &baseline->insert);
  if (code == SQLITE_OK) code = prepare(baseline, statements[2], &baseline->commit);
  return code;
}

static int run(sqlite3_stmt *statement) {
  int code = sqlite3_step(statement);
  int reset = sqlite3_reset(statement);
  return code == SQLITE_DONE ? reset : code;
}

static int insert_entry(CBaseline *baseline, const CBaselineSave *save) {
  sqlite3_stmt *statement = baseline->insert;
  sqlite3_bind_int64(statement, 1, save->journal);
  sqlite3_bind_int64(statement, 2, save->sequence);
  sqlite3_bind_blob(statement, 3, save->body, save->body_length, SQLITE_STATIC);
  sqlite3_bind_blob(statement, 4, save->head, DIGEST_BYTES, SQLITE_STATIC);
  return run(statement);
}

static int upsert_answer(CBaseline *baseline, const CBaselineSave *save) {
  sqlite3_stmt *statement = baseline->upsert;
  sqlite3_bind_blob(statement, 1, save->attempt, ID_BYTES, SQLITE_STATIC);
  sqlite3_bind_text(statement, 2, save->item, ITEM_LENGTH, SQLITE_STATIC);
  sqlite3_bind_blob(statement, 3, save->value, save->value_length, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 4, 0);
  sqlite3_bind_int64(statement, 5, save->journal);
  sqlite3_bind_int64(statement, 6, save->sequence);
  return run(statement);
}

static int update_journal(CBaseline *baseline, const CBaselineSave *save) {
  sqlite3_stmt *statement = baseline->update;
  sqlite3_bind_int64(statement, 1, save->journal);
  sqlite3_bind_int64(statement, 2, save->sequence);
  sqlite3_bind_blob(statement, 3, save->head, DIGEST_BYTES, SQLITE_STATIC);
  sqlite3_bind_blob(statement, 4, save->boot, ID_BYTES, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 5, save->boot_milliseconds);
  sqlite3_bind_int64(statement, 6, save->wall_milliseconds);
  sqlite3_bind_int64(statement, 7, save->remaining_milliseconds);
  sqlite3_bind_blob(statement, 8, save->mac, ID_BYTES, SQLITE_STATIC);
  return run(statement);
}

int cbaseline_save(CBaseline *baseline, const CBaselineSave *save, uint64_t *nanoseconds) {
  uint64_t start = now();
  int code = run(baseline->begin);
  if (code == SQLITE_OK) code = insert_entry(baseline, save);
  if (code == SQLITE_OK) code = upsert_answer(baseline, save);
  if (code == SQLITE_OK) code = update_journal(baseline, save);
  if (code == SQLITE_OK) code = run(baseline->commit);
  *nanoseconds = now() - start;
  return code == SQLITE_OK ? SQLITE_OK : failed(baseline, code);
}

int cbaseline_commit_row(CBaseline *baseline, const CBaselineSave *save, uint64_t *nanoseconds) {
  uint64_t start = now();
  int code = run(baseline->begin);
  if (code == SQLITE_OK) code = upsert_answer(baseline, save);
  if (code == SQLITE_OK) code = run(baseline->commit);
  *nanoseconds = now() - start;
  return code == SQLITE_OK ? SQLITE_OK : failed(baseline, code);
}

static int insert_row(CBaseline *baseline, const CBaselineRow *row) {
  sqlite3_stmt *statement = baseline->insert;
  sqlite3_bind_int64(statement, 1, row->journal);
  sqlite3_bind_int64(statement, 2, row->sequence);
  sqlite3_bind_blob(statement, 3, row->body, row->body_length, SQLITE_STATIC);
  return run(statement);
}

int cbaseline_store_rows(CBaseline *baseline, const CBaselineRow *rows, int64_t count, int64_t rows_per_commit,
                         uint64_t *nanoseconds) {
  uint64_t start = now();
  int code = SQLITE_OK;
  for (int64_t first = 0; code == SQLITE_OK && first < count; first += rows_per_commit) {
    int64_t end = first + rows_per_commit < count ? first + rows_per_commit : count;
    code = run(baseline->begin);
    for (int64_t index = first; code == SQLITE_OK && index < end; index++) code = insert_row(baseline, &rows[index]);
    if (code == SQLITE_OK) code = run(baseline->commit);
  }
  *nanoseconds = now() - start;
  return code == SQLITE_OK ? SQLITE_OK : failed(baseline, code);
}
