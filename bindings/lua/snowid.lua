-- SPDX-License-Identifier: MIT

--- Distributed unique IDs: Snowflake layouts of any shape, ULID, and UUID of versions 1, 6 and 7.
--
--     local snowid = require "snowid"
--
--     local ids = snowid.generator { kind = "snowflake", worker = 5 }
--     print(ids:next())
--     for id in ids:ids() do … end
--     print(snowid.layout("twitter"):decode(1541815603606036480).datacenter)
--     print(snowid.ULID.new())
--
-- An ID of 64 bits is an integer; from 2^63 on it is negative, and `math.ult` compares, `"%x"` and
-- `snowid.format_id` print it. In LuaJIT it is a cdata of the type uint64_t.
--
-- An *instant* is a number of seconds since 1970, two of seconds and nanoseconds, or a text as
-- "2024-01-03T19:30:00Z". A *span* is a number of seconds, or, where a generator is made, a text as
-- "500ms".
--
-- What fails raises an *error object*: `code`, one of `snowid.E_CLOCK` and so on or a negative errno;
-- `name`, one of "invalid", "clock", "exhausted", "store", "closed" and "system"; `message`, which is
-- also its `tostring`. Nothing returns nil in place of an ID but `try_next`. An argument of the wrong type is
-- a mistake of the program, and an error as Lua's own functions raise.
--
-- @module snowid

local had = { swig_type = rawget(_G, "swig_type"), swig_equals = rawget(_G, "swig_equals") }
local native = rawget(_G, "jit") and require "snowid.ffi" or require "snowid.native"
for _, name in ipairs { "swig_type", "swig_equals", "snowid_native" } do
	rawset(_G, name, had[name]) -- SWIG's module leaves these behind
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

local function class(name)
	local metatable = native.metatable(name)
	return metatable, metatable.__index
end

class("error").__tostring = function(self)
	return self.message
end

-- ---- instants and spans ------------------------------------------------------------------------

local function expected(what, value)
	native.mistake(("%s expected, got %s"):format(what, type(value)))
end

local function is_finite(number)
	return number == number and number - number == 0
end

-- Seconds and nanoseconds of an instant.
local function instant(sec, nsec)
	if type(sec) == "string" then
		return native.time_parse(sec)
	end
	if type(sec) ~= "number" or not is_finite(sec) then
		expected("an instant (seconds since 1970, or ISO 8601)", sec)
	end
	if nsec then
		return sec, nsec
	end
	local whole = floor(sec)
	return whole, floor((sec - whole) * NS)
end

local function seconds(sec, nsec)
	return sec + nsec / 1e9
end

-- Nanoseconds of a span in seconds.
local function nanoseconds(span)
	if type(span) ~= "number" or not is_finite(span) then
		expected("a span (seconds)", span)
	end
	local whole = floor(span)
	return whole * NS + floor((span - whole) * 1e9 + 0.5)
end

-- What may be left out.
local function table_of(value, name)
	if value ~= nil and type(value) ~= "table" then
		expected("a table of " .. name, value)
	end
	return value or {}
end

-- A span as a setting.
local function span_text(span)
	return type(span) == "number" and ("%.0fns"):format(nanoseconds(span)) or tostring(span)
end

--- Reads an instant: ISO 8601 with a zone, a date, or milliseconds since 1970.
-- @tparam string text
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds
function snowid.parse_time(text)
	return native.time_parse(text)
end

--- Writes an instant as ISO 8601 in UTC, with 3, 6 or 9 decimals.
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn string
function snowid.format_time(sec, nsec)
	return native.time_format(instant(sec, nsec))
end

-- ---- text of 64-bit IDs ------------------------------------------------------------------------

--- A 64-bit ID as text.
-- @tparam integer id
-- @tparam[opt="decimal"] string form one of `snowid.FORMS`
-- @treturn string
function snowid.format_id(id, form)
	return native.id_format(id, native.form_parse(form or "decimal"))
end

--- The 64-bit ID of a text. Each ID has one text in each form.
-- @tparam string text
-- @tparam[opt="decimal"] string form
-- @treturn integer
function snowid.parse_id(text, form)
	return native.id_parse(text, native.form_parse(form or "decimal"))
end

-- ---- layouts -----------------------------------------------------------------------------------

