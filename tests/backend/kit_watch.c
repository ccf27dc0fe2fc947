/* SPDX-License-Identifier: MIT */
/* Bodies of the kit: being told of changes. Where memory runs out events are
 * lost, and that is told, too. */
#include <vfs/inotify.h>

#include "backend/kit.h"

#define FILES 20

struct expected {
	uint32_t mask;
	const char *name;
};

/* These events and no others are waiting, unless some were lost. */
static void see_events(struct kit *kit, int fd, int wd,
		       const struct expected *expected, unsigned count)
{
	struct vfs_inotify_event event;
	bool lost = false;
	unsigned at = 0;
	int64_t n;

	do {
		memset(&event, 0, sizeof(event));
		/* the names here make records of 32 bytes */
		n = vfs_read(kit->task, fd, &event, 32);
		if (n == 16 && (event.mask & VFS_IN_Q_OVERFLOW)) {
			KIT_TRUE(kit, event.wd == -1 && kit->failing);
			lost = true;
			continue;
		}
		if (n <= 0)
			break;
		KIT_TRUE(kit, n == 32 && event.wd == wd);
		while (lost && at < count &&
		       (event.mask != expected[at].mask ||
			strcmp(event.name, expected[at].name)))
			at++;
		KIT_TRUE(kit, at < count && event.mask == expected[at].mask &&
				      !strcmp(event.name, expected[at].name));
		at++;
	} while (n > 0);
	KIT_TRUE(kit, n == -EAGAIN);
	KIT_TRUE(kit, lost || at == count);
}

static void count_event(void *context, const struct vfs_watch_event *event)
{
	unsigned *counts = context;

	counts[!!(event->mask & VFS_IN_Q_OVERFLOW)]++;
}

/* The same for a function. */
static void watch_by_function(struct kit *kit)
{
	unsigned counts[2] = {0, 0};
	struct vfs_watch_spec spec = {
		.size = sizeof(spec), .event = count_event, .context = counts};
	struct vfs_watch *watch;

	KIT(kit, vfs_watch_create(kit->vfs, &spec, &watch), 0);
	KIT(kit,
	    vfs_watch_add(watch, kit->task, AT_FDCWD, "/d",
			  VFS_IN_CREATE | VFS_IN_DELETE),
	    1);
	KIT(kit, vfs_mkdir(kit->task, "/d/x", 0755), 0);
	KIT(kit, vfs_rmdir(kit->task, "/d/x"), 0);
	KIT(kit, vfs_mkdir(kit->task, "/d/y", 0755), 0);
	KIT(kit, vfs_rmdir(kit->task, "/d/y"), 0);
	KIT_TRUE(kit, counts[0] == 4 || (kit->failing && counts[0] == 3));
	KIT(kit, vfs_watch_remove(watch, 1), 0);
	vfs_watch_destroy(watch);
}

void kit_watches(struct kit *kit)
{
	static const struct expected expected[] = {
		{VFS_IN_CREATE | VFS_IN_ISDIR, "d"},
		{VFS_IN_CREATE, "f"},
		{VFS_IN_MOVED_FROM, "f"},
		{VFS_IN_MOVED_TO, "g"},
		{VFS_IN_CREATE, "l"},
		{VFS_IN_DELETE, "g"},
	};
	struct vfs_task *t = kit->task;
	char path[16];
	int fd;

	KIT_GET(kit, fd, vfs_inotify_init1(t, O_NONBLOCK));
	KIT(kit,
	    vfs_inotify_add_watch(t, fd, "/",
				  VFS_IN_CREATE | VFS_IN_DELETE |
					  VFS_IN_MOVED_FROM | VFS_IN_MOVED_TO),
	    1);
	KIT(kit, vfs_mkdir(t, "/d", 0755), 0);
	kit_put(kit, "/f", "x");
	KIT(kit, vfs_rename(t, "/f", "/g"), 0);
	KIT(kit, vfs_symlink(t, "g", "/l"), 0);
	KIT(kit, vfs_unlink(t, "/g"), 0);
	see_events(kit, fd, 1, expected, 6);
	/* many, which go with their files or with the queue */
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "/d/%d", i);
		kit_put(kit, path, "");
		KIT(kit, vfs_inotify_add_watch(t, fd, path, VFS_IN_DELETE_SELF),
		    i + 2);
	}
	for (int i = 0; i < FILES / 2; i++) {
		snprintf(path, sizeof(path), "/d/%d", i);
		KIT(kit, vfs_unlink(t, path), 0);
		KIT(kit, vfs_inotify_rm_watch(t, fd, i + 2), -EINVAL);
	}
	watch_by_function(kit);
	KIT(kit, vfs_close(t, fd), 0);
}
