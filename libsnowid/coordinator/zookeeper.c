/* SPDX-License-Identifier: MIT
 *
 * The module for Apache ZooKeeper. Under the path of the URL:
 *
 *     namespace                    a UUID, created by the first claim
 *     clock                        empty: its time tells that of the service
 *     …/workers/workerN            ephemeral: who has the worker
 *     …/state/workerN              the record
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/export.h"
#include "libsnowid/coordinator/zookeeper_operation.h"

#define TTL_DEFAULT UINT64_C(10000000000) /* ns: of a session that only reads */

struct zookeeper {
	struct sn_coordinator coordinator;
	struct sn_coordinator_settings settings;
	struct zk_session session;
	struct zk_operation *operations; /* in the order of their requests */
};

static struct zookeeper *zookeeper_of(struct sn_coordinator *coordinator)
{
	return (struct zookeeper *)coordinator;
}

/* Frees what has been answered, unless the client may still call it. */
static void operations_sweep(struct zookeeper *zookeeper)
{
	struct zk_operation **at = &zookeeper->operations;

	while (*at) {
		struct zk_operation *const operation = *at;
		if (operation->phase == ZK_DELIVERED && operation->pending == 0) {
			*at = operation->next;
			zk_operation_free(operation);
		} else {
			at = &operation->next;
		}
	}
}

/* Returns whether one is answered. */
static bool operations_advance(struct zookeeper *zookeeper, uint64_t now, uint64_t *deadline)
{
	bool answered = false;

	for (struct zk_operation *operation = zookeeper->operations; operation;
	     operation = operation->next) {
		zk_operation_advance(operation, now);
		answered = answered || operation->phase == ZK_ANSWERED;
		if (operation->phase < ZK_ANSWERED && operation->deadline < *deadline)
			*deadline = operation->deadline;
	}
	return answered;
}

static void zookeeper_send(struct sn_coordinator *coordinator, const struct sn_request *request)
{
	struct zookeeper *const zookeeper = zookeeper_of(coordinator);
	struct zk_operation **end = &zookeeper->operations;

	struct zk_operation *const operation = zk_operation_new(&zookeeper->session, request);
	if (!operation)
		return; /* its sender takes it for lost */
	if (zookeeper->session.ttl_ns == 0)
		zookeeper->session.ttl_ns = request->ttl_ns ? request->ttl_ns : TTL_DEFAULT;
	while (*end)
		end = &(*end)->next;
	*end = operation;
}

static bool zookeeper_receive(struct sn_coordinator *coordinator, struct sn_answer *answer)
{
	struct zookeeper *const zookeeper = zookeeper_of(coordinator);
	uint64_t deadline = UINT64_MAX;

	operations_sweep(zookeeper);
	(void)operations_advance(zookeeper, zk_now(), &deadline);
	for (struct zk_operation *operation = zookeeper->operations; operation;
	     operation = operation->next)
		if (operation->phase == ZK_ANSWERED) {
			operation->phase = ZK_DELIVERED;
			*answer = operation->answer;
			return true;
		}
	return false;
}

static void zookeeper_wait(struct sn_coordinator *coordinator, uint64_t ns)
{
	struct zookeeper *const zookeeper = zookeeper_of(coordinator);
	uint64_t now = zk_now(), deadline;
	const uint64_t end = ns < UINT64_MAX - now ? now + ns : UINT64_MAX;
	bool answered, woken;

	do {
		operations_sweep(zookeeper);
		deadline = end;
		answered = operations_advance(zookeeper, now, &deadline);
		woken = zk_session_run(&zookeeper->session,
				       answered || deadline < now ? 0 : deadline - now,
				       zookeeper->operations != NULL);
		now = zk_now();
		answered = operations_advance(zookeeper, now, &deadline);
	} while (!answered && !woken && now < end);
}

static void zookeeper_wake(struct sn_coordinator *coordinator)
{
	zk_session_wake(&zookeeper_of(coordinator)->session);
}

static void zookeeper_close_all(struct sn_coordinator *coordinator, bool inherited)
{
	struct zookeeper *const zookeeper = zookeeper_of(coordinator);

	if (inherited) {
		zk_session_abandon(&zookeeper->session);
		return;
	}
	zk_session_close(&zookeeper->session);
	while (zookeeper->operations) {
		struct zk_operation *const operation = zookeeper->operations;
		zookeeper->operations = operation->next;
		zk_operation_free(operation);
	}
	free(zookeeper);
}

static const struct sn_coordinator_class zookeeper_class = {.send = zookeeper_send,
							    .receive = zookeeper_receive,
							    .wait = zookeeper_wait,
							    .wake = zookeeper_wake,
							    .close = zookeeper_close_all};

/* NULL: the client can do what the settings ask for. */
static const char *settings_check(const struct sn_coordinator_settings *settings)
{
	/* Where libzookeeper has TLS, it does not compare the name in the certificate. */
	if (settings->tls || settings->ca_file || settings->cert_file || settings->key_file)
		return "the client of ZooKeeper has no TLS: leave out tls, ca, cert and key, and "
		       "name a tunnel that encrypts, such as stunnel, in place of the servers";
	if (settings->token_file)
		return "ZooKeeper has no tokens: name user and password_file in place of "
		       "token_file";
	if (settings->password_file && !settings->user)
		return "password_file needs a user";
	if (settings->user && (strchr(settings->user, ':') || strlen(settings->user) > 200))
		return "a user of ZooKeeper has no colon, and at most 200 bytes";
	return NULL;
}

static int zookeeper_open(const struct sn_coordinator_settings *settings,
			  struct sn_coordinator **coordinator, char *why, size_t size)
{
	const char *const problem = settings_check(settings);
	if (problem) {
		(void)snprintf(why, size, "%s", problem);
		return SNOWID_E_INVALID;
	}
	struct zookeeper *const zookeeper = calloc(1, sizeof *zookeeper);
	if (!zookeeper) {
		(void)snprintf(why, size, "there is no memory");
		return -ENOMEM;
	}
	zookeeper->coordinator.class = &zookeeper_class;
	zookeeper->settings = *settings;
	const int error = zk_session_init(&zookeeper->session, &zookeeper->settings, why, size);
	if (error)
		free(zookeeper);
	else
		*coordinator = &zookeeper->coordinator;
	return error;
}

SNOWID_EXPORT const struct sn_module sn_coordinator_module = {
	.version = SN_MODULE_VERSION, .scheme = "zookeeper:", .open = zookeeper_open};
