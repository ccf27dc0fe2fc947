/* SPDX-License-Identifier: MIT */
/*
 * vfs_resolve_executable and vfs_resolve_script. What a script's line means is
 * asked of the running kernel: it executes the same files, with this program
 * as their interpreter, which then says what arguments it was given.
 */
#include "support/check.h"

#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vfs/hostfs.h>

#define ECHO "VFS_TEST_ECHO"

/* ---- which file a command is ---- */

static void put_program(struct vfs_task *task, const char *path, uint32_t mode)
{
	put_file(task, path, "program");
	check_ok(vfs_chmod(task, path, mode));
}

#define check_program(task, name, path, expected)                         \
	do {                                                              \
		char found_[4096] = "";                                   \
		check_ok(vfs_resolve_executable(task, name, path, found_, \
						sizeof(found_)));         \
		assert_string_equal(found_, expected);                    \
	} while (0)

#define check_none(task, name, path, error)                               \
	do {                                                              \
		char found_[4096] = "untouched";                          \
		check_eq(vfs_resolve_executable(task, name, path, found_, \
						sizeof(found_)),          \
			 error);                                          \
		assert_string_equal(found_, "untouched");                 \
	} while (0)

static void make_programs(struct vfs_task *t)
{
	check_ok(vfs_mkdir(t, "/bin", 0755));
	check_ok(vfs_mkdir(t, "/usr", 0755));
	check_ok(vfs_mkdir(t, "/usr/bin", 0755));
	check_ok(vfs_mkdir(t, "/closed", 0700));
	put_program(t, "/bin/sh", 0755);
	put_program(t, "/usr/bin/sh", 0755);
	put_program(t, "/usr/bin/cc", 0755);
	put_program(t, "/bin/cc", 0644);
	put_program(t, "/closed/cc", 0755);
	check_ok(vfs_symlink(t, "../bin/sh", "/usr/ash"));
	check_ok(vfs_mkdir(t, "/bin/dir", 0755));
}

static void test_exec__a_command_is_searched(void **state)
{
	struct world *w = *state;

	make_programs(w->task);
	check_program(w->task, "sh", "/bin:/usr/bin", "/bin/sh");
	check_program(w->task, "sh", "/usr/bin:/bin", "/usr/bin/sh");
	check_program(w->task, "sh", "/usr/bin/:/bin", "/usr/bin/sh");
	check_program(w->task, "ash", "/nowhere:/usr", "/usr/ash");
	/* what cannot be executed does not end the search */
	check_program(w->user, "cc", "/bin:/usr/bin", "/usr/bin/cc");
	check_program(w->user, "cc", "/closed:/usr/bin", "/usr/bin/cc");
	/* nor what is no directory */
	check_program(w->user, "cc", "/bin/sh:/usr/bin", "/usr/bin/cc");
	check_none(w->user, "cc", "/bin:/nowhere", -EACCES);
	check_none(w->user, "cc", "/closed", -EACCES);
	check_none(w->task, "dir", "/bin", -EACCES);
	check_none(w->task, "cc", "/nowhere:/bin/sh", -ENOENT);
	check_none(w->task, "sh", NULL, -ENOENT);
	check_none(w->task, "sh", "", -ENOENT);
	check_none(w->task, "", "/bin", -ENOENT);
}

static void test_exec__other_errors_end_the_search(void **state)
{
	struct world *w = *state;
	char name[300];

	make_programs(w->task);
	check_ok(vfs_symlink(w->task, "loop", "/loop"));
	check_none(w->task, "sh", "/loop:/bin", -ELOOP);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	check_none(w->task, name, "/bin:/usr/bin", -ENAMETOOLONG);
}

static void test_exec__what_is_not_absolute_is_passed_over(void **state)
{
	struct world *w = *state;

	make_programs(w->task);
	check_ok(vfs_chdir(w->task, "/bin"));
	check_none(w->task, "sh", ".", -ENOENT);
	assert_non_null(strstr(w->log, "'.'"));
	check_none(w->task, "sh", "bin/../bin", -ENOENT);
	assert_non_null(strstr(w->log, "'bin/../bin'"));
	check_program(w->task, "sh", ":bin:/usr/bin", "/usr/bin/sh");
	assert_non_null(strstr(w->log, "'bin'"));
	w->log[0] = 0;
	check_program(w->task, "sh", "/usr/bin:", "/usr/bin/sh");
	assert_string_equal(w->log, "");
	check_none(w->task, "none", "/usr/bin:", -ENOENT);
	assert_non_null(strstr(w->log, "''"));
}

