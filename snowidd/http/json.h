/* SPDX-License-Identifier: MIT
 *
 * Members of JSON objects. Each is followed by a comma, of which the end of the object replaces the
 * last.
 */
#ifndef SNOWIDD_JSON_H
#define SNOWIDD_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "snowidd/base/buffer.h"
#include "snowidd/service/kind.h"

void json_add_text(struct buffer *to, const char *name, const char *value);
void json_add_number(struct buffer *to, const char *name, uint64_t value);
void json_add_field(struct buffer *to, const struct kind_field *field);
void json_add_bool(struct buffer *to, const char *name, bool value);

/* Replaces the comma behind the last member. */
void json_end(struct buffer *to, const char *end);

#endif
