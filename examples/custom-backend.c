/* SPDX-License-Identifier: MIT */
/*
 * A file system of one's own, whole: `vars` shows a set of variables as files.
 * Its mount options are the variables it begins with, NAME=VALUE,NAME=VALUE;
 * files can be read, written, listed, made and removed. docs/backend-guide.md
 * goes through it step by step.
 *
 *	cc custom-backend.c $(pkg-config --cflags --libs vfs) && ./a.out
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <vfs/sys/backend.h>
#include <vfs/vfs.h>

#define VARS_MAX 64	 /* variables in one file system */
#define VALUE_MAX 256	 /* bytes in one of them */
#define FIRST_POSITION 2 /* behind `.` and `..`, which are the core's */

/* Behind each inode: what the file contains. */
struct var {
	char value[VALUE_MAX];
};

/* Behind the super: the directory. Protected by the directory's inode lock,
 * which the core holds whenever it calls. Entries are in order of position. */
struct entry {
	struct entry *next;
	struct vfs_inode *inode; /* a reference */
	int64_t position;
	uint32_t len;
	char name[];
};

struct vars {
	struct entry *first;
	int64_t next_position;
	uint64_t count;
};

static const struct vfs_inode_ops dir_ops, file_ops;

static struct vars *vars_of(const struct vfs_super *super)
{
	return vfs_super_private(super);
}

/* Where the entry of this name is linked; of NULL: the end. */
static struct entry **find(struct vars *vars, const char *name, uint32_t len)
{
	struct entry **at = &vars->first;

	while (*at && ((*at)->len != len || memcmp((*at)->name, name, len)))
		at = &(*at)->next;
	return at;
}

/* Makes a file and its entry. The inode's reference is the entry's. */
static int add(struct vfs_super *super, const char *name, uint32_t len,
	       uint32_t mode, struct entry **out)
{
	struct vars *vars = vars_of(super);
	struct entry *entry;

	if (vars->count == VARS_MAX)
		return -ENOSPC;
	entry = vfs_zalloc(super->vfs, sizeof(*entry) + len);
	if (!entry)
		return -ENOMEM;
	entry->inode = vfs_inode_create(super, &file_ops,
					vfs_super_next_ino(super), mode);
	if (!entry->inode) {
		vfs_free(super->vfs, entry, sizeof(*entry) + len);
		return -ENOMEM;
	}
	entry->position = vars->next_position++;
	entry->len = len;
	memcpy(entry->name, name, len);
	*find(vars, "", 0) = entry;
	VFS_WRITE_ONCE(vars->count, vars->count + 1);
	*out = entry;
	return 0;
}

/* Takes an entry away and gives its reference back. */
static void drop(struct vfs_super *super, struct entry **at)
{
	struct entry *entry = *at;

	*at = entry->next;
	VFS_WRITE_ONCE(vars_of(super)->count, vars_of(super)->count - 1);
	vfs_inode_unref(entry->inode);
	vfs_free(super->vfs, entry, sizeof(*entry) + entry->len);
}

/* -- the directory's operations -- */

static int vars_lookup(struct vfs_inode *dir, const struct vfs_name *name,
		       struct vfs_inode **inode, uint64_t *cookie)
{
	struct entry *entry = *find(vars_of(dir->super), name->str, name->len);

	vfs_log(dir->super->vfs, VFS_LOG_DEBUG, "vars: look-up of %.*s",
		(int)name->len, name->str);
	if (!entry)
		return -ENOENT;
	*inode = vfs_inode_ref(entry->inode);
	*cookie = 0;
	return 0;
}

static int vars_create(struct vfs_inode *dir, const struct vfs_name *name,
		       const struct vfs_create_args *args,
		       struct vfs_inode **inode, uint64_t *cookie)
{
	struct entry *entry;
	int error;

	if (!S_ISREG(args->mode))
		return -EPERM;
	error = add(dir->super, name->str, name->len, args->mode, &entry);
	if (error)
		return error;
	entry->inode->uid = args->uid;
	entry->inode->gid = args->gid;
	vfs_inode_touch(dir, VFS_TOUCH_MTIME | VFS_TOUCH_CTIME);
	*inode = vfs_inode_ref(entry->inode);
	*cookie = 0;
	return 0;
}

