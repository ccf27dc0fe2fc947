/* SPDX-License-Identifier: MIT */
/* Bodies of the kit: listings. */
#include <stdio.h>

#include "backend/kit.h"

#define NAMES 120

static void make_names(struct kit *kit, const char *format, int count)
{
	char path[64];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), format, i);
		KIT(kit, vfs_mknod(kit->task, path, S_IFREG | 0644, 0), 0);
	}
}

/* In the listings of a failing run there is less to look at. */
static int names_of(const struct kit *kit)
{
	return kit->failing ? 12 : NAMES;
}

void kit_listing(struct kit *kit)
{
	int count = names_of(kit);

	KIT(kit, vfs_mkdir(kit->task, "/d", 0755), 0);
	KIT_TRUE(kit, kit_entries(kit, "/d", 256) == 0);
	make_names(kit, "/d/name-%d", count);
	KIT(kit, vfs_mkdir(kit->task, "/d/sub", 0755), 0);
	KIT_TRUE(kit, kit_entries(kit, "/d", 4096) == count + 1);
	KIT_TRUE(kit, kit_entries(kit, "/d", 64) == count + 1);
	KIT(kit, vfs_unlink(kit->task, "/d/name-3"), 0);
	KIT(kit, vfs_rename(kit->task, "/d/name-4", "/d/name-5"), 0);
	KIT(kit, vfs_rename(kit->task, "/d/name-6", "/d/another"), 0);
	KIT(kit, vfs_rename(kit->task, "/d/name-7", "/moved"), 0);
	KIT_TRUE(kit, kit_entries(kit, "/d", 64) == count - 2);
}

static void churn(struct kit *kit, int step, int count)
{
	char path[64], other[64];

	snprintf(path, sizeof(path), "/d/f%d", (2 * step + 1) % count);
	if (kit_exists(kit, path))
		KIT(kit, vfs_unlink(kit->task, path), 0);
	snprintf(path, sizeof(path), "/d/x%d", step);
	snprintf(other, sizeof(other), "/d/y%d", step);
	KIT(kit, vfs_mknod(kit->task, path, S_IFREG | 0644, 0), 0);
	KIT(kit, vfs_rename(kit->task, path, other), 0);
	if (step % 3 == 0)
		KIT(kit, vfs_unlink(kit->task, other), 0);
}

/* Even names stay, and come exactly once, whatever happens to the others. */
void kit_listing_churn(struct kit *kit)
{
	int seen[NAMES] = {0}, count = names_of(kit), fd, steps = 0;
	_Alignas(8) char buffer[512];
	int64_t n;

	KIT(kit, vfs_mkdir(kit->task, "/d", 0755), 0);
	make_names(kit, "/d/f%d", count);
	KIT_GET(kit, fd, vfs_open(kit->task, "/d", O_RDONLY, 0));
	do {
		struct vfs_dirent *d = (struct vfs_dirent *)buffer;
		int number;

		KIT_GET(kit, n, vfs_getdents(kit->task, fd, buffer, 32));
		if (n > 0 && sscanf(d->name, "f%d", &number) == 1 &&
		    number >= 0 && number < NAMES)
			seen[number]++;
		if (steps < 3 * count)
			churn(kit, steps, count);
		/* It ends, however many names are added behind. */
		KIT_TRUE(kit, ++steps < 20 * NAMES);
	} while (n > 0 && steps < 20 * NAMES);
	for (int i = 0; i < count; i += 2)
		kit__equal(kit, seen[i], 1, "times a name came", __FILE__,
			   __LINE__);
	KIT(kit, vfs_close(kit->task, fd), 0);
}

void kit_positions(struct kit *kit)
{
	const struct vfs_dirent *d = NULL;
	int64_t place[16];
	char names[16][32] = {""};
	struct vfs_dir *dir = NULL;
	int count = 0;

	make_names(kit, "/n%d", 10);
	KIT(kit, vfs_opendir(kit->task, "/", &dir), 0);
	if (!dir)
		return;
	for (;;) {
		int more;

		place[count] = vfs_telldir(dir);
		KIT_GET(kit, more, vfs_readdir(dir, &d));
		if (more != 1 || count == 15)
			break;
		snprintf(names[count++], 32, "%.31s", d->name);
	}
	KIT_TRUE(kit, count == 12);
	for (int i = count - 1; i >= 0; i--) {
		KIT(kit, vfs_seekdir(dir, place[i]), 0);
		KIT(kit, vfs_readdir(dir, &d), 1);
		KIT_TRUE(kit, d && !strcmp(d->name, names[i]));
	}
	KIT(kit, vfs_rewinddir(dir), 0);
	KIT(kit, vfs_readdir(dir, &d), 1);
	KIT(kit, vfs_unlink(kit->task, "/n1"), 0);
	KIT(kit, vfs_seekdir(dir, place[7]), 0);
	KIT(kit, vfs_readdir(dir, &d), 1);
	KIT_TRUE(kit, d && !strcmp(d->name, names[7]));
	KIT(kit, vfs_closedir(dir), 0);
}
