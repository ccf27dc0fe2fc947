/* SPDX-License-Identifier: MIT */
/* Random values for the generator's templates: usually sensible, now and then
 * at an edge. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "gen.h"

/* One of the words in a string with blanks between. */
static void one_of(struct gen *gen, const char *words)
{
	unsigned count = 1;
	const char *p;

	for (p = words; *p; p++)
		count += *p == ' ';
	count = gen_below(gen, count);
	for (p = words; count; p++)
		count -= *p == ' ';
	text_add(&gen->text, p, strcspn(p, " "));
}

static bool chance(struct gen *gen, unsigned percent)
{
	return gen_below(gen, 100) < percent;
}

static void component(struct gen *gen, char *out)
{
	static const char *const odd[] = {".", "..", "f", "", "abcdefgh"};

	if (chance(gen, 94))
		sprintf(out, "%c", 'a' + gen_below(gen, 5));
	else
		strcpy(out, odd[gen_below(gen, 5)]);
}

static void random_path(struct gen *gen, char *out)
{
	unsigned depth = chance(gen, 45) ? 1 : chance(gen, 70) ? 2 : 3;
	char name[16];

	out[0] = '\0';
	if (chance(gen, 8))
		strcpy(out, "/");
	for (unsigned i = 0; i < depth; i++) {
		component(gen, name);
		strcat(out, name);
		if (i + 1 < depth)
			strcat(out, "/");
	}
	if (chance(gen, 4))
		strcat(out, chance(gen, 80) ? "/" : "/.");
	if (!out[0])
		strcpy(out, "\"\"");
}

static void odd_path(struct gen *gen)
{
	one_of(gen, "\"\" NULL \"y\"*255 \"y\"*256 \"y/\"*2000 . .. / "
		    "\"a/../\"*820 ./a/../a //a");
}

/* What was made before, a directory if it must be; or NULL. */
static const char *pick(struct gen *gen, bool directory, char copy[GEN_PATH])
{
	for (unsigned n = 0; n < 8 && gen->known_count; n++) {
		unsigned i = gen_below(gen, gen->known_count);

		if (gen->known[i].directory || !directory)
			return strcpy(copy, gen->known[i].path);
	}
	return NULL;
}

static char *choose(struct gen *gen)
{
	char *out = gen->chosen[gen->chosen_count & 3];

	if (gen->chosen_count < 3)
		gen->chosen_count++;
	out[0] = '\0';
	return out;
}

/* A name that exists, more often than not. */
static void existing(struct gen *gen, bool directory)
{
	char *out = choose(gen);
	const char *known = NULL;
	char copy[GEN_PATH];

	if (chance(gen, 1)) {
		odd_path(gen);
		return;
	}
	if (chance(gen, 84))
		known = pick(gen, directory, copy);
	if (!known)
		random_path(gen, out);
	else if (gen->away && chance(gen, 70))
		snprintf(out, GEN_PATH, "/%.50s", known);
	else
		strcpy(out, known);
	if (known && chance(gen, 5) && strlen(out) < 40)
		strcat(out, chance(gen, 50)   ? "/"
			    : chance(gen, 50) ? "/."
					      : "/..");
	text_add(&gen->text, out, strlen(out));
}

static void path(struct gen *gen)
{
	existing(gen, false);
}

static void directory_path(struct gen *gen)
{
	existing(gen, true);
}

/* A name that need not exist, in a directory that does. */
static void new_path(struct gen *gen)
{
	char *out = choose(gen);
	const char *known = NULL;
	char copy[GEN_PATH];

	if (chance(gen, 1)) {
		odd_path(gen);
		return;
	}
	if (chance(gen, 55))
		known = pick(gen, true, copy);
	if (known && strlen(known) < 40) {
		sprintf(out, "%s/", known);
		component(gen, out + strlen(out));
		if (chance(gen, 4))
			strcat(out, "/");
	} else if (chance(gen, 60)) {
		component(gen, out);
	} else {
		random_path(gen, out);
	}
	if (!out[0])
		strcpy(out, "g");
	text_add(&gen->text, out, strlen(out));
}

static void slot(struct gen *gen, enum slot_kind wanted)
{
	unsigned matching[GEN_SLOTS], count = 0;

	for (unsigned i = 0; i < GEN_SLOTS; i++) {
		if (wanted == SLOT_CLOSED ? gen->slots[i] != SLOT_CLOSED
					  : gen->slots[i] == wanted)
			matching[count++] = i;
	}
	if (chance(gen, 1))
		one_of(gen, "-1 99 AT_FDCWD");
	else if (count && chance(gen, 96))
		text_printf(&gen->text, "$%u", matching[gen_below(gen, count)]);
	else
		text_printf(&gen->text, "$%u", gen_below(gen, GEN_SLOTS));
}

