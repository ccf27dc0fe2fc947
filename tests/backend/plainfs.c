/* SPDX-License-Identifier: MIT */
/* Contract: plainfs.h. An entry holds a reference on its inode. */
#include "backend/plainfs.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/plainfs_node.h"

struct plainfs_counts plainfs_counts;

static void count(int64_t *counter, int64_t change)
{
	__atomic_add_fetch(counter, change, __ATOMIC_RELAXED);
}

/* -- entries -- */

static struct plain_entry **entry_at(struct plain_node *dir,
				     const struct vfs_name *name)
{
	struct plain_entry **at = &dir->entries;

	while (*at && ((*at)->len != name->len ||
		       memcmp((*at)->name, name->str, name->len)))
		at = &(*at)->next;
	return at;
}

static struct plain_entry *entry_make(struct vfs *vfs,
				      const struct vfs_name *name)
{
	struct plain_entry *e = vfs_zalloc(vfs, sizeof(*e) + name->len);

	if (e) {
		e->len = name->len;
		memcpy(e->name, name->str, name->len);
	}
	return e;
}

/* At the end of the directory, with a position of its own; the reference on
 * inode passes to the entry. */
static void entry_add(struct vfs_inode *dir, struct plain_entry *e,
		      struct vfs_inode *inode)
{
	struct plain_node *node = plain_node(dir);
	struct plain_entry **at = &node->entries;

	while (*at)
		at = &(*at)->next;
	e->position = 2 + node->last_position++;
	e->inode = inode;
	e->next = NULL;
	*at = e;
}

/* Unlinked from the list, freed; the reference is given back. */
static void entry_drop(struct vfs *vfs, struct plain_entry **at)
{
	struct plain_entry *e = *at;

	*at = e->next;
	vfs_inode_unref(e->inode);
	vfs_free(vfs, e, sizeof(*e) + e->len);
}

static void add_links(struct vfs_inode *inode, int change)
{
	VFS_WRITE_ONCE(inode->nlink, inode->nlink + (uint32_t)change);
}

static void lose_name(struct vfs_inode *inode)
{
	VFS_WRITE_ONCE(inode->nlink,
		       S_ISDIR(inode->mode) ? 0 : inode->nlink - 1);
	vfs_inode_touch(inode, VFS_TOUCH_CTIME);
}

static void dir_changed(struct vfs_inode *dir)
{
	vfs_inode_touch(dir, VFS_TOUCH_MTIME | VFS_TOUCH_CTIME);
}

/* -- directories -- */

static int plain_lookup(struct vfs_inode *dir, const struct vfs_name *name,
			struct vfs_inode **inode, uint64_t *cookie)
{
	struct plain_entry *e = *entry_at(plain_node(dir), name);

	__atomic_add_fetch(&plainfs_counts.lookups, 1, __ATOMIC_RELAXED);
	if (!e)
		return -ENOENT;
	*inode = vfs_inode_ref(e->inode);
	*cookie = (uint64_t)e->position;
	return 0;
}

static int make_inode(struct vfs_super *super, uint64_t ino,
		      const struct vfs_create_args *args,
		      struct vfs_inode **out)
{
	struct vfs_inode *inode =
		vfs_inode_create(super, &plain_ops, ino, args->mode);
	struct plain_node *node;
	int error = 0;

	if (!inode)
		return -ENOMEM;
	node = plain_node(inode);
	if (pthread_mutex_init(&node->lock, NULL)) {
		vfs_inode_discard(inode);
		return -ENOMEM;
	}
	inode->uid = args->uid;
	inode->gid = args->gid;
	if (S_ISCHR(args->mode) || S_ISBLK(args->mode))
		inode->rdev = args->rdev;
	if (S_ISLNK(args->mode)) {
		inode->size = (int64_t)args->target_len;
		error = plain_put_data(inode, args->target, args->target_len);
	}
	for (uint64_t i = 0; !error && i < args->xattr_count; i++)
		error = plain_setxattr(inode, args->xattrs[i].name,
				       args->xattrs[i].value,
				       args->xattrs[i].size, 0);
	if (error) {
		plain_free_data(inode);
		vfs_inode_discard(inode);
		return error;
	}
	count(&plainfs_counts.inodes, 1);
	*out = inode;
	return 0;
}

