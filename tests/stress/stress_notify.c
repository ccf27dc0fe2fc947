/* SPDX-License-Identifier: MIT */
/*
 * Watchers of what other threads do. Every change of one directory is told
 * once and in order, whoever adds and removes watches meanwhile; a function is
 * called by the thread that made the change, and never after its release.
 */
#include <poll.h>
#include <vfs/inotify.h>

#include "stress/stress.h"

#define MAKERS 2

/* What the reader expects next of one maker. */
struct order {
	uint32_t number;
	uint32_t step;	 /* of the four that a name goes through */
	uint32_t cookie; /* of the first half of its rename */
	bool known;	 /* nothing was lost since */
	uint64_t rounds;
};

static struct {
	int fd;
	bool read; /* all the time, not at the end only */
	/* As in Linux, what is lost while a queue that has lost something still
	 * holds the word of it is lost without another word: until the queue
	 * was empty once, there may be gaps. */
	bool gaps;
	int wd[MAKERS];
	struct order order[MAKERS];
	uint32_t made[MAKERS];
} shared;

/* ---- one queue, in order ---- */

static void prepare(struct stress *s)
{
	char path[16];

	memset(&shared, 0, sizeof(shared));
	shared.fd = vfs_inotify_init1(s->task, O_NONBLOCK);
	STRESS(s, shared.fd >= 0);
	for (int i = 0; i < MAKERS; i++) {
		snprintf(path, sizeof(path), "/m%d", i);
		STRESS(s, vfs_mkdir(s->task, path, 0755) == 0);
		shared.wd[i] = vfs_inotify_add_watch(
			s->task, shared.fd, path,
			VFS_IN_CREATE | VFS_IN_MOVED_FROM | VFS_IN_MOVED_TO |
				VFS_IN_DELETE);
		STRESS(s, shared.wd[i] > 0);
		shared.order[i].known = true;
	}
	STRESS(s, vfs_mkdir(s->task, "/o", 0755) == 0);
}

/* A name that comes, is moved and goes, over and over. */
static void make(struct stress_thread *t)
{
	struct stress *s = t->stress;
	uint32_t self = t->number % MAKERS;
	char name[32], moved[32];

	for (uint32_t i = 0; stress_goes_on(t); i++) {
		int fd;

		snprintf(name, sizeof(name), "/m%u/n%u", self, i);
		snprintf(moved, sizeof(moved), "/m%u/r%u", self, i);
		fd = vfs_open(t->task, name, O_CREAT | O_EXCL | O_WRONLY, 0644);
		STRESS(s, fd >= 0);
		STRESS(s, vfs_write(t->task, fd, "x", 1) == 1);
		STRESS(s, vfs_rename(t->task, name, moved) == 0);
		if (i % 2)
			STRESS(s, vfs_close(t->task, fd) == 0);
		STRESS(s, vfs_unlink(t->task, moved) == 0);
		if (!(i % 2))
			STRESS(s, vfs_close(t->task, fd) == 0);
		__atomic_store_n(&shared.made[self], i + 1, __ATOMIC_RELEASE);
	}
}

static bool fits(const struct order *o, uint32_t mask, uint32_t number)
{
	static const uint32_t masks[] = {VFS_IN_CREATE, VFS_IN_MOVED_FROM,
					 VFS_IN_MOVED_TO, VFS_IN_DELETE};

	return mask == masks[o->step] && number == o->number;
}

static void expect(struct stress *s, struct order *o,
		   const struct vfs_inotify_event *event)
{
	uint32_t number = (uint32_t)strtoul(event->name + 1, NULL, 10);

	if (shared.gaps && !fits(o, event->mask, number))
		o->known = false;
	/* after a loss it goes on with any name's beginning */
	if (!o->known && event->mask == VFS_IN_CREATE) {
		o->known = true;
		o->step = 0;
		o->number = number;
	}
	if (!o->known)
		return;
	STRESS(s, fits(o, event->mask, number));
	STRESS(s, event->name[0] == (o->step < 2 ? 'n' : 'r'));
	STRESS(s, !event->cookie == (o->step == 0 || o->step == 3));
	if (o->step == 1)
		o->cookie = event->cookie;
	if (o->step == 2)
		STRESS(s, event->cookie == o->cookie);
	o->step = (o->step + 1) % 4;
	if (!o->step) {
		o->number++;
		o->rounds++;
	}
}

