/* SPDX-License-Identifier: MIT */
/*
 * Inodes of hostfs: finding the one for a file of the host's, and what it says.
 * Contract: hostfs.h.
 *
 * A file that is no directory has one inode, however many names it has: a table
 * by the host's numbers leads to it. A directory has an inode for each place
 * where it was found, because an inode's lock stands for a place in the tree;
 * only a directory that the host moved while it is in use has two.
 *
 * Attributes are published under the lock that counts changes: what the host
 * said before a change is not published after it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "hostfs.h"

#define FIRST_BUCKETS 256u
#define ALL_FACTS                                                        \
	(STATX_MODE | STATX_UID | STATX_GID | STATX_SIZE | STATX_NLINK | \
	 STATX_ATIME | STATX_MTIME | STATX_CTIME | STATX_BLOCKS)
/* So many that were made here may be lost without being looked for. */
#define KEPT_FIRST 1024u
/* How often attributes that change while they are asked for are asked again. */
#define TRIES 4u

int hostfs_name(const struct vfs_name *name, struct hostfs_name *out)
{
	if (name->len >= HOSTFS_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(out->str, name->str, name->len);
	out->str[name->len] = '\0';
	return 0;
}

/* ---- facts ---- */

bool hostfs_same(const struct hostfs_id *a, const struct hostfs_id *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->type == b->type &&
	       a->btime_sec == b->btime_sec && a->btime_nsec == b->btime_nsec;
}

static struct vfs_timespec time_of(const struct statx_timestamp *time)
{
	return (struct vfs_timespec){time->tv_sec, time->tv_nsec, 0};
}

static void read_facts(const struct hostfs_super *s, const struct statx *stx,
		       struct hostfs_facts *out)
{
	struct vfs_stat *stat = &out->stat;

	memset(out, 0, sizeof(*out));
	out->id.dev = makedev(stx->stx_dev_major, stx->stx_dev_minor);
	out->id.ino = stx->stx_ino;
	out->id.type = stx->stx_mode & S_IFMT;
	out->mnt_id = stx->stx_mask & STATX_MNT_ID ? stx->stx_mnt_id : 0;
	stat->mask = STATX_BASIC_STATS;
	if (stx->stx_mask & STATX_BTIME) {
		out->id.btime_sec = stx->stx_btime.tv_sec;
		out->id.btime_nsec = stx->stx_btime.tv_nsec;
		stat->mask |= STATX_BTIME;
		stat->btime = time_of(&stx->stx_btime);
	}
	stat->mode = stx->stx_mode;
	stat->nlink = stx->stx_nlink;
	stat->uid = stx->stx_uid;
	stat->gid = stx->stx_gid;
	stat->size = (int64_t)stx->stx_size;
	stat->blocks = (int64_t)stx->stx_blocks;
	stat->rdev = makedev(stx->stx_rdev_major, stx->stx_rdev_minor);
	stat->atime = time_of(&stx->stx_atime);
	stat->mtime = time_of(&stx->stx_mtime);
	stat->ctime = time_of(&stx->stx_ctime);
	stat->attributes = stx->stx_attributes;
	if (s->options.owner == HOSTFS_OWNER_SQUASH) {
		if (s->options.uid != HOSTFS_ID_HOST)
			stat->uid = s->options.uid;
		if (s->options.gid != HOSTFS_ID_HOST)
			stat->gid = s->options.gid;
	}
}

static bool may_have_record(const struct hostfs_super *s, uint32_t mode)
{
	return s->options.owner == HOSTFS_OWNER_XATTR &&
	       (S_ISREG(mode) || S_ISDIR(mode));
}

/* Not below a mount of the host's that is not ours to show. */
static int check_mount(const struct hostfs_super *s,
		       const struct hostfs_facts *facts)
{
	/* devices say less, and more: a bind mount has the same one, and one
	 * mount has several where it is an overlay or of subvolumes */
	return !s->options.xdev && facts->mnt_id != s->mnt_id ? -EXDEV : 0;
}

/* By a descriptor, which is not opened where something is mounted. */
static int statx_here(struct hostfs_super *s, int dir, const char *name,
		      struct statx *out)
{
	int fd = hostfs_openat2(s, dir, name, O_PATH | O_NOFOLLOW, 0);
	int err = fd < 0 ? fd : hostfs_statx(s, fd, "", out);

	if (fd >= 0)
		hostfs_close(s->vfs, fd);
	return err;
}

int hostfs_look_at(struct hostfs_super *s, int dir, const char *name,
		   struct hostfs_facts *out)
{
	struct statx stx;
	/* what is mounted on name, which is not shown, is not asked either */
	int err = s->local || s->options.xdev ? hostfs_statx(s, dir, name, &stx)
					      : statx_here(s, dir, name, &stx);

	if (err)
		return err;
	read_facts(s, &stx, out);
	return check_mount(s, out);
}

uint32_t hostfs_kept_mode(const struct hostfs_super *s, uint32_t type,
			  uint32_t mode)
{
	bool keeps = s->options.owner != HOSTFS_OWNER_SQUASH || S_ISDIR(type);

	return mode & (keeps ? 07777u : 01777u);
}

int hostfs_look_record(struct hostfs_super *s, int fd,
		       struct hostfs_facts *facts)
{
	if (!may_have_record(s, facts->id.type))
		return 0;
	return hostfs_owner_load(s, fd, &facts->stat);
}

int hostfs_look_fd(struct hostfs_super *s, int fd, struct hostfs_facts *out)
{
	struct statx stx;
	int err = hostfs_statx(s, fd, "", &stx);

	if (err)
		return err;
	read_facts(s, &stx, out);
	return hostfs_look_record(s, fd, out);
}

/* ---- the table ---- */

int hostfs_table_init(struct hostfs_super *s)
{
	s->bucket_count = FIRST_BUCKETS;
	s->buckets = vfs_zalloc(s->vfs, FIRST_BUCKETS * sizeof(s->buckets[0]));
	return s->buckets ? 0 : -ENOMEM;
}

void hostfs_table_fini(struct hostfs_super *s)
{
	vfs_free(s->vfs, s->buckets, s->bucket_count * sizeof(s->buckets[0]));
	s->buckets = NULL;
}

static struct vfs_inode **bucket_of(struct hostfs_super *s,
				    const struct hostfs_id *id)
{
	uint64_t hash =
		(id->ino ^ id->dev << 40) * UINT64_C(0x9e3779b97f4a7c15);

	return &s->buckets[(hash >> 32) & (s->bucket_count - 1)];
}

/* Twice as many buckets, if there is memory. table_lock is held. */
static void grow(struct hostfs_super *s)
{
	struct vfs_inode **old = s->buckets, *inode, *next;
	uint32_t count = s->bucket_count;
	struct vfs_inode **buckets =
		count > UINT32_MAX / 4
			? NULL
			: vfs_zalloc(s->vfs, count * 2 * sizeof(*buckets));

	if (!buckets)
		return;
	s->buckets = buckets;
	s->bucket_count = count * 2;
	for (uint32_t i = 0; i < count; i++) {
		for (inode = old[i]; inode; inode = next) {
			struct vfs_inode **to =
				bucket_of(s, &hostfs_inode(inode)->id);

			next = hostfs_inode(inode)->chain;
			hostfs_inode(inode)->chain = *to;
			*to = inode;
		}
	}
	vfs_free(s->vfs, old, count * sizeof(*old));
}

/* The inode for id, referenced, or NULL. table_lock is held. */
static struct vfs_inode *table_find(struct hostfs_super *s,
				    const struct hostfs_id *id)
{
	struct vfs_inode *inode = *bucket_of(s, id);

	for (; inode; inode = hostfs_inode(inode)->chain)
		if (hostfs_same(&hostfs_inode(inode)->id, id) &&
		    vfs_inode_tryref(inode))
			break;
	return inode;
}

static void table_add(struct hostfs_super *s, struct vfs_inode *inode)
{
	struct vfs_inode **bucket;

	if (s->inode_count >= s->bucket_count)
		grow(s);
	bucket = bucket_of(s, &hostfs_inode(inode)->id);
	hostfs_inode(inode)->chain = *bucket;
	hostfs_inode(inode)->in_table = true;
	*bucket = inode;
	s->inode_count++;
}

/* table_lock is held. */
static void table_take(struct hostfs_super *s, struct vfs_inode *inode)
{
	struct vfs_inode **link = bucket_of(s, &hostfs_inode(inode)->id);

	if (!hostfs_inode(inode)->in_table)
		return;
	while (*link != inode)
		link = &hostfs_inode(*link)->chain;
	*link = hostfs_inode(inode)->chain;
	hostfs_inode(inode)->in_table = false;
	s->inode_count--;
}

static void table_remove(struct hostfs_super *s, struct vfs_inode *inode)
{
	pthread_mutex_lock(&s->table_lock);
	table_take(s, inode);
	pthread_mutex_unlock(&s->table_lock);
}

/* ---- making inodes ---- */

static const struct vfs_inode_ops *ops_of(uint32_t mode)
{
	if (S_ISDIR(mode))
		return &hostfs_dir_ops;
	return S_ISREG(mode) ? &hostfs_file_ops : &hostfs_other_ops;
}

/* Flags that stay as long as the inode does. */
static uint32_t flags_of(const struct hostfs_super *s, uint32_t mode)
{
	uint32_t flags = s->options.exclusive ? 0 : VFS_INODE_VOLATILE;

	/* a FIFO of the host's has the host at its other end, and a device
	 * a driver; what is made here has neither: hostfs_keep */
	if (!s->options.devices && !S_ISREG(mode) && !S_ISDIR(mode) &&
	    !S_ISLNK(mode))
		flags |= VFS_INODE_REFUSED;
	return flags;
}

/* The number of a file that is not on the root's file system: none of that
 * has its highest bit. */
static uint64_t number_of(const struct hostfs_super *s, uint64_t dev,
			  uint64_t ino)
{
	if (dev == s->root.dev)
		return ino;
	return (ino * UINT64_C(0x9e3779b97f4a7c15) ^ dev) | UINT64_C(1) << 63;
}

uint64_t hostfs_number(const struct vfs_inode *dir, uint64_t ino)
{
	return number_of(hostfs_of(dir), hostfs_inode(dir)->id.dev, ino);
}

static int set_link(struct vfs_inode *inode, const char *link, size_t len)
{
	struct hostfs_inode *h = hostfs_inode(inode);

	if (!link)
		return 0;
	h->link = vfs_alloc(inode->super->vfs, len + 1);
	if (!h->link)
		return -ENOMEM;
	memcpy(h->link, link, len);
	h->link[len] = '\0';
	h->link_size = len + 1;
	inode->link = h->link;
	inode->size = (int64_t)len;
	return 0;
}

static struct vfs_inode *make(struct vfs_super *super,
			      const struct hostfs_facts *facts,
			      const char *link, size_t link_len)
{
	struct hostfs_super *s = hostfs_super(super);
	const struct vfs_stat *stat = &facts->stat;
	struct vfs_inode *inode = vfs_inode_create(
		super, ops_of(stat->mode),
		number_of(s, facts->id.dev, facts->id.ino), stat->mode);

	if (!inode)
		return NULL;
	hostfs_inode(inode)->id = facts->id;
	if (set_link(inode, link, link_len)) {
		vfs_inode_discard(inode);
		return NULL;
	}
	vfs_inode_set_btime(inode,
			    stat->mask & STATX_BTIME ? &stat->btime : NULL);
	if (S_ISCHR(stat->mode) || S_ISBLK(stat->mode))
		inode->rdev = stat->rdev;
	vfs_inode_set_flags(inode, flags_of(s, stat->mode), 0);
	hostfs_publish(inode, facts, &(struct hostfs_look){0});
	return inode;
}

static void discard(struct vfs_inode *inode)
{
	struct hostfs_inode *h = hostfs_inode(inode);

	vfs_free(inode->super->vfs, h->link, h->link_size);
	vfs_inode_discard(inode);
}

/* Whether nothing leads to inode any more: the host may have given its number
 * to another file meanwhile, and in the same tick of its clock. Without the
 * lock: a file that was just found by a name is not about to lose its last one.
 */
static bool is_lost_for_good(const struct hostfs_inode *h)
{
	return VFS_READ_ONCE(h->gone) && !VFS_READ_ONCE(h->handle) &&
	       !VFS_READ_ONCE(h->opened);
}

/* Whether inode is of another type than what was just read, or a symlink that
 * leads elsewhere: an older one of the same number, or one whose record was
 * written anew. */
static bool is_outdated(const struct vfs_inode *inode,
			const struct hostfs_facts *facts, const char *link,
			size_t len)
{
	const struct hostfs_inode *h = hostfs_inode(inode);

	if ((hostfs_mode(inode) ^ facts->stat.mode) & S_IFMT ||
	    is_lost_for_good(h))
		return true;
	return link && h->link &&
	       (h->link_size != len + 1 || memcmp(h->link, link, len));
}

/* A look at the table: *outdated is what was taken out of it. */
static struct vfs_inode *find_or_add(struct hostfs_super *s,
				     const struct hostfs_facts *facts,
				     const char *link, size_t link_len,
				     struct vfs_inode **made,
				     struct vfs_inode **outdated)
{
	struct vfs_inode *inode;

	*outdated = NULL;
	pthread_mutex_lock(&s->table_lock);
	inode = table_find(s, &facts->id);
	if (inode && is_outdated(inode, facts, link, link_len)) {
		table_take(s, inode);
		*outdated = inode;
		inode = NULL;
	}
	if (!inode && *made) {
		table_add(s, *made);
		inode = *made;
		*made = NULL;
	}
	pthread_mutex_unlock(&s->table_lock);
	return inode;
}

int hostfs_inode_get(struct vfs_super *super, const struct hostfs_facts *facts,
		     const char *link, size_t link_len, struct vfs_inode **out)
{
	struct hostfs_super *s = hostfs_super(super);
	struct vfs_inode *inode, *made = NULL, *outdated;

	if (S_ISDIR(facts->id.type)) {
		*out = make(super, facts, NULL, 0);
		return *out ? 0 : -ENOMEM;
	}
	for (;;) {
		inode = find_or_add(s, facts, link, link_len, &made, &outdated);
		vfs_inode_unref(outdated);
		if (inode)
			break;
		made = made ? made : make(super, facts, link, link_len);
		if (!made)
			return -ENOMEM;
	}
	if (made)
		discard(made);
	*out = inode;
	return 0;
}

void hostfs_evict(struct vfs_inode *inode)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);

	table_remove(s, inode);
	hostfs_drop_handles(inode);
	if (h->link) {
		/* walks without locks may be reading it */
		vfs_retire(s->vfs, vfs_free, h->link, h->link_size);
		h->link = NULL;
	}
}

