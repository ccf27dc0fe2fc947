/* SPDX-License-Identifier: MIT */
/* vfs_bundle_read and vfs_bundle_parse: config.json, good and bad. */
#include "fixture.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int parse(struct fixture *f, const char *text, uint32_t flags,
		 struct vfs_bundle_spec **out)
{
	memset(f->why, 0, sizeof(f->why));
	f->world.log[0] = 0;
	return vfs_bundle_parse(f->world.vfs, text, strlen(text), f->dir, flags,
				out, f->why, sizeof(f->why));
}

static struct vfs_bundle_spec *parse_ok(struct fixture *f, const char *text)
{
	struct vfs_bundle_spec *spec = NULL;
	int err = parse(f, text, VFS_BUNDLE_STRICT, &spec);

	if (err)
		print_error("%s\n", f->why);
	check_ok(err);
	return spec;
}

#define check_bad(f, text, said) check__bad(f, text, said, __LINE__)
static void check__bad(struct fixture *f, const char *text, const char *said,
		       int line)
{
	struct vfs_bundle_spec *spec = (struct vfs_bundle_spec *)(void *)f;
	int err = parse(f, text, VFS_BUNDLE_STRICT, &spec);

	if (err != -EINVAL || strcmp(f->why, said)) {
		print_error("%s\nsays: %s\nnot:  %s\n", text, f->why, said);
		_fail(__FILE__, line);
	}
	assert_ptr_equal(spec, f);
	assert_int_equal(strncmp(f->world.log, "bundle: ", 8), 0);
	assert_string_equal(f->world.log + 8, f->why);
}

/* What `runc spec` and others write, and what they leave out. */
static const char whole[] =
	"{\"ociVersion\": \"1.2.0\",\n"
	" \"process\": {\n"
	"  \"terminal\": true, \"consoleSize\": {\"height\": 1, \"width\": "
	"2},\n"
	"  \"user\": {\"uid\": 5, \"gid\": 6, \"umask\": 63,\n"
	"   \"additionalGids\": [7, 8]},\n"
	"  \"args\": [\"sh\", \"-c\", \"\\u00fc\"], \"env\": [\"PATH=/bin\"],\n"
	"  \"cwd\": \"/etc\",\n"
	"  \"capabilities\": {\n"
	"   \"bounding\": [\"CAP_KILL\"], \"ambient\": null,\n"
	"   \"inheritable\": [\"CAP_FOWNER\"],\n"
	"   \"effective\": [\"CAP_CHOWN\"],\n"
	"   \"permitted\": [\"CAP_CHOWN\", \"CAP_CHECKPOINT_RESTORE\"]},\n"
	"  \"rlimits\": [{\"type\": \"RLIMIT_CORE\", \"soft\": 1, \"hard\": "
	"1},\n"
	"   {\"type\": \"RLIMIT_NOFILE\", \"soft\": 100, \"hard\": 200}],\n"
	"  \"noNewPrivileges\": true, \"apparmorProfile\": \"x\",\n"
	"  \"oomScoreAdj\": 1, \"selinuxLabel\": \"y\"},\n"
	" \"root\": {\"path\": \"rootfs\", \"readonly\": true},\n"
	" \"hostname\": \"h\", \"hooks\": {}, \"annotations\": {\"a/b\": "
	"\"c\"},\n"
	" \"mounts\": [\n"
	"  {\"destination\": \"/proc\", \"type\": \"proc\", \"source\": "
	"\"p\"},\n"
	"  {\"destination\": \"/b\", \"type\": \"none\", \"source\": "
	"\"there\",\n"
	"   \"options\": [\"rbind\", \"ro\"],\n"
	"   \"uidMappings\": [{\"containerID\": 1, \"hostID\": 2, \"size\": "
	"3}],\n"
	"   \"gidMappings\": []}],\n"
	" \"linux\": {\n"
	"  \"namespaces\": [{\"type\": \"mount\"}], \"resources\": {},\n"
	"  \"uidMappings\": [{\"containerID\": 0, \"hostID\": 9, \"size\": "
	"4}],\n"
	"  \"gidMappings\": [{\"containerID\": 0, \"hostID\": 0, \"size\": "
	"5}],\n"
	"  \"devices\": [{\"path\": \"/dev/x\", \"type\": \"c\", \"major\": "
	"10,\n"
	"   \"minor\": 11, \"fileMode\": 432, \"uid\": 1, \"gid\": 2},\n"
	"   {\"path\": \"/dev/y\", \"type\": \"p\"},\n"
	"   {\"path\": \"/dev/z\", \"type\": \"b\", \"major\": 1, \"minor\": "
	"2,\n"
	"    \"fileMode\": 25008}],\n"
	"  \"maskedPaths\": [\"/m\"], \"readonlyPaths\": [\"/r\", \"/s\"],\n"
	"  \"seccomp\": {}, \"rootfsPropagation\": \"rslave\"}}\n";

