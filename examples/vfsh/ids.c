/* SPDX-License-Identifier: MIT */
/*
 * Names of users and groups, from the virtual tree's own /etc/passwd and
 * /etc/group. The two files are read once and kept in the shell until the next
 * line of input (sh_ids_forget).
 */
#include "vfsh.h"

static const char *const id_paths[] = {
	[SH_USERS] = "/etc/passwd",
	[SH_GROUPS] = "/etc/group",
};

/* Larger files are taken for broken ones. */
#define ID_FILE_MAX ((int64_t)1 << 20)

static char *read_file(struct shell *sh, const char *path)
{
	struct vfs_stat stat;
	char *text = NULL;
	int64_t length;
	int fd = vfs_open(sh->task, path, O_RDONLY | O_NONBLOCK, 0);

	if (fd < 0)
		return sh_strdup("");
	if (vfs_fstat(sh->task, fd, &stat) || !S_ISREG(stat.mode) ||
	    stat.size > ID_FILE_MAX) {
		text = sh_strdup("");
	} else {
		text = sh_alloc((size_t)stat.size + 1);
		length = vfs_read(sh->task, fd, text, (size_t)stat.size);
		text[length < 0 ? 0 : length] = '\0';
	}
	vfs_close(sh->task, fd);
	return text;
}

void sh_ids_forget(struct shell *sh)
{
	for (int i = 0; i < SH_ID_FILES; i++) {
		free(sh->id_files[i]);
		sh->id_files[i] = NULL;
	}
}

/* The line of the file, as name:password:id..., that holds this name or this
 * number; its name's length and its number are given back. */
static const char *find_line(struct shell *sh, enum sh_id_file file,
			     const char *name, uint32_t *id, size_t *length)
{
	const char *line;

	if (!sh->id_files[file])
		sh->id_files[file] = read_file(sh, id_paths[file]);
	for (line = sh->id_files[file]; *line; line += *line == '\n') {
		size_t size = strcspn(line, ":\n");
		const char *field = line + size;
		unsigned long number;
		char *end;

		if (*field == ':')
			field += 1 + strcspn(field + 1, ":\n");
		if (*field == ':') {
			number = strtoul(field + 1, &end, 10);
			if (end > field + 1 &&
			    (name ? strlen(name) == size &&
					     strncmp(name, line, size) == 0
				  : number == *id)) {
				*id = (uint32_t)number;
				*length = size;
				return line;
			}
		}
		line += strcspn(line, "\n");
	}
	return NULL;
}

static const char *name_of(struct shell *sh, enum sh_id_file file, uint32_t id,
			   char *buffer)
{
	size_t length = 0;
	const char *line = find_line(sh, file, NULL, &id, &length);

	if (line && length > 0 && length < SH_NAME_SIZE)
		snprintf(buffer, SH_NAME_SIZE, "%.*s", (int)length, line);
	else
		snprintf(buffer, SH_NAME_SIZE, "%u", id);
	return buffer;
}

static bool id_of(struct shell *sh, enum sh_id_file file, const char *text,
		  uint32_t *out)
{
	uint64_t number;
	size_t length;

	if (sh_parse_number(text, UINT32_MAX - 1, &number)) {
		*out = (uint32_t)number;
		return true;
	}
	return *text && find_line(sh, file, text, out, &length);
}

const char *sh_user_name(struct shell *sh, uint32_t id, char *buffer)
{
	return name_of(sh, SH_USERS, id, buffer);
}

const char *sh_group_name(struct shell *sh, uint32_t id, char *buffer)
{
	return name_of(sh, SH_GROUPS, id, buffer);
}

bool sh_user_id(struct shell *sh, const char *text, uint32_t *out)
{
	return id_of(sh, SH_USERS, text, out);
}

bool sh_group_id(struct shell *sh, const char *text, uint32_t *out)
{
	return id_of(sh, SH_GROUPS, text, out);
}
