/* SPDX-License-Identifier: MIT */
/*
 * vfs-run: runs the program of an OCI bundle in the bundle's tree, which
 * libvfs makes and serves by FUSE. What each part is for:
 *
 *	main.c      the order of things, and the exit status
 *	options.c   the command line
 *	plan.c      what of the bundle is the host kernel's to do, and what not
 *	identity.c  a user namespace, where there is no privilege
 *	serve.c     the tree, and its mount
 *	init.c      the container's process 1: starts the program, reaps, ends
 *	enter.c     what process 1 does with mounts
 *	program.c   from process 1's child to the program
 *	watch.c     what the server does meanwhile: signals, the terminal
 *	console.c   a terminal of the container's own
 *	diff.c      what was changed
 *
 * Two processes. The one that was started makes the tree and serves it; it
 * never looks into the mount, so nothing of it waits for itself. The other is
 * process 1 of a pid namespace and has a mount namespace of its own, in which
 * alone the tree is mounted: when it has ended there is no mount any more, and
 * when the server ends, however, it is killed.
 */
#ifndef RUN_H
#define RUN_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <termios.h>

#include "session.h"

/* As other container runtimes have them; those of the program begin at 0, and
 * at 128 for signals. */
#define EXIT_RUN 125	     /* vfs-run, or the bundle */
#define EXIT_NOT_RUN 126     /* the program cannot be run */
#define EXIT_NOT_FOUND 127   /* there is no such program */
#define EXIT_SIGNAL_BASE 128 /* and the signal's number */

#define PROPAGATIONS 8 /* of a mount; the library takes no more either */

/* A mount that the container's own mount namespace has to show (plan.c). */
struct run_mount {
	const char *type;  /* of the host kernel's; NULL: the tree has it */
	const char *shown; /* as the config has it */
	const char *source;
	char *destination;		    /* clean */
	uint64_t flags;			    /* MS_* */
	char *data;			    /* may be NULL */
	bool optional;			    /* may be refused */
	bool remount;			    /* other flags for what is there */
	uint64_t propagation[PROPAGATIONS]; /* MS_*, in the order given */
	unsigned int propagations;
	unsigned int depth;
	size_t index;
	int tree; /* process 1's: from open_tree, or -1 */
};

struct run {
	/* the command line */
	const char *directory;
	char **args; /* instead of the bundle's; NULL: those */
	size_t arg_count;
	uint32_t overlay;	  /* VFS_BUNDLE_OVERLAY_* */
	const char *overlay_path; /* of _DIRECTORY */
	bool diff, strict, help, version;
	bool debug;
	enum cache_mode cache;

	/* the bundle; belongs to reader */
	struct vfs *reader;
	struct vfs_bundle_spec *config;
	/* as it is loaded: what is the host kernel's is taken out */
	struct vfs_bundle_spec spec;
	bool terminal;
	struct run_mount *mounts; /* parents first */
	size_t mount_count;

	int fuse_fd;	   /* /dev/fuse, once it is open */
	int32_t *fds;	   /* of what is bound, in spec; or NULL */
	bool userns;	   /* in a user namespace of its own */
	bool groups_fixed; /* setgroups(2) is denied there */

	struct vfs_bundle *bundle;
	struct server *server;
	struct session *session;
	int status; /* of a failure: EXIT_* */

	/* the process as it was started */
	struct rlimit limits[RLIM_NLIMITS];
	sigset_t signals;

	/* process 1 */
	pid_t init;
	int socket; /* from the server to it, or back */
};

/* One line on stderr, "vfs-run: " before it; returns EXIT_RUN. */
int run_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* options.c: 0, or an exit status, and stderr says what. */
int run_options(struct run *run, int argc, char **argv);

/* plan.c: from run->config to run->spec and run->mounts. 0 or an exit status.
 */
int run_plan(struct run *run);
void run_plan_free(struct run *run);
/* - Is path, which is clean, at or below a mount of the host kernel's? */
bool run_is_kernels(const struct run *run, const char *path);
/* - path without `.`, `..` and double slashes, as text. */
char *run_clean(const char *path, unsigned int *depth);

/* - MS_* of a kind of propagation; 0: it is none. */
uint64_t run_propagation(const char *name);

/* identity.c: namespaces of users and mounts, where they are needed. 0 or an
 * exit status. */
int run_identity(struct run *run);

/* serve.c: the tree. 0 or an exit status. */
int run_load(struct run *run);
/* - Its mount, which is nowhere yet, and run->fuse_fd; or an exit status. */
int run_mount(struct run *run, int *mount_fd);
/* - Threads that answer. 0 or an exit status. */
int run_serve(struct run *run);
/* - Everything that was written has come, and the mount is gone. */
void run_serve_end(struct run *run);

/* init.c: starts process 1, which waits for run_go. 0 or an exit status. */
int run_init(struct run *run, int mount_fd);
int run_go(struct run *run);

/* enter.c: in process 1, the container's mounts. 0 or an exit status. */
int run_enter(struct run *run, int mount_fd);

/* program.c: in process 1's child; terminal: its terminal, or -1. Does not
 * return. */
_Noreturn void run_program(struct run *run, int terminal);

/* watch.c: signals wait from now on. */
void run_hold_signals(struct run *run);
/* - Until process 1 has ended; returns the exit status. */
int run_watch(struct run *run);

/* console.c: in process 1, a new terminal; its master goes to the server. 0 or
 * an exit status. */
int run_console_make(struct run *run, int *terminal);

struct console;
/* - In the server: the master that process 1 sent. NULL: there is none. */
struct console *console_start(struct run *run);
void console_resize(struct console *console);
/* - What it waits for: entries for poll(2), at most 2; and what has come. */

nfds_t console_poll(const struct console *console, struct pollfd *fds);
void console_pass(struct console *console, const struct pollfd *fds);
/* - What the program has written is written, and the terminal is as it was. */
void console_end(struct console *console);

/* diff.c: on stdout. 0 or an exit status. */
int run_diff(struct run *run);

#endif
