/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzing targets share: a prepared tree, and input read byte by
 * byte. Each target is LLVMFuzzerTestOneInput, linked with libFuzzer, or with
 * replay.c, which runs the files of a corpus as an ordinary test.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <vfs/vfs.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold holds, or the input is kept as one that breaks it. */
#define FUZZ_CHECK(condition)                                              \
	do {                                                               \
		if (!(condition)) {                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
				#condition);                               \
			abort();                                           \
		}                                                          \
	} while (0)

struct fuzz_input {
	const uint8_t *at;
	const uint8_t *end;
};

/* The next byte; 0 when there is none left. */
static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static inline uint32_t fuzz_word(struct fuzz_input *in)
{
	uint32_t low = fuzz_byte(in);

	return low | (uint32_t)fuzz_byte(in) << 8;
}

/* A new instance with a root task; the tree: /d/e/f, /d/l -> e, /up -> .. and
 * /loop -> loop, /s, a FIFO /p. */
void fuzz_open(struct vfs **vfs, struct vfs_task **task);
/* Whether the tree makes sense: every entry is there, every directory's count
 * of links is right. Aborts when not. */
void fuzz_check_tree(struct vfs_task *task);

#endif
