-- SPDX-License-Identifier: MIT
--
-- For LuaJIT what the compiled module snowid.native is for Lua 5.4: the functions of snowid.h as
-- snowid.lua calls them. An ID of 64 bits is a cdata of the type uint64_t.

local ffi = require "ffi"
local library, declarations = unpack(require "snowid.cdef")
ffi.cdef(declarations)
local C = ffi.load(library)

local native = {}

-- ---- errors --------------------------------------------------------------------------------------

local metatables = {}
for _, name in ipairs { "layout", "clock", "config", "generator", "ulid", "uuid", "error" } do
	metatables[name] = { __index = {} }
end

function native.metatable(name)
	return metatables[name]
end

for _, name in ipairs {
	"INVALID", "RANGE", "SYNTAX", "OVERFLOW", "UNKNOWN", "KIND", "WORKER", "STORE", "CLOCK", "EXHAUSTED",
	"LIMIT", "EPOCH", "ENDED", "CLOSED",
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

local function need(code)
	if code < 0 then
		error(library_error(code), 0)
	end
end

-- ---- arguments -----------------------------------------------------------------------------------

local function is_ours(info)
	return info.what == "C" or info.short_src:find "snowid%.lua$" or info.short_src:find "snowid/ffi%.lua$"
end

-- A mistake of the program, at the line that made it: above snowid.lua and this file.
function native.mistake(message)
	local level, info = 1
	repeat
		level = level + 1
		info = debug.getinfo(level, "S")
	until not info or not is_ours(info)
	error(message, level)
end

local mistake = native.mistake

local function refuse(name, bounds, value)
	error(new_error(native.E_RANGE, ("%s must be %s, not %s"):format(name, bounds, tostring(value))), 0)
end

local function is_wide(value)
	return ffi.istype("uint64_t", value) or ffi.istype("int64_t", value)
end

local function need_integer(name, value)
	if type(value) == "number" and value % 1 == 0 or type(value) == "cdata" and is_wide(value) then
		return value
	end
	mistake(("%s must be an integer, not %s"):format(name, type(value)))
end

-- An ID is its 64 bits; as a number it is exact below 2^53.
local function id_of(value)
	if type(need_integer("id", value)) == "number" and (value < 0 or value > 2 ^ 53) then
		refuse("id", "from 0 to 2^53, or a uint64_t", value)
	end
	return ffi.cast("uint64_t", value)
end

local function unsigned(name, value, max)
	need_integer(name, value)
	if not ffi.istype("uint64_t", value) and value < 0 or value > max then
		refuse(name, "from 0 to " .. tostring(max):gsub("ULL$", ""), value)
	end
	return value
end

-- Seconds and nanoseconds of an instant.
local function instant(sec, nsec)
	need_integer("sec", sec)
	if sec < -2 ^ 53 or sec > 2 ^ 53 then
		refuse("sec", "within 2^53", sec)
	end
	return sec, unsigned("nsec", nsec, 0xffffffff)
end

local MAX = 0x7fffffffffffffffULL

local function content(value)
	if type(value) ~= "string" then
		mistake(("a string is needed, not %s"):format(type(value)))
	end
	return value, #value
end

local function text_of(value)
	if content(value):find "%z" then
		error(new_error(native.E_SYNTAX, "a string with a byte 0 in it"), 0)
	end
	return value
end

local id128 = ffi.typeof "struct snowid_id128"

local function wide_of(bytes)
	if #content(bytes) ~= 16 then
		refuse("bytes", "16 bytes", #bytes)
	end
	local id = id128()
	ffi.copy(id, bytes, 16)
	return id
end

-- ---- results -------------------------------------------------------------------------------------

-- All calls share these. Whatever is allocated may run a finalizer of the program's, which may call us: so
-- a result is out of them before anything is made, a cdata of 64 bits included. One of 32 bits is none.
local u64, i64, u32, u = ffi.new "uint64_t[1]", ffi.new "int64_t[1]", ffi.new "uint32_t[1]", ffi.new "unsigned[1]"
local text, number_made = ffi.new "char[8192]", ffi.new "size_t[1]"
local wide = id128()

-- A number where that is exact, else the cdata.
local function value_of(value)
	return value <= 0x20000000000000ULL and tonumber(value) or value
end

local function bytes_of(id)
	return ffi.string(id, 16)
end

local function read_instant(code)
	need(code)
	local nsec = u32[0]
	return tonumber(i64[0]), nsec
end

-- ---- functions -----------------------------------------------------------------------------------

function native.version()
	return ffi.string(C.snowid_version())
end

function native.layout_preset(index)
	local name = C.snowid_layout_preset(index)
	return name ~= nil and ffi.string(name) or nil
end

function native.time_parse(value)
	local s, size = content(value)
	return read_instant(C.snowid_time_parse(s, size, i64, u32))
end

function native.time_format(sec, nsec)
	sec, nsec = instant(sec, nsec)
	need(C.snowid_time_format(sec, nsec, text))
	return ffi.string(text)
end

local form = ffi.new "enum snowid_form[1]"

function native.form_parse(name)
	need(C.snowid_form_parse(text_of(name), form))
	return tonumber(form[0])
end

function native.id_format(id, in_form)
	need(C.snowid_id_format(id_of(id), in_form, text))
	return ffi.string(text)
end

function native.id_parse(value, in_form)
	local s, size = content(value)
	need(C.snowid_id_parse(s, size, in_form, u64))
	return u64[0]
end

-- What takes an instant and gives a ULID or UUID, and so on: one for each shape.
local function random(call)
	return function()
		need(call(wide))
		return bytes_of(wide)
	end
end
local function formatter(call)
	return function(bytes)
		need(call(wide_of(bytes), text))
		return ffi.string(text)
	end
end
local function parser(call)
	return function(value)
		local s, size = content(value)
		need(call(s, size, wide))
		return bytes_of(wide)
	end
end
local function changer(call)
	return function(bytes)
		need(call(wide_of(bytes), wide))
		return bytes_of(wide)
	end
end

native.ulid_random, native.uuid7_random = random(C.snowid_ulid_random), random(C.snowid_uuid7_random)
native.ulid_format, native.uuid_format = formatter(C.snowid_ulid_format), formatter(C.snowid_uuid_format)
native.ulid_parse, native.uuid_parse = parser(C.snowid_ulid_parse), parser(C.snowid_uuid_parse)
native.uuid_1to6, native.uuid_6to1 = changer(C.snowid_uuid_1to6), changer(C.snowid_uuid_6to1)

function native.ulid_time_ms(bytes)
	need(C.snowid_ulid_time_ms(wide_of(bytes), i64))
	return tonumber(i64[0])
end

function native.ulid_increment(bytes)
	local id = wide_of(bytes)
	need(C.snowid_ulid_increment(id))
	return bytes_of(id)
end

for _, which in ipairs { "first_at", "last_at" } do
	local ulid_at, uuid_at = C["snowid_ulid_" .. which], C["snowid_uuid_" .. which]
	native["ulid_" .. which] = function(sec, nsec)
		sec, nsec = instant(sec, nsec)
		need(ulid_at(sec, nsec, wide))
		return bytes_of(wide)
	end
	native["uuid_" .. which] = function(version, sec, nsec)
		sec, nsec = instant(sec, nsec)
		need(uuid_at(unsigned("version", version, 0xffffffff), sec, nsec, wide))
		return bytes_of(wide)
	end
end

function native.uuid_version(bytes)
	need(C.snowid_uuid_version(wide_of(bytes), u))
	return u[0]
end

local variant = ffi.new "enum snowid_uuid_variant[1]"

function native.uuid_variant(bytes)
	need(C.snowid_uuid_variant(wide_of(bytes), variant))
	return tonumber(variant[0])
end

function native.uuid_time(bytes)
	return read_instant(C.snowid_uuid_time(wide_of(bytes), i64, u32))
end

function native.uuid_node(bytes)
	local node = ffi.new "uint8_t[6]"
	need(C.snowid_uuid_node(wide_of(bytes), node))
	return ffi.string(node, 6)
end

function native.uuid_clock_seq(bytes)
	need(C.snowid_uuid_clock_seq(wide_of(bytes), u))
	return u[0]
end

function native.uuid_set_node(bytes, node)
	local id = wide_of(bytes)
	need(C.snowid_uuid_set_node(id, ffi.cast("const uint8_t *", node)))
	return bytes_of(id)
end

function native.uuid_set_clock_seq(bytes, clock_seq)
	local id = wide_of(bytes)
	need(C.snowid_uuid_set_clock_seq(id, unsigned("clock_seq", clock_seq, 0xffffffff)))
	return bytes_of(id)
end

-- ---- objects -------------------------------------------------------------------------------------

-- A table with the handle, which is freed with it.
local function object(name, handle, members)
	members = members or {}
	members.handle = ffi.gc(handle, C["snowid_" .. name .. "_free"])
	return setmetatable(members, metatables[name])
end

local function handle_of(name, value)
	if type(value) ~= "table" or getmetatable(value) ~= metatables[name] then
		mistake(("snowid.%s expected, got %s"):format(name, type(value)))
	end
	return value.handle
end

-- Methods of an object, which are given its handle.
local function methods(name, list)
	for method, call in pairs(list) do
		metatables[name].__index[method] = function(self, ...)
			return call(handle_of(name, self), ...)
		end
	end
end

local function long_text(code)
	need(code)
	return ffi.string(text)
end

local function read_value(code)
	need(code)
	return value_of(u64[0])
end

local function read_id(code)
	need(code)
	return u64[0]
end

for _, name in ipairs {
	"BITS", "FIELDS", "UNIT_NS", "IDS_PER_TICK", "NODES", "LAST_TICK", "FINGERPRINT",
} do
	native["LAYOUT_" .. name] = C["SNOWID_LAYOUT_" .. name]
end
for _, name in ipairs { "ISSUED", "WAITS", "REGRESSIONS", "REFUSED", "MAX_LEAD_NS", "MAX_LAG_NS" } do
	native["STAT_" .. name] = C["SNOWID_STAT_" .. name]
end
for _, name in ipairs { "DECIMAL", "PADDED", "HEX", "BASE32", "BASE36", "BASE58", "BASE62" } do
	native["FORM_" .. name] = C["SNOWID_FORM_" .. name]
end

local out_layout = ffi.new "struct snowid_layout *[1]"
function native.layout_new(spec)
	need(C.snowid_layout_new(text_of(spec), out_layout))
	return object("layout", out_layout[0])
end

local field_name, field_shift = ffi.new "const char *[1]", ffi.new "unsigned[1]"
methods("layout", {
	field = function(layout, id, name)
		return read_value(C.snowid_layout_field(layout, id_of(id), text_of(name), u64))
	end,
	set_field = function(layout, name, value, id)
		u64[0] = id_of(id)
		return read_id(C.snowid_layout_set_field(layout, text_of(name), unsigned(name, value, MAX), u64))
	end,
	time = function(layout, id)
		return read_instant(C.snowid_layout_time(layout, id_of(id), i64, u32))
	end,
	time_ms = function(layout, id)
		need(C.snowid_layout_time_ms(layout, id_of(id), i64))
		return tonumber(i64[0])
	end,
	first_at = function(layout, sec, nsec)
		sec, nsec = instant(sec, nsec)
		return read_id(C.snowid_layout_first_at(layout, sec, nsec, u64))
	end,
	last_at = function(layout, sec, nsec)
		sec, nsec = instant(sec, nsec)
		return read_id(C.snowid_layout_last_at(layout, sec, nsec, u64))
	end,
	info = function(layout, which)
		return read_value(C.snowid_layout_info(layout, which, u64))
	end,
	field_at = function(layout, index)
		need(C.snowid_layout_field_at(layout, index, field_name, u, field_shift))
		local bits, shift = u[0], field_shift[0]
		return ffi.string(field_name[0]), bits, shift
	end,
	first_time = function(layout)
		return read_instant(C.snowid_layout_first_time(layout, i64, u32))
	end,
	last_time = function(layout)
		return read_instant(C.snowid_layout_last_time(layout, i64, u32))
	end,
	fits_until = function(layout, bits)
		return read_instant(C.snowid_layout_fits_until(layout, unsigned("bits", bits, 0xffffffff), i64, u32))
	end,
	format = function(layout)
		return long_text(C.snowid_layout_format(layout, text, ffi.sizeof(text), nil))
	end,
})

local out_clock = ffi.new "struct snowid_clock *[1]"
function native.clock_new_manual(sec, nsec)
	sec, nsec = instant(sec, nsec)
	need(C.snowid_clock_new_manual(sec, nsec, out_clock))
	return object("clock", out_clock[0])
end

methods("clock", {
	step = function(clock, ns)
		if need_integer("delta_ns", ns) <= -2 ^ 63 or ns >= 2 ^ 63 then
			refuse("delta_ns", "within 2^63", ns)
		end
		need(C.snowid_clock_step(clock, ns))
	end,
	advance = function(clock, ns)
		need(C.snowid_clock_advance(clock, unsigned("ns", ns, MAX)))
	end,
	read = function(clock)
		local elapsed_ns = ffi.new "uint64_t[1]"
		local sec, nsec = read_instant(C.snowid_clock_read(clock, i64, u32, elapsed_ns))
		return sec, nsec, value_of(elapsed_ns[0])
	end,
})

local out_config = ffi.new "struct snowid_config *[1]"
function native.config_new()
	need(C.snowid_config_new(out_config))
	return object("config", out_config[0])
end

methods("config", {
	set_kind = function(config, kind)
		need(C.snowid_config_set_kind(config, text_of(kind)))
	end,
	set_field = function(config, name, value)
		need(C.snowid_config_set_field(config, text_of(name), unsigned(name, value, MAX)))
	end,
	set_store = function(config, url)
		need(C.snowid_config_set_store(config, text_of(url)))
	end,
	set_clock = function(config, clock)
		need(C.snowid_config_set_clock(config, handle_of("clock", clock)))
	end,
	set = function(config, key, value)
		need(C.snowid_config_set(config, text_of(key), text_of(value)))
	end,
})

-- ---- drawing -------------------------------------------------------------------------------------

local out_generator = ffi.new "struct snowid_generator *[1]"
function native.generator_new(config)
	local handle = handle_of("config", config)
	if collectgarbage "isrunning" then
		collectgarbage("step", 8) -- what a generator takes beside the heap, in KiB, as objects.c tells it
	end
	need(C.snowid_generator_new(handle, out_generator))
	local generator = out_generator[0]
	local kind = C.snowid_generator_get(generator, "kind", text, 16, nil) == 0 and ffi.string(text)
	return object("generator", generator, {
		wide = kind == "ulid" and metatables.ulid or kind and kind:find "^uuid[167]$" and metatables.uuid or nil,
	})
end

local function value_from(class, id)
	local bytes = bytes_of(id) -- before there is a table
	return setmetatable({ bytes = bytes }, class)
end

-- A timeout in seconds as ns.
local function timeout_of(seconds)
	if type(seconds) ~= "number" or not (seconds >= 0) then
		mistake("timeout must be a number of seconds, and not negative")
	end
	return seconds < 2 ^ 33 and ffi.cast("uint64_t", seconds * 1e9) or 0xffffffffffffffffULL
end

local generator_meta = metatables.generator
local Generator = generator_meta.__index

-- The one that is called for each ID: nothing stands between it and the compiler.
local function draw(self)
	if type(self) ~= "table" or getmetatable(self) ~= generator_meta then
		handle_of("generator", self)
	end
	local class = self.wide
	if class then
		need(C.snowid_generator_next128(self.handle, wide))
		return value_from(class, wide)
	end
	local code = C.snowid_generator_next(self.handle, u64)
	if code < 0 then
		error(library_error(code), 0)
	end
	return u64[0]
end

Generator.draw = draw

function Generator.next(self, seconds)
	if seconds == nil then
		return draw(self)
	end
	local handle, timeout = handle_of("generator", self), timeout_of(seconds)
	if self.wide then
		need(C.snowid_generator_next128_for(handle, timeout, wide))
		return value_from(self.wide, wide)
	end
	need(C.snowid_generator_next_for(handle, timeout, u64))
	return u64[0]
end

local wait_ns = ffi.new "uint64_t[1]"
function Generator.try_next(self)
	local handle, class = handle_of("generator", self), self.wide
	local code
	if class then
		code = C.snowid_generator_try_next128(handle, wide, wait_ns)
	else
		code = C.snowid_generator_try_next(handle, u64, wait_ns)
	end
	if code < 0 and wait_ns[0] > 0 then
		return nil, tonumber(wait_ns[0]) / 1e9
	end
	need(code)
	return class and value_from(class, wide) or u64[0]
end

function Generator.batch(self, count, seconds)
	local handle, class = handle_of("generator", self), self.wide
	local size = tonumber(unsigned("count", count, 0x40000000))
	local ids = ffi.new(class and "struct snowid_id128[?]" or "uint64_t[?]", size)
	local call = class and C.snowid_generator_next128_batch or C.snowid_generator_next_batch
	local code = call(handle, ids, size, timeout_of(seconds), number_made)
	local made, list = tonumber(number_made[0]), {}
	for index = 1, made do
		list[index] = class and value_from(class, ids[index - 1]) or ids[index - 1]
	end
	if code < 0 then
		local err = library_error(code)
		err.partial = list
		error(err, 0)
	end
	return list
end

methods("generator", {
	close = function(generator, ns)
		need(C.snowid_generator_close(generator, unsigned("timeout_ns", ns, MAX)))
	end,
	available = function(generator)
		return read_value(C.snowid_generator_available(generator, u64))
	end,
	maintain = function(generator)
		need(C.snowid_generator_maintain(generator, u64))
		return tonumber(ffi.cast("int64_t", u64[0]))
	end,
	field = function(generator, name)
		return read_value(C.snowid_generator_field(generator, text_of(name), u64))
	end,
	get = function(generator, key)
		return long_text(C.snowid_generator_get(generator, text_of(key), text, ffi.sizeof(text), nil))
	end,
	stat = function(generator, which)
		return read_value(C.snowid_generator_stat(generator, which, u64))
	end,
})

return native
