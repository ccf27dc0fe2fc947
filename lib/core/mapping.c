/* SPDX-License-Identifier: MIT */
/* Mapped files. Contract: mapping.h. The order of checks is the kernel's. */
#include "core/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hostio.h"
#include "core/inode.h"
#include "core/seal.h"
#include "util/epoch.h"

#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 0x03
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MAP_SYNC
#define MAP_SYNC 0x080000
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE ((size_t)VFS_PAGE_SIZE)
/* What 64-bit hosts give to a process at the most. */
#define ADDRESSES ((uintptr_t)1 << (sizeof(void *) == 8 ? 56 : 31))
/* What MAP_SHARED_VALIDATE knows and tmpfs can. */
#define VALID_FLAGS                                                         \
	(0xf | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE | \
	 MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE |        \
	 MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | 0x40 | 0x80 | 21 << 26 |  \
	 30 << 26)

/* ---- the list ---- */

static struct vfs__mappings *mappings_of(struct vfs *vfs)
{
	return &vfs->mappings;
}

static void list_lock(struct vfs__mappings *m)
{
	vfs__mutex_lock(&m->lock, VFS__RANK_MAPPINGS);
}

static void list_unlock(struct vfs__mappings *m)
{
	vfs__mutex_unlock(&m->lock, VFS__RANK_MAPPINGS);
}

/* The first mapping that ends behind address. Lock held. */
static uint32_t list_find(const struct vfs__mappings *m, uintptr_t address)
{
	uint32_t low = 0, high = m->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (m->list[middle]->end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first one of which a part is in the range, or NULL. Lock held. */
static struct vfs__mapping *list_meet(const struct vfs__mappings *m,
				      uintptr_t start, uintptr_t end)
{
	uint32_t i = list_find(m, start);

	return i < m->count && m->list[i]->start < end ? m->list[i] : NULL;
}

/* There is room: list_reserve. Lock held. */
static void list_insert(struct vfs__mappings *m, struct vfs__mapping *mapping)
{
	uint32_t i = list_find(m, mapping->start);

	memmove(m->list + i + 1, m->list + i,
		(m->count - i) * sizeof(m->list[0]));
	m->list[i] = mapping;
	VFS_WRITE_ONCE(m->count, m->count + 1);
}

static void list_remove(struct vfs__mappings *m, struct vfs__mapping *mapping)
{
	uint32_t i = list_find(m, mapping->start);

	memmove(m->list + i, m->list + i + 1,
		(m->count - i - 1) * sizeof(m->list[0]));
	VFS_WRITE_ONCE(m->count, m->count - 1);
}

/* Room for two more: a new one, and the second half of one that it splits.
 * Lock held. */
static int list_reserve(struct vfs__thread *thread, struct vfs__mappings *m)
{
	uint32_t capacity = m->capacity ? m->capacity * 2 : 8;
	struct vfs__mapping **list;

	if (m->count + 2 <= m->capacity)
		return 0;
	list = vfs__mem_alloc(thread, capacity * sizeof(*list));
	if (!list)
		return -ENOMEM;
	if (m->count)
		memcpy(list, m->list, m->count * sizeof(*list));
	vfs__mem_free(thread, m->list, m->capacity * sizeof(*list));
	m->list = list;
	m->capacity = capacity;
	return 0;
}

/* ---- what the inode knows of its mappings ---- */

static void sync_locked(struct vfs_inode *inode)
{
	const struct vfs_inode_ops *ops = inode->ops;

	if (VFS__HAS_OP(ops, mmap_sync))
		ops->mmap_sync(inode);
}

void vfs__mapping_refresh(struct vfs_inode *inode)
{
	vfs__inode_lock(inode);
	sync_locked(inode);
	vfs__inode_unlock(inode);
}

/* One mapping more; inode's lock held, or another mapping of it counted. */
static void count_more(struct vfs_inode *inode, bool writable)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);

	__atomic_fetch_add(&ext->mappings, 1, __ATOMIC_RELAXED);
	if (writable)
		__atomic_fetch_add(&ext->writable_mappings, 1,
				   __ATOMIC_RELAXED);
}

/* One less: what it did is taken down. */
static void count_less(struct vfs_inode *inode, bool writable)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);

	vfs__inode_lock(inode);
	sync_locked(inode);
	if (writable)
		__atomic_fetch_sub(&ext->writable_mappings, 1,
				   __ATOMIC_RELAXED);
	if (!__atomic_sub_fetch(&ext->mappings, 1, __ATOMIC_RELAXED))
		vfs_inode_set_flags(inode, 0, VFS_INODE_MAPPED);
	vfs__inode_unlock(inode);
}

