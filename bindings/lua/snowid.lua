-- SPDX-License-Identifier: MIT

--- Distributed unique IDs: Snowflake layouts of any shape, ULID and UUID.
--
--     local snowid = require "snowid"
--
--     local ids = snowid.generator { kind = "snowflake", worker = 5 }
--     print(ids:next())
--     for id in ids:ids() do print(id) break end -- endless
--     local id = snowid.parse_id "1541815603606036480" -- a number in LuaJIT would be rounded
--     print(snowid.layout("twitter"):decode(id).datacenter)
--     print(snowid.ULID.new())
--
-- A 64-bit ID is an integer. From 2^63 on it is negative: compare such IDs with `math.ult`, and
-- print them with `"%x"` or `snowid.format_id`. In LuaJIT it is a cdata of type uint64_t.
--
-- An *instant* is a number of seconds since 1970, two integers (seconds and nanoseconds), or text
-- such as "2024-01-03T19:30:00Z". A *span* is a number of seconds, or text such as "500ms". A float
-- means the decimal that it was made from, for the present to the microsecond.
--
-- Errors are raised as *error objects* with the fields `code` (one of `snowid.E_CLOCK` and so on,
-- or a negative errno), `name` ("invalid", "clock", "exhausted", "store", "closed" or "system") and
-- `message`, which is also what `tostring` returns. Only `try_next` may return nil instead of an
-- ID. An argument of the wrong type raises an ordinary Lua error, as Lua's own functions do.
--
-- @module snowid

local globals = { swig_type = rawget(_G, "swig_type"), swig_equals = rawget(_G, "swig_equals") }
local native = rawget(_G, "jit") and require "snowid.ffi" or require "snowid.native"
for _, name in ipairs { "swig_type", "swig_equals", "snowid_native" } do
	rawset(_G, name, globals[name]) -- SWIG's module overwrites these globals
end

local snowid = {
	--- Version of the library that is running.
	version = native.version(),
	--- Names of the text forms of 64-bit IDs.
	FORMS = {},
}
for name, value in pairs(native) do
	if name:sub(1, 2) == "E_" then
		snowid[name] = value
	elseif name:sub(1, 5) == "FORM_" then
		snowid.FORMS[value + 1] = name:sub(6):lower()
	end
end

local floor = math.floor
local NS = 1000000000
local INT64_MIN = native.INT64_MIN or math.mininteger -- as the beginning of a range: none
local INT64_MAX = native.INT64_MAX or math.maxinteger -- as its end: none

local function class(name)
	local metatable = native.metatable(name)
	return metatable, metatable.__index
end

class("error").__tostring = function(self)
	return self.message
end

-- ---- instants and spans ------------------------------------------------------------------------

local function raise_expected(what, value)
	native.mistake(("%s expected, got %s"):format(what, type(value)))
end

-- Converts an instant to seconds and nanoseconds.
local function to_instant(sec, nsec)
	if type(sec) == "string" then
		return native.time_parse(sec)
	end
	if type(sec) ~= "number" then
		raise_expected("an instant (seconds since 1970, or ISO 8601)", sec)
	end
	if nsec then
		return sec, nsec
	end
	return native.time_from_seconds(sec)
end

local function to_seconds(sec, nsec)
	return sec + nsec / 1e9
end

-- Where a range of IDs begins and ends, both as seconds and nanoseconds. Without an end, a text is
-- all of the time that it means.
local function to_period(from, before)
	if before == nil then
		if type(from) ~= "string" then
			native.mistake "a range needs its end as well, unless it is text (2024-01)"
		end
		return native.period_parse(from)
	end
	local from_sec, from_nsec, before_sec, before_nsec = INT64_MIN, 0, INT64_MAX, 0
	if from ~= nil and from ~= -math.huge then
		from_sec, from_nsec = to_instant(from)
	end
	if before ~= math.huge then
		before_sec, before_nsec = to_instant(before)
	end
	return from_sec, from_nsec, before_sec, before_nsec
end

-- Converts a span to nanoseconds, below 2^63.
local function to_nanoseconds(span)
	local ns
	if type(span) == "string" then
		ns = native.span_parse(span)
	elseif type(span) == "number" then
		ns = native.span_from_seconds(span)
	else
		raise_expected("a span (seconds, or text such as \"500ms\")", span)
	end
	if ns < 0 then
		native.mistake "a span must be shorter than 2^63 ns, which is 292 years"
	end
	return ns
