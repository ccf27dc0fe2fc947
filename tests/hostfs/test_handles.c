/* SPDX-License-Identifier: MIT */
/* Handles for file systems that store them (<vfs/sys/layer.h>): what is stored
 * is the host's, and leads to what is below the directory, or nowhere. */
#include "hostfs/host_world.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <vfs/sys/layer.h>

#define EXCLUSIVE "cache=exclusive,owner=host"

/* hostfs on /h, and a task of layers' with a view of it. */
struct handles {
	struct host_world w;
	struct vfs_task *layers;
	int top;
};

static void begin(struct handles *h)
{
	check_ok(vfs_layer_task_create(h->w.vfs, h->w.task, &h->layers));
	h->top = vfs_layer_open(h->layers, h->w.task, AT_FDCWD, "/h", 0, -1);
	assert_true(h->top >= 0);
}

static void end(struct handles *h)
{
	vfs_task_unref(h->layers);
}

static void setup(struct handles *h, const char *options)
{
	check_ok(host_open(&h->w, options));
	begin(h);
}

static void finish(struct handles *h)
{
	end(h);
	assert_true(host_close(&h->w));
}

/* The same directory, by somebody who has seen nothing of it yet. */
static void start_anew(struct handles *h)
{
	end(h);
	assert_true(host_shut(&h->w));
	check_ok(host_start(&h->w, EXCLUSIVE));
	begin(h);
}

static int encode(struct handles *h, const char *path,
		  struct vfs_layer_handle *out)
{
	int fd = vfs_openat(h->layers, h->top, path, O_PATH | O_NOFOLLOW, 0);
	int err;

	if (fd < 0)
		return fd;
	err = vfs_layer_encode(h->layers, fd, out);
	check_ok(vfs_close(h->layers, fd));
	return err;
}

/* 0 if the handle leads to path, 1 if to another file, or the error. */
static int leads_to(struct handles *h, const struct vfs_layer_handle *handle,
		    const char *path)
{
	struct vfs_stat found, named;
	int fd = vfs_layer_decode(h->layers, h->top, handle);

	if (fd < 0)
		return fd;
	check_ok(vfs_fstat(h->layers, fd, &found));
	check_ok(vfs_fstatat(h->layers, h->top, path, &named,
			     AT_SYMLINK_NOFOLLOW));
	check_ok(vfs_close(h->layers, fd));
	return found.ino != named.ino;
}

/* Whether the kernel opens handles for this process; else there is nothing to
 * be found. */
static bool may_open(struct handles *h)
{
	struct vfs_layer_handle handle;

	return !vfs_layer_encode(h->layers, h->top, &handle) &&
	       !leads_to(h, &handle, ".");
}

static void setup_full(struct handles *h, const char *options)
{
	struct host_world *w = &h->w;

	setup(h, options);
	host_mkdir(w, "d");
	host_mkdir(w, "d/e");
	host_put(w, "d/e/f", "inside");
	host_put(w, "g", "inside");
	check_ok(symlinkat("g", w->dirfd, "d/s"));
	check_ok(mknodat(w->dirfd, "d/p", S_IFIFO | 0600, 0));
}

/* And a process that may open what handles lead to. */
static void setup_open(struct handles *h)
{
	setup_full(h, EXCLUSIVE);
	if (may_open(h))
		return;
	finish(h);
	skip();
}

/* ---- what is stored ---- */

static void host_handle(int dirfd, const char *path,
			struct vfs_layer_handle *out)
{
	struct {
		struct file_handle head;
		unsigned char bytes[VFS_LAYER_HANDLE_MAX];
	} handle;
	int mount_id;

	handle.head.handle_bytes = sizeof(handle.bytes);
	check_ok(name_to_handle_at(dirfd, path, &handle.head, &mount_id, 0));
	out->length = handle.head.handle_bytes;
	out->type = (uint32_t)handle.head.handle_type;
	memset(out->bytes, 0, sizeof(out->bytes));
	memcpy(out->bytes, handle.head.f_handle, out->length);
}

