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

/* An option whose letter is a capital has no short form. -V is the exception. One with a place is
 * kept in that member of struct options: its value or, without a value, that it was given. */
#define AT(member) offsetof(struct options, member)
#define NO_PLACE   SIZE_MAX
static const struct option_line {
	char letter;
	const char *name, *value;
	size_t place;
	const char *text;
} option_table[] = {
	{'n', "count", "COUNT", NO_PLACE, "number of IDs to make (default: 1)"},
	{'k', "kind", "KIND", AT(kind), "kind of ID"},
	{'f', "form", "FORM", AT(form), "text form in which to print IDs"},
	{'i', "input", "FORM", AT(input), "only read IDs in this form"},
	{'K', "key-file", "FILE", AT(key_file), "key of the form masked: 32 hexadecimal digits"},
	{'F', "field", "NAME=N", NO_PLACE, "set a field, such as worker=5; repeatable"},
	{'S', "set", "KEY=VALUE", NO_PLACE, "change a setting, such as hold=500ms; repeatable"},
	{'U', "store", "URL", NO_PLACE, "store of state: host:, file:, slots:, etcd://..."},
	{'C', "clock", "INSTANT", NO_PLACE, "use a clock that shows this (for tests); repeatable"},
	{'T', "time", "INSTANT", AT(time), "time of the ID"},
	{'A', "from", "INSTANT", AT(from), "beginning of the period"},
	{'E', "before", "INSTANT", AT(before), "end of the period, which does not belong to it"},
	{'B', "to", "PERIOD", AT(to), "last part of the period, such as a date: all of it"},
	{'N', "namespace", "UUID", AT(name_space),
	 "namespace of the name: dns, url, oid, x500 or a UUID"},
	{'M', "name", "TEXT", AT(name), "name to make a UUID of version 3 or 5 from"},
	{'D', "data", "HEX", AT(data), "32 digits to make a UUID of version 8 from"},
	{'O', "adopt", NULL, AT(adopt), "mark a copied state file as an original"},
	{'R', "reset", NULL, AT(reset), "change the recorded time to that of --floor"},
	{'W', "free", NULL, AT(free_worker), "end the lease of a worker that a service keeps"},
	{'L', "floor", "INSTANT", AT(floor), "earliest time of the next ID"},
	{'Y', "yes", NULL, AT(yes), "do not ask for confirmation"},
	{'J', "json", NULL, AT(json), "print JSON, one object per line"},
	{'h', "help", NULL, NO_PLACE, "print this help"},
	{'V', "version", NULL, NO_PLACE, "print the version"},
};
#define OPTION_COUNT (sizeof option_table / sizeof option_table[0])

static const struct command {
	const char *name;
	int (*run)(const struct options *options);
	const char *letters; /* of its options, without help and version */
	size_t max_operands;
	const char *arguments, *text;
} commands[] = {
	{"generate", cmd_generate, "nkfKFSUCJ", 0, "", "make IDs (the default command)"},
	{"decode", cmd_decode, "kifKJ", SIZE_MAX, " [ID]...", "show what IDs contain"},
	{"encode", cmd_encode, "kTFNMDfKJ", 0, "",
	 "make the ID of a given time and fields, or of a name"},
	{"convert", cmd_convert, "fkiK", SIZE_MAX, " [ID]...", "convert IDs to another text form"},
	{"range", cmd_range, "kAEBfJ", 1, " [PERIOD]", "show the first and last ID of a period"},
	{"layout", cmd_layout, "J", 1, " [KIND]",
	 "show the bits of a kind, or a table of all kinds"},
	{"store", cmd_store, "ORWLYJ", SIZE_MAX, " [URL]...",
	 "show what stores contain, or repair one"},
	{"explain", cmd_explain, "kUifKJ", SIZE_MAX, " [ID]...",
	 "say which stores can have made IDs that are there twice"},
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

/* With the text that marks the default. */
#define KIND_HELP                                                                                  \
	"KIND     " DEFAULT_KIND "%s, twitter, discord, instagram, sonyflake, js53,\n"             \
	"         ulid, uuid1, uuid3 to uuid8, or a layout: time:41,worker:10,sequence:12\n"
static const char form_help[] =
	"FORM     decimal, padded, hex, base32, base36, base58, base62, masked;\n"
	"         ulid, uuid\n";
static const char instant_help[] =
	"INSTANT  2024-01-03T19:30:00.5Z, 2024-01-03, 2024-01, @1704310200 "
	"(seconds since\n         1970), or 12 or 13 digits: milliseconds\n";
static const char period_help[] =
	"PERIOD   the same: all of a month, a day, a minute, a second or a fraction of it\n";
static const char id_help[] = "ID       if none is given, read from standard input, one per line\n";

static const char url_help[] =
	"URL      host:, host:/directory, file:/path, slots:/directory?workers=0-31,\n"
	"         zookeeper://, etcd:// or consul:// with servers and a path\n"
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
	out_text("\n");
	out_printf(KIND_HELP, " (default)");
	out_printf("%s%s\n", form_help, instant_help);
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
	if (command_takes(command, 'k') ||
	    command->run == cmd_layout) /* what reads IDs has no default */
		out_printf(KIND_HELP, command_takes(command, 'i') || command->run == cmd_layout
					      ? ""
					      : " (default)");
	if (command_takes(command, 'f'))
		out_text(form_help);
	if (command_takes(command, 'C') || command_takes(command, 'T') ||
	    command_takes(command, 'A') || command_takes(command, 'L'))
		out_text(instant_help);
	if (command->run == cmd_range)
		out_text(period_help);
	if (command->run == cmd_store)
		out_text(url_help);
	else if (command->max_operands > 1)
		out_text(id_help);
}

