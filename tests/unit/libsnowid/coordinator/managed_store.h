/* SPDX-License-Identifier: MIT
 *
 * A store with the fake coordinator in place of all others, for programs that are linked with
 * WRAP_MANAGED_STORE.
 */
#ifndef TESTS_MANAGED_STORE_H
#define TESTS_MANAGED_STORE_H

#include "libsnowid/coordinator/manager.h"
#include "tests/unit/libsnowid/coordinator/fake_coordinator.h"

static struct snowid_clock *manual;
static struct fake_coordinator coordinator;
static uint64_t first_worker, last_worker;
static int times_opened;
static uint64_t reserve_ns = TTL / 4 * 3;
static const char *cache_file;

int wrap_store_check(const char *url) __asm__("__wrap_sn_store_check");
bool wrap_store_assigns(const char *url) __asm__("__wrap_sn_store_assigns");
int wrap_store_open(const char *url, const struct sn_store_settings *settings,
		    struct sn_store **store) __asm__("__wrap_sn_store_open");

int wrap_store_check(const char *url)
{
	(void)url;
	return 0;
}

bool wrap_store_assigns(const char *url)
{
	(void)url;
	return true;
}

static inline int open_fake_coordinator(const struct sn_coordinator_settings *settings,
					struct sn_coordinator **made, char *why, size_t size)
{
	(void)settings;
	(void)why;
	(void)size;
	times_opened++;
	*made = &coordinator.base;
	return 0;
}

int wrap_store_open(const char *url, const struct sn_store_settings *stored,
		    struct sn_store **store)
{
	static const struct sn_module module = {SN_MODULE_VERSION, "test:", open_fake_coordinator};
	static const struct sn_coordinator_settings service = {.servers = "host"};
	static const struct sn_store_class class = {
		.scheme = "test:",
		.assigns = true,
		.renew = sn_manager_renew,
		.check_renewal = sn_manager_check_renewal,
		.check_final = sn_manager_check_final,
		.lease_stat = sn_manager_lease_stat,
		.release = sn_manager_release,
		.close = sn_manager_close,
	};
	struct sn_manager_settings settings = {
		.module = &module,
		.service = &service,
		.root = "/id-generator",
		.path = "/id-generator/datacenters/dc2",
		.ttl_ns = TTL,
		.reserve_ns = reserve_ns,
		.cache_file = cache_file,
		.first_worker = first_worker,
		.last_worker = last_worker,
	};

	(void)url;
	while (strcmp(stored->fields[settings.field_index].name, "worker") != 0)
		settings.field_index++;
	return sn_manager_open(&settings, &class, stored, store);
}

/* The manager finds out at its next renewal. */
static inline void give_worker_to_another(uint64_t worker)
{
	pthread_mutex_lock(&coordinator.mutex);
	coordinator.records[worker].version = ++coordinator.versions;
	coordinator.records[worker].epoch++;
	coordinator.records[worker].incarnation[0]++;
	coordinator.records[worker].held = true;
	coordinator.holders[worker][0]++;
	pthread_mutex_unlock(&coordinator.mutex);
}

/* In steps, so that the manager is never late. */
static inline void advance_in_steps(uint64_t ns)
{
	for (uint64_t done = 0; done < ns; done += 100 * MS) {
		OK(snowid_clock_advance(manual, 100 * MS));
		fake_let_manager_run(&coordinator);
	}
}

#endif