static int plain_create(struct vfs_inode *dir, const struct vfs_name *name,
			const struct vfs_create_args *args,
			struct vfs_inode **inode, uint64_t *cookie)
{
	struct vfs_super *super = dir->super;
	struct plain_entry *e = entry_make(super->vfs, name);
	int error;

	if (!e)
		return -ENOMEM;
	error = make_inode(super, vfs_super_next_ino(super), args, inode);
	if (error) {
		vfs_free(super->vfs, e, sizeof(*e) + e->len);
		return error;
	}
	entry_add(dir, e, vfs_inode_ref(*inode));
	*cookie = (uint64_t)e->position;
	if (S_ISDIR(args->mode))
		add_links(dir, 1);
	dir_changed(dir);
	return 0;
}

static int plain_tmpfile(struct vfs_inode *dir,
			 const struct vfs_create_args *args,
			 struct vfs_inode **inode)
{
	int error = make_inode(dir->super, vfs_super_next_ino(dir->super), args,
			       inode);

	if (!error)
		(*inode)->nlink = 0;
	return error;
}

static int plain_link(struct vfs_inode *dir, const struct vfs_name *name,
		      struct vfs_inode *inode, uint64_t *cookie)
{
	struct plain_entry *e = entry_make(dir->super->vfs, name);

	if (!e)
		return -ENOMEM;
	entry_add(dir, e, vfs_inode_ref(inode));
	*cookie = (uint64_t)e->position;
	add_links(inode, 1);
	vfs_inode_touch(inode, VFS_TOUCH_CTIME);
	dir_changed(dir);
	return 0;
}

static int plain_remove(struct vfs_inode *dir, const struct vfs_name *name,
			struct vfs_inode *inode, uint64_t cookie)
{
	struct plain_entry **at = entry_at(plain_node(dir), name);

	if (!*at || (*at)->inode != inode ||
	    (uint64_t)(*at)->position != cookie)
		return -EIO; /* the core's idea of the name is not ours */
	if (S_ISDIR(inode->mode)) {
		if (plain_node(inode)->entries)
			return -ENOTEMPTY;
		add_links(dir, -1);
	}
	lose_name(inode);
	dir_changed(dir);
	entry_drop(dir->super->vfs, at);
	return 0;
}

static int exchange(struct vfs_rename_args *args)
{
	struct plain_entry *from =
		*entry_at(plain_node(args->old_dir), &args->old_name);
	struct plain_entry *to =
		*entry_at(plain_node(args->new_dir), &args->new_name);
	int moved =
		S_ISDIR(args->old_inode->mode) - S_ISDIR(args->new_inode->mode);

	from->inode = args->new_inode;
	to->inode = args->old_inode;
	args->new_name_cookie = (uint64_t)to->position;
	args->old_name_cookie = (uint64_t)from->position;
	if (args->old_dir != args->new_dir) {
		add_links(args->old_dir, -moved);
		add_links(args->new_dir, moved);
	}
	return 0;
}

/* All memory first, then what cannot fail. */
static int move(struct vfs_rename_args *args)
{
	struct vfs *vfs = args->old_dir->super->vfs;
	struct plain_entry *e = entry_make(vfs, &args->new_name);
	struct plain_entry *white = NULL;
	struct vfs_inode *victim = args->new_inode;
	int dir = S_ISDIR(args->old_inode->mode) ? 1 : 0;
	int error = e ? 0 : -ENOMEM;

	if (!error && args->flags & VFS_RENAME_WHITEOUT) {
		struct vfs_create_args device = {.size = sizeof(device),
						 .mode = S_IFCHR};

		white = entry_make(vfs, &args->old_name);
		error = !white ? -ENOMEM
			       : make_inode(args->old_dir->super,
					    vfs_super_next_ino(
						    args->old_dir->super),
					    &device, &args->whiteout);
	}
	if (error) {
		if (white)
			vfs_free(vfs, white, sizeof(*white) + white->len);
		if (e)
			vfs_free(vfs, e, sizeof(*e) + e->len);
		return error;
	}
	if (victim) {
		lose_name(victim);
		entry_drop(vfs, entry_at(plain_node(args->new_dir),
					 &args->new_name));
	}
	vfs_inode_ref(args->old_inode);
	entry_drop(vfs, entry_at(plain_node(args->old_dir), &args->old_name));
	entry_add(args->new_dir, e, args->old_inode);
	args->new_name_cookie = (uint64_t)e->position;
	if (white) {
		entry_add(args->old_dir, white, vfs_inode_ref(args->whiteout));
		args->old_name_cookie = (uint64_t)white->position;
	}
	add_links(args->old_dir, -dir);
	add_links(args->new_dir, victim ? 0 : dir);
	return 0;
}

