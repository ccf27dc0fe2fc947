/* SPDX-License-Identifier: MIT */
/*
 * Users: who is asking. A request says user, group and thread; supplementary
 * groups and capabilities are in /proc/TID/status. Who has the same of all of
 * them is one user, with credentials of the library and tasks to work as.
 *
 * What /proc said of a thread is believed for a second. That can only refuse
 * too much: the kernel checks first, as it is. So a refusal by remembered
 * credentials is looked at again with fresh ones (call_again).
 *
 * A thread of a user namespace below the server's has its capabilities over
 * files whose ids have numbers there: its user belongs to a namespace of the
 * library's with the same maps, and ids that are arguments are translated.
 *
 * Thread safe: one lock, under which nothing waits.
 */
#ifndef USERS_H
#define USERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vfs/vfs.h>

struct server;
struct user;
struct users;

/* A task of a user's, for one request at a time. */
struct user_task {
	struct vfs_task *task;
	struct user *user;
	int fds; /* O_PATH: the shared descriptors, as proc's self/fd */
	struct user_task *next;
};

struct users *users_create(struct server *server);
void users_destroy(struct users *users);

/*
 * A task that is uid:gid with what thread tid has besides (tid 0: nobody that
 * can be looked at, a user 0 has every capability then). *fresh: in, do not
 * believe what is remembered; out, nothing remembered was believed.
 * 0, -ENOMEM, or another error of the library's.
 */
int user_task_get(struct users *users, uid_t uid, gid_t gid, pid_t tid,
		  bool *fresh, struct user_task **out);
void user_task_put(struct users *users, struct user_task *task);

/* Has CAP_SYS_ADMIN in the server's namespace. */
bool user_may_mount(const struct user *user);

/* Ids as the kernel gives them, in the user's own numbers. */
uint32_t user_uid(const struct user *user, uint32_t uid);
uint32_t user_gid(const struct user *user, uint32_t gid);

#endif
