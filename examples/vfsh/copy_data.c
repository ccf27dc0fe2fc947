/* SPDX-License-Identifier: MIT */
/* What cp does for one file: its data, and what comes with them. */
#include "copy.h"

#define ALWAYS_OVERWRITTEN (O_WRONLY | O_CREAT | O_TRUNC)

void sh_copy_fail(struct shell *sh, struct copy *copy, const struct side *side,
		  const char *path, int error)
{
	if (copy->progress && copy->last_report > copy->start)
		fputc('\n', stderr);
	copy->status = sh_complain(sh, "%s%s: %s",
				   side == &sh_host_side ? "host:" : "", path,
				   vfs_strerror(error));
}

void sh_copy_report(struct copy *copy)
{
	double now = sh_now();
	char size[16];

	if (!copy->progress || now - copy->start < 0.5 ||
	    now - copy->last_report < 0.1)
		return;
	copy->last_report = now;
	sh_human(copy->bytes, size, sizeof(size));
	fprintf(stderr, "\r%llu files, %s, %.0f files/s   ",
		(unsigned long long)copy->files, size,
		(double)copy->files / (now - copy->start));
	fflush(stderr);
}

/* ---- contents ---- */

static int write_out(struct shell *sh, struct copy *copy, int fd, size_t size)
{
	size_t done = 0;

	while (done < size) {
		int64_t count = copy->to->write(sh, fd, copy->buffer + done,
						size - done);

		if (count < 0)
			return (int)count;
		done += (size_t)count;
	}
	copy->bytes += size;
	sh_copy_report(copy);
	return 0;
}

/* Copies up to length bytes from both descriptors' positions. *read_failed
 * says on which side an error happened. */
static int copy_range(struct shell *sh, struct copy *copy, int in, int out,
		      int64_t length, bool *read_failed)
{
	while (length > 0) {
		size_t wanted = length < (int64_t)COPY_BUFFER_SIZE
					? (size_t)length
					: COPY_BUFFER_SIZE;
		int64_t count = copy->from->read(sh, in, copy->buffer, wanted);
		int error;

		if (atomic_load(&sh->interrupted))
			return -EINTR;
		if (count <= 0) {
			*read_failed = true;
			return (int)count;
		}
		error = write_out(sh, copy, out, (size_t)count);
		if (error)
			return error;
		length -= count;
	}
	return 0;
}

/* A file with holes, data by data; its end may be a hole. */
static int copy_sparse(struct shell *sh, struct copy *copy, int in, int out,
		       int64_t size, bool *read_failed)
{
	int64_t at = 0;
	int error = 0;

	while (error == 0 && at < size) {
		int64_t data = copy->from->seek(sh, in, at, SEEK_DATA);
		int64_t hole;

		if (data == -ENXIO)
			break;
		if (data < 0)
			return (int)data;
		hole = copy->from->seek(sh, in, data, SEEK_HOLE);
		if (hole < 0)
			return (int)hole;
		copy->from->seek(sh, in, data, SEEK_SET);
		copy->to->seek(sh, out, data, SEEK_SET);
		error = copy_range(sh, copy, in, out, hole - data, read_failed);
		at = hole;
	}
	return error ? error : copy->to->resize(sh, out, size);
}

static int open_target(struct shell *sh, struct copy *copy, const char *target,
		       uint32_t mode)
{
	int fd = copy->to->open(sh, target, ALWAYS_OVERWRITTEN, mode);

	if (fd >= 0 || !copy->force || fd == -ENOENT)
		return fd;
	if (copy->to->unlink(sh, target))
		return fd;
	return copy->to->open(sh, target, ALWAYS_OVERWRITTEN, mode);
}

bool sh_copy_contents(struct shell *sh, struct copy *copy, const char *source,
		      const char *target, const struct vfs_stat *stat)
{
	bool read_failed = false;
	int in = copy->from->open(sh, source, O_RDONLY, 0);
	int error;
	int out;

	if (in < 0) {
		sh_copy_fail(sh, copy, copy->from, source, in);
		return false;
	}
	out = open_target(sh, copy, target,
			  copy->exact ? 0600 : stat->mode & 0777);
	if (out < 0) {
		sh_copy_fail(sh, copy, copy->to, target, out);
		copy->from->close(sh, in);
		return false;
	}
	if (S_ISREG(stat->mode) && stat->blocks * 512 < stat->size &&
	    copy->from->seek(sh, in, 0, SEEK_DATA) != -EINVAL)
		error = copy_sparse(sh, copy, in, out, stat->size,
				    &read_failed);
	else
		error = copy_range(sh, copy, in, out, INT64_MAX, &read_failed);
	copy->from->close(sh, in);
	if (error)
		sh_copy_fail(sh, copy, read_failed ? copy->from : copy->to,
			     read_failed ? source : target, error);
	error = copy->to->close(sh, out);
	if (error)
		sh_copy_fail(sh, copy, copy->to, target, error);
	return true;
}

/* ---- what comes with the contents ---- */

static void copy_xattrs(struct shell *sh, struct copy *copy, const char *source,
			const char *target)
{
	size_t half = COPY_BUFFER_SIZE / 2;
	char *value = copy->buffer + half;
	int64_t length = copy->from->listxattr(sh, source, copy->buffer, half);
	int error;

	for (int64_t at = 0; at < length;
	     at += (int64_t)strlen(copy->buffer + at) + 1) {
		const char *name = copy->buffer + at;
		int64_t size =
			copy->from->getxattr(sh, source, name, value, half);

		if (size < 0)
			continue;
		error = copy->to->setxattr(sh, target, name, value,
					   (size_t)size);
		/* What this tree or this user cannot hold is left out, as
		 * cp -a does. */
		if (error && error != -EOPNOTSUPP && error != -EPERM)
			sh_copy_fail(sh, copy, copy->to, target, error);
	}
}

/* The bits that may be kept: set-id bits only together with the owner. */
static uint32_t kept_mode(const struct copy *copy, const struct vfs_stat *stat,
			  bool owned)
{
	if (copy->owners && owned)
		return stat->mode & 07777;
	return stat->mode & (S_ISDIR(stat->mode) ? 01777 : 0777);
}

void sh_copy_attributes(struct shell *sh, struct copy *copy, const char *source,
			const char *target, const struct vfs_stat *stat)
{
	struct vfs_timespec times[2] = {stat->atime, stat->mtime};
	bool owned = true;
	int error = 0;

	if (copy->owners) {
		error = copy->to->chown(sh, target, stat->uid, stat->gid);
		owned = error == 0;
		/* A user cannot give files away: they are then its own. */
		if (error && error != -EPERM)
			sh_copy_fail(sh, copy, copy->to, target, error);
	}
	if (copy->attributes)
		copy_xattrs(sh, copy, source, target);
	if (copy->exact && !S_ISLNK(stat->mode)) {
		error = copy->to->chmod(sh, target,
					kept_mode(copy, stat, owned));
		if (error)
			sh_copy_fail(sh, copy, copy->to, target, error);
	}
	if (copy->exact) {
		error = copy->to->utimes(sh, target, times);
		if (error)
			sh_copy_fail(sh, copy, copy->to, target, error);
	}
}
