/* SPDX-License-Identifier: MIT */
/* What may differ, each with its reason; docs/deviations.md lists the same.
 * Everything else is a defect. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "rules.h"

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

bool rule_is_call(const struct call *call, const char *name)
{
	return !strcmp(call->def->name, name);
}

/* The page before 2^63: the kernel's arithmetic runs over. */
static bool last_page(const struct call *call, const struct side *subject,
		      const struct side *oracle)
{
	const int64_t last = INT64_MAX - 4096;

	return rule_is_call(call, "lseek") &&
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
	return rule_is_call(call, "openat2") &&
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
	return rule_is_call(call, "fallocate") && subject->result == -EFBIG &&
	       oracle->result == -EOPNOTSUPP;
}

/* A page that a mapping was given cannot be refused. */
static bool mapping_when_full(const struct call *call,
			      const struct side *subject,
			      const struct side *oracle)
{
	struct vfs_statfs statfs;

	return (rule_is_call(call, "poke") || rule_is_call(call, "peek")) &&
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
	return rule_is_call(call, "fallocate") ||
	       (rule_is_call(call, "write") && in_last_page(call, oracle));
}

/* Other processes of the user have used up what it may have. */
static bool queues_used_up(const struct call *call, const struct side *subject,
			   const struct side *oracle)
{
	return rule_is_call(call, "inotify_init") &&
	       oracle->result == -EMFILE && subject->result >= 0;
}

/* Handles of what is on a hostfs. */
static bool no_handles(const struct call *call, const struct side *subject,
		       const struct side *oracle)
{
	return subject->host->kind && strstr(call->def->name, "_handle_at") &&
	       subject->result < 0 && oracle->result <= 0;
}

/* A file of tmpfs's says that it is sealed against seals; a disk's, which a
 * temporary directory may be on, has none. */
static bool no_seals(const struct call *call, const struct side *subject,
		     const struct side *oracle)
{
	return rule_is_call(call, "fcntl") &&
	       (call->args[1].number == F_ADD_SEALS ||
		call->args[1].number == F_GET_SEALS) &&
	       ((subject->host->kind && subject->result == -EINVAL) ||
		(side_reduced && oracle->result == -EINVAL));
}

bool rule_stat_slot(const struct side *side, int slot, struct vfs_stat *out)
{
	return slot >= 0 &&
	       side->class->calls.fstat(side->tasks[side->current],
					side->slots[slot], out) == 0;
}

bool rule_is_directory(const struct side *side, int slot)
{
	struct vfs_stat stat;

	return rule_stat_slot(side, slot, &stat) && S_ISDIR(stat.mode);
}

/* The host lets nobody change the mode of what is append-only; Linux finds out
 * afterwards that there is no room. */
static bool append_only_setid(const struct call *call,
			      const struct side *subject,
			      const struct side *oracle)
{
	struct vfs_stat stat;
	int slot = call->args[0].slot;

	return subject->host->kind && subject->result == -EPERM &&
	       (oracle->result >= 0 || oracle->result == -ENOSPC) &&
	       rule_stat_slot(subject, slot, &stat) &&
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
	if (rule_is_call(call, "renameat2"))
		return (call->args[4].number & RENAME_WHITEOUT) &&
		       result == -EINVAL;
	if (rule_is_call(call, "ioctl") || rule_is_call(call, "ioctl_null") ||
	    rule_is_call(call, "fsgetxattr") ||
	    rule_is_call(call, "fssetxattr"))
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
	       (rule_is_call(call, "preadv2") ||
		rule_is_call(call, "pwritev2")) &&
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
	if (!subject->host->kind ||
	    !rule_is_directory(oracle, call->args[0].slot))
		return false;
	return rule_is_call(call, "lseek") ||
	       (strstr(call->def->name, "read") && subject->result == -EISDIR &&
		oracle->result == -EINVAL);
}

/* Inode flags that the host has and the library does not. */
static bool more_flags(const struct call *call, const struct side *subject,
		       const struct side *oracle)
{
	return subject->host->kind == HOST_EXT4 && oracle->result >= 0 &&
	       subject->result == -EOPNOTSUPP &&
	       (rule_is_call(call, "ioctl") ||
		rule_is_call(call, "fssetxattr"));
}

/* tmpfs heeds the limit even where the size is kept, and so does the core. */
static bool limit_of_kept_size(const struct call *call,
			       const struct side *subject,
			       const struct side *oracle)
{
	(void)oracle;
	return subject->host->kind == HOST_EXT4 &&
	       rule_is_call(call, "fallocate") &&
	       (call->args[1].number & FALLOC_FL_KEEP_SIZE) &&
	       subject->result == -EFBIG;
}

/* A mapping that would be synchronous, of a file that could be. */
static bool synchronous_mapping(const struct call *call,
				const struct side *subject,
				const struct side *oracle)
{
	return subject->host->kind == HOST_EXT4 && rule_is_call(call, "mmap") &&
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
	 "files of a hostfs have no seals, nor those of a directory on a disk"},
	{"overlay-removed", true, false, overlay_removed_lower,
	 "a removed file of a lower layer can be changed while it is open"},
	{"overlay-removed-special", true, true, overlay_removed_special,
	 "a removed file of a lower layer stays removed when it is changed"},
	{"overlay-flags", true, true, overlay_refused_flags,
	 "inode flags that are refused change nothing"},
	{"overlay-late", true, true, overlay_late_refusal,
	 "a call that fails changes nothing, whoever refuses it"},
	{"overlay-mapped", true, false, overlay_kept_by_mapping,
	 "a file is open as long as it is mapped"},
	{"overlay-mapped-lower", true, false, overlay_mapped_lower,
	 "a mapping shows the file, whenever its descriptor was opened"},
	{"overlay-setgid", true, true, overlay_kept_setgid,
	 "a change of the group takes the set-gid bit of who could not set it"},
	{"overlay-relatime", false, false, overlay_old_relatime,
	 "relatime looks at the times that stat shows"},
	{"overlay-relatime-sent", true, true, overlay_old_relatime_sent,
	 "relatime looks at the times that stat shows, for sendfile, too"},
	{"overlay-links", false, false, overlay_links_of_removed,
	 "a directory that is gone has no links"},
	{"overlay-last-event", false, false, overlay_later_end,
	 "a file is told to be gone when its last descriptor is closed, "
	 "however "
	 "many are closed with it"},
	{"overlay-file-size", true, false, overlay_limited_copy_up,
	 "a copy-up is not limited by the caller's RLIMIT_FSIZE"},
	{"overlay-list-size", false, false, overlay_size_of_list,
	 "the size of a list of attributes is that of what would be listed"},
	{"overlay-copy", true, false, overlay_copy_between_layers,
	 "copy_file_range works within an overlay, wherever its layers are"},
	{"overlay-fioqsize", false, false, overlay_size_of_directory,
	 "FIOQSIZE gives an overlay's directory a size"},
	{"overlay-holes", true, false, overlay_copied_holes,
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
