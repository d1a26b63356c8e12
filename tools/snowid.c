/* SPDX-License-Identifier: MIT
 *
 * snowid: the command-line tool. One table of options and one of commands make parser and help.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snowid-tool.h"

/* An option whose letter is a capital has no short form, but for -V. */
static const struct {
	char letter;
	const char *name, *value, *text;
} known[] = {
	{'n', "count", "COUNT", "number of IDs to make (default: 1)"},
	{'k', "kind", "KIND", "kind of ID"},
	{'f', "form", "FORM", "text form in which to print IDs"},
	{'i', "input", "FORM", "only read IDs in this form"},
	{'F', "field", "NAME=N", "set a field, such as worker=5; repeatable"},
	{'S', "set", "KEY=VALUE", "change a setting, such as hold=500ms; repeatable"},
	{'U', "store", "URL", "where to keep state: memory:, file:PATH or slots:DIR"},
	{'C', "clock", "INSTANT", "use a clock that shows this (for tests); repeatable"},
	{'T', "time", "INSTANT", "time of the ID"},
	{'A', "from", "INSTANT", "beginning of the period"},
	{'B', "to", "INSTANT", "end of the period (inclusive)"},
	{'O', "adopt", NULL, "mark a copied state file as an original"},
	{'R', "reset", NULL, "change the recorded time to that of --floor"},
	{'L', "floor", "INSTANT", "earliest time of the next ID"},
	{'Y', "yes", NULL, "do not ask for confirmation"},
	{'J', "json", NULL, "print JSON, one object per line"},
	{'h', "help", NULL, "print this help"},
	{'V', "version", NULL, "print the version"},
};
#define KNOWN (sizeof known / sizeof known[0])

