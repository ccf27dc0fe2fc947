/* SPDX-License-Identifier: MIT */
/* What may differ, each with its reason; docs/deviations.md lists the same.
 * Everything else is a defect. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "run.h"

/* Is a protection of links on that the library does not have, or the other
 * way round? The library is as with protected_hardlinks=1 and the other
 * three 0. */
static bool protection_differs(void)
{
	static const struct {
		const char *path;
		int expected;
	} files[] = {
		{"/proc/sys/fs/protected_hardlinks", 1},
		{"/proc/sys/fs/protected_symlinks", 0},
		{"/proc/sys/fs/protected_regular", 0},
		{"/proc/sys/fs/protected_fifos", 0},
	};
	static int known = -1;

	for (size_t i = 0; known < 0 && i < 4; i++) {
		FILE *file = fopen(files[i].path, "r");
		int value = files[i].expected;

		if (!file)
			continue;
		if (fscanf(file, "%d", &value) == 1 &&
		    value != files[i].expected)
			known = 1;
		fclose(file);
	}
	if (known < 0)
		known = 0;
	return known;
}

static bool protected_links(const struct call *call, const struct side *subject,
			    const struct side *oracle)
{
	(void)call;
	return protection_differs() &&
	       (subject->result == -EPERM || subject->result == -EACCES ||
		oracle->result == -EPERM || oracle->result == -EACCES);
}

static bool is_call(const struct call *call, const char *name)
{
	return !strcmp(call->def->name, name);
}

/* The page before 2^63: the kernel's arithmetic runs over. */
static bool last_page(const struct call *call, const struct side *subject,
		      const struct side *oracle)
{
	const int64_t last = INT64_MAX - 4096;

	return is_call(call, "lseek") &&
	       (call->args[2].number == SEEK_DATA ||
		call->args[2].number == SEEK_HOLE) &&
	       (subject->result > last || oracle->result > last ||
		oracle->result == INT64_MIN);
}

/* An absolute link, where Linux has not looked at the root yet. */
static bool jump_without_crossing(const struct call *call,
				  const struct side *subject,
				  const struct side *oracle)
{
	(void)subject;
	return is_call(call, "openat2") &&
	       (call->args[4].number & RESOLVE_NO_XDEV) &&
	       oracle->result == -EXDEV;
}

/* Since Linux 6.13 these mean the working directory. */
static bool xattr_of_cwd(const struct call *call, const struct side *subject,
			 const struct side *oracle)
{
	const char *name = call->def->name;

	(void)oracle;
	return name[0] == 'f' && strstr(name, "xattr") &&
	       call->args[0].slot < 0 && call->args[0].number == AT_FDCWD &&
	       subject->result == -EBADF;
}

/* Modes that tmpfs does not have are refused for their size first. */
static bool fallocate_mode(const struct call *call, const struct side *subject,
			   const struct side *oracle)
{
	return is_call(call, "fallocate") && subject->result == -EFBIG &&
	       oracle->result == -EOPNOTSUPP;
}

/* A page that a mapping was given cannot be refused. */
static bool mapping_when_full(const struct call *call,
			      const struct side *subject,
			      const struct side *oracle)
{
	struct vfs_statfs statfs;

	return (is_call(call, "poke") || is_call(call, "peek")) &&
	       oracle->result == -EIO &&
	       (subject->result >= 0 || subject->result == -EIO) &&
	       oracle->class->calls.statfs(oracle->observer, ".", &statfs) ==
		       0 &&
	       !statfs.bfree;
}

/* Does the file of a call's first argument stand in the page before 2^63? */
static bool in_last_page(const struct call *call, const struct side *side)
{
	int slot = call->args[0].slot;

	return slot >= 0 &&
	       side->class->calls.lseek(side->tasks[side->current],
					side->slots[slot], 0,
					SEEK_CUR) > INT64_MAX - 4096;
}

/* Of a file that is or was mapped the host does not tell promised pages from
 * holes, nor whether it has the last page before 2^63: taking room for what
 * has some already may fail. */
