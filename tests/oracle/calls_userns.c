/* SPDX-License-Identifier: MIT */
/* User namespaces' maps, and the inode flags of ioctl that are structures. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

/* INSIDE:OUTSIDE:COUNT, with commas; - for none. */
static size_t parse_maps(const char *text, struct vfs_id_map *maps)
{
	size_t count = 0;

	if (!strcmp(text, "-"))
		return 0;
	for (const char *p = text; *p; count++) {
		uint32_t numbers[3];
		char *end;

		if (count == VFS_ID_MAPS_MAX + 1)
			die("too many extents");
		for (int i = 0; i < 3; i++) {
			numbers[i] = (uint32_t)strtoul(p, &end, 10);
			p = end + (*end == ':' || *end == ',');
		}
		maps[count] =
			(struct vfs_id_map){numbers[0], numbers[1], numbers[2]};
	}
	return count;
}

/* maps TASK UIDS GIDS: of the user namespace that TASK was cloned into. */
static void run_maps(struct exec *exec)
{
	struct vfs_id_map uids[VFS_ID_MAPS_MAX + 1];
	struct vfs_id_map gids[VFS_ID_MAPS_MAX + 1];
	size_t uid_count = parse_maps(STR(1), uids);
	size_t gid_count = parse_maps(STR(2), gids);
	unsigned task = U32(0);

	if (task >= MAX_TASKS || !exec->side->tasks[task])
		exec_result(exec, -ESRCH);
	else
		exec_result(exec, exec->side->class->set_maps(exec->side, task,
							      uids, uid_count,
							      gids, gid_count));
}

/* newuser TASK UIDS GIDS: a clone in a user namespace with these maps. */
static void run_newuser(struct exec *exec)
{
	struct side *side = exec->side;
	unsigned task = U32(0);
	int result;

	if (task >= MAX_TASKS || side->tasks[task]) {
		exec_result(exec, -EEXIST);
		return;
	}
	result = side->class->clone(side, task, VFS_CLONE_NEWUSER);
	if (result)
		exec_result(exec, result);
	else
		run_maps(exec);
	if (!result && side->result)
		side->class->drop(side, task);
}

static void run_fsgetxattr(struct exec *exec)
{
	struct fsxattr attr;
	int result;

	memset(&attr, 0xff, sizeof(attr));
	result = CALL(ioctl, INT(0), FS_IOC_FSGETXATTR, &attr);
	exec_result(exec, result);
	if (result >= 0)
		text_printf(&exec->side->out, " %x %u %u %u %u",
			    attr.fsx_xflags, attr.fsx_extsize,
			    attr.fsx_nextents, attr.fsx_projid,
			    attr.fsx_cowextsize);
}

/* fssetxattr FD XFLAGS EXTSIZE PROJID COWEXTSIZE */
static void run_fssetxattr(struct exec *exec)
{
	struct fsxattr attr = {
		.fsx_xflags = U32(1),
		.fsx_extsize = U32(2),
		.fsx_projid = U32(3),
		.fsx_cowextsize = U32(4),
	};

	exec_result(exec, CALL(ioctl, INT(0), FS_IOC_FSSETXATTR, &attr));
}

/* ioctl_null FD REQUEST */
static void run_ioctl_null(struct exec *exec)
{
	exec_result(exec, CALL(ioctl, INT(0), (uint64_t)NUM(1), NULL));
}

const struct call_def userns_calls[] = {
	{"maps", "nvv", run_maps},
	{"newuser", "nvv", run_newuser},
	{"fsgetxattr", "n", run_fsgetxattr},
	{"fssetxattr", "nn?nnn", run_fssetxattr},
	{"ioctl_null", "nn", run_ioctl_null},
	{NULL, NULL, NULL},
};
