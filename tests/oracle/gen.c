/* SPDX-License-Identifier: MIT */
/* What lines there are and how often; the values are in gen_values.c. */
#define _GNU_SOURCE
#include "gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct template
{
	unsigned weight;
	/* %c: a value of kind c, see gen_value. */
	const char *line;
};

static const struct template templates[] = {
	{90, "as %a"},
	/* Names. */
	{60, "mkdir %P %m"},
	{10, "mkdirat %d %P %m"},
	{18, "mknod %P %M 0"},
	{6, "mknod %P %V"},
	{6, "mknodat %d %P %M 0"},
	{12, "mkfifo %P %m"},
	{30, "symlink %y %P"},
	{8, "symlinkat %y %d %P"},
	{40, "link %p %P"},
	{18, "linkat %d %p %d %P %l"},
	{10, "linkat %f \"\" AT_FDCWD %P AT_EMPTY_PATH"},
	{45, "rename %p %P"},
	{40, "rename %p %p"},
	{10, "renameat %d %p %d %P"},
	{20, "renameat2 AT_FDCWD %p AT_FDCWD %p %N"},
	{20, "renameat2 %d %p %d %P %N"},
	{35, "unlink %p"},
	{12, "unlinkat %d %p %U"},
	{26, "rmdir %Y"},
	{12, "readlink %p"},
	{4, "readlinkat %d %p %n"},
	{2, "readlinkat %f \"\""},
	{7, "chdir %Y"},
	{2, "chdir %p"},
	{3, "fchdir %D"},
	{1, "chroot %Y"},
	{8, "getcwd"},
	{2, "getcwd %n"},
	/* Descriptors. */
	{90, "open %p %o %m -> $%r"},
	{60, "open %P O_CREAT|O_RDWR|O_NONBLOCK 0666 -> $%r"},
	{16, "open %Y O_RDONLY|O_DIRECTORY 0 -> $%r"},
	{20, "openat %d %p %o %m -> $%r"},
	{24, "openat2 %d %p %o 0 %R -> $%r"},
	{8, "openat2 %d %P O_CREAT|O_RDWR|O_NONBLOCK 0640 %R -> $%r"},
	{10, "open %Y O_TMPFILE|O_RDWR|O_NONBLOCK %m -> $%r"},
	{3, "open %Y O_TMPFILE|O_RDWR|O_EXCL 0600 -> $%r"},
	{45, "close %f"},
	{2, "close_range %h %h %c"},
	{10, "dup %f -> $%r"},
	{5, "dup2 %f %h -> $%r"},
	{4, "dup3 %f %h %C -> $%r"},
	{4, "fcntl %f F_DUPFD %h -> $%r"},
	{3, "fcntl %f F_DUPFD_CLOEXEC %h -> $%r"},
	{5, "fcntl %f F_GETFL 0"},
	{6, "fcntl %f F_SETFL O_NONBLOCK%G"},
	{3, "fcntl %f F_GETFD 0"},
	{3, "fcntl %f F_SETFD %c"},
	{3, "ioctl %f FIONREAD"},
	{1, "ioctl %f FIOCLEX"},
	{1, "ioctl %f TCGETS"},
	{5, "ioctl %f FS_IOC_SETFLAGS %2"},
	{2, "fssetxattr %f %3"},
	{2, "ioctl %f FS_IOC_GETFLAGS"},
	{1, "fsgetxattr %f"},
	{2, "ioctl %f FIOQSIZE"},
	{4, "pipe2 O_NONBLOCK -> $%r $%r"},
	{8, "poll %f:POLLIN|POLLOUT"},
	/* Pipes and FIFOs. */
	{14, "write %H %w"},
	{10, "read %H %n"},
	{4, "writev %H %i"},
	{4, "readv %H %i"},
	{6, "poll %H:POLLIN|POLLOUT"},
	{3, "ioctl %H FIONREAD"},
	{3, "fcntl %H F_GETPIPE_SZ 0"},
	{3, "fcntl %H F_SETPIPE_SZ %b"},
	{2, "open %p O_RDWR|O_NONBLOCK 0 -> $%r"},
	{10, "flock %f %k"},
	{16, "fcntl_lock %f F_SETLK %K SEEK_SET %S %S"},
	{10, "fcntl_lock %f F_OFD_SETLK %K SEEK_CUR %S %S"},
	{8, "fcntl_lock %f F_GETLK %K SEEK_END %S %S"},
	{6, "fcntl_lock %f F_OFD_GETLK %K SEEK_SET %S %S"},
	/* Data. */
	{40, "read %F %n"},
	{70, "write %F %w"},
	{20, "pread %F %n %O"},
	{40, "pwrite %F %w %O"},
	{6, "readv %F %i"},
	{8, "writev %F %i"},
	{4, "preadv %F %i %O"},
	{4, "pwritev %F %i %O"},
	{3, "preadv2 %F %i %O %z"},
	{5, "pwritev2 %F %i %O %z"},
	/* Large ones. */
	{2, "pwrite %F \"Qr\"*%1 %J"},
	{2, "pread %F 1000000 %J"},
	{2, "ftruncate %F %J"},
	{2, "fallocate %F %A %J %J"},
	{1, "copy_file_range %F %J %F %J %J 0"},
	{2, "lseek %F %J %W"},
	{30, "lseek %F %O %W"},
	{8, "truncate %p %O"},
	{24, "ftruncate %F %O"},
	{26, "fallocate %F %A %O %n"},
	{2, "fsync %f"},
	{1, "fdatasync %f"},
	{1, "syncfs %f"},
	{1, "fadvise %f 0 0 POSIX_FADV_NORMAL"},
	{10, "copy_file_range %F %Z %F %Z %n 0"},
	{8, "sendfile %F %F %Z %n"},
	{16, "listdir %D"},
	{5, "listdir %D %B"},
	{2, "cookies %D %B"},
	/* Attributes. */
	{30, "stat %p"},
	{30, "lstat %p"},
	{10, "fstat %f"},
	{6, "fstatat %d %p %l"},
	{3, "fstatat %f \"\" AT_EMPTY_PATH"},
	{4, "statx %d %p %l STATX_BASIC_STATS|STATX_BTIME"},
	{6, "statfs %p"},
	{3, "fstatfs %f"},
	{24, "access %p %x"},
	{4, "faccessat %d %p %x"},
	{10, "faccessat2 %d %p %x %e"},
	{40, "chmod %p %m"},
	{12, "fchmod %f %m"},
	{4, "fchmodat %d %p %m"},
	{6, "fchmodat2 %d %p %m %l"},
	{30, "chown %p %u %g"},
	{8, "lchown %p %u %g"},
	{10, "fchown %f %u %g"},
	{5, "fchownat %d %p %u %g %l"},
	{20, "utimensat %d %p %t %l"},
	{8, "futimens %f %t"},
	{2, "umask %m"},
	{5, "umask 022"},
	{3, "rlimit RLIMIT_FSIZE %L"},
	{1, "rlimit RLIMIT_NOFILE %s"},
	{3, "rlimit RLIMIT_NOFILE 1024"},
	{24, "setxattr %p %X %v %E"},
	{6, "lsetxattr %p %X %v %E"},
	{8, "fsetxattr %f %X %v %E"},
	{10, "getxattr %p %X"},
	{3, "lgetxattr %p %X %n"},
	{4, "fgetxattr %f %X"},
	{6, "listxattr %p"},
	{2, "llistxattr %p %n"},
	{2, "flistxattr %f"},
	{6, "removexattr %p %X"},
	{2, "lremovexattr %p %X"},
	{3, "fremovexattr %f %X"},
	{5, "setxattr %p security.capability %I %E"},
	{2, "getxattr %p security.capability"},
	{2, "removexattr %p security.capability"},
	/* POSIX ACLs. */
	{24, "setxattr %p system.posix_acl_access %q 0"},
	{20, "setxattr %Y system.posix_acl_default %q 0"},
	{6, "fsetxattr %f system.posix_acl_access %q 0"},
	{5, "getxattr %p system.posix_acl_access"},
	{4, "getxattr %Y system.posix_acl_default"},
	{4, "removexattr %p system.posix_acl_%Q"},
	/* Mapped files. */
	{14, "mmap 0 16384 PROT_READ|PROT_WRITE MAP_SHARED %F 0"},
	{6, "mmap 1 8192 PROT_READ|PROT_WRITE MAP_SHARED %F 4096"},
	{5, "mmap 2 16384 PROT_READ|PROT_WRITE MAP_PRIVATE %F 0"},
	{3, "mmap 3 200000 PROT_READ MAP_SHARED %f 0"},
	{16, "peek %7 %9 %n"},
	{16, "poke %7 %9 %v"},
	{6, "munmap %7 0 %8"},
	{3, "munmap %7 4096 4096"},
	{2, "msync %7 0 8192 MS_SYNC"},
	/* Files without a name. */
	{5, "memfd_create m %4 -> $%r"},
	{3, "fcntl %F F_GET_SEALS 0"},
	{4, "fcntl %F F_ADD_SEALS %5"},
	/* File handles. */
	{6, "name_to_handle_at %7 AT_FDCWD %p 0"},
	{4, "name_to_handle_at %7 %f \"\" AT_EMPTY_PATH"},
	{6, "open_by_handle_at AT_FDCWD %7 %o -> $%r"},
	/* Events: two queues that are there from the start, in slots that no
	 * other descriptor gets, and others. */
	{30, "inotify_add_watch $8 %p %<"},
	{16, "inotify_add_watch $8 %Y %<"},
	{20, "inotify_add_watch $9 %p %<"},
	{6, "inotify_add_watch %= %p %<"},
	{1, "inotify_add_watch %f %p %<"},
	{5, "inotify_rm_watch $8 %>"},
	{3, "inotify_rm_watch $9 %>"},
	{1, "inotify_rm_watch %f %>"},
	{60, "events $8"},
	{30, "events $9"},
	{8, "events %="},
	{4, "read $9 %n"},
	{2, "readv $8 %i"},
	{3, "read %= %n"},
	{3, "ioctl $8 FIONREAD"},
	{3, "poll $8:POLLIN,$9:POLLIN"},
	{3, "inotify_init IN_NONBLOCK -> $%r"},
	{1, "inotify_init IN_NONBLOCK -> $9"},
	/* Tasks. */
	{5, "clone %T %j"},
	{8, "task %T"},
	{2, "exit %T"},
	{4, "newuser 3 " GEN_UID_MAP " " GEN_GID_MAP},
	{12, "task 3"},
	{1, "exit 3"},
};

