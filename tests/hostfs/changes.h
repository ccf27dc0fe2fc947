/* SPDX-License-Identifier: MIT */
/* What libvfs and the host are asked in the outside-change test, and what the
 * other processes of it do. */
#ifndef TEST_CHANGES_H
#define TEST_CHANGES_H

#include "hostfs/host_world.h"

#define NAMES 3u
#define PATHS (NAMES + NAMES * NAMES + NAMES * NAMES * NAMES)
#define PATH_SIZE 16

/* The ith of all paths. */
void path_of(unsigned i, char path[PATH_SIZE]);

/* Each: 0 or a negative errno, and a number for the rest of the answer. */
enum question {
	LSTAT,
	STAT,
	READABLE,
	WRITABLE,
	SEARCHABLE,
	BYTES,
	TARGET,
	ATTRIBUTE,
	LISTING,
	QUESTIONS
};

extern const char *const question_names[QUESTIONS];

struct answer {
	int error;
	uint64_t value;
};

struct answers {
	struct answer of[PATHS][QUESTIONS];
};

uint64_t vfs_value(const struct vfs_stat *st);
uint64_t host_value(const struct stat *st);
void ask_vfs(struct vfs_task *t, int dirfd, const char *path,
	     struct answer of[QUESTIONS]);
void ask_host(int dirfd, const char *path, struct answer of[QUESTIONS]);
/* Every path. */
void ask_host_all(int dirfd, struct answers *out);
struct answer host_target(int dirfd, const char *path);

enum act {
	ASK, /* everything, as who you are */
	CREATE,
	DIRECTORY,
	FIFO,
	SYMLINK,
	REMOVE,
	RENAME,
	EXCHANGE,
	LINK,
	CHMOD,
	CHOWN,
	SET_ACL,
	REMOVE_ACL,
	WRITE,
	TRUNCATE,
	SET_ATTRIBUTE,
	RETARGET,
	REPLACE, /* by a file of the same name, made beside it */
	RETYPE,	 /* a directory by a file, anything else by a directory */
	ACTS
};

extern const char *const act_names[ACTS];

struct step {
	enum act act;
	unsigned from, to, number;
};

struct helper {
	pid_t pid;
	int to, from; /* pipes */
	struct answers *answers;
};

/* A process that acts and asks as this user. */
void start(struct helper *h, int dirfd, uid_t id);
/* Waits until it has done so. */
void tell(struct helper *h, const struct step *s);
void stop(struct helper *h);

#endif