static bool promised_pages(const struct call *call, const struct side *subject,
			   const struct side *oracle)
{
	if (!subject->ever_mapped || subject->result != -ENOSPC ||
	    oracle->result < 0)
		return false;
	return is_call(call, "fallocate") ||
	       (is_call(call, "write") && in_last_page(call, oracle));
}

/* Other processes of the user have used up what it may have. */
static bool queues_used_up(const struct call *call, const struct side *subject,
			   const struct side *oracle)
{
	return is_call(call, "inotify_init") && oracle->result == -EMFILE &&
	       subject->result >= 0;
}

/* Handles of what is on a hostfs. */
static bool no_handles(const struct call *call, const struct side *subject,
		       const struct side *oracle)
{
	return subject->host->kind && strstr(call->def->name, "_handle_at") &&
	       subject->result < 0 && oracle->result <= 0;
}

/* A file of tmpfs's says that it is sealed against seals. */
static bool no_seals(const struct call *call, const struct side *subject,
		     const struct side *oracle)
{
	(void)oracle;
	return subject->host->kind && is_call(call, "fcntl") &&
	       (call->args[1].number == F_ADD_SEALS ||
		call->args[1].number == F_GET_SEALS) &&
	       subject->result == -EINVAL;
}

static bool stat_slot(const struct side *side, int slot, struct vfs_stat *out)
{
	return slot >= 0 &&
	       side->class->calls.fstat(side->tasks[side->current],
					side->slots[slot], out) == 0;
}

static bool is_directory(const struct side *side, int slot)
{
	struct vfs_stat stat;

	return stat_slot(side, slot, &stat) && S_ISDIR(stat.mode);
}

static bool sets_flags(const struct call *call)
{
	return is_call(call, "ioctl") &&
	       call->args[1].number == FS_IOC_SETFLAGS;
}

/* By a descriptor. */
static bool changes_attributes(const struct call *call)
{
	static const char *const names[] = {
		"fchmod",     "fchown",	   "futimens",
		"fssetxattr", "fsetxattr", "fremovexattr",
		"fchmodat2",  "fchownat",  "utimensat"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_call(call, names[i]))
			return true;
	return sets_flags(call);
}

/* An attribute of a file that only a lower layer has is changed, or it is
 * opened for writing, when its last name is gone. */
static bool removed_lower(const struct call *call, const struct side *subject,
			  const struct side *oracle)
{
	struct vfs_stat here;

	if (!subject->overlay || subject->result < 0 ||
	    !changes_attributes(call))
		return false;
	switch (oracle->result) {
	case -EEXIST:
		return true;
	case -EIO:
	case -ENOENT: /* nor has its directory a name */
	case -ENOTDIR:
	case -ENOTEMPTY:
	case -EISDIR: /* what has the name is */
		return stat_slot(subject, call->args[0].slot, &here) &&
		       !here.nlink;
	default:
		return false;
	}
}

/* The same of what is no regular file: it has its name again, whatever has it
 * now. */
static bool removed_special(const struct call *call, const struct side *subject,
			    const struct side *oracle)
{
	struct vfs_stat here, there;
	int slot = call->args[0].slot;

	return subject->overlay && changes_attributes(call) &&
	       oracle->result >= 0 && stat_slot(subject, slot, &here) &&
	       stat_slot(oracle, slot, &there) && !S_ISREG(here.mode) &&
	       !here.nlink && there.nlink;
}

/* Flags that the upper layer has not: Linux has copied the file up by then, or
 * taken away the flags that it keeps itself. */
static bool refused_flags(const struct call *call, const struct side *subject,
			  const struct side *oracle)
{
	const uint64_t kept = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
	struct vfs_stat here, there;
	int slot = call->args[0].slot;

	return subject->overlay && oracle->result == -EOPNOTSUPP &&
	       (is_call(call, "fssetxattr") || sets_flags(call)) &&
	       stat_slot(subject, slot, &here) &&
	       stat_slot(oracle, slot, &there) &&
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
		return stat_slot(side, call->args[0].slot, out);
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
	if (is_call(call, "copy_file_range"))
		return call->args[2].slot;
	return is_call(call, "fallocate") || is_call(call, "sendfile") ||
			       strstr(call->def->name, "write")
		       ? call->args[0].slot
		       : -1;
}

