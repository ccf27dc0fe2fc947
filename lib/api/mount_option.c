/* SPDX-License-Identifier: MIT */
/* The words that mount(8) has for flags. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>

#include <vfs/mount.h>

#ifndef MS_LAZYTIME
#define MS_LAZYTIME (1 << 25)
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

#define ATIMES (UINT64_C(0) | MS_NOATIME | MS_RELATIME | MS_STRICTATIME)

static const struct {
	const char *word;
	uint64_t set;
	uint64_t clear;
} words[] = {
	{"defaults", 0, 0},
	{"ro", MS_RDONLY, 0},
	{"rw", 0, MS_RDONLY},
	{"nosuid", MS_NOSUID, 0},
	{"suid", 0, MS_NOSUID},
	{"nodev", MS_NODEV, 0},
	{"dev", 0, MS_NODEV},
	{"noexec", MS_NOEXEC, 0},
	{"exec", 0, MS_NOEXEC},
	{"sync", MS_SYNCHRONOUS, 0},
	{"async", 0, MS_SYNCHRONOUS},
	{"dirsync", MS_DIRSYNC, 0},
	{"noatime", MS_NOATIME, ATIMES},
	{"atime", 0, MS_NOATIME},
	{"nodiratime", MS_NODIRATIME, 0},
	{"diratime", 0, MS_NODIRATIME},
	{"relatime", MS_RELATIME, ATIMES},
	{"norelatime", 0, MS_RELATIME},
	{"strictatime", MS_STRICTATIME, ATIMES},
	{"nostrictatime", 0, MS_STRICTATIME},
	{"lazytime", MS_LAZYTIME, 0},
	{"nolazytime", 0, MS_LAZYTIME},
	{"nosymfollow", MS_NOSYMFOLLOW, 0},
	{"symfollow", 0, MS_NOSYMFOLLOW},
	/* without a meaning here, as on Linux today */
	{"silent", MS_SILENT, 0},
	{"loud", 0, MS_SILENT},
	{"mand", MS_MANDLOCK, 0},
	{"nomand", 0, MS_MANDLOCK},
	{"iversion", MS_I_VERSION, 0},
	{"noiversion", 0, MS_I_VERSION},
	/* what is to be done */
	{"remount", MS_REMOUNT, 0},
	{"bind", MS_BIND, 0},
	{"rbind", MS_BIND | MS_REC, 0},
	{"move", MS_MOVE, 0},
	{"shared", MS_SHARED, 0},
	{"rshared", MS_SHARED | MS_REC, 0},
	{"private", MS_PRIVATE, 0},
	{"rprivate", MS_PRIVATE | MS_REC, 0},
	{"slave", MS_SLAVE, 0},
	{"rslave", MS_SLAVE | MS_REC, 0},
	{"unbindable", MS_UNBINDABLE, 0},
	{"runbindable", MS_UNBINDABLE | MS_REC, 0},
};

int vfs_mount_option(const char *option, size_t length, uint64_t *flags)
{
	if (!option || !flags)
		return -EFAULT;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) != length ||
		    memcmp(words[i].word, option, length) != 0)
			continue;
		*flags = (*flags & ~words[i].clear) | words[i].set;
		return 1;
	}
	return 0;
}
