/* SPDX-License-Identifier: MIT
 *
 * What a process has once for each service: a connection, and a thread that serves all its members,
 * the generators that use the service.
 *
 * A child made by fork has neither. It uses nothing of the clusters of its parent, and begins ones
 * of its own when it opens a generator.
 */
#ifndef SN_CLUSTER_H
#define SN_CLUSTER_H

#include <stdatomic.h>

#include "libsnowid/coordinator/module.h"

struct sn_cluster;
struct sn_cluster_member;

/* All but `publish` are called without a lock, by one thread at a time. */
struct sn_cluster_member_class {
	/* Each answer is shown to all members. */
	void (*answer)(struct sn_cluster_member *member, const struct sn_answer *answer);

	/* Sends what is due. Returns after how many ns to call it again, unless the member is woken
	 * before. */
	uint64_t (*step)(struct sn_cluster_member *member);

	/* Shows other threads what has changed. They read it with the lock of the cluster. */
	void (*publish)(struct sn_cluster_member *member);

	/* Frees it. */
	void (*dispose)(struct sn_cluster_member *member);
};

struct sn_cluster_member {
	const struct sn_cluster_member_class *class;
	atomic_bool ended; /* set by `step`: it has nothing more to do */

	/* Of the cluster. */
	struct sn_cluster_member *next;
	uint64_t number;
	atomic_bool leaving;
	uint64_t stays_until_ns; /* in elapsed time, unless it ends before */
};

/* The cluster of a service in this process. Each call is undone by one of sn_cluster_leave() or
 * sn_cluster_put(). */
int sn_cluster_get(const struct sn_module *module, const struct sn_coordinator_settings *settings,
		   struct sn_cluster **cluster);
void sn_cluster_put(struct sn_cluster *cluster);

/* A copy of a text that lasts as long as the cluster, and so outlives its coordinator. NULL: there
 * is no memory. */
const char *sn_cluster_text(struct sn_cluster *cluster, const char *text);

/* With the lock: the namespace under a root, which is such a text, as far as it is known; 0 at
 * first. A generator that is opened later notices that the records are others. */
uint64_t *sn_cluster_namespace(struct sn_cluster *cluster, const char *root);

struct sn_coordinator *sn_cluster_coordinator(struct sn_cluster *cluster);

/* The serial number of the next request. Of the thread alone. */
uint64_t *sn_cluster_next_serial(struct sn_cluster *cluster);

/* Gives a member to the thread, which from now on calls its functions, and frees it in the end. */
void sn_cluster_join(struct sn_cluster *cluster, struct sn_cluster_member *member);

/* Ends that, after the member has had linger_ns to end by itself, in real time. Waits until it has
 * been freed, unless it uses this time, or a module hangs. */
void sn_cluster_leave(struct sn_cluster *cluster, struct sn_cluster_member *member,
		      uint64_t linger_ns);

/* The same in a child made by fork, where there is no thread. */
void sn_cluster_leave_inherited(struct sn_cluster *cluster, struct sn_cluster_member *member);

/* Lets the thread call each member soon. May be called by any thread, and in signal handlers if
 * `wake` of the module may. */
void sn_cluster_wake(struct sn_cluster *cluster);

void sn_cluster_lock(struct sn_cluster *cluster);
void sn_cluster_unlock(struct sn_cluster *cluster);

/* With the lock, which it releases meanwhile: waits until members have published something, for ns
 * at most. A clock that is not the system's is put to sleep as soon as the thread has nothing to
 * do, so that manual clocks go on. */
int sn_cluster_await(struct sn_cluster *cluster, struct snowid_clock *clock, uint64_t ns);

#endif
