/* SPDX-License-Identifier: MIT */
/* The whole of the application's interface; a file system's is
 * <vfs/sys/backend.h>. */
#ifndef VFS_VFS_H
#define VFS_VFS_H

#include <vfs/base.h>
#include <vfs/bundle.h>
#include <vfs/cred.h>
#include <vfs/devfs.h>
#include <vfs/devpts.h>
#include <vfs/dir.h>
#include <vfs/exec.h>
#include <vfs/file.h>
#include <vfs/handle.h>
#include <vfs/hostfs.h>
#include <vfs/import.h>
#include <vfs/inotify.h>
#include <vfs/instance.h>
#include <vfs/lock.h>
#include <vfs/mmap.h>
#include <vfs/mount.h>
#include <vfs/mountpoint.h>
#include <vfs/overlay.h>
#include <vfs/path.h>
#include <vfs/procfs.h>
#include <vfs/socket.h>
#include <vfs/stat.h>
#include <vfs/sysfs.h>
#include <vfs/task.h>
#include <vfs/tmpfs.h>
#include <vfs/userns.h>
#include <vfs/xattr.h>

#endif
