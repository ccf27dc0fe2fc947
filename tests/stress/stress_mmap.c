/* SPDX-License-Identifier: MIT */
/*
 * Files that are mapped while others read, write, cut and remove them; seals
 * against writable mappings; handles and sockets' names against removal.
 *
 * Mappings are touched by the host's read and write, which answer EFAULT where
 * a thread would get SIGBUS.
 */
#include <sched.h>
#include <sys/mman.h>

#include "stress/stress.h"

#define PAGE 4096u
#define BLOCK 6000u
#define BLOCKS 12u
#define LENGTH ((size_t)BLOCKS * BLOCK / PAGE * PAGE)

/* ---- mappings ---- */

static void prepare(struct stress *s)
{
	STRESS(s, vfs_open(s->task, "/f", O_CREAT | O_RDWR, 0644) == 0);
}

static int open_it(struct stress_thread *t)
{
	int fd = vfs_open(t->task, "/f", O_CREAT | O_RDWR, 0644);

	STRESS(t->stress, fd >= 0);
	return fd;
}

static void check_bytes(struct stress_thread *t, const char *bytes, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		STRESS(t->stress,
		       !bytes[i] || (bytes[i] >= 'a' &&
				     bytes[i] < 'a' + STRESS_THREADS));
}

/* What is at hand is changed, and now and then it is another file, which was
 * not mapped before. */
static void change(struct stress_thread *t)
{
	char block[BLOCK];

	memset(block, 'a' + (int)t->number, sizeof(block));
	while (stress_goes_on(t)) {
		int64_t at = (int64_t)stress_random(t, BLOCKS) * BLOCK;
		uint32_t what = stress_random(t, 16);
		int fd = open_it(t);

		if (what == 0)
			STRESS(t->stress,
			       vfs_ftruncate(t->task, fd, at + 17) == 0);
		else if (what == 1)
			STRESS_CALL(t->stress,
				    vfs_fallocate(t->task, fd,
						  FALLOC_FL_PUNCH_HOLE |
							  FALLOC_FL_KEEP_SIZE,
						  at, BLOCK),
				    EOPNOTSUPP);
		else if (what == 2)
			STRESS_CALL(t->stress,
				    vfs_fallocate(t->task, fd, 0, at, BLOCK),
				    EOPNOTSUPP);
		else if (what == 3)
			STRESS_CALL(t->stress, vfs_unlink(t->task, "/f"),
				    ENOENT);
		else
			STRESS(t->stress, vfs_pwrite(t->task, fd, block, BLOCK,
						     at) == BLOCK);
		vfs_close(t->task, fd);
	}
}

static void look(struct stress_thread *t)
{
	char block[BLOCK];

	while (stress_goes_on(t)) {
		int64_t at = stress_random(t, BLOCKS * BLOCK), n;
		struct vfs_statfs fs;
		struct vfs_stat st;
		int fd = open_it(t);

		n = vfs_pread(t->task, fd, block, BLOCK, at);
		STRESS(t->stress, n >= 0 && n <= BLOCK);
		check_bytes(t, block, n);
		STRESS(t->stress, vfs_fstat(t->task, fd, &st) == 0);
		STRESS(t->stress, st.size >= 0 && st.blocks >= 0);
		STRESS_CALL(t->stress, vfs_stat(t->task, "/f", &st), ENOENT);
		if (!stress_random(t, 16))
			STRESS(t->stress, vfs_statfs(t->task, "/", &fs) == 0);
		if (!stress_random(t, 8))
			STRESS_CALL(t->stress,
				    vfs_lseek(t->task, fd, at, SEEK_DATA),
				    ENXIO);
		vfs_close(t->task, fd);
	}
}

/* Through a pipe, a page at a time: less than size where pages end. */
static size_t move(int in, int out, char *to, const char *from, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t n = size - done < PAGE ? size - done : PAGE;
		ssize_t put = write(out, from + done, n);
		char rest[PAGE];

		if (put <= 0)
			break;
		if (read(in, to + done, (size_t)put) != put) {
			/* the pipe is to be empty again */
			while (put > 0 && read(in, rest, (size_t)put) != put)
				put--;
			break;
		}
		done += (size_t)put;
		if ((size_t)put < n)
			break;
	}
	return done;
}

