/* SPDX-License-Identifier: MIT */
/* Rules for overlays: what may be otherwise than on Linux's. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rules.h"

static bool sets_flags(const struct call *call)
{
	return rule_is_call(call, "ioctl") &&
	       call->args[1].number == FS_IOC_SETFLAGS;
}

bool rule_changes_attributes(const struct call *call)
{
	static const char *const names[] = {
		"fchmod",     "fchown",	   "futimens",
		"fssetxattr", "fsetxattr", "fremovexattr",
		"fchmodat2",  "fchownat",  "utimensat"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (rule_is_call(call, names[i]))
			return true;
	return sets_flags(call);
}

/* An attribute of a file that only a lower layer has is changed when its last
 * name is gone. */
bool overlay_removed_lower(const struct call *call, const struct side *subject,
			   const struct side *oracle)
{
	struct vfs_stat here;

	if (!subject->overlay || !rule_changes_attributes(call))
		return false;
	switch (oracle->result) {
	case -EEXIST:
		/* what a file with a name would be refused is refused here:
		 * flags that the upper layer has not, replacing an attribute
		 * that the file has not, a name that is a prefix only */
		return subject->result >= 0 || subject->result == -EOPNOTSUPP ||
		       ((subject->result == -ENODATA ||
			 subject->result == -EINVAL) &&
			rule_is_call(call, "fsetxattr"));
	case -EIO:
	case -ENOENT: /* nor has its directory a name */
	case -ENOTDIR:
	case -ENOTEMPTY:
	case -EISDIR: /* what has the name is */
		return subject->result >= 0 &&
		       rule_stat_slot(subject, call->args[0].slot, &here) &&
		       !here.nlink;
	default:
		return false;
	}
}

/* The same of what is no regular file: it has its name again, whatever has it
 * now. */
bool overlay_removed_special(const struct call *call,
			     const struct side *subject,
			     const struct side *oracle)
{
	struct vfs_stat here, there;
	int slot = call->args[0].slot;

	return subject->overlay && rule_changes_attributes(call) &&
	       rule_stat_slot(subject, slot, &here) &&
	       rule_stat_slot(oracle, slot, &there) && !S_ISREG(here.mode) &&
	       !here.nlink && there.nlink;
}

/* Flags that the upper layer has not: Linux has copied the file up by then, or
 * taken away the flags that it keeps itself. */
bool overlay_refused_flags(const struct call *call, const struct side *subject,
			   const struct side *oracle)
{
	const uint64_t kept = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
	struct vfs_stat here, there;
	int slot = call->args[0].slot;

	return subject->overlay && oracle->result == -EOPNOTSUPP &&
	       (rule_is_call(call, "fssetxattr") || sets_flags(call)) &&
	       rule_stat_slot(subject, slot, &here) &&
	       rule_stat_slot(oracle, slot, &there) &&
	       (((here.attributes ^ there.attributes) & kept) ||
		subject->class->instant(subject, &here.ctime) !=
			oracle->class->instant(oracle, &there.ctime));
}

/* The file that a call's first argument leads to. */
static bool stat_first(const struct call *call, const struct side *side,
		       struct vfs_stat *out)
{
	const struct side_calls *calls = &side->class->calls;
	const char *path = call->args[0].string;

	if (call->args[0].slot >= 0 || !path)
		return rule_stat_slot(side, call->args[0].slot, out);
	return (call->def->name[0] == 'l' ? calls->lstat : calls->stat)(
		       side->tasks[side->current], path, out) == 0;
}

static bool has_capability(const struct side *side, int slot)
{
	return side->class->calls.fgetxattr(side->tasks[side->current],
					    side->slots[slot],
					    "security.capability", NULL, 0) > 0;
}

/* The descriptor that a call writes to, or makes room for. */
static int written_slot(const struct call *call)
{
	if (rule_is_call(call, "copy_file_range"))
		return call->args[2].slot;
	return rule_is_call(call, "fallocate") ||
			       rule_is_call(call, "sendfile") ||
			       strstr(call->def->name, "write")
		       ? call->args[0].slot
		       : -1;
}

