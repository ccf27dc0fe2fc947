/* SPDX-License-Identifier: MIT */
/*
 * fsopen(2), fspick(2), fsconfig(2), fsmount(2): a file system in the making,
 * behind a descriptor. Contract: mount_fd.h.
 *
 * The context belongs to its open file; its lock is taken before everything
 * else.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>

#include "core/mount_fd.h"
#include "core/mountinfo.h"
#include "core/pathname.h"
#include "core/walk.h"

#define CMD_CREATE_EXCL 8u /* FSCONFIG_CMD_CREATE_EXCL, since Linux 6.6 */
#define PARAMETER_MAX 256u /* bytes of a key, and of a string */

enum phase {
	CREATE_PARAMS,
	AWAITING_MOUNT,
	RECONFIGURE_PARAMS,
	FAILED
};

struct context {
	struct vfs__mutex lock; /* rank CONTEXT */
	enum phase phase;
	const struct vfs_filesystem_type *type;
	struct vfs_super *super; /* counted; NULL: none yet */
	struct vfs_userns
		*userns; /* counted: the opener's, the super's owner */
	char *source;	 /* with its NUL; NULL: none */
	struct vfs__text options;
	uint64_t flags, mask; /* MS_*: wanted, and those that were given */
};

/* ---- the file ---- */

static void context_release(struct vfs_inode *inode, struct vfs_file *file)
{
	struct vfs__thread *thread = vfs__self_always(inode->super->vfs);
	struct context *c = vfs_file_private(file);

	c->options.thread = thread;
	vfs__text_fini(&c->options);
	if (c->source)
		vfs__mem_free(thread, c->source, strlen(c->source) + 1);
	if (c->super)
		vfs__super_unref(thread, c->super);
	vfs_userns_unref(c->userns);
	vfs__mem_free(thread, c, sizeof(*c));
}

/* The messages are in the instance's log. */
static int64_t context_read(struct vfs_inode *inode, struct vfs_file *file,
			    void *buffer, size_t count, int64_t offset)
{
	(void)inode;
	(void)file;
	(void)buffer;
	(void)count;
	(void)offset;
	return -ENODATA;
}

/* One inode is everybody's. */
static int context_setattr(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	(void)inode;
	(void)attr;
	return -EOPNOTSUPP;
}

static const struct vfs_inode_ops context_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.release = context_release,
	.read = context_read,
	.setattr = context_setattr,
};

struct vfs_dentry *vfs__fs_context_dentry(struct vfs__thread *thread,
					  struct vfs *vfs)
{
	struct vfs_dentry *dentry = vfs__dentry_alloc(thread, NULL, NULL);
	struct vfs_super *super = vfs->anon_mount->super;
	struct vfs_inode *inode;

	if (!dentry)
		return NULL;
	/* of no type, and in Linux the one that all such files share */
	inode = vfs_inode_create(super, &context_ops, vfs->anon_inode->ino,
				 0600);
	if (!inode) {
		vfs__dentry_unref(thread, dentry);
		return NULL;
	}
	inode->btime_packed = INT64_MIN; /* statx tells none */
	vfs__dentry_instantiate(dentry, inode, 0);
	return dentry;
}

static struct vfs_file *make_file(struct vfs__thread *thread,
				  struct vfs_task *task)
{
	struct vfs__path path = {task->vfs->anon_mount, task->vfs->context};
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	struct vfs_file *file = vfs__file_alloc(
		thread, task->vfs, &path, cred, O_RDWR,
		VFS__FILE_READ | VFS__FILE_WRITE | VFS__FILE_OPENED);

	vfs__task_cred_put(thread, cred);
	if (file)
		vfs__path_ref(thread, &path);
	return file;
}

/* super's reference passes, on failure as well. */
static int open_context(struct vfs__thread *thread, struct vfs_task *task,
			const struct vfs_filesystem_type *type,
			struct vfs_super *super, bool cloexec)
{
	struct context *c = vfs__mem_alloc(thread, sizeof(*c));
	struct vfs_file *file = c ? make_file(thread, task) : NULL;
	int fd;

