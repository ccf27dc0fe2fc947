/* SPDX-License-Identifier: MIT */
/*
 * What nearly every test starts with: cmocka in the order it needs, an
 * instance with a root task and an ordinary one, and checks that print the
 * names of errnos.
 */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <vfs/vfs.h>

#include "support/alloc.h"
#include "support/clock.h"

/* One instance with its allocator and clock, root's task and user 1000's. */
struct world {
	struct test_alloc alloc;
	struct test_clock clock;
	struct vfs *vfs;
	struct vfs_task *task; /* root, umask 0 */
	struct vfs_task *user; /* 1000:1000, umask 0, same root */
	char log[1024];	       /* what the instance logged, last line */
};

/* For cmocka's setup and teardown: *state is a struct world. Teardown fails
 * when the instance leaves memory behind. */
int world_setup(void **state);
int world_teardown(void **state);

/* The same by hand: config may be NULL, its allocator, clock and log are
 * replaced. 0 or a negative errno. */
int world_open(struct world *world, const struct vfs_config *config);
/* Whether everything was freed. */
bool world_close(struct world *world);

/* A task of its own for these ids without capabilities; NULL on failure. */
struct vfs_task *world_user(struct world *world, uint32_t uid, uint32_t gid);

/* The result is exactly this; both are printed by their names. */
#define check_eq(call, expected)                                         \
	check__eq((int64_t)(call), (int64_t)(expected), #call, __FILE__, \
		  __LINE__)
/* 0. */
#define check_ok(call) check_eq(call, 0)
/* Not negative: evaluates to the value as an int (descriptors, counts). */
#define check_fd(call) check__fd((call), #call, __FILE__, __LINE__)

int64_t check__eq(int64_t got, int64_t expected, const char *what,
		  const char *file, int line);
int check__fd(int64_t got, const char *what, const char *file, int line);
int64_t check__ge(int64_t got, const char *what, const char *file, int line);

/* Makes a file with these bytes (mode 0644), and compares one. */
void put_file(struct vfs_task *task, const char *path, const char *text);
#define check_file(task, path, text) \
	check__file(task, path, text, __FILE__, __LINE__)
void check__file(struct vfs_task *task, const char *path, const char *text,
		 const char *file, int line);
/* lstat succeeds. */
bool exists(struct vfs_task *task, const char *path);
uint64_t ino_of(struct vfs_task *task, const char *path);
uint32_t nlink_of(struct vfs_task *task, const char *path);

#define world_test(function) \
	cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

#endif
