/* SPDX-License-Identifier: MIT */
/* Terminals: made by opening ptmx, ended by closing it. Contract: devpts.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vfs/sys/task.h>
#include <vfs/task.h>

#include "devpts.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif
#define SLAVE_MAJOR 136u
/* What a backend may set of a description that is opened for it. */
#define FLAGS (O_NOCTTY | O_NONBLOCK | O_CLOEXEC)

static int access_of(const struct vfs_file *file)
{
	return (int)(vfs_file_flags(file) & O_ACCMODE);
}

/* ---- the list ---- */

/* Where the terminal of that number is, or would be. The lock is held. */
static struct devpts_pty **place_of(struct devpts_super *s, uint32_t number)
{
	struct devpts_pty **at = &s->ptys;

	while (*at && (*at)->number < number)
		at = &(*at)->next;
	return at;
}

struct vfs_inode *devpts_find(struct devpts_super *s, uint32_t number)
{
	struct devpts_pty *pty;
	struct vfs_inode *inode = NULL;

	pthread_mutex_lock(&s->lock);
	pty = *place_of(s, number);
	if (pty && pty->number == number)
		inode = vfs_inode_ref(pty->slave);
	pthread_mutex_unlock(&s->lock);
	return inode;
}

bool devpts_is(struct devpts_super *s, uint32_t number,
	       const struct vfs_inode *slave)
{
	const struct devpts_pty *pty;
	bool is;

	pthread_mutex_lock(&s->lock);
	pty = *place_of(s, number);
	is = pty && pty->slave == slave;
	pthread_mutex_unlock(&s->lock);
	return is;
}

/* A place among max: 0 or -ENOSPC. */
static int reserve(struct devpts_super *s)
{
	uint32_t max;
	int err;

	pthread_mutex_lock(&s->lock);
	max = s->options.max ? s->options.max : DEVPTS_MAX;
	err = s->count < max ? 0 : -ENOSPC;
	s->count += !err;
	pthread_mutex_unlock(&s->lock);
	return err;
}

static void unreserve(struct devpts_super *s)
{
	pthread_mutex_lock(&s->lock);
	s->count--;
	pthread_mutex_unlock(&s->lock);
}

/* ---- slaves ---- */

/* With the master the other end is found without a name; when the master is
 * closed, it is not there any more. */
static int slave_open_host(struct vfs_inode *inode, struct vfs_file *file,
			   int *host_fd)
{
	struct devpts_super *s = devpts_super(inode->super);
	uint32_t number =
		minor(inode->rdev) | (major(inode->rdev) - SLAVE_MAJOR) << 8;
	struct devpts_pty *pty;
	int fd = -EIO, err = vfs_fault(s->vfs, "ioctl");

	if (err)
		return err;
	pthread_mutex_lock(&s->lock);
	pty = *place_of(s, number);
	if (pty && pty->slave == inode) {
		int saved = errno;

		fd = ioctl(pty->master, TIOCGPTPEER, access_of(file) | FLAGS);
		fd = fd < 0 ? -errno : fd;
		errno = saved;
	}
	pthread_mutex_unlock(&s->lock);
	if (fd < 0)
		return fd;
	*host_fd = fd;
	return 0;
}

static int no_fsync(struct vfs_inode *inode, struct vfs_file *file,
		    int datasync)
{
	(void)inode;
	(void)file;
	(void)datasync;
	return -EINVAL;
}

static const struct vfs_inode_ops slave_ops = {
	.size = sizeof(slave_ops),
	.fsync = no_fsync,
	.open_host = slave_open_host,
};

/* The numbers of slaves begin anew at each major. */
static uint64_t slave_number(uint32_t number)
{
	return makedev(SLAVE_MAJOR + (number >> 8), number & 0xff);
}

/* A slave's inode with one reference: the opener's, unless options say whose.
 */
static struct vfs_inode *make_slave(struct vfs_super *super, uint32_t number)
{
	struct devpts_super *s = devpts_super(super);
	struct vfs_task *task = vfs_current_task(s->vfs);
	struct devpts_options o;
	struct vfs_inode *inode;
	uint32_t uid = 0, gid = 0;

	pthread_mutex_lock(&s->lock);
	o = s->options;
	pthread_mutex_unlock(&s->lock);
	(void)vfs_task_owner(s->vfs, vfs_task_id(task), &uid, &gid);
	inode = vfs_inode_create(super, &slave_ops, DEVPTS_FIRST_INO + number,
				 S_IFCHR | o.mode);
	if (!inode)
		return NULL;
	inode->uid = o.has_uid ? o.uid : uid;
	inode->gid = o.has_gid ? o.gid : gid;
	inode->rdev = slave_number(number);
	return inode;
}

/* ---- masters ---- */

static int open_master(struct vfs *vfs, int access, uint32_t *number)
{
	int fd = -1, saved = errno, err = vfs_fault(vfs, "openpt");
	unsigned n;

	if (!err) {
		fd = open("/dev/ptmx", access | FLAGS);
		if (fd < 0)
			err = errno == ENOENT ? -ENODEV : -errno;
	}
	if (!err)
		err = vfs_fault(vfs, "ioctl");
	if (!err && ioctl(fd, TIOCGPTN, &n))
		err = -errno;
	if (!err)
		*number = n;
	else if (fd >= 0)
		close(fd);
	errno = saved;
	return err ? err : fd;
}

static void enter(struct devpts_super *s, struct devpts_pty *pty)
{
	struct devpts_pty **at;

	pthread_mutex_lock(&s->lock);
	at = place_of(s, pty->number);
	pty->next = *at;
	*at = pty;
	pthread_mutex_unlock(&s->lock);
}

static int ptmx_open_host(struct vfs_inode *inode, struct vfs_file *file,
			  int *host_fd)
{
	struct vfs_super *super = inode->super;
	struct devpts_super *s = devpts_super(super);
	struct devpts_pty *pty = NULL;
	uint32_t number = 0;
	int fd = -1, err = reserve(s);

	if (err)
		return err;
	pty = vfs_zalloc(s->vfs, sizeof(*pty));
	fd = pty ? open_master(s->vfs, access_of(file), &number) : -ENOMEM;
	if (fd >= 0) {
		pty->number = number;
		pty->master = fd;
		pty->slave = make_slave(super, number);
		err = pty->slave ? 0 : -ENOMEM;
	} else {
		err = fd;
	}
	if (err) {
		if (fd >= 0)
			close(fd);
		vfs_free(s->vfs, pty, sizeof(*pty));
		unreserve(s);
		return err;
	}
	enter(s, pty);
	vfs_file_set_private(file, pty);
	*host_fd = fd;
	return 0;
}

static void ptmx_release(struct vfs_inode *inode, struct vfs_file *file)
{
	struct devpts_super *s = devpts_super(inode->super);
	struct devpts_pty *pty = vfs_file_private(file), **at;

	if (!pty)
		return;
	pthread_mutex_lock(&s->lock);
	for (at = &s->ptys; *at != pty; at = &(*at)->next)
		;
	*at = pty->next;
	s->count--;
	pthread_mutex_unlock(&s->lock);
	VFS_WRITE_ONCE(pty->slave->nlink, 0);
	vfs_inode_unref(pty->slave);
	vfs_free(s->vfs, pty, sizeof(*pty));
}

const struct vfs_inode_ops devpts_ptmx_ops = {
	.size = sizeof(devpts_ptmx_ops),
	.fsync = no_fsync,
	.release = ptmx_release,
	.open_host = ptmx_open_host,
};
