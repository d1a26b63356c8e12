-- SPDX-License-Identifier: MIT
--
-- Runs the cases of the files named as arguments on the Lua library. See README there.

local cjson = require "cjson"
local snowid = require "snowid"

local function fail(...)
	error(string.format(...), 0)
end

local function expect_equal(what, got, want)
	if got ~= want then
		fail("%s is %s, not %s", what, tostring(got), tostring(want))
	end
end

-- The library writes IDs, because %d cannot write those from 2^63 on.
local function id_text(id)
	return type(id) == "table" and tostring(id) or snowid.format_id(id)
end

-- The library reads numbers, so that field values of more than 53 bits are exact.
local function parse_number(text)
	return snowid.parse_id(text)
end

local function parse_numbers(fields)
	local values = {}
	for name, text in pairs(fields) do
		values[name] = parse_number(text)
	end
	return values
end

local function id_class_of(kind)
	return ({ ulid = snowid.ULID, uuid = snowid.UUID })[kind:sub(1, 4)]
end

local function parse_id(kind, text)
	local class = id_class_of(kind)
	return class and class.parse(text) or not class and snowid.parse_id(text)
end

local function id_at_boundary(which, kind, instant)
	if kind == "ulid" then
		return snowid.ULID[which](instant)
	elseif id_class_of(kind) then
		return snowid.UUID[which](tonumber(kind:sub(5)), instant)
	end
	local layout = snowid.layout(kind)
	return layout[which](layout, instant)
end

-- An instant as text; cjson.null if there is none, or one that cannot be written.
local function time_text(...)
	local ok, sec, nsec = pcall(...)
	if not ok or not sec then
		return cjson.null
	end
	local written, text = pcall(snowid.format_time, sec, nsec)
	return written and text or cjson.null
end

local actions = {}

function actions.parse(case)
	local class = id_class_of(case.form)
	if not class then
		return { id = snowid.format_id(snowid.parse_id(case.text, case.form)) }
	end
	local digits = class.parse(case.text).bytes:gsub(".", function(byte)
		return ("%02x"):format(byte:byte())
	end)
	return { bytes = digits }
end

function actions.format(case)
	local class = id_class_of(case.form)
	if not class then
		return { text = snowid.format_id(parse_number(case.id), case.form) }
	end
	local bytes = case.bytes:gsub("..", function(digits)
		return string.char(tonumber(digits, 16))
	end)
	return { text = tostring(class.from_bytes(bytes)) }
end

local function describe_id(kind, id)
	local answers = { time = time_text(id.time, id), unix_ms = id:unix_ms() }
	if kind == "ulid" then
		return answers
	end
	answers.kind, answers.version, answers.variant = id:kind(), id:version(), id:variant()
	if answers.version == 1 or answers.version == 6 then
		answers.fields = {
			node = ("%.0f"):format(id:node()),
			clock_seq = ("%.0f"):format(id:clock_seq()),
		}
	end
	return answers
end

function actions.decode(case)
	local id = parse_id(case.kind, case.id)
	if id_class_of(case.kind) then
		return describe_id(case.kind, id)
	end
	local layout = snowid.layout(case.kind)
	local held = layout:decode(id)
	local time = time_text(layout.time, layout, id)
	local answers = { time = time, unix_ms = tonumber(held.unix_ms), fields = {} }
	for _, field in ipairs(layout:fields()) do
		if field.name ~= "time" then
			answers.fields[field.name] = snowid.format_id(held[field.name])
		end
	end
	return answers
end

function actions.encode(case)
	local fields = parse_numbers(case.fields)
	if not id_class_of(case.kind) then
		return { id = snowid.format_id(snowid.layout(case.kind):encode(case.time, fields)) }
	end
	local id = id_at_boundary("first_at", case.kind, case.time)
	return { id = tostring(next(fields) and id:replace(fields) or id) }
end

local function ids_of_period(kind, ...)
	if kind == "ulid" then
		return snowid.ULID.range(...)
	elseif id_class_of(kind) then
		return snowid.UUID.range(tonumber(kind:sub(5)), ...)
	end
	return snowid.layout(kind):range(...)
end

-- The last ID of the tick in which a period ends. The period may be shorter than the tick.
local function last_id_of(kind, period)
	local last = id_at_boundary("last_at", kind, period)
	local _, whole = ids_of_period(kind, period)
	return last < whole and whole or last
end

function actions.range(case)
	local first, last
	if case.period then
		first, last = ids_of_period(case.kind, case.period)
	elseif case.to then
		first = ids_of_period(case.kind, case.from, math.huge)
		last = last_id_of(case.kind, case.to)
	else
		local from, before = case.from or -math.huge, case.before or math.huge
		first, last = ids_of_period(case.kind, from, before)
	end
	return { first = id_text(first), last = id_text(last) }
end

