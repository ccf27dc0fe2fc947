/* SPDX-License-Identifier: MIT */
/* File handles. Contract: handle.h. The order of checks is the kernel's. */
#include "core/handle.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/inode.h"
#include "core/lookup.h"
#include "core/pathname.h"
#include "core/walk.h"

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200
#endif
#ifndef AT_HANDLE_MNT_ID_UNIQUE
#define AT_HANDLE_MNT_ID_UNIQUE 0x001
#endif
#ifndef AT_HANDLE_CONNECTABLE
#define AT_HANDLE_CONNECTABLE 0x002
#endif
#define KNOWN_FLAGS                                          \
	(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | AT_HANDLE_FID | \
	 AT_HANDLE_MNT_ID_UNIQUE | AT_HANDLE_CONNECTABLE)

/* The types of handles, as the kernel's tmpfs and its anonymous files have. */
#define TYPE_TREE 1
#define TYPE_FID 0x81
#define TYPE_INVALID 0xff
/* What a caller may put into the type's upper half. */
#define TYPE_CONNECTABLE 0x10000
#define TYPE_DIRECTORY 0x20000
#define TYPE_FLAGS_UNKNOWN (~0xffff & ~(TYPE_CONNECTABLE | TYPE_DIRECTORY))

#define FIRST_SIZE 16u

/* What is in a handle's bytes. */
struct content {
	uint32_t generation;
	uint32_t ino_low, ino_high;
};

struct vfs__handle {
	struct vfs__handle *next; /* of the bucket */
	struct vfs_inode *inode;  /* not referenced */
	/* A name of it, not referenced, which has VFS__DENTRY_HANDLE; a
	 * directory's is its only one. NULL: that one is gone. */
	struct vfs_dentry *dentry;
	uint64_t ino; /* the inode's: searching looks at entries alone */
};

static void handles_lock(struct vfs__handles *h)
{
	vfs__mutex_lock(&h->lock, VFS__RANK_LEAF);
}

static void handles_unlock(struct vfs__handles *h)
{
	vfs__mutex_unlock(&h->lock, VFS__RANK_LEAF);
}

/* ---- numbers ---- */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

static uint64_t hash_of(const struct vfs_super *super, uint64_t ino)
{
	const struct vfs *vfs = super->vfs;

	return mix(mix(ino ^ vfs->hash_seed[0]) + super->dev +
		   vfs->hash_seed[1]);
}

static void content_of(const struct vfs_inode *inode, struct content *out)
{
	out->generation = (uint32_t)(hash_of(inode->super, inode->ino) >> 32);
	out->ino_low = (uint32_t)inode->ino;
	out->ino_high = (uint32_t)(inode->ino >> 32);
}

/* ---- the table ---- */

/* Where the inode's entry is, or where it would be. Lock held; there are
 * buckets. */
static struct vfs__handle **find(struct vfs__handles *h,
				 const struct vfs_super *super, uint64_t ino)
{
	struct vfs__handle **at =
		&h->buckets[hash_of(super, ino) & (h->size - 1)];

	while (*at && ((*at)->ino != ino || (*at)->inode->super != super))
		at = &(*at)->next;
	return at;
}

static struct vfs__handle **make_buckets(struct vfs__thread *thread,
					 uint32_t size)
{
	struct vfs__handle **buckets =
		vfs__mem_alloc(thread, size * sizeof(*buckets));

	if (buckets)
		memset(buckets, 0, size * sizeof(*buckets));
	return buckets;
}

/* Doubles the table when it is full; lock held. Only the first one must be
 * had: -ENOMEM. */
static int grow(struct vfs__thread *thread, struct vfs__handles *h)
{
	uint32_t size = h->size, i;
	struct vfs__handle **old = h->buckets, *e, *next;

	if (h->count < size)
		return 0;
	h->buckets = make_buckets(thread, size ? size * 2 : FIRST_SIZE);
	if (!h->buckets) {
		h->buckets = old;
		return size ? 0 : -ENOMEM;
	}
	h->size = size ? size * 2 : FIRST_SIZE;
	for (i = 0; i < size; i++) {
		for (e = old[i]; e; e = next) {
			struct vfs__handle **at;

			next = e->next;
			at = find(h, e->inode->super, e->ino);
			e->next = *at;
			*at = e;
		}
	}
	vfs__mem_free(thread, old, size * sizeof(*old));
	return 0;
}

