/* SPDX-License-Identifier: MIT */
/*
 * Files that were mapped. A mapping needs pages that the host's kernel can put
 * into the address space, at any place and any number of times, so the first
 * one moves the file's bytes from the instance's arenas to a memfd of the host,
 * and there they stay: it is the host's tmpfs, and its rules are ours.
 *
 * Reading and writing go to it by pread and pwrite, not through a mapping of
 * our own. A read holds no lock, and one that touched a page which a truncation
 * takes away at that moment would be killed (SIGBUS), where pread just comes
 * short; and reading a hole through a mapping makes a page of it. A call of the
 * host is what that costs, which copies and does not sleep, so it is allowed in
 * a read section. The object, and with it the descriptor, is retired like a
 * page: a reader that still finds the old pages reads what the file was when
 * it came.
 *
 * Accounting. Pages come into being behind our back, when a mapping is touched
 * for the first time. After each operation, and when mmap_sync is called, the
 * host is asked how many there are, and inode->blocks and the super's counter
 * follow; there is no way to refuse a page that a mapping was given, so the
 * counter may pass its ceiling.
 *
 * Lock: the inode's, but for tmpfs_shared_read and _seek. errno is left as it
 * was.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tmpfs.h"
#include "tree.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define PAGE VFS_PAGE_SIZE
#define HIGH_FD 1000

struct tmpfs_shared {
	int32_t fd; /* constant */
	uint32_t zero;
	/* The memfd's mtime after our own last change: another one is that of
	 * a write through a mapping. excl */
	struct timespec mtime;
};

/* A result of the host's as one of ours. */
static int64_t host_result(int64_t result, int saved)
{
	if (result < 0)
		result = -errno;
	errno = saved;
	return result;
}

static int host_stat(const struct tmpfs_shared *shared, struct stat *st)
{
	int saved = errno;

	return (int)host_result(fstat(shared->fd, st), saved);
}

static int64_t host_pwrite(int fd, const void *from, size_t count,
			   uint64_t offset)
{
	int saved = errno;

	return host_result(pwrite(fd, from, count, (off_t)offset), saved);
}

static int host_truncate(int fd, int64_t size)
{
	int saved = errno;

	return (int)host_result(ftruncate(fd, size), saved);
}

static int host_fallocate(int fd, int mode, uint64_t offset, uint64_t length)
{
	int saved = errno;

	return (int)host_result(
		fallocate(fd, mode, (off_t)offset, (off_t)length), saved);
}

static int64_t host_seek(int fd, uint64_t offset, int whence)
{
	int saved = errno;
	int64_t at = lseek(fd, (off_t)offset, whence);

	/* behind the last page of all Linux's arithmetic runs over */
	return at == INT64_MIN ? INT64_MAX : host_result(at, saved);
}

/* -- accounting -- */

/*
 * inode->blocks becomes what the host says; taken: the pages that were taken
 * from the super beforehand.
 */
static void settle(struct vfs_inode *inode, struct tmpfs_shared *shared,
		   uint64_t taken)
{
	struct stat st;
	int64_t change = 0;

	if (!host_stat(shared, &st)) {
		shared->mtime = st.st_mtim;
		change = (st.st_blocks - inode->blocks) / TMPFS_BLOCKS_PER_PAGE;
		tmpfs_add_blocks(inode, change);
	}
	tmpfs_settle_pages(inode->super, (int64_t)taken - change);
}

void tmpfs_mmap_sync(struct vfs_inode *inode)
{
	struct tmpfs_shared *shared = tmpfs_shared(tmpfs_inode(inode)->root);
	struct timespec before;

	if (!shared)
		return;
	before = shared->mtime;
	settle(inode, shared, 0);
	if (shared->mtime.tv_sec != before.tv_sec ||
	    shared->mtime.tv_nsec != before.tv_nsec)
		vfs_inode_touch(inode, VFS_TOUCH_MTIME | VFS_TOUCH_CTIME);
}

/* -- reading and writing -- */

int64_t tmpfs_shared_read(const struct tmpfs_shared *shared, void *buffer,
			  size_t count, uint64_t offset)
{
	int saved = errno;

	return host_result(pread(shared->fd, buffer, count, (off_t)offset),
			   saved);
}

/* How many of the pages first to last have no data; those that fallocate has
 * promised are among them, because the host does not tell. */
