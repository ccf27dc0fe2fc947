/* SPDX-License-Identifier: MIT */
/* A task that goes from namespace to namespace while its calls run, and maps
 * that several threads set at once. */
#include "stress/stress.h"

#define BASE 100000u

struct shared {
	struct vfs_task *wanderer;
	struct vfs_cred *creds[3]; /* root; a namespace; one in that */
	struct vfs_userns *parent;
	struct vfs_userns *fresh; /* atomic: without maps */
	uint32_t winners;	  /* atomic: who set fresh's */
};

static struct vfs_userns *child_of(struct stress *s, struct vfs_userns *parent,
				   uint32_t outside)
{
	const struct vfs_id_map map = {0, outside, 5000};
	struct vfs_userns *ns = NULL;

	STRESS(s, vfs_userns_create(parent, &map, 1, &map, 1, &ns) == 0);
	return ns;
}

static struct vfs_cred *root_of(struct stress *s, struct vfs_userns *ns)
{
	const struct vfs_cred_spec spec = {
		.size = sizeof(spec),
		.cap_effective = VFS_CAP_ALL,
		.cap_permitted = VFS_CAP_ALL,
		.userns = ns,
	};
	struct vfs_cred *cred = NULL;

	STRESS(s, vfs_cred_create(s->vfs, &spec, &cred) == 0);
	return cred;
}

static void prepare(struct stress *s)
{
	struct shared *shared = calloc(1, sizeof(*shared));
	struct vfs_userns *inner;
	int fd;

	s->data = shared;
	shared->parent = vfs_userns_root(s->vfs);
	shared->fresh = child_of(s, shared->parent, BASE);
	inner = child_of(s, shared->fresh, 0);
	shared->creds[0] = root_of(s, NULL);
	shared->creds[1] = root_of(s, shared->fresh);
	shared->creds[2] = root_of(s, inner);
	vfs_userns_unref(inner);
	STRESS(s, vfs_task_create(s->vfs, shared->creds[0],
				  &shared->wanderer) == 0);
	STRESS(s, vfs_mkdir(s->task, "/d", 0700) == 0);
	fd = vfs_open(s->task, "/d/f", O_CREAT | O_RDWR, 0600);
	STRESS(s, fd >= 0 && vfs_close(s->task, fd) == 0);
	STRESS(s, vfs_chown(s->task, "/d/f", BASE + 7, BASE + 7) == 0);
	STRESS(s, vfs_chown(s->task, "/d", BASE, BASE) == 0);
}

static void finish(struct stress *s)
{
	struct shared *shared = s->data;

	vfs_task_unref(shared->wanderer);
	for (int i = 0; i < 3; i++)
		vfs_cred_unref(shared->creds[i]);
	vfs_userns_unref(shared->fresh);
	vfs_userns_unref(shared->parent);
	free(shared);
}

static void wander(struct stress_thread *t)
{
	const struct shared *shared = t->stress->data;
	struct stress *s = t->stress;

	while (stress_goes_on(t))
		STRESS(s, vfs_task_set_cred(
				  shared->wanderer,
				  shared->creds[stress_random(t, 3)]) == 0);
}

/* Both ids are of one view, whichever. */
static void look(struct stress_thread *t)
{
	const struct shared *shared = t->stress->data;
	struct stress *s = t->stress;
	struct vfs_stat st;
	int fd;

	while (stress_goes_on(t)) {
		STRESS(s, vfs_stat(shared->wanderer, "/d/f", &st) == 0);
		STRESS(s, st.uid == 7 || st.uid == BASE + 7);
		STRESS(s, st.uid == st.gid);
		fd = (int)STRESS_CALL(
			s, vfs_open(shared->wanderer, "/d/f", O_RDWR, 0), 0);
		STRESS(s, vfs_fstat(shared->wanderer, fd, &st) == 0);
		STRESS(s, st.uid == st.gid);
		STRESS(s, vfs_close(shared->wanderer, fd) == 0);
	}
}

/* Threads pass a new namespace around; one of them sets its maps. */
static void prepare_maps(struct stress *s)
{
	struct shared *shared = calloc(1, sizeof(*shared));

	s->data = shared;
	shared->parent = vfs_userns_root(s->vfs);
	STRESS(s, vfs_userns_create(shared->parent, NULL, 0, NULL, 0,
				    &shared->fresh) == 0);
}

static void set_maps(struct stress_thread *t)
{
	struct shared *shared = t->stress->data;
	const struct vfs_id_map map = {0, BASE, 10};
	struct stress *s = t->stress;
	struct vfs_cred *cred;
	int err;

	while (stress_goes_on(t)) {
		struct vfs_userns *ns = NULL;

		err = vfs_userns_set_maps(shared->fresh, &map, 1, &map, 1);
		STRESS(s, err == 0 || err == -EPERM);
		if (!err)
			__atomic_add_fetch(&shared->winners, 1,
					   __ATOMIC_RELAXED);
		/* set now, by whoever */
		cred = root_of(s, shared->fresh);
		vfs_cred_unref(cred);
		STRESS(s, vfs_userns_create(shared->fresh, &map, 0, NULL, 0,
					    &ns) == 0);
		vfs_userns_unref(ns);
	}
}

static void finish_maps(struct stress *s)
{
	struct shared *shared = s->data;

	STRESS(s, shared->winners == 1);
	vfs_userns_unref(shared->fresh);
	vfs_userns_unref(shared->parent);
	free(shared);
}

int main(void)
{
	static stress_body *const bodies[] = {wander, look, look, wander};
	static stress_body *const map_bodies[] = {set_maps};

	return stress_run("wandering", prepare, bodies, 4, finish) ||
	       stress_run("maps", prepare_maps, map_bodies, 1, finish_maps);
}
