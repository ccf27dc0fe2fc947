/* SPDX-License-Identifier: MIT */
/* What both kinds of side share: who there is, identities, and how stamps and
 * attributes read as text. */
#define _GNU_SOURCE
#include "side.h"

#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Stamps outside were set by a script. */
#define OLDEST_STAMP INT64_C(1500000000)
#define NEWEST_STAMP INT64_C(3000000000)
#define IDMAP_SLOTS 4096u

#define CAP(name) (UINT64_C(1) << VFS_CAP_##name)

const struct who whos[] = {
	{"root", 0, 0, 0, 0, {0}, 0, VFS_CAP_ALL},
	{"user1", 1000, 1000, 1000, 1000, {0}, 0, 0},
	{"user2", 1001, 1001, 1001, 1001, {1000, 100}, 2, 0},
	{"user3", 1002, 1002, 1002, 1002, {1003, 100}, 2, 0},
	{"rootnocap", 0, 0, 0, 0, {0}, 0, 0},
	/* What access() tells from the effective ids. */
	{"setuid", 1000, 1000, 0, 0, {0}, 0, VFS_CAP_ALL},
	{"dropped", 0, 0, 1000, 1000, {0}, 0, 0},
	/* One capability each. */
	{"capdac", 1000, 1000, 1000, 1000, {0}, 0, CAP(DAC_OVERRIDE)},
	{"capread", 1000, 1000, 1000, 1000, {0}, 0, CAP(DAC_READ_SEARCH)},
	{"capfowner", 1001, 1001, 1001, 1001, {0}, 0, CAP(FOWNER)},
	{"capchown", 1001, 1001, 1001, 1001, {0}, 0, CAP(CHOWN)},
	{"capfsetid", 1000, 1000, 1000, 1000, {0}, 0, CAP(FSETID)},
	{"capmknod", 1000, 1000, 1000, 1000, {0}, 0, CAP(MKNOD)},
	{"capadmin", 1000, 1000, 1000, 1000, {0}, 0, CAP(SYS_ADMIN)},
	{"capimmutable", 1000, 1000, 1000, 1000, {0}, 0, CAP(LINUX_IMMUTABLE)},
	{"capchroot", 1000, 1000, 1000, 1000, {0}, 0, CAP(SYS_CHROOT)},
};
const unsigned who_count = sizeof(whos) / sizeof(whos[0]);

bool side_reduced;

const struct who *who_self(void)
{
	static struct who self = {.name = "self"};
	gid_t groups[4];
	int count = getgroups(4, groups);

	self.uid = getuid();
	self.gid = getgid();
	self.fsuid = geteuid();
	self.fsgid = getegid();
	self.caps = self.fsuid ? 0 : VFS_CAP_ALL;
	self.group_count = count < 0 ? 0 : (uint32_t)count;
	for (uint32_t i = 0; i < self.group_count; i++)
		self.groups[i] = groups[i];
	return &self;
}

const struct who *who_find(const char *name)
{
	for (unsigned i = 0; i < who_count; i++) {
		if (!strcmp(whos[i].name, name))
			return &whos[i];
	}
	return NULL;
}

static void idmap_init(struct idmap *map)
{
	map->slots = calloc(IDMAP_SLOTS, sizeof(map->slots[0]));
	if (!map->slots)
		die("out of memory");
	map->mask = IDMAP_SLOTS - 1;
}

void side_number_reset(struct idmap *map)
{
	if (map->count)
		memset(map->slots, 0, IDMAP_SLOTS * sizeof(map->slots[0]));
	map->count = 0;
}

unsigned side_number(struct idmap *map, uint64_t dev, uint64_t ino)
{
	uint64_t h = (dev * 31 + ino) * UINT64_C(0x9e3779b97f4a7c15);
	unsigned i = (unsigned)(h >> 40) & map->mask;

	while (map->slots[i].number) {
		if (map->slots[i].dev == dev && map->slots[i].ino == ino)
			return map->slots[i].number;
		i = (i + 1) & map->mask;
	}
	if (map->count * 2 > map->mask)
		die("too many inodes in one script");
	map->slots[i].dev = dev;
	map->slots[i].ino = ino;
	map->slots[i].number = ++map->count;
	return map->count;
}

