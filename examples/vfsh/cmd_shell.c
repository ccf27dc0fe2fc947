/* SPDX-License-Identifier: MIT */
/* cd, pwd, umask, id, su, echo, time, sync, help, exit. */
#include <sys/resource.h>

#include "vfsh.h"

static int run_cd(struct shell *sh, int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "/";
	int error;

	if (argc > 2)
		return sh_usage(sh);
	error = vfs_chdir(sh->task, path);
	return error ? sh_fail(sh, path, error) : 0;
}

static int run_pwd(struct shell *sh, int argc, char **argv)
{
	char path[SH_PATH_SIZE];
	int64_t length = vfs_getcwd(sh->task, path, sizeof(path));

	(void)argv;
	if (argc > 1)
		return sh_usage(sh);
	if (length < 0)
		return sh_fail(sh, ".", (int)length);
	fprintf(sh->out, "%s\n", path);
	return 0;
}

static int run_umask(struct shell *sh, int argc, char **argv)
{
	uint32_t mask = sh_umask(sh);

	if (argc > 2)
		return sh_usage(sh);
	if (argc == 1) {
		fprintf(sh->out, "%04o\n", mask);
		return 0;
	}
	if (*argv[1] < '0' || *argv[1] > '9') {
		/* A symbolic mode says what is allowed, not what is masked. */
		if (!sh_parse_mode(argv[1], ~mask & 0777, 0, &mask))
			return sh_complain(sh, "%s: not a mode", argv[1]);
		mask = ~mask & 0777;
	} else if (!sh_parse_mode(argv[1], 0, 0, &mask)) {
		return sh_complain(sh, "%s: not a mode", argv[1]);
	}
	vfs_umask(sh->task, mask);
	return 0;
}

static void print_id(FILE *out, const char *label, uint32_t id,
		     const char *name)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", id);
	fprintf(out, "%s%s", label, number);
	if (strcmp(name, number) != 0)
		fprintf(out, "(%s)", name);
}

static int run_id(struct shell *sh, int argc, char **argv)
{
	const struct vfs_cred_spec *ids = &sh->ids;
	char name[SH_NAME_SIZE];

	(void)argv;
	if (argc > 1)
		return sh_usage(sh);
	print_id(sh->out, "uid=", ids->uid, sh_user_name(sh, ids->uid, name));
	print_id(sh->out, " gid=", ids->gid, sh_group_name(sh, ids->gid, name));
	for (uint64_t i = 0; i < ids->group_count; i++)
		print_id(sh->out, i ? "," : " groups=", ids->groups[i],
			 sh_group_name(sh, ids->groups[i], name));
	fputc('\n', sh->out);
	return 0;
}

/* The shell is the embedder, not a process in the tree: it may become
 * anybody, and root again. */
static int run_su(struct shell *sh, int argc, char **argv)
{
	struct vfs_cred_spec spec = {0};
	struct vfs_cred_spec outer = sh->ids;
	int status = 0;
	int error;

	if (argc < 2)
		return sh_usage(sh);
	if (!sh_parse_ids(argv[1], &spec))
		return sh_complain(sh, "%s: not UID:GID[:GROUP,GROUP...]",
				   argv[1]);
	error = sh_become(sh, &spec);
	if (error) {
		free((void *)spec.groups);
		return sh_fail(sh, argv[1], error);
	}
	sh->ids = spec;
	if (argc == 2) {
		free((void *)outer.groups);
		return 0;
	}
	status = sh_run_words(sh, argc - 2, argv + 2);
	free((void *)sh->ids.groups);
	sh->ids = outer;
	error = sh_become(sh, &outer);
	return error ? sh_fail(sh, "back again", error) : status;
}

static int run_echo(struct shell *sh, int argc, char **argv)
{
	bool newline = argc < 2 || strcmp(argv[1], "-n") != 0;

	for (int i = newline ? 1 : 2; i < argc; i++)
		fprintf(sh->out, "%s%s", argv[i], i + 1 < argc ? " " : "");
	if (newline)
		fputc('\n', sh->out);
	return 0;
}

static double used(const struct timeval *from, const struct timeval *to)
{
	return (double)(to->tv_sec - from->tv_sec) +
	       1e-6 * (double)(to->tv_usec - from->tv_usec);
}

static int run_time(struct shell *sh, int argc, char **argv)
{
	struct rusage before;
	struct rusage after;
	double start;
	int status;

	if (argc < 2)
		return sh_usage(sh);
	getrusage(RUSAGE_SELF, &before);
	start = sh_now();
	status = sh_run_words(sh, argc - 1, argv + 1);
	start = sh_now() - start;
	getrusage(RUSAGE_SELF, &after);
	fflush(sh->out);
	fprintf(stderr, "real %.6f s  user %.6f s  sys %.6f s\n", start,
		used(&before.ru_utime, &after.ru_utime),
		used(&before.ru_stime, &after.ru_stime));
	return status;
}

static int run_sync(struct shell *sh, int argc, char **argv)
{
	int error;

	(void)argv;
	if (argc > 1)
		return sh_usage(sh);
	error = vfs_sync(sh->task);
	return error ? sh_fail(sh, "/", error) : 0;
}

static void help_all(struct shell *sh)
{
	for (const struct command *const *family = sh_families; *family;
	     family++)
		for (const struct command *at = *family; at->name; at++)
			fprintf(sh->out, "%-9s %s\n", at->name, at->help);
	fputs("\nquotes '..' \"..\" \\, ; && ||, > and >>, * ? [..], # "
	      "comments;"
	      "\n`help COMMAND` and `COMMAND --help` say more\n",
	      sh->out);
}

static int run_help(struct shell *sh, int argc, char **argv)
{
	int status = 0;

	if (argc == 1)
		help_all(sh);
	for (int i = 1; i < argc; i++) {
		const struct command *command = sh_command_find(argv[i]);

		if (command)
			fprintf(sh->out, "usage: %s %s\n%s\n", command->name,
				command->usage, command->help);
		else
			status =
				sh_complain(sh, "%s: no such command", argv[i]);
	}
	return status;
}

static int run_exit(struct shell *sh, int argc, char **argv)
{
	uint64_t status = (uint64_t)sh->failure;

	if (argc > 2 || (argc == 2 && !sh_parse_number(argv[1], 255, &status)))
		return sh_usage(sh);
	sh->failure = (int)status;
	sh->quit = true;
	return (int)status;
}

const struct command sh_shell_commands[] = {
	{"cd", run_cd, "[DIRECTORY]", "change the working directory"},
	{"pwd", run_pwd, "", "print the working directory"},
	{"umask", run_umask, "[MODE]", "print or set the creation mask"},
	{"id", run_id, "", "who the task is"},
	{"su", run_su, "UID:GID[:GROUP,GROUP...] [COMMAND [ARGUMENT]...]",
	 "become somebody else, for one command or from now on"},
	{"echo", run_echo, "[-n] [TEXT]...", "print words"},
	{"time", run_time, "COMMAND [ARGUMENT]...", "how long a command takes"},
	{"sync", run_sync, "", "write everything out"},
	{"help", run_help, "[COMMAND]...", "this list"},
	{"exit", run_exit, "[STATUS]",
	 "leave; without a status, with the last failure's"},
	{0},
};