static struct vfs__mapping *mapping_alloc(struct vfs__thread *thread)
{
	struct vfs__mapping *mapping = vfs__mem_alloc(thread, sizeof(*mapping));

	if (mapping)
		memset(mapping, 0, sizeof(*mapping));
	return mapping;
}

/* Mappings that are in the list no more, with what they hold. */
static void mappings_free(struct vfs__thread *thread, struct vfs__mapping *m)
{
	struct vfs__mapping *next;

	for (; m; m = next) {
		next = m->next;
		if (m->file) {
			count_less(m->file->inode, m->writable);
			vfs__file_unref(thread, m->file);
		}
		vfs__mem_free(thread, m, sizeof(*m));
	}
}

/*
 * The range belongs to no mapping any more; *spare becomes the second half of
 * one that is split, whole ones go to *dead. Lock held, room reserved.
 */
static void cut(struct vfs__mappings *m, uintptr_t start, uintptr_t end,
		struct vfs__mapping **spare, struct vfs__mapping **dead)
{
	struct vfs__mapping *at;

	while ((at = list_meet(m, start, end))) {
		if (at->start >= start && at->end <= end) {
			list_remove(m, at);
			at->next = *dead;
			*dead = at;
		} else if (at->start >= start) {
			at->start = end;
		} else if (at->end <= end) {
			at->end = start;
		} else {
			struct vfs__mapping *rest = *spare;

			*spare = NULL;
			rest->file = vfs__file_ref(at->file);
			rest->writable = at->writable;
			count_more(at->file->inode, at->writable);
			rest->start = end;
			rest->end = at->end;
			at->end = start;
			list_insert(m, rest);
		}
	}
}

/* ---- mmap ---- */

struct request {
	void *addr;
	size_t length; /* whole pages */
	int prot, flags;
	int64_t offset;
	bool shared;
	bool writable; /* shared, and may be made writable */
};

/* What is wrong whatever the file is. */
static int check_range(struct request *r, size_t length)
{
	if (!length)
		return -EINVAL;
	r->length = (length + PAGE - 1) & ~(PAGE - 1);
	if (!r->length || r->length > ADDRESSES)
		return -ENOMEM;
	if ((r->flags & MAP_FIXED) && (uintptr_t)r->addr % PAGE)
		return -EINVAL;
	return 0;
}

static int check_type(struct request *r, const struct vfs_file *file)
{
	uint32_t mode = vfs__file_mode(file);

	switch (r->flags & 0xf) {
	case MAP_SHARED_VALIDATE:
		if (r->flags & ~VALID_FLAGS)
			return -EOPNOTSUPP;
		break;
	case MAP_SHARED:
	case MAP_PRIVATE:
		break;
	default:
		return -EINVAL;
	}
	r->shared = (r->flags & 0xf) != MAP_PRIVATE;
	if (r->shared && (r->prot & PROT_WRITE) && !(mode & VFS__FILE_WRITE))
		return -EACCES;
	/* it could be made writable, and then anywhere */
	if (r->shared && (mode & VFS__FILE_WRITE) &&
	    (VFS_READ_ONCE(file->inode->flags) & VFS_INODE_APPEND))
		return -EACCES;
	if (!(mode & VFS__FILE_READ))
		return -EACCES;
	r->writable = r->shared && (mode & VFS__FILE_WRITE);
	return 0;
}

static int check_file(struct request *r, const struct vfs_file *file)
{
	const struct vfs_inode *inode = file->inode;
	bool regular = S_ISREG(vfs__inode_mode(inode));
	uint64_t end = regular ? (uint64_t)INT64_MAX : UINT64_MAX;
	int err;

	if ((uint64_t)r->offset > end - r->length)
		return -EOVERFLOW;
	err = check_type(r, file);
	if (err)
		return err;
	if ((r->prot & PROT_EXEC) &&
	    (vfs__mount_flags(file->path.mnt) & VFS__MNT_NOEXEC))
		return -EPERM;
	if ((vfs__file_mode(file) & (VFS__FILE_DIR | VFS__FILE_STREAM)) ||
	    !VFS__HAS_OP(inode->ops, mmap))
		return -ENODEV;
	return r->flags & MAP_GROWSDOWN ? -EINVAL : 0;
}

