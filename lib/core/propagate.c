/* SPDX-License-Identifier: MIT */
/* Peer groups, slaves, and where mounts and umounts go. Contract:
 * propagate.h. */
#include "core/propagate.h"

#include <assert.h>
#include <string.h>
#include <sys/mount.h>

#include "core/instance.h"

#define PEER(at) VFS__LIST_ENTRY(at, struct vfs_mount, peer_link)
#define SLAVE(at) VFS__LIST_ENTRY(at, struct vfs_mount, slave_link)

/* ---- groups ---- */

int vfs__peers_share(struct vfs__thread *thread, struct vfs_mount *mnt)
{
	struct vfs__peers *peers;

	if (mnt->group)
		return 0;
	peers = vfs__mem_alloc(thread, sizeof(*peers));
	if (!peers)
		return -ENOMEM;
	memset(peers, 0, sizeof(*peers));
	peers->id = ++mnt->vfs->mounts.next_group;
	vfs__list_init(&peers->members);
	vfs__list_init(&peers->slaves);
	vfs__list_init(&peers->work);
	mnt->group = peers;
	vfs__list_add(&peers->members, &mnt->peer_link);
	return 0;
}

void vfs__peers_join(struct vfs_mount *mnt, const struct vfs_mount *old)
{
	assert(!mnt->group && old->group);
	mnt->group = old->group;
	vfs__list_add(&mnt->group->members, &mnt->peer_link);
}

void vfs__peers_enslave(struct vfs_mount *mnt, struct vfs__peers *master)
{
	vfs__list_del(&mnt->slave_link);
	mnt->master = master;
	if (master)
		vfs__list_add(&master->slaves, &mnt->slave_link);
}

/* Out of its group; the last one hands the slaves on. */
static void leave_group(struct vfs__thread *thread, struct vfs_mount *mnt)
{
	struct vfs__peers *peers = mnt->group;

	if (!peers)
		return;
	vfs__list_del(&mnt->peer_link);
	mnt->group = NULL;
	if (!vfs__list_empty(&peers->members))
		return;
	VFS__LIST_EACH_SAFE (at, after, &peers->slaves)
		vfs__peers_enslave(SLAVE(at), mnt->master);
	vfs__mem_free(thread, peers, sizeof(*peers));
}

void vfs__peers_leave(struct vfs__thread *thread, struct vfs_mount *mnt)
{
	leave_group(thread, mnt);
	vfs__peers_enslave(mnt, NULL);
}

int vfs__propagation_change(struct vfs__thread *thread, struct vfs_mount *mnt,
			    uint64_t type)
{
	struct vfs__peers *peers = mnt->group;
	uint32_t flags = 0;
	int err;

	switch (type) {
	case MS_SHARED:
		err = vfs__peers_share(thread, mnt);
		if (!err)
			vfs__mount_set_flags(mnt, VFS__MNT_UNBINDABLE, 0);
		return err;
	case MS_SLAVE:
		if (!peers)
			return 0;
		/* alone: the group goes, and the old master stays */
		if (peers->members.next == peers->members.prev)
			peers = mnt->master;
		leave_group(thread, mnt);
		vfs__peers_enslave(mnt, peers);
		return 0;
	case MS_UNBINDABLE:
		flags = VFS__MNT_UNBINDABLE;
		break;
	default:
		break;
	}
	vfs__peers_leave(thread, mnt);
	vfs__mount_set_flags(mnt, VFS__MNT_UNBINDABLE, flags);
	return 0;
}

uint32_t vfs__peers_dominating(struct vfs__thread *thread,
			       const struct vfs_mount *mnt,
			       const struct vfs__path *root)
{
	const struct vfs__peers *peers = mnt->master;

	while (peers) {
		VFS__LIST_EACH (at, &peers->members) {
			const struct vfs_mount *m = PEER(at);
			struct vfs__path place = {(struct vfs_mount *)m,
						  m->root};

			if (m->ns == root->mnt->ns &&
			    vfs__is_reachable(thread, &place, root))
				return peers->id;
		}
		peers = VFS__LIST_FIRST(&peers->members, struct vfs_mount,
					peer_link)
				->master;
	}
	return 0;
}

/* ---- who receives ---- */

/* Goes through the groups that receive what happens in the first one queued:
 * masters before slaves. */
static void enqueue(struct vfs__list *queue, struct vfs__peers *peers,
		    struct vfs_mount *from)
{
	if (peers->queued)
		return;
	peers->queued = true;
	peers->from = from;
	vfs__list_add(queue, &peers->work);
}

