/* SPDX-License-Identifier: MIT */
/* watch: events on the terminal, while the commands that make them run. */
#include "vfsh.h"

struct watched {
	struct watched *next;
	char *path;
	int wd;
};

struct watcher {
	struct vfs_watch *watch;
	struct watched *first;
	pthread_mutex_t lock; /* protects the list */
};

static const struct {
	uint32_t bit;
	const char *name;
} events[] = {
	{VFS_IN_ACCESS, "access"},
	{VFS_IN_MODIFY, "modify"},
	{VFS_IN_ATTRIB, "attrib"},
	{VFS_IN_CLOSE_WRITE, "close_write"},
	{VFS_IN_CLOSE_NOWRITE, "close_nowrite"},
	{VFS_IN_OPEN, "open"},
	{VFS_IN_MOVED_FROM, "moved_from"},
	{VFS_IN_MOVED_TO, "moved_to"},
	{VFS_IN_CREATE, "create"},
	{VFS_IN_DELETE, "delete"},
	{VFS_IN_DELETE_SELF, "delete_self"},
	{VFS_IN_MOVE_SELF, "move_self"},
	{VFS_IN_UNMOUNT, "unmount"},
	{VFS_IN_Q_OVERFLOW, "overflow"},
	{VFS_IN_IGNORED, "ignored"},
	{VFS_IN_ISDIR, "isdir"},
};

#define EVENTS (sizeof(events) / sizeof(events[0]))

static void print_mask(FILE *out, uint32_t mask)
{
	const char *comma = "";

	for (size_t i = 0; i < EVENTS; i++) {
		if (!(mask & events[i].bit))
			continue;
		fprintf(out, "%s%s", comma, events[i].name);
		comma = ",";
	}
}

/* The path that was watched under this number; taken out of the list when
 * that watch is no more. */
static char *path_of(struct watcher *watcher, int wd, bool last)
{
	struct watched **link = &watcher->first, *at;
	char *path = NULL;

	pthread_mutex_lock(&watcher->lock);
	while ((at = *link) && at->wd != wd)
		link = &at->next;
	if (at && last) {
		*link = at->next;
		path = at->path;
		free(at);
	} else if (at) {
		path = sh_strdup(at->path);
	}
	pthread_mutex_unlock(&watcher->lock);
	return path;
}

static void print_event(void *context, const struct vfs_watch_event *event)
{
	char *path = path_of(context, event->wd, event->mask & VFS_IN_IGNORED);

	printf("%s: ", path ? path : "?");
	print_mask(stdout, event->mask);
	if (event->name)
		printf(" %s", event->name);
	if (event->cookie)
		printf(" #%u", event->cookie);
	putchar('\n');
	free(path);
}

static void watcher_free(void *context)
{
	struct watcher *watcher = context;
	struct watched *at;

	while ((at = watcher->first)) {
		watcher->first = at->next;
		free(at->path);
		free(at);
	}
	pthread_mutex_destroy(&watcher->lock);
	free(watcher);
}

void sh_watch_end(struct shell *sh)
{
	if (sh->watcher)
		vfs_watch_destroy(sh->watcher->watch);
	sh->watcher = NULL;
}

static int watch_begin(struct shell *sh)
{
	struct watcher *watcher;
	struct vfs_watch_spec spec = {
		.size = sizeof(spec),
		.event = print_event,
		.release = watcher_free,
	};
	int error;

	if (sh->watcher)
		return 0;
	watcher = sh_alloc(sizeof(*watcher));
	watcher->first = NULL;
	pthread_mutex_init(&watcher->lock, NULL);
	spec.context = watcher;
	error = vfs_watch_create(sh->vfs, &spec, &watcher->watch);
	if (error)
		watcher_free(watcher);
	else
		sh->watcher = watcher;
	return error;
}

static void remember(struct watcher *watcher, int wd, const char *path)
{
	struct watched *at;

	free(path_of(watcher, wd, true)); /* by another name before */
	at = sh_alloc(sizeof(*at));
	at->wd = wd;
	at->path = sh_strdup(path);
	pthread_mutex_lock(&watcher->lock);
	at->next = watcher->first;
	watcher->first = at;
	pthread_mutex_unlock(&watcher->lock);
}

/* A list of names with commas; 0: one is unknown. */
static uint32_t parse_events(const char *text)
{
	uint32_t mask = 0;

	while (*text) {
		size_t length = strcspn(text, ","), i = 0;

		while (i < EVENTS && (strlen(events[i].name) != length ||
				      strncmp(events[i].name, text, length)))
			i++;
		if (i == EVENTS || !(events[i].bit & VFS_IN_ALL_EVENTS))
			return 0;
		mask |= events[i].bit;
		text += length + (text[length] == ',');
	}
	return mask;
}

static int watch_paths(struct shell *sh, int count, char **paths, uint32_t mask)
{
	int status = 0, error = watch_begin(sh);

	if (error)
		return sh_fail(sh, paths[0], error);
	for (int i = 0; i < count; i++) {
		int wd = vfs_watch_add(sh->watcher->watch, sh->task, AT_FDCWD,
				       paths[i], mask);

		if (wd < 0)
			status = sh_fail(sh, paths[i], wd);
		else
			remember(sh->watcher, wd, paths[i]);
	}
	return status;
}

static int run_watch(struct shell *sh, int argc, char **argv)
{
	uint32_t mask = VFS_IN_ALL_EVENTS;
	bool end = false;
	int letter;

	while ((letter = getopt(argc, argv, "de:")) != -1) {
		if (letter == 'd')
			end = true;
		else if (letter == 'e')
			mask = parse_events(optarg);
		else
			return sh_usage(sh);
	}
	if (!mask)
		return sh_complain(sh, "%s: unknown event",
				   argv[optind > 1 ? optind - 1 : 0]);
	if (end && optind < argc)
		return sh_usage(sh);
	if (end) {
		sh_watch_end(sh);
		return 0;
	}
	if (optind < argc)
		return watch_paths(sh, argc - optind, argv + optind, mask);
	for (struct watched *at = sh->watcher ? sh->watcher->first : NULL; at;
	     at = at->next)
		fprintf(sh->out, "%s\n", at->path);
	return 0;
}

const struct command sh_watch_commands[] = {
	{"watch", run_watch, "[-d] [-e EVENT,...] [PATH]...",
	 "tell what happens to files from now on; -d: no more"},
	{0},
};