end

-- Converts a span to nanoseconds, or infinity to more than anybody waits.
local function to_timeout(span)
	return span == math.huge and INT64_MAX or to_nanoseconds(span)
end

-- Checks an optional table.
local function optional_table(value, name)
	if value ~= nil and type(value) ~= "table" then
		raise_expected("a table of " .. name, value)
	end
	return value or {}
end

-- Converts a span to the text of a setting.
local function span_text(span)
	return type(span) == "number" and native.span_format(to_nanoseconds(span)) or tostring(span)
end

--- Parses an instant: ISO 8601 with a time zone, a date, 12 or 13 digits (milliseconds since 1970),
-- or `@` and seconds.
-- @tparam string text
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds
function snowid.parse_time(text)
	return native.time_parse(text)
end

--- Formats an instant as ISO 8601 in UTC, with 3, 6 or 9 decimals.
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn string
function snowid.format_time(sec, nsec)
	return native.time_format(to_instant(sec, nsec))
end

-- ---- text of 64-bit IDs ------------------------------------------------------------------------

-- Converts an ID, which may be decimal text, to the integer.
local function to_id(id)
	return type(id) == "string" and native.id_parse(id, native.FORM_DECIMAL) or id
end

--- Formats a 64-bit ID as text.
-- @tparam integer|string id an integer or decimal text
-- @tparam[opt="decimal"] string form one of `snowid.FORMS`
-- @treturn string
function snowid.format_id(id, form)
	return native.id_format(to_id(id), native.form_parse(form or "decimal"))
end

--- Parses the text of a 64-bit ID. Each ID has exactly one text in each form.
-- @tparam string text
-- @tparam[opt="decimal"] string form
-- @treturn integer
function snowid.parse_id(text, form)
	return native.id_parse(text, native.form_parse(form or "decimal"))
end

-- ---- layouts -----------------------------------------------------------------------------------

--- What the bits of a 64-bit ID mean. Layouts are immutable.
-- @type Layout
local Layout_meta, Layout = class "layout"
local native_layout = {}
for name, method in pairs(Layout) do
	native_layout[name] = method
end

--- Splits an ID into its parts: `id`, `time` in seconds since 1970, `unix_ms`, and the value of
-- each field. An ID from 2^63 on may also be the negative number that a signed column of a database
-- has in its place.
-- @tparam integer|string id an integer or decimal text
-- @treturn table
function Layout:decode(id)
	id = to_id(id)
	local parts = { id = id, time = to_seconds(self:time(id)), unix_ms = self:time_ms(id) }
	for _, field in ipairs(self:fields()) do
		if field.name ~= "time" then
			parts[field.name] = self:field(id, field.name)
		end
	end
	return parts
end

--- The ID with this instant and these field values. Fields that are not given are 0.
-- @param time an instant: seconds or text
-- @tparam[opt] table fields such as { worker = 5 }
-- @treturn integer
function Layout:encode(time, fields)
	local id = self:first_at(time)
	for name, value in pairs(optional_table(fields, "fields")) do
		id = native_layout.set_field(self, name, value, id)
	end
	return id
end

--- The raw value of a field of an ID. The time (in ticks) and the sequence are fields too.
-- @tparam integer|string id as for `decode`
-- @tparam string name
-- @treturn integer
function Layout:field(id, name)
	return native_layout.field(self, to_id(id), name)
end

--- When an ID was made.
-- @tparam integer|string id as for `decode`
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds
function Layout:time(id)
	return native_layout.time(self, to_id(id))
end

--- When an ID was made, in milliseconds since 1970, rounded down.
-- @tparam integer|string id as for `decode`
-- @treturn integer
function Layout:time_ms(id)
	return native_layout.time_ms(self, to_id(id))
end

--- The smallest ID of the tick that contains an instant.
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn integer
function Layout:first_at(sec, nsec)
	return native_layout.first_at(self, to_instant(sec, nsec))
end

--- The largest ID of the tick that contains an instant.
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn integer
function Layout:last_at(sec, nsec)
	return native_layout.last_at(self, to_instant(sec, nsec))
end

