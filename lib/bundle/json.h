/* SPDX-License-Identifier: MIT */
/*
 * JSON read field by field, with a pointer to the field that is being read. All
 * strings that are handed out are copies in the reader's memory.
 */
#ifndef BUNDLE_JSON_H
#define BUNDLE_JSON_H

#include <jansson.h>

#include "bundle.h"

struct reader {
	struct bundle_report *report;
	struct bundle_arena *arena;
	const char *directory; /* relative paths of the host begin there */
	bool strict;
	bool reals; /* every number is one: some were too large otherwise */
	size_t len; /* of the pointer, in report->where */
};

/* A field, or an element of an array, is being read; leave with what was
 * returned. */
size_t reader_enter(struct reader *r, const char *key);
size_t reader_enter_index(struct reader *r, size_t index);
void reader_leave(struct reader *r, size_t before);

/*
 * A field of object: 0, also when it is missing or null and *out stays as it
 * is, or a reported -EINVAL (another type, out of range, or required) or
 * -ENOMEM. What begins with read_ calls back with the reader at the field.
 */
int read_string(struct reader *r, const json_t *object, const char *key,
		bool required, const char **out);
int read_bool(struct reader *r, const json_t *object, const char *key,
	      bool *out);
int read_number(struct reader *r, const json_t *object, const char *key,
		bool required, uint64_t max, uint64_t *out);
/* - "an object" and so on. */
const char *reader_type(const json_t *value);
/* - The value of an integer from 0 on; UINT64_MAX where it is more. False: it
 * is none. */
bool reader_integer(const struct reader *r, const json_t *value, uint64_t *out);
/* Reads a 32-bit one. */
int read_u32(struct reader *r, const json_t *object, const char *key,
	     bool required, uint64_t max, uint32_t *out);
int read_strings(struct reader *r, const json_t *object, const char *key,
		 const char *const **out, uint64_t *count);

typedef int read_object_fn(struct reader *r, const json_t *object,
			   void *context);
int read_object(struct reader *r, const json_t *object, const char *key,
		bool required, read_object_fn *fn, void *context);

/* One element, an object, into its place in the array of results. */
typedef int read_element_fn(struct reader *r, const json_t *object,
			    void *element);
/* - *out: an array of elements of size bytes each. */
int read_array(struct reader *r, const json_t *object, const char *key,
	       size_t size, read_element_fn *fn, void *out, uint64_t *count);

/* A field that there is no use for. */
struct reader_unused {
	const char *name; /* NULL: the end of a list */
	const char *type; /* as reader_type has it */
};

/* - Those of a list are of the type that they have to be; that they are not
 *   looked at is told to who wants to know everything. */
int read_unused(struct reader *r, const json_t *object,
		const struct reader_unused *list);

/* - Fields that are none of names (NULL-terminated), nor of unused (may be
 *   NULL), are told, or refused. */
int read_unknown(struct reader *r, const json_t *object,
		 const char *const *names, const struct reader_unused *unused);

#endif
