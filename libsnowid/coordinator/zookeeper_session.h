/* SPDX-License-Identifier: MIT
 *
 * A session with ZooKeeper, by its single-threaded client: no thread, so no signal handler runs in
 * one, and a fork copies nothing that runs. It connects to another server when one is silent, and
 * is replaced by another session when it has expired.
 */
#ifndef SN_ZOOKEEPER_SESSION_H
#define SN_ZOOKEEPER_SESSION_H

#include <sys/types.h>
#include <zookeeper/zookeeper.h>

#include "libsnowid/coordinator/module.h"

/* A descriptor, and what it was opened for: a program may have closed it, and use its number for
 * something else. */
struct zk_descriptor {
	int number; /* -1: none */
	dev_t device;
	ino_t inode;
};

struct zk_session {
	const struct sn_coordinator_settings *settings;
	char *servers;
	unsigned server_count;
	struct zk_descriptor wake, socket;

	clientid_t client;   /* of the session that the next handle takes over; 0: of none */
	zhandle_t *handle;   /* NULL: none */
	unsigned generation; /* incremented when the handle ends, and all that was sent on it */
	uint64_t ttl_ns;     /* that was asked for */
	bool claimed;        /* it may have leases */
	uint64_t password_hash;
	bool login_doubtful;

	uint64_t open_at;      /* when a handle can be opened again */
	uint64_t connected_at; /* when it was last connected, or opened */
	uint64_t attempt_at;   /* when the client began to connect */
	unsigned attempts_cut; /* since there was a connection */
	bool cut;              /* the connection, because its server is silent */
	int state;             /* of the handle, when it was last seen */
	uint64_t answered_at;  /* when the last answer came */
	bool denied;
	char why[256]; /* what prevents a connection */

	uint64_t service_ms; /* the time that the service last told; 0: never */
	uint64_t service_ms_at;
};

/* In nanoseconds of CLOCK_BOOTTIME. */
uint64_t zk_now(void);

int zk_session_init(struct zk_session *session, const struct sn_coordinator_settings *settings,
		    char *why, size_t size);
void zk_session_close(struct zk_session *session);

/* For a child of fork: closes the descriptors, and touches nothing else. The thread that used it
 * may have been anywhere in it. */
void zk_session_abandon(struct zk_session *session);

/* Connects, sends, receives and calls what waits for answers, for at most ns. Returns whether
 * zk_session_wake() was called. `wanted`: a handle is opened if there is none. */
bool zk_session_run(struct zk_session *session, uint64_t ns, bool wanted);
void zk_session_wake(const struct zk_session *session);

bool zk_session_is_connected(const struct zk_session *session);

/* Ends the handle, so that the next one has this TTL. */
void zk_session_renew(struct zk_session *session, uint64_t ttl_ns);

/* An answer has not come in time. */
void zk_session_suspect(struct zk_session *session, uint64_t since);

/* The user was refused something: its password is read again. */
void zk_session_doubt_login(struct zk_session *session);

/* Logs in again if the password has changed meanwhile. */
void zk_session_check_login(struct zk_session *session);

/* An answer came. If it is of a write, its time is that of the service. */
void zk_session_answered(struct zk_session *session, const struct Stat *written);

/* What the clock of the service shows at least; 0: not known. */
uint64_t zk_session_service_ms(const struct zk_session *session);

uint64_t zk_session_granted_ns(const struct zk_session *session);

#endif