--- What the bits of a kind of 64-bit ID mean. Immutable.
-- @type Layout
local Layout_meta, Layout = class "layout"
local native_layout = {}
for name, method in pairs(Layout) do
	native_layout[name] = method
end

--- What an ID holds: its `id`, `time` in seconds since 1970, `unix_ms`, and the value of each field.
-- @tparam integer id
-- @treturn table
function Layout:decode(id)
	local held = { id = id, time = seconds(self:time(id)), unix_ms = self:time_ms(id) }
	for _, field in ipairs(self:fields()) do
		if field.name ~= "time" then
			held[field.name] = self:field(id, field.name)
		end
	end
	return held
end

--- The ID of an instant with these fields; those not given are 0.
-- @param time an instant: seconds or a text
-- @tparam[opt] table fields as { worker = 5 }
-- @treturn integer
function Layout:encode(time, fields)
	local id = self:first_at(time)
	for name, value in pairs(table_of(fields, "fields")) do
		id = native_layout.set_field(self, name, value, id)
	end
	return id
end

--- The raw value of one field of an ID, time (in ticks) and sequence included.
-- @function Layout:field
-- @tparam integer id
-- @tparam string name
-- @treturn integer

--- The instant an ID was made at.
-- @function Layout:time
-- @tparam integer id
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds

--- The same in milliseconds, rounded down.
-- @function Layout:time_ms
-- @tparam integer id
-- @treturn integer

--- The smallest ID of the tick that contains an instant.
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn integer
function Layout:first_at(sec, nsec)
	return native_layout.first_at(self, instant(sec, nsec))
end

--- The largest ID of the tick that contains an instant.
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn integer
function Layout:last_at(sec, nsec)
	return native_layout.last_at(self, instant(sec, nsec))
end

--- The fields, most significant first.
-- @treturn {table,...} each with `name`, `bits` and `shift`
function Layout:fields()
	local fields = {}
	for index = 1, tonumber(native_layout.info(self, native.LAYOUT_FIELDS)) do
		local name, bits, shift = native_layout.field_at(self, index - 1)
		fields[index] = { name = name, bits = bits, shift = shift }
	end
	return fields
end

local function reader(which)
	return function(self)
		return native_layout.info(self, which)
	end
end

--- Bits in all.
-- @function Layout:bits
-- @treturn integer
Layout.bits = reader(native.LAYOUT_BITS)
--- Length of a tick in nanoseconds.
-- @function Layout:unit_ns
-- @treturn integer
Layout.unit_ns = reader(native.LAYOUT_UNIT_NS)
--- How many IDs a node can make in a tick.
-- @function Layout:ids_per_tick
-- @treturn integer
Layout.ids_per_tick = reader(native.LAYOUT_IDS_PER_TICK)
--- Number of values of all fields but time and sequence.
-- @function Layout:nodes
-- @treturn integer
Layout.nodes = reader(native.LAYOUT_NODES)
--- The last tick.
-- @function Layout:last_tick
-- @treturn integer
Layout.last_tick = reader(native.LAYOUT_LAST_TICK)
--- A hash of what makes the bits: widths, sequence, unit, epoch.
-- @function Layout:fingerprint
-- @treturn integer
Layout.fingerprint = reader(native.LAYOUT_FINGERPRINT)

--- The start of the first tick.
-- @function Layout:first_time
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds

--- The start of the last tick.
-- @function Layout:last_time
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds

--- Until when every ID fits into that many bits: 63 for a signed integer, 53 for JavaScript.
-- @function Layout:fits_until
-- @tparam integer bits
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds

--- The full spec, which makes the same layout again.
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
-- @tparam string spec a preset, or as "time:41,worker:10,sequence:12;epoch=2024-01-01;unit=1ms"
-- @treturn Layout
function snowid.layout(spec)
	return native.layout_new(spec)
end