/* A file lost what a write takes from it. */
static bool lost_privilege(const struct side *subject,
			   const struct side *oracle, int slot)
{
	struct vfs_stat here, there;

	return stat_slot(subject, slot, &here) &&
	       stat_slot(oracle, slot, &there) &&
	       ((here.mode & ~there.mode & (S_ISUID | S_ISGID)) ||
		(has_capability(subject, slot) &&
		 !has_capability(oracle, slot)));
}

/* What the upper layer refuses: by then Linux has copied the file up, or taken
 * its set-id bits and capabilities away. */
static bool late_refusal(const struct call *call, const struct side *subject,
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

/* Linux's overlay asks for the bits of execution only; without that for the
 * group the bit says nothing. */
static bool kept_setgid(const struct call *call, const struct side *subject,
			const struct side *oracle)
{
	struct vfs_stat here, there;

	return subject->overlay && strstr(call->def->name, "chown") &&
	       oracle->result >= 0 && stat_first(call, subject, &here) &&
	       stat_first(call, oracle, &there) && !(there.mode & S_IXGRP) &&
	       (there.mode & ~here.mode) == S_ISGID;
}

/* A link leaves a time of change on the layer that Linux's overlay does not
 * know of when what is no regular file is read, or one by sendfile. */
static bool old_relatime(const struct call *call, const struct side *subject,
			 const struct side *oracle)
{
	bool sends = is_call(call, "sendfile");
	int slot = call->args[sends].slot;
	struct vfs_stat here, there;

	return subject->overlay && oracle->result >= 0 &&
	       (sends || is_call(call, "read") || is_call(call, "readv")) &&
	       stat_slot(subject, slot, &here) &&
	       stat_slot(oracle, slot, &there) &&
	       (sends || !S_ISREG(here.mode)) &&
	       subject->class->instant(subject, &here.atime) >
		       oracle->class->instant(oracle, &there.atime);
}

/* A directory without a name, by a descriptor or as the working directory. */
static bool links_of_removed(const struct call *call,
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
static bool later_end(const struct call *call, const struct side *subject,
		      const struct side *oracle)
{
	const char *here = subject->out.data, *there = oracle->out.data;

	return subject->overlay && is_call(call, "events") &&
	       strstr(there, ": DELETE_SELF]") &&
	       same_events(here, there, true) &&
	       same_events(here, there, false);
}

/* What copies up is the caller, with its limit; here, who mounted. */
static bool limited_copy_up(const struct call *call, const struct side *subject,
			    const struct side *oracle)
{
	(void)call;
	return subject->overlay && oracle->result == -EFBIG &&
	       subject->result != -EFBIG;
}

/* The size of a list with what is not shown in it. */
static bool size_of_list(const struct call *call, const struct side *subject,
			 const struct side *oracle)
{
	return subject->overlay && strstr(call->def->name, "listxattr") &&
	       subject->result >= 0 &&
	       (oracle->result > subject->result || oracle->result == -ERANGE);
}

/* What FIOQSIZE says, Linux's overlay knows of no directory. */
static bool size_of_directory(const struct call *call,
			      const struct side *subject,
			      const struct side *oracle)
{
	return subject->overlay && is_call(call, "ioctl") &&
	       call->args[1].number == FIOQSIZE && subject->result >= 0 &&
	       oracle->result >= 0;
}

/* From a lower layer on another file system than the upper one. */
static bool copy_between_layers(const struct call *call,
				const struct side *subject,
				const struct side *oracle)
{
	return subject->overlay && is_call(call, "copy_file_range") &&
	       subject->result >= 0 && oracle->result == -EXDEV;
}

/* Where data is: Linux has copied holes up. */
static bool copied_holes(const struct call *call, const struct side *subject,
			 const struct side *oracle)
{
	return subject->overlay && is_call(call, "lseek") &&
	       (call->args[2].number == SEEK_DATA ||
		call->args[2].number == SEEK_HOLE) &&
	       (oracle->result >= 0 || subject->result >= 0);
}

/* The host lets nobody change the mode of what is append-only. */
static bool append_only_setid(const struct call *call,
			      const struct side *subject,
			      const struct side *oracle)
{
	struct vfs_stat stat;
	int slot = call->args[0].slot;

	return subject->host->kind && subject->result == -EPERM &&
	       oracle->result >= 0 && stat_slot(subject, slot, &stat) &&
	       (stat.mode & (S_ISUID | S_ISGID)) &&
	       (stat.attributes & (STATX_ATTR_APPEND | STATX_ATTR_IMMUTABLE));
}

/* With owners recorded: what a record does not hold, or takes privilege. */
static bool not_recorded(const struct call *call, const struct side *subject,
			 const struct side *oracle)
{
	const char *name = call->args[1].string;
	int64_t result = subject->result;

	(void)oracle;
	if (!subject->host->xattr)
		return false;
	if (is_call(call, "renameat2"))
		return (call->args[4].number & RENAME_WHITEOUT) &&
		       result == -EINVAL;
	if (is_call(call, "ioctl") || is_call(call, "ioctl_null") ||
	    is_call(call, "fsgetxattr") || is_call(call, "fssetxattr"))
		return result == -ENOTTY;
	if (!strstr(call->def->name, "xattr") || !name)
		return false;
	if (!strncmp(name, "system.posix_acl_", 17))
		return result == -EOPNOTSUPP;
	return subject->host->unprivileged &&
	       (!strncmp(name, "trusted.", 8) ||
		!strncmp(name, "security.", 9)) &&
	       (result == -EPERM || result == -ENODATA);
}

/* Files that can be read without waiting. */
static bool without_waiting(const struct call *call, const struct side *subject,
			    const struct side *oracle)
{
	(void)oracle;
	return subject->host->kind == HOST_EXT4 &&
	       (is_call(call, "preadv2") || is_call(call, "pwritev2")) &&
	       (call->args[3].number & RWF_NOWAIT) &&
	       subject->result == -EOPNOTSUPP;
}

/* A disk refuses to write even nothing to what is immutable. */
static bool nothing_to_immutable(const struct call *call,
				 const struct side *subject,
				 const struct side *oracle)
{
	return subject->host->kind == HOST_EXT4 &&
	       strstr(call->def->name, "write") && !subject->result &&
	       oracle->result == -EPERM;
}

/* Where the end of a directory is, and whether a position is too far to read
 * from, is the file system's. */
static bool directory_position(const struct call *call,
			       const struct side *subject,
			       const struct side *oracle)
{
	if (!subject->host->kind || !is_directory(oracle, call->args[0].slot))
		return false;
	return is_call(call, "lseek") ||
	       (strstr(call->def->name, "read") && subject->result == -EISDIR &&
		oracle->result == -EINVAL);
}

/* Inode flags that the host has and the library does not. */
static bool more_flags(const struct call *call, const struct side *subject,
		       const struct side *oracle)
{
	return subject->host->kind == HOST_EXT4 && oracle->result >= 0 &&
	       subject->result == -EOPNOTSUPP &&
	       (is_call(call, "ioctl") || is_call(call, "fssetxattr"));
}

/* tmpfs heeds the limit even where the size is kept, and so does the core. */
static bool limit_of_kept_size(const struct call *call,
			       const struct side *subject,
			       const struct side *oracle)
{
	(void)oracle;
	return subject->host->kind == HOST_EXT4 && is_call(call, "fallocate") &&
	       (call->args[1].number & FALLOC_FL_KEEP_SIZE) &&
	       subject->result == -EFBIG;
}

/* A mapping that would be synchronous, of a file that could be. */
static bool synchronous_mapping(const struct call *call,
				const struct side *subject,
				const struct side *oracle)
{
	return subject->host->kind == HOST_EXT4 && is_call(call, "mmap") &&
	       subject->result == -EOPNOTSUPP && oracle->result < 0;
}

const struct rule rules[] = {
	{"protected-links", true, false, protected_links,
	 "the machine's fs.protected_* settings are not the library's"},
	{"last-page", true, false, last_page,
	 "Linux loses the data in the last page before 2^63"},
	{"no-xdev-jump", true, false, jump_without_crossing,
	 "RESOLVE_NO_XDEV refuses absolute links even within one mount, unless "
	 "the path had a .. before"},
	{"fallocate-mode", false, false, fallocate_mode,
	 "a size beyond the limit is refused before a mode that the file "
	 "system does not have"},
	{"mapping-full", true, false, mapping_when_full,
	 "a mapping that is touched in a full file system gets its page"},
	{"promised-pages", true, false, promised_pages,
	 "a nearly full file system has no room for pages of a mapped file "
	 "that were promised before"},
	{"fxattr-cwd", true, false, xattr_of_cwd,
	 "the f forms of the xattr calls refuse AT_FDCWD, as documented"},
	{"hostfs-handles", false, false, no_handles,
	 "files of a hostfs have no handles"},
	{"hostfs-seals", false, false, no_seals,
	 "files of a hostfs have no seals, whatever the host says"},
	{"overlay-removed", true, false, removed_lower,
	 "a removed file of a lower layer can be changed while it is open"},
	{"overlay-removed-special", true, true, removed_special,
	 "a removed file of a lower layer stays removed when it is changed"},
	{"overlay-flags", true, true, refused_flags,
	 "inode flags that are refused change nothing"},
	{"overlay-late", true, true, late_refusal,
	 "a call that fails changes nothing, whoever refuses it"},
	{"overlay-setgid", true, true, kept_setgid,
	 "a change of the group takes the set-gid bit of who could not set it"},
	{"overlay-relatime", true, true, old_relatime,
	 "relatime looks at the times that stat shows"},
	{"overlay-links", false, false, links_of_removed,
	 "a directory that is gone has no links"},
	{"overlay-last-event", false, false, later_end,
	 "a file is told to be gone when its last descriptor is closed, "
	 "however "
	 "many are closed with it"},
	{"overlay-file-size", true, false, limited_copy_up,
	 "a copy-up is not limited by the caller's RLIMIT_FSIZE"},
	{"overlay-list-size", false, false, size_of_list,
	 "the size of a list of attributes is that of what would be listed"},
	{"overlay-copy", true, false, copy_between_layers,
	 "copy_file_range works within an overlay, wherever its layers are"},
	{"overlay-fioqsize", false, false, size_of_directory,
	 "FIOQSIZE gives an overlay's directory a size"},
	{"overlay-holes", true, false, copied_holes,
	 "a copy-up copies no hole; Linux copies those between data"},
	{"hostfs-append-setid", true, false, append_only_setid,
	 "who may not keep a set-id bit cannot write to an append-only or "
	 "immutable file of the host's"},
	{"hostfs-recorded", true, false, not_recorded,
	 "owner=xattr records owner, mode, type and device number: there are "
	 "no "
	 "ACLs, inode flags and whiteouts, and what takes privilege on the "
	 "host is refused"},
	{"hostfs-nowait", true, false, without_waiting,
	 "RWF_NOWAIT is for files of which it is known beforehand"},
	{"hostfs-nothing", false, false, nothing_to_immutable,
	 "writing nothing is no write"},
	{"hostfs-directory-position", true, false, directory_position,
	 "positions in a host's directory are not told to those inside"},
	{"hostfs-flags", true, false, more_flags,
	 "inode flags that the library does not have stay as they are"},
	{"hostfs-kept-size", true, false, limit_of_kept_size,
	 "fallocate with FALLOC_FL_KEEP_SIZE is refused beyond RLIMIT_FSIZE, "
	 "as "
	 "on tmpfs"},
	{"hostfs-map-sync", false, false, synchronous_mapping,
	 "there are no synchronous mappings, whatever else is wrong"},
	{"inotify-instances", true, false, queues_used_up,
	 "the machine's fs.inotify.max_user_instances is shared with whatever "
	 "else runs as the same user"},
};
const unsigned rule_count = sizeof(rules) / sizeof(rules[0]);
_Static_assert(sizeof(rules) / sizeof(rules[0]) <= MAX_RULES, "too many");
