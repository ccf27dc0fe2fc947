/* SPDX-License-Identifier: MIT */
/*
 * A file that is gone, and not open, is held by nothing on the host, which may
 * give its number to the next one at once: whoever has the old one still must
 * not be shown the new one, nor the other way round.
 */
#include "hostfs/host_world.h"

#include <stdlib.h>
#include <sys/mount.h>

#include "support/image.h"

#define IMAGE_SIZE (INT64_C(32) << 20)
#define FILES 300

/* A file system that gives numbers again, and does not know when files were
 * made; tmpfs does neither. */
static bool mount_ext4(char dir[HOSTDIR_PATH])
{
	const char *const command[] = {"mkfs.ext4", "-q",  "-F",
				       "-I",	    "128", NULL};

	return image_mount(IMAGE_SIZE, command, "ext4", dir);
}

/* A descriptor of a file that was made at path and removed again. */
static int make_and_remove(struct vfs_task *task, const char *path,
			   uint64_t *ino)
{
	struct vfs_stat st;
	int fd =
		check_fd(vfs_open(task, path, O_RDWR | O_CREAT | O_EXCL, 0644));
	int place;

	check_ok(vfs_fstat(task, fd, &st));
	check_eq(st.nlink, 1);
	check_eq(st.size, 0);
	*ino = st.ino;
	check_eq(vfs_write(task, fd, "text", 4), 4);
	check_ok(vfs_close(task, fd));
	place = check_fd(vfs_open(task, path, O_PATH, 0));
	check_ok(vfs_unlink(task, path));
	return place;
}

static void come_and_go(struct host_world *w, const char *dir)
{
	uint64_t inos[FILES], identity, before = 0;
	int places[FILES], again = 0;
	struct vfs_stat st;
	char path[64];

	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/f%d", dir, i);
		places[i] = make_and_remove(w->task, path, &inos[i]);
		check_ok(vfs_fidentity(w->task, places[i], &identity));
		assert_true(identity != before);
		before = identity;
		again += i && inos[i] == inos[i - 1];
	}
	/* else nothing was seen */
	assert_true(again > FILES / 2);
	snprintf(path, sizeof(path), "%s/last", dir);
	put_file(w->task, path, "longer");
	for (int i = 0; i < FILES; i++) {
		check_ok(vfs_fstat(w->task, places[i], &st));
		check_eq(st.nlink, 0);
		check_eq(st.size, 4);
		check_ok(vfs_close(w->task, places[i]));
	}
	check_file(w->task, path, "longer");
}

static void begin(struct host_world *w, const char *options,
		  char dir[HOSTDIR_PATH])
{
	if (!mount_ext4(dir)) {
		print_message("no ext4 can be made and mounted here\n");
		skip();
	}
	check_ok(setenv("HOSTFS_DIR", dir, 1));
	check_ok(host_open(w, options));
}

static void end(struct host_world *w, const char *dir)
{
	assert_true(host_close(w));
	check_ok(unsetenv("HOSTFS_DIR"));
	check_ok(umount2(dir, MNT_DETACH));
	hostdir_remove(dir);
}

static void test_alone(void **state)
{
	static const char *const modes[] = {"cache=exclusive,owner=host",
					    "cache=revalidate,owner=host",
					    "cache=exclusive,owner=xattr"};
	char dir[HOSTDIR_PATH];
	struct host_world w;

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		begin(&w, modes[i], dir);
		check_ok(vfs_mkdir(w.task, "/h/d", 0755));
		come_and_go(&w, "/h/d");
		end(&w, dir);
	}
}

static void test_layers(void **state)
{
	static const char *const dirs[] = {"/h/low", "/h/up", "/h/work", "/o"};
	char dir[HOSTDIR_PATH];
	struct host_world w;

	(void)state;
	begin(&w, "cache=exclusive,owner=host", dir);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		check_ok(vfs_mkdir(w.task, dirs[i], 0755));
	check_ok(vfs_mount(w.task, "overlay", "/o", "overlay", 0,
			   "lowerdir=/h/low,upperdir=/h/up,workdir=/h/work"));
	come_and_go(&w, "/o");
	check_ok(vfs_umount2(w.task, "/o", 0));
	end(&w, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_layers),
	};

	host_own_mounts();
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
