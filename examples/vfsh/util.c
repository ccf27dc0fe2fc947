/* SPDX-License-Identifier: MIT */
/* Memory, messages, numbers and the small conversions that commands share. */
#include <stdarg.h>
#include <time.h>

#include "vfsh.h"

void *sh_realloc(void *pointer, size_t size)
{
	void *grown = realloc(pointer, size ? size : 1);

	if (!grown) {
		fputs("vfsh: out of memory\n", stderr);
		exit(1);
	}
	return grown;
}

void *sh_alloc(size_t size)
{
	return memset(sh_realloc(NULL, size), 0, size);
}

char *sh_strdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(sh_realloc(NULL, size), text, size);
}

char *sh_join(const char *dir, const char *name)
{
	size_t length = strlen(dir);
	bool slash = length > 0 && dir[length - 1] != '/';
	char *path = sh_alloc(length + strlen(name) + 2);

	sprintf(path, "%s%s%s", dir, slash ? "/" : "", name);
	return path;
}

/* The last component, slashes behind it included. */
const char *sh_basename(const char *path)
{
	const char *end = path + strlen(path);

	while (end > path && end[-1] == '/')
		end--;
	while (end > path && end[-1] != '/')
		end--;
	return *end ? end : path;
}

int sh_fail(struct shell *sh, const char *what, int error)
{
	fflush(sh->out);
	fprintf(stderr, "%s: %s: %s\n", sh->command, what, vfs_strerror(error));
	return 1;
}

int sh_complain(struct shell *sh, const char *format, ...)
{
	va_list arguments;

	fflush(sh->out);
	fprintf(stderr, "%s: ", sh->command);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return 1;
}

int sh_usage(struct shell *sh)
{
	const struct command *command = sh_command_find(sh->command);

	fflush(sh->out);
	fprintf(stderr, "usage: %s %s\n", command->name, command->usage);
	return 2;
}

void sh_options_start(void)
{
	optind = 0; /* with glibc and musl: begin anew */
}

bool sh_parse_number(const char *text, uint64_t max, uint64_t *out)
{
	unsigned long long value;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value > max)
		return false;
	*out = value;
	return true;
}

bool sh_parse_size(const char *text, int64_t *out)
{
	static const char units[] = "kmgt";
	long long value;
	int shift = 0;
	char *end;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text)
		return false;
	if (*end) {
		const char *unit = strchr(units, *end | 0x20);

		if (!unit || end[1])
			return false;
		shift = 10 * (int)(unit - units + 1);
	}
	if (value > (INT64_MAX >> shift) || value < (INT64_MIN >> shift))
		return false;
	*out = value * ((int64_t)1 << shift);
	return true;
}

/* A number that ends at one of the characters in stop, or at the end. */
static bool parse_id(const char **at, uint32_t *out)
{
	unsigned long long value;
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	value = strtoull(*at, &end, 10);
	if (errno || value >= UINT32_MAX)
		return false;
	*at = end;
	*out = (uint32_t)value;
	return true;
}

bool sh_parse_ids(const char *text, struct vfs_cred_spec *spec)
{
	struct vfs_cred_spec made = {.size = sizeof(made)};
	uint32_t *groups = NULL;
	const char *at = text;

	if (!parse_id(&at, &made.uid) || *at++ != ':' ||
	    !parse_id(&at, &made.gid))
		return false;
	if (*at != '\0' && *at != ':')
		return false;
	while (*at) {
		size_t size = (made.group_count + 1) * sizeof(*groups);

		at++;
		groups = sh_realloc(groups, size);
		if (!parse_id(&at, &groups[made.group_count++]) ||
		    (*at != '\0' && *at != ',')) {
			free(groups);
			return false;
		}
	}
	made.fsuid = made.uid;
	made.fsgid = made.gid;
	made.groups = groups;
	made.cap_effective = made.uid == 0 ? VFS_CAP_ALL : 0;
	made.cap_permitted = made.cap_effective;
	free((void *)spec->groups);
	*spec = made;
	return true;
}

int sh_become(struct shell *sh, const struct vfs_cred_spec *spec)
{
	struct vfs_cred *cred;
	int error = vfs_cred_create(sh->vfs, spec, &cred);

	if (error)
		return error;
	error = vfs_task_set_cred(sh->task, cred);
	vfs_cred_unref(cred);
	return error;
}

