/* SPDX-License-Identifier: MIT */
/* Mounting a directory of the host's. Contract: <vfs/hostfs.h>, backend.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vfs/hostfs.h>

#include "hostfs.h"

#define MAXFDS_DEFAULT 1024u
#define ACL_ATTRIBUTE "system.posix_acl_access"

/* ---- what the super does ---- */

static int hostfs_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	struct hostfs_super *s = hostfs_super(super);
	struct statfs host;
	int err = hostfs_fstatfs(s, s->root_fd->fd, &host);

	if (err)
		return err;
	out->type = (uint64_t)host.f_type;
	out->bsize = (uint64_t)host.f_bsize;
	out->blocks = host.f_blocks;
	out->bfree = host.f_bfree;
	out->bavail = host.f_bavail;
	out->files = host.f_files;
	out->ffree = host.f_ffree;
	return 0;
}

/* The root's handle is a place and cannot be synced; another one can. */
static int hostfs_sync(struct vfs_super *super)
{
	struct hostfs_super *s = hostfs_super(super);
	int fd = hostfs_openat2(s, s->root_fd->fd, ".", O_RDONLY | O_DIRECTORY,
				0);
	int err;

	/* without a descriptor of it, everything is what takes it along */
	if (fd == -EACCES)
		return hostfs_sync_all(s);
	if (fd < 0)
		return fd;
	err = hostfs_syncfs(s, fd);
	hostfs_close(s->vfs, fd);
	return err;
}

static void show_ids(const struct hostfs_options *o, char *out, size_t size)
{
	char uid[16] = "host", gid[16] = "host";

	if (o->uid != HOSTFS_ID_HOST)
		snprintf(uid, sizeof(uid), "%u", o->uid);
	if (o->gid != HOSTFS_ID_HOST)
		snprintf(gid, sizeof(gid), "%u", o->gid);
	snprintf(out, size, ",uid=%s,gid=%s", uid, gid);
}

static int hostfs_show_options(struct vfs_super *super, char *out, size_t size)
{
	static const char *const owners[] = {"host", "xattr", "squash"};
	const struct hostfs_options *o = &hostfs_super(super)->options;
	char ids[48] = "";

	if (o->owner == HOSTFS_OWNER_SQUASH)
		show_ids(o, ids, sizeof(ids));
	return snprintf(out, size, ",cache=%s,owner=%s%s%s%s,maxfds=%u",
			o->exclusive ? "exclusive" : "revalidate",
			owners[o->owner], ids, o->xdev ? ",xdev" : "",
			o->devices ? ",devices" : "", o->maxfds);
}

/* A remount changes ro and rw, and says the rest as it is, or not at all. */
static int hostfs_reconfigure(struct vfs_super *super,
			      const struct vfs_mount_args *args,
			      uint64_t *flags)
{
	struct hostfs_super *s = hostfs_super(super);
	struct hostfs_options wanted = s->options;
	int err = hostfs_parse_options(s->vfs, args->options, &wanted);

	if (err)
		return err;
	if (wanted.exclusive != s->options.exclusive ||
	    wanted.owner != s->options.owner || wanted.uid != s->options.uid ||
	    wanted.gid != s->options.gid || wanted.xdev != s->options.xdev ||
	    wanted.devices != s->options.devices ||
	    wanted.rootfd != s->options.rootfd ||
	    wanted.maxfds != s->options.maxfds) {
		vfs_log(s->vfs, VFS_LOG_ERROR,
			"hostfs: a remount changes ro and rw only");
		return -EINVAL;
	}
	if (wanted.rdonly != s->options.rdonly)
		*flags = wanted.rdonly ? *flags | VFS_SUPER_RDONLY
				       : *flags & ~VFS_SUPER_RDONLY;
	s->options.rdonly = wanted.rdonly;
	return 0;
}

static const struct vfs_super_ops super_ops = {
	.size = sizeof(super_ops),
	.statfs = hostfs_statfs,
	.sync = hostfs_sync,
	.evict = hostfs_evict,
	.show_options = hostfs_show_options,
	.reconfigure = hostfs_reconfigure,
	.encode = hostfs_encode,
	.locate = hostfs_locate,
};

/* ---- mounting ---- */

