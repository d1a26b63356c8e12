/* SPDX-License-Identifier: MIT
 *
 * UUIDs that have no time: of a name, random, and of bytes that the caller has chosen (RFC 9562,
 * 5.3, 5.4, 5.5 and 5.8).
 */
#include <string.h>

#include "libsnowid/base/digest.h"
#include "libsnowid/base/entropy.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/id/uuid.h"

/* They differ in one byte: 6ba7b810-9dad-11d1-80b4-00c04fd430c8 (RFC 9562, 6.6). */
static const struct {
	const char *name;
	uint8_t fourth_byte;
} uuid_namespaces[] = {{"dns", 0x10}, {"url", 0x11}, {"oid", 0x12}, {"x500", 0x14}};

SNOWID_EXPORT int snowid_uuid_namespace(const char *name, struct snowid_id128 *id)
{
	static const struct snowid_id128 dns = {{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
						 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}};
	if (!name)
		return sn_fail_null("name");
	if (!id)
		return sn_fail_null("id");
	for (size_t i = 0; i < sizeof uuid_namespaces / sizeof *uuid_namespaces; i++) {
		if (strcmp(name, uuid_namespaces[i].name) == 0) {
			*id = dns;
			id->bytes[3] = uuid_namespaces[i].fourth_byte;
			return 0;
		}
	}
	return sn_fail(SNOWID_E_UNKNOWN,
		       "there is no namespace \"%s\"; RFC 9562 has dns, url, oid and x500, and any "
		       "UUID can be one",
		       name);
}

typedef void uuid_digest_fn(const void *head, size_t head_size, const void *tail, size_t tail_size,
			    uint8_t *digest);

static int uuid_from_name(unsigned version, uuid_digest_fn *digest_of,
			  const struct snowid_id128 *name_space, const char *name, size_t length,
			  struct snowid_id128 *id)
{
	uint8_t digest[SN_SHA1_SIZE];

	if (!name_space)
		return sn_fail_null("name_space");
	if (!name)
		return sn_fail_null("name");
	if (!id)
		return sn_fail_null("id");
	digest_of(name_space->bytes, sizeof name_space->bytes, name, length, digest);
	memcpy(id->bytes, digest, sizeof id->bytes);
	sn_uuid_set_version(id, version);
	return 0;
}

SNOWID_EXPORT int snowid_uuid3_from_name(const struct snowid_id128 *name_space, const char *name,
					 size_t length, struct snowid_id128 *id)
{
	return uuid_from_name(3, sn_md5, name_space, name, length, id);
}

SNOWID_EXPORT int snowid_uuid5_from_name(const struct snowid_id128 *name_space, const char *name,
					 size_t length, struct snowid_id128 *id)
{
	return uuid_from_name(5, sn_sha1, name_space, name, length, id);
}

/* No time in it keeps two clones of a machine apart, so its bytes are read now. */
SNOWID_EXPORT int snowid_uuid4_random(struct snowid_id128 *id)
{
	struct snowid_id128 random;

	if (!id)
		return sn_fail_null("id");
	const int error = sn_entropy_fresh(random.bytes, sizeof random.bytes);
	if (error)
		return error;
	*id = random;
	sn_uuid_set_version(id, 4);
	return 0;
}

SNOWID_EXPORT int snowid_uuid8_from_bytes(const uint8_t bytes[16], struct snowid_id128 *id)
{
	if (!bytes)
		return sn_fail_null("bytes");
	if (!id)
		return sn_fail_null("id");
	memcpy(id->bytes, bytes, sizeof id->bytes);
	sn_uuid_set_version(id, 8);
	return 0;
}