static void check_process(const struct vfs_bundle_spec *spec)
{
	assert_int_equal(spec->flags,
			 VFS_BUNDLE_TERMINAL | VFS_BUNDLE_NO_NEW_PRIVILEGES |
				 VFS_BUNDLE_ROOT_READONLY | VFS_BUNDLE_UMASK);
	assert_int_equal(spec->uid, 5);
	assert_int_equal(spec->gid, 6);
	assert_int_equal(spec->umask, 077);
	assert_int_equal(spec->console_rows, 1);
	assert_int_equal(spec->console_columns, 2);
	assert_int_equal(spec->group_count, 2);
	assert_int_equal(spec->groups[1], 8);
	assert_int_equal(spec->arg_count, 3);
	assert_string_equal(spec->args[2], "\xc3\xbc");
	assert_int_equal(spec->env_count, 1);
	assert_string_equal(spec->env[0], "PATH=/bin");
	assert_string_equal(spec->cwd, "/etc");
	assert_true(spec->cap_effective == 1);
	assert_true(spec->cap_permitted == (1 | UINT64_C(1) << 40));
	assert_true(spec->cap_bounding == 1 << 5);
	assert_true(spec->cap_inheritable == 1 << 3);
	assert_true(spec->cap_ambient == 0);
	assert_int_equal(spec->rlimit_count, 2);
	assert_int_equal(spec->rlimits[0].resource, RLIMIT_CORE);
	assert_int_equal(spec->rlimits[1].resource, RLIMIT_NOFILE);
	assert_int_equal(spec->rlimits[1].max, 200);
}

static void check_linux(const struct vfs_bundle_spec *spec)
{
	assert_int_equal(spec->uid_map_count, 1);
	assert_int_equal(spec->uid_maps[0].outside, 9);
	assert_int_equal(spec->gid_maps[0].count, 5);
	assert_int_equal(spec->device_count, 3);
	assert_int_equal(spec->devices[0].mode, S_IFCHR | 0660);
	assert_int_equal(spec->devices[0].minor, 11);
	assert_int_equal(spec->devices[1].mode, S_IFIFO | 0666);
	assert_int_equal(spec->devices[2].mode, S_IFBLK | 0660);
	assert_int_equal(spec->masked_path_count, 1);
	assert_string_equal(spec->readonly_paths[1], "/s");
	assert_string_equal(spec->propagation, "rslave");
}

static void test_config__every_field(void **state)
{
	struct fixture *f = *state;
	struct vfs_bundle_spec *spec = parse_ok(f, whole);

	check_process(spec);
	check_linux(spec);
	assert_string_equal(spec->root_path, host_path(f, "rootfs"));
	assert_int_equal(spec->mount_count, 2);
	assert_string_equal(spec->mounts[0].type, "proc");
	assert_string_equal(spec->mounts[0].source, "p");
	assert_int_equal(spec->mounts[0].option_count, 0);
	/* of a bind the source is a path of the bundle's */
	assert_string_equal(spec->mounts[1].source, host_path(f, "there"));
	assert_string_equal(spec->mounts[1].options[1], "ro");
	assert_int_equal(spec->mounts[1].uid_maps[0].count, 3);
	vfs_bundle_spec_free(spec);
}