--- The first and the last ID of a period, for range queries: from one instant up to, but not
-- including, another; or all IDs of a month, a day, a second. Both ends are cut off to their tick,
-- so that periods that follow each other neither share an ID nor leave one out. If there are no
-- IDs, the first is greater than the last.
--
--     local first, last = layout:range "2024-01" -- all of January
--     first, last = layout:range("2024-01-01", "2024-02-01") -- the same
--     first, last = layout:range(os.time() - 3600, math.huge) -- no end
--     first, last = layout:range(-math.huge, "2024-01-01") -- no beginning
-- @param from an instant (without nanoseconds); without `before`, text that means all of a time
-- @param[opt] before an instant
-- @treturn integer
-- @treturn integer
function Layout:range(from, before)
	return native_layout.range(self, to_period(from, before))
end

--- The fields, the most significant first.
-- @treturn {table,...} each with `name`, `bits` and `shift`
function Layout:fields()
	local fields = {}
	for index = 1, tonumber(native_layout.info(self, native.LAYOUT_FIELDS)) do
		local name, bits, shift = native_layout.field_at(self, index - 1)
		fields[index] = { name = name, bits = bits, shift = shift }
	end
	return fields
end

local function info_method(which)
	return function(self)
		return native_layout.info(self, which)
	end
end

--- The total number of bits.
-- @function Layout:bits
-- @treturn integer
Layout.bits = info_method(native.LAYOUT_BITS)
--- The length of a tick in nanoseconds.
-- @function Layout:unit_ns
-- @treturn integer
Layout.unit_ns = info_method(native.LAYOUT_UNIT_NS)
--- How many IDs a node can make per tick.
-- @function Layout:ids_per_tick
-- @treturn integer
Layout.ids_per_tick = info_method(native.LAYOUT_IDS_PER_TICK)
--- How many nodes can be distinguished by the fields other than time and sequence.
-- @function Layout:nodes
-- @treturn integer
Layout.nodes = info_method(native.LAYOUT_NODES)
--- The last tick, counted from the epoch.
-- @function Layout:last_tick
-- @treturn integer
Layout.last_tick = info_method(native.LAYOUT_LAST_TICK)
--- A hash of everything that determines the bits: field widths, time unit and epoch.
-- @function Layout:fingerprint
-- @treturn integer
Layout.fingerprint = info_method(native.LAYOUT_FINGERPRINT)

--- The start of the first tick.
-- @function Layout:first_time
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds

--- The start of the last tick.
-- @function Layout:last_time
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds

--- Until when all IDs fit into that many bits: 63 for signed integers, 53 for JavaScript.
-- @function Layout:fits_until
-- @tparam integer bits
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds

--- The full spec, from which the same layout can be made.
-- @treturn string
function Layout:spec()
	return native_layout.format(self)
end
Layout.set_field, Layout.info, Layout.field_at, Layout.format = nil, nil, nil, nil

Layout_meta.__tostring = Layout.spec
Layout_meta.__eq = function(a, b)
	return getmetatable(a) == getmetatable(b) and a:spec() == b:spec()
end

--- @section end

--- Makes a layout.
-- @tparam string spec a preset, or a spec such as
-- "time:41,worker:10,sequence:12;epoch=2024-01-01;unit=1ms"
-- @treturn Layout
function snowid.layout(spec)
	return native.layout_new(spec)
end

