/* SPDX-License-Identifier: MIT */
/*
 * hostfs: a directory of the host in the tree. What a task can reach through it
 * ends at that directory: symlinks are followed by libvfs, in its own tree, and
 * nothing of the host's outside is opened, asked or changed, whoever moves
 * things about on the host meanwhile.
 *
 * No instance knows the type by itself, because who may mount it may have any
 * directory of the host. It is mounted with vfs_mount_type, which leaves it
 * unnamed for the tasks inside,
 *
 *	vfs_mount_type(task, &vfs_hostfs_type, "/srv/root", "/mnt", 0,
 *		       "cache=exclusive");
 *
 * or registered with vfs_register_filesystem, where every task that may mount
 * in the instance's first user namespace is trusted.
 *
 * The source is a directory's path on the host, opened once; or rootfd= names
 * an open descriptor of one, which is duplicated and stays the caller's.
 *
 * Options, separated by commas:
 *   cache=revalidate  others change the tree, too: every step of a walk is
 *                     asked for (the default); no call sees what was there
 *                     before it began
 *   cache=exclusive   nobody else does: names and attributes are kept, and a
 *                     stat of what is known makes no call of the host
 *   owner=host        owners, modes and device nodes are the host's (the
 *                     default of a process that may give files away)
 *   owner=xattr       they are recorded in one attribute, user.vfs.owner, of
 *                     files that are this process's own (the default of others,
 *                     where the file system has such attributes). Tasks cannot
 *                     see or set that one, whatever owner= is
 *   owner=squash      everything is uid='s and gid='s (default: the mounter's)
 *   uid=N, gid=N      for owner=squash; numbers of the first user namespace,
 *                     or host: that one is the host's
 *   ro, rw            read-only, or not (the default)
 *   rootfd=N          instead of a source
 *   maxfds=N          at most N descriptors are kept for what is not open:
 *                     8 and more; half of RLIMIT_NOFILE, at most 1024
 *   xdev              what the host has mounted inside is shown as well;
 *                     otherwise it is -EXDEV
 *   devices           device nodes that are found can be opened, and lead to
 *                     the instance's devices of that number; FIFOs that are
 *                     found lead to pipes of libvfs's own; otherwise -EACCES.
 *                     FIFOs that are made through the mount can be opened in
 *                     any case: the host's node is a name, and no more
 * Anything else, and a malformed number: -EINVAL, and a line to the log.
 *
 * With cache=exclusive, overlay stores the host's handles of files. To find one
 * again takes CAP_DAC_READ_SEARCH: the host is asked where on the file system
 * the file is, through a descriptor that is a place and nothing else, and what
 * is not found below the directory, name by name, is not found.
 *
 * Errors of a mount besides: -ENOTDIR, -EACCES, -ENOENT and the like of opening
 * the directory; -EBADF rootfd is none; -EINVAL neither a source nor rootfd;
 * -EOPNOTSUPP owner=xattr where there are no user attributes, or no xdev where
 * the host does not tell mounts apart (before Linux 5.8); -ENOENT this process
 * sees no procfs at /proc; -EMFILE.
 */
#ifndef VFS_HOSTFS_H
#define VFS_HOSTFS_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_filesystem_type;

/* Since 0.1. */
extern VFS_API const struct vfs_filesystem_type vfs_hostfs_type;

#ifdef __cplusplus
}
#endif

#endif
