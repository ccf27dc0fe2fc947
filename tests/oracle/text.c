/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer data is shown as its length and a hash. */
#define SHOWN_BYTES 160
#define MAX_LISTED 4096

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("oracle: ", stderr);
	vfprintf(stderr, format, args);
	fputs("\n", stderr);
	va_end(args);
	exit(2);
}

void text_fini(struct text *text)
{
	free(text->data);
	memset(text, 0, sizeof(*text));
}

void text_clear(struct text *text)
{
	text->len = 0;
	text_add(text, "", 0);
}

static void reserve(struct text *text, size_t len)
{
	size_t cap = text->cap ? text->cap : 256;

	while (cap < text->len + len + 1)
		cap *= 2;
	if (cap == text->cap)
		return;
	text->data = realloc(text->data, cap);
	if (!text->data)
		die("out of memory");
	text->cap = cap;
}

void text_add(struct text *text, const char *data, size_t len)
{
	reserve(text, len);
	memcpy(text->data + text->len, data, len);
	text->len += len;
	text->data[text->len] = '\0';
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list args;
	int n;

	reserve(text, 256);
	va_start(args, format);
	n = vsnprintf(text->data + text->len, text->cap - text->len, format,
		      args);
	va_end(args);
	if ((size_t)n >= text->cap - text->len) {
		reserve(text, (size_t)n);
		va_start(args, format);
		vsnprintf(text->data + text->len, text->cap - text->len, format,
			  args);
		va_end(args);
	}
	text->len += (size_t)n;
}

uint64_t hash_bytes(uint64_t seed, const void *data, size_t len)
{
	const unsigned char *bytes = data;
	uint64_t h = seed ^ UINT64_C(0xcbf29ce484222325);
	size_t i = 0;

	for (; i + 8 <= len; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, 8);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	for (; i < len; i++)
		h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
	return h;
}

void text_bytes(struct text *text, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	if (len > SHOWN_BYTES) {
		text_printf(text, "<%zu bytes, hash %016llx>", len,
			    (unsigned long long)hash_bytes(0, data, len));
		return;
	}
	text_add(text, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] >= ' ' && bytes[i] < 127 && bytes[i] != '"' &&
		    bytes[i] != '\\')
			text_add(text, (const char *)bytes + i, 1);
		else
			text_printf(text, "\\x%02x", bytes[i]);
	}
	text_add(text, "\"", 1);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void text_sorted(struct text *text, char *list, size_t len)
{
	static __thread char *names[MAX_LISTED];
	size_t count = 0;

	for (size_t i = 0; i < len; i += strlen(list + i) + 1) {
		if (count == MAX_LISTED)
			die("a list is too long");
		names[count++] = list + i;
	}
	qsort(names, count, sizeof(names[0]), by_name);
	for (size_t i = 0; i < count; i++) {
		text_add(text, " ", 1);
		text_bytes(text, names[i], strlen(names[i]));
	}
}

void text_result(struct text *text, int64_t value)
{
	const char *name = NULL;

	if (value < 0 && value > -4096)
		name = strerrorname_np((int)-value);
	if (name)
		text_printf(text, "-%s", name);
	else
		text_printf(text, "%lld", (long long)value);
}
