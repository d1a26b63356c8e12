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

local detail = ffi.new "char[512]"

local function library_error(code)
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

-- All calls share these buffers. Every allocation may run a finalizer that calls this module again,
-- so results are copied out before anything is allocated, including a cdata of 64 bits. Numbers of
-- 32 bits need no allocation.
local u64, i64, u32 = ffi.new "uint64_t[1]", ffi.new "int64_t[1]", ffi.new "uint32_t[1]"
local unsigned = ffi.new "unsigned[1]"
local text, number_made = ffi.new "char[8192]", ffi.new "size_t[1]"
local wide = id128()

-- Returns a number if that is exact, else the cdata.
local function number_or_cdata(value)
	return value <= 0x20000000000000ULL and tonumber(value) or value
end

local function bytes_of(id)
	return ffi.string(id, 16)
end

local function read_instant(code)
	check(code)
	local nsec = u32[0]
	return tonumber(i64[0]), nsec
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
	return read_instant(C.snowid_time_parse(s, size, i64, u32))
end

function native.time_format(sec, nsec)
	sec, nsec = check_instant(sec, nsec)
	check(C.snowid_time_format(sec, nsec, text))
	return ffi.string(text)
end

function native.period_parse(value)
	local s, size = check_string(value)
	local sec, nsec = ffi.new "int64_t[2]", ffi.new "uint32_t[2]"
	check(C.snowid_period_parse(s, size, sec, nsec, sec + 1, nsec + 1))
	return tonumber(sec[0]), nsec[0], tonumber(sec[1]), nsec[1]
end

function native.time_from_seconds(seconds)
	return read_instant(C.snowid_time_from_seconds(check_number("seconds", seconds), i64, u32))
end

local span_ns = ffi.new "uint64_t[1]" -- not u64, into which the call with this timeout writes

function native.span_parse(value)
	local s, size = check_string(value)
	check(C.snowid_span_parse(s, size, span_ns))
	return number_or_cdata(span_ns[0])
end

function native.span_format(ns)
	check(C.snowid_span_format(check_unsigned("ns", ns, MAX), text))
	return ffi.string(text)
end

function native.span_from_seconds(seconds)
	check(C.snowid_span_from_seconds(check_number("seconds", seconds), span_ns))
	return number_or_cdata(span_ns[0])
end

local form = ffi.new "enum snowid_form[1]"

function native.form_parse(name)
	check(C.snowid_form_parse(check_text(name), form))
	return tonumber(form[0])
end

function native.id_format(id, in_form)
	check(C.snowid_id_format(check_id(id), in_form, text))
	return ffi.string(text)
end

function native.id_parse(value, in_form)
	local s, size = check_string(value)
	check(C.snowid_id_parse(s, size, in_form, u64))
	return u64[0]
end

-- Wrappers for functions of ULIDs and UUIDs, one for each kind of signature.
local function random(call)
	return function()
		check(call(wide))
		return bytes_of(wide)
	end
end
local function formatter(call)
	return function(bytes)
		check(call(check_id128(bytes), text))
		return ffi.string(text)
	end
end
local function parser(call)
	return function(value)
		local s, size = check_string(value)
		check(call(s, size, wide))
		return bytes_of(wide)
	end
end
local function converter(call)
	return function(bytes)
		check(call(check_id128(bytes), wide))
		return bytes_of(wide)
	end
end
local function namer(call)
	return function(namespace, value)
		local s, size = check_string(value)
		check(call(check_id128(namespace), s, size, wide))
		return bytes_of(wide)
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
	check(C.snowid_ulid_time_ms(check_id128(bytes), i64))
	return tonumber(i64[0])
end

function native.ulid_increment(bytes)
	local id = check_id128(bytes)
	check(C.snowid_ulid_increment(id))
	return bytes_of(id)
end

for _, which in ipairs { "first_at", "last_at" } do
	local ulid_at, uuid_at = C["snowid_ulid_" .. which], C["snowid_uuid_" .. which]
	native["ulid_" .. which] = function(sec, nsec)
		sec, nsec = check_instant(sec, nsec)
		check(ulid_at(sec, nsec, wide))
		return bytes_of(wide)
	end
	native["uuid_" .. which] = function(version, sec, nsec)
		sec, nsec = check_instant(sec, nsec)
		check(uuid_at(check_unsigned("version", version, 0xffffffff), sec, nsec, wide))
		return bytes_of(wide)
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
	check(C.snowid_uuid_namespace(check_text(name), wide))
	return bytes_of(wide)
end

function native.uuid_kind(bytes)
	return ffi.string(C.snowid_uuid_kind(check_id128(bytes)))
end

function native.uuid_version(bytes)
	check(C.snowid_uuid_version(check_id128(bytes), unsigned))
	return unsigned[0]