function actions.instant(case)
	return { time = snowid.format_time(case.text) }
end

function actions.seconds(case)
	return { time = snowid.format_time(case.number) }
end

-- Users give spans, and never get one parsed.
function actions.span(case)
	local native = package.loaded["snowid.native"] or package.loaded["snowid.ffi"]
	return { ns = snowid.format_id(native.span_parse(case.text)) }
end

function actions.mask(case)
	local mask = snowid.mask(case.key, case.kind ~= cjson.null and case.kind or nil)
	local masked, text = mask:apply(case.id), mask:format(case.id)
	expect_equal("reverted", snowid.format_id(mask:revert(masked)), case.id)
	expect_equal("parsed", snowid.format_id(mask:parse(text)), case.id)
	return { masked = snowid.format_id(masked), text = text }
end

function actions.name(case)
	return { id = tostring(snowid[("uuid%d"):format(case.version)](case.namespace, case.text)) }
end

function actions.layout(case)
	local layout = snowid.layout(case.kind)
	return {
		bits = tonumber(layout:bits()),
		ids_per_tick = snowid.format_id(layout:ids_per_tick()),
		nodes = snowid.format_id(layout:nodes()),
		spec = layout:spec(),
		first = time_text(layout.first_time, layout),
		last = time_text(layout.last_time, layout),
		signed_until = time_text(layout.fits_until, layout, 63),
		javascript_until = time_text(layout.fits_until, layout, 53),
	}
end

local function is_less(a, b)
	if type(a) == "number" and math.ult then
		return math.ult(a, b)
	end
	return a < b
end

function actions.order(case)
	local ids = {}
	for index, text in ipairs(case.ids) do
		ids[index] = { text = text, id = parse_id(case.kind, text) }
	end
	table.sort(ids, function(a, b)
		return is_less(a.id, b.id)
	end)
	for index, want in ipairs(case.expect.ids) do
		expect_equal("ID " .. index, ids[index].text, want)
	end
	return { ids = case.expect.ids }
end

local function expect_error(err, case)
	if type(err) ~= "table" then
		error(err, 0)
	end
	expect_equal("the error", err.code, snowid["E_" .. case.error])
	if not err.message:find(case.says, 1, true) then
		fail("%q is not in %q", case.says, err.message)
	end
end

local function check_new_id(layout, id, index, instant)
	if instant.ids then
		expect_equal("ID " .. index, id_text(id), instant.ids[index])
	elseif instant.times then
		local time = layout and time_text(layout.time, layout, id) or time_text(id.time, id)
		expect_equal("time " .. index, time, instant.times[index])
	end
	for name, value in pairs(instant.fields or {}) do
		expect_equal(name, ("%.0f"):format(id[name](id)), value)
	end
end

function actions.generate(case)
	local clock = snowid.manual_clock(case.clock[1].at)
	local options = { kind = case.kind, fields = parse_numbers(case.fields), clock = clock }
	for name, value in pairs(case.settings) do
		options[name] = value
	end
	local ids = snowid.generator(options)
	local layout, last = ids:layout(), nil
	for _, instant in ipairs(case.clock) do
		local made = 0
		clock:set(instant.at)
		local ok, err = pcall(function()
			while made < case.count do
				local id = ids:next()
				made = made + 1
				if last and case.kind ~= "uuid1" and not is_less(last, id) then
					fail("%s is not above %s", id_text(id), id_text(last))
				end
				last = id
				check_new_id(layout, id, made, instant)
			end
		end)
		if instant.error then
			expect_equal("failed", not ok, true)
			expect_error(err, instant)
		elseif not ok then
			error(err, 0)
		end
		local wanted = instant.ids or instant.times
		expect_equal("the number of IDs", made, wanted and #wanted or made)
	end
	return {}
end

-- Of fields, only those that the case expects are compared.
local function compare_answer(key, got, want)
	if type(want) ~= "table" or key == "ids" then
		return expect_equal(key, got, want)
	end
	for name, value in pairs(want) do
		compare_answer(name, got[name], value)
	end
end

local function run_case(case)
	local ok, result = pcall(actions[case["do"]], case)
	if case.error and not ok then
		return expect_error(result, case)
	elseif not ok then
		error(result, 0)
	elseif case.error then
		error("no error", 0)
	end
	for key, want in pairs(case.expect or {}) do
		compare_answer(key, result[key], want)
	end
end

local good = true
for _, path in ipairs(arg) do
	local file = assert(io.open(path))
	for _, case in ipairs(cjson.decode(file:read "*a").cases) do
		local ok, err = pcall(run_case, case)
		local name = ("%s: %s: %s"):format(path:match "[^/]*$", case["do"], case.name)
		print(ok and "ok - " .. name or ("not ok - %s: %s"):format(name, tostring(err)))
		good = good and ok
	end
	file:close()
end
os.exit(good and #arg > 0)