/* Makes d the name of its inode's entry; entry is for where there is none, and
 * is NULL afterwards if it was taken. 0, -ENOENT (there is none, and no entry),
 * -ENOMEM. */
static int set_name(struct vfs__thread *thread, struct vfs__handles *h,
		    struct vfs_dentry *d, struct vfs__handle **entry)
{
	struct vfs_inode *inode = vfs__dentry_inode(d);
	struct vfs__handle **at;
	int err = *entry ? grow(thread, h) : 0;

	if (err)
		return err;
	at = h->size ? find(h, inode->super, inode->ino) : NULL;
	if ((!at || !*at) && !*entry)
		return -ENOENT;
	if (!*at) {
		(*entry)->next = NULL;
		(*entry)->inode = inode;
		(*entry)->ino = inode->ino;
		(*entry)->dentry = NULL;
		*at = *entry;
		*entry = NULL;
		h->count++;
	}
	if ((*at)->dentry && (*at)->dentry != d)
		vfs__dentry_clear((*at)->dentry, VFS__DENTRY_HANDLE);
	(*at)->dentry = d;
	vfs__dentry_set(d, VFS__DENTRY_HANDLE);
	return 0;
}

/* The dentry's inode, which is referenced, is found by its handle from now on.
 * 0 or -ENOMEM. */
static int publish(struct vfs__thread *thread, struct vfs *vfs,
		   struct vfs_dentry *d)
{
	struct vfs_inode *inode = vfs__dentry_inode(d);
	struct vfs__handles *h = &vfs->handles;
	struct vfs__handle *entry = NULL;
	int err = -ENOENT;

	if (vfs__dentry_flags(d) & VFS__DENTRY_HANDLE)
		return 0;
	if (VFS_READ_ONCE(inode->flags) & VFS_INODE_HANDLE) {
		handles_lock(h);
		err = set_name(thread, h, d, &entry);
		handles_unlock(h);
	}
	if (err != -ENOENT)
		return err;
	entry = vfs__mem_alloc(thread, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	/* before there is an entry: who goes looks at this first */
	vfs_inode_set_flags(inode, VFS_INODE_HANDLE, 0);
	handles_lock(h);
	err = set_name(thread, h, d, &entry);
	handles_unlock(h);
	vfs__mem_free(thread, entry, sizeof(*entry));
	return err;
}

void vfs__handle_evict(struct vfs__thread *thread, struct vfs_inode *inode)
{
	struct vfs__handles *h = &inode->super->vfs->handles;
	struct vfs__handle **at, *entry = NULL;

	handles_lock(h);
	at = h->size ? find(h, inode->super, inode->ino) : NULL;
	if (at && *at) {
		entry = *at;
		*at = entry->next;
		h->count--;
	}
	handles_unlock(h);
	vfs__mem_free(thread, entry, sizeof(*entry));
}

void vfs__handle_forget(const struct vfs_dentry *d)
{
	const struct vfs_inode *inode = d->inode;
	struct vfs__handles *h = &inode->super->vfs->handles;
	struct vfs__handle **at;

	handles_lock(h);
	at = h->size ? find(h, inode->super, inode->ino) : NULL;
	if (at && *at && (*at)->dentry == d)
		(*at)->dentry = NULL;
	handles_unlock(h);
}

void vfs__handles_fini(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__handles *h = &vfs->handles;

	assert(!h->count);
	vfs__mem_free(thread, h->buckets, h->size * sizeof(*h->buckets));
	h->buckets = NULL;
	h->size = 0;
}

/* What the content leads to in super: a dentry if one is known, else only an
 * inode, referenced. -ESTALE: nothing. */
static int lookup(struct vfs *vfs, const struct vfs_super *super,
		  const struct content *content, struct vfs_dentry **dentry,
		  struct vfs_inode **inode)
{
	uint64_t ino = (uint64_t)content->ino_high << 32 | content->ino_low;
	struct vfs__handles *h = &vfs->handles;
	struct vfs__handle *entry = NULL;

