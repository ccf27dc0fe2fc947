/* SPDX-License-Identifier: MIT */
/* The names that scripts may use for numbers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "script.h"

#define NAMES 1024u

static const struct constant {
	const char *name;
	int64_t value;
} constants[] = {
#define C(name)             \
	{                   \
#name, name \
	}
#define I(name)                            \
	{                                  \
		"IN_" #name, VFS_IN_##name \
	}
	C(O_RDONLY),
	C(O_WRONLY),
	C(O_RDWR),
	C(O_CREAT),
	C(O_EXCL),
	C(O_NOCTTY),
	C(O_TRUNC),
	C(O_APPEND),
	C(O_NONBLOCK),
	C(O_DSYNC),
	C(O_SYNC),
	C(O_DIRECTORY),
	C(O_NOFOLLOW),
	C(O_NOATIME),
	C(O_CLOEXEC),
	C(O_PATH),
	C(O_TMPFILE),
	C(O_DIRECT),
	C(O_ACCMODE),
	{"O_LARGEFILE", 0100000},
	C(AT_FDCWD),
	C(AT_SYMLINK_NOFOLLOW),
	C(AT_SYMLINK_FOLLOW),
	C(AT_REMOVEDIR),
	C(AT_EACCESS),
	C(AT_EMPTY_PATH),
	C(AT_NO_AUTOMOUNT),
	C(AT_STATX_FORCE_SYNC),
	C(AT_STATX_DONT_SYNC),
	C(RESOLVE_NO_XDEV),
	C(RESOLVE_NO_MAGICLINKS),
	C(RESOLVE_NO_SYMLINKS),
	C(RESOLVE_BENEATH),
	C(RESOLVE_IN_ROOT),
	C(RESOLVE_CACHED),
	C(STATX_BASIC_STATS),
	C(STATX_BTIME),
	C(STATX_SIZE),
	C(STATX_MODE),
	C(STATX_TYPE),
	C(STATX_MNT_ID),
	C(STATX__RESERVED),
	C(S_IFREG),
	C(S_IFDIR),
	C(S_IFLNK),
	C(S_IFIFO),
	C(S_IFSOCK),
	C(S_IFCHR),
	C(S_IFBLK),
	C(S_ISUID),
	C(S_ISGID),
	C(S_ISVTX),
	C(RENAME_NOREPLACE),
	C(RENAME_EXCHANGE),
	C(RENAME_WHITEOUT),
	C(SEEK_SET),
	C(SEEK_CUR),
	C(SEEK_END),
	C(SEEK_DATA),
	C(SEEK_HOLE),
	C(FALLOC_FL_KEEP_SIZE),
	C(FALLOC_FL_PUNCH_HOLE),
	C(FALLOC_FL_ZERO_RANGE),
	C(FALLOC_FL_COLLAPSE_RANGE),
	C(FALLOC_FL_INSERT_RANGE),
	C(FALLOC_FL_UNSHARE_RANGE),
	C(F_DUPFD),
	C(F_DUPFD_CLOEXEC),
	C(F_GETFD),
	C(F_SETFD),
	C(F_GETFL),
	C(F_SETFL),
	C(F_GETLK),
	C(F_SETLK),
	C(F_SETLKW),
	C(F_OFD_GETLK),
	C(F_OFD_SETLK),
	C(F_OFD_SETLKW),
	C(F_RDLCK),
	C(F_WRLCK),
	C(F_UNLCK),
	C(F_GETPIPE_SZ),
	C(F_SETPIPE_SZ),
	C(FD_CLOEXEC),
	C(LOCK_SH),
	C(LOCK_EX),
	C(LOCK_UN),
	C(LOCK_NB),
	C(R_OK),
	C(W_OK),
	C(X_OK),
	C(F_OK),
	C(XATTR_CREATE),
	C(XATTR_REPLACE),
	C(POLLIN),
	C(POLLOUT),
	C(POLLPRI),
	C(POLLERR),
	C(POLLHUP),
	C(POLLNVAL),
	C(POLLRDNORM),
	C(POLLWRNORM),
	C(RWF_HIPRI),
	C(RWF_DSYNC),
	C(RWF_SYNC),
	C(RWF_NOWAIT),
	C(RWF_APPEND),
	C(RLIMIT_FSIZE),
	C(RLIMIT_NOFILE),
	C(FIONREAD),
	C(FIONBIO),
	C(FIOCLEX),
	C(FIONCLEX),
	C(FIOQSIZE),
	C(TCGETS),
	C(FS_IOC_GETFLAGS),
	C(FS_IOC_SETFLAGS),
	C(FS_IOC_FSGETXATTR),
	C(FS_IOC_FSSETXATTR),
	C(FIGETBSZ),
	C(FICLONE),
	C(FICLONERANGE),
	C(FS_IMMUTABLE_FL),
	C(FS_APPEND_FL),
	C(FS_NODUMP_FL),
	C(FS_NOATIME_FL),
	C(FS_SYNC_FL),
	C(FS_DAX_FL),
	C(FS_PROJINHERIT_FL),
	C(FS_VERITY_FL),
	C(FS_XFLAG_IMMUTABLE),
	C(FS_XFLAG_APPEND),
	C(FS_XFLAG_NODUMP),
	C(FS_XFLAG_NOATIME),
	C(FS_XFLAG_SYNC),
	C(FS_XFLAG_DAX),
	C(FS_XFLAG_PROJINHERIT),
	C(FS_XFLAG_PREALLOC),
	C(FS_XFLAG_HASATTR),
	C(FS_XFLAG_REALTIME),
	C(FS_XFLAG_EXTSIZE),
	C(FS_XFLAG_EXTSZINHERIT),
	C(FS_XFLAG_COWEXTSIZE),
	C(CLOSE_RANGE_CLOEXEC),
	C(CLOSE_RANGE_UNSHARE),
	C(POSIX_FADV_NORMAL),
	C(POSIX_FADV_DONTNEED),
	C(POSIX_FADV_WILLNEED),
	C(MS_RDONLY),
	C(MS_NOSUID),
	C(MS_NODEV),
	C(MS_NOEXEC),
	C(MS_SYNCHRONOUS),
	C(MS_REMOUNT),
	C(MS_MANDLOCK),
	C(MS_DIRSYNC),
	C(MS_NOATIME),
	C(MS_NODIRATIME),
	C(MS_BIND),
	C(MS_MOVE),
	C(MS_REC),
	C(MS_SILENT),
	C(MS_POSIXACL),
	C(MS_UNBINDABLE),
	C(MS_PRIVATE),
	C(MS_SLAVE),
	C(MS_SHARED),
	C(MS_RELATIME),
	C(MS_KERNMOUNT),
	C(MS_I_VERSION),
	C(MS_STRICTATIME),
	C(MS_LAZYTIME),
	C(MNT_FORCE),
	C(MNT_DETACH),
	C(MNT_EXPIRE),
	C(UMOUNT_NOFOLLOW),
	C(OPEN_TREE_CLONE),
	C(OPEN_TREE_CLOEXEC),
	C(MOVE_MOUNT_F_SYMLINKS),
	C(MOVE_MOUNT_F_EMPTY_PATH),
	C(MOVE_MOUNT_T_SYMLINKS),
	C(MOVE_MOUNT_T_EMPTY_PATH),
	C(MOVE_MOUNT_SET_GROUP),
	C(FSOPEN_CLOEXEC),
	C(FSPICK_SYMLINK_NOFOLLOW),
	C(FSPICK_EMPTY_PATH),
	C(FSCONFIG_SET_FLAG),
	C(FSCONFIG_SET_STRING),
	C(FSCONFIG_SET_BINARY),
	C(FSCONFIG_SET_PATH),
	C(FSCONFIG_SET_FD),
	C(FSCONFIG_CMD_CREATE),
	C(FSCONFIG_CMD_RECONFIGURE),
	C(FSMOUNT_CLOEXEC),
	C(MOUNT_ATTR_RDONLY),
	{"MOUNT_ATTR_IDMAP", 0x00100000},
	C(MOUNT_ATTR_NOSUID),
	C(MOUNT_ATTR_NODEV),
	C(MOUNT_ATTR_NOEXEC),
	C(MOUNT_ATTR__ATIME),
	C(MOUNT_ATTR_NOATIME),
	C(MOUNT_ATTR_STRICTATIME),
	C(MOUNT_ATTR_NODIRATIME),
	C(MOUNT_ATTR_NOSYMFOLLOW),
	C(UTIME_NOW),
	C(UTIME_OMIT),
	C(PROT_NONE),
	C(PROT_READ),
	C(PROT_WRITE),
	C(PROT_EXEC),
	C(MAP_SHARED),
	C(MAP_PRIVATE),
	C(MAP_SHARED_VALIDATE),
	C(MAP_FIXED),
	C(MAP_FIXED_NOREPLACE),
	C(MAP_SYNC),
	C(MAP_HUGETLB),
	C(MAP_GROWSDOWN),
	C(MAP_POPULATE),
	C(MAP_NORESERVE),
	C(MS_ASYNC),
	C(MS_INVALIDATE),
	C(MS_SYNC),
	C(MFD_CLOEXEC),
	C(MFD_ALLOW_SEALING),
	C(MFD_HUGETLB),
	{"MFD_NOEXEC_SEAL", 8},
	{"MFD_EXEC", 16},
	C(F_ADD_SEALS),
	C(F_GET_SEALS),
	C(F_SEAL_SEAL),
	C(F_SEAL_SHRINK),
	C(F_SEAL_GROW),
	C(F_SEAL_WRITE),
	{"F_SEAL_FUTURE_WRITE", 0x10},
	{"F_SEAL_EXEC", 0x20},
	{"AT_HANDLE_FID", 0x200},
	{"AT_HANDLE_MNT_ID_UNIQUE", 1},
	{"AT_HANDLE_CONNECTABLE", 2},
#undef C
	{"IN_NONBLOCK", O_NONBLOCK},
	{"IN_CLOEXEC", O_CLOEXEC},
	{"IN_CLOSE", VFS_IN_CLOSE_WRITE | VFS_IN_CLOSE_NOWRITE},
	{"IN_MOVE", VFS_IN_MOVED_FROM | VFS_IN_MOVED_TO},
	I(ACCESS),
	I(MODIFY),
	I(ATTRIB),
	I(CLOSE_WRITE),
	I(CLOSE_NOWRITE),
	I(OPEN),
	I(MOVED_FROM),
	I(MOVED_TO),
	I(CREATE),
	I(DELETE),
	I(DELETE_SELF),
	I(MOVE_SELF),
	I(ALL_EVENTS),
	I(UNMOUNT),
	I(Q_OVERFLOW),
	I(IGNORED),
	I(ISDIR),
	I(ONLYDIR),
	I(DONT_FOLLOW),
	I(EXCL_UNLINK),
	I(MASK_CREATE),
	I(MASK_ADD),
	I(ONESHOT),
	{"FS", VFS_CLONE_FS},
	{"NEWNS", VFS_CLONE_NEWNS},
	{"AT_RECURSIVE", 0x8000},
	{"MOVE_MOUNT_BENEATH", 0x200},
	{"MS_MAGIC", 0xc0ed0000},
	{"MS_NOSYMFOLLOW", 256},
	{"FILES", VFS_CLONE_FILES},
	{"NEWUSER", VFS_CLONE_NEWUSER},
	{"MAX", INT64_MAX},
	{"MIN", INT64_MIN},
	{"INFINITY", -1},
};

static const struct constant *table[NAMES];

static unsigned slot_of(const char *name, size_t len)
{
	unsigned i = (unsigned)(hash_bytes(7, name, len) >> 13) & (NAMES - 1);

	while (table[i] &&
	       (strncmp(table[i]->name, name, len) || table[i]->name[len]))
		i = (i + 1) & (NAMES - 1);
	return i;
}

static void fill(void)
{
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		table[slot_of(constants[i].name, strlen(constants[i].name))] =
			&constants[i];
}

static bool parse_device(const char *word, int64_t *number)
{
	char *end;
	unsigned long major = strtoul(word, &end, 10), minor;

	if (*end != ':')
		return false;
	minor = strtoul(end + 1, &end, 10);
	*number = (int64_t)makedev(major, minor);
	return !*end;
}

static bool parse_term(const char *word, size_t len, int64_t *number)
{
	const struct constant *constant = table[slot_of(word, len)];
	char *end;

	if (constant) {
		*number = constant->value;
		return true;
	}
	errno = 0;
	if (word[0] == '-')
		*number = strtoll(word, &end, 0);
	else
		*number = (int64_t)strtoull(word, &end, 0);
	if (*end == 'k' && end == word + len - 1) {
		*number *= 1024;
		end++;
	}
	return !errno && end == word + len && len;
}

bool number_parse(const char *word, int64_t *number)
{
	int64_t all = 0, term;

	if (!table[slot_of("MAX", 3)])
		fill();
	if (!strncmp(word, "dev:", 4))
		return parse_device(word + 4, number);
	for (;;) {
		size_t len = strcspn(word, "|");

		if (!parse_term(word, len, &term))
			return false;
		all |= term;
		if (!word[len])
			break;
		word += len + 1;
	}
	*number = all;
	return true;
}

static void put32(unsigned char *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (unsigned char)(value >> (8 * i));
}

/* One entry: type:id:perm. Returns false when it is not one. */
static bool parse_entry(const char *word, size_t len, unsigned char out[8])
{
	static const char types[] = "uUgGmo"; /* capital: with an id */
	static const unsigned tags[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20};
	const char *colon = memchr(word, ':', len);
	const char *last = memrchr(word, ':', len);
	char type = word[0];
	uint32_t id = 0xffffffff;
	unsigned perm = 0;

	if (!colon || colon == last || colon != word + 1)
		return false;
	if (colon + 1 != last) {
		id = (uint32_t)strtoul(colon + 1, NULL, 10);
		if (type == 'u' || type == 'g')
			type = (char)(type - 'a' + 'A');
	}
	if (!strchr(types, type))
		return false;
	for (const char *p = last + 1; p < word + len; p++)
		perm |= *p == 'r' ? 4 : *p == 'w' ? 2 : *p == 'x' ? 1 : 0;
	put32(out, tags[strchr(types, type) - types] | perm << 16);
	put32(out + 4, id);
	return true;
}

size_t acl_parse(const char *words, unsigned char *out, size_t cap)
{
	size_t used = 4;

	put32(out, 2);
	while (*words) {
		size_t len = strcspn(words, ",");

		if (used + 8 > cap || !parse_entry(words, len, out + used))
			return 0;
		used += 8;
		words += len + (words[len] == ',');
	}
	return used;
}
