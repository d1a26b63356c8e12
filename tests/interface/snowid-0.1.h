#ifndef SNOWID_H
#define SNOWID_H 
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#define SNOWID_MUST_CHECK __attribute__((warn_unused_result))
#define SNOWID_ENDS_IN_NULL __attribute__((sentinel))
#else
#define SNOWID_MUST_CHECK 
#define SNOWID_ENDS_IN_NULL 
#endif
#define SNOWID_VERSION_MAJOR 0
#define SNOWID_VERSION_MINOR 1
#define SNOWID_VERSION_PATCH 0
enum snowid_error {
 SNOWID_E_INVALID = -1000,
 SNOWID_E_RANGE = -1001,
 SNOWID_E_SYNTAX = -1002,
 SNOWID_E_OVERFLOW = -1003,
 SNOWID_E_UNKNOWN = -1004,
 SNOWID_E_KIND = -1005,
 SNOWID_E_WORKER = -1006,
 SNOWID_E_STORE = -1007,
 SNOWID_E_CLOCK = -1008,
 SNOWID_E_EXHAUSTED = -1009,
 SNOWID_E_LIMIT = -1010,
 SNOWID_E_EPOCH = -1011,
 SNOWID_E_ENDED = -1012,
 SNOWID_E_CLOSED = -1013
};
const char *snowid_strerror(int error);
size_t snowid_error_detail(char *text, size_t size);
const char *snowid_version(void);
#define SNOWID_TIME_TEXT 31
#define SNOWID_SPAN_TEXT 24
int snowid_time_parse(const char *text, size_t length, int64_t *unix_sec,
        uint32_t *nsec) SNOWID_MUST_CHECK;
int snowid_period_parse(const char *text, size_t length, int64_t *from_sec, uint32_t *from_nsec,
   int64_t *before_sec, uint32_t *before_nsec) SNOWID_MUST_CHECK;
int snowid_time_from_seconds(double seconds, int64_t *unix_sec, uint32_t *nsec) SNOWID_MUST_CHECK;
int snowid_time_format(int64_t unix_sec, uint32_t nsec,
         char text[SNOWID_TIME_TEXT]) SNOWID_MUST_CHECK;
int snowid_span_parse(const char *text, size_t length, uint64_t *ns) SNOWID_MUST_CHECK;
int snowid_span_format(uint64_t ns, char text[SNOWID_SPAN_TEXT]);
int snowid_span_from_seconds(double seconds, uint64_t *ns) SNOWID_MUST_CHECK;
struct snowid_layout;
int snowid_layout_new(const char *spec, struct snowid_layout **layout) SNOWID_MUST_CHECK;
void snowid_layout_free(struct snowid_layout *layout);
const char *snowid_layout_preset(size_t index);
int snowid_layout_field(const struct snowid_layout *layout, uint64_t id, const char *name,
   uint64_t *value) SNOWID_MUST_CHECK;
int snowid_layout_set_field(const struct snowid_layout *layout, const char *name, uint64_t value,
       uint64_t *id) SNOWID_MUST_CHECK;
int snowid_layout_time(const struct snowid_layout *layout, uint64_t id, int64_t *unix_sec,
         uint32_t *nsec) SNOWID_MUST_CHECK;
int snowid_layout_time_ms(const struct snowid_layout *layout, uint64_t id,
     int64_t *unix_ms) SNOWID_MUST_CHECK;
int snowid_layout_first_at(const struct snowid_layout *layout, int64_t unix_sec, uint32_t nsec,
      uint64_t *id) SNOWID_MUST_CHECK;
int snowid_layout_last_at(const struct snowid_layout *layout, int64_t unix_sec, uint32_t nsec,
     uint64_t *id) SNOWID_MUST_CHECK;
int snowid_layout_range(const struct snowid_layout *layout, int64_t from_sec, uint32_t from_nsec,
   int64_t before_sec, uint32_t before_nsec, uint64_t *first,
   uint64_t *last) SNOWID_MUST_CHECK;
enum snowid_layout_info {
 SNOWID_LAYOUT_BITS,
 SNOWID_LAYOUT_FIELDS,
 SNOWID_LAYOUT_UNIT_NS,
 SNOWID_LAYOUT_IDS_PER_TICK,
 SNOWID_LAYOUT_NODES,
 SNOWID_LAYOUT_LAST_TICK,
 SNOWID_LAYOUT_FINGERPRINT
};
int snowid_layout_info(const struct snowid_layout *layout, enum snowid_layout_info which,
         uint64_t *value);