static void test_config__as_little_as_possible(void **state)
{
	struct fixture *f = *state;
	struct vfs_bundle_spec *spec;

	spec = parse_ok(f, "{\"root\":{\"path\":\"/abs\"},\"process\":null,"
			   "\"mounts\":null,\"linux\":{\"devices\":null}}");
	assert_string_equal(spec->root_path, "/abs");
	assert_int_equal(spec->flags, 0);
	assert_int_equal(spec->size, sizeof(*spec));
	vfs_bundle_spec_free(spec);
	/* RLIM_INFINITY is larger than most integers of JSON */
	spec = parse_ok(f, "{\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":"
			   "\"/\",\"user\":{\"uid\":4294967294,\"gid\":0},"
			   "\"oomScoreAdj\":-5,"
			   "\"rlimits\":[{\"type\":\"RLIMIT_FSIZE\","
			   "\"soft\":18446744073709551615,"
			   "\"hard\":18446744073709551615}]}}");
	assert_true(spec->rlimits[0].max == VFS_RLIM_INFINITY);
	assert_int_equal(spec->uid, 4294967294u);
	vfs_bundle_spec_free(spec);
	/* a size without a terminal is of no account */
	spec = parse_ok(f, "{\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":"
			   "\"/\",\"consoleSize\":{\"height\":-5}}}");
	assert_int_equal(spec->console_rows, 0);
	vfs_bundle_spec_free(spec);
}

static void test_config__broken_text(void **state)
{
	struct fixture *f = *state;
	struct vfs_bundle_spec *spec = NULL;

	check_eq(parse(f, "{\n \"root\": {\"path\" \"x\"}}", 0, &spec),
		 -EINVAL);
	assert_non_null(strstr(f->why, "config.json:2:"));
	check_eq(parse(f, "", 0, &spec), -EINVAL);
	assert_non_null(strstr(f->why, "config.json:1:0: "));
	check_eq(parse(f, "{\"a\":1,\"a\":2}", 0, &spec), -EINVAL);
	assert_non_null(strstr(f->why, "duplicate"));
	check_eq(parse(f, "{\"root\":{\"path\":\"a\\u0000b\"}}", 0, &spec),
		 -EINVAL);
	check_eq(parse(f, "{\"root\":{\"path\":\"\xff\"}}", 0, &spec), -EINVAL);
	check_eq(parse(f, "{} x", 0, &spec), -EINVAL);
	check_eq(parse(f, "{\"a\":1e999}", 0, &spec), -EINVAL);
	check_bad(f, "[]", "config.json: /: an array where an object belongs");
	assert_null(spec);
}

#define ROOT "\"root\":{\"path\":\"r\"}"
#define PROCESS(text) "{" ROOT ",\"process\":{\"cwd\":\"/\"," text "}}"
#define LINUX(text) "{" ROOT ",\"linux\":{" text "}}"
#define MOUNTED(text) \
	"{" ROOT ",\"mounts\":[{\"destination\":\"/a\"},{" text "}]}"

