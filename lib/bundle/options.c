/* SPDX-License-Identifier: MIT */
/*
 * The options of a mount: those of mount(8) and of OCI runtimes become flags,
 * what is left over is the file system's. Later ones override earlier ones.
 * Contract: bundle.h.
 */
#include <errno.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>

#include <vfs/mount.h>

#include "bundle.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

#define PROPAGATION_FLAGS \
	(UINT64_C(0) | MS_PRIVATE | MS_SHARED | MS_SLAVE | MS_UNBINDABLE)

/* What the words are for that are not flags of the mount itself. */
#define DONE_OTHERWISE \
	(UINT64_C(0) | MS_REMOUNT | MS_BIND | MS_MOVE | PROPAGATION_FLAGS)

/* Attributes of the whole tree, by mount_setattr. */
static const struct {
	const char *name;
	uint64_t attribute;
	bool clear;
	bool atime;
} attributes[] = {
	{"rro", MOUNT_ATTR_RDONLY, false, false},
	{"rrw", MOUNT_ATTR_RDONLY, true, false},
	{"rnosuid", MOUNT_ATTR_NOSUID, false, false},
	{"rsuid", MOUNT_ATTR_NOSUID, true, false},
	{"rnodev", MOUNT_ATTR_NODEV, false, false},
	{"rdev", MOUNT_ATTR_NODEV, true, false},
	{"rnoexec", MOUNT_ATTR_NOEXEC, false, false},
	{"rexec", MOUNT_ATTR_NOEXEC, true, false},
	{"rnodiratime", MOUNT_ATTR_NODIRATIME, false, false},
	{"rdiratime", MOUNT_ATTR_NODIRATIME, true, false},
	{"rnosymfollow", MOUNT_ATTR_NOSYMFOLLOW, false, false},
	{"rsymfollow", MOUNT_ATTR_NOSYMFOLLOW, true, false},
	{"rrelatime", MOUNT_ATTR_RELATIME, false, true},
	{"rnorelatime", 0, true, false},
	{"rnoatime", MOUNT_ATTR_NOATIME, false, true},
	{"ratime", MOUNT_ATTR_RELATIME, false, true},
	{"rstrictatime", MOUNT_ATTR_STRICTATIME, false, true},
	{"rnostrictatime", MOUNT_ATTR_RELATIME, false, true},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

uint64_t bundle_propagation(const char *name)
{
	uint64_t flags = 0;

	vfs_mount_option(name, strlen(name), &flags);
	return flags & PROPAGATION_FLAGS ? flags : 0;
}

static bool set_flag(struct bundle_options *o, const char *name)
{
	uint64_t flags = o->flags;

	if (vfs_mount_option(name, strlen(name), &flags) != 1 ||
	    (flags & DONE_OTHERWISE))
		return false;
	o->flags = flags;
	return true;
}

static bool set_attribute(struct bundle_options *o, const char *name)
{
	for (size_t i = 0; i < COUNT(attributes); i++) {
		uint64_t bit = attributes[i].attribute;
		uint64_t all =
			attributes[i].atime ? (uint64_t)MOUNT_ATTR__ATIME : bit;

		if (strcmp(name, attributes[i].name))
			continue;
		o->set &= ~all;
		o->clear &= ~all;
		if (attributes[i].clear || attributes[i].atime)
			o->clear |= all;
		if (!attributes[i].clear)
			o->set |= bit;
		return true;
	}
	return false;
}

static bool set_word(struct bundle_options *o, const char *name)
{
	if (!strcmp(name, "bind"))
		o->bind = true;
	else if (!strcmp(name, "rbind"))
		o->bind = o->rbind = true;
	else if (!strcmp(name, "remount"))
		o->remount = true;
	else if (!strcmp(name, "idmap") || !strcmp(name, "ridmap"))
		o->idmap = true;
	else if (!strcmp(name, "tmpcopyup"))
		o->copy_up = true;
	else
		return false;
	return true;
}

static int set_one(struct bundle_report *r, struct bundle_options *o,
		   const char *name, bool *is_data)
{
	uint64_t propagation = bundle_propagation(name);

	*is_data = false;
	if (propagation) {
		if (o->propagations == BUNDLE_PROPAGATIONS)
			return bundle_refuse(
				r, "more than %u kinds of propagation",
				BUNDLE_PROPAGATIONS);
		o->propagation[o->propagations++] = propagation;
		return 0;
	}
	*is_data = !set_flag(o, name) && !set_attribute(o, name) &&
		   !set_word(o, name);
	return 0;
}

int bundle_options_parse(struct bundle_arena *arena, struct bundle_report *r,
			 const char *const *options, uint64_t count,
			 struct bundle_options *out)
{
	size_t len = 0, room = 1;
	bool is_data;
	int err;

	memset(out, 0, sizeof(*out));
	for (uint64_t i = 0; i < count; i++)
		room += strlen(options[i]) + 1;
	out->data = bundle_alloc(arena, room);
	if (!out->data)
		return bundle_no_memory(r);
	for (uint64_t i = 0; i < count; i++) {
		size_t size = strlen(options[i]);

		err = set_one(r, out, options[i], &is_data);
		if (err)
			return err;
		if (!is_data || !size)
			continue;
		if (len)
			out->data[len++] = ',';
		memcpy(out->data + len, options[i], size);
		len += size;
	}
	return 0;
}

bool bundle_takes_root(const char *text)
{
	while (text && *text) {
		if (!strncmp(text, "rootfd", 6))
			return true;
		text += strcspn(text, ",");
		text += *text == ',';
	}
	return false;
}
