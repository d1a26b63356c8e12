/* SPDX-License-Identifier: MIT
 *
 * What the operator asked for. One table makes the file's keys, the options, the environment variables
 * and the help.
 */
#ifndef SNOWIDD_SETTINGS_H
#define SNOWIDD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTINGS_FILE "/etc/snowid/snowidd.yaml"

struct list {
	char **items;
	size_t count;
};

#define NOT_SET      UINT64_MAX
#define SETTINGS_MAX 64

/* A span is in ns. Texts are never NULL. */
struct settings {
	struct list kinds, fields;
	char *epoch, *worker_id, *store, *wait, *hold, *borrow, *block, *jump, *mode, *spread;
	uint64_t datacenter_id;

	struct list listen;
	uint64_t port, threads;
	char *tls_certificate, *tls_key, *tls_client_ca, *token_file;

	uint64_t connections, count, request_bytes, header_timeout, idle_timeout, wait_timeout,
		stop_timeout, rate, burst;

	uint64_t clock_interval, clock_warn, clock_refuse;
	struct list ntp_servers, peers;

	char *log_format, *log_target, *log_level;
	bool log_access;

	char *origins[SETTINGS_MAX]; /* of each key, where it was set: "FILE:LINE"; NULL: nowhere */
};

struct settings_error {
	char text[512];
};

/* Writes what is wrong; returns false, so that a caller can return it. */
bool settings_fail(struct settings_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Reads the file, the environment and the options (ended by NULL); each weighs more than the one before. A file that
 * is not named need not exist. Returns NULL with *error. */
struct settings *settings_load(char **options, const char *file, struct settings_error *error);
void settings_free(struct settings *settings);

/* Puts before an error that begins with a key ("worker_id: …") where that was set. */
void settings_locate(const struct settings *settings, struct settings_error *error);

/* Sets the setting of a key as the file has it ("limits.rate") from text; `origin` says where. `again`: the
 * second and later items of a list that is being given. */
bool settings_set(struct settings *settings, const char *key, const char *text, bool again,
		  const char *origin, struct settings_error *error);

/* Empties the list of a key. */
void settings_clear(struct settings *settings, const char *key);

/* Whether there is such a key, and whether it is a list. */
bool settings_known(const char *key, bool *list);

/* Whether there are keys "prefix.…". */
bool settings_group(const char *prefix);

/* The next key, from `index` on, that differs and cannot be reloaded; NULL: there is no other. */
const char *settings_fixed_change(const struct settings *a, const struct settings *b,
				  size_t *index);

/* Reads a span, "10s", or 0, in ns. */
bool settings_span(const char *text, uint64_t *ns);

/* Prints the options. */
void settings_help(void);

/* settings_file.c: reads a YAML file. */
bool settings_read_file(struct settings *settings, const char *path, struct settings_error *error);

#endif
