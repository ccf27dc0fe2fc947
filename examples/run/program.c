/* SPDX-License-Identifier: MIT */
/*
 * From process 1's child to the program: terminal, limits, ids, capabilities,
 * and where it stands. Each failure is one line on stderr, and the exit status
 * that process 1 passes on. Contract: run.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run.h"
#include "text.h"

static _Noreturn void fail(const char *what)
{
	_exit(run_fail("%s: %s", what, strerror(errno)));
}

/* A session of its own with the container's terminal; or whatever vfs-run was
 * started with. */
static void take_terminal(int terminal)
{
	int i;

	if (terminal < 0)
		return;
	if (setsid() < 0 || ioctl(terminal, TIOCSCTTY, 0))
		fail("/process/terminal");
	for (i = 0; i < 3; i++)
		dup2(terminal, i);
}

static void set_limits(const struct run *run)
{
	/* as it was started: the server has raised these for itself */
	static const int raised[] = {RLIMIT_NOFILE, RLIMIT_FSIZE};
	const struct vfs_bundle_spec *config = run->config;
	char what[64];
	uint64_t i;

	for (i = 0; i < sizeof(raised) / sizeof(*raised); i++)
		setrlimit((__rlimit_resource_t)raised[i],
			  &run->limits[raised[i]]);
	for (i = 0; i < config->rlimit_count; i++) {
		const struct vfs_bundle_rlimit *limit = &config->rlimits[i];
		const struct rlimit value = {limit->cur, limit->max};

		if (!setrlimit((__rlimit_resource_t)limit->resource, &value))
			continue;
		snprintf(what, sizeof(what), "/process/rlimits/%llu",
			 (unsigned long long)i);
		fail(what);
	}
}

/* ---- who ---- */

static void read_capabilities(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3,
						  0};

	if (syscall(SYS_capget, &header, data))
		fail("/process/capabilities");
}

/* What this process may not have itself is left out, as what the kernel does
 * not know. */
static void set_capabilities(const struct vfs_bundle_spec *spec)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3,
						  0};
	struct __user_cap_data_struct data[2];
	uint64_t have, permitted, inheritable;
	unsigned int i;

	read_capabilities(data);
	have = data[0].permitted | (uint64_t)data[1].permitted << 32;
	permitted = spec->cap_permitted & have;
	inheritable = spec->cap_inheritable & have;
	for (i = 0; i < 2; i++) {
		data[i].permitted = (uint32_t)(permitted >> 32 * i);
		data[i].effective =
			(uint32_t)((spec->cap_effective & have) >> 32 * i);
		data[i].inheritable = (uint32_t)(inheritable >> 32 * i);
	}
	if (syscall(SYS_capset, &header, data))
		fail("/process/capabilities");
	for (i = 0; i < 64; i++) {
		if (spec->cap_ambient & permitted & inheritable &
		    UINT64_C(1) << i)
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);
	}
}

/* What no program gets back; before the ids, as it takes a capability. */
static void drop_bounding(const struct vfs_bundle_spec *spec)
{
	unsigned int i;

	for (i = 0; i < 64 && prctl(PR_CAPBSET_READ, i) >= 0; i++) {
		if (!(spec->cap_bounding & UINT64_C(1) << i) &&
		    prctl(PR_CAPBSET_READ, i) > 0 && prctl(PR_CAPBSET_DROP, i))
			fail("/process/capabilities/bounding");
	}
}

/* Pipes that it has as its first descriptors, so that it can open /dev/stdout:
 * nobody else has a name for them. */
static void give_pipes(const struct vfs_bundle_spec *spec)
{
	struct statfs fs;
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (!fstatfs(fd, &fs) && fs.f_type == PIPEFS_MAGIC &&
		    fchown(fd, spec->uid, (gid_t)-1))
			continue; /* it may do without */
	}
}

static void become_user(const struct run *run)
{
	const struct vfs_bundle_spec *spec = &run->spec;

	if (!run->groups_fixed && setgroups(spec->group_count, spec->groups))
		fail("/process/user/additionalGids");
	if (setresgid(spec->gid, spec->gid, spec->gid))
		fail("/process/user/gid");
	/* they are set just behind */
	prctl(PR_SET_KEEPCAPS, 1);
	if (setresuid(spec->uid, spec->uid, spec->uid))
		fail("/process/user/uid");
	prctl(PR_SET_KEEPCAPS, 0);
}

/* ---- what ---- */

/* args is empty, or not: what the getters of a bundle give. */
static char **strings(const struct vfs_bundle *bundle,
		      const char *(*get)(const struct vfs_bundle *, uint64_t))
{
	size_t count = 0, i;
	char **list;

	while (get(bundle, count))
		count++;
	list = text_need(calloc(count + 1, sizeof(*list)));
	for (i = 0; i < count; i++)
		list[i] = (char *)(uintptr_t)get(bundle, i);
	return list;
}

static void reset_signals(const struct run *run)
{
	sigprocmask(SIG_SETMASK, &run->signals, NULL);
}

_Noreturn void run_program(struct run *run, int terminal)
{
	const struct vfs_bundle_spec *spec = &run->spec;
	const char *path = vfs_bundle_executable(run->bundle);
	const char *cwd = spec->cwd ? spec->cwd : "/";
	bool there;

	take_terminal(terminal);
	set_limits(run);
	there = !chdir(cwd);
	drop_bounding(spec);
	give_pipes(spec);
	become_user(run);
	set_capabilities(spec);
	/* a directory that root may not search, the user may */
	if (!there && chdir(cwd))
		fail("/process/cwd");
	umask(spec->flags & VFS_BUNDLE_UMASK ? spec->umask : 022);
	if (spec->flags & VFS_BUNDLE_NO_NEW_PRIVILEGES &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail("/process/noNewPrivileges");
	reset_signals(run);
	execve(path, strings(run->bundle, vfs_bundle_arg),
	       strings(run->bundle, vfs_bundle_env));
	run_fail("%s: %s", path, strerror(errno));
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN);
}