static int vars_remove(struct vfs_inode *dir, const struct vfs_name *name,
		       struct vfs_inode *inode, uint64_t cookie)
{
	(void)cookie;
	drop(dir->super, find(vars_of(dir->super), name->str, name->len));
	VFS_WRITE_ONCE(inode->nlink, inode->nlink - 1);
	vfs_inode_touch(inode, VFS_TOUCH_CTIME);
	vfs_inode_touch(dir, VFS_TOUCH_MTIME | VFS_TOUCH_CTIME);
	return 0;
}

static int vars_iterate(struct vfs_inode *dir, struct vfs_file *file,
			struct vfs_dir_context *context)
{
	const struct entry *entry;

	(void)file;
	for (entry = vars_of(dir->super)->first; entry; entry = entry->next) {
		if (entry->position < context->position)
			continue;
		if (!vfs_dir_emit(context, entry->name, entry->len,
				  entry->inode->ino, DT_REG,
				  entry->position + 1))
			break; /* no room: the next call goes on from here */
	}
	return 0;
}

/* -- a file's operations -- */

static int64_t vars_read(struct vfs_inode *inode, struct vfs_file *file,
			 void *buffer, size_t count, int64_t offset)
{
	const struct var *var = vfs_inode_private(inode);
	int64_t size = VFS_READ_ONCE(inode->size);

	(void)file;
	if (offset >= size)
		return 0;
	if (count > (size_t)(size - offset))
		count = (size_t)(size - offset);
	/* No lock is held: a write may be going on. */
	vfs_copy_shared(buffer, var->value + offset, count);
	return (int64_t)count;
}

static int64_t vars_write(struct vfs_inode *inode, struct vfs_file *file,
			  const void *buffer, size_t count, int64_t offset)
{
	struct var *var = vfs_inode_private(inode);

	(void)file; /* the core has cut the write at max_file_size */
	vfs_copy_shared(var->value + offset, buffer, count);
	if (inode->size < offset + (int64_t)count)
		VFS_WRITE_ONCE(inode->size, offset + (int64_t)count);
	return (int64_t)count;
}

static int vars_truncate(struct vfs_inode *inode, int64_t size)
{
	static const char zeros[VALUE_MAX];
	struct var *var = vfs_inode_private(inode);

	VFS_WRITE_ONCE(inode->size, size);
	vfs_copy_shared(var->value + size, zeros, VALUE_MAX - (size_t)size);
	return 0;
}

static const struct vfs_inode_ops dir_ops = {
	.size = sizeof(dir_ops),
	.lookup = vars_lookup,
	.create = vars_create,
	.remove = vars_remove,
	.iterate = vars_iterate,
};

static const struct vfs_inode_ops file_ops = {
	.size = sizeof(file_ops),
	.read = vars_read,
	.write = vars_write,
	.truncate = vars_truncate,
};

/* -- the file system's operations -- */

static int vars_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	out->type = super->magic;
	out->bsize = VALUE_MAX;
	out->blocks = out->files = VARS_MAX;
	out->bfree = out->bavail = out->ffree =
		VARS_MAX - VFS_READ_ONCE(vars_of(super)->count);
	return 0;
}

/* The directory goes last of all, and the references it holds with it. */
static void vars_evict(struct vfs_inode *inode)
{
	struct vars *vars = vars_of(inode->super);

	while (S_ISDIR(inode->mode) && vars->first)
		drop(inode->super, &vars->first);
}

static const struct vfs_super_ops super_ops = {
	.size = sizeof(super_ops),
	.statfs = vars_statfs,
	.evict = vars_evict,
};

/* One option, NAME=VALUE. */
static int add_option(struct vfs_super *super, const char *option, size_t len)
{
	const char *equals = memchr(option, '=', len);
	size_t name = equals ? (size_t)(equals - option) : 0;
	size_t value = equals ? len - name - 1 : 0;
	struct entry *entry;
	int error;

	if (!name || name > super->name_max || value > VALUE_MAX ||
	    memchr(option, '/', name)) {
		vfs_log(super->vfs, VFS_LOG_ERROR, "vars: bad option '%.*s'",
			(int)len, option);
		return -EINVAL;
	}
	if (*find(vars_of(super), option, (uint32_t)name))
		return -EEXIST;
	error = add(super, option, (uint32_t)name, S_IFREG | 0644, &entry);
	if (!error)
		vars_write(entry->inode, NULL, equals + 1, value, 0);
	return error;
}