static void map_and_touch(struct stress_thread *t, int fd, const int p[2])
{
	char block[2 * PAGE];
	int flags = stress_random(t, 4) ? MAP_SHARED : MAP_PRIVATE;
	char *at = NULL;
	void *out;
	size_t n;

	if (STRESS_CALL(t->stress,
			vfs_mmap(t->task, NULL, LENGTH, PROT_READ | PROT_WRITE,
				 flags, fd, 0, &out),
			ENODEV) < 0)
		return;
	at = out;
	n = move(p[0], p[1], block, at, sizeof(block));
	check_bytes(t, block, (int64_t)n);
	memset(block, 'a' + (int)t->number, sizeof(block));
	move(p[0], p[1], at + PAGE * stress_random(t, 8), block, PAGE);
	if (!stress_random(t, 4))
		STRESS(t->stress, vfs_msync(t->task, at, LENGTH, MS_SYNC) == 0);
	/* sometimes in parts */
	if (!stress_random(t, 4))
		STRESS(t->stress,
		       vfs_munmap(t->task, at + 2 * PAGE, PAGE) == 0);
	STRESS(t->stress, vfs_munmap(t->task, at, LENGTH) == 0);
}

static void map(struct stress_thread *t)
{
	int p[2];

	if (pipe2(p, O_NONBLOCK | O_CLOEXEC))
		abort();
	while (stress_goes_on(t)) {
		int fd = open_it(t);

		map_and_touch(t, fd, p);
		vfs_close(t->task, fd);
	}
	close(p[0]);
	close(p[1]);
}

/* With the last mapping and the last name every page is free again. */
static void check_free(struct stress *s)
{
	struct vfs_statfs fs;

	STRESS_CALL(s, vfs_unlink(s->task, "/f"), ENOENT);
	STRESS(s, vfs_close_range(s->task, 0, UINT32_MAX, 0) == 0);
	STRESS(s, vfs_statfs(s->task, "/", &fs) == 0);
	STRESS(s, fs.bfree == fs.blocks);
}

static void prepare_nothing(struct stress *s)
{
	(void)s;
}

/* ---- seals ---- */

/* One makes a file and seals it; what it holds then stays, whoever tries to map
 * and write it through the shared table. */
static void seal(struct stress_thread *t)
{
	struct vfs_task *shared = t->stress->task;
	char before[64], after[64];

	while (stress_goes_on(t)) {
		int fd = vfs_memfd_create(shared, "s", MFD_ALLOW_SEALING);
		int err = -EBUSY;

		STRESS(t->stress, fd >= 0);
		STRESS_CALL(t->stress, vfs_ftruncate(shared, fd, 64), EBADF,
			    EPERM, EINVAL);
		for (int i = 0; i < 1000 && err == -EBUSY; i++)
			err = vfs_fcntl(shared, fd, F_ADD_SEALS, F_SEAL_WRITE);
		if (!err) {
			vfs_pread(shared, fd, before, 64, 0);
			sched_yield();
			vfs_pread(shared, fd, after, 64, 0);
			STRESS(t->stress, !memcmp(before, after, 64));
		}
		vfs_close(shared, fd);
	}
}

static void break_seal(struct stress_thread *t)
{
	struct vfs_task *shared = t->stress->task;
	void *out;
	int p[2];

	if (pipe2(p, O_NONBLOCK | O_CLOEXEC))
		abort();
	while (stress_goes_on(t)) {
		int fd = (int)stress_random(t, 4);
		char byte = (char)t->random;

		vfs_pwrite(shared, fd, &byte, 1, 5);
		if (vfs_mmap(shared, NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_SHARED, fd, 0, &out))
			continue;
		move(p[0], p[1], (char *)out + 6, &byte, 1);
		STRESS(t->stress, vfs_munmap(shared, out, PAGE) == 0);
	}
	close(p[0]);
	close(p[1]);
}

/* ---- handles and sockets ---- */

static void name_of(char path[8], uint32_t i)
{
	snprintf(path, 8, "/n%u", i);
}