/* What comes next is not known. */
static void forget(void)
{
	for (int i = 0; i < MAKERS; i++)
		shared.order[i].known = false;
}

static int64_t read_some(struct stress *s)
{
	static char buffer[65536];
	int64_t n = STRESS_CALL(
		s, vfs_read(s->task, shared.fd, buffer, sizeof(buffer)),
		EAGAIN);

	for (int64_t at = 0; at < n;) {
		struct vfs_inotify_event event = {.wd = 0};
		uint32_t len;

		memcpy(&event, buffer + at, 16);
		len = event.len;
		memcpy(event.name, buffer + at + 16, len < 256 ? len : 255);
		at += 16 + len;
		if (event.mask & VFS_IN_Q_OVERFLOW) {
			STRESS(s, event.wd == -1);
			shared.gaps = true;
			forget();
			continue;
		}
		for (int i = 0; i < MAKERS; i++)
			if (event.wd == shared.wd[i])
				expect(s, &shared.order[i], &event);
	}
	/* there was nothing more: the last gap may be here */
	if (shared.gaps &&
	    n < (int64_t)(sizeof(buffer) - sizeof(struct vfs_inotify_event))) {
		shared.gaps = false;
		forget();
	}
	return n;
}

static void read_all(struct stress_thread *t)
{
	struct vfs_pollfd p = {.fd = shared.fd, .events = POLLIN};

	shared.read = true;
	while (stress_goes_on(t)) {
		int ready = vfs_poll(t->stress->task, &p, 1, 50);

		STRESS(t->stress, ready == (p.revents == POLLIN));
		if (ready)
			STRESS(t->stress, read_some(t->stress) > 0);
	}
}

/* Other queues and watches come and go, and so does what they watch. */
static void change(struct stress_thread *t)
{
	static const uint32_t masks[] = {
		VFS_IN_ALL_EVENTS, VFS_IN_ALL_EVENTS | VFS_IN_ONESHOT,
		VFS_IN_OPEN | VFS_IN_MASK_ADD, VFS_IN_DELETE_SELF,
		VFS_IN_ALL_EVENTS | VFS_IN_EXCL_UNLINK};
	struct stress *s = t->stress;
	char path[32], buffer[4096];
	int fd = vfs_inotify_init1(t->task, O_NONBLOCK);

	while (stress_goes_on(t)) {
		uint32_t mask = masks[stress_random(t, 5)];

		snprintf(path, sizeof(path), "/o/%u", stress_random(t, 3));
		switch (stress_random(t, 10)) {
		case 0:
			STRESS_CALL(s, vfs_close(t->task, fd), 0);
			fd = vfs_inotify_init1(t->task, O_NONBLOCK);
			STRESS(s, fd >= 0);
			break;
		case 1:
			snprintf(path, sizeof(path), "/m%u",
				 stress_random(t, MAKERS));
			/* fallthrough */
		case 2:
		case 3:
			STRESS_CALL(
				s,
				vfs_inotify_add_watch(t->task, fd, path, mask),
				ENOENT);
			break;
		case 4:
			STRESS_CALL(
				s,
				vfs_inotify_rm_watch(t->task, fd,
						     (int)stress_random(t, 20)),
				EINVAL);
			break;
		case 5:
			STRESS_CALL(s, vfs_unlink(t->task, path), ENOENT);
			break;
		case 6:
			STRESS_CALL(s, vfs_rename(t->task, path, "/o/1"),
				    ENOENT);
			break;
		case 7:
			STRESS_CALL(s, vfs_chmod(t->task, path, 0644), ENOENT);
			break;
		case 8: {
			int file =
				vfs_open(t->task, path, O_CREAT | O_RDWR, 0644);

			STRESS(s, file >= 0);
			STRESS(s, vfs_write(t->task, file, "xyz", 3) == 3);
			STRESS(s, vfs_pread(t->task, file, buffer, 3, 0) == 3);
			STRESS(s, vfs_close(t->task, file) == 0);
			break;
		}
		default:
			STRESS_CALL(
				s,
				vfs_read(t->task, fd, buffer, sizeof(buffer)),
				EAGAIN);
		}
	}
	STRESS(s, vfs_close(t->task, fd) == 0);
}