static uint64_t count_holes(const struct tmpfs_shared *shared, uint64_t first,
			    uint64_t last)
{
	uint64_t at = first << TMPFS_PAGE_SHIFT, holes = 0;
	uint64_t end = (last + 1) << TMPFS_PAGE_SHIFT;

	while (at < end) {
		int64_t data = host_seek(shared->fd, at, SEEK_DATA);
		int64_t hole;

		if (data < 0 || (uint64_t)data >= end)
			return holes + ((end - at) >> TMPFS_PAGE_SHIFT);
		holes += ((uint64_t)data - at) >> TMPFS_PAGE_SHIFT;
		hole = host_seek(shared->fd, (uint64_t)data, SEEK_HOLE);
		if (hole < 0)
			break;
		/* at the end of the file, which may be inside a page */
		at = ((uint64_t)hole + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	}
	return holes;
}

/* Whether a page without data is one that fallocate has promised: promising it
 * once more adds nothing. */
static bool is_promised(struct vfs_inode *inode, struct tmpfs_shared *shared,
			uint64_t index)
{
	uint64_t offset = index << TMPFS_PAGE_SHIFT, bytes = PAGE;
	struct stat before, after;

	/* the last page there is ends one byte early, and the host does not
	 * see data in it */
	if (bytes > INT64_MAX - offset)
		bytes = INT64_MAX - offset;
	if (host_stat(shared, &before) ||
	    host_fallocate(shared->fd, FALLOC_FL_KEEP_SIZE, offset, bytes))
		return false;
	if (host_stat(shared, &after))
		return false;
	if (after.st_blocks == before.st_blocks)
		return true;
	host_fallocate(shared->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       offset, bytes);
	/* which takes whole pages away only */
	if (bytes < PAGE && !host_truncate(shared->fd, (int64_t)offset))
		host_truncate(shared->fd, before.st_size);
	/* this left a stamp, which is not a mapping's */
	settle(inode, shared, 0);
	return false;
}

/* Takes the pages that a write of *count bytes at offset makes, or cuts it to
 * one page. 0 or -ENOSPC. */
static int take_holes(struct vfs_inode *inode, struct tmpfs_shared *shared,
		      uint64_t offset, size_t *count, uint64_t *taken)
{
	uint64_t first = offset >> TMPFS_PAGE_SHIFT;
	uint64_t last = (offset + *count - 1) >> TMPFS_PAGE_SHIFT;

	*taken = 0;
	if (!tmpfs_super(inode->super)->blocks)
		return 0;
	*taken = count_holes(shared, first, last);
	if (!*taken || !tmpfs_take_pages(inode->super, *taken))
		return 0;
	if (*count > PAGE - offset % PAGE)
		*count = PAGE - offset % PAGE;
	*taken = count_holes(shared, first, first);
	if (!*taken || !tmpfs_take_pages(inode->super, 1))
		return 0;
	*taken = 0;
	return is_promised(inode, shared, first) ? 0 : -ENOSPC;
}

int64_t tmpfs_shared_write(struct vfs_inode *inode, const void *buffer,
			   size_t count, uint64_t offset)
{
	struct tmpfs_shared *shared = tmpfs_shared(tmpfs_inode(inode)->root);
	const char *from = buffer;
	size_t done = 0;
	int64_t n = 0;

	while (done < count) {
		size_t part = count - done;
		uint64_t taken;

		n = take_holes(inode, shared, offset + done, &part, &taken);
		if (n < 0)
			break;
		n = host_pwrite(shared->fd, from + done, part, offset + done);
		settle(inode, shared, taken);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done ? (int64_t)done : n;
}

int tmpfs_shared_truncate(struct vfs_inode *inode, int64_t size)
{
	struct tmpfs_shared *shared = tmpfs_shared(tmpfs_inode(inode)->root);
	int error = host_truncate(shared->fd, size);

	if (error)
		return error;
	VFS_STORE_POINTER(inode->size, size);
	settle(inode, shared, 0);
	return 0;
}

int tmpfs_shared_fallocate(struct vfs_inode *inode, int mode, int64_t offset,
			   int64_t length)
{
	struct tmpfs_shared *shared = tmpfs_shared(tmpfs_inode(inode)->root);
	uint64_t first = (uint64_t)offset >> TMPFS_PAGE_SHIFT;
	uint64_t last =
		((uint64_t)offset + (uint64_t)length - 1) >> TMPFS_PAGE_SHIFT;
	uint64_t holes = 0;
	int error;

	if (!(mode & FALLOC_FL_PUNCH_HOLE)) {
		if (!tmpfs_could_reserve(inode, last - first + 1))
			return -ENOSPC;
		/* Those that are promised already are given back at once: near
		 * the ceiling it may be that there is no room for that. */
		if (tmpfs_super(inode->super)->blocks)
			holes = count_holes(shared, first, last);
		error = holes ? tmpfs_take_pages(inode->super, holes) : 0;
		if (error)
			return error;
	}
	error = host_fallocate(shared->fd, mode, (uint64_t)offset,
			       (uint64_t)length);
	settle(inode, shared, holes);
	if (!error && !mode && offset + length > inode->size)
		VFS_STORE_POINTER(inode->size, offset + length);
	return error;
}

int64_t tmpfs_shared_seek(const struct tmpfs_shared *shared, int64_t offset,
			  int whence)
{
	return host_seek(shared->fd, (uint64_t)offset, whence);
}

/* -- moving -- */

static int put_all(int fd, const char *from, size_t count, uint64_t offset)
{
	while (count) {
		int64_t n = host_pwrite(fd, from, count, offset);

		if (n <= 0)
			return n ? (int)n : -EIO;
		from += n;
		offset += (uint64_t)n;
		count -= (size_t)n;
	}
	return 0;
}

/* One run of slots that are neighbours in memory, or the same promise. */
static int move_run(int fd, void *slot, uint64_t offset, uint64_t bytes,
		    uint64_t size)
{
	int error;

	if (tmpfs_is_page(slot)) {
		/* nothing but zeros is beyond the end */
		if (offset >= size)
			return 0;
		if (bytes > size - offset)
			bytes = size - offset;
		return put_all(fd, slot, (size_t)bytes, offset);
	}
	/* the last page there is ends one byte early */
	if (bytes > INT64_MAX - offset)
		bytes = INT64_MAX - offset;
	error = host_fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, bytes);
	if (!error && slot == TMPFS_ZEROED)
		error = host_fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, bytes);
	return error;
}