	if (!file) {
		if (super)
			vfs__super_unref(thread, super);
		vfs__mem_free(thread, c, sizeof(*c));
		return -ENOMEM;
	}
	memset(c, 0, sizeof(*c));
	vfs__mutex_init(&c->lock);
	c->type = type;
	c->super = super;
	c->userns = vfs_task_userns(task);
	c->phase = super ? RECONFIGURE_PARAMS : CREATE_PARAMS;
	vfs_file_set_private(file, c);
	fd = vfs__fd_install(thread, task, file, 0, cloexec);
	if (fd < 0)
		vfs__file_unref(thread, file);
	return fd;
}

int vfs__fsopen(struct vfs__thread *thread, struct vfs_task *task,
		const char *name, uint32_t flags)
{
	const struct vfs_filesystem_type *type;

	if (!vfs__may_mount(thread, task))
		return -EPERM;
	if (flags & ~FSOPEN_CLOEXEC)
		return -EINVAL;
	if (!name)
		return -EFAULT;
	if (!vfs__string_fits(name, VFS__PATH_MAX))
		return -EINVAL;
	type = vfs__type_find(task->vfs, name);
	if (!type)
		return -ENODEV;
	return open_context(thread, task, type, NULL, flags & FSOPEN_CLOEXEC);
}

int vfs__fspick(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
		const char *path, uint32_t flags)
{
	uint32_t how = 0;
	struct vfs__path at;
	int err;

	if (!vfs__may_mount(thread, task))
		return -EPERM;
	if (flags & ~(FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW |
		      FSPICK_NO_AUTOMOUNT | FSPICK_EMPTY_PATH))
		return -EINVAL;
	if (!(flags & FSPICK_SYMLINK_NOFOLLOW))
		how |= VFS__WALK_FOLLOW;
	if (flags & FSPICK_EMPTY_PATH)
		how |= VFS__WALK_EMPTY;
	err = vfs__path_lookup(thread, task, dirfd, path, how, &at);
	if (err)
		return err;
	if (vfs__path_is_mount(&at))
		err = open_context(thread, task, at.mnt->super->type,
				   vfs__super_ref(at.mnt->super),
				   flags & FSPICK_CLOEXEC);
	else
		err = -EINVAL;
	vfs__path_unref(thread, &at);
	return err;
}

/* ---- parameters ---- */

static const struct {
	const char *word;
	uint64_t flag;
	bool set;
} words[] = {
	{"ro", MS_RDONLY, true},
	{"rw", MS_RDONLY, false},
	{"sync", MS_SYNCHRONOUS, true},
	{"async", MS_SYNCHRONOUS, false},
	{"dirsync", MS_DIRSYNC, true},
	{"lazytime", MS_LAZYTIME, true},
	{"nolazytime", MS_LAZYTIME, false},
};

static bool set_word(struct context *c, const char *key)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(key, words[i].word))
			continue;
		c->mask |= words[i].flag;
		c->flags &= ~words[i].flag;
		c->flags |= words[i].set ? words[i].flag : 0;
		return true;
	}
	return false;
}

static int set_source(struct vfs__thread *thread, struct context *c,
		      const char *value)
{
	size_t size = value ? strlen(value) + 1 : 0;

	if (!value || c->source)
		return -EINVAL;
	c->source = vfs__mem_alloc(thread, size);
	if (!c->source)
		return -ENOMEM;
	memcpy(c->source, value, size);
	return 0;
}

static int check_option(struct vfs_task *task, const struct context *c,
			const char *option)
{
	const struct vfs_mount_args args = {
		.size = sizeof(args),
		.options = option,
		.userns = c->userns,
	};

	if (!c->type->check_options)
		return 0;
	return c->type->check_options(task->vfs, &args);
}

static int set_option(struct vfs__thread *thread, struct vfs_task *task,
		      struct context *c, const char *key, const char *value)
{
	size_t before = c->options.len, start;
	int err;

	/* a comma would be the end of it, and nothing none */
	if (!*key || strchr(key, ',') || (value && strchr(value, ',')))
		return -EINVAL;
	c->options.thread = thread;
	if (before)
		vfs__text_add(&c->options, ",", 1);
	start = c->options.len;
	vfs__text_add(&c->options, key, strlen(key));
	if (value) {
		vfs__text_add(&c->options, "=", 1);
		vfs__text_add(&c->options, value, strlen(value));
	}
	err = c->options.failed
		      ? -ENOMEM
		      : check_option(task, c, c->options.data + start);
	if (err) {
		c->options.failed = false;
		c->options.len = before;
		if (c->options.data)
			c->options.data[before] = '\0';
	}
	return err;
}