static const struct {
	const char *text;
	const char *said; /* behind "config.json: " */
} bad[] = {
	{"{}", "/root: missing"},
	{"{\"root\":null}", "/root: missing"},
	{"{\"root\":[]}", "/root: an array where an object belongs"},
	{"{\"root\":{}}", "/root/path: missing"},
	{"{\"root\":{\"path\":1}}",
	 "/root/path: an integer where a string belongs"},
	{"{\"root\":{\"path\":\"\"}}", "/root/path: empty"},
	{"{" ROOT ",\"hostname\":1}",
	 "/hostname: an integer where a string belongs"},
	{"{" ROOT ",\"hooks\":[]}", "/hooks: an array where an object belongs"},
	{"{\"root\":{\"path\":\"r\",\"readonly\":\"y\"}}",
	 "/root/readonly: a string where a boolean belongs"},
	{"{\"root\":{\"path\":\"r\",\"more\":1}}", "/root/more: unknown field"},
	{"{\"ociVersion\":1," ROOT "}",
	 "/ociVersion: an integer where a string belongs"},
	{"{" ROOT ",\"mount\":[]}", "/mount: unknown field"},
	{"{" ROOT ",\"mounts\":{}}",
	 "/mounts: an object where an array belongs"},
	{"{" ROOT ",\"mounts\":[1]}",
	 "/mounts/0: an integer where an object belongs"},
	{MOUNTED("\"type\":\"tmpfs\""), "/mounts/1/destination: missing"},
	{MOUNTED("\"destination\":true"),
	 "/mounts/1/destination: a boolean where a string belongs"},
	{MOUNTED("\"destination\":\"/b\",\"type\":1.5"),
	 "/mounts/1/type: a real number where a string belongs"},
	{MOUNTED("\"destination\":\"/b\",\"options\":\"ro\""),
	 "/mounts/1/options: a string where an array belongs"},
	{MOUNTED("\"destination\":\"/b\",\"options\":[\"ro\",1]"),
	 "/mounts/1/options/1: an integer where a string belongs"},
	{MOUNTED("\"destination\":\"/b\",\"uidMappings\":[{}]"),
	 "/mounts/1/uidMappings/0/containerID: missing"},
	{MOUNTED("\"destination\":\"/b\",\"flags\":1"),
	 "/mounts/1/flags: unknown field"},
	{"{" ROOT ",\"process\":{}}", "/process/cwd: missing"},
	{"{" ROOT ",\"process\":{\"cwd\":\"x\"}}",
	 "/process/cwd: \"x\" is not absolute"},
	{PROCESS("\"args\":[null]"),
	 "/process/args/0: null where a string belongs"},
	{PROCESS("\"env\":{}"),
	 "/process/env: an object where an array belongs"},
	{PROCESS("\"terminal\":0"),
	 "/process/terminal: an integer where a boolean belongs"},
	{PROCESS("\"terminal\":true,\"consoleSize\":[25,80]"),
	 "/process/consoleSize: an array where an object belongs"},
	{PROCESS("\"terminal\":true,\"consoleSize\":{\"height\":25}"),
	 "/process/consoleSize/width: missing"},
	{PROCESS("\"terminal\":true,\"consoleSize\":"
		 "{\"height\":65536,\"width\":80}"),
	 "/process/consoleSize/height: it is no integer from 0 to 65535"},
	{PROCESS("\"user\":{\"gid\":0}"), "/process/user/uid: missing"},
	{PROCESS("\"user\":{\"uid\":\"0\",\"gid\":0}"),
	 "/process/user/uid: a string where an integer belongs"},
	{PROCESS("\"user\":{\"uid\":-1,\"gid\":0}"),
	 "/process/user/uid: it is no integer from 0 to 4294967294"},
	{PROCESS("\"user\":{\"uid\":4294967295,\"gid\":0}"),
	 "/process/user/uid: it is no integer from 0 to 4294967294"},
	{PROCESS("\"user\":{\"uid\":0,\"gid\":0.5}"),
	 "/process/user/gid: it is no integer from 0 to 4294967294"},
	{PROCESS("\"user\":{\"uid\":0,\"gid\":0,\"umask\":512}"),
	 "/process/user/umask: it is no integer from 0 to 511"},
	{PROCESS("\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":{}}"),
	 "/process/user/additionalGids: an object where an array belongs"},
	{PROCESS("\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[1,-1]}"),
	 "/process/user/additionalGids/1: it is no integer from 0 to "
	 "4294967294"},
	{PROCESS("\"user\":{\"uid\":0,\"gid\":0,\"name\":\"x\"}"),
	 "/process/user/name: unknown field"},
	{PROCESS("\"capabilities\":{\"effective\":[\"CAP_FLY\"]}"),
	 "/process/capabilities/effective/0: \"CAP_FLY\" is no capability"},
	{PROCESS("\"capabilities\":{\"ambient\":[\"CAP_KILL\",\"KILL\"]}"),
	 "/process/capabilities/ambient/1: \"KILL\" is no capability"},
	{PROCESS("\"capabilities\":{\"effective\":[\"CAP_KILL\"]}"),
	 "/process/capabilities/effective: there are some that are not "
	 "permitted"},
	{PROCESS("\"capabilities\":{\"all\":[]}"),
	 "/process/capabilities/all: unknown field"},
	{PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1}]"),
	 "/process/rlimits/0/hard: missing"},
	{PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_FUN\",\"soft\":1,"
		 "\"hard\":1}]"),
	 "/process/rlimits/0/type: \"RLIMIT_FUN\" is no limit"},
	{PROCESS("\"rlimits\":["
		 "{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},"
		 "{\"type\":\"RLIMIT_CORE\",\"soft\":1,\"hard\":1},"
		 "{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1}]"),
	 "/process/rlimits/2: the same limit as number 0"},
	{PROCESS("\"cmd\":[]"), "/process/cmd: unknown field"},
	{LINUX("\"uidMappings\":[{\"containerID\":0,\"hostID\":0}]"),
	 "/linux/uidMappings/0/size: missing"},
	{LINUX("\"devices\":[{\"path\":\"/d\"}]"),
	 "/linux/devices/0/type: missing"},
	{LINUX("\"devices\":[{\"path\":\"/d\",\"type\":\"x\"}]"),
	 "/linux/devices/0/type: \"x\" is none of c, u, b and p"},
	{LINUX("\"devices\":[{\"path\":\"/d\",\"type\":\"c\",\"major\":1}]"),
	 "/linux/devices/0/minor: missing"},
	{LINUX("\"devices\":[{\"path\":\"/d\",\"type\":\"c\",\"major\":5000,"
	       "\"minor\":0}]"),
	 "/linux/devices/0/major: it is no integer from 0 to 4095"},
	{LINUX("\"maskedPaths\":[1]"),
	 "/linux/maskedPaths/0: an integer where a string belongs"},
	{LINUX("\"rootfsPropagation\":\"loud\""),
	 "/linux/rootfsPropagation: \"loud\" is no kind of propagation"},
	{LINUX("\"a/b\":1"), "/linux/a/b: unknown field"},
	/* what there is no use for */
	{"{" ROOT ",\"annotations\":[]}",
	 "/annotations: an array where an object belongs"},
	{PROCESS("\"oomScoreAdj\":\"-5\""),
	 "/process/oomScoreAdj: a string where an integer belongs"},
	{PROCESS("\"apparmorProfile\":{}"),
	 "/process/apparmorProfile: an object where a string belongs"},
	{PROCESS("\"scheduler\":\"SCHED_IDLE\""),
	 "/process/scheduler: a string where an object belongs"},
	{LINUX("\"namespaces\":{\"type\":\"pid\"}"),
	 "/linux/namespaces: an object where an array belongs"},
	{LINUX("\"seccomp\":[]"),
	 "/linux/seccomp: an array where an object belongs"},
	{LINUX("\"cgroupsPath\":1"),
	 "/linux/cgroupsPath: an integer where a string belongs"},
};

