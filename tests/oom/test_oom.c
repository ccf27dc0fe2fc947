/* SPDX-License-Identifier: MIT */
/*
 * Runs each body of the conformance kit again and again, with the nth
 * allocation failing, n = 1, 2, … until none fails: test_oom BACKEND [BODY].
 *
 * Each time: a call that answers -ENOMEM has changed nothing and works when
 * made again (kit.h), the tree makes sense at the end, and everything is given
 * back. Making the instance is part of it.
 */
#include <stdlib.h>

#include "backend/kit.h"

/* One run; whether an allocation was made to fail. */
static bool run(struct kit *kit, const struct kit_backend *backend,
		const struct kit_body *body, uint64_t nth)
{
	int error;

	memset(kit, 0, sizeof(*kit));
	test_alloc_init(&kit->alloc);
	kit->failing = true;
	test_alloc_fail(&kit->alloc, nth, 1);
	error = kit_open(kit, backend);
	if (error) {
		kit__equal(kit, error, -ENOMEM, "kit_open", __FILE__, __LINE__);
		KIT_TRUE(kit, test_alloc_heal(&kit->alloc) == 1);
		KIT_TRUE(kit, test_alloc_balanced(&kit->alloc));
		return true;
	}
	body->run(kit);
	bool failed = test_alloc_heal(&kit->alloc) > 0;

	kit_check_tree(kit);
	kit_close(kit);
	return failed;
}

static bool sweep(const struct kit_backend *backend,
		  const struct kit_body *body)
{
	struct kit *kit = malloc(sizeof(*kit));
	uint64_t nth = 0, refusals = 0;
	bool good = true, more = true;

	if (!kit)
		abort();
	while (good && more) {
		more = run(kit, backend, body, ++nth);
		refusals += kit->refusals;
		good = kit->problems == 0;
	}
	printf("%-8s %s %s: %llu allocations, %llu calls refused\n",
	       good ? "ok" : "FAILED", backend->name, body->name,
	       (unsigned long long)nth - 1, (unsigned long long)refusals);
	if (!good)
		printf("  allocation %llu: %u problems, the first: %s\n",
		       (unsigned long long)nth, kit->problems, kit->first);
	free(kit);
	return good;
}

int main(int argc, char **argv)
{
	int ran = 0, failed = 0;

	for (size_t i = 0; i < kit_backend_count; i++) {
		const struct kit_backend *backend = &kit_backends[i];

		if (argc > 1 && strcmp(argv[1], backend->name))
			continue;
		for (size_t j = 0; j < kit_body_count; j++) {
			const struct kit_body *body = &kit_bodies[j];

			if (argc > 2 && strcmp(argv[2], body->name))
				continue;
			if (body->needs & ~backend->features)
				continue;
			ran++;
			failed += !sweep(backend, body);
		}
	}
	printf("%d swept, %d failed\n", ran, failed);
	return failed || !ran;
}
