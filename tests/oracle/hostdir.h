/* SPDX-License-Identifier: MIT */
/*
 * For --hostfs: the library's root is a hostfs on a fresh file system of the
 * kernel's, and the kernel's side works on another one of that kind.
 *
 * An ext4 is a copy of one image, made once, in memory behind a loop device,
 * which goes with the last who uses it.
 */
#ifndef ORACLE_HOSTDIR_H
#define ORACLE_HOSTDIR_H

#include <stdbool.h>
#include <stddef.h>

enum host_kind {
	HOST_NONE, /* no --hostfs: the library's own tmpfs */
	HOST_TMPFS,
	HOST_EXT4
};

struct host {
	enum host_kind kind;
	bool exclusive;	   /* cache=exclusive */
	bool xattr;	   /* owner=xattr */
	bool unprivileged; /* the library's thread has no capability */
	/* Above 0: the file system itself (O_PATH). The kernel's tree is in it,
	 * and the library has it at /h, below a root of its own. */
	int dir;
};

/* Who the library's thread is where it has no capability: owner=xattr, nobody
 * whom scripts know; owner=host, user1, whom all scripts are then run as. */
#define HOST_UID(host) ((host)->xattr ? 4242u : 1000u)
/* One identity only: user1, without capabilities, on both sides. */
#define HOST_SINGLE(host) ((host)->unprivileged && !(host)->xattr)

/* As on the command line; false: there is no such. */
bool host_parse(const char *word, enum host_kind *kind);
/* Once, before children are made. False: not possible here; *why says so. */
bool host_prepare(const struct host *host, const char **why);
/* A new file system, mounted nowhere: an O_PATH descriptor of its root.
 * options are tmpfs's. */
int host_create(const struct host *host, const char *options);
/* The calling thread has no capability from here on, for good. */
void host_drop(const struct host *host);
/* The directory is as it was when it was new, owned by this thread. */
void host_reset(int dir);
/* The options of the library's root. */
void host_options(const struct host *host, int dir, char *out, size_t size);
/* As on the command line. */
void host_describe(const struct host *host, char *out, size_t size);

#endif