static int move_leaf(int fd, const struct tmpfs_node *leaf, uint64_t base,
		     uint64_t size)
{
	uint32_t i = 0, end;
	int error = 0;

	while (!error && i < TMPFS_FANOUT) {
		char *first = leaf->slot[i];
		size_t step = tmpfs_is_page(first) ? PAGE : 0;

		end = i + 1;
		while (end < TMPFS_FANOUT &&
		       leaf->slot[end] ==
			       (first ? first + (end - i) * step : NULL))
			end++;
		if (first)
			error = move_run(fd, first,
					 (base + i) << TMPFS_PAGE_SHIFT,
					 (uint64_t)(end - i) * PAGE, size);
		i = end;
	}
	return error;
}

static int move_tree(int fd, const struct tmpfs_node *node, uint64_t base,
		     uint64_t size)
{
	int error = 0;

	if (!node->shift)
		return move_leaf(fd, node, base, size);
	for (uint32_t i = 0; !error && i < TMPFS_FANOUT; i++) {
		if (node->slot[i])
			error = move_tree(fd, node->slot[i],
					  base + ((uint64_t)i << node->shift),
					  size);
	}
	return error;
}

static int move(int fd, const struct vfs_inode *inode)
{
	void *root = tmpfs_inode(inode)->root;
	const struct tmpfs_small *small = tmpfs_small(root);
	const char *single = (const char *)tmpfs_single(root);
	uint64_t size = (uint64_t)inode->size;
	int error = size ? host_truncate(fd, inode->size) : 0;

	if (error || !root)
		return error;
	if (small)
		return put_all(fd, (const char *)small->data,
			       small->capacity < size ? small->capacity
						      : (size_t)size,
			       0);
	if (single)
		return put_all(fd, single, PAGE < size ? PAGE : (size_t)size,
			       0);
	return move_tree(fd, root, 0, size);
}

/* A descriptor, or an error; out of the way, if the host's limit allows, of a
 * program that closes or expects low numbers. */
static int make_memfd(void)
{
	int saved = errno;
	int fd = memfd_create("vfs", MFD_CLOEXEC | MFD_NOEXEC_SEAL), high;

	/* before Linux 6.3 */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("vfs", MFD_CLOEXEC);
	high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
	if (high >= 0) {
		close(fd);
		fd = high;
	}
	fd = (int)host_result(fd, saved);
	/* it is the host that has none left, not the task */
	if (fd == -EMFILE)
		fd = -ENFILE;
	return fd == -ENOSYS ? -ENODEV : fd;
}

static void free_shared(struct vfs *vfs, void *pointer, size_t size)
{
	struct tmpfs_shared *shared = pointer;
	int saved = errno;

	(void)size;
	close(shared->fd);
	errno = saved;
	vfs_free(vfs, shared, sizeof(*shared));
}

void tmpfs_shared_retire(struct vfs *vfs, struct tmpfs_shared *shared,
			 uint64_t pages)
{
	vfs_retire(vfs, free_shared, shared, (size_t)pages * PAGE);
}

static int share(struct vfs_inode *inode)
{
	struct vfs *vfs = inode->super->vfs;
	struct tmpfs_shared *shared = vfs_zalloc(vfs, sizeof(*shared));
	int error;

	if (!shared)
		return -ENOMEM;
	shared->fd = error = make_memfd();
	if (error < 0) {
		vfs_free(vfs, shared, sizeof(*shared));
		return error;
	}
	error = move(shared->fd, inode);
	if (error) {
		free_shared(vfs, shared, 0);
		return error;
	}
	tmpfs_data_replace(inode,
			   (void *)((uintptr_t)shared + TMPFS_SHARED_TAG));
	settle(inode, shared, 0);
	return 0;
}

int tmpfs_mmap(struct vfs_inode *inode, struct vfs_file *file, int *host_fd)
{
	int error = 0;

	(void)file;
	if (!tmpfs_shared(tmpfs_inode(inode)->root))
		error = share(inode);
	if (!error)
		*host_fd = tmpfs_shared(tmpfs_inode(inode)->root)->fd;
	return error;
}