	*dentry = NULL;
	*inode = NULL;
	if ((uint32_t)(hash_of(super, ino) >> 32) != content->generation)
		return -ESTALE;
	handles_lock(h);
	if (h->size)
		entry = *find(h, super, ino);
	if (entry && entry->dentry && vfs__dentry_tryref(entry->dentry))
		*dentry = entry->dentry;
	else if (entry)
		*inode = vfs_inode_tryref(entry->inode);
	handles_unlock(h);
	return *dentry || *inode ? 0 : -ESTALE;
}

/* ---- name_to_handle_at ---- */

static int encode(struct vfs__thread *thread, struct vfs *vfs,
		  const struct vfs__path *path, struct vfs_file_handle *handle,
		  const void *mount_id, int flags)
{
	const struct vfs_inode *inode = vfs__dentry_inode(path->dentry);
	bool decodable = inode->super->type->flags & VFS_FS_HANDLES;
	struct content content;
	int err;

	if ((flags & AT_HANDLE_CONNECTABLE) ||
	    (!decodable && !(flags & AT_HANDLE_FID)))
		return -EOPNOTSUPP;
	if (!handle)
		return -EFAULT;
	if (handle->handle_bytes > VFS_MAX_HANDLE_SIZE)
		return -EINVAL;
	if (!mount_id)
		return -EFAULT;
	if (handle->handle_bytes < sizeof(content)) {
		handle->handle_bytes = sizeof(content);
		handle->handle_type = TYPE_INVALID;
		return -EOVERFLOW;
	}
	err = decodable && !(flags & AT_HANDLE_FID)
		      ? publish(thread, vfs, path->dentry)
		      : 0;
	if (err)
		return err;
	content_of(inode, &content);
	handle->handle_bytes = sizeof(content);
	handle->handle_type = decodable ? TYPE_TREE : TYPE_FID;
	memcpy(handle->f_handle, &content, sizeof(content));
	return 0;
}

static void store_mount_id(const struct vfs_mount *mnt, void *mount_id,
			   int flags)
{
	int32_t id = (int32_t)mnt->id;

	if (flags & AT_HANDLE_MNT_ID_UNIQUE)
		memcpy(mount_id, &mnt->id, sizeof(mnt->id));
	else
		memcpy(mount_id, &id, sizeof(id));
}

int vfs__name_to_handle(struct vfs__thread *thread, struct vfs_task *task,
			int dirfd, const char *path,
			struct vfs_file_handle *handle, void *mount_id,
			int flags)
{
	struct vfs__path at;
	uint32_t walk = 0;
	int err;

	if (flags & ~KNOWN_FLAGS)
		return -EINVAL;
	if ((flags & AT_HANDLE_CONNECTABLE) &&
	    (flags & (AT_HANDLE_FID | AT_EMPTY_PATH)))
		return -EINVAL;
	if (flags & AT_SYMLINK_FOLLOW)
		walk |= VFS__WALK_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		walk |= VFS__WALK_EMPTY;
	err = vfs__path_lookup(thread, task, dirfd, path, walk, &at);
	if (err)
		return err;
	err = encode(thread, task->vfs, &at, handle, mount_id, flags);
	/* told also where only the handle's size was asked for */
	if (!err || err == -EOVERFLOW)
		store_mount_id(at.mnt, mount_id, flags);
	vfs__path_unref(thread, &at);
	return err;
}

/* ---- open_by_handle_at ---- */

/* The mount that the handle is meant for, referenced. */
static int find_mount(struct vfs__thread *thread, struct vfs_task *task,
		      int mount_fd, struct vfs_mount **out)
{
	struct vfs__fspaths paths;
	struct vfs_file *file;

	if (mount_fd == AT_FDCWD) {
		vfs__task_paths(thread, task, &paths);
		*out = paths.cwd.mnt;
		vfs__mount_ref(thread, *out);
		vfs__path_unref(thread, &paths.root);
		vfs__path_unref(thread, &paths.cwd);
		return 0;
	}
	file = vfs__fd_get_io(thread, task, mount_fd);
	if (!file)
		return -EBADF;
	*out = file->path.mnt;
	vfs__mount_ref(thread, *out);
	vfs__file_unref(thread, file);
	return 0;
}

/* A name for an inode whose names nobody knows: none. */
static int make_nameless(struct vfs__thread *thread, struct vfs_mount *mnt,
			 struct vfs_inode *inode, struct vfs_dentry **out)
{
	static const struct vfs_name none = {.str = ""};
	struct vfs_dentry *d;

