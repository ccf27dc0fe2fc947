/* SPDX-License-Identifier: MIT */
/*
 * A user namespace, where there is no privilege or the bundle has maps: the
 * whole process enters it, server and all, so that the ids which the library
 * sees are the container's, and nothing is done that its user might not do.
 * The maps are the bundle's; else user 0 is whoever runs this, and the others
 * are those that /etc/subuid and /etc/subgid give him, if newuidmap(1) is
 * there. Contract: run.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"
#include "text.h"

/* Ids of users or of groups. */
struct ids {
	bool groups;
	uint32_t own; /* whoever runs this */
	const struct vfs_id_map *maps;
	uint64_t count;
	struct vfs_id_map usual[2];
};

/* May this process mount, and become anybody? */
static bool is_privileged(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3,
						  0};
	struct __user_cap_data_struct data[2] = {{0}, {0}};
	const unsigned int needed =
		1u << CAP_SYS_ADMIN | 1u << CAP_SETUID | 1u << CAP_SETGID;

	return !syscall(SYS_capget, &header, data) &&
	       (data[0].effective & needed) == needed;
}

/* The first range of name's, or of its number's, in /etc/subuid. */
static bool find_range(const char *path, const char *name, uint32_t id,
		       struct vfs_id_map *map)
{
	FILE *file = fopen(path, "re");
	char line[256], number[16], owner[128];
	unsigned long start, count;
	bool found = false;

	if (!file)
		return false;
	snprintf(number, sizeof(number), "%u", id);
	while (!found && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%127[^:]:%lu:%lu", owner, &start, &count) !=
		    3)
			continue;
		found = ((name && !strcmp(owner, name)) ||
			 !strcmp(owner, number)) &&
			start < UINT32_MAX && count && count < UINT32_MAX;
	}
	fclose(file);
	if (found)
		*map = (struct vfs_id_map){1, (uint32_t)start, (uint32_t)count};
	return found;
}

static bool is_program(const char *name)
{
	char *path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin");
	char *rest = path, *directory, file[4096];
	bool found = false;

	while (path && !found && (directory = strsep(&rest, ":"))) {
		snprintf(file, sizeof(file), "%s/%s", directory, name);
		found = !access(file, X_OK);
	}
	free(path);
	return found;
}

static void usual_maps(struct ids *users, struct ids *groups)
{
	const struct passwd *entry = getpwuid(users->own);
	const char *name = entry ? entry->pw_name : NULL;

	users->usual[0] = (struct vfs_id_map){0, users->own, 1};
	groups->usual[0] = (struct vfs_id_map){0, groups->own, 1};
	users->maps = users->usual;
	groups->maps = groups->usual;
	users->count = groups->count = 1;
	if (is_program("newuidmap") && is_program("newgidmap") &&
	    find_range("/etc/subuid", name, users->own, &users->usual[1]) &&
	    find_range("/etc/subgid", name, users->own, &groups->usual[1]))
		users->count = groups->count = 2;
}

/* ---- writing them ---- */