static int set_parameter(struct vfs__thread *thread, struct vfs_task *task,
			 struct context *c, const char *key, const char *value)
{
	if (c->phase != CREATE_PARAMS && c->phase != RECONFIGURE_PARAMS)
		return -EBUSY;
	/* whatever they are set to */
	if (set_word(c, key))
		return 0;
	if (!strcmp(key, "source"))
		return set_source(thread, c, value);
	return set_option(thread, task, c, key, value);
}

/* ---- commands ---- */

static int create(struct vfs__thread *thread, struct vfs_task *task,
		  struct context *c)
{
	struct vfs_cred *cred;
	struct vfs_mount_args args = {
		.size = sizeof(args),
		.source = c->source,
		.options = c->options.data,
		.userns = c->userns,
	};
	struct vfs_dentry *root;
	int err = 0;

	if (c->phase != CREATE_PARAMS)
		return -EBUSY;
	cred = vfs__task_cred(thread, task);
	args.uid = cred->fsuid;
	args.gid = cred->fsgid;
	if (!vfs__may_make(cred, c->type, c->userns))
		err = -EPERM;
	vfs__task_cred_put(thread, cred);
	if (err)
		return err;
	err = vfs__super_create(thread, task->vfs, c->type, &args, &c->super,
				&root);
	if (err) {
		c->super = NULL;
		c->phase = FAILED;
		return err;
	}
	vfs__dentry_unref(thread, root);
	err = vfs__super_reconfigure(c->super, c->flags, c->mask, NULL);
	c->phase = err ? FAILED : AWAITING_MOUNT;
	return err;
}

static int reconfigure(struct vfs__thread *thread, struct vfs_task *task,
		       struct context *c)
{
	int err = -EPERM;

	if (c->phase != RECONFIGURE_PARAMS)
		return -EBUSY;
	if (vfs__may_administer(thread, task, c->super->userns))
		err = vfs__super_reconfigure(c->super, c->flags, c->mask,
					     c->options.data);
	if (err) {
		c->phase = FAILED;
		return err;
	}
	c->options.len = 0;
	if (c->options.data)
		c->options.data[0] = '\0';
	c->flags = c->mask = 0;
	return 0;
}

