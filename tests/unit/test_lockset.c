/* SPDX-License-Identifier: MIT */
/* Lists of locked ranges against an array of bytes. */
#include "support/check.h"

#include "core/lockset.h"

#define OWNERS 3
#define BYTES 24

struct model {
	struct vfs__lock memory[64];
	struct vfs__lock *held, *spares;
	int types[OWNERS][BYTES]; /* F_UNLCK: not locked */
	uint64_t seed;
};

static const char owners[OWNERS];

static unsigned random_below(struct model *m, unsigned n)
{
	m->seed = m->seed * UINT64_C(6364136223846793005) +
		  UINT64_C(1442695040888963407);
	return (unsigned)(m->seed >> 33) % n;
}

static void model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	m->seed = 42;
	for (int i = 0; i < 64; i++) {
		m->memory[i].next = m->spares;
		m->spares = &m->memory[i];
	}
	for (int o = 0; o < OWNERS; o++)
		for (int i = 0; i < BYTES; i++)
			m->types[o][i] = F_UNLCK;
}

static int length(const struct vfs__lock *list)
{
	int n = 0;

	for (; list; list = list->next)
		n++;
	return n;
}

/* Byte BYTES - 1 stands for everything up to the end. */
static struct vfs__lock want_of(struct model *m)
{
	unsigned start = random_below(m, BYTES);
	unsigned end = start + random_below(m, BYTES - start);
	static const int types[] = {F_RDLCK, F_WRLCK, F_UNLCK};

	return (struct vfs__lock){
		.owner = &owners[random_below(m, OWNERS)],
		.start = start,
		.end = end == BYTES - 1 ? VFS__LOCK_END : (int64_t)end,
		.type = types[random_below(m, 3)],
	};
}

static unsigned last_of(const struct vfs__lock *lock)
{
	return lock->end == VFS__LOCK_END ? BYTES - 1 : (unsigned)lock->end;
}

static bool model_conflict(struct model *m, const struct vfs__lock *want)
{
	for (int o = 0; o < OWNERS; o++) {
		if (&owners[o] == want->owner || want->type == F_UNLCK)
			continue;
		for (unsigned i = (unsigned)want->start; i <= last_of(want);
		     i++)
			if (m->types[o][i] == F_WRLCK ||
			    (m->types[o][i] == F_RDLCK &&
			     want->type == F_WRLCK))
				return true;
	}
	return false;
}

/* Whether an owner gives up anything. */
static bool model_apply(struct model *m, const struct vfs__lock *want)
{
	int *types = m->types[(const char *)want->owner - owners];
	bool weaker = false;

	for (unsigned i = (unsigned)want->start; i <= last_of(want); i++) {
		if (types[i] != want->type && types[i] != F_UNLCK &&
		    want->type != F_WRLCK)
			weaker = true;
		types[i] = want->type;
	}
	return weaker;
}

/* The list says the same as the array, and is in order. */
static void compare(const struct model *m)
{
	int types[OWNERS][BYTES];
	const struct vfs__lock *before = NULL;
	bool seen[OWNERS] = {false};

	for (int o = 0; o < OWNERS; o++)
		for (int i = 0; i < BYTES; i++)
			types[o][i] = F_UNLCK;
	for (const struct vfs__lock *l = m->held; l; before = l, l = l->next) {
		int o = (int)((const char *)l->owner - owners);

		assert_true(l->start <= l->end);
		if (before && before->owner == l->owner) {
			assert_true(before->end < l->start);
			assert_true(before->end + 1 < l->start ||
				    before->type != l->type);
		} else {
			assert_false(seen[o]);
		}
		seen[o] = true;
		for (unsigned i = (unsigned)l->start; i <= last_of(l); i++)
			types[o][i] = l->type;
	}
	assert_memory_equal(types, m->types, sizeof(types));
}

static void test_lockset__as_an_array_of_bytes(void **state)
{
	struct model m;
	int applied = 0;

	(void)state;
	model_init(&m);
	for (int i = 0; i < 50000; i++) {
		struct vfs__lock want = want_of(&m);
		struct vfs__lock *in_way = NULL;
		bool weaker;

		if (want.type != F_UNLCK)
			in_way = vfs__lockset_conflict(m.held, &want);
		assert_int_equal(in_way != NULL, model_conflict(&m, &want));
		if (in_way) {
			assert_ptr_not_equal(in_way->owner, want.owner);
			continue;
		}
		weaker = model_apply(&m, &want);
		assert_int_equal(vfs__lockset_apply(&m.held, &want, &m.spares),
				 weaker);
		compare(&m);
		assert_int_equal(length(m.held) + length(m.spares), 64);
		applied++;
	}
	assert_true(applied > 10000);
}

/* An F_UNLCK needs a spare when, and only when, _splits says so; the others
 * never need more than two. */
static void test_lockset__spares(void **state)
{
	struct model m;

	(void)state;
	model_init(&m);
	for (int i = 0; i < 20000; i++) {
		struct vfs__lock want = want_of(&m);
		struct vfs__lock *rest = NULL;
		bool unlock = want.type == F_UNLCK;
		int give = unlock ? vfs__lockset_splits(m.held, &want) : 2;

		if (!unlock && vfs__lockset_conflict(m.held, &want))
			continue;
		for (int n = 0; n < give; n++) {
			struct vfs__lock *spare = m.spares;

			m.spares = spare->next;
			spare->next = rest;
			rest = spare;
		}
		model_apply(&m, &want);
		vfs__lockset_apply(&m.held, &want, &rest);
		compare(&m);
		while (rest) {
			struct vfs__lock *spare = rest;

			rest = spare->next;
			spare->next = m.spares;
			m.spares = spare;
		}
		assert_int_equal(length(m.held) + length(m.spares), 64);
	}
}

static void test_lockset__own(void **state)
{
	struct model m;
	struct vfs__lock want = {
		.owner = &owners[0], .start = 5, .end = 9, .type = F_RDLCK};

	(void)state;
	model_init(&m);
	vfs__lockset_apply(&m.held, &want, &m.spares);
	want.start = want.end = 9;
	assert_ptr_equal(vfs__lockset_own(m.held, &want), m.held);
	want.start = want.end = 10;
	assert_null(vfs__lockset_own(m.held, &want));
	want.start = 0;
	want.owner = &owners[1];
	assert_null(vfs__lockset_own(m.held, &want));
	want.type = F_WRLCK;
	assert_ptr_equal(vfs__lockset_conflict(m.held, &want), m.held);
	assert_null(vfs__lockset_next_conflict(m.held, &want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lockset__as_an_array_of_bytes),
		cmocka_unit_test(test_lockset__spares),
		cmocka_unit_test(test_lockset__own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