/* A file lost what a write takes from it. */
static bool lost_privilege(const struct side *subject,
			   const struct side *oracle, int slot)
{
	struct vfs_stat here, there;

	return rule_stat_slot(subject, slot, &here) &&
	       rule_stat_slot(oracle, slot, &there) &&
	       ((here.mode & ~there.mode & (S_ISUID | S_ISGID)) ||
		(has_capability(subject, slot) &&
		 !has_capability(oracle, slot)));
}

/* What the upper layer refuses: by then Linux has copied the file up, or taken
 * its set-id bits and capabilities away. */
bool overlay_late_refusal(const struct call *call, const struct side *subject,
			  const struct side *oracle)
{
	const char *name = call->def->name;
	struct vfs_stat here, there;

	if (!subject->overlay || oracle->result >= 0)
		return false;
	if (!strstr(name, "setxattr") && !strstr(name, "removexattr"))
		return lost_privilege(subject, oracle, written_slot(call));
	return stat_first(call, subject, &here) &&
	       stat_first(call, oracle, &there) &&
	       subject->class->instant(subject, &here.ctime) <
		       oracle->class->instant(oracle, &there.ctime);
}

/* A mapping of Linux's overlay has the layer's file, so that a lock of the
 * overlay's own goes with the last descriptor. */
bool overlay_kept_by_mapping(const struct call *call,
			     const struct side *subject,
			     const struct side *oracle)
{
	if (!subject->overlay || !subject->ever_mapped || oracle->result < 0)
		return false;
	return (rule_is_call(call, "flock") ||
		rule_is_call(call, "fcntl_lock")) &&
	       (subject->result == -EAGAIN || subject->result >= 0);
}

/* A descriptor from before the file was copied up maps the lower one there. */
bool overlay_mapped_lower(const struct call *call, const struct side *subject,
			  const struct side *oracle)
{
	int64_t number = call->args[0].number;

	(void)oracle;
	return subject->overlay &&
	       (rule_is_call(call, "peek") || rule_is_call(call, "poke")) &&
	       number >= 0 && number < MAX_MAPPINGS &&
	       subject->mappings[number].by_reader;
}

/* Linux's overlay asks for the bits of execution only; without that for the
 * group the bit says nothing. */
bool overlay_kept_setgid(const struct call *call, const struct side *subject,
			 const struct side *oracle)
{
	struct vfs_stat here, there;

	return subject->overlay && strstr(call->def->name, "chown") &&
	       oracle->result >= 0 && stat_first(call, subject, &here) &&
	       stat_first(call, oracle, &there) && !(there.mode & S_IXGRP) &&
	       (there.mode & ~here.mode) == S_ISGID;
}

/* Past a time that begins at text: its instant, or -1 where it was set. */
static long instant_at(const char **text)
{
	long number = **text == '#' ? strtol(*text + 1, NULL, 10) : -1;

	*text += strcspn(*text, " \n");
	return number;
}

/* Past the times of access that differ, before those of modification and of
 * change: whether the kernel's is an old one, or ours is right. */
static bool is_old(const char **subject, const char **oracle)
{
	long here = instant_at(subject), there = instant_at(oracle);
	const char *at = *subject + (**subject == ' ');

	(void)instant_at(&at);
	at += *at == ' ';
	return here > there || here > instant_at(&at);
}

/* A link, or a mark on a directory, leaves a time of change on the layer that
 * Linux's overlay does not know of when what is no regular file is read: its
 * time of access is from before, and later of another reading than here. */
bool rules_same_states(const struct side *side, const char *subject,
		       const char *oracle)
{
	const size_t len = sizeof(SIDE_LOOSE) - 1;

	while (*subject && *subject == *oracle) {
		if (strncmp(subject, SIDE_LOOSE " ", len + 1) ||
		    strncmp(oracle, SIDE_LOOSE " ", len + 1)) {
			subject++;
			oracle++;
			continue;
		}
		subject += len + 1;
		oracle += len + 1;
		if (strncmp(subject, oracle, strcspn(subject, " \n") + 1) &&
		    !is_old(&subject, &oracle) && !side->was_old)
			return false;
	}
	return !*subject && !*oracle;
}

bool overlay_old_relatime(const struct call *call, const struct side *subject,
			  const struct side *oracle)
{
	(void)call;
	return subject->overlay &&
	       rules_same_states(subject, subject->out.data, oracle->out.data);
}

