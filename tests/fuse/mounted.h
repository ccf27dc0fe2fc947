/* SPDX-License-Identifier: MIT */
/*
 * For the tests of vfs-fuse: a mount in a namespace of the test's own, checks
 * that are counted, and children that are somebody else.
 */
#ifndef MOUNTED_H
#define MOUNTED_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* The working directory of the tests is the mount. */
struct mounted {
	char place[64];
	/* of an overlay, a tmpfs with l, u and w in it, its layers; or "" */
	char layers[64];
	pid_t server; /* in the foreground; 0: has ended and unmounted */
};

/* Ends the program with 77, having said why, where a mount cannot be made by
 * anybody; argv[1] is vfs-fuse, argv[2] tmpfs or overlay, argv[3] options. fill
 * may put something into the lowest layer, the working directory then. */
void mounted_begin(struct mounted *m, int argc, char **argv,
		   void (*fill)(void));
/* Unmounts, waits for the server, checks that it ended well. Returns what main
 * returns. */
int mounted_end(struct mounted *m);

/* Counts and prints; the values are printed when they differ. */
void check_at(bool ok, const char *text, const char *file, int line);
void check_eq_at(long long a, long long b, const char *text, const char *file,
		 int line);
#define check(condition) check_at(condition, #condition, __FILE__, __LINE__)
#define check_eq(a, b)                                                      \
	check_eq_at((long long)(a), (long long)(b), #a " == " #b, __FILE__, \
		    __LINE__)
/* call gives -1 and that errno. */
#define check_errno(call, number) \
	check_eq_at((call) == -1 ? errno : 0, number, #call, __FILE__, __LINE__)

/* lstat, which is checked; nonsense if it fails. */
struct stat stat_of(const char *path);

struct somebody {
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
};

/* fork for a child whose failed checks are to count here; it ends with
 * child_end. */
pid_t child_start(void);
void child_end(void);

/* Runs body in a child as who; its failed checks count here. */
void as(const struct somebody *who, void (*body)(void));
/* The child, without waiting; and then with. */
pid_t as_start(const struct somebody *who, void (*body)(void));
void as_join(pid_t child);

#endif
