/* SPDX-License-Identifier: MIT */
/* Mount options. Contract: <vfs/hostfs.h>. */
#include <errno.h>
#include <string.h>

#include "hostfs.h"

#define MAXFDS_LEAST 8u

/* A piece of the text. */
struct piece {
	const char *at;
	size_t len;
};

static bool is(struct piece piece, const char *word)
{
	return piece.len == strlen(word) && !memcmp(piece.at, word, piece.len);
}

static bool number(struct piece piece, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	for (size_t i = 0; i < piece.len; i++) {
		if (piece.at[i] < '0' || piece.at[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(piece.at[i] - '0');
		if (value > max)
			return false;
	}
	*out = value;
	return piece.len;
}

/* A word without a value. */
static bool set_flag(struct hostfs_options *o, struct piece key)
{
	static const struct {
		const char *name;
		size_t member;
		bool value;
	} flags[] = {
		{"ro", offsetof(struct hostfs_options, rdonly), true},
		{"rw", offsetof(struct hostfs_options, rdonly), false},
		{"xdev", offsetof(struct hostfs_options, xdev), true},
		{"devices", offsetof(struct hostfs_options, devices), true},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (!is(key, flags[i].name))
			continue;
		*(bool *)((char *)o + flags[i].member) = flags[i].value;
		return true;
	}
	return false;
}

static bool set_owner(struct hostfs_options *o, struct piece value)
{
	o->owner_given = true;
	if (is(value, "host"))
		o->owner = HOSTFS_OWNER_HOST;
	else if (is(value, "xattr"))
		o->owner = HOSTFS_OWNER_XATTR;
	else if (is(value, "squash"))
		o->owner = HOSTFS_OWNER_SQUASH;
	else
		return false;
	return true;
}

static bool set_number(struct hostfs_options *o, struct piece key,
		       struct piece value)
{
	uint64_t n;

	if (is(key, "uid") || is(key, "gid")) {
		if (is(value, "host"))
			n = HOSTFS_ID_HOST;
		else if (!number(value, UINT32_MAX - 1, &n))
			return false;
		*(is(key, "uid") ? &o->uid : &o->gid) = (uint32_t)n;
		*(is(key, "uid") ? &o->has_uid : &o->has_gid) = true;
		return true;
	}
	if (is(key, "rootfd")) {
		if (!number(value, INT32_MAX, &n))
			return false;
		o->rootfd = (int)n;
		return true;
	}
	if (!is(key, "maxfds") || !number(value, UINT32_MAX, &n) ||
	    n < MAXFDS_LEAST)
		return false;
	o->maxfds = (uint32_t)n;
	return true;
}

static bool set_one(struct hostfs_options *o, struct piece option)
{
	const char *equals = memchr(option.at, '=', option.len);
	struct piece key = option, value;

	if (!equals)
		return set_flag(o, option);
	key.len = (size_t)(equals - option.at);
	value.at = equals + 1;
	value.len = option.len - key.len - 1;
	if (is(key, "owner"))
		return set_owner(o, value);
	if (!is(key, "cache"))
		return set_number(o, key, value);
	o->exclusive = is(value, "exclusive");
	return o->exclusive || is(value, "revalidate");
}

int hostfs_parse_options(struct vfs *vfs, const char *text,
			 struct hostfs_options *out)
{
	while (text && *text) {
		struct piece option = {text, strcspn(text, ",")};

		if (option.len && !set_one(out, option)) {
			vfs_log(vfs, VFS_LOG_ERROR,
				"hostfs: bad mount option '%.*s'",
				(int)option.len, option.at);
			return -EINVAL;
		}
		text += option.len;
		text += *text == ',';
	}
	if ((out->has_uid || out->has_gid) &&
	    out->owner != HOSTFS_OWNER_SQUASH) {
		vfs_log(vfs, VFS_LOG_ERROR,
			"hostfs: uid= and gid= go with owner=squash");
		return -EINVAL;
	}
	return 0;
}