static int write_file(pid_t pid, const char *name, const char *text)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* By the helper: the kernel accepts it, or newuidmap does. */
static int write_map(pid_t pid, const struct ids *ids)
{
	const char *tool = ids->groups ? "newgidmap" : "newuidmap";
	const size_t count = (size_t)ids->count;
	char **argv = text_need(calloc(3 * count + 3, sizeof(*argv)));
	struct text text = {0};
	char numbers[3][16];
	size_t i, j;
	int status;

	argv[0] = (char *)(uintptr_t)tool;
	if (asprintf(&argv[1], "%d", (int)pid) < 0)
		return -1;
	for (i = 0; i < count; i++) {
		snprintf(numbers[0], 16, "%u", ids->maps[i].inside);
		snprintf(numbers[1], 16, "%u", ids->maps[i].outside);
		snprintf(numbers[2], 16, "%u", ids->maps[i].count);
		for (j = 0; j < 3; j++) {
			argv[2 + 3 * i + j] = text_need(strdup(numbers[j]));
			text_add(&text, numbers[j]);
			text_add(&text, j < 2 ? " " : "\n");
		}
	}
	if (!write_file(pid, ids->groups ? "gid_map" : "uid_map", text.at))
		return 0;
	pid = fork();
	if (!pid) {
		/* what it says is said once more, with the field */
		dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDERR_FILENO);
		execvp(tool, argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

/* A process outside of the namespace that writes the maps of pid, once a byte
 * comes. Its end, in *sock. */
static pid_t start_helper(const struct ids *users, const struct ids *groups,
			  int *sock)
{
	pid_t pid, target = getpid();
	int pair[2];
	char go;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	pid = fork();
	if (!pid) {
		close(pair[0]);
		if (read(pair[1], &go, 1) != 1)
			_exit(1);
		_exit(write_map(target, users) || write_map(target, groups));
	}
	close(pair[1]);
	if (pid < 0)
		close(pair[0]);
	else
		*sock = pair[0];
	return pid;
}

/* One identity, which takes no privilege. */
static int map_own(struct run *run, const struct ids *users,
		   const struct ids *groups)
{
	char text[64];

	if (users->count != 1 || groups->count != 1)
		return -1;
	/* without privilege nobody may leave a group */
	if (write_file(getpid(), "setgroups", "deny"))
		return -1;
	run->groups_fixed = true;
	snprintf(text, sizeof(text), "%u %u %u", users->maps[0].inside,
		 users->maps[0].outside, users->maps[0].count);
	if (write_file(getpid(), "uid_map", text))
		return -1;
	snprintf(text, sizeof(text), "%u %u %u", groups->maps[0].inside,
		 groups->maps[0].outside, groups->maps[0].count);
	return write_file(getpid(), "gid_map", text);
}

static bool is_own(const struct ids *ids)
{
	return ids->count == 1 && ids->maps[0].count == 1 &&
	       ids->maps[0].outside == ids->own;
}

static int enter(struct run *run, struct ids *users, struct ids *groups,
		 bool privileged)
{
	bool own = !privileged && is_own(users) && is_own(groups);
	int sock = -1, status = 1;
	pid_t helper = own ? 0 : start_helper(users, groups, &sock);

	if (helper < 0)
		return run_fail("%s", strerror(errno));
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return run_fail("no user namespace can be made: %s",
				strerror(errno));
	if (helper) {
		if (write(sock, "", 1) != 1 || waitpid(helper, &status, 0) < 0)
			status = 1;
		close(sock);
	} else {
		status = map_own(run, users, groups);
	}
	/* newuidmap may refuse what /etc/subuid has */
	if (status && users->maps == users->usual) {
		users->count = groups->count = 1;
		status = map_own(run, users, groups);
	}
	if (status)
		return run_fail("%s: config.json: /linux/uidMappings, "
				"/linux/gidMappings: they are not allowed",
				run->directory);
	/* by who may open it, if the container's user 0 may not */
	run->fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (setresgid(0, 0, 0) || setresuid(0, 0, 0))
		return run_fail("%s: config.json: /linux/uidMappings, "
				"/linux/gidMappings: the container has no "
				"user 0, or no group 0",
				run->directory);
	/* threads of the container's are looked at in /proc */
	prctl(PR_SET_DUMPABLE, 1);
	return 0;
}

/* The library sees ids as the container does, and of a file that belongs to
 * nobody there it cannot tell whose it is. */
static int check_mounts(const struct run *run)
{
	const struct vfs_bundle_spec *config = run->config;
	uint64_t i, k;

	for (i = 0; i < config->mount_count; i++) {
		const struct vfs_bundle_mount *m = &config->mounts[i];
		bool maps = m->uid_map_count || m->gid_map_count;

		for (k = 0; k < m->option_count; k++)
			maps |= !strcmp(m->options[k], "idmap") ||
				!strcmp(m->options[k], "ridmap");
		if (maps)
			return run_fail("%s: config.json: /mounts/%llu (%s): "
					"ids cannot be mapped in a user "
					"namespace",
					run->directory, (unsigned long long)i,
					m->destination);
	}
	return 0;
}

/* What the bundle's own user can reach, the container's perhaps cannot. */
static void open_root(struct run *run)
{
	struct vfs_bundle_spec *spec = &run->spec;
	int fd = open(spec->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* a failure is told by who looks next */
	if (fd < 0)
		return;
	spec->root_fd = fd;
	spec->flags |= VFS_BUNDLE_ROOT_FD;
}

/* As the library has it. */
static bool has_source(const struct vfs_bundle_mount *m)
{
	bool bind = m->type && !strcmp(m->type, "bind");
	uint64_t i;

	for (i = 0; i < m->option_count; i++) {
		if (!strcmp(m->options[i], "remount"))
			return false;
		bind |= !strcmp(m->options[i], "bind") ||
			!strcmp(m->options[i], "rbind");
	}
	return bind;
}

/* Likewise what is bound: the descriptors of all, or none at all. */
static void open_sources(struct run *run)
{
	struct vfs_bundle_spec *spec = &run->spec;
	int32_t *fds = text_need(calloc(spec->mount_count + 1, sizeof(*fds)));
	uint64_t i, count = 0;
	int fd = 0;

	for (i = 0; i < spec->mount_count && fd >= 0; i++) {
		const struct vfs_bundle_mount *m = &spec->mounts[i];

		if (!has_source(m))
			continue;
		fd = m->source ? open(m->source, O_PATH | O_CLOEXEC) : -1;
		if (fd >= 0)
			fds[count++] = fd;
	}
	if (fd < 0) {
		while (count)
			close(fds[--count]);
		free(fds);
		return;
	}
	run->fds = fds;
	spec->mount_fds = fds;
	spec->mount_fd_count = count;
}

int run_identity(struct run *run)
{
	struct vfs_bundle_spec *spec = &run->spec;
	struct ids users = {.own = geteuid()};
	struct ids groups = {.groups = true, .own = getegid()};
	bool privileged = is_privileged();
	int status;

	if (!spec->uid_map_count && !spec->gid_map_count) {
		if (privileged)
			return 0;
		usual_maps(&users, &groups);
	} else {
		users.maps = spec->uid_maps;
		users.count = spec->uid_map_count;
		groups.maps = spec->gid_maps;
		groups.count = spec->gid_map_count;
	}
	if (!users.count || !groups.count)
		return run_fail("%s: config.json: /linux/%s: missing",
				run->directory,
				users.count ? "gidMappings" : "uidMappings");
	open_root(run);
	open_sources(run);
	status = check_mounts(run);
	if (!status)
		status = enter(run, &users, &groups, privileged);
	if (status)
		return status;
	run->userns = true;
	/* attributes of overlay's that take no privilege */
	if (spec->overlay == VFS_BUNDLE_OVERLAY_DIRECTORY)
		spec->overlay_options = "userxattr";
	if (run->groups_fixed && spec->group_count)
		return run_fail("%s: config.json: "
				"/process/user/additionalGids: without "
				"newgidmap(1) and /etc/subgid there are none",
				run->directory);
	/* the library's ids are the container's already */
	spec->uid_map_count = spec->gid_map_count = 0;
	return 0;
}