/* The same of what is read by sendfile. */
bool overlay_old_relatime_sent(const struct call *call,
			       const struct side *subject,
			       const struct side *oracle)
{
	int slot = call->args[1].slot;
	struct vfs_stat here, there;

	return subject->overlay && rule_is_call(call, "sendfile") &&
	       rule_stat_slot(subject, slot, &here) &&
	       rule_stat_slot(oracle, slot, &there) &&
	       subject->class->instant(subject, &here.atime) >
		       oracle->class->instant(oracle, &there.atime);
}

/* A directory without a name, by a descriptor or as the working directory. */
bool overlay_links_of_removed(const struct call *call,
			      const struct side *subject,
			      const struct side *oracle)
{
	const char *here = strstr(subject->out.data, " nlink=0 ");
	const char *there = strstr(oracle->out.data, " nlink=");

	(void)call;
	return subject->overlay && here && there &&
	       strstr(subject->out.data, " mode=4") &&
	       here - subject->out.data == there - oracle->out.data &&
	       !memcmp(subject->out.data, oracle->out.data,
		       (size_t)(here - subject->out.data)) &&
	       !strcmp(here + 8, there + 7 + strspn(there + 7, "0123456789"));
}

static bool is_end(const char *event, size_t len)
{
	return memmem(event, len, ": DELETE_SELF]", 14) ||
	       memmem(event, len, ": IGNORED]", 10);
}

/* The next event that is, or is not, an inode's end; its length. */
static size_t next_event(const char **at, bool end)
{
	for (;;) {
		const char *event = strchr(*at, '[');
		size_t len = event ? strcspn(event, "]") + 1 : 0;

		if (!event)
			return 0;
		*at = event;
		if (is_end(event, len) == end)
			return len;
		*at += len;
	}
}

static bool same_events(const char *a, const char *b, bool end)
{
	size_t la, lb;

	for (;; a += la, b += lb) {
		la = next_event(&a, end);
		lb = next_event(&b, end);
		if (la != lb || memcmp(a, b, la))
			return false;
		if (!la)
			return true;
	}
}

/* Several descriptors were closed in one call: Linux's overlay lets go of the
 * name after the last of them. */
bool overlay_later_end(const struct call *call, const struct side *subject,
		       const struct side *oracle)
{
	const char *here = subject->out.data, *there = oracle->out.data;

	return subject->overlay && rule_is_call(call, "events") &&
	       strstr(there, ": IGNORED]") && same_events(here, there, true) &&
	       same_events(here, there, false);
}

/* What copies up is the caller, with its limit; here, who mounted. */
bool overlay_limited_copy_up(const struct call *call,
			     const struct side *subject,
			     const struct side *oracle)
{
	(void)call;
	return subject->overlay && oracle->result == -EFBIG &&
	       subject->result != -EFBIG;
}

/* The size of a list with what is not shown in it. */
bool overlay_size_of_list(const struct call *call, const struct side *subject,
			  const struct side *oracle)
{
	return subject->overlay && strstr(call->def->name, "listxattr") &&
	       subject->result >= 0 &&
	       (oracle->result > subject->result || oracle->result == -ERANGE);
}

/* What FIOQSIZE says, Linux's overlay knows of no directory. */
bool overlay_size_of_directory(const struct call *call,
			       const struct side *subject,
			       const struct side *oracle)
{
	return subject->overlay && rule_is_call(call, "ioctl") &&
	       call->args[1].number == FIOQSIZE && subject->result >= 0 &&
	       oracle->result >= 0;
}

/* From a lower layer on another file system than the upper one. */
bool overlay_copy_between_layers(const struct call *call,
				 const struct side *subject,
				 const struct side *oracle)
{
	return subject->overlay && rule_is_call(call, "copy_file_range") &&
	       subject->result >= 0 && oracle->result == -EXDEV;
}

/* Where data is: Linux has copied holes up. */
bool overlay_copied_holes(const struct call *call, const struct side *subject,
			  const struct side *oracle)
{
	return subject->overlay && rule_is_call(call, "lseek") &&
	       (call->args[2].number == SEEK_DATA ||
		call->args[2].number == SEEK_HOLE) &&
	       (oracle->result >= 0 || subject->result >= 0);
}

const char rule_of_states[] = "overlay-relatime";
