/* SPDX-License-Identifier: MIT */
/* The process of a config.json. Contract: config.h. */
#include <string.h>
#include <sys/resource.h>

#include "config.h"

/* ---- capabilities ---- */

static int capability(const char *name)
{
	static const char *const names[] = {"CHOWN",
					    "DAC_OVERRIDE",
					    "DAC_READ_SEARCH",
					    "FOWNER",
					    "FSETID",
					    "KILL",
					    "SETGID",
					    "SETUID",
					    "SETPCAP",
					    "LINUX_IMMUTABLE",
					    "NET_BIND_SERVICE",
					    "NET_BROADCAST",
					    "NET_ADMIN",
					    "NET_RAW",
					    "IPC_LOCK",
					    "IPC_OWNER",
					    "SYS_MODULE",
					    "SYS_RAWIO",
					    "SYS_CHROOT",
					    "SYS_PTRACE",
					    "SYS_PACCT",
					    "SYS_ADMIN",
					    "SYS_BOOT",
					    "SYS_NICE",
					    "SYS_RESOURCE",
					    "SYS_TIME",
					    "SYS_TTY_CONFIG",
					    "MKNOD",
					    "LEASE",
					    "AUDIT_WRITE",
					    "AUDIT_CONTROL",
					    "SETFCAP",
					    "MAC_OVERRIDE",
					    "MAC_ADMIN",
					    "SYSLOG",
					    "WAKE_ALARM",
					    "BLOCK_SUSPEND",
					    "AUDIT_READ",
					    "PERFMON",
					    "BPF",
					    "CHECKPOINT_RESTORE"};

	if (strncmp(name, "CAP_", 4))
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name + 4, names[i]))
			return (int)i;
	return -1;
}

/* What no kernel knows cannot be given: OCI has it told, and nothing more. */
static int no_capability(struct reader *r, const char *name)
{
	if (r->strict)
		return bundle_refuse(r->report, "\"%s\" is no capability",
				     name);
	bundle_note(r->report, "\"%s\" is no capability, and is left out",
		    name);
	return 0;
}

static int read_set(struct reader *r, const json_t *object, const char *key,
		    uint64_t *out)
{
	const char *const *names = NULL;
	uint64_t count = 0, set = 0;
	size_t before, within;
	int err = read_strings(r, object, key, &names, &count);

	before = reader_enter(r, key);
	for (uint64_t i = 0; !err && i < count; i++) {
		int bit = capability(names[i]);

		within = reader_enter_index(r, i);
		if (bit < 0)
			err = no_capability(r, names[i]);
		else
			set |= UINT64_C(1) << bit;
		reader_leave(r, within);
	}
	reader_leave(r, before);
	if (!err)
		*out = set;
	return err;
}

static int config_capabilities(struct reader *r, const json_t *object,
			       void *context)
{
	static const char *const names[] = {"bounding",	 "effective",
					    "permitted", "inheritable",
					    "ambient",	 NULL};
	struct vfs_bundle_spec *spec = context;
	size_t before;
	int err = read_set(r, object, "effective", &spec->cap_effective);

	if (!err)
		err = read_set(r, object, "permitted", &spec->cap_permitted);
	if (!err)
		err = read_set(r, object, "bounding", &spec->cap_bounding);
	if (!err)
		err = read_set(r, object, "inheritable",
			       &spec->cap_inheritable);
	if (!err)
		err = read_set(r, object, "ambient", &spec->cap_ambient);
	if (!err)
		err = read_unknown(r, object, names, NULL);
	if (!err && (spec->cap_effective & ~spec->cap_permitted)) {
		before = reader_enter(r, "effective");
		err = bundle_refuse(r->report,
				    "there are some that are not permitted");
		reader_leave(r, before);
	}
	return err;
}

/* ---- user ---- */

