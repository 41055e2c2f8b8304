#pragma once
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

/* What Swift cannot import from sqlite3.h: destructors that are casts, variadic calls, calls through a VFS. */

static const int csqlite_errno_no_space = ENOSPC;
static const int csqlite_errno_quota = EDQUOT;

/* A null pointer would bind NULL; an empty string or blob is a value. */
static inline int csqlite_bind_text_copied(sqlite3_stmt *statement, int index, const char *text, sqlite3_uint64 count) {
  return sqlite3_bind_text64(statement, index, text ? text : "", count, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static inline int csqlite_bind_blob_copied(sqlite3_stmt *statement, int index, const void *bytes,
                                           sqlite3_uint64 count) {
  return sqlite3_bind_blob64(statement, index, bytes ? bytes : "", count, SQLITE_TRANSIENT);
}

static inline int csqlite_bind_blob_borrowed(sqlite3_stmt *statement, int index, const void *bytes,
                                             sqlite3_uint64 count) {
  return sqlite3_bind_blob64(statement, index, bytes ? bytes : "", count, SQLITE_STATIC);
}

/* Turns off the counting of memory, and with it a lock around each allocation. Only before the first connection. */
static inline int csqlite_count_no_memory(void) {
  return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* Sets an on/off switch of sqlite3_db_config and reports its state afterwards. */
static inline int csqlite_set_switch(sqlite3 *database, int option, int on, int *now) {
  return sqlite3_db_config(database, option, on, now);
}

/* The VFS and the full path of a file, in memory that the caller frees; NULL with *code set on failure. */
static inline char *csqlite_full_path(sqlite3_vfs *vfs, const char *path, int *code) {
  char *full;
  if (!vfs) { *code = SQLITE_ERROR; return NULL; }
  full = (char *)calloc(1, (size_t)vfs->mxPathname + 2);
  if (!full) { *code = SQLITE_NOMEM; return NULL; }
  *code = vfs->xFullPathname(vfs, path, vfs->mxPathname + 1, full);
  if ((*code & 0xff) != SQLITE_OK) { free(full); return NULL; }
  *code = SQLITE_OK;
  return full;
}

static inline int csqlite_file_exists(const char *vfs_name, const char *path, int *exists) {
  sqlite3_vfs *vfs = sqlite3_vfs_find(vfs_name);
  int code;
  char *full = csqlite_full_path(vfs, path, &code);
  if (!full) return code;
  code = vfs->xAccess(vfs, full, SQLITE_ACCESS_EXISTS, exists);
  free(full);
  return code;
}

static inline int csqlite_delete_file(const char *vfs_name, const char *path) {
  sqlite3_vfs *vfs = sqlite3_vfs_find(vfs_name);
  int code;
  char *full = csqlite_full_path(vfs, path, &code);
  if (!full) return code;
  code = vfs->xDelete(vfs, full, 1);
  free(full);
  return code;
}
