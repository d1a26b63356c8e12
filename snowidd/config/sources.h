/* SPDX-License-Identifier: MIT
 *
 * Where settings come from: a file, environment variables and command-line options, by the names
 * that follow from their keys.
 */
#ifndef SNOWIDD_SOURCES_H
#define SNOWIDD_SOURCES_H

#include "snowidd/config/settings.h"

#define SETTINGS_FILE "/etc/snowid/snowidd.yaml"

/* Reads the file, the environment and the options (ended by NULL), each of which takes precedence
 * over the one before. With file NULL, SETTINGS_FILE is read if it exists. Returns NULL with
 * *error. */
struct settings *settings_load(char **options, const char *file, struct settings_error *error);

/* Prints all options. */
void settings_print_help(void);

#endif