static int read_groups(struct reader *r, const json_t *object,
		       struct vfs_bundle_spec *spec)
{
	const json_t *array = json_object_get(object, "additionalGids");
	size_t before = reader_enter(r, "additionalGids"), within;
	size_t n = json_array_size(array);
	uint32_t *groups;
	int err = 0;

	if (array && !json_is_null(array) && !json_is_array(array))
		err = bundle_refuse(r->report, "%s where an array belongs",
				    reader_type(array));
	groups = bundle_array(r->arena, n, sizeof(*groups));
	if (!groups)
		err = bundle_no_memory(r->report);
	for (size_t i = 0; !err && i < n; i++) {
		const json_t *value = json_array_get(array, i);
		uint64_t number;

		within = reader_enter_index(r, i);
		if (!reader_integer(r, value, &number) || number >= UINT32_MAX)
			err = bundle_refuse(r->report,
					    "it is no integer from 0 to %u",
					    UINT32_MAX - 1);
		else
			groups[i] = (uint32_t)number;
		reader_leave(r, within);
	}
	reader_leave(r, before);
	if (!err) {
		spec->groups = groups;
		spec->group_count = n;
	}
	return err;
}

static int config_user(struct reader *r, const json_t *object, void *context)
{
	static const char *const names[] = {"uid", "gid", "umask",
					    "additionalGids", NULL};
	struct vfs_bundle_spec *spec = context;
	uint64_t umask = UINT64_MAX;
	int err = read_u32(r, object, "uid", true, UINT32_MAX - 1, &spec->uid);

	if (!err)
		err = read_u32(r, object, "gid", true, UINT32_MAX - 1,
			       &spec->gid);
	if (!err)
		err = read_number(r, object, "umask", false, 0777, &umask);
	if (!err)
		err = read_groups(r, object, spec);
	if (!err && umask != UINT64_MAX) {
		spec->umask = (uint32_t)umask;
		spec->flags |= VFS_BUNDLE_UMASK;
	}
	return err ? err : read_unknown(r, object, names, NULL);
}

/* ---- limits ---- */

static int read_resource(struct reader *r, const char *type, int32_t *out)
{
	static const struct {
		const char *name;
		int32_t resource;
	} limits[] = {
		{"CPU", RLIMIT_CPU},
		{"FSIZE", RLIMIT_FSIZE},
		{"DATA", RLIMIT_DATA},
		{"STACK", RLIMIT_STACK},
		{"CORE", RLIMIT_CORE},
		{"RSS", RLIMIT_RSS},
		{"NPROC", RLIMIT_NPROC},
		{"NOFILE", RLIMIT_NOFILE},
		{"MEMLOCK", RLIMIT_MEMLOCK},
		{"AS", RLIMIT_AS},
		{"LOCKS", RLIMIT_LOCKS},
		{"SIGPENDING", RLIMIT_SIGPENDING},
		{"MSGQUEUE", RLIMIT_MSGQUEUE},
		{"NICE", RLIMIT_NICE},
		{"RTPRIO", RLIMIT_RTPRIO},
		{"RTTIME", RLIMIT_RTTIME},
	};
	static const char prefix[] = "RLIMIT_";
	size_t before, len = sizeof(prefix) - 1;
	int err;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (strncmp(type, prefix, len) ||
		    strcmp(type + len, limits[i].name))
			continue;
		*out = limits[i].resource;
		return 0;
	}
	before = reader_enter(r, "type");
	err = bundle_refuse(r->report, "\"%s\" is no limit", type);
	reader_leave(r, before);
	return err;
}

static int config_rlimit(struct reader *r, const json_t *object, void *element)
{
	static const char *const names[] = {"type", "soft", "hard", NULL};
	struct vfs_bundle_rlimit *limit = element;
	const char *type = "";
	int err = read_string(r, object, "type", true, &type);

	if (!err)
		err = read_number(r, object, "soft", true, UINT64_MAX,
				  &limit->cur);
	if (!err)
		err = read_number(r, object, "hard", true, UINT64_MAX,
				  &limit->max);
	if (!err)
		err = read_unknown(r, object, names, NULL);
	return err ? err : read_resource(r, type, &limit->resource);
}