/* ---- FIFOs and sockets that were made here ---- */

static void keep_inode(struct hostfs_super *s, struct vfs_inode *inode)
{
	struct hostfs_inode *h = hostfs_inode(inode);

	vfs_inode_ref(inode);
	pthread_mutex_lock(&s->fd_lock);
	h->is_kept = true;
	h->next_kept = s->kept;
	s->kept = h;
	s->kept_count++;
	pthread_mutex_unlock(&s->fd_lock);
}

void hostfs_unkeep(struct vfs_inode *inode)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);
	struct hostfs_inode **link = &s->kept;
	bool kept;

	pthread_mutex_lock(&s->fd_lock);
	kept = h->is_kept;
	if (kept) {
		while (*link != h)
			link = &(*link)->next_kept;
		*link = h->next_kept;
		h->is_kept = false;
		s->kept_count--;
	}
	pthread_mutex_unlock(&s->fd_lock);
	if (kept)
		vfs_inode_unref(inode);
}

/* Whether others took its names away. */
static bool is_lost(struct hostfs_super *s, struct vfs_inode *inode)
{
	struct hostfs_facts facts;
	struct hostfs_fd *fd;
	int err = hostfs_handle(inode, &fd);

	if (err)
		return err == -ESTALE;
	err = hostfs_look_fd(s, fd->fd, &facts);
	hostfs_fd_unref(fd);
	return !err && !facts.stat.nlink;
}

