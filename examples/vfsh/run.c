/* SPDX-License-Identifier: MIT */
/* Runs steps: who follows whom, redirection, and the search for a command. */
#include "vfsh.h"

const struct command *const sh_families[] = {
	sh_list_commands,
	sh_info_commands,
	sh_find_commands,
	sh_data_commands,
	sh_copy_commands,
	sh_name_commands,
	sh_mount_commands,
	sh_overlay_commands,
	sh_attr_commands,
	sh_xattr_commands,
	sh_watch_commands,
	sh_shell_commands,
	NULL,
};

const struct command *sh_command_find(const char *name)
{
	for (const struct command *const *family = sh_families; *family;
	     family++)
		for (const struct command *at = *family; at->name; at++)
			if (strcmp(at->name, name) == 0)
				return at;
	return NULL;
}

int sh_run_words(struct shell *sh, int argc, char **argv)
{
	const struct command *command = sh_command_find(argv[0]);
	const char *outer = sh->command;
	int status;

	if (!command) {
		fflush(sh->out);
		fprintf(stderr, "vfsh: %s: command not found\n", argv[0]);
		return 127;
	}
	sh->command = command->name;
	if (argc == 2 && strcmp(argv[1], "--help") == 0 &&
	    strcmp(command->name, "echo") != 0) {
		fprintf(sh->out, "usage: %s %s\n%s\n", command->name,
			command->usage, command->help);
		status = 0;
	} else {
		sh_options_start();
		status = command->run(sh, argc, argv);
	}
	sh->command = outer;
	return status;
}

/* A stream into a virtual file. */
struct redirect {
	struct shell *sh;
	struct vfs_task *task; /* who opened it; a `su` may follow */
	int fd;
	int error;
};

static ssize_t redirect_write(void *cookie, const char *data, size_t size)
{
	struct redirect *redirect = cookie;
	size_t done = 0;

	while (done < size) {
		int64_t count = vfs_write(redirect->task, redirect->fd,
					  data + done, size - done);

		if (count < 0) {
			redirect->error = (int)count;
			return 0; /* stdio's sign of an error here */
		}
		done += (size_t)count;
	}
	return (ssize_t)size;
}

static FILE *redirect_open(struct shell *sh, struct redirect *redirect,
			   const char *path, bool append)
{
	cookie_io_functions_t functions = {.write = redirect_write};
	int flags = O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC);
	FILE *stream;

	redirect->sh = sh;
	redirect->task = sh->task;
	redirect->fd = vfs_open(sh->task, path, flags, 0666);
	if (redirect->fd < 0) {
		sh_fail(sh, path, redirect->fd);
		return NULL;
	}
	stream = fopencookie(redirect, "w", functions);
	if (!stream) {
		vfs_close(sh->task, redirect->fd);
		sh_fail(sh, path, -ENOMEM);
	}
	return stream;
}

static int run_redirected(struct shell *sh, const struct step *step, int argc,
			  char **argv)
{
	struct redirect redirect = {0};
	FILE *outer = sh->out;
	struct names path = {0};
	int status = 1;
	int error;

	sh_expand(sh, &step->target, &path);
	if (path.count != 1) {
		sh_complain(sh, "%s: ambiguous redirection", step->target.text);
		goto free_path;
	}
	sh->out = redirect_open(sh, &redirect, path.items[0], step->append);
	if (sh->out) {
		status = sh_run_words(sh, argc, argv);
		fclose(sh->out);
		error = vfs_close(redirect.task, redirect.fd);
		if (redirect.error || error)
			status = sh_fail(sh, path.items[0],
					 redirect.error ? redirect.error
							: error);
	}
	sh->out = outer;
free_path:
	sh_names_free(&path);
	return status;
}

static int run_step(struct shell *sh, const struct step *step)
{
	struct names words = {0};
	int status;

	for (size_t i = 0; i < step->count; i++)
		sh_expand(sh, &step->words[i], &words);
	/* argv ends with NULL, as commands expect. */
	sh_names_add(&words, NULL, 0);
	if (step->target.text)
		status = run_redirected(sh, step, (int)words.count - 1,
					words.items);
	else
		status = sh_run_words(sh, (int)words.count - 1, words.items);
	sh_names_free(&words);
	fflush(sh->out);
	return status;
}

static bool wanted(const struct shell *sh, const struct step *step)
{
	if (step->joint == STEP_AND)
		return sh->status == 0;
	if (step->joint == STEP_OR)
		return sh->status != 0;
	return true;
}

/* A failure that || has dealt with is none: only a list's last status counts.
 */
static void run_steps(struct shell *sh, const struct step *step)
{
	for (; step && !sh->quit; step = step->next) {
		if (atomic_load(&sh->interrupted)) {
			sh_complain(sh, "interrupted");
			sh->status = sh->failure = 130;
			return;
		}
		if (wanted(sh, step))
			sh->status = run_step(sh, step);
		if (step->next && step->next->joint != STEP_ALWAYS)
			continue;
		if (sh->status == 0 || sh->quit)
			continue;
		sh->failure = sh->status;
		if (sh->stop_on_failure)
			sh->quit = true;
	}
}

enum parse_result sh_run_text(struct shell *sh, const char *text)
{
	struct step *steps;
	const char *error;
	enum parse_result result = sh_parse(text, &steps, &error);

	if (result == PARSE_ERROR) {
		sh_complain(sh, "%s", error);
		sh->status = sh->failure = 2;
		if (sh->stop_on_failure)
			sh->quit = true;
		return result;
	}
	run_steps(sh, steps);
	sh_steps_free(steps);
	return result;
}
