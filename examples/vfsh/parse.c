/* SPDX-License-Identifier: MIT */
/*
 * From text to steps. The grammar:
 *
 *   text  = [ step { (";" | newline | "&&" | "||") step } ]
 *   step  = { word | (">" | ">>") word }
 *
 * A word may hold '..' and ".." and \c; # at a word's start begins a comment.
 */
#include "vfsh.h"

enum token {
	TOKEN_WORD,
	TOKEN_END_STEP,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_TO,
	TOKEN_APPEND,
	TOKEN_END,
	TOKEN_INCOMPLETE,
	TOKEN_ERROR
};

struct lexer {
	const char *at;
	struct word word; /* of the last TOKEN_WORD; the parser takes it */
	const char *error;
};

/* The two forms of a word as it grows. */
struct builder {
	char *text;
	char *pattern;
	size_t text_length;
	size_t pattern_length;
	bool globs;
};

static void put(struct builder *builder, char c, bool quoted)
{
	if (strchr("*?[", c)) {
		if (quoted)
			builder->pattern[builder->pattern_length++] = '\\';
		else
			builder->globs = true;
	} else if (c == '\\') {
		builder->pattern[builder->pattern_length++] = '\\';
	}
	builder->pattern[builder->pattern_length++] = c;
	builder->text[builder->text_length++] = c;
}

/* From behind the opening quote to behind the closing one; NULL: no end. */
static const char *put_quoted(struct builder *builder, const char *at, char end)
{
	for (; *at != end; at++) {
		if (*at == '\0')
			return NULL;
		if (end == '"' && *at == '\\' && at[1] == '\n') {
			at++;
			continue;
		}
		if (end == '"' && *at == '\\' &&
		    (at[1] == '"' || at[1] == '\\'))
			at++;
		put(builder, *at, true);
	}
	return at + 1;
}

static enum token read_word(struct lexer *lexer)
{
	size_t room = strlen(lexer->at);
	struct builder builder = {.text = sh_alloc(room + 1),
				  .pattern = sh_alloc(2 * room + 1)};
	const char *at = lexer->at;

	while (at && *at != '\0' && !strchr(" \t\n;&|<>", *at)) {
		char c = *at++;

		if (c == '\'' || c == '"') {
			at = put_quoted(&builder, at, c);
		} else if (c != '\\') {
			put(&builder, c, false);
		} else if (*at == '\0') {
			at = NULL;
		} else if (*at == '\n') {
			at++;
		} else {
			put(&builder, *at++, true);
		}
	}
	if (!at) {
		free(builder.text);
		free(builder.pattern);
		return TOKEN_INCOMPLETE;
	}
	lexer->at = at;
	builder.text[builder.text_length] = '\0';
	builder.pattern[builder.pattern_length] = '\0';
	if (!builder.globs) {
		free(builder.pattern);
		builder.pattern = NULL;
	}
	lexer->word = (struct word){builder.text, builder.pattern};
	return TOKEN_WORD;
}

static void skip_blanks(struct lexer *lexer)
{
	for (;;) {
		if (*lexer->at == ' ' || *lexer->at == '\t')
			lexer->at++;
		else if (lexer->at[0] == '\\' && lexer->at[1] == '\n')
			lexer->at += 2;
		else
			break;
	}
	if (*lexer->at == '#')
		lexer->at += strcspn(lexer->at, "\n");
}

static enum token lexer_error(struct lexer *lexer, const char *error)
{
	lexer->error = error;
	return TOKEN_ERROR;
}

static enum token next_token(struct lexer *lexer)
{
	char c;

	skip_blanks(lexer);
	c = *lexer->at;
	if (c == '\0')
		return TOKEN_END;
	if (!strchr("\n;&|<>", c))
		return read_word(lexer);
	lexer->at++;
	if (c == '\n' || c == ';')
		return TOKEN_END_STEP;
	if (*lexer->at == c) {
		lexer->at++;
		if (c == '&')
			return TOKEN_AND;
		if (c == '|')
			return TOKEN_OR;
		if (c == '>')
			return TOKEN_APPEND;
	}
	if (c == '>')
		return TOKEN_TO;
	if (c == '|')
		return lexer_error(lexer, "there are no pipelines here");
	if (c == '&')
		return lexer_error(lexer, "there are no background jobs here");
	return lexer_error(lexer, "input cannot be redirected here");
}