static void test_host_has_it(void **state)
{
	static const char *const paths[] = {"d", "d/e/f", "d/s", "d/p"};
	struct vfs_layer_handle handle, host, before;
	struct handles h;

	(void)state;
	setup_full(&h, EXCLUSIVE);
	for (size_t i = 0; i < 4; i++) {
		check_ok(encode(&h, paths[i], &handle));
		host = handle;
		host_handle(h.w.dirfd, paths[i], &host);
		assert_memory_equal(&handle, &host, sizeof(host));
	}
	/* whatever it is called */
	check_ok(encode(&h, "g", &before));
	check_ok(vfs_renameat(h.layers, h.top, "g", h.top, "d/moved"));
	check_ok(encode(&h, "d/moved", &handle));
	assert_memory_equal(&handle, &before, sizeof(before));
	finish(&h);
}

static void test_volatile(void **state)
{
	struct vfs_layer_handle handle;
	struct handles h;

	(void)state;
	setup_full(&h, "cache=revalidate,owner=host");
	check_eq(encode(&h, "g", &handle), -EOPNOTSUPP);
	/* and nothing of it for who asks for handles by path */
	check_eq(vfs_name_to_handle_at(
			 h.w.task, AT_FDCWD, "/h/g",
			 &(struct vfs_file_handle){.handle_bytes = 64},
			 &(int32_t){0}, 0),
		 -EOPNOTSUPP);
	finish(&h);
}

/* ---- where it leads ---- */

static void test_leads_back(void **state)
{
	static const char *const paths[] = {"d", "d/e/f", "d/s", "d/p", "g"};
	struct vfs_layer_handle handles[5];
	struct handles h;

	(void)state;
	setup_open(&h);
	for (size_t i = 0; i < 5; i++)
		check_ok(encode(&h, paths[i], &handles[i]));
	for (size_t i = 0; i < 5; i++)
		check_eq(leads_to(&h, &handles[i], paths[i]), 0);
	start_anew(&h);
	for (size_t i = 0; i < 5; i++)
		check_eq(leads_to(&h, &handles[i], paths[i]), 0);
	/* moved, and gone */
	check_ok(vfs_renameat(h.layers, h.top, "d/e", h.top, "n"));
	check_eq(leads_to(&h, &handles[1], "n/f"), 0);
	check_ok(vfs_unlinkat(h.layers, h.top, "g", 0));
	check_eq(leads_to(&h, &handles[4], "n"), -ENODATA);
	/* another file's bytes, and nobody's */
	handles[1].bytes[0] ^= 0x55;
	check_eq(leads_to(&h, &handles[1], "n/f"), -ENODATA);
	handles[2].fs[0] ^= 1;
	check_eq(leads_to(&h, &handles[2], "d/s"), -ENODATA);
	handles[3].length = VFS_LAYER_HANDLE_MAX + 1;
	check_eq(leads_to(&h, &handles[3], "d/p"), -ESTALE);
	finish(&h);
}

/* On the host's file system, beside the directory. */
struct outside {
	char path[HOSTDIR_PATH + 16];
	struct stat before;
};

