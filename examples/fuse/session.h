/* SPDX-License-Identifier: MIT */
/* A session: one mount of the host's that shows a server's tree. */
#ifndef SESSION_H
#define SESSION_H

#include <signal.h>

#include "bridge.h"

/* What ends a read of a session's thread. Whoever starts sessions does not
 * block it; nobody else sends it. */
#define SESSION_SIGNAL SIGRTMAX

struct session_options {
	char *fuse; /* libfuse's options, with commas */
	enum cache_mode cache;
	bool noatime;
	bool writeback; /* with CACHE_KERNEL, and no files that others change */
	unsigned int max_threads; /* 0: the default */
	unsigned int max_idle;	  /* of these; 0: the default */
	unsigned int max_write;	  /* bytes of a request; 0: the default */
	unsigned int max_read;	  /* what fuse says of that; 0: nothing */
	bool has_timeout;
	double timeout;		 /* seconds, when it is given */
	bool no_xattrs, no_acls; /* there are none for the kernel */
	bool no_sync;		 /* fsync does nothing */
	bool static_nlink;	 /* a directory has one link */
	bool squash;		 /* all is one user's: chown does nothing */
	uint64_t device;	 /* of what is mounted already; or 0 */
};

/* Not mounted yet. ended_fd: an eventfd that is written to when the kernel has
 * hung up. 0, or a negative errno, and stderr says what. */
int session_create(struct server *server, const struct session_options *options,
		   int ended_fd, struct session **out);
/* Mounts it; device: the same mountpoint, or a name /dev/fd/N for the open
 * /dev/fuse of what is mounted there already, which is taken over; mountpoint
 * may be NULL then, and session_stop does not unmount. 0 or -EIO, and stderr
 * says what. */
int session_mount(struct session *session, const char *device,
		  const char *mountpoint);
/* The device of what is mounted there, 0: nothing that could be found. */
uint64_t session_device_at(const char *place);
/* Unmounts what is there; lazily: in use or not. False: that cannot be done. */
bool session_unmount(const char *place, bool lazily);
/* Starts the threads. 0 or a negative errno. */
int session_start(struct session *session);
/* Ends the threads, and what waits; unmounts, unless the kernel has. */
void session_stop(struct session *session);
void session_destroy(struct session *session);

/* Whether the kernel keeps together what is written past what it has kept of a
 * file, and that, mappings included. */
bool session_mixes_direct(const struct session *session);

/* The operation. */
void session_init(void *session, struct fuse_conn_info *conn);

#endif