/* All that are kept, referenced; NULL: none, or no memory. */
static struct vfs_inode **list_kept(struct hostfs_super *s, uint32_t room,
				    uint32_t *count)
{
	struct vfs_inode **list = vfs_alloc(s->vfs, room * sizeof(*list));
	struct hostfs_inode *h;

	*count = 0;
	if (!list)
		return NULL;
	pthread_mutex_lock(&s->fd_lock);
	for (h = s->kept; h && *count < room; h = h->next_kept)
		list[(*count)++] = vfs_inode_ref(hostfs_vnode(h));
	pthread_mutex_unlock(&s->fd_lock);
	return list;
}

/*
 * What loses its last name by us is kept no more; what loses it by others is
 * looked for when there are twice as many as were left the last time, so that
 * nobody fills the memory with what is not there.
 */
static void drop_lost(struct hostfs_super *s)
{
	struct vfs_inode **list;
	uint32_t room, count;

	pthread_mutex_lock(&s->fd_lock);
	room = s->kept_count;
	if (room < KEPT_FIRST || room < s->kept_limit)
		room = 0;
	else
		s->kept_limit = room * 2;
	pthread_mutex_unlock(&s->fd_lock);
	if (!room)
		return;
	list = list_kept(s, room, &count);
	if (!list)
		return;
	for (uint32_t i = 0; i < count; i++) {
		if (is_lost(s, list[i]))
			hostfs_unkeep(list[i]);
		vfs_inode_unref(list[i]);
	}
	vfs_free(s->vfs, list, room * sizeof(*list));
	pthread_mutex_lock(&s->fd_lock);
	s->kept_limit = s->kept_count * 2;
	pthread_mutex_unlock(&s->fd_lock);
}