static const struct command {
	const char *name;
	int (*run)(const struct options *options);
	const char *takes; /* the letters of its options, beside help and version */
	size_t operands;   /* at most */
	const char *arguments, *text;
} commands[] = {
	{"generate", generate, "nkfFSUCJ", 0, "", "make IDs (the default command)"},
	{"decode", decode, "kifJ", SIZE_MAX, " [ID]...", "show what IDs contain"},
	{"encode", encode, "kTFfJ", 0, "", "make the ID with a given time and fields"},
	{"convert", convert, "fki", SIZE_MAX, " [ID]...", "convert IDs to another text form"},
	{"range", range, "kABfJ", 0, "", "show the first and last ID of a period"},
	{"layout", layout, "J", 1, " [KIND]", "show the bits of a kind, or a table of all kinds"},
	{"store", store, "ORLYJ", 1, " [URL]", "show what a store contains, or repair it"},
	{"bench", bench, "J", 0, "", "measure how fast this machine makes IDs"},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static bool takes(const struct command *command, char letter)
{
	return letter == 'h' || letter == 'V' || strchr(command->takes, letter);
}

static bool is_short(char letter)
{
	return islower((unsigned char)letter) || letter == 'V';
}

/* ---- help ------------------------------------------------------------------------------------ */

static const char kind_help[] =
	"KIND     " DEFAULT_KIND " (default), twitter, discord, instagram, sonyflake, js53,\n"
	"         ulid, uuid1, uuid6, uuid7, or a layout: time:41,worker:10,sequence:12\n";
static const char form_help[] = "FORM     decimal, padded, hex, base32, base36, base58, base62; "
				"ulid, uuid\n";
static const char instant_help[] = "INSTANT  2024-01-03T19:30:00.5Z, 2024-01-03, or milliseconds "
				   "since 1970\n";
static const char id_help[] = "ID       if none is given, read from standard input, one per line\n";

static const char url_help[] =
	"URL      file:/path, or slots:/directory?workers=0-31 (default: SNOWID_STORE, or\n"
	"         the files that snowid keeps for the user)\n";

static void help(void)
{
	out_text("Usage: snowid [generate] [OPTION]...\n"
		 "       snowid COMMAND [OPTION]... [ARGUMENT]...\n"
		 "\n"
		 "Makes and reads distributed unique IDs.\n"
		 "\n");
	for (size_t i = 0; i < COMMANDS; i++)
		out_printf("  %-10s %s\n", commands[i].name, commands[i].text);
	out_printf("\n%s%s%s\n", kind_help, form_help, instant_help);
	out_text("Run 'snowid COMMAND --help' for the options of a command.\n"
		 "The manual is snowid(1). Exit status: 0 success, 1 failure, 2 wrong usage.\n");
}

static void help_command(const struct command *command)
{
	out_printf("Usage: snowid %s [OPTION]...%s\n\n", command->name, command->arguments);
	out_printf("%c%s.\n\n", toupper((unsigned char)command->text[0]), command->text + 1);
	for (size_t i = 0; i < KNOWN; i++) {
		if (!takes(command, known[i].letter))
			continue;
		if (is_short(known[i].letter))
			out_printf("  -%c, ", known[i].letter);
		else
			out_text("      ");
		out_printf("--%s %-*s  %s\n", known[i].name, (int)(16 - strlen(known[i].name)),
			   known[i].value ? known[i].value : "", known[i].text);
	}
	out_text("\n");
	if (takes(command, 'k') || command->run == layout)
		out_text(kind_help);
	if (takes(command, 'f'))
		out_text(form_help);
	if (takes(command, 'C') || takes(command, 'T') || takes(command, 'A') ||
	    takes(command, 'L'))
		out_text(instant_help);
	if (command->run == store)
		out_text(url_help);
	if (command->operands > 1)
		out_text(id_help);
}

/* ---- the command line ------------------------------------------------------------------------ */

char *split(char *text)
{
	char *const equals = strchr(text, '=');
	if (!equals)
		return NULL;
	*equals = '\0';
	return equals + 1;
}

/* Decimal digits, or hexadecimal ones after 0x. False: not a number below 2^64. */
static bool number(const char *text, uint64_t *value)
{
	const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *const digits = hex ? text + 2 : text;
	char *end;

	if (!(hex ? isxdigit : isdigit)((unsigned char)*digits))
		return false; /* strtoull would take blanks and signs */
	errno = 0;
	*value = strtoull(digits, &end, hex ? 16 : 10);
	return *end == '\0' && errno == 0;
}

const char *field_read(char *text, uint64_t *value)
{
	const char *const digits = split(text);

	if (!digits)
		usage("--field %s: not NAME=N, such as worker=5", text);
	if (!number(digits, value))
		usage("--field %s=%s: not a number from 0 to 18446744073709551615", text, digits);
	return text;
}

static void set_option(struct options *options, char letter, char *value)
{
	switch (letter) {
	case 'n':
		if (!number(value, &options->count) || options->count == 0 ||
		    options->count > INT64_MAX)
			usage("--count %s: not a number from 1 to 9223372036854775807", value);
		break;
	case 'k':
		options->kind = value;
		break;
	case 'f':
		options->form = value;
		break;
	case 'i':
		options->input = value;
		break;
	case 'F':
		options->fields[options->field_count++] = value;
		break;
	case 'S':
		if (strncmp(value, "kind=", 5) == 0)
			options->kind = value + 5;
		else
			options->settings[options->setting_count++] = value;
		break;
	case 'U':
		options->store = value;
		break;
	case 'C':
		options->clocks[options->clock_count++] = value;
		break;
	case 'T':
		options->time = value;
		break;
	case 'A':
		options->from = value;
		break;
	case 'B':
		options->to = value;
		break;
	case 'O':
		options->adopt = true;
		break;
	case 'R':
		options->reset = true;
		break;
	case 'L':
		options->floor = value;
		break;
	case 'Y':
		options->yes = true;
		break;
	case 'J':
		options->json = true;
		break;
	}
}

/* Lets getopt_long() know the options of this command alone. */
static void getopt_tables(const struct command *command, char *letters, struct option *longs)
{
	for (size_t i = 0; i < KNOWN; i++) {
		if (!takes(command, known[i].letter))
			continue;
		*longs++ = (struct option){known[i].name,
					   known[i].value ? required_argument : no_argument, NULL,
					   known[i].letter};
		if (is_short(known[i].letter)) {
			*letters++ = known[i].letter;
			if (known[i].value)
				*letters++ = ':';
		}
	}
}

/* A file that is opened must not become standard output because that was closed: what is closed
 * stays unusable. */
static void keep_standard_files(void)
{
	for (int file = 0; file <= 2; file++)
		if (fcntl(file, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", file == 0 ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
	const struct command *command = &commands[0];
	const bool named = argc > 1 && argv[1][0] != '-';
	char letters[2 * KNOWN + 1] = "", program[] = "snowid";
	struct option longs[KNOWN + 1] = {{0}};
	struct options options = {.count = 1};
	int letter, status = 0;

	keep_standard_files();
	if (named) {
		size_t i = 0;
		while (i < COMMANDS && strcmp(argv[1], commands[i].name) != 0)
			i++;
		if (i == COMMANDS)
			usage("unknown command '%s'", argv[1]);
		command = &commands[i];
		argc--;
		argv++;
	}
	getopt_tables(command, letters, longs);
	options.fields = calloc((size_t)argc + 1, sizeof *options.fields);
	options.settings = calloc((size_t)argc + 1, sizeof *options.settings);
	options.clocks = calloc((size_t)argc + 1, sizeof *options.clocks);
	if (!options.fields || !options.settings || !options.clocks)
		fail("out of memory");
	argv[0] = program; /* for what getopt_long() has to say */
	while ((letter = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (letter == '?')
			usage_hint();
		if (letter == 'h' || letter == 'V')
			break;
		set_option(&options, (char)letter, optarg);
	}
	options.operands = argv + optind;
	options.operand_count = (size_t)(argc - optind);
	if (letter == 'V')
		out_printf("snowid %s\n", snowid_version());
	else if (letter == 'h' && named)
		help_command(command);
	else if (letter == 'h')
		help();
	else if (options.operand_count > command->operands)
		usage("unexpected argument '%s' of %s", argv[optind + (int)command->operands],
		      command->name);
	else
		status = command->run(&options);
	out_finish();
	free(options.fields);
	free(options.settings);
	free(options.clocks);
	return status;
}