static void test_config__fields_that_are_wrong(void **state)
{
	struct fixture *f = *state;
	char said[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(said, sizeof(said), "config.json: %s", bad[i].said);
		check_bad(f, bad[i].text, said);
	}
}

/* Without VFS_BUNDLE_STRICT they are told, and no more, as OCI has it. */
static void test_config__unknown_fields_are_told(void **state)
{
	struct fixture *f = *state;
	struct vfs_bundle_spec *spec = NULL;

	check_ok(parse(f, "{" ROOT ",\"more\":{\"x\":1}}", 0, &spec));
	assert_string_equal(f->world.log, "bundle: config.json: /more: unknown "
					  "field, not looked at");
	assert_string_equal(f->why, "");
	vfs_bundle_spec_free(spec);
}

/* So are fields that are known and not for a file system, to who wants to know
 * that; they are no error for anybody. */
static void test_config__unused_fields_are_told(void **state)
{
	struct fixture *f = *state;

	vfs_bundle_spec_free(parse_ok(f, PROCESS("\"oomScoreAdj\":-5")));
	assert_string_equal(f->world.log, "bundle: config.json: "
					  "/process/oomScoreAdj: not looked "
					  "at");
	vfs_bundle_spec_free(parse_ok(f, LINUX("\"seccomp\":{\"x\":1}")));
	assert_string_equal(f->world.log, "bundle: config.json: "
					  "/linux/seccomp: not looked at");
	vfs_bundle_spec_free(parse_ok(f, "{\"hostname\":\"h\"," ROOT "}"));
	assert_string_equal(f->world.log, "bundle: config.json: /hostname: not "
					  "looked at");
}

