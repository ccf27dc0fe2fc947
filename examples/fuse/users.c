/* SPDX-License-Identifier: MIT */
/*
 * Users. Contract: users.h.
 *
 * A slot remembers which user a thread was; a user is referenced by its slots
 * and by its tasks that are at work. One that nobody references stays, with
 * its tasks, until there are too many of them: most requests come from
 * processes that are new, of users that are not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge.h"
#include "who.h"

#define SLOTS 1024u /* a power of two */
#define BELIEVED_MSEC 1000
#define MAX_USERS 256u

struct user {
	struct who who;
	struct vfs_cred *cred;
	/* below: under the lock */
	struct user_task *tasks; /* nobody works as these */
	unsigned int refs;
	struct user *next; /* of the list: the latest that was found first */
};

struct slot {
	pid_t tid;
	uid_t uid;
	gid_t gid;
	int64_t msec; /* when /proc was read */
	struct user *user;
};

struct users {
	struct server *server;
	pthread_mutex_t lock;
	/* below: under the lock */
	struct slot slots[SLOTS];
	struct user *list;
	unsigned int count;
};

static int64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

struct users *users_create(struct server *server)
{
	struct users *users = calloc(1, sizeof(*users));

	if (!users)
		return NULL;
	users->server = server;
	pthread_mutex_init(&users->lock, NULL);
	return users;
}

static void task_destroy(struct server *server, struct user_task *task)
{
	vfs_close(server->root, task->fds);
	vfs_task_unref(task->task);
	free(task);
}

static void user_destroy(struct server *server, struct user *user)
{
	struct user_task *task;

	while ((task = user->tasks)) {
		user->tasks = task->next;
		task_destroy(server, task);
	}
	vfs_cred_unref(user->cred);
	who_free(&user->who);
	free(user);
}

void users_destroy(struct users *users)
{
	struct user *user;

	if (!users)
		return;
	while ((user = users->list)) {
		users->list = user->next;
		user_destroy(users->server, user);
	}
	pthread_mutex_destroy(&users->lock);
	free(users);
}

/* ---- credentials ---- */

static int make_namespace(struct server *server, const struct who *who,
			  struct vfs_userns **out)
{
	struct vfs_userns *root = vfs_userns_root(server->vfs);
	int err;

	err = vfs_userns_create(root, who->maps[0], who->map_counts[0],
				who->maps[1], who->map_counts[1], out);
	vfs_userns_unref(root);
	return err;
}

static int make_cred(struct server *server, const struct who *who,
		     struct vfs_cred **out)
{
	struct vfs_cred_spec spec = {.size = sizeof(spec)};
	struct vfs_userns *ns = NULL;
	uint32_t *groups = NULL;
	size_t i;
	int err = 0;

	if (who->foreign)
		err = make_namespace(server, who, &ns);
	if (!err && who->group_count) {
		groups = malloc(who->group_count * sizeof(*groups));
		if (!groups)
			err = -ENOMEM;
	}
	for (i = 0; !err && i < who->group_count; i++)
		groups[i] = who_inside(who, 1, who->groups[i]);
	spec.uid = spec.fsuid = who_inside(who, 0, who->uid);
	spec.gid = spec.fsgid = who_inside(who, 1, who->gid);
	spec.groups = groups;
	spec.group_count = who->group_count;
	spec.cap_effective = who->effective;
	spec.cap_permitted = who->permitted;
	spec.userns = ns;
	if (!err)
		err = vfs_cred_create(server->vfs, &spec, out);
	free(groups);
	vfs_userns_unref(ns);
	return err;
}

/* Takes who over on success. */
static int user_create(struct server *server, struct who *who,
		       struct user **out)
{
	struct user *user = calloc(1, sizeof(*user));
	int err;

	if (!user)
		return -ENOMEM;
	err = make_cred(server, who, &user->cred);
	if (err) {
		free(user);
		return err;
	}
	user->who = *who;
	memset(who, 0, sizeof(*who));
	*out = user;
	return 0;
}

/* ---- the list; lock held ---- */

static struct user *find(struct users *users, const struct who *who)
{
	struct user **at = &users->list, *user;

	while (*at && !who_equal(&(*at)->who, who))
		at = &(*at)->next;
	user = *at;
	if (user) {
		*at = user->next;
		user->next = users->list;
		users->list = user;
	}
	return user;
}

/* Takes the one out that was not found for longest, if nobody needs it. */
static struct user *expire(struct users *users)
{
	struct user **at, **found = NULL, *user;

	if (users->count <= MAX_USERS)
		return NULL;
	for (at = &users->list; *at; at = &(*at)->next) {
		if (!(*at)->refs)
			found = at;
	}
	if (!found)
		return NULL;
	user = *found;
	*found = user->next;
	users->count--;
	return user;
}

