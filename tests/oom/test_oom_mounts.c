/* SPDX-License-Identifier: MIT */
/*
 * A history of mounts again and again, with the nth allocation failing, n = 1,
 * 2, … until none fails: a call that answers -ENOMEM has changed nothing, works
 * when made again, and everything is given back in the end.
 */
#include <linux/mount.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "support/check.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

struct history {
	struct world world;
	struct vfs_task *other; /* in a namespace of its own */
	int fds[5];
};

typedef int step(struct history *h);

#define STEP(name, call)                            \
	static int name(struct history *h)          \
	{                                           \
		struct vfs_task *t = h->world.task; \
		return (call);                      \
	}

static int kept(int *fd, int result)
{
	if (result >= 0)
		*fd = result;
	return result < 0 ? result : 0;
}

/* All that is known of the mount at /a. */
static int ask_mount(struct vfs_task *task)
{
	struct {
		struct vfs_statmount head;
		char strings[1024];
	} answer;
	struct vfs_mnt_id_req req = {.size = sizeof(req), .param = 0x3f};
	struct vfs_stat st;
	int err = vfs_stat(task, "/a", &st);

	req.mnt_id = st.mnt_id;
	return err ? err
		   : vfs_statmount(task, &req, &answer.head, sizeof(answer), 0);
}

static const struct vfs_mount_attr share = {.propagation = MS_SHARED,
					    .attr_set = MOUNT_ATTR_NODEV};

STEP(make_a, vfs_mkdir(t, "/a", 0755))
STEP(make_b, vfs_mkdir(t, "/b", 0755))
STEP(make_c, vfs_mkdir(t, "/c", 0755))
STEP(mount_a, vfs_mount(t, "source", "/a", "tmpfs", 0, "size=1m"))
STEP(make_in, vfs_mkdir(t, "/a/in", 0755))
STEP(make_old, vfs_mkdir(t, "/a/old", 0755))
STEP(share_a, vfs_mount(t, NULL, "/a", NULL, MS_SHARED, NULL))
STEP(bind_b, vfs_mount(t, "/a", "/b", NULL, MS_BIND, NULL))
STEP(bind_c, vfs_mount(t, "/a", "/c", NULL, MS_BIND, NULL))
STEP(slave_c, vfs_mount(t, NULL, "/c", NULL, MS_SLAVE, NULL))
STEP(share_c, vfs_mount(t, NULL, "/c", NULL, MS_SHARED, NULL))
STEP(mount_in, vfs_mount(t, "inner", "/a/in", "tmpfs", 0, NULL))
STEP(clone_ns, vfs_task_clone(t, VFS_CLONE_NEWNS, &h->other))
STEP(rbind, vfs_mount(t, "/a", "/c", NULL, MS_BIND | MS_REC, NULL))
STEP(attributes,
     vfs_mount_setattr(t, AT_FDCWD, "/c", AT_RECURSIVE, &share, sizeof(share)))
STEP(copy, kept(&h->fds[0], vfs_open_tree(t, AT_FDCWD, "/a",
					  OPEN_TREE_CLONE | AT_RECURSIVE)))
STEP(open_fs, kept(&h->fds[1], vfs_fsopen(t, "tmpfs", 0)))
STEP(option, vfs_fsconfig(t, h->fds[1], FSCONFIG_SET_STRING, "size", "1m", 0))
STEP(name, vfs_fsconfig(t, h->fds[1], FSCONFIG_SET_STRING, "source", "s", 0))
STEP(create, vfs_fsconfig(t, h->fds[1], FSCONFIG_CMD_CREATE, NULL, NULL, 0))
STEP(detached, kept(&h->fds[2], vfs_fsmount(t, h->fds[1], 0, 0)))
STEP(put, vfs_move_mount(t, h->fds[2], "", AT_FDCWD, "/a/old",
			 MOVE_MOUNT_F_EMPTY_PATH))
STEP(namespace,
     kept(&h->fds[3], vfs_open_namespace(t, h->other, VFS_CLONE_NEWNS, 0)))
STEP(unshare, vfs_unshare(t, VFS_CLONE_NEWNS))
STEP(remount, vfs_mount(t, NULL, "/a", NULL, MS_REMOUNT, "size=2m"))
STEP(ask, ask_mount(t))
STEP(pick, kept(&h->fds[4], vfs_fspick(t, AT_FDCWD, "/a", 0)))
STEP(inodes,
     vfs_fsconfig(t, h->fds[4], FSCONFIG_SET_STRING, "nr_inodes", "99", 0))
STEP(change,
     vfs_fsconfig(t, h->fds[4], FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0))
STEP(private, vfs_mount(t, NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL))
STEP(pivot, vfs_pivot_root(t, "/b", "/b/old"))
STEP(away, vfs_umount2(t, "/old", MNT_DETACH))
STEP(enter, vfs_setns(t, h->fds[3], 0))
STEP(gone, vfs_umount2(t, "/a", MNT_DETACH))

static const struct {
	const char *what;
	step *run;
	int expected; /* another answer that is fine */
} steps[] = {
#define S(name)                \
	{                      \
#name, name, 0 \
	}
	S(make_a),   S(make_b),	  S(make_c),	S(mount_a), S(make_in),
	S(make_old), S(share_a),  S(bind_b),	S(bind_c),  S(slave_c),
	S(share_c),  S(mount_in), S(clone_ns),	S(rbind),   S(attributes),
	S(copy),     S(open_fs),  S(option),	S(name),    S(create),
	S(detached), S(put),	  S(namespace), S(unshare), S(remount),
	S(ask),	     S(pick),	  S(inodes),	S(change),  S(private),
	S(pivot),    S(away),	  S(enter),	S(gone),
};

/* mountinfo, without counting what it takes. */
static void look(struct history *h, char *text, size_t size)
{
	bool was = test_alloc_pause(&h->world.alloc, true);

	if (vfs_mountinfo(h->world.task, 0, text, size) < 0)
		abort();
	test_alloc_pause(&h->world.alloc, was);
}

static bool run_steps(struct history *h)
{
	static char before[16384], after[16384];

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int result;

		look(h, before, sizeof(before));
		result = steps[i].run(h);
		if (result == -ENOMEM) {
			look(h, after, sizeof(after));
			/* creating is over when it failed, as in Linux */
			if (steps[i].run == create) {
				vfs_close(h->world.task, h->fds[1]);
				result = open_fs(h);
			} else {
				result = 0;
			}
			if (strcmp(before, after)) {
				printf("%s failed and changed something:\n"
				       "%s---\n%s",
				       steps[i].what, before, after);
				return false;
			}
			if (!result)
				result = steps[i].run(h);
		}
		if (result) {
			printf("%s: %s\n", steps[i].what,
			       vfs_errno_name(result));
			return false;
		}
	}
	return true;
}

static bool run(uint64_t nth, bool *more)
{
	struct vfs_config config = {.size = sizeof(config),
				    .flags = VFS_CONFIG_PLAIN_MEMORY};
	struct history h = {.other = NULL};
	bool good = true;

	if (world_open(&h.world, &config))
		abort();
	test_alloc_fail(&h.world.alloc, nth, 1);
	good = run_steps(&h);
	*more = test_alloc_heal(&h.world.alloc) > 0;
	vfs_task_unref(h.other);
	return world_close(&h.world) && good;
}

int main(void)
{
	uint64_t nth = 0;
	bool more = true, good = true;

	while (more && good)
		good = run(++nth, &more);
	printf("%s: %llu allocations\n", good ? "ok" : "FAILED",
	       (unsigned long long)nth - 1);
	return !good;
}