void hostfs_keep(struct vfs_inode *inode)
{
	struct hostfs_super *s = hostfs_of(inode);

	vfs_inode_set_flags(inode, 0, VFS_INODE_REFUSED);
	keep_inode(s, inode);
	drop_lost(s);
}

void hostfs_unkeep_all(struct hostfs_super *s)
{
	while (s->kept)
		hostfs_unkeep(hostfs_vnode(s->kept));
}

/* ---- what an inode says ---- */

static pthread_mutex_t *attr_lock(struct vfs_inode *inode)
{
	return &hostfs_of(inode)->attr_locks[inode->ino % HOSTFS_ATTR_LOCKS];
}

static uint32_t dirty_of(struct vfs_inode *inode)
{
	return __atomic_load_n(&hostfs_inode(inode)->dirty, __ATOMIC_SEQ_CST);
}

struct hostfs_look hostfs_look_begin(struct hostfs_super *s,
				     struct vfs_inode *inode)
{
	struct hostfs_look look = {
		.turn = __atomic_add_fetch(&s->turns, 1, __ATOMIC_ACQ_REL),
	};

	if (inode)
		look.dirty = dirty_of(inode);
	return look;
}

/* Something else than reading and writing happened since it was last asked:
 * it may be a change of the ACL. attr lock. */