/* OCI wants an error: which of the two is meant? */
static int check_rlimits(struct reader *r, const struct vfs_bundle_spec *spec)
{
	size_t before = reader_enter(r, "rlimits"), within;
	int err = 0;

	for (uint64_t i = 1; !err && i < spec->rlimit_count; i++)
		for (uint64_t k = 0; !err && k < i; k++) {
			if (spec->rlimits[k].resource !=
			    spec->rlimits[i].resource)
				continue;
			within = reader_enter_index(r, i);
			err = bundle_refuse(r->report,
					    "the same limit as number %llu",
					    (unsigned long long)k);
			reader_leave(r, within);
		}
	reader_leave(r, before);
	return err;
}

/* ---- the whole ---- */

static int read_command(struct reader *r, const json_t *object,
			struct vfs_bundle_spec *spec)
{
	int err = read_string(r, object, "cwd", true, &spec->cwd);
	size_t before = reader_enter(r, "cwd");

	if (!err && *spec->cwd != '/')
		err = bundle_refuse(r->report, "\"%s\" is not absolute",
				    spec->cwd);
	reader_leave(r, before);
	if (!err)
		err = read_strings(r, object, "args", &spec->args,
				   &spec->arg_count);
	if (!err)
		err = read_strings(r, object, "env", &spec->env,
				   &spec->env_count);
	return err;
}

/* Which is of no account without a terminal. */
static int config_console(struct reader *r, const json_t *object, void *context)
{
	static const char *const names[] = {"height", "width", NULL};
	struct vfs_bundle_spec *spec = context;
	int err;

	if (!(spec->flags & VFS_BUNDLE_TERMINAL))
		return 0;
	err = read_u32(r, object, "height", true, UINT16_MAX,
		       &spec->console_rows);
	if (!err)
		err = read_u32(r, object, "width", true, UINT16_MAX,
			       &spec->console_columns);
	return err ? err : read_unknown(r, object, names, NULL);
}

int config_process(struct reader *r, const json_t *object, void *context)
{
	static const char *const names[] = {"terminal",
					    "consoleSize",
					    "user",
					    "args",
					    "env",
					    "cwd",
					    "capabilities",
					    "rlimits",
					    "noNewPrivileges",
					    NULL};
	/* runtime-spec 1.2: nothing of a file system's */
	static const struct reader_unused unused[] = {
		{"commandLine", "a string"},
		{"apparmorProfile", "a string"},
		{"oomScoreAdj", "an integer"},
		{"selinuxLabel", "a string"},
		{"scheduler", "an object"},
		{"ioPriority", "an object"},
		{"execCPUAffinity", "an object"},
		{NULL, NULL}};
	struct vfs_bundle_spec *spec = context;
	bool terminal = false, nothing_new = false;
	int err = read_command(r, object, spec);

	if (!err)
		err = read_bool(r, object, "terminal", &terminal);
	if (!err)
		err = read_bool(r, object, "noNewPrivileges", &nothing_new);
	if (!err)
		err = read_object(r, object, "user", false, config_user, spec);
	if (!err)
		err = read_object(r, object, "capabilities", false,
				  config_capabilities, spec);
	if (!err)
		err = read_array(
			r, object, "rlimits", sizeof(struct vfs_bundle_rlimit),
			config_rlimit, &spec->rlimits, &spec->rlimit_count);
	if (!err)
		err = check_rlimits(r, spec);
	if (!err && terminal)
		spec->flags |= VFS_BUNDLE_TERMINAL;
	if (!err)
		err = read_object(r, object, "consoleSize", false,
				  config_console, spec);
	if (!err && nothing_new)
		spec->flags |= VFS_BUNDLE_NO_NEW_PRIVILEGES;
	if (!err)
		err = read_unused(r, object, unused);
	return err ? err : read_unknown(r, object, names, unused);
}
