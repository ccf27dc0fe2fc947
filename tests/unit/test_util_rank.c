/* SPDX-License-Identifier: MIT */
/* The check of lock ranks in debug builds, here in every build: this program
 * has a copy of its own of lock.c. */
#ifndef VFS__DEBUG_LOCKS
#define VFS__DEBUG_LOCKS
#endif
#include "../../lib/util/lock.c"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct vfs__mutex mutexes[40];
static uint32_t words[3];

/* Whether `wrong` ends in abort(). */
static bool aborts(void (*wrong)(void))
{
	int status = 0;
	pid_t child = fork();

	if (!child) {
		struct rlimit none = {0, 0};
		int null = open("/dev/null", O_WRONLY);

		/* neither a message nor a core file, nor cmocka's handler */
		setrlimit(RLIMIT_CORE, &none);
		dup2(null, 2);
		signal(SIGABRT, SIG_DFL);
		wrong();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void in_order(void)
{
	vfs__mutex_lock(&mutexes[0], VFS__RANK_NAMESPACE);
	vfs__mutex_lock(&mutexes[1], VFS__RANK_RENAME);
	vfs__mutex_lock(&mutexes[2], VFS__RANK_POS);
	vfs__rw_lock_excl(&words[0], VFS__RANK_DIR);
	vfs__rw_lock_excl_nested(&words[1], VFS__RANK_DIR);
	vfs__rw_lock_shared(&words[2], VFS__RANK_INODE);
	vfs__mutex_lock(&mutexes[3], VFS__RANK_SLAB);
	/* given back in any order */
	vfs__rw_unlock_excl(&words[0]);
	vfs__mutex_unlock(&mutexes[0], VFS__RANK_NAMESPACE);
	vfs__mutex_unlock(&mutexes[3], VFS__RANK_SLAB);
	vfs__rw_unlock_shared(&words[2]);
	vfs__rw_unlock_excl(&words[1]);
	vfs__mutex_unlock(&mutexes[2], VFS__RANK_POS);
	vfs__mutex_unlock(&mutexes[1], VFS__RANK_RENAME);
}

static void against_the_order(void)
{
	vfs__rw_lock_excl(&words[0], VFS__RANK_INODE);
	vfs__mutex_lock(&mutexes[0], VFS__RANK_RENAME);
}

static void shared_against_the_order(void)
{
	vfs__mutex_lock(&mutexes[0], VFS__RANK_LEAF);
	vfs__rw_lock_shared(&words[0], VFS__RANK_INODE);
}

static void two_of_a_rank(void)
{
	vfs__rw_lock_excl(&words[0], VFS__RANK_DIR);
	vfs__rw_lock_excl(&words[1], VFS__RANK_DIR);
}

static void not_the_newest_counts(void)
{
	vfs__mutex_lock(&mutexes[0], VFS__RANK_LEAF);
	if (!vfs__mutex_trylock(&mutexes[1], VFS__RANK_RENAME))
		_exit(1);
	vfs__rw_lock_excl(&words[0], VFS__RANK_DIR);
}

static void unlock_twice(void)
{
	vfs__mutex_lock(&mutexes[0], VFS__RANK_LEAF);
	vfs__mutex_unlock(&mutexes[0], VFS__RANK_LEAF);
	vfs__mutex_unlock(&mutexes[0], VFS__RANK_LEAF);
}

static void wait_in_a_section(void)
{
	vfs__rank_section(1);
	vfs__rw_lock_shared(&words[0], VFS__RANK_INODE);
}

static void retire_under_a_leaf(void)
{
	vfs__mutex_lock(&mutexes[0], VFS__RANK_LEAF);
	vfs__rank_retiring();
}

static void call_under_a_lock(void)
{
	vfs__rw_lock_shared(&words[0], VFS__RANK_INODE);
	vfs__rank_calling();
}

static void call_in_a_section(void)
{
	vfs__rank_section(1);
	vfs__rank_calling();
}

static void too_many(void)
{
	for (int i = 0; i < 40; i++)
		if (!vfs__mutex_trylock(&mutexes[i], VFS__RANK_LEAF))
			_exit(1);
}

static void test_rank__the_order_is_checked(void **state)
{
	(void)state;
	assert_false(aborts(in_order));
	assert_true(aborts(against_the_order));
	assert_true(aborts(shared_against_the_order));
	assert_true(aborts(two_of_a_rank));
	assert_true(aborts(not_the_newest_counts));
	assert_true(aborts(unlock_twice));
	assert_true(aborts(too_many));
}

static void trying_is_free(void)
{
	vfs__rank_section(1);
	vfs__mutex_lock(&mutexes[0], VFS__RANK_LEAF);
	if (!vfs__rw_try_excl(&words[0], VFS__RANK_INODE) ||
	    !vfs__rw_try_shared(&words[1], VFS__RANK_DIR))
		_exit(1);
	vfs__rw_unlock_shared(&words[1]);
	vfs__rw_unlock_excl(&words[0]);
	vfs__mutex_unlock(&mutexes[0], VFS__RANK_LEAF);
	vfs__rank_section(-1);
	vfs__rw_lock_excl(&words[0], VFS__RANK_INODE);
	vfs__rank_retiring();
	vfs__rw_unlock_excl(&words[0]);
	vfs__rank_calling();
}

static void test_rank__sections_and_retiring(void **state)
{
	(void)state;
	assert_false(aborts(trying_is_free));
	assert_true(aborts(wait_in_a_section));
	assert_true(aborts(retire_under_a_leaf));
	assert_true(aborts(call_under_a_lock));
	assert_true(aborts(call_in_a_section));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rank__the_order_is_checked),
		cmocka_unit_test(test_rank__sections_and_retiring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
