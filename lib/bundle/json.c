/* SPDX-License-Identifier: MIT */
/* Fields of JSON. Contract: json.h. */
#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static size_t append(struct reader *r, const char *text)
{
	struct bundle_report *report = r->report;
	size_t before = r->len;
	int n = snprintf(report->where + before, sizeof(report->where) - before,
			 "/%s", text);

	if (n > 0)
		r->len += (size_t)n;
	if (r->len >= sizeof(report->where))
		r->len = sizeof(report->where) - 1;
	return before;
}

size_t reader_enter(struct reader *r, const char *key)
{
	return append(r, key);
}

size_t reader_enter_index(struct reader *r, size_t index)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", index);
	return append(r, text);
}

void reader_leave(struct reader *r, size_t before)
{
	r->len = before;
	r->report->where[before] = 0;
}

const char *reader_type(const json_t *value)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string",    [JSON_INTEGER] = "an integer",
		[JSON_REAL] = "a real number", [JSON_TRUE] = "a boolean",
		[JSON_FALSE] = "a boolean",    [JSON_NULL] = "null"};

	return names[json_typeof(value)];
}

static int wrong_type(struct reader *r, const json_t *value, const char *wanted)
{
	return bundle_refuse(r->report, "%s where %s belongs",
			     reader_type(value), wanted);
}

/* The reader is at the field. NULL in *out: missing. */
static int find(struct reader *r, const json_t *object, const char *key,
		bool required, const json_t **out)
{
	const json_t *value = json_object_get(object, key);

	*out = json_is_null(value) ? NULL : value;
	return required && !*out ? bundle_refuse(r->report, "missing") : 0;
}

static int copy_string(struct reader *r, const json_t *value, const char **out)
{
	const char *copy;

	if (!json_is_string(value))
		return wrong_type(r, value, "a string");
	copy = bundle_copy(r->arena, json_string_value(value),
			   json_string_length(value));
	if (!copy)
		return bundle_no_memory(r->report);
	*out = copy;
	return 0;
}

int read_string(struct reader *r, const json_t *object, const char *key,
		bool required, const char **out)
{
	size_t before = reader_enter(r, key);
	const json_t *value;
	int err = find(r, object, key, required, &value);

	if (!err && value)
		err = copy_string(r, value, out);
	reader_leave(r, before);
	return err;
}

int read_bool(struct reader *r, const json_t *object, const char *key,
	      bool *out)
{
	size_t before = reader_enter(r, key);
	const json_t *value;
	int err = find(r, object, key, false, &value);

	if (!err && value) {
		if (json_is_boolean(value))
			*out = json_is_true(value);
		else
			err = wrong_type(r, value, "a boolean");
	}
	reader_leave(r, before);
	return err;
}

bool reader_integer(const struct reader *r, const json_t *value, uint64_t *out)
{
	const double limit = 18446744073709551616.0; /* 2^64 */
	double real;

	if (json_is_integer(value)) {
		*out = (uint64_t)json_integer_value(value);
		return json_integer_value(value) >= 0;
	}
	if (!r->reals || !json_is_real(value))
		return false;
	real = json_real_value(value);
	if (real < 0)
		return false;
	*out = real < limit ? (uint64_t)real : UINT64_MAX;
	return real >= limit || real == (double)*out;
}

int read_number(struct reader *r, const json_t *object, const char *key,
		bool required, uint64_t max, uint64_t *out)
{
	size_t before = reader_enter(r, key);
	const json_t *value;
	uint64_t number;
	int err = find(r, object, key, required, &value);

	if (!err && value) {
		if (!json_is_number(value))
			err = wrong_type(r, value, "an integer");
		else if (!reader_integer(r, value, &number) || number > max)
			err = bundle_refuse(r->report,
					    "it is no integer from 0 to %llu",
					    (unsigned long long)max);
		else
			*out = number;
	}
	reader_leave(r, before);
	return err;
}

int read_u32(struct reader *r, const json_t *object, const char *key,
	     bool required, uint64_t max, uint32_t *out)
{
	uint64_t value = *out;
	int err = read_number(r, object, key, required, max, &value);

	if (!err)
		*out = (uint32_t)value;
	return err;
}