static int vars_mount(struct vfs_super *super,
		      const struct vfs_mount_args *args,
		      struct vfs_inode **root)
{
	const char *at = args->options ? args->options : "";
	size_t len;
	int error = 0;

	super->ops = &super_ops;
	super->magic = 0x76617273;
	super->max_file_size = VALUE_MAX;
	vars_of(super)->next_position = FIRST_POSITION;
	for (; !error && *at; at += len + (at[len] == ',')) {
		len = strcspn(at, ",");
		error = add_option(super, at, len);
	}
	if (!error) {
		*root = vfs_inode_create(super, &dir_ops, 1, S_IFDIR | 0755);
		error = *root ? 0 : -ENOMEM;
	}
	while (error && vars_of(super)->first)
		drop(super, &vars_of(super)->first);
	return error;
}

static const struct vfs_filesystem_type vars_type = {
	.size = sizeof(vars_type),
	.name = "vars",
	.inode_size = sizeof(struct var),
	.super_size = sizeof(struct vars),
	.mount = vars_mount,
};

/* -- its use -- */

static int surprises;

static void expect(const char *what, int64_t got, int64_t want)
{
	printf("%-34s %s\n", what, got < 0 ? vfs_errno_name((int)got) : "done");
	if (got == want)
		return;
	printf("  SURPRISE: %lld instead of %lld\n", (long long)got,
	       (long long)want);
	surprises++;
}

static void print_log(void *context, int32_t level, const char *message)
{
	(void)context;
	(void)level;
	printf("  log: %s\n", message);
}

static int list(struct vfs_task *task)
{
	const struct vfs_dirent *entry;
	struct vfs_dir *dir;
	int names = 0;

	if (vfs_opendir(task, "/", &dir))
		return -1;
	while (vfs_readdir(dir, &entry) > 0) {
		printf("  %s\n", entry->name);
		names += entry->name[0] != '.';
	}
	vfs_closedir(dir);
	return names;
}

static void use(struct vfs_task *task)
{
	char text[VALUE_MAX + 1] = "";
	struct vfs_stat st;
	int fd;

	fd = vfs_open(task, "/SHELL", O_RDONLY, 0);
	expect("open /SHELL", fd, 0);
	expect("read it", vfs_read(task, fd, text, VALUE_MAX), 7);
	expect("  it is /bin/sh", strcmp(text, "/bin/sh"), 0);
	expect("close it", vfs_close(task, fd), 0);
	fd = vfs_open(task, "/EDITOR", O_RDWR | O_CREAT | O_EXCL, 0600);
	expect("make /EDITOR", fd, 0);
	expect("write to it", vfs_write(task, fd, "ed", 2), 2);
	expect("write beyond the largest size",
	       vfs_pwrite(task, fd, "x", 1, VALUE_MAX), -EFBIG);
	expect("list: three names", list(task), 3);
	expect("remove /EDITOR, which is open", vfs_unlink(task, "/EDITOR"), 0);
	expect("read what is still open", vfs_pread(task, fd, text, 9, 0), 2);
	expect("close it", vfs_close(task, fd), 0);
	expect("look for /EDITOR", vfs_stat(task, "/EDITOR", &st), -ENOENT);
	expect("truncate /HOME", vfs_truncate(task, "/HOME", 1), 0);
	expect("stat /HOME", vfs_stat(task, "/HOME", &st), 0);
	expect("  its size is 1", st.size, 1);
	expect("mkdir, which it has not", vfs_mkdir(task, "/d", 0755), -EPERM);
	expect("rename, which it has not", vfs_rename(task, "/HOME", "/ROOM"),
	       -EPERM);
}

int main(void)
{
	const struct vfs_filesystem_type *const types[] = {&vars_type};
	struct vfs_config config = {
		.size = sizeof(config),
		.log = print_log,
		.types = types,
		.type_count = 1,
		.root_type = "vars",
		.root_options = "HOME",
	};
	struct vfs_task *task;
	struct vfs *vfs;

	expect("an option without a value", vfs_create(&config, &vfs), -EINVAL);
	config.root_options = "HOME=/root,SHELL=/bin/sh";
	if (vfs_create(&config, &vfs) || vfs_task_create(vfs, NULL, &task))
		return 1;
	use(task);
	vfs_task_unref(task);
	vfs_unref(vfs);
	return surprises ? 1 : 0;
}
