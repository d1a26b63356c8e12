/* SPDX-License-Identifier: MIT
 *
 * snowid: the command-line tool. The parser and the help both come from two tables, one of options
 * and one of commands.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snowid-tool.h"

/* An option whose letter is a capital has no short form. -V is the exception. */
static const struct {
	char letter;
	const char *name, *value, *text;
} option_table[] = {
	{'n', "count", "COUNT", "number of IDs to make (default: 1)"},
	{'k', "kind", "KIND", "kind of ID"},
	{'f', "form", "FORM", "text form in which to print IDs"},
	{'i', "input", "FORM", "only read IDs in this form"},
	{'F', "field", "NAME=N", "set a field, such as worker=5; repeatable"},
	{'S', "set", "KEY=VALUE", "change a setting, such as hold=500ms; repeatable"},
	{'U', "store", "URL", "where to keep state: host:, file:PATH or slots:DIR"},
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
#define OPTION_COUNT (sizeof option_table / sizeof option_table[0])

static const struct command {
	const char *name;
	int (*run)(const struct options *options);
	const char *letters; /* of its options, without help and version */
	size_t max_operands;
	const char *arguments, *text;
} commands[] = {
	{"generate", cmd_generate, "nkfFSUCJ", 0, "", "make IDs (the default command)"},
	{"decode", cmd_decode, "kifJ", SIZE_MAX, " [ID]...", "show what IDs contain"},
	{"encode", cmd_encode, "kTFfJ", 0, "", "make the ID with a given time and fields"},
	{"convert", cmd_convert, "fki", SIZE_MAX, " [ID]...", "convert IDs to another text form"},
	{"range", cmd_range, "kABfJ", 0, "", "show the first and last ID of a period"},
	{"layout", cmd_layout, "J", 1, " [KIND]",
	 "show the bits of a kind, or a table of all kinds"},
	{"store", cmd_store, "ORLYJ", SIZE_MAX, " [URL]...",
	 "show what stores contain, or repair one"},
	{"bench", cmd_bench, "J", 0, "", "measure how fast this machine makes IDs"},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static bool command_takes(const struct command *command, char letter)
{
	return letter == 'h' || letter == 'V' || strchr(command->letters, letter);
}

static bool has_short_form(char letter)
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
	"URL      host:, host:/directory, file:/path, or slots:/directory?workers=0-31\n"
	"         (default: SNOWID_STORE, or the files that snowid keeps for the user and\n"
	"         those of host:)\n";

static void print_help(void)
{
	out_text("Usage: snowid [generate] [OPTION]...\n"
		 "       snowid COMMAND [OPTION]... [ARGUMENT]...\n"
		 "\n"
		 "Makes and reads distributed unique IDs.\n"
		 "\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		out_printf("  %-10s %s\n", commands[i].name, commands[i].text);
	out_printf("\n%s%s%s\n", kind_help, form_help, instant_help);
	out_text("Run 'snowid COMMAND --help' for the options of a command.\n"
		 "The manual is snowid(1). Exit status: 0 success, 1 failure, 2 wrong usage.\n");
}

static void print_command_help(const struct command *command)
{
	out_printf("Usage: snowid %s [OPTION]...%s\n\n", command->name, command->arguments);
	out_printf("%c%s.\n\n", toupper((unsigned char)command->text[0]), command->text + 1);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (!command_takes(command, option_table[i].letter))
			continue;
		if (has_short_form(option_table[i].letter))
			out_printf("  -%c, ", option_table[i].letter);
		else
			out_text("      ");
		out_printf("--%s %-*s  %s\n", option_table[i].name,
			   (int)(16 - strlen(option_table[i].name)),
			   option_table[i].value ? option_table[i].value : "",
			   option_table[i].text);
	}
	out_text("\n");
	if (command_takes(command, 'k') || command->run == cmd_layout)
		out_text(kind_help);
	if (command_takes(command, 'f'))
		out_text(form_help);
	if (command_takes(command, 'C') || command_takes(command, 'T') ||
	    command_takes(command, 'A') || command_takes(command, 'L'))
		out_text(instant_help);
	if (command->run == cmd_store)
		out_text(url_help);
	else if (command->max_operands > 1)
		out_text(id_help);
}

/* ---- the command line ------------------------------------------------------------------------ */

char *split_key_value(char *text)
{
	char *const equals = strchr(text, '=');
	if (!equals)
		return NULL;
	*equals = '\0';
	return equals + 1;
}

/* Reads decimal digits, or hexadecimal digits after 0x. False if it is not a number below 2^64. */
static bool parse_number(const char *text, uint64_t *value)
{
	const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *const digits = hex ? text + 2 : text;
	char *end;

	if (!(hex ? isxdigit : isdigit)((unsigned char)*digits))
		return false; /* strtoull() would accept blanks and signs */
	errno = 0;
	*value = strtoull(digits, &end, hex ? 16 : 10);
	return *end == '\0' && errno == 0;
}

const char *parse_field(char *text, uint64_t *value)
{
	const char *const digits = split_key_value(text);

	if (!digits)
		exit_usage("--field %s: not NAME=N, such as worker=5", text);
	if (!parse_number(digits, value))
		exit_usage("--field %s=%s: not a number from 0 to 18446744073709551615", text,
			   digits);
	return text;
}

static void set_option(struct options *options, char letter, char *value)
{
	switch (letter) {
	case 'n':
		if (!parse_number(value, &options->count) || options->count == 0 ||
		    options->count > INT64_MAX)
			exit_usage("--count %s: not a number from 1 to 9223372036854775807", value);
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

/* Fills the tables of getopt_long() with the options of this command only. */
static void fill_getopt_tables(const struct command *command, char *letters, struct option *longs)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (!command_takes(command, option_table[i].letter))
			continue;
		*longs++ = (struct option){option_table[i].name,
					   option_table[i].value ? required_argument : no_argument,
					   NULL, option_table[i].letter};
		if (has_short_form(option_table[i].letter)) {
			*letters++ = option_table[i].letter;
			if (option_table[i].value)
				*letters++ = ':';
		}
	}
}

/* If standard output was closed, the next file that is opened would take its number and receive the
 * output. So open the missing ones the wrong way round, which keeps them unusable. */
static void reserve_standard_files(void)
{
	for (int file = 0; file <= 2; file++)
		if (fcntl(file, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", file == 0 ? O_WRONLY : O_RDONLY);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	exit_usage("unknown command '%s'", name);
}

int main(int argc, char **argv)
{
	const struct command *command = &commands[0];
	const bool named = argc > 1 && argv[1][0] != '-';
	char letters[2 * OPTION_COUNT + 1] = "", program[] = "snowid";
	struct option longs[OPTION_COUNT + 1] = {{0}};
	struct options options = {.count = 1};
	int letter, status = 0;

	reserve_standard_files();
	if (named) {
		command = find_command(argv[1]);
		argc--;
		argv++;
	}
	fill_getopt_tables(command, letters, longs);
	options.fields = calloc((size_t)argc + 1, sizeof *options.fields);
	options.settings = calloc((size_t)argc + 1, sizeof *options.settings);
	options.clocks = calloc((size_t)argc + 1, sizeof *options.clocks);
	if (!options.fields || !options.settings || !options.clocks)
		exit_failure("out of memory");
	argv[0] = program; /* the name in getopt_long()'s messages */
	while ((letter = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (letter == '?')
			exit_usage_hint();
		if (letter == 'h' || letter == 'V')
			break;
		set_option(&options, (char)letter, optarg);
	}
	options.operands = argv + optind;
	options.operand_count = (size_t)(argc - optind);
	if (letter == 'V')
		out_printf("snowid %s\n", snowid_version());
	else if (letter == 'h' && named)
		print_command_help(command);
	else if (letter == 'h')
		print_help();
	else if (options.operand_count > command->max_operands)
		exit_usage("unexpected argument '%s' of %s",
			   argv[optind + (int)command->max_operands], command->name);
	else
		status = command->run(&options);
	out_finish();
	free(options.fields);
	free(options.settings);
	free(options.clocks);
	return status;
}