static int plain_rename(struct vfs_rename_args *args)
{
	struct vfs_inode *victim = args->new_inode;
	int error;

	if (args->flags & ~(VFS_RENAME_EXCHANGE | VFS_RENAME_WHITEOUT))
		return -EINVAL;
	if (args->flags & VFS_RENAME_EXCHANGE) {
		error = exchange(args);
	} else {
		if (victim && S_ISDIR(victim->mode) &&
		    plain_node(victim)->entries)
			return -ENOTEMPTY;
		error = move(args);
	}
	if (error)
		return error;
	dir_changed(args->old_dir);
	dir_changed(args->new_dir);
	vfs_inode_touch(args->old_inode, VFS_TOUCH_CTIME);
	if (victim)
		vfs_inode_touch(victim, VFS_TOUCH_CTIME);
	return 0;
}

static int plain_iterate(struct vfs_inode *dir, struct vfs_file *file,
			 struct vfs_dir_context *context)
{
	const struct plain_entry *e = plain_node(dir)->entries;

	(void)file;
	for (; e; e = e->next) {
		if (e->position < context->position)
			continue;
		if (!vfs_dir_emit(context, e->name, e->len, e->inode->ino,
				  IFTODT(VFS_READ_ONCE(e->inode->mode)),
				  e->position + 1))
			break;
	}
	return 0;
}

/* -- open files -- */

static int plain_open(struct vfs_inode *inode, struct vfs_file *file)
{
	(void)inode;
	vfs_file_set_private(file, &plainfs_counts);
	count(&plainfs_counts.open_files, 1);
	return 0;
}

static void plain_release(struct vfs_inode *inode, struct vfs_file *file)
{
	(void)inode;
	if (vfs_file_private(file) == &plainfs_counts)
		count(&plainfs_counts.open_files, -1);
}

const struct vfs_inode_ops plain_ops = {
	.size = sizeof(plain_ops),
	.lookup = plain_lookup,
	.create = plain_create,
	.link = plain_link,
	.remove = plain_remove,
	.rename = plain_rename,
	.tmpfile = plain_tmpfile,
	.iterate = plain_iterate,
	.readlink = plain_readlink,
	.getxattr = plain_getxattr,
	.setxattr = plain_setxattr,
	.listxattr = plain_listxattr,
	.removexattr = plain_removexattr,
	.open = plain_open,
	.release = plain_release,
	.read = plain_read,
	.write = plain_write,
	.truncate = plain_truncate,
};

/* -- the file system -- */

static int plain_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	out->type = super->magic;
	out->bsize = VFS_PAGE_SIZE;
	out->blocks = out->bfree = out->bavail = 1 << 20;
	out->files = out->ffree = 1 << 20;
	return 0;
}

static void plain_evict(struct vfs_inode *inode)
{
	struct plain_node *node = plain_node(inode);

	while (node->entries)
		entry_drop(inode->super->vfs, &node->entries);
	plain_free_data(inode);
	count(&plainfs_counts.inodes, -1);
}

static const struct vfs_super_ops super_ops = {
	.size = sizeof(super_ops),
	.statfs = plain_statfs,
	.evict = plain_evict,
};

static int plain_mount(struct vfs_super *super,
		       const struct vfs_mount_args *args,
		       struct vfs_inode **root)
{
	struct vfs_create_args create = {.size = sizeof(create),
					 .mode = S_IFDIR | 0755};

	if (args->options && *args->options) {
		vfs_log(super->vfs, VFS_LOG_ERROR, "plainfs: no option %s",
			args->options);
		return -EINVAL;
	}
	super->ops = &super_ops;
	super->magic = 0x504c4149;
	super->flags |= VFS_SUPER_POSIXACL;
	super->max_file_size = PLAIN_FILE_MAX;
	return make_inode(super, 1, &create, root);
}

const struct vfs_filesystem_type plainfs_type = {
	.size = sizeof(plainfs_type),
	.name = "plainfs",
	.inode_size = sizeof(struct plain_node),
	.mount = plain_mount,
};