#define TEMPLATES (sizeof(templates) / sizeof(templates[0]))

/* A populated tree reaches deeper than an empty one. */
static const char *const beginnings[] = {
	"mkdir a 0777",
	"mkdir a/b 0755",
	"mkdir b 01777",
	"mkdir c 0777",
	"chmod c 02775",
	"chown c 1000 1000",
	"inotify_init IN_NONBLOCK -> $8",
	"inotify_init IN_NONBLOCK -> $9",
	"inotify_add_watch $8 a IN_ALL_EVENTS",
	"inotify_add_watch $8 . IN_ALL_EVENTS",
	"inotify_add_watch $8 b IN_ALL_EVENTS",
	"inotify_add_watch $9 c IN_ALL_EVENTS|IN_EXCL_UNLINK",
	"open d O_CREAT|O_RDWR|O_NONBLOCK 0666 -> $0",
	"inotify_add_watch $9 d IN_ALL_EVENTS",
	"write $0 \"hello\"",
	"open a/c O_CREAT|O_RDWR|O_NONBLOCK 0644 -> $1",
	"pwrite $1 \"x\"*100 5000",
	"symlink a e",
	"symlink ../d a/e",
	"symlink /b/c c/a",
	"link d b/d",
	"open a O_RDONLY|O_DIRECTORY 0 -> $2",
	("setxattr a system.posix_acl_default "
	 "acl:u::rwx,u:1000:rwx,g::r-x,m::rwx,o::r-x 0"),
	"as user1",
	"mkdir b/a 0750",
	"open b/c O_CREAT|O_RDWR|O_NONBLOCK 0640 -> $3",
	"open c/d O_CREAT|O_RDWR|O_NONBLOCK 0664 -> $4",
	"as root",
};

