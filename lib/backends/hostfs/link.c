/* SPDX-License-Identifier: MIT */
/*
 * The links that proc has for descriptors. Contract: hostfs.h.
 *
 * "thread-self/fd/N" takes twice as long to walk as "N" does from there, so
 * that a thread keeps that directory. It shows the descriptors of that thread,
 * which may have a table of its own: it is used by that thread alone. The
 * host's numbers of threads come again, in a forked child too, and what was
 * kept at a descriptor's number in one table is somebody else's in another: a
 * thread is known by a number of ours as well, which no other one of the
 * process ever has.
 *
 * What a thread kept when it ended goes when another one needs its room, or
 * when the mount ends.
 *
 * The first look at a link makes the host remember it, which takes longer than
 * the look itself, and most descriptors are looked at once. So each thread has
 * one whose link is known, and which stands in for others.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"

/* Nothing but numbers: no state of any instance. */
static uint64_t last_identity; /* atomic */
static __thread uint64_t own_identity;

static uint64_t identity(void)
{
	if (!own_identity)
		own_identity =
			__atomic_add_fetch(&last_identity, 1, __ATOMIC_RELAXED);
	return own_identity;
}

/* This thread's; NULL: it has none. What is its own nobody else changes. */
static struct hostfs_way *find_way(struct hostfs_super *s)
{
	struct hostfs_ways *ways = s->ways;
	unsigned count = __atomic_load_n(&ways->count, __ATOMIC_ACQUIRE);
	uint64_t own = identity();

	for (unsigned i = 0; i < count; i++)
		if (VFS_READ_ONCE(ways->way[i].identity) == own)
			return &ways->way[i];
	return NULL;
}

static int open_own(struct hostfs_super *s)
{
	int64_t fd;

	HOSTFS_CALL(s, fd, "openat",
		    openat(s->proc, "thread-self/fd",
			   O_PATH | O_DIRECTORY | O_CLOEXEC));
	return (int)fd;
}

/* What is proc's: a thread that ended may have had descriptors of its own, and
 * the number may be somebody else's among ours. (Its directory is not there any
 * more, and can tell nothing of itself but that.) */
static void close_kept(struct hostfs_super *s, int fd)
{
	struct statfs st;
	int saved = errno;

	if (fd >= 0 && !fstatfs(fd, &st) && st.f_type == PROC_SUPER_MAGIC)
		hostfs_close(s->vfs, fd);
	errno = saved;
}

/* own: the number of this thread, which has no way yet: whoever has the same
 * had it before. */
static bool has_ended(int32_t thread, int32_t own)
{
	int saved = errno;
	bool ended =
		thread == own ||
		(syscall(SYS_tgkill, getpid(), thread, 0) && errno == ESRCH);

	errno = saved;
	return ended;
}

/* Room for a thread: that of one that ended, whose descriptors *old are, or
 * new; NULL: there is none. fd_lock is held. */
static struct hostfs_way *find_room(struct hostfs_ways *ways, int32_t own,
				    struct hostfs_way *old)
{
	old->dir = old->stand_in = -1;
	for (uint32_t i = 0; i < ways->count; i++) {
		if (!has_ended(ways->way[i].thread, own))
			continue;
		old->dir = VFS_READ_ONCE(ways->way[i].dir);
		old->stand_in = VFS_READ_ONCE(ways->way[i].stand_in);
		return &ways->way[i];
	}
	return ways->count < HOSTFS_WAYS ? &ways->way[ways->count] : NULL;
}

/* A descriptor, or negative: there is no room for more threads. */
static int make_way(struct hostfs_super *s)
{
	struct hostfs_ways *ways = s->ways;
	int32_t thread = (int32_t)syscall(SYS_gettid);
	struct hostfs_way *room, old;
	int dir, stand_in;

	/* too many threads: whether one has ended is not looked at each time */
	if (VFS_READ_ONCE(ways->count) == HOSTFS_WAYS &&
	    __atomic_fetch_add(&ways->asked, 1, __ATOMIC_RELAXED) % HOSTFS_WAYS)
		return -ENOSPC;
	dir = open_own(s);
	if (dir < 0)
		return dir;
	stand_in = hostfs_dup(s, s->proc);
	pthread_mutex_lock(&s->fd_lock);
	room = find_room(ways, thread, &old);
	if (room) {
		/* who had them before has ended, and no lock tells of that */
		VFS_WRITE_ONCE(room->dir, dir);
		VFS_WRITE_ONCE(room->stand_in, stand_in);
		room->thread = thread;
		/* others compare it */
		VFS_WRITE_ONCE(room->identity, identity());
		if (room == &ways->way[ways->count])
			__atomic_store_n(&ways->count, ways->count + 1,
					 __ATOMIC_RELEASE);
	} else {
		old.dir = dir;
		old.stand_in = stand_in;
	}
	pthread_mutex_unlock(&s->fd_lock);
	close_kept(s, old.dir);
	close_kept(s, old.stand_in);
	return room ? dir : -ENOSPC;
}

/* From now on, until it stands in for another: for what is always open. */
static void stand_down(struct hostfs_super *s, int stand_in)
{
	int saved = errno;

	(void)dup3(s->proc, stand_in, O_CLOEXEC);
	errno = saved;
}

void hostfs_link_begin(struct hostfs_super *s, int fd, struct hostfs_link *link)
{
	link->way = s->ways ? find_way(s) : NULL;
	link->stand_in = -1;
	if (link->way) {
		int stand_in = VFS_READ_ONCE(link->way->stand_in);
		int saved = errno;

		link->dir = VFS_READ_ONCE(link->way->dir);
		if (stand_in >= 0)
			link->stand_in = dup3(fd, stand_in, O_CLOEXEC);
		errno = saved;
	} else {
		link->dir = s->ways ? make_way(s) : -1;
	}
	if (link->dir < 0)
		hostfs_link_slow(s, fd, link);
	else
		snprintf(link->path, sizeof(link->path), "%d",
			 link->stand_in >= 0 ? link->stand_in : fd);
}

void hostfs_link_slow(struct hostfs_super *s, int fd, struct hostfs_link *link)
{
	link->way = NULL;
	link->dir = s->proc;
	snprintf(link->path, sizeof(link->path), "thread-self/fd/%d", fd);
}

bool hostfs_link_again(struct hostfs_super *s, int fd, int64_t err,
		       struct hostfs_link *link)
{
	if (link->stand_in >= 0)
		stand_down(s, link->stand_in);
	link->stand_in = -1;
	if (err != -ENOENT || !link->way)
		return false;
	/* the thread has changed its table since */
	hostfs_link_slow(s, fd, link);
	return true;
}

void hostfs_ways_open(struct hostfs_super *s)
{
	void *page = mmap(NULL, sizeof(*s->ways), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return;
	if (madvise(page, sizeof(*s->ways), MADV_WIPEONFORK))
		munmap(page, sizeof(*s->ways));
	else
		s->ways = page;
}

void hostfs_ways_close(struct hostfs_super *s)
{
	if (!s->ways)
		return;
	for (unsigned i = 0; i < s->ways->count; i++) {
		close_kept(s, s->ways->way[i].dir);
		close_kept(s, s->ways->way[i].stand_in);
	}
	munmap(s->ways, sizeof(*s->ways));
	s->ways = NULL;
}