/* Asks the backend for the descriptor, and counts the mapping. */
static int begin(struct vfs__thread *thread, struct request *r,
		 struct vfs_file *file, int *host_fd)
{
	struct vfs_inode *inode = file->inode;
	int err;

	if (!vfs__inode_ext(thread, inode))
		return -ENOMEM;
	vfs__inode_lock(inode);
	err = r->shared ? vfs__seal_mmap(inode, r->prot & PROT_WRITE,
					 &r->writable)
			: 0;
	if (!err)
		err = inode->ops->mmap(inode, file, host_fd);
	if (!err) {
		count_more(inode, r->writable);
		vfs_inode_set_flags(inode, VFS_INODE_MAPPED, 0);
	}
	vfs__inode_unlock(inode);
	return err;
}

/* So that the host refuses mprotect(PROT_WRITE) of what must not be written,
 * the mapping is made of a descriptor that cannot write. -1: there is no
 * /proc to make one of, and the host does not know; or it cannot write. The
 * host may take its time. */
static int readonly_twin(const struct request *r, int host_fd)
{
	int flags = r->shared && !r->writable ? vfs__host_flags(host_fd) : -1;

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return -1;
	return vfs__host_reopen(host_fd,
				O_RDONLY | O_NONBLOCK | (flags & O_NOATIME));
}

/* MAP_POPULATE, which the host is not given with the rest, for it may have to
 * wait for each page: as there, whatever fails is not told of, and MAP_NONBLOCK
 * takes its effect away. No lock. */