static void new_slot(struct gen *gen)
{
	unsigned i = gen_below(gen, GEN_SLOTS);

	/* A slot that is overwritten leaks its descriptor: seldom. */
	for (unsigned n = 0; n < 6 && gen->slots[i] != SLOT_CLOSED; n++)
		i = gen_below(gen, GEN_SLOTS);
	text_printf(&gen->text, "%u", i);
}

static void mode(struct gen *gen)
{
	if (chance(gen, 70))
		one_of(gen, "0777 0755 0700 0666 0644 0600 0750 0640 0775 0664 "
			    "0 0444 0555 0711 0444 0022 0077 0027 0111 0222");
	else if (chance(gen, 80))
		one_of(gen, "01777 02755 04755 06777 02770 04711 02644 04644 "
			    "02775 01755 07777 03777");
	else
		text_printf(&gen->text, "0%o", gen_below(gen, 010000));
}

static void open_flags(struct gen *gen)
{
	if (chance(gen, 8)) {
		one_of(gen, "O_PATH O_PATH|O_NOFOLLOW O_PATH|O_DIRECTORY");
		return;
	}
	one_of(gen, "O_RDONLY O_RDONLY O_WRONLY O_RDWR O_RDWR O_RDWR 3");
	text_add(&gen->text, "|O_NONBLOCK", 11);
	if (chance(gen, 50))
		text_add(&gen->text, "|O_CREAT", 8);
	if (chance(gen, 15))
		text_add(&gen->text, "|O_EXCL", 7);
	if (chance(gen, 20))
		text_add(&gen->text, "|O_TRUNC", 8);
	if (chance(gen, 15))
		text_add(&gen->text, "|O_APPEND", 9);
	if (chance(gen, 8))
		text_add(&gen->text, "|O_NOFOLLOW", 11);
	if (chance(gen, 6))
		text_add(&gen->text, "|O_DIRECTORY", 12);
	if (chance(gen, 5))
		one_of(gen,
		       "|O_NOATIME |O_CLOEXEC |O_SYNC |O_DSYNC |0x40000000");
}

static void number(struct gen *gen)
{
	if (chance(gen, 3))
		one_of(gen, "-1 MAX MIN 0x7ffff000 0x80000000 20000 65536");
	else
		one_of(gen, "0 1 2 5 10 24 100 300 1000 4095 4096 4097 5000 "
			    "8192 10000");
}

static void offset(struct gen *gen)
{
	if (chance(gen, 3))
		one_of(gen, "-1 MAX MIN 0x7ffffffffffff000 0x100000000 "
			    "0x7fffffffffffefff -4096");
	else
		one_of(gen, "0 0 1 3 5 10 100 1000 4000 4095 4096 4097 5000 "
			    "8191 8192 12288 20000 70000");
}

static void data(struct gen *gen)
{
	char letter = (char)('a' + gen_below(gen, 26));

	if (chance(gen, 50))
		text_printf(&gen->text, "\"%c\"*%u", letter,
			    gen_below(gen, 12));
	else
		text_printf(&gen->text, "\"%c%c\"*%u", letter, letter,
			    gen_below(gen, chance(gen, 80) ? 2100 : 8000));
}

static void access_list(struct gen *gen)
{
	static const char perms[][4] = {"rwx", "rw-", "r-x", "r--",
					"-wx", "-w-", "--x", "---"};
	static const char *const named[] = {"u:1000:", "u:1001:", "u:1002:"};
	static const char *const groups[] = {"g:100:", "g:1000:", "g:1003:"};
	struct text *out = &gen->text;
	bool extended = false;

	if (chance(gen, 4)) {
		one_of(gen, "\"\" \"x\" acl:u::rwx \"\\x02\\0\\0\\0\" "
			    "acl:u::rwx,g::rwx,o::rwx,o::rwx "
			    "acl:u::rwx,u:5:rwx,g::rwx,o::rwx "
			    "\"\\x01\\0\\0\\0\" NULL");
		return;
	}
	text_printf(out, "acl:u::%s", perms[gen_below(gen, 8)]);
	for (unsigned i = 0; i < 3; i++) {
		if (!chance(gen, 35))
			continue;
		text_printf(out, ",%s%s", named[i], perms[gen_below(gen, 8)]);
		extended = true;
	}
	text_printf(out, ",g::%s", perms[gen_below(gen, 8)]);
	for (unsigned i = 0; i < 3; i++) {
		if (!chance(gen, 25))
			continue;
		text_printf(out, ",%s%s", groups[i], perms[gen_below(gen, 8)]);
		extended = true;
	}
	if (extended || chance(gen, 20))
		text_printf(out, ",m::%s", perms[gen_below(gen, 8)]);
	text_printf(out, ",o::%s", perms[gen_below(gen, 8)]);
}

