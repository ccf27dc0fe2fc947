/* SPDX-License-Identifier: MIT */
/* Mount options. Contract: <vfs/devpts.h>. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "devpts.h"

/* Digits of a base, and nothing else, up to max. */
static bool number(const char *text, size_t len, unsigned base, uint32_t max,
		   uint32_t *out)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(text[i] - '0');

		if (text[i] < '0' || digit >= base)
			return false;
		value = value * base + digit;
		if (value > max)
			return false;
	}
	*out = (uint32_t)value;
	return len;
}

static bool mode(const char *text, size_t len, uint32_t *out)
{
	uint32_t value;

	if (!number(text, len, 8, UINT32_MAX, &value))
		return false;
	*out = value & 07777;
	return true;
}

static bool id(const char *text, size_t len, const struct vfs_userns *userns,
	       uint32_t (*make)(const struct vfs_userns *userns, uint32_t id),
	       uint32_t *out, bool *given)
{
	uint32_t value;

	if (!number(text, len, 10, INT32_MAX, &value))
		return false;
	value = make(userns, value);
	if (value == UINT32_MAX)
		return false;
	*out = value;
	*given = true;
	return true;
}

static bool is(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && !memcmp(text, word, len);
}

static bool set_one(struct devpts_options *o, const struct vfs_userns *userns,
		    const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len), *value;
	size_t key, rest;

	if (!equals)
		return is(text, len, "newinstance");
	key = (size_t)(equals - text);
	value = equals + 1;
	rest = len - key - 1;
	if (is(text, key, "uid"))
		return id(value, rest, userns, vfs_userns_make_uid, &o->uid,
			  &o->has_uid);
	if (is(text, key, "gid"))
		return id(value, rest, userns, vfs_userns_make_gid, &o->gid,
			  &o->has_gid);
	if (is(text, key, "mode"))
		return mode(value, rest, &o->mode);
	if (is(text, key, "ptmxmode"))
		return mode(value, rest, &o->ptmxmode);
	return is(text, key, "max") &&
	       number(value, rest, 10, DEVPTS_MAX, &o->max);
}

int devpts_parse_options(struct vfs *vfs, const char *text,
			 const struct vfs_userns *userns,
			 struct devpts_options *out)
{
	struct devpts_options options = {.mode = 0600, .max = DEVPTS_MAX};

	while (text && *text) {
		size_t len = strcspn(text, ",");

		if (len && !set_one(&options, userns, text, len)) {
			vfs_log(vfs, VFS_LOG_ERROR,
				"devpts: bad mount option '%.*s'",
				(int)(len < 400 ? len : 400), text);
			return -EINVAL;
		}
		text += len + (text[len] == ',');
	}
	*out = options;
	return 0;
}

int devpts_show_options(struct vfs_super *super, char *out, size_t size)
{
	struct devpts_super *s = devpts_super(super);
	struct devpts_options o;
	char uid[32] = "", gid[32] = "", max[32] = "";

	pthread_mutex_lock(&s->lock);
	o = s->options;
	pthread_mutex_unlock(&s->lock);
	if (o.has_uid)
		snprintf(uid, sizeof(uid), ",uid=%u", o.uid);
	if (o.has_gid)
		snprintf(gid, sizeof(gid), ",gid=%u", o.gid);
	if (o.max < DEVPTS_MAX)
		snprintf(max, sizeof(max), ",max=%u", o.max);
	return snprintf(out, size, "%s%s,mode=%03o,ptmxmode=%03o%s", uid, gid,
			o.mode, o.ptmxmode, max);
}