static int check_arguments(uint32_t command, const char *key, const void *value,
			   int aux)
{
	switch (command) {
	case FSCONFIG_SET_FLAG:
		return !key || value || aux ? -EINVAL : 0;
	case FSCONFIG_SET_STRING:
		return !key || !value || aux ? -EINVAL : 0;
	case FSCONFIG_SET_BINARY:
		return !key || !value || aux <= 0 || aux > 1024 * 1024 ? -EINVAL
								       : 0;
	case FSCONFIG_SET_PATH:
	case FSCONFIG_SET_PATH_EMPTY:
		return !key || !value || (aux != AT_FDCWD && aux < 0) ? -EINVAL
								      : 0;
	case FSCONFIG_SET_FD:
		return !key || value || aux < 0 ? -EINVAL : 0;
	case FSCONFIG_CMD_CREATE:
	case CMD_CREATE_EXCL:
	case FSCONFIG_CMD_RECONFIGURE:
		return key || value || aux ? -EINVAL : 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int configure(struct vfs__thread *thread, struct vfs_task *task,
		     struct context *c, uint32_t command, const char *key,
		     const void *value)
{
	switch (command) {
	case FSCONFIG_SET_FLAG:
		return set_parameter(thread, task, c, key, NULL);
	case FSCONFIG_SET_STRING:
		return set_parameter(thread, task, c, key, value);
	case FSCONFIG_CMD_CREATE:
	case CMD_CREATE_EXCL: /* none is ever shared */
		return create(thread, task, c);
	case FSCONFIG_CMD_RECONFIGURE:
		return reconfigure(thread, task, c);
	default:
		if (c->phase != CREATE_PARAMS && c->phase != RECONFIGURE_PARAMS)
			return -EBUSY;
		/* no type here has a parameter of the other kinds */
		return set_word(c, key) ? 0 : -EINVAL;
	}
}

/* What is wrong with the values themselves, whatever they are for. */
static int check_values(struct vfs__thread *thread, struct vfs_task *task,
			uint32_t command, const char *key, const char *value,
			int aux)
{
	struct vfs_file *file;

	if (!vfs__string_fits(key, PARAMETER_MAX))
		return -EINVAL;
	switch (command) {
	case FSCONFIG_SET_STRING:
		return vfs__string_fits(value, PARAMETER_MAX) ? 0 : -EINVAL;
	case FSCONFIG_SET_PATH:
		if (!*value)
			return -ENOENT;
		/* fallthrough */
	case FSCONFIG_SET_PATH_EMPTY:
		return vfs__string_fits(value, VFS__PATH_MAX) ? 0
							      : -ENAMETOOLONG;
	case FSCONFIG_SET_FD:
		file = vfs__fd_get(thread, task, aux);
		if (!file)
			return -EBADF;
		vfs__file_unref(thread, file);
		return 0;
	default:
		return 0;
	}
}

/* The context behind fd with its file referenced, or -EBADF, -EINVAL. */
static int get_context(struct vfs__thread *thread, struct vfs_task *task,
		       int fd, struct vfs_file **file)
{
	*file = vfs__fd_get_io(thread, task, fd);
	if (!*file)
		return -EBADF;
	if ((*file)->inode->ops == &context_ops)
		return 0;
	vfs__file_unref(thread, *file);
	return -EINVAL;
}

int vfs__fsconfig(struct vfs__thread *thread, struct vfs_task *task, int fd,
		  uint32_t command, const char *key, const void *value, int aux)
{
	struct vfs_file *file;
	struct context *c;
	int err;

	if (fd < 0)
		return -EINVAL;
	err = check_arguments(command, key, value, aux);
	if (!err)
		err = get_context(thread, task, fd, &file);
	if (err)
		return err;
	err = check_values(thread, task, command, key, value, aux);
	if (!err) {
		c = vfs_file_private(file);
		vfs__mutex_lock(&c->lock, VFS__RANK_CONTEXT);
		err = configure(thread, task, c, command, key, value);
		vfs__mutex_unlock(&c->lock, VFS__RANK_CONTEXT);
	}
	vfs__file_unref(thread, file);
	return err;
}

/* ---- fsmount ---- */

static int make_mount(struct vfs__thread *thread, struct vfs_task *task,
		      struct context *c, uint32_t flags, bool cloexec)
{
	struct vfs_dentry *root;
	struct vfs_mount *mnt;
	int err;

	if (!c->super)
		return -EINVAL;
	if (c->phase != AWAITING_MOUNT)
		return -EBUSY;
	root = vfs__dentry_ref(vfs__super_root(c->super));
	err = vfs__mount_create(thread, task->vfs, vfs__super_ref(c->super),
				root, flags, c->source, &mnt);
	if (err) {
		vfs__dentry_unref(thread, root);
		vfs__super_unref(thread, c->super);
		return err;
	}
	err = vfs__mount_fd_detached(thread, task, mnt, 0, cloexec);
	if (err >= 0) {
		c->phase = RECONFIGURE_PARAMS;
		c->flags = c->mask = 0;
		c->options.len = 0;
		if (c->options.data)
			c->options.data[0] = '\0';
	}
	return err;
}

int vfs__fsmount(struct vfs__thread *thread, struct vfs_task *task, int fd,
		 uint32_t flags, uint32_t attributes)
{
	struct vfs_file *file;
	uint32_t mount_flags;
	struct context *c;
	int err;

	if (!vfs__may_mount(thread, task))
		return -EPERM;
	if (flags & ~FSMOUNT_CLOEXEC)
		return -EINVAL;
	err = vfs__attributes_parse(attributes, &mount_flags);
	if (!err)
		err = get_context(thread, task, fd, &file);
	if (err)
		return err;
	c = vfs_file_private(file);
	vfs__mutex_lock(&c->lock, VFS__RANK_CONTEXT);
	err = make_mount(thread, task, c, mount_flags, flags & FSMOUNT_CLOEXEC);
	vfs__mutex_unlock(&c->lock, VFS__RANK_CONTEXT);
	vfs__file_unref(thread, file);
	return err;
}