/* ---- the command line ------------------------------------------------------------------------ */

static const struct option_line *option_of_letter(char letter)
{
	const struct option_line *option = option_table;
	while (option->letter != letter)
		option++;
	return option;
}

static void set_option(struct options *options, char letter, char *value)
{
	const struct option_line *const option = option_of_letter(letter);

	if (letter == 'n') {
		if (!parse_number(value, &options->count) || options->count == 0 ||
		    options->count > INT64_MAX)
			exit_usage("--count: \"%s\" is not a number from 1 to 9223372036854775807",
				   value);
	} else if (letter == 'F') {
		options->fields[options->field_count++] = value;
	} else if (letter == 'S' && strncmp(value, "kind=", 5) == 0) {
		options->kind = value + 5;
	} else if (letter == 'S') {
		options->settings[options->setting_count++] = value;
	} else if (letter == 'U') {
		options->store = options->stores[options->store_count++] = value;
	} else if (letter == 'C') {
		options->clocks[options->clock_count++] = value;
	} else if (option->value) {
		*(const char **)(void *)((char *)options + option->place) = value;
	} else {
		*(bool *)((char *)options + option->place) = true;
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
	struct suggestion suggestion = {.wanted = name};

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
		suggest_name(&suggestion, commands[i].name);
	}
	exit_usage("there is no command \"%s\"%s", name, suggestion_text(&suggestion));
}

static bool is_negative_number(const char *word)
{
	const size_t digits = strspn(word + (*word == '-'), "0123456789");
	return *word == '-' && digits > 0 && word[1 + digits] == '\0';
}

/* A negative number is an ID out of a signed column, and no option. Moves those before "--" from
 * `words` to `negatives`. Returns how many there are. */
static int take_negative_numbers(char **words, char **negatives)
{
	int kept = 0, taken = 0;
	bool ended = false;

	for (int i = 0; words[i]; i++) {
		ended = ended || strcmp(words[i], "--") == 0;
		if (!ended && is_negative_number(words[i]))
			negatives[taken++] = words[i];
		else
			words[kept++] = words[i];
	}
	words[kept] = NULL;
	return taken;
}

/* Appends to the operands those of `words` that are among the negative numbers or what
 * getopt_long() has left, in the order of the command line. */
static void merge_operands(struct options *options, char **words, char **negatives, char **rest)
{
	for (; *words; words++) {
		if (*words == *rest)
			options->operands[options->operand_count++] = *rest++;
		else if (*words == *negatives)
			options->operands[options->operand_count++] = *negatives++;
	}
}

/* Room for the words of the command line, and a NULL. */
static char **new_words(int count)
{
	char **const words = calloc((size_t)count + 1, sizeof *words);
	if (!words)
		exit_failure("out of memory");
	return words;
}

/* Reads the options and operands. Returns 'h' or 'V' if that is all that was asked for. */
static int parse_words(const struct command *command, int argc, char **argv,
		       struct options *options)
{
	char letters[2 * OPTION_COUNT + 1] = "", program[] = "snowid";
	struct option longs[OPTION_COUNT + 1] = {{0}};
	char **const words = new_words(argc), **const negatives = new_words(argc);
	int letter;

	fill_getopt_tables(command, letters, longs);
	memcpy(words, argv, (size_t)argc * sizeof *words);
	if (command->max_operands > 1)
		argc -= take_negative_numbers(argv + 1, negatives);
	argv[0] = program; /* the name in getopt_long()'s messages */
	while ((letter = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (letter == '?')
			exit_usage_hint();
		if (letter == 'h' || letter == 'V')
			break;
		set_option(options, (char)letter, optarg);
	}
	merge_operands(options, words, negatives, argv + optind);
	free(words);
	free(negatives);
	return letter;
}

static int run_command(const struct command *command, bool named, int argc, char **argv)
{
	struct options options = {.count = 1,
				  .fields = new_words(argc),
				  .settings = new_words(argc),
				  .stores = new_words(argc),
				  .clocks = new_words(argc),
				  .operands = new_words(argc)};
	const int letter = parse_words(command, argc, argv, &options);
	int status = 0;

	if (letter == 'V')
		out_printf("snowid %s\n", snowid_version());
	else if (letter == 'h' && named)
		print_command_help(command);
	else if (letter == 'h')
		print_help();
	else if (options.operand_count > command->max_operands)
		exit_usage("unexpected argument '%s' of %s",
			   options.operands[command->max_operands], command->name);
	else
		status = command->run(&options);
	mask_close();
	out_finish();
	free(options.fields);
	free(options.settings);
	free(options.stores);
	free(options.clocks);
	free(options.operands);
	return status;
}

int main(int argc, char **argv)
{
	const struct command *command = &commands[0];
	const bool named = argc > 1 && argv[1][0] != '-';

	reserve_standard_files();
	if (named) {
		command = find_command(argv[1]);
		argc--;
		argv++;
	}
	set_hint_command(command->name);
	return run_command(command, named, argc, argv);
}