static bool changed_outside(struct vfs_inode *inode,
			    const struct hostfs_facts *facts)
{
	struct hostfs_inode *h = hostfs_inode(inode);
	const struct vfs_timespec *ctime = &facts->stat.ctime;
	bool changed =
		h->ctime_sec != ctime->sec || h->ctime_nsec != ctime->nsec;

	h->ctime_sec = ctime->sec;
	h->ctime_nsec = ctime->nsec;
	return changed;
}

bool hostfs_may_lead_elsewhere(struct vfs_inode *inode,
			       const struct hostfs_facts *facts)
{
	const struct hostfs_inode *h = hostfs_inode(inode);
	const struct vfs_timespec *ctime = &facts->stat.ctime;
	bool changed;

	if (!S_ISLNK(hostfs_mode(inode)))
		return false;
	/* the host's own never change, and are never another's */
	if (S_ISLNK(h->id.type) && (h->id.btime_sec || h->id.btime_nsec))
		return false;
	pthread_mutex_lock(attr_lock(inode));
	changed = h->ctime_sec != ctime->sec || h->ctime_nsec != ctime->nsec;
	pthread_mutex_unlock(attr_lock(inode));
	return changed;
}

bool hostfs_publish(struct vfs_inode *inode, const struct hostfs_facts *facts,
		    const struct hostfs_look *look)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);
	bool valid;

	pthread_mutex_lock(attr_lock(inode));
	valid = dirty_of(inode) == look->dirty;
	/* not what is older than what is there already */
	if (valid && look->turn >= h->turn) {
		h->turn = look->turn;
		if (changed_outside(inode, facts) && !s->options.exclusive &&
		    s->has_acl && !S_ISLNK(facts->stat.mode))
			vfs_inode_set_flags(inode,
					    VFS_INODE_ACL_UNKNOWN |
						    VFS_INODE_ACL |
						    (S_ISDIR(facts->stat.mode)
							     ? VFS_INODE_DEFACL
							     : 0),
					    0);
		vfs_inode_set_stat(inode, &facts->stat, ALL_FACTS);
		vfs_inode_set_flags(inode, 0, VFS_INODE_STALE);
		/* a change that saw the flag before leaves it to us */
		valid = dirty_of(inode) == look->dirty;
		if (!valid)
			vfs_inode_set_flags(inode, VFS_INODE_STALE, 0);
	}
	pthread_mutex_unlock(attr_lock(inode));
	return valid;
}