/* Whatever a handle opens is the file it was made of. */
static void handle(struct stress_thread *t)
{
	struct vfs_file_handle h;
	struct vfs_stat st, found;
	char path[8];
	int32_t id;

	while (stress_goes_on(t)) {
		int fd;

		name_of(path, stress_random(t, 4));
		fd = vfs_open(t->task, path, O_CREAT | O_RDWR, 0644);
		STRESS(t->stress, fd >= 0);
		h.handle_bytes = VFS_MAX_HANDLE_SIZE;
		if (STRESS_CALL(t->stress,
				vfs_name_to_handle_at(t->task, fd, "", &h, &id,
						      AT_EMPTY_PATH),
				EOPNOTSUPP) < 0) {
			vfs_close(t->task, fd);
			return;
		}
		STRESS(t->stress, vfs_fstat(t->task, fd, &st) == 0);
		if (stress_random(t, 2))
			vfs_close(t->task, fd);
		else
			fd = -1;
		id = (int32_t)STRESS_CALL(
			t->stress,
			vfs_open_by_handle_at(t->task, AT_FDCWD, &h, O_RDONLY),
			ESTALE);
		if (id >= 0) {
			STRESS(t->stress, vfs_fstat(t->task, id, &found) == 0);
			STRESS(t->stress, found.ino == st.ino);
		} else {
			/* it was open until now */
			STRESS(t->stress, fd >= 0);
		}
		vfs_close_range(t->task, 0, UINT32_MAX, 0);
	}
}

static void shuffle(struct stress_thread *t)
{
	char path[8], other[8];

	while (stress_goes_on(t)) {
		name_of(path, stress_random(t, 4));
		name_of(other, stress_random(t, 4));
		if (stress_random(t, 2))
			STRESS_CALL(t->stress, vfs_unlink(t->task, path),
				    ENOENT);
		else if (stress_random(t, 2))
			STRESS_CALL(t->stress, vfs_rename(t->task, path, other),
				    ENOENT);
		else
			STRESS_CALL(t->stress, vfs_link(t->task, path, other),
				    ENOENT, EEXIST);
	}
}

static uint64_t endpoints, releases; /* atomic */

static void released(void *object)
{
	(void)object;
	__atomic_add_fetch(&releases, 1, __ATOMIC_RELAXED);
}

static void bind_names(struct stress_thread *t)
{
	struct vfs_endpoint *e;
	char path[8];

	while (stress_goes_on(t)) {
		name_of(path, stress_random(t, 4));
		STRESS(t->stress, vfs_endpoint_create(t->stress->vfs, path,
						      released, &e) == 0);
		__atomic_add_fetch(&endpoints, 1, __ATOMIC_RELAXED);
		STRESS_CALL(t->stress,
			    vfs_bind_socket(t->task, AT_FDCWD, path, 0777, e),
			    EADDRINUSE, EOPNOTSUPP);
		if (stress_random(t, 2))
			vfs_endpoint_close(e);
		vfs_endpoint_unref(e);
	}
}

static void connect_names(struct stress_thread *t)
{
	struct vfs_endpoint *e;
	char path[8];

	while (stress_goes_on(t)) {
		name_of(path, stress_random(t, 4));
		if (STRESS_CALL(
			    t->stress,
			    vfs_connect_socket(t->task, AT_FDCWD, path, 0, &e),
			    ENOENT, ECONNREFUSED) < 0)
			continue;
		STRESS(t->stress, vfs_endpoint_object(e) != NULL);
		vfs_endpoint_unref(e);
	}
}

int main(void)
{
	stress_body *const maps[] = {map, change, look, map};
	stress_body *const seals[] = {seal, break_seal};
	stress_body *const handles[] = {handle, shuffle};
	stress_body *const sockets[] = {bind_names, connect_names, shuffle};
	int failed = 0;

	failed |= stress_run("mmap", prepare, maps, 4, check_free);
	failed |= stress_run("mmap-seals", prepare_nothing, seals, 2, NULL);
	failed |= stress_run("handles", prepare_nothing, handles, 2, NULL);
	failed |= stress_run("sockets", prepare_nothing, sockets, 3, NULL);
	/* the instances are gone, and so is all that they held */
	if (endpoints != releases) {
		fprintf(stderr, "%llu endpoints, %llu released\n",
			(unsigned long long)endpoints,
			(unsigned long long)releases);
		failed = 1;
	}
	return failed;
}