unsigned side_cookie(struct side *side, uint32_t cookie)
{
	return cookie ? side_number(&side->cookies, cookie, 0) : 0;
}

struct side *side_create(const struct side_class *class, const char *options)
{
	struct side *side = calloc(1, sizeof(*side));

	if (!side)
		die("out of memory");
	side->class = class;
	side->options = options;
	side->buffer = malloc(BUFFER_SIZE);
	if (!side->buffer)
		die("out of memory");
	idmap_init(&side->inodes);
	idmap_init(&side->devices);
	idmap_init(&side->groups);
	idmap_init(&side->cookies);
	text_clear(&side->out);
	return side;
}

void side_begin(struct side *side)
{
	side_number_reset(&side->inodes);
	side_number_reset(&side->devices);
	side_number_reset(&side->groups);
	side_number_reset(&side->cookies);
	side->current = 0;
	side->ever_mapped = side->was_old = false;
	side->removed = side->path_only = false;
	for (unsigned i = 0; i < MAX_SLOTS; i++)
		side->slots[i] = -1;
	side->class->begin(side);
}

void side_unmap(struct side *side, struct mapping *mapping)
{
	unsigned pages = (unsigned)(mapping->length / 4096);

	for (unsigned i = 0; mapping->at && !mapping->inside && i < pages; i++)
		if (i >= 64 || !(mapping->gone >> i & 1))
			side->class->calls.munmap(side_task(side),
						  mapping->at + i * 4096, 4096);
	memset(mapping, 0, sizeof(*mapping));
}

/* What a script has mapped and bound. */
static void let_go(struct side *side)
{
	side->current = 0;
	for (unsigned i = 0; side->tasks[0] && i < MAX_MAPPINGS; i++)
		side_unmap(side, &side->mappings[i]);
	for (unsigned i = 0; i < MAX_ENDPOINTS; i++) {
		if (side->endpoints[i])
			side->class->hang_up(side, i);
	}
	memset(side->handles, 0, sizeof(side->handles));
}

void side_end(struct side *side)
{
	let_go(side);
	side->class->end(side);
}

void side_destroy(struct side *side)
{
	let_go(side);
	side->class->destroy(side);
	free(side->inodes.slots);
	free(side->devices.slots);
	free(side->groups.slots);
	free(side->cookies.slots);
	free(side->buffer);
	text_fini(&side->out);
	free(side);
}

void side_time(struct side *side, const struct vfs_timespec *time)
{
	if (side->detail == DETAIL_EXACT)
		text_printf(&side->out, " %lld.%09u", (long long)time->sec,
			    time->nsec);
	else if (time->zero || time->nsec > 999999999)
		text_printf(&side->out, " BAD(%u,%u)", time->nsec, time->zero);
	else if (time->sec < OLDEST_STAMP || time->sec >= NEWEST_STAMP)
		text_printf(&side->out, " %lld:%u", (long long)time->sec,
			    time->nsec);
	else if (!kernel_fine_times())
		text_add(&side->out, " #", 2);
	else
		text_printf(&side->out, " #%u",
			    side->class->instant(side, time));
}

#define SHOWN_ATTRIBUTES                                                    \
	(STATX_ATTR_COMPRESSED | STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | \
	 STATX_ATTR_NODUMP | STATX_ATTR_ENCRYPTED | STATX_ATTR_MOUNT_ROOT)

/* A disk gives a number to one file after the other, and not the same ones
 * twice: those are told apart by when they were made. */
static uint64_t identity_of(const struct side *side,
			    const struct vfs_stat *stat)
{
	uint64_t made = (uint64_t)stat->btime.sec * UINT64_C(1000000000) +
			stat->btime.nsec;

	return side->host->kind == HOST_EXT4 && (stat->mask & STATX_BTIME)
		       ? stat->ino + made * UINT64_C(0x9e3779b97f4a7c15)
		       : stat->ino;
}

/* On a hostfs, what the library does on its own leaves no time on the host: a
 * symlink's target is kept, FIFOs and sockets are its own. */
static bool has_atime(const struct side *side, uint32_t mode)
{
	/* what the host has is read by who looks */
	if (side->overlay && side->detail == DETAIL_EXACT)
		return false;
	return !side->host->kind || S_ISREG(mode) || S_ISDIR(mode) ||
	       S_ISCHR(mode) || S_ISBLK(mode);
}