static void word_free(struct word *word)
{
	free(word->text);
	free(word->pattern);
	*word = (struct word){NULL, NULL};
}

void sh_steps_free(struct step *steps)
{
	while (steps) {
		struct step *next = steps->next;

		for (size_t i = 0; i < steps->count; i++)
			word_free(&steps->words[i]);
		free(steps->words);
		word_free(&steps->target);
		free(steps);
		steps = next;
	}
}

static void add_word(struct step *step, struct word word)
{
	size_t size = (step->count + 1) * sizeof(word);

	step->words = sh_realloc(step->words, size);
	step->words[step->count++] = word;
}

/* The word behind > or >>. */
static enum token parse_target(struct lexer *lexer, struct step *step,
			       bool append)
{
	enum token token = next_token(lexer);

	if (token == TOKEN_INCOMPLETE || token == TOKEN_ERROR)
		return token;
	if (token != TOKEN_WORD)
		return lexer_error(lexer, "a file name is missing after >");
	if (step->target.text) {
		word_free(&lexer->word);
		return lexer_error(lexer, "only one > in a command");
	}
	step->target = lexer->word;
	step->append = append;
	return TOKEN_WORD;
}

/* Fills one step; returns the token that ended it. */
static enum token parse_step(struct lexer *lexer, struct step *step)
{
	for (;;) {
		enum token token = next_token(lexer);

		if (token == TOKEN_WORD)
			add_word(step, lexer->word);
		else if (token == TOKEN_TO || token == TOKEN_APPEND)
			token = parse_target(lexer, step,
					     token == TOKEN_APPEND);
		if (token != TOKEN_WORD)
			return token;
	}
}

/* A newline after && and || only goes on. */
static void skip_newlines(struct lexer *lexer)
{
	skip_blanks(lexer);
	while (*lexer->at == '\n') {
		lexer->at++;
		skip_blanks(lexer);
	}
}

static enum parse_result parse_all(struct lexer *lexer, struct step **tail)
{
	enum step_joint joint = STEP_ALWAYS;

	for (;;) {
		struct step *step = sh_alloc(sizeof(*step));
		enum token end;

		*step = (struct step){.joint = joint};
		*tail = step;
		end = parse_step(lexer, step);
		if (end == TOKEN_ERROR)
			return PARSE_ERROR;
		if (end == TOKEN_INCOMPLETE)
			return PARSE_INCOMPLETE;
		if (step->count == 0 &&
		    (end == TOKEN_AND || end == TOKEN_OR ||
		     joint != STEP_ALWAYS || step->target.text)) {
			lexer->error = "a command is missing";
			return end == TOKEN_END && joint != STEP_ALWAYS
				       ? PARSE_INCOMPLETE
				       : PARSE_ERROR;
		}
		if (step->count == 0) {
			*tail = NULL;
			sh_steps_free(step);
		} else {
			tail = &step->next;
		}
		if (end == TOKEN_END)
			return PARSE_OK;
		joint = STEP_ALWAYS;
		if (end == TOKEN_AND || end == TOKEN_OR) {
			joint = end == TOKEN_AND ? STEP_AND : STEP_OR;
			skip_newlines(lexer);
		}
	}
}

enum parse_result sh_parse(const char *text, struct step **out,
			   const char **error)
{
	struct lexer lexer = {.at = text};
	struct step *steps = NULL;
	enum parse_result result = parse_all(&lexer, &steps);

	if (result != PARSE_OK) {
		sh_steps_free(steps);
		steps = NULL;
	}
	*out = steps;
	*error = lexer.error;
	return result;
}
