-- SPDX-License-Identifier: MIT
--
-- Takes the place of the compiled module snowid.native in LuaJIT: the functions of snowid.h as
-- snowid.lua calls them. A 64-bit ID is a cdata of the type uint64_t.

local ffi = require "ffi"
local library, declarations = unpack(require "snowid.cdef")
ffi.cdef(declarations)
local C = ffi.load(library)

local native = {}

-- ---- errors -------------------------------------------------------------------------------------

local metatables = {}
for _, name in ipairs {
	"layout", "clock", "config", "generator", "mask", "ulid", "uuid", "error",
} do
	metatables[name] = { __index = {} }
end

function native.metatable(name)
	return metatables[name]
end

for _, name in ipairs {
	"INVALID", "RANGE", "SYNTAX", "OVERFLOW", "UNKNOWN", "KIND", "WORKER", "STORE", "CLOCK",
	"EXHAUSTED", "LIMIT", "EPOCH", "ENDED", "CLOSED",
} do
	native["E_" .. name] = C["SNOWID_E_" .. name]
end

local names = {
	[native.E_CLOCK] = "clock",
	[native.E_EPOCH] = "clock",
	[native.E_ENDED] = "clock",
	[native.E_EXHAUSTED] = "exhausted",
	[native.E_STORE] = "store",
	[native.E_LIMIT] = "store",
	[native.E_CLOSED] = "closed",
}

local function new_error(code, message)
	local name = names[code] or (code > native.E_INVALID and "system" or "invalid")
	return setmetatable({ code = code, name = name, message = message }, metatables.error)
end

local function library_error(code)
	local detail = ffi.new "char[512]"
	C.snowid_error_detail(detail, ffi.sizeof(detail))
	return new_error(code, ffi.string(detail))
end

local function check(code)
	if code < 0 then
		error(library_error(code), 0)
	end
end

-- ---- arguments ----------------------------------------------------------------------------------

local function is_module_source(info)
	return info.what == "C"
		or info.short_src:find "snowid%.lua$"
		or info.short_src:find "snowid/ffi%.lua$"
end

-- Raises a wrong type as Lua's own functions do: as text with the line of the program that called
-- snowid.lua.
function native.mistake(message)
	local level, info = 1
	repeat
		level = level + 1
		info = debug.getinfo(level, "S")
	until not info or not is_module_source(info)
	error(message, level)
end

local mistake = native.mistake

local function raise_out_of_range(name, bounds, value)
	local message = ("%s must be %s, not %s"):format(name, bounds, tostring(value))
	error(new_error(native.E_RANGE, message), 0)
end

local function is_int64(value)
	return ffi.istype("uint64_t", value) or ffi.istype("int64_t", value)
end

local function check_integer(name, value)
	if type(value) == "number" and value % 1 == 0 then
		return value
	end
	if type(value) == "cdata" and is_int64(value) then
		return value
	end
	mistake(("%s must be an integer, not %s"):format(name, type(value)))
end

-- Converts an ID to a uint64_t. A number is only exact up to 2^53. A negative one has the same 64
-- bits as an ID from 2^63 on.
local function check_id(value)
	if type(check_integer("id", value)) == "number" then
		if math.abs(value) > 2 ^ 53 then
			raise_out_of_range("id", "within 2^53, or a uint64_t", value)
		end
		value = ffi.cast("int64_t", value)
	end
	return ffi.cast("uint64_t", value)
end

local function check_unsigned(name, value, max)
	check_integer(name, value)
	if not ffi.istype("uint64_t", value) and value < 0 or value > max then
		raise_out_of_range(name, "from 0 to " .. tostring(max):gsub("ULL$", ""), value)
	end
	return value
end

local function check_instant(sec, nsec)
	check_integer("sec", sec)
	if sec < -2 ^ 53 or sec > 2 ^ 53 then
		raise_out_of_range("sec", "within 2^53", sec)
	end
	return sec, check_unsigned("nsec", nsec, 0xffffffff)
end

local MAX = 0x7fffffffffffffffULL

-- The ends of a range may also be the least and the greatest int64_t: no end.
native.INT64_MIN, native.INT64_MAX = -0x7fffffffffffffffLL - 1, 0x7fffffffffffffffLL

local function check_end(name, sec, nsec)
	if not ffi.istype("int64_t", sec) then
		return check_instant(sec, nsec)
	end
	return sec, check_unsigned(name, nsec, 0xffffffff)
end