static int copy_strings(struct reader *r, const json_t *array,
			const char *const **out, uint64_t *count)
{
	size_t n = json_array_size(array), before;
	const char **strings;
	int err = 0;

	strings = bundle_array(r->arena, n, sizeof(*strings));
	if (!strings)
		return bundle_no_memory(r->report);
	for (size_t i = 0; !err && i < n; i++) {
		before = reader_enter_index(r, i);
		err = copy_string(r, json_array_get(array, i), &strings[i]);
		reader_leave(r, before);
	}
	if (!err) {
		*out = strings;
		*count = n;
	}
	return err;
}

int read_strings(struct reader *r, const json_t *object, const char *key,
		 const char *const **out, uint64_t *count)
{
	size_t before = reader_enter(r, key);
	const json_t *value;
	int err = find(r, object, key, false, &value);

	if (!err && value)
		err = json_is_array(value) ? copy_strings(r, value, out, count)
					   : wrong_type(r, value, "an array");
	reader_leave(r, before);
	return err;
}

int read_object(struct reader *r, const json_t *object, const char *key,
		bool required, read_object_fn *fn, void *context)
{
	size_t before = reader_enter(r, key);
	const json_t *value;
	int err = find(r, object, key, required, &value);

	if (!err && value)
		err = json_is_object(value) ? fn(r, value, context)
					    : wrong_type(r, value, "an object");
	reader_leave(r, before);
	return err;
}

static int read_elements(struct reader *r, const json_t *array, size_t size,
			 read_element_fn *fn, void *out, uint64_t *count)
{
	size_t n = json_array_size(array), before;
	char *elements = bundle_array(r->arena, n, size);
	int err = 0;

	if (!elements)
		return bundle_no_memory(r->report);
	for (size_t i = 0; !err && i < n; i++) {
		const json_t *element = json_array_get(array, i);

		before = reader_enter_index(r, i);
		err = json_is_object(element)
			      ? fn(r, element, elements + i * size)
			      : wrong_type(r, element, "an object");
		reader_leave(r, before);
	}
	if (!err) {
		memcpy(out, &elements, sizeof(elements));
		*count = n;
	}
	return err;
}

int read_array(struct reader *r, const json_t *object, const char *key,
	       size_t size, read_element_fn *fn, void *out, uint64_t *count)
{
	size_t before = reader_enter(r, key);
	const json_t *value;
	int err = find(r, object, key, false, &value);

	if (!err && value)
		err = json_is_array(value)
			      ? read_elements(r, value, size, fn, out, count)
			      : wrong_type(r, value, "an array");
	reader_leave(r, before);
	return err;
}

static bool is_known(const char *const *names,
		     const struct reader_unused *unused, const char *key)
{
	for (; *names; names++)
		if (!strcmp(*names, key))
			return true;
	for (; unused && unused->name; unused++)
		if (!strcmp(unused->name, key))
			return true;
	return false;
}

static bool is_of_type(const struct reader *r, const json_t *value,
		       const char *type)
{
	if (r->reals && json_is_real(value))
		return !strcmp(type, "an integer");
	return !strcmp(reader_type(value), type);
}

int read_unused(struct reader *r, const json_t *object,
		const struct reader_unused *list)
{
	const json_t *value;
	size_t before;
	int err = 0;

	for (; !err && list->name; list++) {
		before = reader_enter(r, list->name);
		err = find(r, object, list->name, false, &value);
		if (!err && value) {
			if (!is_of_type(r, value, list->type))
				err = wrong_type(r, value, list->type);
			else
				vfs_log(r->report->vfs, VFS_LOG_INFO,
					"bundle: %s: not looked at",
					r->report->where);
		}
		reader_leave(r, before);
	}
	return err;
}

int read_unknown(struct reader *r, const json_t *object,
		 const char *const *names, const struct reader_unused *unused)
{
	const char *key;
	json_t *value;
	size_t before;
	int err = 0;

	json_object_foreach((json_t *)object, key, value)
	{
		if (is_known(names, unused, key))
			continue;
		before = reader_enter(r, key);
		if (r->strict)
			err = bundle_refuse(r->report, "unknown field");
		else
			bundle_note(r->report, "unknown field, not looked at");
		reader_leave(r, before);
		if (err)
			break;
	}
	return err;
}
