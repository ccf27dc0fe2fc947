/* SPDX-License-Identifier: MIT */
/* Bodies of the kit: mapped files, files without a name, handles, sockets'
 * names. */
#include <sys/mman.h>

#include "backend/kit.h"

#define PAGE 4096

static bool has(const struct kit *kit, uint32_t feature)
{
	return kit->backend->features & feature;
}

static void *map(struct kit *kit, int fd, size_t length, int flags)
{
	void *at = NULL;

	KIT(kit,
	    vfs_mmap(kit->task, NULL, length, PROT_READ | PROT_WRITE, flags, fd,
		     0, &at),
	    0);
	return at;
}

/* A mapping and the calls see the same, whichever changes it. */
static void map_file(struct kit *kit, int fd)
{
	struct vfs_task *t = kit->task;
	char text[16] = {0};
	char *at = map(kit, fd, 2 * PAGE, MAP_SHARED), *own;

	KIT_TRUE(kit, !memcmp(at, "before", 6));
	memcpy(at, "BE", 2);
	KIT(kit, vfs_pread(t, fd, text, 16, 0), 6);
	KIT_TRUE(kit, !memcmp(text, "BEfore", 6));
	kit_write(kit, fd, "after all", 9, 0);
	KIT_TRUE(kit, !memcmp(at, "after all", 9));
	KIT(kit, vfs_ftruncate(t, fd, 5), 0);
	KIT(kit, vfs_ftruncate(t, fd, PAGE + 1), 0);
	KIT_TRUE(kit, !memcmp(at, "after\0\0\0\0", 9));
	kit_write(kit, fd, "!", 1, PAGE);
	KIT_TRUE(kit, at[PAGE] == '!');
	own = map(kit, fd, PAGE, MAP_PRIVATE);
	own[0] = 'X';
	KIT_TRUE(kit, at[0] == 'a');
	KIT(kit, vfs_msync(t, at, 2 * PAGE, MS_SYNC), 0);
	KIT(kit, vfs_munmap(t, own, PAGE), 0);
	/* in two parts, the first from its middle */
	KIT(kit, vfs_munmap(t, at + PAGE, PAGE), 0);
	at[5] = '+';
	KIT(kit, vfs_munmap(t, at, PAGE), 0);
	KIT(kit, vfs_pread(t, fd, text, 7, 0), 7);
	KIT_TRUE(kit, !memcmp(text, "after+\0", 7));
}

void kit_mmap(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	void *at = NULL;
	int fd;

	KIT_GET(kit, fd, vfs_open(t, "/f", O_RDWR | O_CREAT, 0644));
	kit_write(kit, fd, "before", 6, 0);
	if (has(kit, KIT_MMAP))
		map_file(kit, fd);
	else
		KIT(kit,
		    vfs_mmap(t, NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0, &at),
		    -ENODEV);
	KIT(kit, vfs_close(t, fd), 0);
}

/* Larger than a page, with a hole, and removed while it is mapped. */
void kit_mmap_sparse(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	const int64_t far = 40 * PAGE;
	char *at;
	int fd;

	KIT_GET(kit, fd, vfs_open(t, "/f", O_RDWR | O_CREAT, 0644));
	kit_write(kit, fd, "near", 4, 100);
	kit_write(kit, fd, "far", 3, far);
	at = map(kit, fd, far + PAGE, MAP_SHARED);
	KIT_TRUE(kit, !memcmp(at + 100, "near", 4));
	KIT_TRUE(kit, at[20 * PAGE] == 0);
	KIT_TRUE(kit, !memcmp(at + far, "far", 3));
	KIT(kit, vfs_unlink(t, "/f"), 0);
	KIT(kit, vfs_close(t, fd), 0);
	KIT_TRUE(kit, !memcmp(at + far, "far", 3));
	KIT(kit, vfs_munmap(t, at, far + PAGE), 0);
}

