/* SPDX-License-Identifier: MIT
 *
 * An NTP server in the loop of the test.
 */
#ifndef TESTS_NTP_SERVER_H
#define TESTS_NTP_SERVER_H

#include <time.h>

#include "snowidd/clock/sntp.h"
#include "tests/unit/snowidd/udp_server.h"

/* 2,208,988,800 s lie between 1900 and 1970 (RFC 868). */
#define UNIX_EPOCH UINT64_C(2208988800)
#define COOKIE     UINT64_C(0x0123456789abcdef)

static inline void put_timestamp(uint8_t *to, uint64_t sec, uint32_t fraction)
{
	const uint64_t value = sec << 32 | fraction;
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* The response of a server whose clock shows these seconds since 1900, and a half. */
static inline void make_ntp_response(uint8_t packet[SNTP_PACKET_SIZE], uint64_t sec)
{
	memset(packet, 0, SNTP_PACKET_SIZE);
	packet[0] = 4 << 3 | 4;
	packet[1] = 2;
	put_timestamp(packet + 24, COOKIE >> 32, (uint32_t)COOKIE);
	put_timestamp(packet + 32, sec, UINT32_C(1) << 31);
	put_timestamp(packet + 40, sec, UINT32_C(1) << 31);
}

static int64_t ntp_server_ahead_sec; /* of this host */

/* Responds as a server of stratum 2 with the time of this host and ntp_server_ahead_sec. */
static inline size_t respond_as_ntp(const uint8_t *request, size_t length, uint8_t *response)
{
	struct timespec now;

	ck_assert_uint_eq(length, SNTP_PACKET_SIZE);
	make_ntp_response(response, 0);
	memcpy(response + 24, request + 40, 8);
	clock_gettime(CLOCK_REALTIME, &now);
	const uint64_t sec = (uint64_t)(now.tv_sec + ntp_server_ahead_sec) + UNIX_EPOCH;
	const uint32_t fraction = (uint32_t)(((uint64_t)now.tv_nsec << 32) / 1000000000);
	put_timestamp(response + 32, sec & UINT32_MAX, fraction);
	put_timestamp(response + 40, sec & UINT32_MAX, fraction);
	return SNTP_PACKET_SIZE;
}

#endif
