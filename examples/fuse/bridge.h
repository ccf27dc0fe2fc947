/* SPDX-License-Identifier: MIT */
/*
 * vfs-fuse: a tree of libvfs as a mount of the host's, so that programs that
 * know nothing of the library run in it. What each part is for:
 *
 *	main.c      the command line, and the process around it
 *	options*.c  what each -o means, and to whom it goes
 *	layers.c    the host's directories as layers of an overlay
 *	tree.c      the instance, and the mounts that make the tree
 *	server.c    one instance, the mounts that show it, how they come and go
 *	session.c   one mount of the host's: requests, capabilities
 *	workers.c   its threads
 *	follow.c    where they run
 *	nodes.c     what the kernel knows by number: files, and how often
 *	users.c     who is asking: from ids and /proc to credentials and tasks
 *	call.c      what every request begins and ends with
 *	waits.c     requests that wait, without keeping anybody waiting
 *	ops_*.c     the operations, by family
 *
 * Every permission is checked by the library, with the caller's ids, groups
 * and capabilities. The kernel checks as well (default_permissions, and its own
 * ACLs), because there is what it does not ask about: devices and FIFOs, which
 * it opens itself, and walks over names that it has kept.
 */
#ifndef BRIDGE_H
#define BRIDGE_H

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <vfs/vfs.h>

#include "follow.h"
#include "nodes.h"
#include "users.h"
#include "waits.h"

/* A tree. Lives from server_create to server_destroy; sessions point to it. */
struct server {
	struct vfs *vfs;
	/* Every capability, and the descriptor table that all tasks of users
	 * share: those of nodes and of open files are in it. */
	struct vfs_task *root;
	const char *place; /* where root finds the tree that is shown */
	/* No descriptors; its working directory is the instance's own proc,
	 * which is mounted nowhere. Cloned for owners of record locks. */
	struct vfs_task *bare;
	int proc_fd; /* root's: O_PATH of that proc */
	struct users *users;
	int32_t log_level; /* VFS_LOG_*: what stderr is told */
};

/* What the kernel may keep. */
enum cache_mode {
	/* everything, as all changes come through it, but of files of the
	 * host's that others may change */
	CACHE_KERNEL,
	CACHE_NONE /* nothing: each step of a walk asks */
};

struct worker;

/* One mount of the host's. Lives from session_create to session_destroy. */
struct session {
	struct server *server;
	struct fuse_session *fuse;
	struct nodes *nodes;
	struct waits *waits;
	struct owners *owners; /* of record locks; see ops_lock.c */
	char *mountpoint;      /* or NULL: none that this process could reach */
	bool mounted;
	bool joined; /* mounted by other means, so libfuse knows no place */
	enum cache_mode cache;
	/* seconds that names and attributes are good for, but for files that
	 * others may change: node_timeout */
	double timeout;
	bool noatime; /* reading leaves no trace */
	/* the kernel keeps what is written, and tells it later, with sizes and
	 * times that are its own meanwhile: CACHE_KERNEL alone */
	bool writeback;
	/* as in struct session_options */
	bool no_xattrs, no_acls, no_sync, static_nlink, squash;
	unsigned int max_write, max_read, max_idle;
	uint64_t solid_dev; /* is not made up: see ops_files.c; atomic */
	uint64_t device;    /* of the mount, where it has a place */

	unsigned int forgetting; /* atomic: threads that give files back */

	pthread_mutex_t handles_lock;
	struct handle *handles; /* all that were not released */
				/* and of nodes: how they are open */

	/* the first request (session.c); set before there is a second thread */
	uint64_t init_unique;
	uint32_t init_flags, init_flags2;

	/* the threads (workers.c) */
	pthread_mutex_t lock; /* protects what follows but where it says so */
	pthread_cond_t ended; /* a thread has */
	struct worker *workers, *parked;
	unsigned int threads, parked_count, readers, readers_wanted;
	bool stopping;
	unsigned int max_threads; /* constant */
	struct freedom freedom;	  /* constant */
	unsigned int samples;	  /* requests that were looked at: atomic */
	unsigned int queued;	  /* of these, behind which others were */
	pthread_t after;	  /* looks after the others */
	bool has_after;
	bool quiet; /* so it sleeps, until tick: atomic, set under the lock */
	pthread_cond_t tick;
	int ended_fd; /* the process's: written when the kernel has hung up */
	struct session *next; /* of the process's list */
};

/* How the kernel deals with an open file's data. */
enum way {
	WAY_OTHER,
	WAY_KEPT,   /* by way of what it keeps of the file, or could */
	WAY_THROUGH /* writes, and past that */
};

/* An open file or directory; fuse_file_info.fh points to it. */
struct handle {
	int fd; /* in the shared table */
	enum way way;
	struct node *node;
	struct handle *prev, *following; /* of the session's, under its lock */
	/* directories: the position behind what the kernel was given last */
	pthread_mutex_t lock;
	int64_t position;
};

/* Whether the kernel may keep nothing of the file. */
static inline bool node_is_asked(const struct session *session,
				 const struct node *node)
{
	return session->cache == CACHE_NONE || node->shared;
}

static inline double node_timeout(const struct session *session,
				  const struct node *node)
{
	return node->shared ? 0 : session->timeout;
}

static inline struct session *session_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

/* The operations of all families. */
extern const struct fuse_lowlevel_ops bridge_ops;

#endif