/* Whether this process may make files anybody's, and use them then. */
static bool is_privileged(void)
{
	const uint32_t needed =
		1u << CAP_CHOWN | 1u << CAP_FOWNER | 1u << CAP_DAC_OVERRIDE;
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	return (data[0].effective & needed) == needed;
}

static void default_options(const struct vfs_mount_args *args,
			    struct hostfs_options *o)
{
	struct rlimit limit;

	memset(o, 0, sizeof(*o));
	o->owner = is_privileged() ? HOSTFS_OWNER_HOST : HOSTFS_OWNER_XATTR;
	o->uid = args->uid;
	o->gid = args->gid;
	o->rootfd = -1;
	o->maxfds = MAXFDS_DEFAULT;
	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur / 2 < o->maxfds)
		o->maxfds = (uint32_t)(limit.rlim_cur / 2);
}

static int open_root(struct hostfs_super *s, const char *source)
{
	if (s->options.rootfd >= 0)
		return hostfs_openat2(s, s->options.rootfd, ".",
				      O_PATH | O_DIRECTORY, 0);
	if (!source || !*source) {
		vfs_log(s->vfs, VFS_LOG_ERROR,
			"hostfs: no directory: the source names it, or "
			"rootfd=");
		return -EINVAL;
	}
	return hostfs_open_path(s, source, O_PATH | O_DIRECTORY);
}

/* What leads from a descriptor that is a place to one that can be read. */
static int open_proc(struct hostfs_super *s)
{
	struct statfs fs;
	struct statx stx;
	int fd = hostfs_open_path(s, "/proc", O_PATH | O_DIRECTORY);
	int err = fd < 0 ? fd : hostfs_fstatfs(s, fd, &fs);

	if (!err)
		err = hostfs_statx(s, fd, "", &stx);
	if (!err && (uint64_t)fs.f_type == PROC_SUPER_MAGIC) {
		s->proc = fd;
		s->proc_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
		s->proc_ino = stx.stx_ino;
		return 0;
	}
	hostfs_close(s->vfs, fd);
	vfs_log(s->vfs, VFS_LOG_ERROR,
		"hostfs: this process sees no procfs at /proc, by which "
		"descriptors are opened again");
	return err ? err : -ENOENT;
}

/* Whether the host's file system keeps attributes as owner= needs them. */
static int check_owner(struct hostfs_super *s)
{
	struct hostfs_options *o = &s->options;
	char text[8];
	int64_t n;

	if (o->owner == HOSTFS_OWNER_XATTR) {
		n = hostfs_fgetxattr(s, s->root_fd->fd, HOSTFS_OWNER_ATTRIBUTE,
				     text, sizeof(text));
		if (n == -EOPNOTSUPP && o->owner_given) {
			vfs_log(s->vfs, VFS_LOG_ERROR,
				"hostfs: owner=xattr: the directory's file "
				"system has no user attributes");
			return -EOPNOTSUPP;
		}
		if (n == -EOPNOTSUPP) {
			vfs_log(s->vfs, VFS_LOG_WARNING,
				"hostfs: no user attributes: owner=host");
			o->owner = HOSTFS_OWNER_HOST;
		} else if (n < 0 && n != -ENODATA && n != -ERANGE) {
			return (int)n;
		}
	}
	if (o->owner == HOSTFS_OWNER_HOST) {
		n = hostfs_fgetxattr(s, s->root_fd->fd, ACL_ATTRIBUTE, NULL, 0);
		s->has_acl = n >= 0 || n == -ENODATA;
	}
	return 0;
}

/* Whether attributes are the host's own: not those of file systems that may ask
 * somebody first, or that are not known here. An overlay's layers may be such,
 * but then nobody else changes them. */
