/* SPDX-License-Identifier: MIT
 *
 * Records as modules store them: JSON (RFC 8259), which people can read with the tools of the
 * service. Compiled into each module, so that all write the same.
 *
 * Whatever cannot be read is an error. To take it for a record that says less would forget a limit
 * that was recorded. Members with other names are ignored: a newer version may add some.
 */
#ifndef SN_RECORD_JSON_H
#define SN_RECORD_JSON_H

#include <stddef.h>

#include "libsnowid/coordinator/coordinator.h"

#define SN_RECORD_TEXT_MAX 8192 /* bytes; more is an error */
#define SN_UUID_TEXT_SIZE  37

/* The state of a worker, and the value of the key that lives as long as its owner's lease. NULL: no
 * memory, or a number is above INT64_MAX. To be freed. */
char *sn_record_write(const struct sn_record *record);
char *sn_record_write_owner(const struct sn_record *record);

/* Reads the members that owners write. `kind` gets the text that record->kind refers to, to be
 * freed. False: `why` says what is wrong with the value of `key`, and what to do. */
bool sn_record_read(const char *key, const char *text, size_t length, struct sn_record *record,
		    char **kind, char *why, size_t size);

/* Reads the incarnation out of the other value. */
bool sn_record_read_owner(const char *key, const char *text, size_t length, uint64_t incarnation[2],
			  char *why, size_t size);

/* The number of a namespace is the text of a UUID (RFC 9562). 0 is none. */
void sn_namespace_write(const uint64_t number[2], char text[SN_UUID_TEXT_SIZE]);
bool sn_namespace_read(const char *key, const char *text, size_t length, uint64_t number[2],
		       char *why, size_t size);

#endif