end

local variant = ffi.new "enum snowid_uuid_variant[1]"

function native.uuid_variant(bytes)
	check(C.snowid_uuid_variant(check_id128(bytes), variant))
	return tonumber(variant[0])
end

function native.uuid_time(bytes)
	return read_instant(C.snowid_uuid_time(check_id128(bytes), i64, u32))
end

function native.uuid_node(bytes)
	local node = ffi.new "uint8_t[6]"
	check(C.snowid_uuid_node(check_id128(bytes), node))
	return ffi.string(node, 6)
end

function native.uuid_clock_seq(bytes)
	check(C.snowid_uuid_clock_seq(check_id128(bytes), unsigned))
	return unsigned[0]
end

function native.uuid_set_node(bytes, node)
	local id = check_id128(bytes)
	check(C.snowid_uuid_set_node(id, ffi.cast("const uint8_t *", node)))
	return bytes_of(id)
end

function native.uuid_set_clock_seq(bytes, clock_seq)
	local id = check_id128(bytes)
	check(C.snowid_uuid_set_clock_seq(id, check_unsigned("clock_seq", clock_seq, 0xffffffff)))
	return bytes_of(id)
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

local function read_text(code)
	check(code)
	return ffi.string(text)
end

local function read_value(code)
	check(code)
	return number_or_cdata(u64[0])
end

local function read_id(code)
	check(code)
	return u64[0]
end

for _, name in ipairs {
	"BITS", "FIELDS", "UNIT_NS", "IDS_PER_TICK", "NODES", "LAST_TICK", "FINGERPRINT",
} do
	native["LAYOUT_" .. name] = C["SNOWID_LAYOUT_" .. name]
end
for _, name in ipairs {
	"ISSUED", "WAITS", "REGRESSIONS", "REFUSED", "MAX_LEAD_NS", "MAX_LAG_NS", "REMOVALS",
} do
	native["STAT_" .. name] = C["SNOWID_STAT_" .. name]
end
for _, name in ipairs { "DECIMAL", "PADDED", "HEX", "BASE32", "BASE36", "BASE58", "BASE62" } do
	native["FORM_" .. name] = C["SNOWID_FORM_" .. name]
end

local out_layout = ffi.new "struct snowid_layout *[1]"
function native.layout_new(spec)
	check(C.snowid_layout_new(check_text(spec), out_layout))
	return new_object("layout", out_layout[0])
end

local field_name, field_shift = ffi.new "const char *[1]", ffi.new "unsigned[1]"
define_methods("layout", {
	field = function(layout, id, name)
		id, name = check_id(id), check_text(name)
		return read_value(C.snowid_layout_field(layout, id, name, u64))
	end,
	set_field = function(layout, name, value, id)
		u64[0] = check_id(id)
		value = check_unsigned(name, value, MAX)
		return read_id(C.snowid_layout_set_field(layout, check_text(name), value, u64))
	end,
	time = function(layout, id)
		return read_instant(C.snowid_layout_time(layout, check_id(id), i64, u32))
	end,
	time_ms = function(layout, id)
		check(C.snowid_layout_time_ms(layout, check_id(id), i64))
		return tonumber(i64[0])
	end,
	first_at = function(layout, sec, nsec)
		sec, nsec = check_instant(sec, nsec)
		return read_id(C.snowid_layout_first_at(layout, sec, nsec, u64))
	end,
	last_at = function(layout, sec, nsec)
		sec, nsec = check_instant(sec, nsec)
		return read_id(C.snowid_layout_last_at(layout, sec, nsec, u64))
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
		return read_value(C.snowid_layout_info(layout, which, u64))
	end,
	field_at = function(layout, index)
		check(C.snowid_layout_field_at(layout, index, field_name, unsigned, field_shift))
		local bits, shift = unsigned[0], field_shift[0]
		return ffi.string(field_name[0]), bits, shift
	end,
	first_time = function(layout)
		return read_instant(C.snowid_layout_first_time(layout, i64, u32))
	end,
	last_time = function(layout)
		return read_instant(C.snowid_layout_last_time(layout, i64, u32))
	end,
	fits_until = function(layout, bits)
		bits = check_unsigned("bits", bits, 0xffffffff)
		return read_instant(C.snowid_layout_fits_until(layout, bits, i64, u32))
	end,
	format = function(layout)
		return read_text(C.snowid_layout_format(layout, text, ffi.sizeof(text), nil))
	end,
})

local out_mask = ffi.new "struct snowid_mask *[1]"
function native.mask_new(key, layout)
	layout = layout ~= nil and check_handle("layout", layout) or nil
	check(C.snowid_mask_new(check_id128(key).bytes, layout, out_mask))
	return new_object("mask", out_mask[0])