static bool is_local(const struct statfs *fs)
{
	static const uint32_t types[] = {
		TMPFS_MAGIC,	       RAMFS_MAGIC,	  EXT4_SUPER_MAGIC,
		XFS_SUPER_MAGIC,       BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
		OVERLAYFS_SUPER_MAGIC,
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((uint32_t)fs->f_type == types[i])
			return true;
	return false;
}

static int describe(struct vfs_super *super, struct hostfs_facts *facts)
{
	struct hostfs_super *s = hostfs_super(super);
	struct rlimit limit;
	struct statfs fs;
	int err = hostfs_fstatfs(s, s->root_fd->fd, &fs);

	if (!err)
		err = check_owner(s);
	if (!err)
		err = hostfs_look_fd(s, s->root_fd->fd, facts);
	if (err)
		return err;
	s->local = !s->options.xdev && is_local(&fs);
	s->root = facts->id;
	s->mnt_id = facts->mnt_id;
	if (!s->mnt_id && !s->options.xdev) {
		vfs_log(s->vfs, VFS_LOG_ERROR,
			"hostfs: the host does not say which mount a file is "
			"on (Linux 5.8): only with xdev");
		return -EOPNOTSUPP;
	}
	super->ops = &super_ops;
	super->magic = (uint64_t)fs.f_type;
	super->block_size = (uint32_t)fs.f_bsize;
	super->name_max = fs.f_namelen > 0 && fs.f_namelen < 255
				  ? (uint32_t)fs.f_namelen
				  : 255;
	/* beyond it the host would send a signal, which it does all the same
	 * when others make a file longer meanwhile */
	if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur < INT64_MAX) {
		super->max_file_size = (int64_t)limit.rlim_cur;
		s->limited = true;
	}
	super->flags =
		(s->options.rdonly ? VFS_SUPER_RDONLY : 0) |
		(s->has_acl ? VFS_SUPER_POSIXACL : 0) |
		(s->options.owner == HOSTFS_OWNER_HOST ? VFS_SUPER_FLAGS : 0);
	return 0;
}

static void init_locks(struct hostfs_super *s)
{
	pthread_mutex_init(&s->table_lock, NULL);
	pthread_mutex_init(&s->fd_lock, NULL);
	for (unsigned i = 0; i < HOSTFS_ATTR_LOCKS; i++)
		pthread_mutex_init(&s->attr_locks[i], NULL);
}

/* The root's descriptor passes to s. */
static int take_root(struct hostfs_super *s, const char *source)
{
	int fd = open_root(s, source);

	if (fd < 0)
		return fd;
	s->root_fd = hostfs_fd_wrap(s, fd, O_PATH);
	return s->root_fd ? 0 : -ENOMEM;
}

static void hostfs_unmount(struct vfs_super *super)
{
	struct hostfs_super *s = hostfs_super(super);

	hostfs_unkeep_all(s);
	hostfs_fd_unref(s->root_fd);
	s->root_fd = NULL;
	if (s->proc >= 0)
		hostfs_close(s->vfs, s->proc);
	hostfs_table_fini(s);
	pthread_mutex_destroy(&s->table_lock);
	pthread_mutex_destroy(&s->fd_lock);
	for (unsigned i = 0; i < HOSTFS_ATTR_LOCKS; i++)
		pthread_mutex_destroy(&s->attr_locks[i]);
}

static int hostfs_mount(struct vfs_super *super,
			const struct vfs_mount_args *args,
			struct vfs_inode **root)
{
	struct hostfs_super *s = hostfs_super(super);
	struct hostfs_facts facts;
	int err;

	s->vfs = super->vfs;
	s->proc = -1;
	default_options(args, &s->options);
	err = hostfs_parse_options(s->vfs, args->options, &s->options);
	if (err)
		return err;
	init_locks(s);
	err = hostfs_table_init(s);
	if (!err)
		err = take_root(s, args->source);
	if (!err)
		err = open_proc(s);
	if (!err)
		err = describe(super, &facts);
	if (!err)
		err = hostfs_inode_get(super, &facts, NULL, 0, root);
	if (err) {
		hostfs_unmount(super);
		return err;
	}
	hostfs_inode(*root)->is_root = true;
	hostfs_keep_handle(*root, hostfs_fd_ref(s->root_fd));
	return 0;
}

static int hostfs_check_options(struct vfs *vfs,
				const struct vfs_mount_args *args)
{
	struct hostfs_options options;

	default_options(args, &options);
	return hostfs_parse_options(vfs, args->options, &options);
}

VFS_API const struct vfs_filesystem_type vfs_hostfs_type = {
	.size = sizeof(vfs_hostfs_type),
	.name = "hostfs",
	.flags = VFS_FS_OWN_ATTR | VFS_FS_IDMAP | VFS_FS_ENDPOINTS |
		 VFS_FS_FREE_REVALIDATE,
	.inode_size = sizeof(struct hostfs_inode),
	.super_size = sizeof(struct hostfs_super),
	.mount = hostfs_mount,
	.unmount = hostfs_unmount,
	.check_options = hostfs_check_options,
};