void hostfs_changed_to(struct vfs_inode *inode, const struct vfs_stat *stat,
		       uint32_t mask)
{
	pthread_mutex_lock(attr_lock(inode));
	__atomic_fetch_add(&hostfs_inode(inode)->dirty, 1, __ATOMIC_SEQ_CST);
	vfs_inode_set_stat(inode, stat, mask);
	vfs_inode_set_flags(inode, VFS_INODE_STALE, 0);
	pthread_mutex_unlock(attr_lock(inode));
}

/*
 * Without the lock: the count goes up before the flag is looked at, and who
 * takes the flag away looks at the count afterwards.
 */
void hostfs_changed(struct vfs_inode *inode)
{
	__atomic_fetch_add(&hostfs_inode(inode)->dirty, 1, __ATOMIC_SEQ_CST);
	vfs_inode_set_flags(inode, VFS_INODE_STALE, 0);
}

/* What is known of a file that has no name any more, and is not open: it stays
 * as it was last seen. */
static int refresh_gone(struct vfs_inode *inode)
{
	vfs_inode_set_flags(inode, 0, VFS_INODE_STALE);
	return 0;
}

int hostfs_refresh(struct vfs_inode *inode)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_facts facts;
	struct hostfs_fd *fd;
	struct hostfs_look look;
	int err = hostfs_handle(inode, &fd);

	if (err == -ESTALE && VFS_READ_ONCE(hostfs_inode(inode)->gone))
		return refresh_gone(inode);
	if (err)
		return err;
	for (unsigned tries = 0; tries < TRIES; tries++) {
		look = hostfs_look_begin(s, inode);
		err = hostfs_look_fd(s, fd->fd, &facts);
		if (err || hostfs_publish(inode, &facts, &look))
			break;
	}
	hostfs_fd_unref(fd);
	return err;
}