end

function native.mask_key_parse(value)
	local s, size = check_string(value)
	check(C.snowid_mask_key_parse(s, size, wide.bytes))
	return bytes_of(wide)
end

define_methods("mask", {
	apply = function(mask, id)
		return read_id(C.snowid_mask_apply(mask, check_id(id), u64))
	end,
	revert = function(mask, masked)
		return read_id(C.snowid_mask_revert(mask, check_id(masked), u64))
	end,
	format = function(mask, id)
		return read_text(C.snowid_mask_format(mask, check_id(id), text))
	end,
	parse = function(mask, value)
		local s, size = check_string(value)
		return read_id(C.snowid_mask_parse(mask, s, size, u64))
	end,
})

local out_clock = ffi.new "struct snowid_clock *[1]"
function native.clock_new_manual(sec, nsec)
	sec, nsec = check_instant(sec, nsec)
	check(C.snowid_clock_new_manual(sec, nsec, out_clock))
	return new_object("clock", out_clock[0])
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
		local elapsed_ns = ffi.new "uint64_t[1]"
		local sec, nsec = read_instant(C.snowid_clock_read(clock, i64, u32, elapsed_ns))
		return sec, nsec, number_or_cdata(elapsed_ns[0])
	end,
})

local out_config = ffi.new "struct snowid_config *[1]"
function native.config_new()
	check(C.snowid_config_new(out_config))
	return new_object("config", out_config[0])
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

local out_generator = ffi.new "struct snowid_generator *[1]"
local function open_generator(config, timeout_ns)
	local handle = check_handle("config", config)
	if collectgarbage "isrunning" then
		collectgarbage("step", 8) -- KiB outside of Lua's heap, as in objects.c
	end
	if timeout_ns then
		check(C.snowid_generator_new_for(handle, timeout_ns, out_generator))
	else
		check(C.snowid_generator_new(handle, out_generator))
	end
	local generator = out_generator[0]
	local class
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
	local bytes = bytes_of(id) -- before the table is allocated
	return setmetatable({ bytes = bytes }, class)
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

-- Called for each ID, so it avoids every call that LuaJIT could not compile away.
local function draw_id(self)
	if type(self) ~= "table" or getmetatable(self) ~= generator_meta then
		check_handle("generator", self)
	end
	local class = self.wide
	if class then
		check(C.snowid_generator_next128(self.handle, wide))
		return new_id128(class, wide)
	end
	local code = C.snowid_generator_next(self.handle, u64)
	if code < 0 then
		error(library_error(code), 0)
	end
	return u64[0]
end

Generator.draw = draw_id

function Generator.next(self, seconds)
	if seconds == nil then
		return draw_id(self)
	end
	local handle, timeout = check_handle("generator", self), check_timeout(seconds)
	if self.wide then
		check(C.snowid_generator_next128_for(handle, timeout, wide))
		return new_id128(self.wide, wide)
	end
	check(C.snowid_generator_next_for(handle, timeout, u64))
	return u64[0]
end

local wait_ns = ffi.new "uint64_t[1]"
function Generator.try_next(self)
	local handle, class = check_handle("generator", self), self.wide
	local code
	if class then
		code = C.snowid_generator_try_next128(handle, wide, wait_ns)
	else
		code = C.snowid_generator_try_next(handle, u64, wait_ns)
	end
	if code < 0 and wait_ns[0] > 0 then
		return nil, tonumber(wait_ns[0]) / 1e9
	end
	check(code)
	return class and new_id128(class, wide) or u64[0]
end

function Generator.batch(self, count, seconds)
	local handle, class = check_handle("generator", self), self.wide
	local size = tonumber(check_unsigned("count", count, 0x40000000))
	local ids = ffi.new(class and "struct snowid_id128[?]" or "uint64_t[?]", size)
	local call = class and C.snowid_generator_next128_batch or C.snowid_generator_next_batch
	local code = call(handle, ids, size, check_timeout(seconds), number_made)
	local made, list = tonumber(number_made[0]), {}
	for index = 1, made do
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
		return read_value(C.snowid_generator_available(generator, u64))
	end,
	maintain = function(generator)
		check(C.snowid_generator_maintain(generator, u64))
		return tonumber(ffi.cast("int64_t", u64[0]))
	end,
	field = function(generator, name)
		return read_value(C.snowid_generator_field(generator, check_text(name), u64))
	end,
	get = function(generator, key)
		key = check_text(key)
		local size = ffi.sizeof(text)
		return read_text(C.snowid_generator_get(generator, key, text, size, nil))
	end,
	stat = function(generator, which)
		return read_value(C.snowid_generator_stat(generator, which, u64))
	end,
})

return native