--- The names of the built-in layouts.
-- @treturn {string,...}
function snowid.presets()
	local presets = {}
	while native.layout_preset(#presets) do
		presets[#presets + 1] = native.layout_preset(#presets)
	end
	return presets
end

-- ---- ULID and UUID -----------------------------------------------------------------------------

-- Defines what ULID and UUID have in common: 16 bytes, ordered byte by byte.
local function define_id128(name, format)
	local metatable, methods = class(name)

	metatable.__tostring = function(self)
		return format(self.bytes)
	end
	metatable.__concat = function(a, b)
		return tostring(a) .. tostring(b)
	end
	metatable.__eq = function(a, b)
		return getmetatable(a) == getmetatable(b) and a.bytes == b.bytes
	end
	local function bytes_of_both(a, b)
		if getmetatable(a) ~= metatable or getmetatable(b) ~= metatable then
			local message = "attempt to compare a %s with another type"
			native.mistake(message:format(name:upper()))
		end
		return a.bytes, b.bytes
	end
	-- Compares byte by byte. `<` of strings depends on the locale.
	local function bytes_less(a, b)
		for index = 1, 16 do
			local x, y = a:byte(index), b:byte(index)
			if x ~= y then
				return x < y
			end
		end
		return false
	end
	metatable.__lt = function(a, b)
		return bytes_less(bytes_of_both(a, b))
	end
	metatable.__le = function(a, b)
		local x, y = bytes_of_both(a, b)
		return not bytes_less(y, x)
	end
	local function from_bytes(bytes)
		format(bytes) -- checks that these are 16 bytes
		return setmetatable({ bytes = bytes }, metatable)
	end
	return methods, from_bytes
end

--- A ULID (github.com/ulid/spec): 48 bits of milliseconds, 80 random bits. `bytes` are its 16
-- bytes. ULIDs can be compared, sorted and printed. As a table key, use the `tostring` of one.
-- `ULID.NIL` and `ULID.MAX` are the first and the last one.
-- @type ULID
local ULID, ulid_from_bytes = define_id128("ulid", native.ulid_format)

local UUID, uuid_from_bytes = define_id128("uuid", native.uuid_format)

--- Makes a new ULID with random bits, without a generator. Such ULIDs are unordered within a
-- millisecond; those of `generator "ulid"` are ordered.
-- @treturn ULID
function ULID.new()
	return ulid_from_bytes(native.ulid_random())
end

--- Parses the text of a ULID, 26 characters.
-- @tparam string text
-- @treturn ULID
function ULID.parse(text)
	return ulid_from_bytes(native.ulid_parse(text))
end

--- The ULID with these 16 bytes.
-- @function ULID.from_bytes
-- @tparam string bytes
-- @treturn ULID
ULID.from_bytes = ulid_from_bytes

--- The smallest ULID of the millisecond that contains an instant.
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn ULID
function ULID.first_at(sec, nsec)
	return ulid_from_bytes(native.ulid_first_at(to_instant(sec, nsec)))
end

--- The largest ULID of the millisecond that contains an instant.
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn ULID
function ULID.last_at(sec, nsec)
	return ulid_from_bytes(native.ulid_last_at(to_instant(sec, nsec)))
end

--- The first and the last ULID of a period, as with `Layout:range`.
-- @param from
-- @param[opt] before
-- @treturn ULID
-- @treturn ULID
function ULID.range(from, before)
	local first, last = native.ulid_range(to_period(from, before))
	return ulid_from_bytes(first), ulid_from_bytes(last)
end

--- Milliseconds since 1970.
-- @treturn integer
function ULID:unix_ms()
	return native.ulid_time_ms(self.bytes)
end

--- When it was made.
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds
function ULID:time()
	local ms = native.ulid_time_ms(self.bytes)
	local sec = floor(ms / 1000)
	return sec, (ms - sec * 1000) * 1000000
end

--- The next ULID of the same millisecond, as the specification defines it.
-- @treturn ULID
function ULID:increment()
	return ulid_from_bytes(native.ulid_increment(self.bytes))
end

--- The same bytes as a UUID.
-- @treturn UUID
function ULID:to_uuid()
	return uuid_from_bytes(self.bytes)
end

--- A UUID (RFC 9562). `bytes` are its 16 bytes. UUIDs can be compared, sorted and printed. Those of
-- versions 1, 6 and 7 contain a time. `UUID.NIL` and `UUID.MAX` are the first and the last one.
-- @type UUID

--- Makes a new UUID of version 7 with random bits.
-- @treturn UUID
function UUID.new()
	return uuid_from_bytes(native.uuid7_random())
end

--- Parses the text of a UUID, which may be in braces or begin with "urn:uuid:", or be 32 digits.
-- @tparam string text
-- @treturn UUID
function UUID.parse(text)
	return uuid_from_bytes(native.uuid_parse(text))
end

--- The UUID with these 16 bytes.
-- @function UUID.from_bytes
-- @tparam string bytes
-- @treturn UUID
UUID.from_bytes = uuid_from_bytes

--- The smallest UUID of a version (1, 6 or 7) and an instant.
-- @tparam integer version
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn UUID
function UUID.first_at(version, sec, nsec)
	return uuid_from_bytes(native.uuid_first_at(version, to_instant(sec, nsec)))
end

--- The largest UUID of a version (1, 6 or 7) and an instant.
-- @tparam integer version
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn UUID
function UUID.last_at(version, sec, nsec)
	return uuid_from_bytes(native.uuid_last_at(version, to_instant(sec, nsec)))
end

--- The first and the last UUID of a version (6 or 7) of a period, as with `Layout:range`.
-- @tparam integer version
-- @param from
-- @param[opt] before
-- @treturn UUID
-- @treturn UUID
function UUID.range(version, from, before)
	local first, last = native.uuid_range(version, to_period(from, before))
	return uuid_from_bytes(first), uuid_from_bytes(last)
end

--- Version and variant in one word: "uuid1" to "uuid8", "nil", "max", "ncs", "microsoft", "future",
-- or "uuid" if RFC 9562 does not define the version.
-- @treturn string
function UUID:kind()
	return native.uuid_kind(self.bytes)
end

--- The version, 0 to 15; only meaningful if the variant is "rfc9562".
-- @treturn integer
function UUID:version()
	return native.uuid_version(self.bytes)
end

local variants = { [0] = "ncs", "rfc9562", "microsoft", "future" }

--- The variant: "ncs", "rfc9562", "microsoft" or "future".
-- @treturn string
function UUID:variant()
	return variants[native.uuid_variant(self.bytes)]
end

--- When a UUID of version 1, 6 or 7 was made; nil if it does not contain a time.
-- @treturn ?integer seconds since 1970
-- @treturn ?integer nanoseconds
function UUID:time()
	local version = self:version()
	if (version == 1 or version == 6 or version == 7) and self:variant() == "rfc9562" then
		return native.uuid_time(self.bytes)
	end
	return nil
end

--- When it was made, in milliseconds since 1970, rounded down; nil if it does not contain a time.
-- @treturn ?integer
function UUID:unix_ms()
	local sec, nsec = self:time()
	return sec and sec * 1000 + floor(nsec / 1000000)
end

--- The 48-bit node of a UUID of version 1 or 6.
-- @treturn integer
function UUID:node()
	local node = 0
	for _, byte in ipairs { native.uuid_node(self.bytes):byte(1, 6) } do
		node = node * 256 + byte
	end
	return node
end

--- The 14-bit clock sequence of a UUID of version 1 or 6.
-- @treturn integer
function UUID:clock_seq()
	return native.uuid_clock_seq(self.bytes)
end

local function node_bytes(node)
	node = type(node) ~= "string" and tonumber(node)
	if not node or floor(node) ~= node or node < 0 or node >= 2 ^ 48 then
		native.mistake("node must be an integer from 0 to 281474976710655")
	end
	local bytes = {}
	for index = 6, 1, -1 do
		bytes[index] = string.char(floor(node % 256))
		node = floor(node / 256)
	end
	return table.concat(bytes)
end

--- A copy of a UUID of version 1 or 6 with another node or clock sequence.
-- @tparam table parts with `node` or `clock_seq` or both
-- @treturn UUID
function UUID:replace(parts)
	local bytes = self.bytes
	parts = optional_table(parts, "parts")
	if parts.node then
		bytes = native.uuid_set_node(bytes, node_bytes(parts.node))
	end
	if parts.clock_seq then
		bytes = native.uuid_set_clock_seq(bytes, parts.clock_seq)
	end
	return uuid_from_bytes(bytes)
end

--- Converts a UUID of version 1 to version 6, with the same time, clock sequence and node.
-- @treturn UUID
function UUID:to_v6()
	return uuid_from_bytes(native.uuid_1to6(self.bytes))
end

--- Converts a UUID of version 6 to version 1, with the same time, clock sequence and node.
-- @treturn UUID
function UUID:to_v1()
	return uuid_from_bytes(native.uuid_6to1(self.bytes))
end

--- The same bytes as a ULID.
-- @treturn ULID
function UUID:to_ulid()
	return ulid_from_bytes(self.bytes)
end

--- @section end

ULID.NIL, ULID.MAX = ulid_from_bytes(("\0"):rep(16)), ulid_from_bytes(("\255"):rep(16))
UUID.NIL, UUID.MAX = ULID.NIL:to_uuid(), ULID.MAX:to_uuid()
snowid.ULID, snowid.UUID = ULID, UUID

--- Makes a ULID of the present time, as `ULID.new` does.
-- @function ulid
-- @treturn ULID
snowid.ulid = ULID.new

--- Makes a UUID of version 7, of the present time, as `UUID.new` does.
-- @function uuid7
-- @treturn UUID
snowid.uuid7 = UUID.new

--- Makes a UUID of version 4: 122 random bits.
-- @treturn UUID
function snowid.uuid4()
	return uuid_from_bytes(native.uuid4_random())
end

-- The 16 bytes of a namespace: a UUID, its text, or the name of one of RFC 9562's.
local function namespace_bytes(namespace)
	if type(namespace) == "table" then
		return namespace.bytes
	end
	local parse = #tostring(namespace) >= 32 and native.uuid_parse or native.uuid_namespace
	return parse(namespace)
end

--- Makes the UUID of version 3 of a name, by MD5. Prefer version 5.
-- @tparam UUID|string namespace as for `uuid5`
-- @tparam string name
-- @treturn UUID
function snowid.uuid3(namespace, name)
	return uuid_from_bytes(native.uuid3_from_name(namespace_bytes(namespace), name))
end

--- Makes the UUID of version 5 of a name, by SHA-1: always the same for the same bytes.
-- @tparam UUID|string namespace a UUID, or "dns", "url", "oid" or "x500"
-- @tparam string name
-- @treturn UUID
function snowid.uuid5(namespace, name)
	return uuid_from_bytes(native.uuid5_from_name(namespace_bytes(namespace), name))
end

--- Makes a UUID of version 8 of 16 bytes, of which version and variant replace 6 bits.
-- @tparam string bytes
-- @treturn UUID
function snowid.uuid8(bytes)
	return uuid_from_bytes(native.uuid8_from_bytes(bytes))
end

-- ---- masks -------------------------------------------------------------------------------------

--- A secret permutation of 64-bit numbers, or of those of a layout's bits, so that a public ID
-- tells neither the time nor the rate at which IDs are made: FF1 of NIST SP 800-38G. Masked numbers
-- do not sort by time, and are not authenticated. Without the key they cannot be reverted.
-- snowid_mask_new(3) says what this protects from, and what not.
-- @type Mask
local Mask_meta, Mask = class "mask"
local native_mask = {}
for name, method in pairs(Mask) do
	native_mask[name] = method
end

--- The masked number of an ID.
-- @tparam integer|string id as for `Layout:decode`
-- @treturn integer
function Mask:apply(id)
	return native_mask.apply(self, to_id(id))
end

--- The ID of a masked number.
-- @tparam integer|string masked
-- @treturn integer
function Mask:revert(masked)
	return native_mask.revert(self, to_id(masked))
end

--- The masked number of an ID as text, in base 58.
-- @tparam integer|string id as for `Layout:decode`
-- @treturn string
function Mask:format(id)
	return native_mask.format(self, to_id(id))
end

--- The ID of a text that `format` returned.
-- @function Mask:parse
-- @tparam string text
-- @treturn integer

Mask_meta.__tostring = function()
	return "snowid.mask"
end

--- @section end

--- Makes a mask.
-- @tparam string key 16 bytes, or 32 hexadecimal digits: `openssl rand -hex 16`
-- @tparam[opt] Layout|string layout a layout or its spec, whose bits are permuted; default: all 64
-- @treturn Mask
function snowid.mask(key, layout)
	if type(key) ~= "string" then
		raise_expected("a key (16 bytes or 32 digits)", key)
	end
	if type(layout) == "string" then
		layout = snowid.layout(layout)
	end
	return native.mask_new(#key == 16 and key or native.mask_key_parse(key), layout)
end

-- ---- a clock for tests -------------------------------------------------------------------------

--- A clock for tests. It only moves by these calls, and when a generator waits, which then takes no
-- real time. Forked children share it.
-- @type ManualClock
local Clock_meta, Clock = class "clock"
local native_clock = { step = Clock.step, advance = Clock.advance, read = Clock.read }
Clock.read = nil

--- Steps wall time forwards or backwards, without changing elapsed time.
-- @tparam number|string span a span, or a negative number of seconds
function Clock:step(span)
	local sign = type(span) == "number" and span < 0 and -1 or 1
	local ns = to_nanoseconds(sign < 0 and -span or span)
	local rest = ns % NS
	native_clock.step(self, sign * tonumber(ns - rest)) -- in two, as LuaJIT has only 53 bits
	native_clock.step(self, sign * tonumber(rest))
end

--- Sets wall time, without changing elapsed time.
-- @param sec an instant
-- @tparam[opt] integer nsec
function Clock:set(sec, nsec)
	local to, to_nsec = to_instant(sec, nsec)
	local from, from_nsec = self:now()
	native_clock.step(self, (to - from) * NS) -- in two steps, as the sum can be above 2^53
	native_clock.step(self, to_nsec - from_nsec)
end

--- Advances both wall and elapsed time.
-- @tparam number|string span
function Clock:advance(span)
	native_clock.advance(self, to_nanoseconds(span))
end

--- Wall time.
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds
function Clock:now()
	local sec, nsec = native_clock.read(self)
	return sec, nsec
end

--- Elapsed time, from an arbitrary start.
-- @treturn integer nanoseconds
function Clock:elapsed_ns()
	local _, _, elapsed = native_clock.read(self)
	return elapsed
end

Clock_meta.__tostring = function(self)
	return snowid.format_time(self:now())
end

--- @section end

--- Makes a clock for tests.
-- @param sec the initial time: an instant
-- @tparam[opt] integer nsec
-- @treturn ManualClock
function snowid.manual_clock(sec, nsec)
	return native.clock_new_manual(to_instant(sec, nsec))
end

-- ---- generators --------------------------------------------------------------------------------

--- Makes unique IDs of one kind for one worker: integers, ULIDs or UUIDs. With the default store,
-- all processes of one user on a host, such as the workers of OpenResty, never get the same ID from
-- generators with the same fields. What needs a worker of its own: another host, another container,
-- another user, a program that names another store, and a service that cannot see /dev/shm. Make
-- all generators before a change of user, or all after it. If the clock may be set back across a
-- reboot, use "file:". Each ID is made only when it is asked for. Garbage collection frees a
-- generator; in Lua 5.4, `local g <close> = snowid.generator { … }` closes it.
-- @type Generator
local Generator_meta, Generator = class "generator"
local native_generator = {}
for name, method in pairs(Generator) do
	native_generator[name] = method
end

--- Makes an ID.
-- @function Generator:next
-- @tparam[opt] number|string timeout how long it may wait (a span, or infinite); by default the
-- generator's own timeout
-- @return integer, `ULID` or `UUID`

--- Makes an ID without waiting.
-- @function Generator:try_next
-- @return[1] integer, `ULID` or `UUID`
-- @return[2] nil if it would have to wait
-- @treturn[2] number after how many seconds to try again

--- Makes a table of IDs in increasing order. If it fails, `partial` of the error is a table of the
-- IDs already made.
-- @tparam integer count
-- @tparam[opt] number|string timeout how long it may wait in total
-- @treturn table
function Generator:batch(count, timeout)
	return native_generator.batch(self, count, timeout or self:setting "timeout")
end

--- An endless iterator over new IDs: `for id in g:ids() do`.
-- @treturn function
-- @treturn Generator
function Generator:ids()
	return native_generator.draw, self
end
Generator.draw = nil

--- How many IDs are available now without waiting. Raises an error if there are none.
-- @function Generator:available
-- @treturn integer

--- Renews the store if that is due.
-- @treturn number after how many seconds to call it again; infinite for never
function Generator:maintain()
	local again = native_generator.maintain(self)
	return again < 0 and math.huge or tonumber(again) / 1e9
end

--- How long a call without a timeout may wait.
-- @treturn number seconds
function Generator:timeout()
	return tonumber(native.span_parse(self:setting "timeout")) / 1e9
end

local stats = {
	"issued", "waits", "regressions", "refused", "max_lead_ns", "max_lag_ns", "removals",
	"lease", "epoch", "losses", "renewals", "renewal_ns", "workers_free",
}
local leases = { "held", "in doubt", "lost" }

-- With LuaJIT it is unsigned.
local function is_max(value)
	return tonumber(value) < 0 or tonumber(value) >= 2 ^ 63
end

-- The clock may be outside the time of the layout: then there is none.
local function left_ns(generator)
	local ok, left = pcall(native_generator.stat, generator, native.STAT_LEFT_NS)
	if not ok then
		return 0
	end
	return is_max(left) and math.huge or left
end

--- Counters since the generator was created, or since its state file was first opened after the
-- last boot: `issued`, `waits`, `regressions`, `refused`, `max_lead_ns`, `max_lag_ns`, `removals`.
--
-- `left_ns` says for how long IDs can be made if the store is not renewed (infinite for ever).
--
-- If a coordinator assigns the worker, `lease` is "held", "in doubt" or "lost", and `epoch`,
-- `losses`, `renewals`, `renewal_ns` and `workers_free` (nil: not known) say more.
-- @treturn table
function Generator:stats()
	local values = { left_ns = left_ns(self) }
	for _, name in ipairs(stats) do
		values[name] = native_generator.stat(self, native["STAT_" .. name:upper()])
	end
	values.lease = leases[tonumber(values.lease)]
	if is_max(values.workers_free) then
		values.workers_free = nil
	end
	return values
end
Generator.stat = nil

--- The value of a field that is the same in all IDs, such as "worker" or "shard".
-- @function Generator:field
-- @tparam string name
-- @treturn integer

--- A setting as text, such as "store" or "hold".
-- @tparam string key
-- @treturn string
function Generator:setting(key)
	return native_generator.get(self, key)
end
Generator.get = nil

--- The kind of ID that it makes: a preset, a layout spec, "ulid", …
-- @treturn string
function Generator:kind()
	return native_generator.get(self, "kind")
end

local wide = { ulid = true, uuid1 = true, uuid6 = true, uuid7 = true }

--- The layout of its IDs, or nil for ULIDs and UUIDs.
-- @treturn ?Layout
function Generator:layout()
	local kind = self:kind()
	return not wide[kind] and snowid.layout(kind) or nil
end

--- Closes the generator: it makes no more IDs and, with memory:, not in any child either. Closing
-- it again has no effect.
-- @tparam[opt=2] number|string timeout how long it may wait for the store
function Generator:close(timeout)
	native_generator.close(self, to_timeout(timeout or 2))
end

Generator_meta.__close = function(self)
	self:close()
end
Generator_meta.__tostring = function(self)
	return "snowid.generator: " .. self:kind()
end

--- @section end

local spans = { "timeout", "wait", "hold", "borrow", "reserve", "max_jump" }
local reserved = {
	kind = true, fields = true, store = true, clock = true, mode = true, spread = true,
	open_timeout = true,
}
for _, name in ipairs(spans) do
	reserved[name] = true
end

-- Sets a field. A name that is no field may be a setting's with a typing error.
local function set_option(config, name, value)
	if not pcall(config.set_field, config, name, 0) then
		config:set(name, tostring(value)) -- fails too, and tells which settings there are
	end
	config:set_field(name, value)
end

--- Makes a generator.
--
--     snowid.generator "ulid"
--     snowid.generator { kind = "snowflake", worker = 5, hold = "500ms" }
--
-- Options: `kind` (default "snowflake"): a preset, a layout spec, a `Layout`, "ulid", "uuid1",
-- "uuid6" or "uuid7"; `store`: "host:", which all processes of a user share until the next boot,
-- "file:/path", which survives reboots, "slots:/directory", which gives each process a worker of
-- its own, or "memory:", which only this process and its forked children know (default:
-- SNOWID_STORE; without it, "host:" for layouts, else "memory:"); `open_timeout`: how long
-- opening the store may wait in all (default: twice the reserve for the clock); `clock`: a
-- `ManualClock`; the spans `timeout`, `wait`, `hold`, `borrow`, `reserve` and `max_jump`; `mode`:
-- the permissions of a new state file, "0600", "0640" or "0660"; `spread`: a boolean.
-- snowid_config_new(3) explains them. All other options are values of fields, as are those in the
-- table `fields`.
-- @tparam string|table options
-- @treturn Generator
function snowid.generator(options)
	if type(options) == "string" then
		options = { kind = options }
	elseif type(options) ~= "table" then
		raise_expected("a table of options or a kind", options)
	end
	local config = native.config_new()
	config:set_kind(options.kind and tostring(options.kind) or "snowflake")
	for name, value in pairs(options) do
		if type(name) ~= "string" then
			native.mistake("options need a name, such as worker = 5")
		elseif not reserved[name] then
			set_option(config, name, value)
		end
	end
	for name, value in pairs(optional_table(options.fields, "fields")) do
		config:set_field(name, value)
	end
	if options.store then
		config:set_store(options.store)
	end
	if options.clock then
		config:set_clock(options.clock)
	end
	for _, name in ipairs { "mode", "spread" } do
		if options[name] ~= nil then
			config:set(name, tostring(options[name]))
		end
	end
	for _, name in ipairs(spans) do
		if options[name] ~= nil then
			config:set(name, span_text(options[name]))
		end
	end
	if options.open_timeout ~= nil then
		return native.generator_new_for(config, to_timeout(options.open_timeout))
	end
	return native.generator_new(config)
end

return snowid