static void identity(struct gen *gen)
{
	if (gen->place != PLACE_MOUNT)
		one_of(gen, "0 -1 0");
	else
		one_of(gen, "-1 0 1000 1000 1001 1001 1002 100 1003 77");
}

static void who(struct gen *gen)
{
	if (gen->place != PLACE_MOUNT)
		one_of(gen, "root root rootnocap");
	else if (chance(gen, 75))
		one_of(gen, "root root root user1 user1 user2 user3");
	else
		one_of(gen, "rootnocap setuid dropped capdac capread capfowner "
			    "capchown capfsetid capmknod capadmin capchroot");
}

static void size_limit(struct gen *gen)
{
	one_of(gen, "INFINITY INFINITY 0 10 4096 5000 10000");
}

static void directory(struct gen *gen)
{
	if (chance(gen, 85))
		text_add(&gen->text, "AT_FDCWD", 8);
	else
		slot(gen, SLOT_DIRECTORY);
}

static void task(struct gen *gen)
{
	text_printf(&gen->text, "%u", gen_below(gen, 3));
}

/* Kinds that are only a choice of words. */
static const struct {
	char kind;
	const char *words;
} choices[] = {
	{'M', "S_IFREG|0644 S_IFIFO|0666 S_IFSOCK|0777 S_IFIFO|0600 0640 "
	      "S_IFDIR|0755 S_IFLNK|0777 S_IFREG|06755 0170000"},
	{'l', "0 0 0 0 0 AT_SYMLINK_NOFOLLOW AT_SYMLINK_NOFOLLOW "
	      "AT_SYMLINK_FOLLOW AT_EMPTY_PATH AT_REMOVEDIR 0x8000"},
	{'e', "0 AT_EACCESS AT_EACCESS AT_SYMLINK_NOFOLLOW "
	      "AT_EACCESS|AT_SYMLINK_NOFOLLOW AT_REMOVEDIR"},
	{'N', "0 RENAME_NOREPLACE RENAME_EXCHANGE RENAME_EXCHANGE "
	      "RENAME_NOREPLACE RENAME_NOREPLACE|RENAME_EXCHANGE 8 "
	      "RENAME_WHITEOUT"},
	{'U', "0 0 AT_REMOVEDIR AT_REMOVEDIR AT_SYMLINK_NOFOLLOW"},
	{'R', "0 0 0 RESOLVE_BENEATH RESOLVE_BENEATH RESOLVE_IN_ROOT "
	      "RESOLVE_IN_ROOT RESOLVE_NO_SYMLINKS "
	      "RESOLVE_NO_XDEV RESOLVE_BENEATH|RESOLVE_IN_ROOT 0x100 "
	      "RESOLVE_NO_MAGICLINKS"},
	{'h', "3 4 5 6 7 8 9 10 12 -1"},
	{'c', "0 0 FD_CLOEXEC 4 8"},
	{'C', "0 O_CLOEXEC O_CLOEXEC O_APPEND"},
	{'G', "|0 |O_APPEND |O_APPEND |O_NOATIME |O_SYNC"},
	{'k', "LOCK_SH|LOCK_NB LOCK_EX|LOCK_NB LOCK_UN LOCK_NB 0"},
	{'K', "F_RDLCK F_WRLCK F_WRLCK F_UNLCK F_UNLCK 7"},
	{'S', "0 0 1 5 10 20 100 4096 -1 -5 MAX"},
	{'i', "1,2,3 0 10 100,0,200 4096,10 1000,1000,1000 5,-1 NULL"},
	{'z', "0 0 RWF_APPEND RWF_APPEND RWF_DSYNC 0x1000 RWF_NOWAIT"},
	{'W', "SEEK_SET SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE 9"},
	{'A', "0 0 FALLOC_FL_KEEP_SIZE FALLOC_FL_KEEP_SIZE "
	      "FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE "
	      "FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE FALLOC_FL_PUNCH_HOLE "
	      "0x80"},
	{'Z', "NULL NULL 0 5 4096 100 -1"},
	{'B', "24 32 48 100 16 1"},
	{'x', "R_OK W_OK X_OK F_OK R_OK|W_OK R_OK|W_OK|X_OK W_OK|X_OK 8"},
	{'t', "NULL now,now now,omit omit,now omit,omit 5:0,6:7 "
	      "4000000000:0,omit omit,1000000000:999999999 1:1000000000,0:0 "
	      "0:0,0:0 4000000000:5,7:0 -5:3,-1:0"},
	{'X',
	 "user.a user.a user.a user.b user.b trusted.a security.a user. bad.x "
	 "system.x user \"\" trusted. system.posix_acl_access"},
	{'v', "\"v\" \"value\"*3 \"\" \"w\"*100 \"w\"*4000 NULL"},
	{'E', "0 0 0 0 0 0 0 XATTR_CREATE XATTR_CREATE XATTR_REPLACE "
	      "XATTR_CREATE|XATTR_REPLACE 4"},
	{'Q', "access default access"},
	{'s', "3 5 6 8 10 0"},
	{'1', "3000 20000 32768 100000 200000"},
	{'J', "65536 65537 131072 300000 1048576 2097152 2097151 5000000 "
	      "16777216 20000000 0"},
	{'I', "\"\\0\\0\\0\\x02\"+\"\\xff\"*16 \"\\x01\\0\\0\\x02\"+\"\\0\"*16 "
	      "\"\\x01\\0\\0\\x03\"+\"\\0\"*20 \"\\0\\0\\0\\x01\"+\"\\0\"*8 "
	      "\"\\0\\0\\0\\x02\"+\"\\0\"*20 \"x\""},
	{'2',
	 "0 0 0 0 FS_APPEND_FL FS_IMMUTABLE_FL FS_NODUMP_FL FS_NOATIME_FL "
	 "FS_APPEND_FL|FS_NODUMP_FL FS_NOATIME_FL|FS_NODUMP_FL FS_SYNC_FL"},
	{'3', "0 0 0 FS_XFLAG_APPEND FS_XFLAG_IMMUTABLE FS_XFLAG_NODUMP "
	      "FS_XFLAG_EXTSZINHERIT FS_XFLAG_EXTSIZE 4 FS_XFLAG_SYNC"},
	{'4',
	 "0 MFD_CLOEXEC MFD_ALLOW_SEALING MFD_ALLOW_SEALING MFD_NOEXEC_SEAL"},
	{'5', "F_SEAL_WRITE F_SEAL_GROW F_SEAL_SHRINK F_SEAL_FUTURE_WRITE "
	      "F_SEAL_EXEC F_SEAL_SEAL F_SEAL_WRITE|F_SEAL_GROW 64 0"},
	{'7', "0 0 0 1 1 2 2 3"},
	{'8', "8192 16384 16384 4096 1"},
	{'9', "0 0 10 4000 4096 8192 12000"},
	{'<', "IN_ALL_EVENTS IN_ALL_EVENTS IN_ALL_EVENTS "
	      "IN_ALL_EVENTS|IN_DONT_FOLLOW IN_ALL_EVENTS|IN_EXCL_UNLINK "
	      "IN_ALL_EVENTS|IN_ONESHOT IN_MODIFY|IN_MASK_ADD "
	      "IN_ALL_EVENTS|IN_MASK_CREATE IN_CREATE|IN_DELETE|IN_MOVE "
	      "IN_DELETE_SELF|IN_MOVE_SELF IN_ATTRIB|IN_ONLYDIR "
	      "IN_OPEN|IN_CLOSE IN_ACCESS|IN_MODIFY IN_ATTRIB IN_MODIFY "
	      "IN_MASK_ADD|IN_ONESHOT IN_MOVE|IN_ONESHOT IN_ISDIR 0 0x100000"},
	{'>', "1 2 3 4 5 6 7 8 0 -1 MAX"},
	{'b', "4096 8192 65536 1 0 4097 -1 131072 2000000"},
	{'j', "0 0 FS FILES FS|FILES"},
	{'y', "a b c d e ../a ../d a/b /a /b/c . .. / \"\" nowhere a/ ./e"},
};

