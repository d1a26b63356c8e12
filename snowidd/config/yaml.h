/* SPDX-License-Identifier: MIT
 *
 * The configuration file: YAML 1.1, a mapping of keys to values, lists or one more mapping.
 */
#ifndef SNOWIDD_YAML_H
#define SNOWIDD_YAML_H

#include "snowidd/config/settings.h"

/* False with *error, which begins with the file and the line, as do the origins of what is set. */
bool settings_read_yaml(struct settings *settings, const char *path, struct settings_error *error);

#endif