--- The names of the layouts that are built in.
-- @treturn {string,...}
function snowid.presets()
	local presets = {}
	while native.layout_preset(#presets) do
		presets[#presets + 1] = native.layout_preset(#presets)
	end
	return presets
end

-- ---- ULID and UUID -----------------------------------------------------------------------------

-- What both have: 16 bytes, ordered byte by byte.
local function id128(name, format)
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
	local function both(a, b)
		if getmetatable(a) ~= metatable or getmetatable(b) ~= metatable then
			native.mistake(("attempt to compare a %s with something else"):format(name:upper()))
		end
		return a.bytes, b.bytes
	end
	-- Byte by byte whatever the locale, which `<` of strings is not.
	local function below(a, b)
		for index = 1, 16 do
			local x, y = a:byte(index), b:byte(index)
			if x ~= y then
				return x < y
			end
		end
		return false
	end
	metatable.__lt = function(a, b)
		return below(both(a, b))
	end
	metatable.__le = function(a, b)
		local x, y = both(a, b)
		return not below(y, x)
	end
	local function from_bytes(bytes)
		format(bytes) -- refuses what are not 16 bytes
		return setmetatable({ bytes = bytes }, metatable)
	end
	return methods, from_bytes
end

--- A ULID (github.com/ulid/spec): 48 bits of milliseconds, 80 random bits. `bytes` are its 16 bytes.
-- ULIDs compare, sort and print; as a key of a table take `tostring` of one.
-- @type ULID
local ULID, ulid_from_bytes = id128("ulid", native.ulid_format)

local UUID, uuid_from_bytes = id128("uuid", native.uuid_format)

--- A new random ULID. It needs no generator, and has no order within a millisecond; `generator "ulid"` has.
-- @treturn ULID
function ULID.new()
	return ulid_from_bytes(native.ulid_random())
end

--- The ULID of a text of 26 characters.
-- @tparam string text
-- @treturn ULID
function ULID.parse(text)
	return ulid_from_bytes(native.ulid_parse(text))
end

--- The ULID of 16 bytes.
-- @function ULID.from_bytes
-- @tparam string bytes
-- @treturn ULID
ULID.from_bytes = ulid_from_bytes

--- The smallest ULID of the millisecond that contains an instant.
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn ULID
function ULID.first_at(sec, nsec)
	return ulid_from_bytes(native.ulid_first_at(instant(sec, nsec)))
end

--- The largest ULID of the millisecond that contains an instant.
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn ULID
function ULID.last_at(sec, nsec)
	return ulid_from_bytes(native.ulid_last_at(instant(sec, nsec)))
end

--- Milliseconds since 1970.
-- @treturn integer
function ULID:unix_ms()
	return native.ulid_time_ms(self.bytes)
end

--- The instant it was made at.
-- @treturn integer seconds since 1970
-- @treturn integer nanoseconds
function ULID:time()
	local ms = native.ulid_time_ms(self.bytes)
	local sec = floor(ms / 1000)
	return sec, (ms - sec * 1000) * 1000000
end

--- The next one of the same millisecond, as the specification has it.
-- @treturn ULID
function ULID:increment()
	return ulid_from_bytes(native.ulid_increment(self.bytes))
end

--- The same bytes as a UUID.
-- @treturn UUID
function ULID:to_uuid()
	return uuid_from_bytes(self.bytes)
end

--- A UUID (RFC 9562). `bytes` are its 16 bytes. UUIDs compare, sort and print.
-- @type UUID

--- A new random UUID of version 7.
-- @treturn UUID
function UUID.new()
	return uuid_from_bytes(native.uuid7_random())
end

--- The UUID of a text, also in braces or after "urn:uuid:".
-- @tparam string text
-- @treturn UUID
function UUID.parse(text)
	return uuid_from_bytes(native.uuid_parse(text))
end

--- The UUID of 16 bytes.
-- @function UUID.from_bytes
-- @tparam string bytes
-- @treturn UUID
UUID.from_bytes = uuid_from_bytes

--- The smallest UUID of a version (1, 6 or 7) of an instant.
-- @tparam integer version
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn UUID
function UUID.first_at(version, sec, nsec)
	return uuid_from_bytes(native.uuid_first_at(version, instant(sec, nsec)))
end

--- The largest.
-- @tparam integer version
-- @param sec an instant
-- @tparam[opt] integer nsec
-- @treturn UUID
function UUID.last_at(version, sec, nsec)
	return uuid_from_bytes(native.uuid_last_at(version, instant(sec, nsec)))
end

--- The version, 0 to 15: it means something when the variant is "rfc9562".
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

--- The instant a UUID of version 1, 6 or 7 was made at; nil: it does not hold one.
-- @treturn ?integer seconds since 1970
-- @treturn ?integer nanoseconds
function UUID:time()
	local version = self:version()
	if (version == 1 or version == 6 or version == 7) and self:variant() == "rfc9562" then
		return native.uuid_time(self.bytes)
	end
	return nil
end

--- The same in milliseconds, rounded down.
-- @treturn ?integer
function UUID:unix_ms()
	local sec, nsec = self:time()
	return sec and sec * 1000 + floor(nsec / 1000000)
end

--- The node of a UUID of version 1 or 6, 48 bits.
-- @treturn integer
function UUID:node()
	local node = 0
	for _, byte in ipairs { native.uuid_node(self.bytes):byte(1, 6) } do
		node = node * 256 + byte
	end
	return node
end

--- The clock sequence of a UUID of version 1 or 6, 14 bits.
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

--- A UUID of version 1 or 6 with another node or clock sequence.
-- @tparam table parts with `node` or `clock_seq` or both
-- @treturn UUID
function UUID:replace(parts)
	local bytes = self.bytes
	parts = table_of(parts, "parts")
	if parts.node then
		bytes = native.uuid_set_node(bytes, node_bytes(parts.node))
	end
	if parts.clock_seq then
		bytes = native.uuid_set_clock_seq(bytes, parts.clock_seq)
	end
	return uuid_from_bytes(bytes)
end

--- The same time, clock sequence and node of a version 1 as version 6.
-- @treturn UUID
function UUID:to_v6()
	return uuid_from_bytes(native.uuid_1to6(self.bytes))
end

--- The same time, clock sequence and node of a version 6 as version 1.
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

snowid.ULID, snowid.UUID = ULID, UUID

-- ---- a clock for tests -------------------------------------------------------------------------

--- A clock that moves only by these calls, and by waiting, which then takes no time: for tests.
-- Children of fork share it.
-- @type ManualClock
local Clock_meta, Clock = class "clock"
local native_clock = { step = Clock.step, advance = Clock.advance, read = Clock.read }
Clock.read = nil

--- Moves wall time alone, forwards or backwards.
-- @tparam number span in seconds
function Clock:step(span)
	native_clock.step(self, nanoseconds(span))
end

--- Sets wall time alone.
-- @param sec an instant
-- @tparam[opt] integer nsec
function Clock:set(sec, nsec)
	local to, to_nsec = instant(sec, nsec)
	local from, from_nsec = self:now()
	native_clock.step(self, (to - from) * NS) -- apart: together they are more than 2^53
	native_clock.step(self, to_nsec - from_nsec)
end

--- Lets wall and elapsed time go on together.
-- @tparam number span in seconds
function Clock:advance(span)
	native_clock.advance(self, nanoseconds(span))
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
-- @param sec what it says at first: an instant
-- @tparam[opt] integer nsec
-- @treturn ManualClock
function snowid.manual_clock(sec, nsec)
	return native.clock_new_manual(instant(sec, nsec))
end

-- ---- generators --------------------------------------------------------------------------------

--- Hands out IDs of one kind for one worker: integers of a layout, or ULIDs or UUIDs. Processes forked
-- from it share it; what one gets no other gets. Nothing is drawn before it is asked for. Garbage
-- collection frees one; in Lua 5.4, `local g <close> = snowid.generator { … }` closes it.
-- @type Generator
local Generator_meta, Generator = class "generator"
local native_generator = {}
for name, method in pairs(Generator) do
	native_generator[name] = method
end

--- The next ID.
-- @function Generator:next
-- @tparam[opt] number timeout seconds to wait at most; else as long as the generator was made to
-- @return integer, `ULID` or `UUID`

--- The next ID without waiting.
-- @function Generator:try_next
-- @return[1] integer, `ULID` or `UUID`
-- @return[2] nil where it would have to be waited for
-- @treturn[2] number seconds after which it is worth trying again

--- Many IDs in increasing order. Its errors have what was made before as `partial`.
-- @tparam integer count
-- @tparam[opt] number timeout seconds to wait at most
-- @treturn table
function Generator:batch(count, timeout)
	return native_generator.batch(self, count, timeout or self:timeout())
end

--- An iterator over all IDs from now on, without end: `for id in g:ids() do`.
-- @treturn function
-- @treturn Generator
function Generator:ids()
	return native_generator.draw, self
end
Generator.draw = nil

--- How many IDs could be taken now without waiting; raises where none could.
-- @function Generator:available
-- @treturn integer

--- Does what is due for the store.
-- @treturn number after how many seconds it wants to be called again; infinite: never
function Generator:maintain()
	local again = native_generator.maintain(self)
	return again < 0 and math.huge or tonumber(again) / 1e9
end

local units = { [""] = 1e-9, ns = 1e-9, us = 1e-6, ms = 1e-3, s = 1, m = 60, h = 3600 }

--- The longest wait of a call without its own.
-- @treturn number seconds
function Generator:timeout()
	local number, unit = self:setting("timeout"):match "^(%d+)(%a*)$"
	return number * units[unit]
end

local stats = { "issued", "waits", "regressions", "refused", "max_lead_ns", "max_lag_ns" }

--- Counters since the generator was made, or since its state file was first opened in this boot:
-- `issued`, `waits`, `regressions`, `refused`, `max_lead_ns`, `max_lag_ns`.
-- @treturn table
function Generator:stats()
	local values = {}
	for _, name in ipairs(stats) do
		values[name] = native_generator.stat(self, native["STAT_" .. name:upper()])
	end
	return values
end
Generator.stat = nil

--- The value of a fixed field: "worker", "shard", …
-- @function Generator:field
-- @tparam string name
-- @treturn integer

--- A setting as text, as "store" or "hold".
-- @tparam string key
-- @treturn string
function Generator:setting(key)
	return native_generator.get(self, key)
end
Generator.get = nil

--- What the IDs are: a preset, a full spec, "ulid", …
-- @treturn string
function Generator:kind()
	return native_generator.get(self, "kind")
end

local wide = { ulid = true, uuid1 = true, uuid6 = true, uuid7 = true }

--- The layout of its IDs; nil for ULIDs and UUIDs.
-- @treturn ?Layout
function Generator:layout()
	local kind = self:kind()
	return not wide[kind] and snowid.layout(kind) or nil
end

--- Ends the generator: no ID is handed out after it, nor, with memory:, in any child. Closing twice does
-- nothing.
-- @tparam[opt=2] number timeout seconds to wait for the store
function Generator:close(timeout)
	native_generator.close(self, nanoseconds(timeout or 2))
end

Generator_meta.__close = function(self)
	self:close()
end
Generator_meta.__tostring = function(self)
	return "snowid.generator: " .. self:kind()
end

--- @section end

local spans = { "timeout", "wait", "hold", "borrow", "block" }
local reserved = { kind = true, fields = true, store = true, clock = true, spread = true }
for _, name in ipairs(spans) do
	reserved[name] = true
end

--- Makes a generator.
--
--     snowid.generator "ulid"
--     snowid.generator { kind = "snowflake", worker = 5, hold = "500ms" }
--
-- Options: `kind` (default "snowflake"): a preset, a spec, a `Layout`, "ulid", "uuid1", "uuid6" or
-- "uuid7"; `store`: "memory:", "file:/path" or "slots:/directory"; `clock`: a `ManualClock`; the spans
-- `timeout`, `wait`, `hold`, `borrow` and `block`; `spread`: a boolean; all others are values of fields, and so is
-- what is in the table `fields`.
-- @tparam string|table options
-- @treturn Generator
function snowid.generator(options)
	if type(options) == "string" then
		options = { kind = options }
	elseif type(options) ~= "table" then
		expected("a table of options or a kind", options)
	end
	local config = native.config_new()
	config:set_kind(options.kind and tostring(options.kind) or "snowflake")
	for name, value in pairs(options) do
		if type(name) ~= "string" then
			native.mistake("options are named, as worker = 5")
		elseif not reserved[name] then
			config:set_field(name, value)
		end
	end
	for name, value in pairs(table_of(options.fields, "fields")) do
		config:set_field(name, value)
	end
	if options.store then
		config:set_store(options.store)
	end
	if options.clock then
		config:set_clock(options.clock)
	end
	if options.spread ~= nil then
		config:set("spread", tostring(options.spread))
	end
	for _, name in ipairs(spans) do
		if options[name] ~= nil then
			config:set(name, span_text(options[name]))
		end
	end
	return native.generator_new(config)
end

return snowid