#define BEGINNINGS (sizeof(beginnings) / sizeof(beginnings[0]))

static uint64_t next(struct gen *gen)
{
	uint64_t z = (gen->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

unsigned gen_below(struct gen *gen, unsigned n)
{
	return (unsigned)((next(gen) >> 32) * n >> 32);
}

void gen_init(struct gen *gen, uint64_t seed, uint64_t sequence,
	      enum place place, bool mounts, const struct host *host)
{
	struct text text = gen->text;

	free(gen->first);
	memset(gen, 0, sizeof(*gen));
	gen->text = text;
	gen->state = seed * UINT64_C(0xd1342543de82ef95) + sequence;
	gen->place = place;
	gen->mounts = mounts;
	gen->host = host;
	gen->tasks[0] = true;
	gen->watching = sequence % 4 != 0;
	next(gen);
}

static void know(struct gen *gen, const char *path, bool directory);

void gen_begin_with(struct gen *gen, const struct layers_script *script)
{
	gen->first = strdup(script->lines.data);
	if (!gen->first)
		die("out of memory");
	gen->first_rest = gen->first;
	gen->overlay = true;
	for (unsigned i = 0; i < script->count; i++)
		know(gen, script->names[i].path, script->names[i].directory);
}

void gen_fini(struct gen *gen)
{
	free(gen->first);
	text_fini(&gen->text);
}

static const struct template *choose(struct gen *gen)
{
	static unsigned total;
	unsigned at;

	if (!total) {
		for (size_t i = 0; i < TEMPLATES; i++)
			total += templates[i].weight;
	}
	at = gen_below(gen, total);
	for (size_t i = 0;; i++) {
		if (at < templates[i].weight)
			return &templates[i];
		at -= templates[i].weight;
	}
}

static bool contains(const char *line, const char *const words[])
{
	for (; *words; words++) {
		if (strstr(line, *words))
			return true;
	}
	return false;
}

/* Sizes, and what becomes one as a size_t. */
static const char *const huge[] = {"0x7ff", "0x80000000", "MAX",
				   "MIN",   " -",	  NULL};

/* A memory file is bounded by the machine alone, which is needed. */
static bool fills_memory(const struct gen *gen)
{
	static const char *const takers[] = {"fallocate ", "sendfile ",
					     "copy_file_range ", NULL};

	return gen->memory && contains(gen->text.data, takers) &&
	       contains(gen->text.data, huge);
}

/* How many calls a listing takes depends on the order of the entries, and by
 * which of its names a file is opened that was found by its handle is nobody's
 * business: but each is an event. */
static bool told_by_chance(const char *line)
{
	return !strncmp(line, "cookies ", 8) ||
	       !strncmp(line, "open_by_handle_at ", 18) ||
	       (!strncmp(line, "listdir ", 8) && strchr(line + 8, ' '));
}

/* Attributes that no handler has: Linux's overlay copies the file up before it
 * finds that out. A limit is for what it copies up, too. Both end a sequence,
 * and so are to be rare. */
static bool leaves_something_behind(const char *line)
{
	static const char *const setting[] = {"setxattr ", "removexattr ",
					      NULL};
	static const char *const names[] = {
		" bad.x",     " user ", " user. ",	 " system.x", " \"\" ",
		" trusted. ", " NULL",	"AT_FDCWD user", NULL};

	return (contains(line, setting) && contains(line, names)) ||
	       (strstr(line, "RLIMIT_FSIZE") && !strstr(line, "MAX"));
}

/* What both a hostfs and the host itself answer. */
static bool possible_on(const struct host *host, const char *line)
{
	static const char *const own[] = {"handle_at ", NULL};
	/* a disk has flags that this would take away; what is refused for a
	 * limit leaves a time; an empty ACL leaves less than on tmpfs; how many
	 * blocks lead to a file's is chance */
	static const char *const tmpfs[] = {
		"FS_IOC_SETFLAGS",	 "rlimit RLIMIT_FSIZE",	  "FIOQSIZE",
		"posix_acl_access NULL", "posix_acl_access \"\"", NULL};
	static const char *const identities[] = {"newuser", NULL};
	/* what a record does not hold, or what takes privilege */
	static const char *const unrecorded[] = {
		"posix_acl", "trusted.", "security.", "FS_IOC",
		"fssetx",    "fsgetx",	 "WHITEOUT",  NULL};

	if (!host->kind)
		return true;
	if (HOST_SINGLE(host) && contains(line, identities))
		return false;
	if (host->xattr && contains(line, unrecorded))
		return false;
	/* how much of what does not fit is there in the end */
	if (host->kind == HOST_EXT4 && !strncmp(line, "fallocate ", 10) &&
	    contains(line, huge))
		return false;
	/* as an empty one */
	if (host->kind == HOST_EXT4 && strstr(line, "removexattr") &&
	    strstr(line, "posix_acl_access"))
		return false;
	return !contains(line, own) &&
	       (host->kind != HOST_EXT4 || !contains(line, tmpfs));
}

/* What a user namespace of one identity can be asked, and what a directory of
 * some file system can that is not the root of anything. */
static bool possible(struct gen *gen)
{
	static const char *const privileged[] = {
		"as user", "chown ",  "trusted.", "security.",	  "u:1",
		"g:1",	   "u:5",     "user2",	  "F_SETPIPE_SZ", "WHITEOUT",
		"newuser", "FS_APP",  "FS_IMM",	  "FS_XFLAG_A",	  "FS_XFLAG_I",
		"handle",  "inotify", "events",	  NULL,
	};
	static const char *const rooted[] = {
		" /",	     "\"/",	  "..",
		"as ",	     "chroot",	  "chdir",
		"getcwd",    "statfs",	  "S_IFCHR",
		"S_IFBLK",   "fallocate", "xattr",
		"O_TMPFILE", "SEEK_DATA", "SEEK_HOLE",
		"WHITEOUT",  "chown",	  "copy_file_range",
		"sync ",     "0x7fff",	  "MAX",
		"O_NOATIME", "sendfile",  "SEEK_END",
		"RWF_",	     "0x1000",	  "FS_IOC",
		"fsgetx",    "fssetx",	  "FIOQSIZE",
		NULL,
	};
	static const char *const watching[] = {"inotify", "events ", " $8",
					       " $9", NULL};
	const char *line = gen->text.data;

	if (gen->watching ? told_by_chance(line) : contains(line, watching))
		return false;
	/* a file that is mapped is closed when its descriptor is */
	if (gen->overlay && gen->watching && !strncmp(line, "mmap ", 5))
		return false;
	if (gen->overlay && gen_below(gen, 16) && leaves_something_behind(line))
		return false;
	if (fills_memory(gen) || !possible_on(gen->host, line))
		return false;
	/* on the kernel's side it could not end before its clones */
	if (gen->current == 3 && !strncmp(line, "clone ", 6))
		return false;
	if (!strncmp(line, "newuser ", 8) && !kernel_has_userns())
		return false;
	if (gen->place != PLACE_MOUNT && contains(line, privileged))
		return false;
	return gen->place != PLACE_DIRECTORY || !contains(line, rooted);
}

static const char *next_template(struct gen *gen)
{
	if (!gen->line)
		gen->line = gen_below(gen, 4) ? 1 : BEGINNINGS + 1;
	else
		gen->line++;
	/* Most of the beginning, so that each sequence starts elsewhere. */
	while (gen->line <= BEGINNINGS && !gen_below(gen, 6))
		gen->line++;
	if (gen->line <= BEGINNINGS)
		return beginnings[gen->line - 1];
	if (gen->away && gen->place != PLACE_DIRECTORY && !gen_below(gen, 8)) {
		gen->away = false;
		return "chdir /";
	}
	return choose(gen)->line;
}

const char *gen_line(struct gen *gen)
{
	if (gen->first_rest && *gen->first_rest)
		return strsep(&gen->first_rest, "\n");
	gen->first_rest = NULL;
	if (gen->mounts)
		return gen_mount_line(gen);
	do {
		text_clear(&gen->text);
		gen->chosen_count = 0;
		for (const char *p = next_template(gen); *p; p++) {
			if (*p == '%')
				gen_value(gen, *++p);
			else
				text_add(&gen->text, p, 1);
		}
	} while (!possible(gen));
	if (!strncmp(gen->text.data, "memfd_create ", 13))
		gen->memory = true;
	return gen->text.data;
}

static void know(struct gen *gen, const char *path, bool directory)
{
	unsigned i = gen->known_count;

	if (!path[0] || gen->away)
		return;
	if (i == GEN_KNOWN)
		i = gen_below(gen, GEN_KNOWN);
	else
		gen->known_count++;
	strcpy(gen->known[i].path, path);
	gen->known[i].directory = directory;
}

static bool forget(struct gen *gen, const char *path)
{
	bool directory = false;

	for (unsigned i = 0; i < gen->known_count; i++) {
		if (strcmp(gen->known[i].path, path))
			continue;
		directory = gen->known[i].directory;
		gen->known[i] = gen->known[--gen->known_count];
		break;
	}
	return directory;
}

/* What is below a renamed directory has a new name, too. */
static void move(struct gen *gen, const char *from, const char *to)
{
	size_t len = strlen(from);
	bool directory = forget(gen, from);

	know(gen, to, directory);
	for (unsigned i = 0; directory && i < gen->known_count; i++) {
		char *path = gen->known[i].path;
		char moved[2 * GEN_PATH];

		if (strncmp(path, from, len) || path[len] != '/')
			continue;
		snprintf(moved, sizeof(moved), "%s%s", to, path + len);
		if (strlen(moved) < GEN_PATH)
			strcpy(path, moved);
	}
}

static enum slot_kind look(struct side *side, int fd)
{
	struct vfs_stat stat;

	if (fd < 0 || side->class->calls.fstat(side_task(side), fd, &stat) < 0)
		return SLOT_CLOSED;
	return S_ISREG(stat.mode)   ? SLOT_FILE
	       : S_ISDIR(stat.mode) ? SLOT_DIRECTORY
	       : stat.mode & S_IFMT ? SLOT_OTHER
				    : SLOT_EVENTS;
}

static void learn_names(struct gen *gen, const char *name)
{
	const char *last = gen->chosen[gen->chosen_count - 1];

	if (!strncmp(name, "unlink", 6) || !strcmp(name, "rmdir"))
		forget(gen, gen->chosen[0]);
	else if (!strncmp(name, "rename", 6))
		move(gen, gen->chosen[0], last);
	else if (!strncmp(name, "mk", 2) || !strncmp(name, "open", 4) ||
		 !strncmp(name, "link", 4) || !strncmp(name, "symlink", 7))
		know(gen, last, !strncmp(name, "mkdir", 5));
	else if (!strcmp(name, "chdir"))
		gen->away = strcmp(gen->chosen[0], "/");
}

/* The fixed lines know their own names. */
static void learn_beginning(struct gen *gen, const struct call *call)
{
	const char *name = call->def->name;
	const char *path = call->args[0].string;

	if (!strcmp(name, "link") || !strcmp(name, "symlink"))
		path = call->args[1].string;
	else if (strcmp(name, "mkdir") && strcmp(name, "open"))
		return;
	know(gen, path, !strcmp(name, "mkdir"));
}

void gen_learn(struct gen *gen, const struct call *call, struct side *side)
{
	const char *name = call->def ? call->def->name : "";

	if (gen->first_rest)
		return;
	if (gen->mounts) {
		gen_mount_learn(gen, call, side);
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (call->to[i] >= 0 && call->to[i] < GEN_SLOTS)
			gen->slots[call->to[i]] =
				look(side, side->slots[call->to[i]]);
	}
	if (side->result < 0)
		return;
	if (!strcmp(name, "close") && call->args[0].slot >= 0 &&
	    call->args[0].slot < GEN_SLOTS)
		gen->slots[call->args[0].slot] = SLOT_CLOSED;
	else if (!strcmp(name, "task"))
		gen->current = (unsigned)call->args[0].number;
	else if (!strcmp(name, "clone"))
		gen->tasks[call->args[0].number % MAX_TASKS] = true;
	else if (!strcmp(name, "exit"))
		gen->tasks[call->args[0].number % MAX_TASKS] = false;
	else if (!strcmp(name, "fchdir"))
		gen->away = true;
	else if (gen->line <= BEGINNINGS)
		learn_beginning(gen, call);
	else if (gen->chosen_count)
		learn_names(gen, name);
}

static bool same_file(struct side *side, const char *words)
{
	struct vfs_stat stat[2];
	int found = 0;

	for (const char *p = strchr(words, '$'); p && found < 2;
	     p = strchr(p + 1, '$')) {
		int slot = p[1] - '0';

		if (slot < 0 || slot >= GEN_SLOTS ||
		    side->class->calls.fstat(side_task(side), side->slots[slot],
					     &stat[found]) < 0)
			return false;
		found++;
	}
	return found == 2 && stat[0].ino == stat[1].ino &&
	       stat[0].dev == stat[1].dev;
}

static enum slot_kind first_slot(struct side *side, const char *words)
{
	const char *slot = strchr(words, '$');

	if (!slot || slot[1] < '0' || slot[1] >= '0' + GEN_SLOTS)
		return SLOT_CLOSED;
	return look(side, side->slots[slot[1] - '0']);
}

/* Is what a sendfile reads a directory? */
static bool from_directory(struct side *side, const char *words)
{
	const char *slot = strchr(words, '$');

	slot = slot ? strchr(slot + 1, '$') : NULL;
	return slot && first_slot(side, slot) == SLOT_DIRECTORY;
}

/* truncate(2) that may take a set-id bit from what is on a hostfs. */
static bool takes_setid(const char *line, struct side *side)
{
	struct vfs_stat stat;
	char path[GEN_PATH];

	if (!side->host->kind || sscanf(line, "truncate %63s ", path) != 1)
		return false;
	return side->class->calls.stat(side_task(side), path, &stat) == 0 &&
	       (stat.mode & (S_ISUID | S_ISGID));
}

bool gen_unclear(const char *line, struct side *side)
{
	if (takes_setid(line, side))
		return true;
	if (!strncmp(line, "copy_file_range ", 16) ||
	    !strncmp(line, "sendfile ", 9))
		return same_file(side, line) ||
		       first_slot(side, line) == SLOT_OTHER ||
		       (side->host->kind && from_directory(side, line));
	/* Locks of queues are everybody's who has one. */
	if ((!strncmp(line, "fcntl_lock ", 11) ||
	     !strncmp(line, "flock ", 6)) &&
	    first_slot(side, line) == SLOT_EVENTS)
		return true;
	if (!strncmp(line, "fcntl_lock ", 11) || !strncmp(line, "lseek ", 6))
		return strstr(line, "SEEK_CUR") &&
		       first_slot(side, line) == SLOT_DIRECTORY;
	if (!side_reduced)
		return false;
	/* tmpfs keeps what is past the end of a file, in its last page, until
	 * the file grows; a disk does not. */
	if (!strncmp(line, "poke ", 5))
		return true;
	/* Elsewhere than on tmpfs they can be so large that nothing fits. */
	return strstr(line, "read") && first_slot(side, line) == SLOT_DIRECTORY;
}