/* A mode and a number that no driver has, and that opening finds nobody at. */
static void device(struct gen *gen)
{
	if (gen->place == PLACE_MOUNT) {
		one_of(gen, "S_IFCHR|0666 S_IFBLK|0660 S_IFCHR|0600");
		text_add(&gen->text, " ", 1);
		one_of(gen, "0 dev:4000:7 dev:4000:7");
	} else {
		text_add(&gen->text, "S_IFIFO|0600 0", 14);
	}
}

void gen_value(struct gen *gen, char kind)
{
	static const struct {
		char kind;
		void (*value)(struct gen *gen);
	} makers[] = {
		{'p', path},	    {'P', new_path}, {'Y', directory_path},
		{'d', directory},   {'m', mode},     {'o', open_flags},
		{'n', number},	    {'O', offset},   {'w', data},
		{'q', access_list}, {'u', identity}, {'g', identity},
		{'a', who},	    {'r', new_slot}, {'L', size_limit},
		{'T', task},	    {'V', device},
	};

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		if (makers[i].kind == kind) {
			makers[i].value(gen);
			return;
		}
	}
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (choices[i].kind == kind) {
			one_of(gen, choices[i].words);
			return;
		}
	}
	slot(gen, kind == 'H'	? SLOT_OTHER
		  : kind == '=' ? SLOT_EVENTS
		  : kind == 'F' ? SLOT_FILE
		  : kind == 'D' ? SLOT_DIRECTORY
				: SLOT_CLOSED);
}