/* Shared, and not only since the attaching that is going on began, nor made by
 * it. */
static bool gives(const struct vfs_mount *m)
{
	return m->group && m->ns && !(m->mark & VFS__MARK_SHARED);
}

static void enqueue_slaves(struct vfs__list *queue, struct vfs__peers *peers)
{
	VFS__LIST_EACH (at, &peers->slaves)
		if (gives(SLAVE(at)))
			enqueue(queue, SLAVE(at)->group, peers->from);
}

static void empty_queue(struct vfs__list *queue)
{
	while (!vfs__list_empty(queue)) {
		struct vfs__peers *peers =
			VFS__LIST_FIRST(queue, struct vfs__peers, work);

		vfs__list_del(&peers->work);
		peers->queued = false;
		peers->from = NULL;
	}
}

#define GROUP(at) VFS__LIST_ENTRY(at, struct vfs__peers, work)

/* ---- mounting ---- */

struct spread {
	struct vfs__thread *thread;
	const struct vfs__path *at;
	struct vfs__list *copies;
};

/* Mounts that are new themselves get nothing, nor what is nowhere. */
static bool receives(const struct spread *s, const struct vfs_mount *m)
{
	return m != s->at->mnt && m->ns && !m->ns->anonymous &&
	       vfs__dentry_below(s->thread, m->vfs, s->at->dentry, m->root);
}

static int give(const struct spread *s, struct vfs_mount *m,
		struct vfs_mount *from, uint32_t flags, struct vfs_mount **out)
{
	struct vfs_mount *copy;
	uint64_t n = 0;
	int err;

	if (vfs__namespace_foreign(m->ns, s->at->mnt->ns))
		flags |= VFS__COPY_LOCKED;
	err = vfs__tree_copy(s->thread, from, from->root, flags, &copy);
	if (err)
		return err;
	copy->to = m;
	vfs__list_add(s->copies, &copy->out_link);
	for (struct vfs_mount *p = copy; p; p = vfs__tree_next(p, copy))
		n++;
	err = vfs__namespace_reserve(m->ns, n);
	*out = copy;
	return err;
}

/* The members of one group: the first copy is a slave of what the masters got
 * (or a peer, in the group where it began), the others are its peers. */
static int give_members(const struct spread *s, struct vfs__peers *peers,
			bool first)
{
	uint32_t flags =
		first ? VFS__COPY_SHARED : VFS__COPY_SHARED | VFS__COPY_SLAVE;
	int err = 0;

	VFS__LIST_EACH (at, &peers->members) {
		struct vfs_mount *copy;

		if (!receives(s, PEER(at)))
			continue;
		err = give(s, PEER(at), peers->from, flags, &copy);
		if (err)
			break;
		peers->from = copy;
		flags = VFS__COPY_SHARED;
	}
	return err;
}

static int give_slaves(const struct spread *s, struct vfs__peers *peers)
{
	int err = 0;

	VFS__LIST_EACH (at, &peers->slaves) {
		struct vfs_mount *copy;

		if (gives(SLAVE(at)) || !receives(s, SLAVE(at)))
			continue;
		err = give(s, SLAVE(at), peers->from, VFS__COPY_SLAVE, &copy);
		if (err)
			break;
	}
	return err;
}

int vfs__propagate_attach(struct vfs__thread *thread, struct vfs_mount *source,
			  const struct vfs__path *at, struct vfs__list *copies)
{
	struct spread s = {thread, at, copies};
	struct vfs__list queue;
	int err = 0;

	vfs__list_init(&queue);
	enqueue(&queue, at->mnt->group, source);
	VFS__LIST_EACH (item, &queue) {
		struct vfs__peers *peers = GROUP(item);

		err = give_members(&s, peers, item == queue.next);
		if (!err)
			err = give_slaves(&s, peers);
		if (err)
			break;
		enqueue_slaves(&queue, peers);
	}
	empty_queue(&queue);
	return err;
}

/* ---- unmounting ---- */

#define OUT(at) VFS__LIST_ENTRY(at, struct vfs_mount, out_link)
#define CHILD(at) VFS__LIST_ENTRY(at, struct vfs_mount, child_link)

static struct vfs_mount *cover_of(const struct vfs_mount *mnt)
{
	return vfs__mount_lookup(mnt->vfs, mnt, mnt->root);
}