/* A capability of a newer kernel's, too: the others are given. */
static void test_config__unknown_capabilities_are_told(void **state)
{
	struct fixture *f = *state;
	struct vfs_bundle_spec *spec = NULL;

	check_ok(parse(f,
		       PROCESS("\"capabilities\":{\"permitted\":[\"CAP_KILL\","
			       "\"CAP_FLY\",\"CAP_CHOWN\"]}"),
		       0, &spec));
	assert_string_equal(f->world.log,
			    "bundle: config.json: "
			    "/process/capabilities/permitted/1: \"CAP_FLY\" is "
			    "no capability, and is left out");
	assert_string_equal(f->why, "");
	assert_true(spec->cap_permitted == (1 | 1 << 5));
	vfs_bundle_spec_free(spec);
}

static void test_config__a_field_that_is_long(void **state)
{
	struct fixture *f = *state;
	struct vfs_bundle_spec *spec = NULL;
	char *text = malloc(4096);

	assert_non_null(text);
	memset(text, 'k', 4096);
	memcpy(text, "{\"", 2);
	strcpy(text + 3000, "\":1," ROOT "}");
	check_eq(parse(f, text, VFS_BUNDLE_STRICT, &spec), -EINVAL);
	check_ok(parse(f, text, 0, &spec));
	vfs_bundle_spec_free(spec);
	free(text);
}

/* ---- the file ---- */

static int read_bundle(struct fixture *f, struct vfs_bundle_spec **out)
{
	memset(f->why, 0, sizeof(f->why));
	return vfs_bundle_read(f->world.vfs, f->dir, 0, out, f->why,
			       sizeof(f->why));
}

static void test_file__none(void **state)
{
	struct fixture *f = *state;
	struct vfs_bundle_spec *spec = NULL;
	char said[256];

	check_eq(read_bundle(f, &spec), -ENOENT);
	snprintf(said, sizeof(said),
		 "%s/config.json: No such file or "
		 "directory",
		 f->dir);
	assert_string_equal(f->why, said);
	host_dir(f, "config.json", 0755);
	check_eq(read_bundle(f, &spec), -EISDIR);
	assert_int_equal(rmdir(host_path(f, "config.json")), 0);
	assert_int_equal(mkfifo(host_path(f, "config.json"), 0644), 0);
	check_eq(read_bundle(f, &spec), -EINVAL);
	assert_int_equal(unlink(host_path(f, "config.json")), 0);
	host_file(f, "config.json", "", 0644);
	check_eq(read_bundle(f, &spec), -EINVAL);
	assert_int_equal(truncate(host_path(f, "config.json"), 17 << 20), 0);
	check_eq(read_bundle(f, &spec), -EFBIG);
	assert_null(spec);
}

