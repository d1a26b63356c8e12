/* SPDX-License-Identifier: MIT
 *
 * One request to ZooKeeper. It looks at the nodes, in one round, and then writes in one
 * transaction, which fails if they have changed meanwhile.
 *
 * The version of a record is the number of the transaction that wrote it (mzxid). The versions of
 * nodes begin with 0 again when a node is deleted and created.
 */
#ifndef SN_ZOOKEEPER_OPERATION_H
#define SN_ZOOKEEPER_OPERATION_H

#include "libsnowid/coordinator/zookeeper_session.h"

#define ZK_PATH_SIZE 1024
#define ZK_WRITES    5 /* in one transaction */

/* What was answered about a node. */
struct zk_node {
	struct zk_operation *operation;
	int error;
	struct Stat stat;
	char *value;
	size_t length;
};

/* The first nodes of an operation. Those of further workers follow, in pairs. */
enum { ZK_NAMESPACE, ZK_CLOCK, ZK_LEASE, ZK_STATE, ZK_NODES };

enum zk_phase {
	ZK_QUEUED,   /* until there is a connection */
	ZK_LOOKING,  /* at the nodes */
	ZK_CREATING, /* nodes that exist in every store */
	ZK_WRITING,
	ZK_ANSWERED,
	ZK_DELIVERED
};

struct zk_operation {
	struct zk_operation *next;
	struct sn_request request;
	uint64_t deadline;
	enum zk_phase phase;
	uint64_t sent_at;
	unsigned generation; /* of the handle that it was sent on */
	unsigned pending;    /* calls of the client that have not been answered */
	unsigned creations;
	bool time_was_unknown; /* of the service */
	struct zk_session *session;

	char *state_text, *lease_text;
	struct sn_record *records; /* of a READ */
	char **kinds;
	struct zk_node *nodes;
	int create_error; /* the first one */

	unsigned write_count;
	zoo_op_t writes[ZK_WRITES];
	zoo_op_result_t results[ZK_WRITES];
	const char *written[ZK_WRITES]; /* the paths */
	struct Stat lease_stat, state_stat;
	int write_error;

	struct sn_answer answer;
	char why[512];
	char namespace_path[ZK_PATH_SIZE], clock_path[ZK_PATH_SIZE];
	char lease_path[ZK_PATH_SIZE], state_path[ZK_PATH_SIZE];
};

/* NULL: no memory. */
struct zk_operation *zk_operation_new(struct zk_session *session, const struct sn_request *request);
void zk_operation_free(struct zk_operation *operation);

/* Does what can be done now. */
void zk_operation_advance(struct zk_operation *operation, uint64_t now);

#endif
