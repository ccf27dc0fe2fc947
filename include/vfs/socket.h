/* SPDX-License-Identifier: MIT */
/*
 * Sockets' names. libvfs has no sockets; it has the nodes that they are bound
 * to (S_IFSOCK), and keeps behind each one what the embedder put there: an
 * endpoint. Binding makes the name, connecting finds the endpoint by it, with
 * the checks of bind(2) and connect(2) (unix(7)). What an endpoint is, how it
 * queues connections and moves bytes, is the embedder's.
 *
 * An endpoint is counted: its maker has one reference, the node it is bound to
 * another, and each connect gives one. So it lasts as long as the longest of
 * these, and the name, however it is renamed or linked, leads to it until the
 * node is gone or vfs_endpoint_close says that nobody listens any more.
 *
 * For all of them: since 0.1; any thread at any time. -EFAULT a NULL that is
 * needed; -ENOMEM where memory runs out, and then nothing has changed.
 */
#ifndef VFS_SOCKET_H
#define VFS_SOCKET_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_endpoint;

/*
 * An endpoint with one reference. object: the embedder's, handed back by
 * vfs_endpoint_object; release(object), which may be NULL, is called when the
 * last reference is given back, on the thread that does so, possibly in the
 * middle of another call: it must not call into the instance.
 *
 * Returns 0, -EFAULT, or -ENOMEM.
 */
VFS_API int vfs_endpoint_create(struct vfs *vfs, void *object,
				void (*release)(void *object),
				struct vfs_endpoint **out);
VFS_API struct vfs_endpoint *vfs_endpoint_ref(struct vfs_endpoint *endpoint);
/* NULL is accepted. The instance must still be there. */
VFS_API void vfs_endpoint_unref(struct vfs_endpoint *endpoint);
VFS_API void *vfs_endpoint_object(const struct vfs_endpoint *endpoint);

/*
 * The socket is closed: from now on connecting to its name is -ECONNREFUSED.
 * The name stays, as a closed socket's does, until somebody removes it. NULL is
 * accepted.
 */
VFS_API void vfs_endpoint_close(struct vfs_endpoint *endpoint);

/*
 * Makes path (relative to dirfd) a socket's node with mode less the umask, and
 * puts endpoint behind it, which gets a reference.
 *
 * Returns 0 or: -EADDRINUSE the name exists, whatever it is, a dangling symlink
 * too; -EOPNOTSUPP the file system keeps its inodes elsewhere than in memory;
 * -EINVAL endpoint is another instance's; -EACCES, -EROFS, -ENOSPC, and those
 * of a path (<vfs/file.h>). See bind(2).
 */
VFS_API int vfs_bind_socket(struct vfs_task *task, int dirfd, const char *path,
			    uint32_t mode, struct vfs_endpoint *endpoint);

/*
 * The endpoint behind path (a last symlink is followed), with a reference for
 * the caller. flags: AT_EMPTY_PATH (an empty path is dirfd itself, an O_PATH
 * descriptor).
 *
 * Returns 0 or: -EACCES the task may not write to the node; -ECONNREFUSED it is
 * no socket, or nothing is behind it; -EINVAL another flag; and those of a path
 * (<vfs/file.h>). *out is untouched on failure. See connect(2).
 */
VFS_API int vfs_connect_socket(struct vfs_task *task, int dirfd,
			       const char *path, int flags,
			       struct vfs_endpoint **out);

#ifdef __cplusplus
}
#endif

#endif