/* What goes with mnt: on its parent's peers and slaves, at the same place. */
static void candidates(struct vfs_mount *mnt, struct vfs__list *found)
{
	struct vfs__list queue;

	if (vfs__mount_is_root(mnt) || !mnt->parent->group)
		return;
	vfs__list_init(&queue);
	enqueue(&queue, mnt->parent->group, NULL);
	VFS__LIST_EACH (item, &queue) {
		struct vfs__peers *peers = GROUP(item);
		struct vfs__list *lists[2] = {&peers->members, &peers->slaves};

		for (unsigned i = 0; i < 2; i++)
			VFS__LIST_EACH (at, lists[i]) {
				struct vfs_mount *m = vfs__mount_lookup(
					mnt->vfs, i ? SLAVE(at) : PEER(at),
					mnt->mountpoint);

				if (!m || m->mark || !m->ns)
					continue;
				m->mark = VFS__MARK_MAY_GO;
				vfs__list_add(found, &m->out_link);
			}
		enqueue_slaves(&queue, peers);
	}
	empty_queue(&queue);
}

/* The cover that stays when all marked ones of the stack on mnt go. */
static struct vfs_mount *residue(const struct vfs_mount *mnt)
{
	struct vfs_mount *cover = cover_of(mnt);

	while (cover && cover->mark)
		cover = cover_of(cover);
	return cover;
}

/* Something below mnt would be left without a place, or be revealed. */
static bool must_stay(const struct vfs_mount *mnt)
{
	if ((vfs__mount_flags(mnt) & VFS__MNT_LOCKED) && !mnt->parent->mark)
		return true;
	VFS__LIST_EACH (at, &mnt->children) {
		const struct vfs_mount *child = CHILD(at);

		if (child->mountpoint == mnt->root)
			continue; /* a cover slides down */
		if (!child->mark || residue(child))
			return true;
	}
	return false;
}

void vfs__propagate_slide(struct vfs__thread *thread, struct vfs_mount *mnt,
			  struct vfs__list *covers)
{
	struct vfs_mount *cover = cover_of(mnt), *parent = mnt->parent;
	struct vfs_dentry *place = mnt->mountpoint;

	if (!cover || cover->mark)
		return;
	while (parent->mark) {
		place = parent->mountpoint;
		parent = parent->parent;
	}
	cover->to = parent;
	cover->drop = vfs__dentry_ref(place);
	vfs__mount_unhash(cover);
	vfs__mount_left(mnt->vfs, mnt->root);
	/* mnt holds it: nothing is freed here */
	vfs__dentry_unref(thread, mnt->root);
	vfs__list_add(covers, &cover->out_link);
}

static void unlock(const struct vfs__list *found)
{
	VFS__LIST_EACH (at, found) {
		vfs__mount_set_flags(OUT(at), VFS__MNT_LOCKED, 0);
	}
}

void vfs__propagate_umount(struct vfs__list *set)
{
	struct vfs__list found;
	bool again;

	vfs__list_init(&found);
	VFS__LIST_EACH (at, set) {
		candidates(OUT(at), &found);
		/* what is unmounted by itself is in its place no longer: copies
		 * that were locked to theirs may follow */
		if (at == set->next)
			unlock(&found);
	}
	do {
		again = false;
		VFS__LIST_EACH_SAFE (at, after, &found) {
			if (!must_stay(OUT(at)))
				continue;
			OUT(at)->mark = 0;
			vfs__list_del(at);
			again = true;
		}
	} while (again);
	vfs__list_splice(set, &found);
}

bool vfs__propagate_busy(struct vfs_mount *mnt, int64_t users)
{
	struct vfs__list found;
	bool busy = !vfs__list_empty(&mnt->children) ||
		    vfs__refs_sum(&mnt->refs, VFS__REFS_USERS) > users;

	vfs__list_init(&found);
	if (!busy)
		candidates(mnt, &found);
	while (!vfs__list_empty(&found)) {
		struct vfs_mount *m =
			VFS__LIST_FIRST(&found, struct vfs_mount, out_link);
		const struct vfs_mount *cover = cover_of(m);

		vfs__list_del(&m->out_link);
		m->mark = 0;
		if (m == mnt)
			continue;
		/* with children it stays; a single cover slides */
		if (!vfs__list_empty(&m->children) &&
		    !(cover && m->children.next == m->children.prev))
			continue;
		busy |= vfs__refs_sum(&m->refs, VFS__REFS_USERS) > 0;
	}
	return busy;
}
