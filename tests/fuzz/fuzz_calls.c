/* SPDX-License-Identifier: MIT */
/* Input: a sequence of calls, one byte each for the call, the task, the names
 * and the numbers it takes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

#define CALLS_MAX 300

static const char *const paths[] = {
	"/d",	  "/d/e",	 "/d/e/f", "/d/l/f", "/s",
	"/p",	  "/up/d/x",	 "/d/x",   "/d/x/y", "/new",
	"/new/z", "/d/e/../new", ".",	   "..",     "x",
	"/loop",  "/d/new/",	 "",	   "/d/e/g", "/d/./e",
};
#define PATHS (sizeof(paths) / sizeof(paths[0]))

struct machine {
	struct fuzz_input in;
	struct vfs_task *task[2];
	struct vfs_watch *watch; /* NULL: nobody is called */
};

static struct vfs_task *task(struct machine *m)
{
	return m->task[fuzz_byte(&m->in) & 1];
}

static const char *path(struct machine *m)
{
	return paths[fuzz_byte(&m->in) % PATHS];
}

static int fd(struct machine *m)
{
	return (int)(fuzz_byte(&m->in) % 12) - 1;
}

static int64_t offset(struct machine *m)
{
	static const int64_t edges[] = {0, 1, 4095, 4096, -1, INT64_MAX};
	uint8_t which = fuzz_byte(&m->in);

	return which < 6 ? edges[which] : (int64_t)which * 777;
}

static void name_call(struct machine *m, uint8_t call)
{
	struct vfs_task *t = task(m);

	switch (call % 12) {
	case 0:
		vfs_open(t, path(m), (int)(fuzz_word(&m->in) << 5) | O_NONBLOCK,
			 0644);
		break;
	case 1:
		vfs_open(t, path(m), O_RDWR | O_CREAT | O_NONBLOCK, 0644);
		break;
	case 2:
		vfs_mkdir(t, path(m), fuzz_word(&m->in) | 0700);
		break;
	case 3:
		vfs_unlink(t, path(m));
		break;
	case 4:
		vfs_rmdir(t, path(m));
		break;
	case 5:
		vfs_link(t, path(m), path(m));
		break;
	case 6:
		vfs_symlink(t, path(m), path(m));
		break;
	case 7:
		vfs_renameat2(t, AT_FDCWD, path(m), AT_FDCWD, path(m),
			      fuzz_byte(&m->in) & 7);
		break;
	case 8:
		vfs_mknod(t, path(m), fuzz_word(&m->in), 0);
		break;
	case 9:
		vfs_chdir(t, path(m));
		break;
	case 10:
		vfs_truncate(t, path(m), offset(m));
		break;
	default:
		vfs_renameat(t, fd(m), path(m), fd(m), path(m));
		break;
	}
}

/* What read and write give is within what was asked for. */
static void data_call(struct machine *m, uint8_t call)
{
	struct vfs_task *t = task(m);
	static char buffer[9000];
	size_t size = fuzz_word(&m->in) % sizeof(buffer);
	int64_t n = 0;

	switch (call % 8) {
	case 0:
		n = vfs_read(t, fd(m), buffer, size);
		break;
	case 1:
		n = vfs_write(t, fd(m), buffer, size);
		break;
	case 2:
		n = vfs_pread(t, fd(m), buffer, size, offset(m));
		break;
	case 3:
		n = vfs_pwrite(t, fd(m), buffer, size, offset(m));
		break;
	case 4:
		n = vfs_getdents(t, fd(m), buffer, size);
		break;
	case 5:
		n = vfs_copy_file_range(t, fd(m), NULL, fd(m), NULL, size, 0);
		break;
	case 6:
		n = vfs_sendfile(t, fd(m), fd(m), NULL, size);
		break;
	default:
		n = vfs_getcwd(t, buffer, size);
		break;
	}
	FUZZ_CHECK(n <= (int64_t)size && n > -4096);
}

/* A function may call anything. */
static void called(void *context, const struct vfs_watch_event *event)
{
	struct machine *m = context;
	struct vfs_stat st;

	FUZZ_CHECK(event->mask && !event->name == !event->name_len);
	FUZZ_CHECK(vfs_stat(m->task[0], ".", &st) <= 0);
	FUZZ_CHECK(vfs_chmod(m->task[1], "/", 0777) <= 0);
	if (event->sequence % 64 == 0)
		vfs_close(m->task[0], event->wd);
}