local function check_number(name, value)
	if type(value) ~= "number" then
		mistake(("%s must be a number, not %s"):format(name, type(value)))
	end
	return value
end

local function check_string(value)
	if type(value) ~= "string" then
		mistake(("a string is needed, not %s"):format(type(value)))
	end
	return value, #value
end

local function check_text(value)
	if check_string(value):find "%z" then
		error(new_error(native.E_SYNTAX, "a string with a byte 0 in it"), 0)
	end
	return value
end

local id128 = ffi.typeof "struct snowid_id128"

local function check_id128(bytes)
	if #check_string(bytes) ~= 16 then
		raise_out_of_range("bytes", "16 bytes", #bytes)
	end
	local id = id128()
	ffi.copy(id, bytes, 16)
	return id
end

-- ---- results ------------------------------------------------------------------------------------

-- Each call has buffers of its own. Wherever the collector runs, a finalizer of the program may
-- call this module again; and it also runs where a compiled trace is left, even between the return
-- of a C function and the next line.
local u64, i64, u32 = ffi.typeof "uint64_t[1]", ffi.typeof "int64_t[1]", ffi.typeof "uint32_t[1]"
local unsigned, chars = ffi.typeof "unsigned[1]", ffi.typeof "char[?]"
local SHORT, LONG = 64, 8192 -- bytes for the text of an ID or instant, and of a spec or path

-- Returns a number if that is exact, else the cdata.
local function number_or_cdata(value)
	return value <= 0x20000000000000ULL and tonumber(value) or value
end

local function bytes_of(id)
	return ffi.string(id, 16)
end

local function read_instant(code, sec, nsec)
	check(code)
	return tonumber(sec[0]), nsec[0]
end

local function read_text(code, text)
	check(code)
	return ffi.string(text)
end

local function read_value(code, value)
	check(code)
	return number_or_cdata(value[0])
end

local function read_id(code, id)
	check(code)
	return id[0]
end

local function read_bytes(code, id)
	check(code)
	return bytes_of(id)
end

-- ---- functions ----------------------------------------------------------------------------------

function native.version()
	return ffi.string(C.snowid_version())
end

function native.layout_preset(index)
	local name = C.snowid_layout_preset(index)
	return name ~= nil and ffi.string(name) or nil
end

function native.time_parse(value)
	local s, size = check_string(value)
	local sec, nsec = i64(), u32()
	return read_instant(C.snowid_time_parse(s, size, sec, nsec), sec, nsec)
end

function native.time_format(sec, nsec)
	sec, nsec = check_instant(sec, nsec)
	local text = chars(SHORT)
	return read_text(C.snowid_time_format(sec, nsec, text), text)
end

function native.period_parse(value)
	local s, size = check_string(value)
	local sec, nsec = ffi.new "int64_t[2]", ffi.new "uint32_t[2]"
	check(C.snowid_period_parse(s, size, sec, nsec, sec + 1, nsec + 1))
	return tonumber(sec[0]), nsec[0], tonumber(sec[1]), nsec[1]
end

function native.time_from_seconds(seconds)
	local sec, nsec = i64(), u32()
	seconds = check_number("seconds", seconds)
	return read_instant(C.snowid_time_from_seconds(seconds, sec, nsec), sec, nsec)
end

function native.span_parse(value)
	local s, size = check_string(value)
	local ns = u64()
	return read_value(C.snowid_span_parse(s, size, ns), ns)
end

function native.span_format(ns)
	local text = chars(SHORT)
	return read_text(C.snowid_span_format(check_unsigned("ns", ns, MAX), text), text)
end

function native.span_from_seconds(seconds)
	local ns = u64()
	return read_value(C.snowid_span_from_seconds(check_number("seconds", seconds), ns), ns)
end

function native.form_parse(name)
	local form = ffi.new "enum snowid_form[1]"
	check(C.snowid_form_parse(check_text(name), form))
	return tonumber(form[0])
end

function native.id_format(id, in_form)
	local text = chars(SHORT)
	return read_text(C.snowid_id_format(check_id(id), in_form, text), text)
end

function native.id_parse(value, in_form)
	local s, size = check_string(value)
	local id = u64()
	return read_id(C.snowid_id_parse(s, size, in_form, id), id)
end

-- Wrappers for functions of ULIDs and UUIDs, one for each kind of signature.
local function random(call)
	return function()
		local id = id128()
		return read_bytes(call(id), id)
	end
end
local function formatter(call)
	return function(bytes)
		local text = chars(SHORT)
		return read_text(call(check_id128(bytes), text), text)
	end
end
local function parser(call)
	return function(value)
		local s, size = check_string(value)
		local id = id128()
		return read_bytes(call(s, size, id), id)
	end
end
local function converter(call)
	return function(bytes)
		local id = id128()
		return read_bytes(call(check_id128(bytes), id), id)
	end
end
local function namer(call)
	return function(namespace, value)
		local s, size = check_string(value)
		local id = id128()
		return read_bytes(call(check_id128(namespace), s, size, id), id)
	end
end

native.ulid_random = random(C.snowid_ulid_random)
native.uuid7_random = random(C.snowid_uuid7_random)
native.uuid4_random = random(C.snowid_uuid4_random)
native.ulid_format = formatter(C.snowid_ulid_format)
native.uuid_format = formatter(C.snowid_uuid_format)
native.ulid_parse = parser(C.snowid_ulid_parse)
native.uuid_parse = parser(C.snowid_uuid_parse)
native.uuid3_from_name = namer(C.snowid_uuid3_from_name)
native.uuid5_from_name = namer(C.snowid_uuid5_from_name)
native.uuid8_from_bytes = converter(function(id, made)
	return C.snowid_uuid8_from_bytes(id.bytes, made)
end)
native.uuid_1to6 = converter(C.snowid_uuid_1to6)
native.uuid_6to1 = converter(C.snowid_uuid_6to1)

function native.ulid_time_ms(bytes)
	local unix_ms = i64()
	check(C.snowid_ulid_time_ms(check_id128(bytes), unix_ms))
	return tonumber(unix_ms[0])
end

function native.ulid_increment(bytes)
	local id = check_id128(bytes)
	return read_bytes(C.snowid_ulid_increment(id), id)
end

for _, which in ipairs { "first_at", "last_at" } do
	local ulid_at, uuid_at = C["snowid_ulid_" .. which], C["snowid_uuid_" .. which]
	native["ulid_" .. which] = function(sec, nsec)
		sec, nsec = check_instant(sec, nsec)
		local id = id128()
		return read_bytes(ulid_at(sec, nsec, id), id)
	end
	native["uuid_" .. which] = function(version, sec, nsec)
		sec, nsec = check_instant(sec, nsec)
		version = check_unsigned("version", version, 0xffffffff)
		local id = id128()
		return read_bytes(uuid_at(version, sec, nsec, id), id)
	end
end

function native.ulid_range(from, from_nsec, before, before_nsec)
	from, from_nsec = check_end("from_nsec", from, from_nsec)
	before, before_nsec = check_end("before_nsec", before, before_nsec)
	local first, last = id128(), id128()
	check(C.snowid_ulid_range(from, from_nsec, before, before_nsec, first, last))
	return bytes_of(first), bytes_of(last)
end

function native.uuid_range(version, from, from_nsec, before, before_nsec)
	version = check_unsigned("version", version, 0xffffffff)
	from, from_nsec = check_end("from_nsec", from, from_nsec)
	before, before_nsec = check_end("before_nsec", before, before_nsec)
	local first, last = id128(), id128()
	check(C.snowid_uuid_range(version, from, from_nsec, before, before_nsec, first, last))
	return bytes_of(first), bytes_of(last)
end

function native.uuid_namespace(name)
	local id = id128()
	return read_bytes(C.snowid_uuid_namespace(check_text(name), id), id)
end

function native.uuid_kind(bytes)
	return ffi.string(C.snowid_uuid_kind(check_id128(bytes)))
end

function native.uuid_version(bytes)
	local version = unsigned()
	check(C.snowid_uuid_version(check_id128(bytes), version))
	return version[0]
end

function native.uuid_variant(bytes)
	local variant = ffi.new "enum snowid_uuid_variant[1]"
	check(C.snowid_uuid_variant(check_id128(bytes), variant))
	return tonumber(variant[0])
end

function native.uuid_time(bytes)
	local sec, nsec = i64(), u32()
	return read_instant(C.snowid_uuid_time(check_id128(bytes), sec, nsec), sec, nsec)
end

function native.uuid_node(bytes)
	local node = ffi.new "uint8_t[6]"
	check(C.snowid_uuid_node(check_id128(bytes), node))
	return ffi.string(node, 6)
end

function native.uuid_clock_seq(bytes)
	local clock_seq = unsigned()
	check(C.snowid_uuid_clock_seq(check_id128(bytes), clock_seq))
	return clock_seq[0]
end

function native.uuid_set_node(bytes, node)
	local id = check_id128(bytes)
	return read_bytes(C.snowid_uuid_set_node(id, ffi.cast("const uint8_t *", node)), id)
end

function native.uuid_set_clock_seq(bytes, clock_seq)
	local id = check_id128(bytes)
	clock_seq = check_unsigned("clock_seq", clock_seq, 0xffffffff)
	return read_bytes(C.snowid_uuid_set_clock_seq(id, clock_seq), id)
end

-- ---- objects ------------------------------------------------------------------------------------

-- Makes a table with the handle, which is freed when the table is collected.
local function new_object(name, handle, members)
	members = members or {}
	members.handle = ffi.gc(handle, C["snowid_" .. name .. "_free"])
	return setmetatable(members, metatables[name])
end

local function check_handle(name, value)
	if type(value) ~= "table" or getmetatable(value) ~= metatables[name] then
		mistake(("snowid.%s expected, got %s"):format(name, type(value)))
	end
	return value.handle
end

-- Defines methods, which receive the handle of their object.
local function define_methods(name, list)
	for method, call in pairs(list) do
		metatables[name].__index[method] = function(self, ...)
			return call(check_handle(name, self), ...)
		end
	end
end

for _, name in ipairs {
	"BITS", "FIELDS", "UNIT_NS", "IDS_PER_TICK", "NODES", "LAST_TICK", "FINGERPRINT",
} do
	native["LAYOUT_" .. name] = C["SNOWID_LAYOUT_" .. name]
end
for _, name in ipairs {
	"ISSUED", "WAITS", "REGRESSIONS", "REFUSED", "MAX_LEAD_NS", "MAX_LAG_NS", "REMOVALS",
	"LEFT_NS", "LEASE", "EPOCH", "LOSSES", "RENEWALS", "RENEWAL_NS", "WORKERS_FREE",
} do
	native["STAT_" .. name] = C["SNOWID_STAT_" .. name]
end
for _, name in ipairs { "DECIMAL", "PADDED", "HEX", "BASE32", "BASE36", "BASE58", "BASE62" } do
	native["FORM_" .. name] = C["SNOWID_FORM_" .. name]
end

function native.layout_new(spec)
	local layout = ffi.new "struct snowid_layout *[1]"
	check(C.snowid_layout_new(check_text(spec), layout))
	return new_object("layout", layout[0])
end

define_methods("layout", {
	field = function(layout, id, name)
		id, name = check_id(id), check_text(name)
		local value = u64()
		return read_value(C.snowid_layout_field(layout, id, name, value), value)
	end,
	set_field = function(layout, name, value, id)
		local changed = u64(check_id(id))
		value = check_unsigned(name, value, MAX)
		local code = C.snowid_layout_set_field(layout, check_text(name), value, changed)
		return read_id(code, changed)
	end,
	time = function(layout, id)
		local sec, nsec = i64(), u32()
		local code = C.snowid_layout_time(layout, check_id(id), sec, nsec)
		return read_instant(code, sec, nsec)
	end,
	time_ms = function(layout, id)
		local unix_ms = i64()
		check(C.snowid_layout_time_ms(layout, check_id(id), unix_ms))
		return tonumber(unix_ms[0])
	end,
	first_at = function(layout, sec, nsec)
		sec, nsec = check_instant(sec, nsec)
		local id = u64()
		return read_id(C.snowid_layout_first_at(layout, sec, nsec, id), id)
	end,
	last_at = function(layout, sec, nsec)
		sec, nsec = check_instant(sec, nsec)
		local id = u64()
		return read_id(C.snowid_layout_last_at(layout, sec, nsec, id), id)
	end,
	range = function(layout, from, from_nsec, before, before_nsec)
		from, from_nsec = check_end("from_nsec", from, from_nsec)
		before, before_nsec = check_end("before_nsec", before, before_nsec)
		local ids = ffi.new "uint64_t[2]"
		check(C.snowid_layout_range(layout, from, from_nsec, before, before_nsec, ids,
			ids + 1))
		return ids[0], ids[1]
	end,
	info = function(layout, which)
		local value = u64()
		return read_value(C.snowid_layout_info(layout, which, value), value)
	end,
	field_at = function(layout, index)
		local name, bits, shift = ffi.new "const char *[1]", unsigned(), unsigned()
		check(C.snowid_layout_field_at(layout, index, name, bits, shift))
		return ffi.string(name[0]), bits[0], shift[0]
	end,
	first_time = function(layout)
		local sec, nsec = i64(), u32()
		return read_instant(C.snowid_layout_first_time(layout, sec, nsec), sec, nsec)
	end,
	last_time = function(layout)
		local sec, nsec = i64(), u32()
		return read_instant(C.snowid_layout_last_time(layout, sec, nsec), sec, nsec)
	end,
	fits_until = function(layout, bits)
		bits = check_unsigned("bits", bits, 0xffffffff)
		local sec, nsec = i64(), u32()
		return read_instant(C.snowid_layout_fits_until(layout, bits, sec, nsec), sec, nsec)
	end,
	format = function(layout)
		local text = chars(LONG)
		return read_text(C.snowid_layout_format(layout, text, LONG, nil), text)
	end,
})

function native.mask_new(key, layout)
	local mask = ffi.new "struct snowid_mask *[1]"
	layout = layout ~= nil and check_handle("layout", layout) or nil
	check(C.snowid_mask_new(check_id128(key).bytes, layout, mask))
	return new_object("mask", mask[0])
end

function native.mask_key_parse(value)
	local s, size = check_string(value)
	local key = id128()
	return read_bytes(C.snowid_mask_key_parse(s, size, key.bytes), key)
end

define_methods("mask", {
	apply = function(mask, id)
		local masked = u64()
		return read_id(C.snowid_mask_apply(mask, check_id(id), masked), masked)
	end,
	revert = function(mask, masked)
		local id = u64()
		return read_id(C.snowid_mask_revert(mask, check_id(masked), id), id)
	end,
	format = function(mask, id)
		local text = chars(SHORT)
		return read_text(C.snowid_mask_format(mask, check_id(id), text), text)
	end,
	parse = function(mask, value)
		local s, size = check_string(value)
		local id = u64()
		return read_id(C.snowid_mask_parse(mask, s, size, id), id)
	end,
})

function native.clock_new_manual(sec, nsec)
	local clock = ffi.new "struct snowid_clock *[1]"
	sec, nsec = check_instant(sec, nsec)
	check(C.snowid_clock_new_manual(sec, nsec, clock))
	return new_object("clock", clock[0])
end

define_methods("clock", {
	step = function(clock, ns)
		if check_integer("delta_ns", ns) <= -2 ^ 63 or ns >= 2 ^ 63 then
			raise_out_of_range("delta_ns", "within 2^63", ns)
		end
		check(C.snowid_clock_step(clock, ns))
	end,
	advance = function(clock, ns)
		check(C.snowid_clock_advance(clock, check_unsigned("ns", ns, MAX)))
	end,
	read = function(clock)
		local sec, nsec, elapsed_ns = i64(), u32(), u64()
		check(C.snowid_clock_read(clock, sec, nsec, elapsed_ns))
		return tonumber(sec[0]), nsec[0], number_or_cdata(elapsed_ns[0])
	end,
})

function native.config_new()
	local config = ffi.new "struct snowid_config *[1]"
	check(C.snowid_config_new(config))
	return new_object("config", config[0])
end

define_methods("config", {
	set_kind = function(config, kind)
		check(C.snowid_config_set_kind(config, check_text(kind)))
	end,
	set_field = function(config, name, value)
		value = check_unsigned(name, value, MAX)
		check(C.snowid_config_set_field(config, check_text(name), value))
	end,
	set_store = function(config, url)
		check(C.snowid_config_set_store(config, check_text(url)))
	end,
	set_clock = function(config, clock)
		check(C.snowid_config_set_clock(config, check_handle("clock", clock)))
	end,
	set = function(config, key, value)
		check(C.snowid_config_set(config, check_text(key), check_text(value)))
	end,
})

-- ---- drawing ------------------------------------------------------------------------------------

local function open_generator(config, timeout_ns)
	local handle = check_handle("config", config)
	if collectgarbage "isrunning" then
		collectgarbage("step", 8) -- KiB outside of Lua's heap, as in objects.c
	end
	local opened, text, class = ffi.new "struct snowid_generator *[1]", chars(SHORT), nil
	if timeout_ns then
		check(C.snowid_generator_new_for(handle, timeout_ns, opened))
	else
		check(C.snowid_generator_new(handle, opened))
	end
	local generator = opened[0]
	if C.snowid_generator_get(generator, "kind", text, 16, nil) == 0 then
		local kind = ffi.string(text)
		if kind == "ulid" then
			class = metatables.ulid
		elseif kind:find "^uuid[167]$" then
			class = metatables.uuid
		end
	end
	return new_object("generator", generator, { wide = class })
end

function native.generator_new(config)
	return open_generator(config)
end

function native.generator_new_for(config, timeout_ns)
	return open_generator(config, check_unsigned("open_timeout", timeout_ns, MAX))
end

local function new_id128(class, id)
	return setmetatable({ bytes = bytes_of(id) }, class)
end

-- Converts a timeout, which is a number of seconds, infinite or text, to ns.
local function check_timeout(timeout)
	if timeout == math.huge then
		return 0xffffffffffffffffULL
	elseif type(timeout) == "string" then
		return native.span_parse(timeout)
	end
	return native.span_from_seconds(check_number("timeout", timeout))
end

local generator_meta = metatables.generator
local Generator = generator_meta.__index

-- Called for each ID, so it avoids every call that LuaJIT could not compile away, and uses the
-- buffer of the call before it. While that is in use, none is spare, and a finalizer gets another.
local spare_u64, spare_id128

local function draw_id(self)
	if type(self) ~= "table" or getmetatable(self) ~= generator_meta then
		check_handle("generator", self)
	end
	local class = self.wide
	if class then
		local buffer = spare_id128 or id128()
		spare_id128 = nil
		check(C.snowid_generator_next128(self.handle, buffer))
		local id = new_id128(class, buffer)
		spare_id128 = buffer
		return id
	end
	local buffer = spare_u64 or u64()
	spare_u64 = nil
	local code = C.snowid_generator_next(self.handle, buffer)
	if code < 0 then
		error(library_error(code), 0)
	end
	local id = buffer[0]
	spare_u64 = buffer
	return id
end

Generator.draw = draw_id

function Generator.next(self, seconds)
	if seconds == nil then
		return draw_id(self)
	end
	local handle, timeout = check_handle("generator", self), check_timeout(seconds)
	if self.wide then
		local id = id128()
		check(C.snowid_generator_next128_for(handle, timeout, id))
		return new_id128(self.wide, id)
	end
	local id = u64()
	return read_id(C.snowid_generator_next_for(handle, timeout, id), id)
end

function Generator.try_next(self)
	local handle, class, wait_ns = check_handle("generator", self), self.wide, u64()
	local id = class and id128() or u64()
	local call = class and C.snowid_generator_try_next128 or C.snowid_generator_try_next
	local code = call(handle, id, wait_ns)
	if code < 0 and wait_ns[0] > 0 then
		return nil, tonumber(wait_ns[0]) / 1e9
	end
	check(code)
	return class and new_id128(class, id) or id[0]
end

function Generator.batch(self, count, seconds)
	local handle, class = check_handle("generator", self), self.wide
	local size = tonumber(check_unsigned("count", count, 0x40000000))
	local ids = ffi.new(class and "struct snowid_id128[?]" or "uint64_t[?]", size)
	local call = class and C.snowid_generator_next128_batch or C.snowid_generator_next_batch
	local made, list = ffi.new "size_t[1]", {}
	local code = call(handle, ids, size, check_timeout(seconds), made)
	for index = 1, tonumber(made[0]) do
		list[index] = class and new_id128(class, ids[index - 1]) or ids[index - 1]
	end
	if code < 0 then
		local err = library_error(code)
		err.partial = list
		error(err, 0)
	end
	return list
end

define_methods("generator", {
	close = function(generator, ns)
		check(C.snowid_generator_close(generator, check_unsigned("timeout_ns", ns, MAX)))
	end,
	available = function(generator)
		local count = u64()
		return read_value(C.snowid_generator_available(generator, count), count)
	end,
	maintain = function(generator)
		local next_call_ns = u64()
		check(C.snowid_generator_maintain(generator, next_call_ns))
		return tonumber(ffi.cast("int64_t", next_call_ns[0]))
	end,
	field = function(generator, name)
		local value = u64()
		local code = C.snowid_generator_field(generator, check_text(name), value)
		return read_value(code, value)
	end,
	get = function(generator, key)
		local text = chars(LONG)
		local code = C.snowid_generator_get(generator, check_text(key), text, LONG, nil)
		return read_text(code, text)
	end,
	stat = function(generator, which)
		local value = u64()
		return read_value(C.snowid_generator_stat(generator, which, value), value)
	end,
})

return native