static struct slot *slot_of(struct users *users, pid_t tid)
{
	return &users->slots[(uint32_t)tid & (SLOTS - 1)];
}

static struct user *remembered(struct users *users, uid_t uid, gid_t gid,
			       pid_t tid)
{
	struct slot *slot = slot_of(users, tid);

	if (!slot->user || slot->tid != tid || slot->uid != uid ||
	    slot->gid != gid || now_msec() - slot->msec >= BELIEVED_MSEC)
		return NULL;
	return slot->user;
}

static void remember(struct users *users, struct user *user, uid_t uid,
		     gid_t gid, pid_t tid)
{
	struct slot *slot = slot_of(users, tid);

	user->refs++;
	if (slot->user)
		slot->user->refs--;
	slot->user = user;
	slot->tid = tid;
	slot->uid = uid;
	slot->gid = gid;
	slot->msec = now_msec();
}

/* ---- tasks ---- */

static int task_create(struct server *server, struct user *user,
		       struct user_task **out)
{
	struct user_task *task = calloc(1, sizeof(*task));
	int err = task ? 0 : -ENOMEM;

	if (!err)
		err = vfs_task_clone(server->root, VFS_CLONE_FILES,
				     &task->task);
	if (err)
		goto free_task;
	err = vfs_task_set_cred(task->task, user->cred);
	if (!err)
		err = vfs_openat(task->task, server->proc_fd, "self/fd",
				 O_PATH | O_DIRECTORY, 0);
	if (err < 0)
		goto unref_task;
	task->fds = err;
	/* xattr calls have no directory to begin at but this one */
	err = vfs_fchdir(task->task, task->fds);
	if (err)
		goto close_fds;
	task->user = user;
	*out = task;
	return 0;

close_fds:
	vfs_close(server->root, task->fds);
unref_task:
	vfs_task_unref(task->task);
free_task:
	free(task);
	return err;
}

/* A task of a user that the caller has a reference on, which goes to it. */
static int take_task(struct users *users, struct user *user,
		     struct user_task **out)
{
	struct user_task *task;
	int err = 0;

	pthread_mutex_lock(&users->lock);
	task = user->tasks;
	if (task)
		user->tasks = task->next;
	pthread_mutex_unlock(&users->lock);
	if (!task)
		err = task_create(users->server, user, &task);
	if (err) {
		pthread_mutex_lock(&users->lock);
		user->refs--;
		pthread_mutex_unlock(&users->lock);
		return err;
	}
	*out = task;
	return 0;
}

/* The user whom /proc tells of, with a reference. */
static int look(struct users *users, uid_t uid, gid_t gid, pid_t tid,
		struct user **out)
{
	struct user *user, *fresh = NULL, *old;
	struct who who;
	int err = who_read(&who, uid, gid, tid);

	if (err)
		return err;
	pthread_mutex_lock(&users->lock);
	user = find(users, &who);
	if (!user) {
		err = user_create(users->server, &who, &fresh);
		if (!err) {
			user = fresh;
			user->next = users->list;
			users->list = user;
			users->count++;
		}
	}
	if (user) {
		user->refs++;
		remember(users, user, uid, gid, tid);
	}
	old = expire(users);
	pthread_mutex_unlock(&users->lock);
	who_free(&who);
	if (old)
		user_destroy(users->server, old);
	*out = user;
	return err;
}

int user_task_get(struct users *users, uid_t uid, gid_t gid, pid_t tid,
		  bool *fresh, struct user_task **out)
{
	struct user *user = NULL;
	int err;

	if (!*fresh) {
		pthread_mutex_lock(&users->lock);
		user = remembered(users, uid, gid, tid);
		if (user)
			user->refs++;
		pthread_mutex_unlock(&users->lock);
	}
	if (!user) {
		*fresh = true;
		err = look(users, uid, gid, tid, &user);
		if (err)
			return err;
	}
	return take_task(users, user, out);
}

void user_task_put(struct users *users, struct user_task *task)
{
	pthread_mutex_lock(&users->lock);
	task->next = task->user->tasks;
	task->user->tasks = task;
	task->user->refs--;
	pthread_mutex_unlock(&users->lock);
}

bool user_may_mount(const struct user *user)
{
	return !user->who.foreign &&
	       user->who.effective & UINT64_C(1) << VFS_CAP_SYS_ADMIN;
}

uint32_t user_uid(const struct user *user, uint32_t uid)
{
	return who_inside(&user->who, 0, uid);
}

uint32_t user_gid(const struct user *user, uint32_t gid)
{
	return who_inside(&user->who, 1, gid);
}