static void make_outside(struct handles *h, struct outside *o)
{
	int fd;

	snprintf(o->path, sizeof(o->path), "%s-outside", h->w.dir);
	fd = open(o->path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_true(write(fd, "outside", 7) == 7);
	check_ok(fstat(fd, &o->before));
	close(fd);
}

/* A handle of the outside, in everything else like those of the inside. */
static void handle_outside(struct handles *h, const struct outside *o,
			   struct vfs_layer_handle *out)
{
	check_ok(vfs_layer_encode(h->layers, h->top, out));
	host_handle(AT_FDCWD, o->path, out);
}

static void test_outside(void **state)
{
	struct vfs_layer_handle handle;
	struct outside o;
	struct stat after;
	struct handles h;

	(void)state;
	setup_open(&h);
	make_outside(&h, &o);
	handle_outside(&h, &o, &handle);
	/* the host would open it */
	check_eq(vfs_layer_decode(h.layers, h.top, &handle), -ENODATA);
	/* nor by the name that it would have inside */
	host_put(&h.w, strrchr(o.path, '/') + 1, "inside");
	check_eq(vfs_layer_decode(h.layers, h.top, &handle), -ENODATA);
	check_ok(stat(o.path, &after));
	assert_memory_equal(&o.before.st_atim, &after.st_atim,
			    sizeof(after.st_atim));
	assert_memory_equal(&o.before.st_ctim, &after.st_ctim,
			    sizeof(after.st_ctim));
	/* the directory above, and the file system's root */
	*strrchr(o.path, '/') = '\0';
	host_handle(AT_FDCWD, o.path, &handle);
	check_eq(vfs_layer_decode(h.layers, h.top, &handle), -ENODATA);
	snprintf(o.path, sizeof(o.path), "%s-outside", h.w.dir);
	check_ok(unlink(o.path));
	finish(&h);
}

/* A file with a name inside and one outside: by the one inside, or not at all.
 */
static void test_both(void **state)
{
	struct vfs_layer_handle handle;
	struct outside o;
	struct handles h;
	int err;

	(void)state;
	setup_open(&h);
	make_outside(&h, &o);
	check_ok(linkat(AT_FDCWD, o.path, h.w.dirfd, "both", 0));
	handle_outside(&h, &o, &handle);
	err = leads_to(&h, &handle, "both");
	if (err != -ENODATA)
		check_ok(err);
	host_unlink(&h.w, "both");
	start_anew(&h);
	check_eq(leads_to(&h, &handle, "d"), -ENODATA);
	check_ok(unlink(o.path));
	finish(&h);
}

/* ---- without the privilege, and with errors ---- */

static void set_effective(bool on)
{
	const uint32_t bit = 1u << CAP_DAC_READ_SEARCH;
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	check_ok(syscall(SYS_capget, &header, data));
	data[0].effective =
		on ? data[0].effective | bit : data[0].effective & ~bit;
	check_ok(syscall(SYS_capset, &header, data));
}

static void test_unprivileged(void **state)
{
	struct vfs_layer_handle handle;
	struct handles h;

	(void)state;
	setup_full(&h, EXCLUSIVE);
	if (!may_open(&h)) {
		check_ok(encode(&h, "g", &handle));
		check_eq(leads_to(&h, &handle, "g"), -EOPNOTSUPP);
	} else {
		set_effective(false);
		check_ok(encode(&h, "g", &handle));
		check_eq(leads_to(&h, &handle, "g"), -EOPNOTSUPP);
		set_effective(true);
	}
	finish(&h);
}

/* Each call fails once: that is the answer, and nothing is left open. */
static void test_faults(void **state)
{
	static const int errors[] = {EIO, ENOMEM, ENOSPC};
	struct vfs_layer_handle handle, again;
	struct handles h;
	unsigned failed = 0;

	(void)state;
	setup_open(&h);
	for (unsigned nth = 1; nth < 64; nth++) {
		int error = errors[nth % 3], err;

		start_anew(&h);
		host_fail(&h.w, NULL, nth, 1, -error);
		err = encode(&h, "g", &handle);
		if (!err)
			err = leads_to(&h, &handle, "g");
		failed += host_heal(&h.w) > 0;
		if (err)
			check_eq(err, -error);
		check_ok(encode(&h, "g", &again));
		check_eq(leads_to(&h, &again, "g"), 0);
	}
	assert_true(failed > 10);
	finish(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_has_it),
		cmocka_unit_test(test_volatile),
		cmocka_unit_test(test_leads_back),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_unprivileged),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