static void test_file__to_a_task(void **state)
{
	struct fixture *f = *state;
	struct vfs_bundle_spec *spec = NULL;
	char cwd[64];

	host_dir(f, "there", 0755);
	host_file(f, "there/file", "bound", 0644);
	host_file(f, "config.json",
		  "{\"root\":{\"path\":\"rootfs\"},\n"
		  "\"mounts\":[{\"destination\":\"/b\",\"source\":\"there\","
		  "\"options\":[\"bind\"]},\n"
		  "{\"destination\":\"/dev\",\"type\":\"tmpfs\"},\n"
		  "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\"}],\n"
		  "\"process\":{\"cwd\":\"/b\",\"args\":[\"sh\"],"
		  "\"env\":[\"PATH=/bin\"]},\n"
		  "\"linux\":{\"maskedPaths\":[\"/etc\"]}}\n",
		  0644);
	check_ok(read_bundle(f, &spec));
	check_ok(vfs_bundle_load(f->world.vfs, spec, &f->bundle, f->why,
				 sizeof(f->why)));
	vfs_bundle_spec_free(spec);
	f->task = vfs_bundle_task(f->bundle);
	assert_string_equal(vfs_bundle_executable(f->bundle), "/bin/sh");
	assert_string_equal(vfs_bundle_arg(f->bundle, 0), "sh");
	check_fd(vfs_getcwd(f->task, cwd, sizeof(cwd)));
	assert_string_equal(cwd, "/b");
	check_file(f->task, "file", "bound");
	assert_false(exists(f->task, "/etc/passwd"));
	/* who has no capabilities in the config has none */
	check_eq(vfs_chown(f->task, "/b/file", 5, 5), -EPERM);
	unload(f);
}

static void test_file__nonsense(void **state)
{
	struct fixture *f = *state;
	struct vfs *vfs = f->world.vfs;
	struct vfs_bundle_spec *spec;

	check_eq(vfs_bundle_read(NULL, "/", 0, &spec, NULL, 0), -EFAULT);
	check_eq(vfs_bundle_read(vfs, NULL, 0, &spec, NULL, 0), -EFAULT);
	check_eq(vfs_bundle_read(vfs, "/", 0, NULL, NULL, 0), -EFAULT);
	check_eq(vfs_bundle_read(vfs, "/", 2, &spec, NULL, 0), -EINVAL);
	check_eq(vfs_bundle_parse(NULL, "{}", 2, NULL, 0, &spec, NULL, 0),
		 -EFAULT);
	check_eq(vfs_bundle_parse(vfs, NULL, 2, NULL, 0, &spec, NULL, 0),
		 -EFAULT);
	check_eq(vfs_bundle_parse(vfs, "{}", 2, NULL, 0, NULL, NULL, 0),
		 -EFAULT);
	check_eq(vfs_bundle_parse(vfs, "{}", 2, NULL, 2, &spec, NULL, 0),
		 -EINVAL);
	check_eq(vfs_bundle_parse(vfs, "{}", 2, NULL, 0, &spec, f->why, 0),
		 -EINVAL);
	check_eq(vfs_bundle_parse(vfs, "{}", SIZE_MAX, NULL, 0, &spec, NULL, 0),
		 -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_config__every_field),
		fixture_test(test_config__as_little_as_possible),
		fixture_test(test_config__broken_text),
		fixture_test(test_config__fields_that_are_wrong),
		fixture_test(test_config__unknown_fields_are_told),
		fixture_test(test_config__unused_fields_are_told),
		fixture_test(test_config__unknown_capabilities_are_told),
		fixture_test(test_config__a_field_that_is_long),
		fixture_test(test_file__none),
		fixture_test(test_file__to_a_task),
		fixture_test(test_file__nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
