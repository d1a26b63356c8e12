/* SPDX-License-Identifier: MIT
 *
 * Where settings come from.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snowidd/config/service_links.h"
#include "snowidd/config/sources.h"
#include "snowidd/config/yaml.h"

#define PREFIX      "SNOWIDD_"
#define NAME_SIZE   64
#define ORIGIN_SIZE (NAME_SIZE + 32)

/* "limits.rate" is --limits-rate, or SNOWIDD_LIMITS_RATE. */
static void option_name(const struct setting *setting, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "--%s", setting->key);
	for (char *c = name; *c; c++)
		if (*c == '.' || *c == '_')
			*c = '-';
}

static void variable_name(const struct setting *setting, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, PREFIX "%s", setting->key);
	for (char *c = name; *c; c++)
		*c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}

static bool set_from(struct settings *settings, const struct setting *setting, const char *text,
		     bool append, const char *origin, struct settings_error *error)
{
	struct settings_error why;

	return settings_set_words(settings, setting, text, append, origin, &why) ||
	       settings_fail(error, "%s: %s", origin, why.text);
}

/* A file that exists but may not be read is an error. */
static bool load_file(struct settings *settings, const char *file, struct settings_error *error)
{
	if (!file && access(SETTINGS_FILE, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return true;
	return settings_read_yaml(settings, file ? file : SETTINGS_FILE, error);
}

static const struct setting *find_variable(const char *variable)
{
	const struct setting *setting;
	char name[NAME_SIZE];

	for (size_t i = 0; (setting = setting_at(i)); i++) {
		variable_name(setting, name);
		if (strcmp(name, variable) == 0)
			return setting;
	}
	return NULL;
}

/* A name that is misspelt is an error: SNOWIDD_TOKENFILE would start a server that needs no
 * token. */
static bool load_variable(struct settings *settings, const char *name, const char *text,
			  struct settings_error *error)
{
	const struct setting *const setting = find_variable(name);
	char origin[ORIGIN_SIZE];

	if (service_link_is(name, text))
		return true;
	if (!setting)
		return settings_fail(error,
				     "there is no setting for the environment variable %.80s; see "
				     "snowidd --help",
				     name);
	snprintf(origin, sizeof origin, "environment variable %.*s", NAME_SIZE, name);
	return set_from(settings, setting, text, false, origin, error);
}

static bool load_environment(struct settings *settings, struct settings_error *error)
{
	char name[256];

	for (char **variable = environ; variable && *variable; variable++) {
		const char *const equals = strchr(*variable, '=');
		if (!equals || strncmp(*variable, PREFIX, strlen(PREFIX)) != 0)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)(equals - *variable), *variable);
		if (!load_variable(settings, name, equals + 1, error))
			return false;
	}
	return true;
}

/* The setting of an option, without what follows "=". NULL if there is none. */
static const struct setting *find_option(const char *option, char name[NAME_SIZE])
{
	const size_t length = strcspn(option, "=");
	const struct setting *setting;

	for (size_t i = 0; (setting = setting_at(i)); i++) {
		option_name(setting, name);
		if (strlen(name) == length && strncmp(name, option, length) == 0)
			return setting;
	}
	return NULL;
}

/* --name=value or --name value; *option is moved to the latter. */
static bool load_option(struct settings *settings, char ***option, struct settings_error *error)
{
	const char *value = strchr(**option, '=');
	char name[NAME_SIZE], origin[ORIGIN_SIZE];
	const struct setting *const setting = find_option(**option, name);

	if (!setting)
		return settings_fail(error, "there is no option %.80s; see snowidd --help",
				     **option);
	value = value ? value + 1 : *++*option;
	if (!value)
		return settings_fail(error, "%s needs a value", name);
	snprintf(origin, sizeof origin, "option %s", name);
	/* A list that is given by an option twice has the items of both. */
	const bool append = settings_is_from(settings, setting, origin);
	return set_from(settings, setting, value, append, origin, error);
}

static bool load_options(struct settings *settings, char **options, struct settings_error *error)
{
	for (; *options; options++)
		if (!load_option(settings, &options, error))
			return false;
	return true;
}

struct settings *settings_load(char **options, const char *file, struct settings_error *error)
{
	struct settings *const settings = settings_new(error);

	if (settings && load_file(settings, file, error) && load_environment(settings, error) &&
	    load_options(settings, options, error))
		return settings;
	settings_free(settings);
	return NULL;
}

void settings_print_help(void)
{
	const struct setting *setting;
	char name[NAME_SIZE];

	for (size_t i = 0; (setting = setting_at(i)); i++) {
		option_name(setting, name);
		printf("  %s %s\n        %s", name, setting->value, setting->help);
		if (*setting->initial)
			printf(" (default: %s)", setting->initial);
		printf("\n");
	}
}