	/* a directory's names are found by its dentry, and that is gone */
	if (vfs__inode_is_dir(inode))
		return -ESTALE;
	d = vfs__dentry_alloc(thread, mnt->root, &none);
	if (!d)
		return -ENOMEM;
	vfs__dentry_instantiate(d, vfs_inode_ref(inode), 0);
	*out = d;
	return 0;
}

static int decode(struct vfs__thread *thread, struct vfs *vfs,
		  struct vfs_mount *mnt, const struct vfs_file_handle *handle,
		  struct vfs_dentry **out)
{
	struct content content;
	struct vfs_inode *inode;
	struct vfs_dentry *d;
	int err;

	if (handle->handle_bytes < sizeof(content) ||
	    !(mnt->super->type->flags & VFS_FS_HANDLES))
		return -ESTALE;
	memcpy(&content, handle->f_handle, sizeof(content));
	err = lookup(vfs, mnt->super, &content, &d, &inode);
	if (!err && !d)
		err = make_nameless(thread, mnt, inode, &d);
	vfs__inode_unref(thread, inode);
	if (err)
		return err;
	if ((handle->handle_type & TYPE_DIRECTORY) &&
	    !vfs__inode_is_dir(vfs__dentry_inode(d))) {
		vfs__dentry_unref(thread, d);
		return -ESTALE;
	}
	*out = d;
	return 0;
}

static int check_handle(const struct vfs_file_handle *handle)
{
	if (!handle)
		return -EFAULT;
	if (!handle->handle_bytes || handle->handle_bytes > VFS_MAX_HANDLE_SIZE)
		return -EINVAL;
	if (handle->handle_type < 0 ||
	    (handle->handle_type & TYPE_FLAGS_UNKNOWN))
		return -EINVAL;
	return 0;
}

/* Whoever may search every directory could have come by a path as well. */
static int check_privilege(struct vfs__thread *thread, struct vfs_task *task)
{
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	int err = vfs__capable(cred, VFS_CAP_DAC_READ_SEARCH) ? 0 : -EPERM;

	vfs__task_cred_put(thread, cred);
	return err;
}

int vfs__handle_place(struct vfs__thread *thread, struct vfs_task *task,
		      int mount_fd, const struct vfs_file_handle *handle,
		      struct vfs__path *place)
{
	int err = check_handle(handle);

	if (err)
		return err;
	err = find_mount(thread, task, mount_fd, &place->mnt);
	if (err)
		return err;
	err = check_privilege(thread, task);
	if (!err)
		err = decode(thread, task->vfs, place->mnt, handle,
			     &place->dentry);
	if (err)
		vfs__mount_unref(thread, place->mnt);
	return err;
}

/* ---- handles that are stored ---- */

/* Before the device: of an instance, and of nobody else's. */
static const unsigned char own_fs[8] = {'v', 'f', 's', 0, 'l', 'i', 'b', 1};

static bool has_handles(const struct vfs_super *super)
{
	return super->ops->size >= offsetof(struct vfs_super_ops, locate) +
					   sizeof(super->ops->locate) &&
	       super->ops->encode && super->ops->locate;
}

static int encode_own(struct vfs__thread *thread, struct vfs *vfs,
		      const struct vfs__path *path,
		      struct vfs_layer_handle *out)
{
	const struct vfs_inode *inode = vfs__dentry_inode(path->dentry);
	const struct vfs_super *super = inode->super;
	struct content content;
	int err = super->type->flags & VFS_FS_HANDLES
			  ? publish(thread, vfs, path->dentry)
			  : -EOPNOTSUPP;