static void test_exec__paths_are_taken_as_they_are(void **state)
{
	struct world *w = *state;
	char small[7];

	make_programs(w->task);
	check_program(w->task, "/usr/../bin/sh", NULL, "/usr/../bin/sh");
	check_program(w->task, "bin/sh", "/usr", "/bin/sh");
	check_ok(vfs_chdir(w->task, "/usr"));
	check_program(w->task, "./ash", NULL, "/usr/./ash");
	check_program(w->task, "bin/sh", "/bin", "/usr/bin/sh");
	check_none(w->task, "/bin", NULL, -EACCES);
	check_none(w->task, "/bin/cc", NULL, -EACCES);
	check_none(w->task, "/bin/cc/x", NULL, -ENOTDIR);
	check_none(w->task, "/bin/sh/", NULL, -ENOTDIR);
	check_none(w->task, "/none", NULL, -ENOENT);
	check_eq(vfs_resolve_executable(w->task, "/bin/sh", NULL, small, 7),
		 -ERANGE);
	check_eq(vfs_resolve_executable(w->task, NULL, NULL, small, 7),
		 -EFAULT);
	check_eq(vfs_resolve_executable(w->task, "/bin/sh", NULL, NULL, 7),
		 -EFAULT);
	check_eq(vfs_resolve_executable(NULL, "/bin/sh", NULL, small, 7),
		 -EFAULT);
}

static void test_exec__noexec_and_other_types(void **state)
{
	struct world *w = *state;

	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_ok(vfs_mount(w->task, "none", "/m", "tmpfs", MS_NOEXEC, NULL));
	put_program(w->task, "/m/sh", 0755);
	check_none(w->task, "/m/sh", NULL, -EACCES);
	check_none(w->task, "sh", "/m", -EACCES);
	check_ok(vfs_mkfifo(w->task, "/fifo", 0777));
	check_none(w->task, "/fifo", NULL, -EACCES);
	check_ok(vfs_mknod(w->task, "/null", S_IFCHR | 0777, 0x103));
	check_none(w->task, "/null", NULL, -EACCES);
	/* the mode of root is no permission to execute */
	put_program(w->task, "/plain", 0666);
	check_none(w->task, "/plain", NULL, -EACCES);
}

static void test_exec__a_directory_that_is_gone(void **state)
{
	struct world *w = *state;

	check_ok(vfs_mkdir(w->task, "/gone", 0755));
	check_ok(vfs_chdir(w->task, "/gone"));
	check_ok(vfs_rmdir(w->task, "/gone"));
	check_none(w->task, "./sh", NULL, -ENOENT);
}

/* ---- scripts, as the kernel has them ---- */

struct oracle {
	struct vfs *vfs;
	struct vfs_task *task;
	char dir[64];
};

static void test_script__without_reading(void **state)
{
	struct world *w = *state;
	char out[VFS_SCRIPT_MAX];

	put_file(w->task, "/i", "binary");
	check_ok(vfs_chmod(w->task, "/i", 0111));
	put_file(w->task, "/s", "#!/i -x\n");
	check_ok(vfs_chmod(w->task, "/s", 0111));
	check_eq(vfs_resolve_script(w->user, "/s", out, sizeof(out)), 3);
	assert_memory_equal(out, "/i\0-x\0/s", 9);
	check_eq(vfs_resolve_script(w->user, "/i", out, sizeof(out)), 1);
	assert_string_equal(out, "/i");
	memset(out, 'u', 9);
	check_eq(vfs_resolve_script(w->user, "/s", out, 8), -ERANGE);
	assert_memory_equal(out, "uuuuuuuuu", 9);
	check_eq(vfs_resolve_script(w->user, "/s", out, 9), 3);
	check_ok(vfs_chmod(w->task, "/i", 0));
	check_eq(vfs_resolve_script(w->user, "/s", out, sizeof(out)), -EACCES);
	check_eq(vfs_resolve_script(w->user, "/none", out, 9), -ENOENT);
	check_eq(vfs_resolve_script(w->user, "", out, 9), -ENOENT);
	check_eq(vfs_resolve_script(w->user, NULL, out, 9), -EFAULT);
	check_eq(vfs_resolve_script(w->user, "/s", NULL, 9), -EFAULT);
	check_eq(vfs_resolve_script(NULL, "/s", out, 9), -EFAULT);
}