void kit_memfd(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	char text[8] = {0};
	int fd;

	KIT_GET(kit, fd, vfs_memfd_create(t, "name", MFD_ALLOW_SEALING));
	kit_write(kit, fd, "sealed", 6, 0);
	KIT(kit, vfs_fcntl(t, fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK),
	    0);
	KIT(kit, vfs_pwrite(t, fd, "x", 1, 0), -EPERM);
	KIT(kit, vfs_ftruncate(t, fd, 0), -EPERM);
	KIT(kit, vfs_pread(t, fd, text, 8, 0), 6);
	KIT_TRUE(kit, !memcmp(text, "sealed", 6));
	KIT(kit, vfs_close(t, fd), 0);
}

static void open_by_handle(struct kit *kit, const struct vfs_file_handle *h,
			   uint64_t ino)
{
	struct vfs_stat st = {0};
	int fd;

	KIT_GET(kit, fd,
		vfs_open_by_handle_at(kit->task, AT_FDCWD, h, O_RDONLY));
	KIT(kit, vfs_fstat(kit->task, fd, &st), 0);
	KIT_TRUE(kit, st.ino == ino);
	KIT(kit, vfs_close(kit->task, fd), 0);
}

void kit_handles(struct kit *kit)
{
	struct vfs_file_handle h = {.handle_bytes = VFS_MAX_HANDLE_SIZE};
	struct vfs_task *t = kit->task;
	uint64_t ino;
	int32_t id;

	KIT(kit, vfs_mkdir(t, "/d", 0755), 0);
	kit_put(kit, "/d/f", "x");
	ino = kit_stat(kit, "/d/f").ino;
	if (!has(kit, KIT_HANDLES)) {
		KIT(kit, vfs_name_to_handle_at(t, AT_FDCWD, "/d/f", &h, &id, 0),
		    -EOPNOTSUPP);
		return;
	}
	KIT(kit, vfs_name_to_handle_at(t, AT_FDCWD, "/d/f", &h, &id, 0), 0);
	open_by_handle(kit, &h, ino);
	KIT(kit, vfs_rename(t, "/d/f", "/g"), 0);
	KIT(kit, vfs_link(t, "/g", "/d/h"), 0);
	KIT(kit, vfs_unlink(t, "/g"), 0);
	open_by_handle(kit, &h, ino);
	KIT(kit, vfs_unlink(t, "/d/h"), 0);
	KIT(kit, vfs_open_by_handle_at(t, AT_FDCWD, &h, O_RDONLY), -ESTALE);
	h.handle_bytes = VFS_MAX_HANDLE_SIZE;
	ino = kit_stat(kit, "/d").ino;
	KIT(kit, vfs_name_to_handle_at(t, AT_FDCWD, "/d", &h, &id, 0), 0);
	KIT(kit, vfs_rename(t, "/d", "/e"), 0);
	open_by_handle(kit, &h, ino);
	KIT(kit, vfs_rmdir(t, "/e"), 0);
	KIT(kit, vfs_open_by_handle_at(t, AT_FDCWD, &h, O_RDONLY), -ESTALE);
}

void kit_sockets(struct kit *kit)
{
	struct vfs_endpoint *e = NULL, *found = NULL;
	struct vfs_task *t = kit->task;

	KIT(kit, vfs_endpoint_create(kit->vfs, kit, NULL, &e), 0);
	if (!e)
		return;
	if (has(kit, KIT_SOCKETS)) {
		KIT(kit, vfs_bind_socket(t, AT_FDCWD, "/s", 0777, e), 0);
		KIT(kit, vfs_bind_socket(t, AT_FDCWD, "/s", 0777, e),
		    -EADDRINUSE);
		KIT(kit, vfs_connect_socket(t, AT_FDCWD, "/s", 0, &found), 0);
		KIT_TRUE(kit, found == e);
		vfs_endpoint_unref(found);
		KIT(kit, vfs_unlink(t, "/s"), 0);
	} else {
		KIT(kit, vfs_bind_socket(t, AT_FDCWD, "/s", 0777, e),
		    -EOPNOTSUPP);
	}
	KIT(kit, vfs_connect_socket(t, AT_FDCWD, "/s", 0, &found), -ENOENT);
	vfs_endpoint_unref(e);
}
