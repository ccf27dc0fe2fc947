/* SPDX-License-Identifier: MIT */
/* vfs_mount_option: which words are flags, and what a later one does to an
 * earlier one. */
#include "support/check.h"

#include <sys/mount.h>

#include <vfs/mount.h>

static const uint64_t atimes = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;

static int take(const char *word, uint64_t *flags)
{
	return vfs_mount_option(word, strlen(word), flags);
}

/* A word and its opposite. */
static void test_mount_option__pairs(void **state)
{
	static const struct {
		const char *on, *off;
		uint64_t flag;
	} pairs[] = {
		{"ro", "rw", MS_RDONLY},
		{"nosuid", "suid", MS_NOSUID},
		{"nodev", "dev", MS_NODEV},
		{"noexec", "exec", MS_NOEXEC},
		{"sync", "async", MS_SYNCHRONOUS},
		{"noatime", "atime", MS_NOATIME},
		{"nodiratime", "diratime", MS_NODIRATIME},
		{"relatime", "norelatime", MS_RELATIME},
		{"strictatime", "nostrictatime", MS_STRICTATIME},
		{"lazytime", "nolazytime", 1 << 25},
		{"nosymfollow", "symfollow", 256},
		{"silent", "loud", MS_SILENT},
		{"mand", "nomand", MS_MANDLOCK},
		{"iversion", "noiversion", MS_I_VERSION},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		uint64_t flags = MS_DIRSYNC;

		check_eq(take(pairs[i].on, &flags), 1);
		check_eq(flags, MS_DIRSYNC | pairs[i].flag);
		check_eq(take(pairs[i].off, &flags), 1);
		check_eq(flags, MS_DIRSYNC);
		flags = ~UINT64_C(0) & ~pairs[i].flag;
		check_eq(take(pairs[i].on, &flags), 1);
		/* of the ways to keep times of access one is meant */
		check_eq(flags,
			 pairs[i].flag & atimes
				 ? (~UINT64_C(0) & ~atimes) | pairs[i].flag
				 : ~UINT64_C(0));
	}
}

static void test_mount_option__others(void **state)
{
	static const struct {
		const char *word;
		uint64_t flags;
	} others[] = {
		{"defaults", 0},
		{"dirsync", MS_DIRSYNC},
		{"remount", MS_REMOUNT},
		{"bind", MS_BIND},
		{"rbind", MS_BIND | MS_REC},
		{"move", MS_MOVE},
		{"shared", MS_SHARED},
		{"rshared", MS_SHARED | MS_REC},
		{"private", MS_PRIVATE},
		{"rprivate", MS_PRIVATE | MS_REC},
		{"slave", MS_SLAVE},
		{"rslave", MS_SLAVE | MS_REC},
		{"unbindable", MS_UNBINDABLE},
		{"runbindable", MS_UNBINDABLE | MS_REC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		uint64_t flags = MS_NOEXEC;

		check_eq(take(others[i].word, &flags), 1);
		check_eq(flags, MS_NOEXEC | others[i].flags);
	}
}

static void test_mount_option__none(void **state)
{
	static const char *const none[] = {
		"",	"size=1g", "RO",     "ro ", " ro", "r",	    "rro",
		"ro=1", "ro,rw",   "noread", "x-a", "=",   "relati"};
	uint64_t flags = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		check_eq(take(none[i], &flags), 0);
	check_eq(vfs_mount_option("ro", 1, &flags), 0);
	check_eq(vfs_mount_option(NULL, 0, &flags), -EFAULT);
	check_eq(vfs_mount_option("ro", 2, NULL), -EFAULT);
	check_eq(flags, 42);
	/* of a list, without a NUL behind it */
	check_eq(vfs_mount_option("ro,size=1g", 2, &flags), 1);
	check_eq(flags, 42 | MS_RDONLY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mount_option__pairs),
		cmocka_unit_test(test_mount_option__others),
		cmocka_unit_test(test_mount_option__none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