static void populate(const struct request *r, void *at)
{
	bool copies = !r->shared && (r->prot & PROT_WRITE);
	int saved = errno;

	if ((r->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		(void)madvise(at, r->length,
			      copies ? MADV_POPULATE_WRITE
				     : MADV_POPULATE_READ);
	errno = saved;
}

/* new's file is counted. On success new and, if needed, *spare are used up. */
static int map_locked(struct vfs__thread *thread, struct vfs__mappings *m,
		      const struct request *r, int host_fd,
		      struct vfs__mapping *new, struct vfs__mapping **spare,
		      struct vfs__mapping **dead)
{
	int saved = errno, err = list_reserve(thread, m);
	void *at;

	if (err)
		return err;
	at = mmap(r->addr, r->length, r->prot, r->flags & ~MAP_POPULATE,
		  host_fd, (off_t)r->offset);
	err = at == MAP_FAILED ? -errno : 0;
	errno = saved;
	if (err)
		return err;
	new->start = (uintptr_t)at;
	new->end = new->start + r->length;
	/* with MAP_FIXED something may have been there */
	cut(m, new->start, new->end, spare, dead);
	list_insert(m, new);
	return 0;
}

static int map_file(struct vfs__thread *thread, struct vfs *vfs,
		    struct request *r, struct vfs_file *file, void **out)
{
	struct vfs__mappings *m = mappings_of(vfs);
	struct vfs__mapping *new = mapping_alloc(thread);
	struct vfs__mapping *spare = mapping_alloc(thread), *dead = NULL;
	int host_fd, twin, err = -ENOMEM;

	if (new &&spare)
		err = begin(thread, r, file, &host_fd);
	if (err)
		goto free_new;
	new->file = vfs__file_ref(file);
	new->writable = r->writable;
	twin = readonly_twin(r, host_fd);
	list_lock(m);
	err = map_locked(thread, m, r, twin >= 0 ? twin : host_fd, new, &spare,
			 &dead);
	if (!err)
		*out = (void *)new->start;
	list_unlock(m);
	if (twin >= 0)
		vfs__host_close(twin);
	mappings_free(thread, dead);
	if (!err) {
		populate(r, *out);
		new = NULL;
	}
free_new:
	mappings_free(thread, new);
	mappings_free(thread, spare);
	return err;
}

int vfs__mmap(struct vfs__thread *thread, struct vfs_task *task, void *addr,
	      size_t length, int prot, int flags, int fd, int64_t offset,
	      void **out)
{
	struct request r = {
		.addr = addr, .prot = prot, .flags = flags, .offset = offset};
	struct vfs_file *file;
	int err;

	if ((uint64_t)offset % PAGE || (flags & MAP_ANONYMOUS))
		return -EINVAL;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	err = flags & MAP_HUGETLB ? -EINVAL : check_range(&r, length);
	if (!err)
		err = check_file(&r, file);
	if (!err)
		err = map_file(thread, task->vfs, &r, file, out);
	if (!err && !(VFS_READ_ONCE(file->flags) & O_NOATIME))
		vfs__path_accessed(&file->path, file->inode);
	vfs__file_unref(thread, file);
	return err;
}

/* ---- munmap, msync ---- */

static int host_unmap(uintptr_t start, uintptr_t end)
{
	int saved = errno;
	int err = munmap((void *)start, end - start) ? -errno : 0;

	errno = saved;
	return err;
}

/* Unmaps what is ours in the range, one mapping after the other. Lock held,
 * room reserved. */
static int unmap_locked(struct vfs__mappings *m, uintptr_t start, uintptr_t end,
			struct vfs__mapping **spare, struct vfs__mapping **dead)
{
	struct vfs__mapping *at;
	int err = 0;

	while (!err && (at = list_meet(m, start, end))) {
		uintptr_t from = at->start > start ? at->start : start;
		uintptr_t to = at->end < end ? at->end : end;

		err = host_unmap(from, to);
		if (!err)
			cut(m, from, to, spare, dead);
	}
	return err;
}

int vfs__munmap(struct vfs__thread *thread, struct vfs *vfs, void *addr,
		size_t length)
{
	struct vfs__mappings *m = mappings_of(vfs);
	struct vfs__mapping *spare, *dead = NULL;
	uintptr_t start = (uintptr_t)addr;
	size_t size = (length + PAGE - 1) & ~(PAGE - 1);
	int err;

	if (start % PAGE || !size || start > ADDRESSES ||
	    size > ADDRESSES - start)
		return -EINVAL;
	spare = mapping_alloc(thread);
	if (!spare)
		return -ENOMEM;
	list_lock(m);
	err = list_reserve(thread, m);
	if (!err)
		err = unmap_locked(m, start, start + size, &spare, &dead);
	list_unlock(m);
	mappings_free(thread, dead);
	mappings_free(thread, spare);
	return err;
}

/*
 * The next inode from *address on, referenced and its super pinned, of super or
 * (NULL) mapped below end; *address moves behind it. NULL: there is none left.
 */
static struct vfs_inode *next_inode(struct vfs__mappings *m, uintptr_t *address,
				    uintptr_t end,
				    const struct vfs_super *super)
{
	struct vfs_inode *inode = NULL;

	list_lock(m);
	for (uint32_t i = list_find(m, *address); i < m->count && !inode; i++) {
		const struct vfs__mapping *at = m->list[i];

		if (at->start >= end)
			break;
		*address = at->end;
		if (!super || at->file->inode->super == super)
			inode = vfs_inode_ref(at->file->inode);
		/* the mapping may go meanwhile, and the mount with it */
		if (inode)
			vfs__super_pin(inode->super);
	}
	list_unlock(m);
	return inode;
}

static void refresh_range(struct vfs__thread *thread, struct vfs *vfs,
			  uintptr_t start, uintptr_t end,
			  const struct vfs_super *super)
{
	struct vfs__mappings *m = mappings_of(vfs);
	struct vfs_inode *inode;

	if (!VFS_READ_ONCE(m->count))
		return;
	while ((inode = next_inode(m, &start, end, super))) {
		struct vfs_super *of = inode->super;

		vfs__mapping_refresh(inode);
		vfs__inode_unref(thread, inode);
		vfs__super_unpin(of);
	}
}

int vfs__msync(struct vfs__thread *thread, struct vfs *vfs, void *addr,
	       size_t length, int flags)
{
	uintptr_t start = (uintptr_t)addr;
	int saved = errno;
	int err = msync(addr, length, flags) ? -errno : 0;

	errno = saved;
	if ((!err || err == -ENOMEM) && length <= UINTPTR_MAX - start)
		refresh_range(thread, vfs, start, start + length, NULL);
	return err;
}

void vfs__mappings_refresh(struct vfs__thread *thread, struct vfs_super *super)
{
	refresh_range(thread, super->vfs, 0, UINTPTR_MAX, super);
}

void vfs__mappings_fini(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__mappings *m = mappings_of(vfs);
	struct vfs__mapping *dead = NULL, *at;

	while (m->count) {
		at = m->list[0];
		list_remove(m, at);
		host_unmap(at->start, at->end);
		at->next = dead;
		dead = at;
	}
	mappings_free(thread, dead);
	vfs__mem_free(thread, m->list, m->capacity * sizeof(m->list[0]));
	m->list = NULL;
	m->capacity = 0;
}
