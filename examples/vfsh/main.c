/* SPDX-License-Identifier: MIT */
/* vfsh: the command line, and where lines come from. */
#include <pthread.h>
#include <signal.h>

#include "vfsh.h"

#ifdef HAVE_LIBEDIT
#include <editline/readline.h>
#endif

static const char usage_text[] =
	"usage: vfsh [-e] [-t TYPE] [-o OPTIONS] "
	"[-m TYPE[=SOURCE]:TARGET[:OPTIONS]]...\n"
	"            [-u UID:GID[:GROUP,GROUP...]] [-c COMMANDS | SCRIPT]\n"
	"\n"
	"  -t TYPE        the root's file system (tmpfs)\n"
	"  -o OPTIONS     its mount options, such as size=1g,nr_inodes=10k\n"
	"  -m MOUNT       what is mounted, the root too: tmpfs:/:size=1g,\n"
	"                 proc:/proc, hostfs=/srv:/mnt:ro\n"
	"  -u IDS         who works in it (0:0, with every capability)\n"
	"  -c COMMANDS    run these; without -c and SCRIPT, lines from the "
	"input\n"
	"  -e             stop at the first failure\n"
	"  -h, --help     this\n"
	"  -V, --version  the version\n"
	"\n"
	"The exit status is that of the last failure. `help` lists the\n"
	"commands.\n";

/* A -m that is not the root's; its words are the command line's. */
struct mounting {
	char *type, *source, *target, *options;
};

struct settings {
	char *type;
	char *source;
	char *options;
	struct mounting *mounts;
	size_t mount_count;
	const char *ids;
	const char *commands;
	bool stop_on_failure;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "vfsh: %s: %s\n", what, why);
	return 2;
}

/* Cuts text at the first c; what is behind it, or NULL. */
static char *cut(char *text, char c)
{
	char *at = strchr(text, c);

	if (at)
		*at++ = '\0';
	return at;
}

/* TYPE[=SOURCE]:TARGET[:OPTIONS] */
static int parse_mount(char *text, struct settings *settings)
{
	struct mounting mount = {.type = text, .target = strchr(text, ':')};

	if (!mount.target || mount.target == text || mount.target[1] != '/')
		return fail(text, "not TYPE[=SOURCE]:TARGET[:OPTIONS]");
	mount.target = cut(text, ':');
	mount.options = cut(mount.target, ':');
	mount.source = cut(mount.type, '=');
	if (strcmp(mount.target, "/") == 0) {
		settings->type = mount.type;
		settings->source = mount.source;
		settings->options = mount.options;
		return 0;
	}
	settings->mounts = sh_realloc(
		settings->mounts, (settings->mount_count + 1) * sizeof(mount));
	settings->mounts[settings->mount_count++] = mount;
	return 0;
}

/* Less than 0: go on; otherwise the exit status. */
static int parse_arguments(int argc, char **argv, struct settings *settings)
{
	static const struct option longs[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "+c:ehm:o:t:u:V", longs,
				     NULL)) != -1) {
		if (letter == 'c') {
			settings->commands = optarg;
		} else if (letter == 'e') {
			settings->stop_on_failure = true;
		} else if (letter == 'm') {
			if (parse_mount(optarg, settings))
				return 2;
		} else if (letter == 'o') {
			settings->options = optarg;
		} else if (letter == 't') {
			settings->type = optarg;
		} else if (letter == 'u') {
			settings->ids = optarg;
		} else if (letter == 'V') {
			printf("vfsh %d.%d.%d\n", VFS_VERSION_MAJOR,
			       VFS_VERSION_MINOR, VFS_VERSION_PATCH);
			return 0;
		} else {
			fputs(usage_text, letter == 'h' ? stdout : stderr);
			return letter == 'h' ? 0 : 2;
		}
	}
	if (argc - optind > (settings->commands ? 0 : 1)) {
		fputs(usage_text, stderr);
		return 2;
	}
	return -1;
}

/* ---- the instance ---- */

static void print_log(void *context, int32_t level, const char *message)
{
	(void)context;
	if (level <= VFS_LOG_WARNING)
		fprintf(stderr, "vfsh: %s\n", message);
}

/* What is missing of the mount point is made. */
static int mount_one(struct shell *sh, const struct mounting *mount)
{
	char *options = sh_strdup(mount->options ? mount->options : "");
	uint64_t flags = 0;
	int error = vfs_make_mountpoint(sh->task, mount->target, 0);

	sh_take_flags(options, &flags);
	if (!error)
		error = vfs_mount(sh->task,
				  mount->source ? mount->source : mount->type,
				  mount->target, mount->type, flags, options);
	free(options);
	return error ? fail(mount->target, vfs_strerror(error)) : 0;
}

