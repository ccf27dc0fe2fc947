/* SPDX-License-Identifier: MIT */
/*
 * Mount options, split and read as the kernel's tmpfs does, with one
 * difference: a number that does not fit is refused, where the kernel takes
 * what is left of it.
 *
 *	- options are separated by commas, but a comma before a digit belongs
 *	  to the value (mpol's lists of nodes have such); empty ones, and ones
 *	  with an empty key, are skipped; a later one overrides;
 *	- sizes: decimal, 0x or 0 (octal), one suffix of k m g t p e in either
 *	  case, and size may end in %, of the machine's memory. No digits at
 *	  all, with a suffix, is 0;
 *	- ids are decimal, 0x or 0; a mode is octal; both may have a plus sign.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tmpfs.h"

#define DEFAULT_MODE 01777

/* A piece of the option string. */
struct piece {
	const char *at;
	size_t len;
};

static bool piece_is(const struct piece *piece, const char *word)
{
	return piece->len == strlen(word) &&
	       !memcmp(piece->at, word, piece->len);
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Takes digits off the front. base 0: by their prefix. False: does not fit. */
static bool take_digits(struct piece *piece, uint64_t base, uint64_t *value,
			size_t *digits)
{
	uint64_t v = 0, digit;
	size_t i = 0;

	if (!base) {
		base = 10;
		if (piece->len && piece->at[0] == '0')
			base = 8;
		if (base == 8 && piece->len > 2 &&
		    (piece->at[1] == 'x' || piece->at[1] == 'X') &&
		    digit_of(piece->at[2]) < 16) {
			base = 16;
			piece->at += 2;
			piece->len -= 2;
		}
	}
	for (; i < piece->len; i++) {
		digit = (uint64_t)digit_of(piece->at[i]);
		if (digit >= base)
			break;
		if (v > (UINT64_MAX - digit) / base)
			return false;
		v = v * base + digit;
	}
	piece->at += i;
	piece->len -= i;
	*value = v;
	*digits = i;
	return true;
}

/* A number with a suffix; what follows stays in piece. */
static bool take_size(struct piece *piece, uint64_t *value)
{
	static const char suffixes[] = "kmgtpe";
	const char *suffix;
	uint32_t shift;
	size_t digits;
	uint64_t v;

	if (!take_digits(piece, 0, &v, &digits))
		return false;
	if (piece->len) {
		suffix = strchr(suffixes, piece->at[0] | 0x20);
		if (suffix && *suffix) {
			shift = 10 * (uint32_t)(suffix - suffixes + 1);
			if (v > UINT64_MAX >> shift)
				return false;
			v <<= shift;
			piece->at++;
			piece->len--;
		}
	}
	*value = v;
	return true;
}

static bool whole_size(struct piece value, uint64_t *out)
{
	return value.len && take_size(&value, out) && !value.len;
}

/* Whole value in base, at most max. */
static bool whole_number(struct piece value, uint64_t base, uint64_t max,
			 uint64_t *out)
{
	size_t digits;

	if (value.len && value.at[0] == '+') {
		value.at++;
		value.len--;
	}
	return take_digits(&value, base, out, &digits) && digits &&
	       !value.len && *out <= max;
}

static bool set_size(struct tmpfs_super *data, const struct piece *value)
{
	struct piece rest = *value;
	uint64_t v;

	if (!rest.len || !take_size(&rest, &v))
		return false;
	if (rest.len == 1 && rest.at[0] == '%') {
		if (data->memory_pages && v > INT64_MAX / data->memory_pages)
			return false;
		data->max_blocks = (v * data->memory_pages + 99) / 100;
		return true;
	}
	if (rest.len || v > UINT64_MAX - VFS_PAGE_SIZE)
		return false;
	data->max_blocks = (v + VFS_PAGE_SIZE - 1) / VFS_PAGE_SIZE;
	return true;
}

static bool set_limit(struct piece value, uint64_t max, uint64_t *limit)
{
	uint64_t v;

	if (!whole_size(value, &v) || v > max)
		return false;
	*limit = v;
	return true;
}

/* A number of the user namespace that the super belongs to. */
static bool set_id(const struct tmpfs_super *data, const struct piece *value,
		   uint32_t (*make)(const struct vfs_super *, uint32_t),
		   uint32_t *out)
{
	uint64_t v;
	uint32_t id;

	if (!whole_number(*value, 0, UINT32_MAX - 1, &v))
		return false;
	id = make(data->super, (uint32_t)v);
	if (id == UINT32_MAX)
		return false;
	*out = id;
	return true;
}

static bool set_mode(struct tmpfs_super *data, const struct piece *value)
{
	uint64_t v;

	if (!whole_number(*value, 8, UINT32_MAX, &v))
		return false;
	data->mode = (uint32_t)v & 07777;
	return true;
}

static bool known_word(const struct piece *piece, const char *const *words)
{
	for (; *words; words++) {
		if (piece_is(piece, *words))
			return true;
	}
	return false;
}

/* A memory policy is accepted and has no effect: mode[=flags][:nodes]. */
static bool known_policy(const struct piece *value)
{
	static const char *const alone[] = {
		"default",
		"local",
		"prefer",
		"interleave",
		"weighted interleave",
		NULL,
	};
	static const char *const with_nodes[] = {
		"prefer",	 "bind", "interleave", "weighted interleave",
		"prefer (many)", NULL,
	};
	const char *colon = memchr(value->at, ':', value->len);
	struct piece mode = *value, flags;
	const char *equals, *at;

	if (!colon)
		return known_word(value, alone);
	for (at = colon + 1; at < value->at + value->len; at++) {
		if (!strchr("0123456789,-", *at))
			return false;
	}
	mode.len = (size_t)(colon - value->at);
	equals = memchr(mode.at, '=', mode.len);
	if (equals) {
		flags.at = equals + 1;
		flags.len = mode.len - (size_t)(flags.at - mode.at);
		mode.len = (size_t)(equals - mode.at);
		if (!piece_is(&flags, "static") &&
		    !piece_is(&flags, "relative"))
			return false;
	}
	return colon + 1 < value->at + value->len &&
	       known_word(&mode, with_nodes);
}

/* key=value; false: the value is bad. *known: whether there is such a key. */
static bool set_value(struct tmpfs_super *data, const struct piece *key,
		      const struct piece *value, bool *known)
{
	static const char *const huge[] = {
		"never", "always", "within_size", "advise", NULL,
	};

	if (piece_is(key, "size"))
		return set_size(data, value);
	if (piece_is(key, "nr_blocks"))
		return set_limit(*value, INT64_MAX, &data->max_blocks);
	if (piece_is(key, "nr_inodes"))
		return set_limit(*value, UINT64_MAX / TMPFS_INODE_SPACE,
				 &data->max_inodes);
	if (piece_is(key, "mode"))
		return set_mode(data, value);
	if (piece_is(key, "uid"))
		return set_id(data, value, vfs_super_make_uid, &data->uid);
	if (piece_is(key, "gid"))
		return set_id(data, value, vfs_super_make_gid, &data->gid);
	if (piece_is(key, "huge"))
		return known_word(value, huge);
	if (piece_is(key, "mpol"))
		return known_policy(value);
	*known = false;
	return false;
}

/* The kernel takes these for any file system. */
static bool set_common(struct tmpfs_super *data, const struct piece *key)
{
	static const char *const without_effect[] = {
		"inode32", "inode64", "noswap",	  "sync",
		"async",   "dirsync", "lazytime", "nolazytime",
		"mand",	   "nomand",  NULL,
	};

	if (piece_is(key, "ro") || piece_is(key, "rw")) {
		data->rdonly = key->at[1] == 'o';
		return true;
	}
	return known_word(key, without_effect);
}

/* How much of it a line of the log has room for. */
static int shown(const struct piece *piece)
{
	return piece->len < 200 ? (int)piece->len : 200;
}

static int set_option(struct vfs *vfs, struct tmpfs_super *data,
		      const struct piece *option)
{
	const char *equals = memchr(option->at, '=', option->len);
	struct piece key = *option, value = {"", 0};
	bool known = true;

	if (!equals) {
		if (set_common(data, &key))
			return 0;
		set_value(data, &key, &value, &known);
	} else {
		key.len = (size_t)(equals - option->at);
		value.at = equals + 1;
		value.len = option->len - key.len - 1;
		if (!key.len || set_value(data, &key, &value, &known))
			return 0;
	}
	if (!known)
		vfs_log(vfs, VFS_LOG_ERROR, "tmpfs: unknown option '%.*s'",
			shown(option), option->at);
	else
		vfs_log(vfs, VFS_LOG_ERROR,
			"tmpfs: bad value '%.*s' for option '%.*s'",
			shown(&value), value.at, shown(&key), key.at);
	return -EINVAL;
}

int tmpfs_parse_options(struct vfs *vfs, const char *options,
			struct tmpfs_super *data)
{
	const char *at = options, *end;
	struct piece option;
	int error;

	while (at && *at) {
		end = strchr(at, ',');
		while (end && end[1] >= '0' && end[1] <= '9')
			end = strchr(end + 1, ',');
		option.at = at;
		option.len = end ? (size_t)(end - at) : strlen(at);
		if (option.len) {
			error = set_option(vfs, data, &option);
			if (error)
				return error;
		}
		at = end ? end + 1 : NULL;
	}
	return 0;
}

/* -- showing -- */

struct line {
	char *out;
	size_t size;
	size_t used;
};

static void line_add(struct line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void line_add(struct line *line, const char *format, ...)
{
	bool room = line->used < line->size;
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(room ? line->out + line->used : NULL,
		      room ? line->size - line->used : 0, format, list);
	va_end(list);
	if (n > 0)
		line->used += (size_t)n;
}

int tmpfs_show_options(struct vfs_super *super, char *out, size_t size)
{
	const struct tmpfs_super *data = tmpfs_super(super);
	struct line line = {out, size, 0};

	if (size)
		out[0] = '\0';
	if (data->max_blocks != data->memory_pages / 2)
		line_add(&line, ",size=%lluk",
			 (unsigned long long)data->max_blocks *
				 (VFS_PAGE_SIZE / 1024));
	if (data->max_inodes != data->memory_pages / 2)
		line_add(&line, ",nr_inodes=%llu",
			 (unsigned long long)data->max_inodes);
	if (data->mode != DEFAULT_MODE)
		line_add(&line, ",mode=%03o", data->mode);
	if (data->uid)
		line_add(&line, ",uid=%u", data->uid);
	if (data->gid)
		line_add(&line, ",gid=%u", data->gid);
	return (int)line.used;
}