uint32_t sh_umask(struct shell *sh)
{
	int mask = vfs_umask(sh->task, 0);

	vfs_umask(sh->task, (uint32_t)mask);
	return (uint32_t)mask;
}

void sh_mode_text(uint32_t mode, char *text)
{
	static const char types[] = "?pc?d?b?-?l?s???";

	text[0] = types[(mode & S_IFMT) >> 12];
	for (int i = 0; i < 9; i++)
		text[1 + i] = mode & (0400u >> i) ? "rwx"[i % 3] : '-';
	if (mode & S_ISUID)
		text[3] = mode & 0100 ? 's' : 'S';
	if (mode & S_ISGID)
		text[6] = mode & 0010 ? 's' : 'S';
	if (mode & S_ISVTX)
		text[9] = mode & 0001 ? 't' : 'T';
	text[10] = '\0';
}

/* As ls -h does: rounded up, one digit behind the point below ten. */
void sh_human(uint64_t bytes, char *out, size_t size)
{
	uint64_t unit = 1;
	uint64_t tenths;
	int i = 0;

	while (bytes / unit >= 1024 && i < 6) {
		unit *= 1024;
		i++;
	}
	if (i == 0) {
		snprintf(out, size, "%llu", (unsigned long long)bytes);
		return;
	}
	tenths = bytes / unit * 10 + (bytes % unit * 10 + unit - 1) / unit;
	if (tenths <= 99)
		snprintf(out, size, "%u.%u%c", (unsigned)(tenths / 10),
			 (unsigned)(tenths % 10), " KMGTPE"[i]);
	else
		snprintf(out, size, "%u%c", (unsigned)((tenths + 9) / 10),
			 " KMGTPE"[i]);
}

char *sh_readlink(struct shell *sh, const char *path)
{
	char target[SH_PATH_SIZE];
	int64_t length = vfs_readlink(sh->task, path, target, sizeof(target));

	if (length < 0 || (size_t)length >= sizeof(target))
		return NULL;
	target[length] = '\0';
	return sh_strdup(target);
}

double sh_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int sh_write_all(struct shell *sh, int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		int64_t count = vfs_write(sh->task, fd, at, size);

		if (count < 0)
			return (int)count;
		at += count;
		size -= (size_t)count;
	}
	return 0;
}

struct link_entry {
	uint64_t dev;
	uint64_t ino;
	char *text; /* NULL: an empty slot */
};

/* The entry's slot, or the empty one where it belongs. room is not 0. */
static size_t links_slot(const struct link_map *map, uint64_t dev, uint64_t ino)
{
	size_t slot = (ino * 0x9e3779b97f4a7c15u ^ dev) % map->room;

	while (map->entries[slot].text &&
	       (map->entries[slot].dev != dev || map->entries[slot].ino != ino))
		slot = (slot + 1) % map->room;
	return slot;
}

const char *sh_links_find(const struct link_map *map, uint64_t dev,
			  uint64_t ino)
{
	if (map->room == 0)
		return NULL;
	return map->entries[links_slot(map, dev, ino)].text;
}

static void links_grow(struct link_map *map)
{
	struct link_map grown = {.room = map->room ? 2 * map->room : 64};

	grown.entries = sh_alloc(grown.room * sizeof(*grown.entries));
	grown.count = map->count;
	for (size_t i = 0; i < map->room; i++) {
		const struct link_entry *entry = &map->entries[i];

		if (entry->text)
			grown.entries[links_slot(&grown, entry->dev,
						 entry->ino)] = *entry;
	}
	free(map->entries);
	*map = grown;
}

void sh_links_add(struct link_map *map, uint64_t dev, uint64_t ino,
		  const char *text)
{
	struct link_entry *entry;

	if (2 * map->count >= map->room)
		links_grow(map);
	entry = &map->entries[links_slot(map, dev, ino)];
	if (entry->text)
		return;
	*entry = (struct link_entry){dev, ino, sh_strdup(text)};
	map->count++;
}

void sh_links_free(struct link_map *map)
{
	for (size_t i = 0; i < map->room; i++)
		free(map->entries[i].text);
	free(map->entries);
	*map = (struct link_map){0};
}