static int shell_init(struct shell *sh, const struct settings *settings)
{
	/* who has this shell has the host's files anyway */
	static const struct vfs_filesystem_type *const types[] = {
		&vfs_hostfs_type};
	struct vfs_config config = {
		.size = sizeof(config),
		.log = print_log,
		.root_type = settings->type,
		.root_source = settings->source,
		.root_options = settings->options,
		.types = types,
		.type_count = 1,
	};
	int error;

	if (!sh_parse_ids(settings->ids, &sh->ids))
		return fail(settings->ids, "not UID:GID[:GROUP,GROUP...]");
	error = vfs_create(&config, &sh->vfs);
	if (error)
		return fail(settings->type ? settings->type : "tmpfs",
			    vfs_strerror(error));
	error = vfs_task_create(sh->vfs, NULL, &sh->task);
	for (size_t i = 0; !error && i < settings->mount_count; i++)
		if (mount_one(sh, &settings->mounts[i]))
			return 2;
	if (error == 0)
		error = sh_become(sh, &sh->ids);
	return error ? fail(settings->ids, vfs_strerror(error)) : 0;
}

static void shell_fini(struct shell *sh)
{
	sh_watch_end(sh);
	sh_ids_forget(sh);
	vfs_task_unref(sh->task);
	vfs_unref(sh->vfs);
	free((void *)sh->ids.groups);
}

/* ---- lines ---- */

/* A line without its newline, or NULL at the end. The caller frees it. */
typedef char *line_source(struct shell *sh, void *context, bool more);

static char *line_of_file(struct shell *sh, void *context, bool more)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length = getline(&line, &room, context);

	(void)sh;
	(void)more;
	if (length < 0) {
		free(line);
		return NULL;
	}
	if (length > 0 && line[length - 1] == '\n')
		line[length - 1] = '\0';
	return line;
}

static char *line_of_terminal(struct shell *sh, void *context, bool more)
{
	char prompt[SH_PATH_SIZE + 16] = "> ";
	char path[SH_PATH_SIZE];
	char *line;

	if (!more) {
		if (vfs_getcwd(sh->task, path, sizeof(path)) < 0)
			strcpy(path, "?");
		snprintf(prompt, sizeof(prompt), "vfs:%s%s ", path,
			 sh->ids.uid == 0 ? "#" : "$");
	}
#ifdef HAVE_LIBEDIT
	(void)context;
	line = readline(prompt);
	if (line && *line)
		add_history(line);
#else
	fputs(prompt, stdout);
	fflush(stdout);
	line = line_of_file(sh, context, more);
#endif
	return line;
}

/* Runs every line; one that is not finished goes on in the next. */
static void run_lines(struct shell *sh, line_source *next, void *context)
{
	char *text = NULL;
	char *line;

	while (!sh->quit && (line = next(sh, context, text != NULL))) {
		if (text) {
			size_t size = strlen(text) + strlen(line) + 2;

			text = sh_realloc(text, size);
			strcat(strcat(text, "\n"), line);
			free(line);
		} else {
			text = line;
		}
		atomic_store(&sh->interrupted, false);
		sh_ids_forget(sh);
		if (sh_run_text(sh, text) == PARSE_INCOMPLETE)
			continue;
		free(text);
		text = NULL;
	}
	if (text) {
		sh_complain(sh, "a quote or a command is not finished");
		sh->failure = 2;
		free(text);
	}
}

static int run_commands(struct shell *sh, const char *text)
{
	if (sh_run_text(sh, text) == PARSE_INCOMPLETE) {
		sh_complain(sh, "a quote or a command is not finished");
		sh->failure = 2;
	}
	return sh->failure;
}

static void run_script(struct shell *sh, const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file) {
		sh->failure = fail(path, strerror(errno));
		return;
	}
	run_lines(sh, line_of_file, file);
	fclose(file);
}

/* ---- Ctrl-C ends a command, not the shell ---- */

static void *wait_for_interrupt(void *context)
{
	struct shell *sh = context;
	sigset_t signals;
	int number;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	while (sigwait(&signals, &number) == 0) {
		atomic_store(&sh->interrupted, true);
		vfs_task_interrupt(sh->task);
	}
	return NULL;
}

static void run_terminal(struct shell *sh)
{
	pthread_t thread;
	sigset_t signals;
	bool waiting;

	sh->interactive = true;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
#ifdef HAVE_LIBEDIT
	sh_complete_init(sh);
#endif
	waiting = pthread_create(&thread, NULL, wait_for_interrupt, sh) == 0;
	run_lines(sh, line_of_terminal, stdin);
	if (!sh->quit)
		fputc('\n', stdout);
	if (waiting) {
		pthread_cancel(thread);
		pthread_join(thread, NULL);
	}
}

int main(int argc, char **argv)
{
	struct settings settings = {.ids = "0:0"};
	struct shell sh = {.command = "vfsh", .out = stdout};
	int status = parse_arguments(argc, argv, &settings);

	if (status >= 0)
		goto fini;
	sh.stop_on_failure = settings.stop_on_failure;
	status = shell_init(&sh, &settings);
	if (status)
		goto fini;
	if (settings.commands)
		run_commands(&sh, settings.commands);
	else if (optind < argc)
		run_script(&sh, argv[optind]);
	else if (isatty(STDIN_FILENO))
		run_terminal(&sh);
	else
		run_lines(&sh, line_of_file, stdin);
	status = sh.failure;
	if (fflush(stdout) || ferror(stdout))
		status = fail("standard output", strerror(errno));
fini:
	shell_fini(&sh);
	free(settings.mounts);
	return status;
}