	if (err)
		return err;
	content_of(inode, &content);
	memcpy(out->fs, own_fs, sizeof(own_fs));
	memcpy(out->fs + sizeof(own_fs), &super->dev, sizeof(super->dev));
	out->dev = super->dev;
	out->length = sizeof(content);
	out->type = TYPE_TREE;
	memcpy(out->bytes, &content, sizeof(content));
	return 0;
}

int vfs__layer_encode(struct vfs__thread *thread, struct vfs *vfs,
		      const struct vfs__path *path,
		      struct vfs_layer_handle *out)
{
	struct vfs_inode *inode = vfs__dentry_inode(path->dentry);

	memset(out, 0, sizeof(*out));
	return has_handles(inode->super) ? inode->super->ops->encode(inode, out)
					 : encode_own(thread, vfs, path, out);
}

static int decode_own(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_mount *mnt,
		      const struct vfs_layer_handle *stored,
		      struct vfs_dentry **out)
{
	struct vfs_file_handle handle = {
		.handle_bytes = stored->length,
		.handle_type = (int32_t)stored->type,
	};

	if (!(mnt->super->type->flags & VFS_FS_HANDLES))
		return -EOPNOTSUPP;
	if (memcmp(stored->fs, own_fs, sizeof(own_fs)) ||
	    memcmp(stored->fs + sizeof(own_fs), &mnt->super->dev,
		   sizeof(mnt->super->dev)))
		return -ESTALE;
	memcpy(handle.f_handle, stored->bytes, stored->length);
	return decode(thread, vfs, mnt, &handle, out);
}

/* What path leads to, name by name, from the file system's root; referenced. */
static int go_down(struct vfs__thread *thread, struct vfs *vfs,
		   struct vfs_super *super, const char *path,
		   struct vfs_dentry **out)
{
	const char *end = path + strlen(path);
	struct vfs_dentry *at = vfs__dentry_ref(vfs__super_root(super)), *next;
	int err = 0;

	while (!err && path < end) {
		struct vfs_name name = {.str = path};

		name.len = vfs__component_scan(vfs->hash_seed, path, end,
					       &name.hash);
		err = -ENOENT;
		if (name.len && vfs__inode_is_dir(vfs__dentry_inode(at)))
			err = vfs__child_slow(thread, vfs, at, &name, &next);
		if (err)
			break;
		vfs__dentry_unref(thread, at);
		at = next;
		path += name.len;
		path += *path == '/';
	}
	if (err)
		vfs__dentry_unref(thread, at);
	else
		*out = at;
	return err;
}

/* Whether d is the file. */
static int compare(struct vfs__thread *thread, struct vfs *vfs,
		   struct vfs_mount *mnt, struct vfs_dentry *d,
		   const struct vfs_layer_handle *handle)
{
	const struct vfs__path path = {.mnt = mnt, .dentry = d};
	struct vfs_layer_handle found;
	int err = vfs__layer_encode(thread, vfs, &path, &found);

	if (err)
		return err;
	return memcmp(&found, handle, sizeof(found)) ? -ENODATA : 0;
}

/* The backend says where it may be. */
static int decode_located(struct vfs__thread *thread, struct vfs *vfs,
			  struct vfs_mount *mnt,
			  const struct vfs_layer_handle *handle,
			  struct vfs_dentry **out)
{
	struct vfs_super *super = mnt->super;
	struct vfs_dentry *d = NULL;
	char *path = vfs__mem_alloc(thread, VFS__PATH_MAX);
	int err;

	if (!path)
		return -ENOMEM;
	err = super->ops->locate(super, handle, path, VFS__PATH_MAX);
	if (!err)
		err = go_down(thread, vfs, super, path, &d);
	vfs__mem_free(thread, path, VFS__PATH_MAX);
	/* whatever is on the way there, it is not the file */
	if (err == -ENOENT || err == -EXDEV || err == -ENAMETOOLONG)
		return -ENODATA;
	if (err)
		return err;
	err = compare(thread, vfs, mnt, d, handle);
	if (err)
		vfs__dentry_unref(thread, d);
	else
		*out = d;
	return err;
}

int vfs__layer_decode(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_mount *mnt,
		      const struct vfs_layer_handle *handle,
		      struct vfs_dentry **out)
{
	return has_handles(mnt->super)
		       ? decode_located(thread, vfs, mnt, handle, out)
		       : decode_own(thread, vfs, mnt, handle, out);
}
