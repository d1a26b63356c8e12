/* SPDX-License-Identifier: MIT
 *
 * A certificate that has signed itself, for a name and for 127.0.0.1.
 */
#ifndef TESTS_CERTIFICATE_H
#define TESTS_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "tests/unit/check.h"

struct certificate {
	X509 *x509;
	EVP_PKEY *key;
};

static inline struct certificate certificate_new(const char *name)
{
	struct certificate made = {X509_new(), EVP_EC_gen("P-256")};
	char names[100];

	snprintf(names, sizeof names, "DNS:%s,IP:127.0.0.1", name);
	X509_EXTENSION *const extension =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	X509_set_version(made.x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(made.x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(made.x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(made.x509), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(made.x509), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(made.x509, X509_get_subject_name(made.x509));
	X509_set_pubkey(made.x509, made.key);
	ck_assert_int_eq(X509_add_ext(made.x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
	ck_assert_int_gt(X509_sign(made.x509, made.key, EVP_sha256()), 0);
	return made;
}

static inline void certificate_free(struct certificate certificate)
{
	X509_free(certificate.x509);
	EVP_PKEY_free(certificate.key);
}

/* Writes it and its key in PEM. */
static inline void certificate_write(struct certificate certificate, const char *path,
				     const char *key_path)
{
	FILE *const file = fopen(path, "w"), *const key_file = fopen(key_path, "w");

	ck_assert(file && key_file);
	ck_assert_int_eq(PEM_write_X509(file, certificate.x509), 1);
	ck_assert_int_eq(PEM_write_PrivateKey(key_file, certificate.key, NULL, NULL, 0, NULL, NULL),
			 1);
	fclose(file);
	fclose(key_file);
}

#endif