/* A recorded symlink is another kind of file on the host; blocks of a device
 * node hold attributes, and are not shown; how many blocks a disk needs to find
 * those of a file depends on what was free where; and a record takes the room
 * in the inode that other attributes would have had. */
static bool has_blocks(const struct side *side, uint32_t mode)
{
	/* marks of directories come and go with who looks */
	if (side->detail == DETAIL_EXACT && S_ISDIR(mode))
		return false;
	if (!side->host->kind && side->detail != DETAIL_EXACT)
		return true;
	if (side->host->kind == HOST_EXT4 &&
	    (S_ISREG(mode) || side->host->xattr))
		return false;
	return !S_ISCHR(mode) && !S_ISBLK(mode) &&
	       (!side->host->xattr || !S_ISLNK(mode));
}

/* In Linux a directory that has no name any more has as many links as it had,
 * or as what it was merged of has. */
static uint32_t shown_nlink(const struct side *side,
			    const struct vfs_stat *stat)
{
	return side->overlay && S_ISDIR(stat->mode) && side->opened
		       ? 1
		       : stat->nlink;
}

/* A namespace's file. It is as old as somebody has it, and who else on this
 * machine has it is not known. */
static bool is_namespace(const struct vfs_stat *stat)
{
	return stat->mode == (S_IFREG | 0444) && !stat->size &&
	       !(stat->mask & STATX_BTIME);
}

void side_stat(struct side *side, const struct vfs_stat *stat)
{
	struct text *out = &side->out;
	bool device = S_ISCHR(stat->mode) || S_ISBLK(stat->mode);

	if (side_reduced || side->detail == DETAIL_PLAIN) {
		text_printf(out, " mode=%o uid=%u gid=%u", stat->mode,
			    stat->uid, stat->gid);
		/* a copy-up is as one file of several names becomes two */
		if (side_reduced && !S_ISDIR(stat->mode))
			text_printf(out, " nlink=%u", stat->nlink);
		if (!S_ISDIR(stat->mode))
			text_printf(out, " size=%lld", (long long)stat->size);
		if (device)
			text_printf(out, " rdev=%llx",
				    (unsigned long long)stat->rdev);
		return;
	}
	text_printf(out, " mode=%o nlink=%u uid=%u gid=%u size=%lld",
		    stat->mode, shown_nlink(side, stat), stat->uid, stat->gid,
		    (long long)stat->size);
	/* Linux copies up what lies between two holes, the library no hole. */
	if (!side->overlay || !S_ISREG(stat->mode))
		text_printf(out, " blocks=%lld",
			    (long long)(has_blocks(side, stat->mode)
						? stat->blocks
						: 0));
	if (stat->rdev || device)
		text_printf(out, " rdev=%llx", (unsigned long long)stat->rdev);
	if (stat->blksize != 4096)
		text_printf(out, " blksize=%u", stat->blksize);
	if (stat->attributes & SHOWN_ATTRIBUTES)
		text_printf(out, " attributes=%llx",
			    (unsigned long long)(stat->attributes &
						 SHOWN_ATTRIBUTES));
	text_printf(
		out, " ino=%u dev=%u",
		side_number(&side->inodes, stat->dev, identity_of(side, stat)),
		side_number(&side->devices, stat->dev, 0));
	/* what is no file: one inode in the whole system, touched by all */
	if (!(stat->mode & S_IFMT) || is_namespace(stat))
		return;
	text_add(out, " a/m/c/b=", 9);
	/* a rule is about these */
	if (side->overlay && !S_ISREG(stat->mode))
		text_add(out, SIDE_LOOSE, sizeof(SIDE_LOOSE) - 1);
	if (has_atime(side, stat->mode))
		side_time(side, &stat->atime);
	if (!side->host->kind || !S_ISFIFO(stat->mode)) {
		side_time(side, &stat->mtime);
		/* Linux marks directories that it looks at */
		if (side->detail != DETAIL_EXACT || !S_ISDIR(stat->mode))
			side_time(side, &stat->ctime);
	}
	if (stat->mask & STATX_BTIME)
		side_time(side, &stat->btime);
	else
		text_add(out, " -", 2);
}
