/* SPDX-License-Identifier: MIT */
/* Sockets' names. Contract: endpoint.h, <vfs/socket.h>. */
#include "core/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/inode.h"
#include "core/names.h"
#include "core/perm.h"
#include "core/walk.h"
#include "util/epoch.h"

struct vfs_endpoint {
	struct vfs *vfs;	       /* constant; not referenced */
	void *object;		       /* constant */
	void (*release)(void *object); /* constant */
	uint32_t ref;		       /* atomic */
	uint32_t closed;	       /* atomic */
};

int vfs_endpoint_create(struct vfs *vfs, void *object,
			void (*release)(void *object),
			struct vfs_endpoint **out)
{
	struct vfs__thread *thread;
	struct vfs_endpoint *e;

	if (!vfs || !out)
		return -EFAULT;
	thread = vfs__self(vfs);
	e = thread ? vfs__mem_alloc(thread, sizeof(*e)) : NULL;
	if (!e)
		return -ENOMEM;
	e->vfs = vfs;
	e->object = object;
	e->release = release;
	e->ref = 1;
	e->closed = 0;
	*out = e;
	return 0;
}

struct vfs_endpoint *vfs_endpoint_ref(struct vfs_endpoint *endpoint)
{
	if (endpoint)
		__atomic_fetch_add(&endpoint->ref, 1, __ATOMIC_RELAXED);
	return endpoint;
}

void vfs_endpoint_unref(struct vfs_endpoint *endpoint)
{
	if (!endpoint ||
	    __atomic_sub_fetch(&endpoint->ref, 1, __ATOMIC_ACQ_REL))
		return;
	if (endpoint->release)
		endpoint->release(endpoint->object);
	vfs__mem_free(vfs__self_always(endpoint->vfs), endpoint,
		      sizeof(*endpoint));
}

void *vfs_endpoint_object(const struct vfs_endpoint *endpoint)
{
	return endpoint ? endpoint->object : NULL;
}

void vfs_endpoint_close(struct vfs_endpoint *endpoint)
{
	if (endpoint)
		__atomic_store_n(&endpoint->closed, 1, __ATOMIC_RELEASE);
}

/* ---- names ---- */

/* With the name's directory locked. */
static int bind_locked(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs__create *c, uint32_t mode,
		       struct vfs_endpoint *endpoint)
{
	struct vfs_inode *dir = c->parent.dentry->inode;
	int err = vfs__may_create(thread, c->cred,
				  vfs__mount_idmap(c->parent.mnt), dir);

	if (!err &&
	    !(dir->super->type->flags & (VFS_FS_COMPLETE | VFS_FS_ENDPOINTS)))
		err = -EOPNOTSUPP;
	if (!err)
		err = vfs__make_node(thread, task, c->cred, &c->parent,
				     c->dentry, S_IFSOCK | (mode & 07777), 0,
				     NULL);
	if (!err)
		VFS_STORE_POINTER(c->dentry->inode->core_special,
				  vfs_endpoint_ref(endpoint));
	return err;
}

int vfs__socket_bind(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t mode,
		     struct vfs_endpoint *endpoint)
{
	struct vfs__create c;
	int err;

	/* it would be given back to an instance that may have ended */
	if (endpoint->vfs != task->vfs)
		return -EINVAL;
	err = vfs__create_begin(thread, task, dirfd, path, false, &c);
	if (!err) {
		err = bind_locked(thread, task, &c, mode, endpoint);
		vfs__create_end(thread, &c);
	}
	return err == -EEXIST ? -EADDRINUSE : err;
}

static int connect_at(struct vfs__thread *thread, struct vfs_task *task,
		      const struct vfs__path *at, struct vfs_endpoint **out)
{
	struct vfs_inode *inode = vfs__dentry_inode(at->dentry);
	uint32_t mode = vfs__inode_mode(inode);
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	struct vfs_endpoint *endpoint = NULL;
	int err;

	/* what is no socket is asked for first, as if it were to be written */
	if ((S_ISREG(mode) || S_ISDIR(mode)) &&
	    (VFS_READ_ONCE(inode->super->flags) & VFS_SUPER_RDONLY))
		err = -EROFS;
	else
		err = vfs__permission_load(thread, cred,
					   vfs__mount_idmap(at->mnt), inode,
					   VFS__MAY_WRITE);

	vfs__task_cred_put(thread, cred);
	if (err)
		return err;
	if (S_ISSOCK(mode))
		endpoint = VFS_LOAD_POINTER(inode->core_special);
	if (!endpoint || VFS_LOAD_POINTER(endpoint->closed))
		return -ECONNREFUSED;
	vfs__path_accessed(at, inode);
	*out = vfs_endpoint_ref(endpoint);
	return 0;
}

int vfs__socket_connect(struct vfs__thread *thread, struct vfs_task *task,
			int dirfd, const char *path, uint32_t walk,
			struct vfs_endpoint **out)
{
	struct vfs__path at;
	int err = vfs__path_lookup(thread, task, dirfd, path, walk, &at);

	if (err)
		return err;
	err = connect_at(thread, task, &at, out);
	vfs__path_unref(thread, &at);
	return err;
}

/* ---- the end ---- */

static void unref_later(struct vfs *vfs, void *pointer, size_t size)
{
	(void)vfs;
	(void)size;
	vfs_endpoint_unref(pointer);
}

void vfs__endpoint_evict(struct vfs__thread *thread, struct vfs_inode *inode)
{
	struct vfs_endpoint *endpoint = inode->core_special;

	/* it is found by the inode no more, and the embedder's function does
	 * not run under the inode's lock */
	inode->core_special = NULL;
	if (endpoint)
		vfs__epoch_retire(thread, unref_later, endpoint,
				  sizeof(*endpoint));
}