static void write_script(const char *path, const char *text, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

/* The child: executes path, or says why not. */
static void execute(const char *path, int out, int failed)
{
	char *const argv[] = {(char *)"replaced", NULL};
	char *const env[] = {(char *)ECHO "=1",
			     (char *)"ASAN_OPTIONS=detect_leaks=0", NULL};
	int error;

	dup2(out, 1);
	execve(path, argv, env);
	error = errno;
	(void)!write(failed, &error, sizeof(error));
	_exit(1);
}

/* What the kernel does: the strings and their number, or a negative errno. */
static int64_t ask_kernel(const char *path, char *text, size_t size)
{
	int out[2], failed[2], error = 0;
	int64_t count = 0;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(failed, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		execute(path, out[1], failed[1]);
	close(out[1]);
	close(failed[1]);
	while ((n = read(out[0], text + len, size - len)) > 0)
		len += (size_t)n;
	if (read(failed[0], &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(out[0]);
	close(failed[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (size_t i = 0; i < len; i++)
		count += !text[i];
	return error ? -error : count;
}

static void compare(struct oracle *o, const char *what, size_t len,
		    const char *path)
{
	char ours[VFS_SCRIPT_MAX], theirs[2 * VFS_SCRIPT_MAX];
	int64_t expected = ask_kernel(path, theirs, sizeof(theirs));
	int64_t got = vfs_resolve_script(o->task, path, ours, sizeof(ours));

	if (got != expected)
		print_error("%.*s (%zu bytes)\n", (int)len, what, len);
	check_eq(got, expected);
	for (int64_t i = 0, at = 0; i < expected; i++) {
		assert_string_equal(ours + at, theirs + at);
		at += (int64_t)strlen(ours + at) + 1;
	}
}

static void compare_text(struct oracle *o, const char *text, size_t size)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/s", o->dir);
	write_script(path, text, size);
	compare(o, text, size, path);
}

static int oracle_setup(void **state)
{
	const struct vfs_filesystem_type *types[] = {&vfs_hostfs_type};
	struct vfs_config config = {.size = sizeof(config),
				    .types = types,
				    .type_count = 1,
				    .root_type = "hostfs",
				    .root_source = "/",
				    .root_options = "xdev"};
	struct oracle *o = calloc(1, sizeof(*o));
	char self[4096], link[100];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_non_null(o);
	assert_true(n > 0);
	self[n] = 0;
	strcpy(o->dir, "/tmp/vfs-exec-XXXXXX");
	assert_non_null(mkdtemp(o->dir));
	snprintf(link, sizeof(link), "%s/i", o->dir);
	assert_int_equal(symlink(self, link), 0);
	assert_int_equal(chdir(o->dir), 0);
	check_ok(vfs_create(&config, &o->vfs));
	check_ok(vfs_task_create(o->vfs, NULL, &o->task));
	check_ok(vfs_chdir(o->task, o->dir));
	*state = o;
	return 0;
}

static int oracle_teardown(void **state)
{
	struct oracle *o = *state;
	char command[128];

	vfs_task_unref(o->task);
	vfs_unref(o->vfs);
	snprintf(command, sizeof(command), "rm -rf %s", o->dir);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(system(command), 0);
	free(o);
	return 0;
}

/* %s stands for the interpreter. */
static void test_script__lines(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} lines[] = {
#define LINE(text) {text, sizeof(text) - 1}
		LINE("#!I"),
		LINE("#!I\n"),
		LINE("#! I\n"),
		LINE("#!\t I \t\n"),
		LINE("#!I  \t a b \t \nx"),
		LINE("#!I\ta\n"),
		LINE("#!I -x -y\n#!I\n"),
		LINE("#!I a\0b\n"),
		LINE("#!I\0a\n"),
		LINE("#!I \0a\n"),
		LINE("#!I "),
		LINE("#!I  "),
		LINE("#!I\r\n"),
		LINE("#!"),
		LINE("#!\n"),
		LINE("#!  \t\n"),
		LINE("#!  "),
		LINE("#!\0\n"),
		LINE("#!\0I\n"),
		LINE("#! \0I\n"),
		LINE("#!./i\n"),
		LINE("#!i -r\n"),
		LINE("#!/none\n"),
		LINE("#!/tmp\n"),
		LINE("#!/etc/passwd\n"),
		LINE("#!/etc/passwd/x\n"),
	};
	struct oracle *o = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[512];
		size_t len = 0;

		for (size_t j = 0; j < lines[i].size; j++) {
			if (lines[i].text[j] == 'I')
				len += (size_t)sprintf(text + len, "%s/i",
						       o->dir);
			else
				text[len++] = lines[i].text[j];
		}
		compare_text(o, text, len);
	}
}

/* Around the 256 bytes that are looked at. */
static void test_script__lengths(void **state)
{
	static const char *const ends[] = {"", "\n", " ", " \n", "\t", " x\n"};
	struct oracle *o = *state;
	char text[512], name[80];
	size_t name_len;

	snprintf(name, sizeof(name), "%s/i", o->dir);
	name_len = strlen(name);
	for (size_t size = 250; size < 262; size++) {
		for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
			/* an interpreter that is this long */
			memset(text, '/', sizeof(text));
			memcpy(text, "#!", 2);
			memcpy(text + size - name_len, name, name_len);
			strcpy(text + size, ends[i]);
			compare_text(o, text, strlen(text));
			/* and an argument */
			memset(text, 'a', sizeof(text));
			memcpy(text, "#!", 2);
			memcpy(text + 2, name, name_len);
			text[2 + name_len] = ' ';
			strcpy(text + size, ends[i]);
			compare_text(o, text, strlen(text));
			/* and blanks */
			memset(text, ' ', sizeof(text));
			memcpy(text, "#!", 2);
			strcpy(text + size, ends[i]);
			compare_text(o, text, strlen(text));
			memcpy(text + 2, name, name_len);
			compare_text(o, text, strlen(text));
		}
	}
}

static void test_script__of_scripts(void **state)
{
	struct oracle *o = *state;
	char text[256], path[100];

	snprintf(path, sizeof(path), "%s/i", o->dir);
	for (int i = 1; i <= 8; i++) {
		snprintf(text, sizeof(text), "#!%s a%d\n", path, i);
		snprintf(path, sizeof(path), "%s/s%d", o->dir, i);
		write_script(path, text, strlen(text));
		compare(o, text, strlen(text), path);
	}
	/* one too many, and broken */
	for (int i = 1; i <= 8; i++) {
		snprintf(path, sizeof(path), "%s/s%d", o->dir, i);
		if (i == 1)
			strcpy(text, "#!/none\n");
		else
			snprintf(text, sizeof(text), "#!%s/s%d\n", o->dir,
				 i - 1);
		write_script(path, text, strlen(text));
		compare(o, text, strlen(text), path);
	}
	/* one that is its own */
	snprintf(text, sizeof(text), "#!%s/s1\n", o->dir);
	snprintf(path, sizeof(path), "%s/s1", o->dir);
	write_script(path, text, strlen(text));
	compare(o, text, strlen(text), path);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		world_test(test_exec__a_command_is_searched),
		world_test(test_exec__other_errors_end_the_search),
		world_test(test_exec__what_is_not_absolute_is_passed_over),
		world_test(test_exec__paths_are_taken_as_they_are),
		world_test(test_exec__noexec_and_other_types),
		world_test(test_exec__a_directory_that_is_gone),
		world_test(test_script__without_reading),
		cmocka_unit_test_setup_teardown(test_script__lines,
						oracle_setup, oracle_teardown),
		cmocka_unit_test_setup_teardown(test_script__lengths,
						oracle_setup, oracle_teardown),
		cmocka_unit_test_setup_teardown(test_script__of_scripts,
						oracle_setup, oracle_teardown),
	};

	if (getenv(ECHO)) {
		for (int i = 0; i < argc; i++)
			fwrite(argv[i], 1, strlen(argv[i]) + 1, stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