static void watch(struct machine *m, struct vfs_task *t)
{
	struct vfs_watch_spec spec = {
		.size = sizeof(spec), .event = called, .context = m};

	if (!m->watch)
		FUZZ_CHECK(vfs_watch_create(vfs_task_instance(t), &spec,
					    &m->watch) == 0);
	vfs_watch_add(m->watch, t, AT_FDCWD, path(m), fuzz_word(&m->in));
}

static void fd_call(struct machine *m, uint8_t call)
{
	struct vfs_task *t = task(m);
	struct vfs_flock lock = {.type = (int16_t)(fuzz_byte(&m->in) % 3)};
	struct vfs_stat st;
	int64_t at;
	int fds[2], number;

	switch (call % 17) {
	case 0:
		vfs_close(t, fd(m));
		break;
	case 1:
		vfs_dup2(t, fd(m), fd(m));
		break;
	case 2:
		number = fd(m);
		at = vfs_lseek(t, number, offset(m), fuzz_byte(&m->in) % 6);
		if (at >= 0)
			FUZZ_CHECK(vfs_lseek(t, number, 0, SEEK_CUR) == at ||
				   vfs_lseek(t, number, 0, SEEK_CUR) < 0);
		break;
	case 3:
		vfs_ftruncate(t, fd(m), offset(m));
		break;
	case 4:
		vfs_fallocate(t, fd(m), fuzz_byte(&m->in), offset(m),
			      offset(m));
		break;
	case 5:
		if (vfs_fstat(t, fd(m), &st) == 0)
			FUZZ_CHECK(st.size >= 0 && st.blocks >= 0);
		break;
	case 6:
		vfs_pipe2(t, fds, O_NONBLOCK);
		break;
	case 7:
		lock.start = offset(m);
		lock.len = offset(m);
		vfs_fcntl_lock(t, fd(m), F_SETLK, &lock);
		break;
	case 8:
		vfs_flock(t, fd(m), LOCK_EX | LOCK_NB);
		break;
	case 9:
		vfs_fchdir(t, fd(m));
		break;
	case 10:
		vfs_fcntl(t, fd(m), F_SETFL,
			  (int64_t)(fuzz_word(&m->in) | O_NONBLOCK));
		break;
	case 11:
		number = fuzz_byte(&m->in);
		vfs_close_range(t, (uint32_t)number, (uint32_t)number + 3,
				fuzz_byte(&m->in) & 6);
		break;
	case 12:
		vfs_inotify_init1(t, O_NONBLOCK);
		break;
	case 13:
		number = fd(m);
		vfs_inotify_add_watch(t, number, path(m), fuzz_word(&m->in));
		break;
	case 14:
		number = fd(m);
		vfs_inotify_rm_watch(t, number, fuzz_byte(&m->in) % 8);
		break;
	case 15:
		watch(m, t);
		break;
	default:
		vfs_linkat(t, fd(m), "", AT_FDCWD, path(m), AT_EMPTY_PATH);
		break;
	}
}

/* The second task is an ordinary user's. */
static void become_user(struct vfs *vfs, struct vfs_task *t)
{
	struct vfs_cred_spec spec = {.size = sizeof(spec),
				     .uid = 1000,
				     .gid = 1000,
				     .fsuid = 1000,
				     .fsgid = 1000};
	struct vfs_cred *cred;

	FUZZ_CHECK(vfs_cred_create(vfs, &spec, &cred) == 0);
	FUZZ_CHECK(vfs_task_set_cred(t, cred) == 0);
	vfs_cred_unref(cred);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine m = {.in = {data, data + size}};
	struct vfs_task *observer;
	struct vfs *vfs;

	fuzz_open(&vfs, &m.task[0]);
	FUZZ_CHECK(vfs_task_clone(m.task[0], 0, &m.task[1]) == 0);
	FUZZ_CHECK(vfs_task_clone(m.task[0], 0, &observer) == 0);
	become_user(vfs, m.task[1]);
	for (int i = 0; i < CALLS_MAX && m.in.at < m.in.end; i++) {
		uint8_t call = fuzz_byte(&m.in);

		if (call < 128)
			name_call(&m, call);
		else if (call < 192)
			data_call(&m, call);
		else
			fd_call(&m, call);
	}
	fuzz_check_tree(observer);
	vfs_watch_destroy(m.watch);
	vfs_task_unref(m.task[0]);
	vfs_task_unref(m.task[1]);
	fuzz_check_tree(observer);
	vfs_task_unref(observer);
	vfs_unref(vfs);
	return 0;
}