static void finish(struct stress *s)
{
	while (read_some(s) > 0)
		;
	for (int i = 0; i < MAKERS; i++) {
		const struct order *o = &shared.order[i];

		STRESS(s, o->rounds || !shared.read);
		STRESS(s,
		       !o->known || (!o->step && o->number == shared.made[i]));
	}
	STRESS(s, vfs_close(s->task, shared.fd) == 0);
}

/* ---- functions ---- */

static __thread bool changing;

struct counter {
	struct stress *s;
	uint32_t calls;	   /* atomic */
	uint32_t inside;   /* atomic */
	uint32_t released; /* atomic */
};

static void count(void *context, const struct vfs_watch_event *event)
{
	struct counter *c = context;
	struct vfs_stat st;

	STRESS(c->s, changing);
	STRESS(c->s, event->mask && event->wd);
	STRESS(c->s, !__atomic_load_n(&c->released, __ATOMIC_ACQUIRE));
	__atomic_add_fetch(&c->inside, 1, __ATOMIC_ACQ_REL);
	__atomic_add_fetch(&c->calls, 1, __ATOMIC_RELAXED);
	/* no lock is held: anything may be called */
	STRESS(c->s, vfs_stat(c->s->task, "/m0", &st) == 0);
	STRESS(c->s, vfs_chmod(c->s->task, "/o", 0755) == 0);
	__atomic_sub_fetch(&c->inside, 1, __ATOMIC_ACQ_REL);
}

static void count_release(void *context)
{
	struct counter *c = context;

	STRESS(c->s, !__atomic_load_n(&c->inside, __ATOMIC_ACQUIRE));
	__atomic_store_n(&c->released, 1, __ATOMIC_RELEASE);
}

static void make_counted(struct stress_thread *t)
{
	changing = true;
	make(t);
	changing = false;
}

/* A watch of the makers' directories, for a while. */
static void watch(struct stress_thread *t)
{
	struct stress *s = t->stress;
	uint64_t calls = 0;

	changing = true; /* IGNORED is this thread's own doing */
	while (stress_goes_on(t)) {
		struct counter c = {.s = s};
		struct vfs_watch_spec spec = {.size = sizeof(spec),
					      .event = count,
					      .release = count_release,
					      .context = &c};
		struct vfs_watch *watch;
		int wd;

		STRESS(s, vfs_watch_create(s->vfs, &spec, &watch) == 0);
		wd = vfs_watch_add(watch, t->task, AT_FDCWD, "/m0",
				   VFS_IN_ALL_EVENTS);
		STRESS(s, wd > 0);
		STRESS(s, vfs_watch_add(watch, t->task, AT_FDCWD, "/m1",
					VFS_IN_ALL_EVENTS) > wd);
		usleep(stress_random(t, 300));
		if (stress_random(t, 2))
			STRESS(s, vfs_watch_remove(watch, wd) == 0);
		vfs_watch_destroy(watch);
		while (!__atomic_load_n(&c.released, __ATOMIC_ACQUIRE))
			usleep(10);
		calls += c.calls;
	}
	changing = false;
	STRESS(s, calls);
}

int main(void)
{
	stress_body *const queue[] = {make, make, read_all, change};
	stress_body *const functions[] = {make_counted, make_counted, watch,
					  watch};
	int failed = 0;

	failed |= stress_run("notify-queue", prepare, queue, 4, finish);
	failed |= stress_run("notify-functions", prepare, functions, 4, finish);
	return failed;
}