int snowid_layout_field_at(const struct snowid_layout *layout, size_t index, const char **name,
      unsigned *bits, unsigned *shift) SNOWID_MUST_CHECK;
int snowid_layout_first_time(const struct snowid_layout *layout, int64_t *unix_sec, uint32_t *nsec);
int snowid_layout_last_time(const struct snowid_layout *layout, int64_t *unix_sec, uint32_t *nsec);
int snowid_layout_fits_until(const struct snowid_layout *layout, unsigned bits, int64_t *unix_sec,
        uint32_t *nsec) SNOWID_MUST_CHECK;
int snowid_layout_format(const struct snowid_layout *layout, char *text, size_t size,
    size_t *length) SNOWID_MUST_CHECK;
enum snowid_form {
 SNOWID_FORM_DECIMAL,
 SNOWID_FORM_PADDED,
 SNOWID_FORM_HEX,
 SNOWID_FORM_BASE32,
 SNOWID_FORM_BASE36,
 SNOWID_FORM_BASE58,
 SNOWID_FORM_BASE62
};
#define SNOWID_ID_TEXT 21
int snowid_id_format(uint64_t id, enum snowid_form form, char text[SNOWID_ID_TEXT]);
int snowid_id_parse(const char *text, size_t length, enum snowid_form form,
      uint64_t *id) SNOWID_MUST_CHECK;
int snowid_form_parse(const char *name, enum snowid_form *form) SNOWID_MUST_CHECK;
const char *snowid_form_name(enum snowid_form form);
struct snowid_mask;
#define SNOWID_MASK_KEY 16
int snowid_mask_key_parse(const char *text, size_t length,
     uint8_t key[SNOWID_MASK_KEY]) SNOWID_MUST_CHECK;
int snowid_mask_new(const uint8_t key[SNOWID_MASK_KEY], const struct snowid_layout *layout,
      struct snowid_mask **mask) SNOWID_MUST_CHECK;
void snowid_mask_free(struct snowid_mask *mask);
int snowid_mask_apply(const struct snowid_mask *mask, uint64_t id,
        uint64_t *masked) SNOWID_MUST_CHECK;
int snowid_mask_revert(const struct snowid_mask *mask, uint64_t masked,
         uint64_t *id) SNOWID_MUST_CHECK;
int snowid_mask_format(const struct snowid_mask *mask, uint64_t id,
         char text[SNOWID_ID_TEXT]) SNOWID_MUST_CHECK;
int snowid_mask_parse(const struct snowid_mask *mask, const char *text, size_t length,
        uint64_t *id) SNOWID_MUST_CHECK;
