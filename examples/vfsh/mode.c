/* SPDX-License-Identifier: MIT */
/* Modes as chmod, mkdir -m and their like take them. */
#include "vfsh.h"

#define ALL_BITS 07777u

/* One clause of a symbolic mode: who, then one or more of +-= with bits. */
struct clause {
	uint32_t who;	/* 0700, 0070, 0007 */
	uint32_t umask; /* what an empty who leaves alone */
	char sign;
};

static uint32_t parse_who(const char **at)
{
	uint32_t who = 0;

	for (;; (*at)++) {
		if (**at == 'u')
			who |= 0700;
		else if (**at == 'g')
			who |= 0070;
		else if (**at == 'o')
			who |= 0007;
		else if (**at == 'a')
			who |= 0777;
		else
			return who;
	}
}

/* The three bits that stand at u, g or o of a mode, spread over all. */
static uint32_t copied_bits(char from, uint32_t mode)
{
	uint32_t bits = mode >> (from == 'u' ? 6 : from == 'g' ? 3 : 0);

	return (bits & 7) * 0111;
}

/* The bits that the letters name, for everyone. */
static uint32_t parse_bits(const char **at, uint32_t who, uint32_t mode)
{
	uint32_t bits = 0;

	if (**at != '\0' && strchr("ugo", **at))
		return copied_bits(*(*at)++, mode) & who;
	for (;; (*at)++) {
		if (**at == 'r')
			bits |= 0444 & who;
		else if (**at == 'w')
			bits |= 0222 & who;
		else if (**at == 'x')
			bits |= 0111 & who;
		else if (**at == 'X')
			bits |= S_ISDIR(mode) || (mode & 0111) ? 0111 & who : 0;
		else if (**at == 's')
			bits |= (who & 0100 ? S_ISUID : 0u) |
				(who & 0010 ? S_ISGID : 0u);
		else if (**at == 't')
			bits |= S_ISVTX;
		else
			return bits;
	}
}

static uint32_t apply(const struct clause *clause, uint32_t mode, uint32_t bits)
{
	uint32_t cleared = clause->who;

	bits &= ~clause->umask;
	if (clause->sign == '+')
		return mode | bits;
	if (clause->sign == '-')
		return mode & ~bits;
	if (clause->who & 0100)
		cleared |= S_ISUID;
	if (clause->who & 0010)
		cleared |= S_ISGID;
	if ((clause->who & 0777) == 0777)
		cleared |= S_ISVTX;
	return (mode & ~cleared) | bits;
}

static bool parse_symbolic(const char *at, uint32_t mode, uint32_t umask,
			   uint32_t *out)
{
	for (;;) {
		struct clause clause = {.who = parse_who(&at)};

		if (clause.who == 0) {
			clause.who = 0777;
			clause.umask = umask;
		}
		if (*at == '\0' || !strchr("+-=", *at))
			return false;
		while (*at != '\0' && strchr("+-=", *at)) {
			clause.sign = *at++;
			mode = apply(&clause, mode,
				     parse_bits(&at, clause.who, mode));
		}
		if (*at == '\0')
			break;
		if (*at++ != ',')
			return false;
	}
	*out = mode & ALL_BITS;
	return true;
}

bool sh_parse_mode(const char *text, uint32_t old, uint32_t umask,
		   uint32_t *out)
{
	unsigned long value;
	char *end;

	if (*text < '0' || *text > '9')
		return parse_symbolic(text, old, umask, out);
	value = strtoul(text, &end, 8);
	if (*end || value > ALL_BITS)
		return false;
	*out = (uint32_t)value;
	return true;
}
