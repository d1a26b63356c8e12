/* SPDX-License-Identifier: MIT
 *
 * Modules that are loaded, missing, broken, or of another version.
 */
#include <stdio.h>
#include <unistd.h>

#include "libsnowid/coordinator/loader.h"
#include "tests/unit/check.h"
#include "tests/unit/directory.h"

static void setup(void)
{
	ck_assert_int_eq(setenv("SNOWID_MODULES", MODULES, 1), 0);
}

TEST(module_is_found_and_stays_loaded)
{
	const struct sn_module *module = NULL, *again = NULL;
	OK(sn_loader_find("etcd:", &module));
	ck_assert_str_eq(module->scheme, "etcd:");
	OK(sn_loader_find("etcd:", &again));
	ck_assert_ptr_eq(again, module);
}

TEST(module_that_is_not_installed_is_an_error_that_names_its_package)
{
	const struct sn_module *module = NULL;
	ck_assert_int_eq(setenv("SNOWID_MODULES", "/nowhere", 1), 0);
	EXPECT(sn_loader_find("etcd:", &module), SNOWID_E_STORE);
	EXPECT_DETAIL("/nowhere/etcd.so, is not installed; install the package libsnowid-etcd, "
		      "or set SNOWID_MODULES");
	ck_assert_ptr_null(module);
}

TEST(module_of_another_version_is_refused)
{
	const struct sn_module *module = NULL;
	EXPECT(sn_loader_find("consul:", &module), SNOWID_E_STORE);
	EXPECT_DETAIL("consul.so is of version 999, but this libsnowid needs 1; install libsnowid "
		      "and libsnowid-consul of the same version");
	ck_assert_ptr_null(module);
}

TEST(module_under_the_name_of_another_is_refused)
{
	const struct sn_module *module = NULL;
	EXPECT(sn_loader_find("zookeeper:", &module), SNOWID_E_STORE);
	EXPECT_DETAIL("zookeeper.so is the module for etcd: stores, not for zookeeper:");
	ck_assert_ptr_null(module);
}

TEST(file_that_is_no_module_is_refused)
{
	const struct sn_module *module = NULL;
	char path[sizeof directory + 16];
	directory_make();
	snprintf(path, sizeof path, "%s/etcd.so", directory);
	FILE *const file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fclose(file);
	ck_assert_int_eq(setenv("SNOWID_MODULES", directory, 1), 0);
	EXPECT(sn_loader_find("etcd:", &module), SNOWID_E_STORE);
	EXPECT_DETAIL("cannot load the module for etcd: stores: ");
	directory_remove();
}

TEST(directory_of_modules_must_be_a_full_path)
{
	const struct sn_module *module = NULL;
	ck_assert_int_eq(setenv("SNOWID_MODULES", "modules", 1), 0);
	EXPECT(sn_loader_find("etcd:", &module), SNOWID_E_STORE);
	EXPECT_DETAIL("SNOWID_MODULES is \"modules\"");
}

TEST(refusal_of_a_module_is_the_error_of_the_store)
{
	struct snowid_generator *generator = NULL;
	EXPECT(snowid_generator_open(&generator, "snowflake", "store=etcd://here/ids", NULL),
	       SNOWID_E_STORE);
	EXPECT_DETAIL("cannot use etcd://here:2379: the servers here:2379 are not for tests");
	ck_assert_ptr_null(generator);
}

int main(void)
{
	return run_tests(setup, NULL);
}
