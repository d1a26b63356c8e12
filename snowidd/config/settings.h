/* SPDX-License-Identifier: MIT
 *
 * The settings of the daemon: one table of their keys, types, limits and help, and their values.
 * Where the values come from is in sources.h.
 */
#ifndef SNOWIDD_SETTINGS_H
#define SNOWIDD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_list {
	char **items;
	size_t count;
};

#define NOT_SET      UINT64_MAX
#define SETTINGS_MAX 64

/* Spans are in ns. Texts are never NULL. */
struct settings {
	struct text_list kinds, fields;
	char *epoch, *worker_id, *store, *wait, *hold, *borrow, *reserve, *max_jump, *mode, *spread;
	uint64_t datacenter_id;

	struct text_list listen, grpc_listen, admin_listen, trusted_proxies, cors_origins;
	uint64_t port, threads, grpc_connection_age, grpc_keepalive_time, grpc_keepalive_timeout;
	char *socket_mode, *proxy_protocol;
	char *tls_certificate, *tls_key, *tls_client_ca, *tls_peer_ca, *token_file, *mask_key_file;

	uint64_t connections, connections_per_client, count, request_bytes, header_timeout,
		idle_timeout, wait_timeout, stop_timeout, drain_delay, rate, burst, id_rate,
		id_burst;

	uint64_t clock_interval, clock_warn, clock_refuse;
	struct text_list ntp_servers, peers;

	char *log_format, *log_target, *log_level;
	bool log_access;

	char *origins[SETTINGS_MAX]; /* where each key was set: "FILE:LINE"; NULL: nowhere */
};

struct settings_error {
	char text[512];
};

/* Writes what is wrong. Returns false, so that the caller can return it. */
bool settings_fail(struct settings_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- the table ------------------------------------------------------------------------------- */

enum setting_type {
	SETTING_TEXT,
	SETTING_LIST,
	SETTING_NUMBER,
	SETTING_SPAN,
	SETTING_FLAG,
	SETTING_CHOICE
};

struct setting {
	const char *key; /* in the file; "a.b" is b in the mapping a */
	enum setting_type type;
	size_t offset; /* of the value in struct settings */
	const char *initial;
	uint64_t least, most; /* of a number or span */
	bool fixed;           /* until the next start */
	const char *value, *help;
};

/* In the order of the help; NULL after the last. */
const struct setting *setting_at(size_t index);

/* NULL if there is no such key. */
const struct setting *setting_find(const char *key);

/* Whether there are keys "prefix.…". */
bool setting_is_group(const char *prefix);

/* ---- values ---------------------------------------------------------------------------------- */

/* All have their initial values. NULL with *error. */
struct settings *settings_new(struct settings_error *error);
void settings_free(struct settings *settings);

/* Sets a value from text; `origin` says where that is. For a list, the text is one item, which
 * replaces the list unless `append`. */
bool settings_set(struct settings *settings, const struct setting *setting, const char *text,
		  bool append, const char *origin, struct settings_error *error);

/* Likewise, but the text may have several items of a list, separated by blanks or commas. */
bool settings_set_words(struct settings *settings, const struct setting *setting, const char *text,
			bool append, const char *origin, struct settings_error *error);

/* Makes a list empty. */
void settings_clear_list(struct settings *settings, const struct setting *setting);

/* Whether a setting was last set there. */
bool settings_is_from(const struct settings *settings, const struct setting *setting,
		      const char *origin);

/* If an error begins with a key ("worker_id: …") that was set somewhere, puts that place before
 * it. */
void settings_locate(const struct settings *settings, struct settings_error *error);

/* The next key, from *index on, that differs and takes effect only at the next start; NULL if there
 * is no other. */
const char *settings_fixed_change(const struct settings *a, const struct settings *b,
				  size_t *index);

#endif