struct snowid_id128 {
 uint8_t bytes[16];
};
int snowid_id128_compare(const struct snowid_id128 *a, const struct snowid_id128 *b);
#define SNOWID_ULID_TEXT 27
#define SNOWID_UUID_TEXT 37
#define SNOWID_UUID_NIL {{0}}
#define SNOWID_UUID_MAX {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, \
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
int snowid_ulid_random(struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_uuid7_random(struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_uuid4_random(struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_uuid3_from_name(const struct snowid_id128 *name_space, const char *name, size_t length,
      struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_uuid5_from_name(const struct snowid_id128 *name_space, const char *name, size_t length,
      struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_uuid_namespace(const char *name, struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_uuid8_from_bytes(const uint8_t bytes[16], struct snowid_id128 *id);
int snowid_ulid_format(const struct snowid_id128 *id, char text[SNOWID_ULID_TEXT]);
int snowid_ulid_parse(const char *text, size_t length, struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_ulid_time_ms(const struct snowid_id128 *id, int64_t *unix_ms);
int snowid_ulid_increment(struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_ulid_first_at(int64_t unix_sec, uint32_t nsec,
    struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_ulid_last_at(int64_t unix_sec, uint32_t nsec, struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_ulid_range(int64_t from_sec, uint32_t from_nsec, int64_t before_sec,
        uint32_t before_nsec, struct snowid_id128 *first,
        struct snowid_id128 *last) SNOWID_MUST_CHECK;
int snowid_uuid_format(const struct snowid_id128 *id, char text[SNOWID_UUID_TEXT]);
int snowid_uuid_parse(const char *text, size_t length, struct snowid_id128 *id) SNOWID_MUST_CHECK;
enum snowid_uuid_variant {
 SNOWID_UUID_VARIANT_NCS,
 SNOWID_UUID_VARIANT_RFC9562,
 SNOWID_UUID_VARIANT_MICROSOFT,
 SNOWID_UUID_VARIANT_FUTURE
};
int snowid_uuid_version(const struct snowid_id128 *id, unsigned *version);
int snowid_uuid_variant(const struct snowid_id128 *id, enum snowid_uuid_variant *variant);
const char *snowid_uuid_kind(const struct snowid_id128 *id);
int snowid_uuid_time(const struct snowid_id128 *id, int64_t *unix_sec,
       uint32_t *nsec) SNOWID_MUST_CHECK;
int snowid_uuid_node(const struct snowid_id128 *id, uint8_t node[6]) SNOWID_MUST_CHECK;
int snowid_uuid_clock_seq(const struct snowid_id128 *id, unsigned *clock_seq) SNOWID_MUST_CHECK;
int snowid_uuid_set_node(struct snowid_id128 *id, const uint8_t node[6]) SNOWID_MUST_CHECK;
int snowid_uuid_set_clock_seq(struct snowid_id128 *id, unsigned clock_seq) SNOWID_MUST_CHECK;
int snowid_uuid_first_at(unsigned version, int64_t unix_sec, uint32_t nsec,
    struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_uuid_last_at(unsigned version, int64_t unix_sec, uint32_t nsec,
   struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_uuid_range(unsigned version, int64_t from_sec, uint32_t from_nsec, int64_t before_sec,
        uint32_t before_nsec, struct snowid_id128 *first,
        struct snowid_id128 *last) SNOWID_MUST_CHECK;
int snowid_uuid_1to6(const struct snowid_id128 *uuid1,
       struct snowid_id128 *uuid6) SNOWID_MUST_CHECK;
int snowid_uuid_6to1(const struct snowid_id128 *uuid6,
       struct snowid_id128 *uuid1) SNOWID_MUST_CHECK;
struct snowid_clock;
typedef int (*snowid_wall_fn)(void *user, int64_t *unix_sec, uint32_t *nsec);
typedef int (*snowid_elapsed_fn)(void *user, uint64_t *ns);
typedef int (*snowid_sleep_fn)(void *user, uint64_t ns);
int snowid_clock_new(snowid_wall_fn wall, snowid_elapsed_fn elapsed, snowid_sleep_fn sleep,
       void *user, struct snowid_clock **clock) SNOWID_MUST_CHECK;
int snowid_clock_new_manual(int64_t unix_sec, uint32_t nsec,
       struct snowid_clock **clock) SNOWID_MUST_CHECK;
void snowid_clock_free(struct snowid_clock *clock);
int snowid_clock_step(struct snowid_clock *clock, int64_t delta_ns) SNOWID_MUST_CHECK;
int snowid_clock_advance(struct snowid_clock *clock, uint64_t ns) SNOWID_MUST_CHECK;
int snowid_clock_read(struct snowid_clock *clock, int64_t *unix_sec, uint32_t *nsec,
        uint64_t *elapsed_ns) SNOWID_MUST_CHECK;
struct snowid_config;
int snowid_config_new(struct snowid_config **config) SNOWID_MUST_CHECK;
void snowid_config_free(struct snowid_config *config);
int snowid_config_set_kind(struct snowid_config *config, const char *kind) SNOWID_MUST_CHECK;
int snowid_config_set_field(struct snowid_config *config, const char *name,
       uint64_t value) SNOWID_MUST_CHECK;
int snowid_config_set_store(struct snowid_config *config, const char *url) SNOWID_MUST_CHECK;
int snowid_config_set_clock(struct snowid_config *config, struct snowid_clock *clock);
typedef int (*snowid_interrupt_fn)(void *user);
int snowid_config_set_interrupt(struct snowid_config *config, snowid_interrupt_fn interrupt,
    void *user);
int snowid_config_set(struct snowid_config *config, const char *key,
        const char *text) SNOWID_MUST_CHECK;
int snowid_config_get(const struct snowid_config *config, const char *key, char *text, size_t size,
        size_t *length) SNOWID_MUST_CHECK;
struct snowid_store_info;
enum snowid_value { SNOWID_VALUE_TEXT, SNOWID_VALUE_NUMBER, SNOWID_VALUE_BOOLEAN };
int snowid_store_inspect(const char *url, struct snowid_store_info **info) SNOWID_MUST_CHECK;
void snowid_store_info_free(struct snowid_store_info *info);
int snowid_store_info_count(const struct snowid_store_info *info, size_t *count);
int snowid_store_info_at(const struct snowid_store_info *info, size_t record, size_t index,
    const char **key, const char **text,
    enum snowid_value *type) SNOWID_MUST_CHECK;
int snowid_store_adopt(const char *url) SNOWID_MUST_CHECK;
int snowid_store_reset(const char *url, int64_t unix_sec, uint32_t nsec) SNOWID_MUST_CHECK;
int snowid_store_free_worker(const char *url) SNOWID_MUST_CHECK;
struct snowid_generator;
int snowid_generator_open(struct snowid_generator **generator, const char *kind,
     ...) SNOWID_ENDS_IN_NULL SNOWID_MUST_CHECK;
int snowid_generator_new(const struct snowid_config *config,
    struct snowid_generator **generator) SNOWID_MUST_CHECK;
int snowid_generator_new_for(const struct snowid_config *config, uint64_t timeout_ns,
        struct snowid_generator **generator) SNOWID_MUST_CHECK;
int snowid_generator_close(struct snowid_generator *generator, uint64_t timeout_ns);
void snowid_generator_free(struct snowid_generator *generator);
int snowid_generator_next(struct snowid_generator *generator, uint64_t *id) SNOWID_MUST_CHECK;
int snowid_generator_next_for(struct snowid_generator *generator, uint64_t timeout_ns,
         uint64_t *id) SNOWID_MUST_CHECK;
int snowid_generator_try_next(struct snowid_generator *generator, uint64_t *id,
         uint64_t *wait_ns) SNOWID_MUST_CHECK;
int snowid_generator_next_batch(struct snowid_generator *generator, uint64_t *ids, size_t count,
    uint64_t timeout_ns, size_t *made);
int snowid_generator_next128(struct snowid_generator *generator,
        struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_generator_next128_for(struct snowid_generator *generator, uint64_t timeout_ns,
     struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_generator_try_next128(struct snowid_generator *generator, struct snowid_id128 *id,
     uint64_t *wait_ns) SNOWID_MUST_CHECK;
int snowid_generator_next128_batch(struct snowid_generator *generator, struct snowid_id128 *ids,
       size_t count, uint64_t timeout_ns, size_t *made);
int snowid_generator_available(struct snowid_generator *generator,
          uint64_t *count) SNOWID_MUST_CHECK;
int snowid_generator_maintain(struct snowid_generator *generator,
         uint64_t *next_call_ns) SNOWID_MUST_CHECK;
int snowid_generator_field(const struct snowid_generator *generator, const char *name,
      uint64_t *value) SNOWID_MUST_CHECK;
int snowid_generator_get(const struct snowid_generator *generator, const char *key, char *text,
    size_t size, size_t *length) SNOWID_MUST_CHECK;
enum snowid_stat {
 SNOWID_STAT_ISSUED,
 SNOWID_STAT_WAITS,
 SNOWID_STAT_REGRESSIONS,
 SNOWID_STAT_REFUSED,
 SNOWID_STAT_MAX_LEAD_NS,
 SNOWID_STAT_MAX_LAG_NS,
 SNOWID_STAT_REMOVALS,
 SNOWID_STAT_LEFT_NS,
 SNOWID_STAT_LEASE,
 SNOWID_STAT_EPOCH,
 SNOWID_STAT_LOSSES,
 SNOWID_STAT_RENEWALS,
 SNOWID_STAT_RENEWAL_NS,
 SNOWID_STAT_WORKERS_FREE
};
enum snowid_lease {
 SNOWID_LEASE_NONE,
 SNOWID_LEASE_HELD,
 SNOWID_LEASE_IN_DOUBT,
 SNOWID_LEASE_LOST
};
int snowid_generator_stat(const struct snowid_generator *generator, enum snowid_stat which,
     uint64_t *value);
#ifdef __cplusplus
}
#endif
#endif
