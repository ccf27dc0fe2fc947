/* SPDX-License-Identifier: MIT */
/* Runs the bodies of the conformance kit: test_kit BACKEND [BODY]. */
#include <stdio.h>
#include <stdlib.h>

#include "backend/kit.h"

static bool run(const struct kit_backend *backend, const struct kit_body *body)
{
	struct kit *kit = calloc(1, sizeof(*kit));
	bool good;
	int error;

	if (!kit)
		abort();
	test_alloc_init(&kit->alloc);
	error = kit_open(kit, backend);
	if (error) {
		printf("%s: %s\n", backend->name, vfs_errno_name(error));
		free(kit);
		return false;
	}
	body->run(kit);
	kit_check_tree(kit);
	kit_close(kit);
	good = kit->problems == 0;
	printf("%-8s %s %s\n", good ? "ok" : "FAILED", backend->name,
	       body->name);
	if (!good)
		printf("  %u problems, the first: %s\n", kit->problems,
		       kit->first);
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
			failed += !run(backend, body);
		}
	}
	printf("%d ran, %d failed\n", ran, failed);
	return failed || !ran;
}
