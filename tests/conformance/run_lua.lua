-- SPDX-License-Identifier: MIT
--
-- Runs tests/conformance on the Lua library, of the files that are named. See README there.

local cjson = require "cjson"
local snowid = require "snowid"

local function differ(...)
	error(string.format(...), 0)
end

local function same(what, got, want)
	if got ~= want then
		differ("%s is %s, not %s", what, tostring(got), tostring(want))
	end
end

-- Every text of an ID is that of the library: %d does not know what is above 2^63.
local function text_of(id)
	return type(id) == "table" and tostring(id) or snowid.format_id(id)
end

-- A number as the library has it: field values of more than 53 bits are exact.
local function number(text)
	return snowid.parse_id(text)
end

local function numbers(fields)
	local values = {}
	for name, text in pairs(fields) do
		values[name] = number(text)
	end
	return values
end

local function class_of(kind)
	return ({ ulid = snowid.ULID, uuid = snowid.UUID })[kind:sub(1, 4)]
end

local function read(kind, text)
	local class = class_of(kind)
	return class and class.parse(text) or not class and snowid.parse_id(text)
end

local function at(which, kind, instant)
	if kind == "ulid" then
		return snowid.ULID[which](instant)
	elseif class_of(kind) then
		return snowid.UUID[which](tonumber(kind:sub(5)), instant)
	end
	local layout = snowid.layout(kind)
	return layout[which](layout, instant)
end

-- An instant as text, cjson.null where there is none or none that can be written.
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
	local class = class_of(case.form)
	if not class then
		return { id = snowid.format_id(snowid.parse_id(case.text, case.form)) }
	end
	local digits = class.parse(case.text).bytes:gsub(".", function(byte)
		return ("%02x"):format(byte:byte())
	end)
	return { bytes = digits }
end

function actions.format(case)
	local class = class_of(case.form)
	if not class then
		return { text = snowid.format_id(number(case.id), case.form) }
	end
	local bytes = case.bytes:gsub("..", function(digits)
		return string.char(tonumber(digits, 16))
	end)
	return { text = tostring(class.from_bytes(bytes)) }
end

local function described(kind, id)
	local answers = { time = time_text(id.time, id), unix_ms = id:unix_ms() }
	if kind == "ulid" then
		return answers
	end
	answers.version, answers.variant = id:version(), id:variant()
	if answers.version == 1 or answers.version == 6 then
		answers.fields = { node = ("%.0f"):format(id:node()), clock_seq = ("%.0f"):format(id:clock_seq()) }
	end
	return answers
end

function actions.decode(case)
	local id = read(case.kind, case.id)
	if class_of(case.kind) then
		return described(case.kind, id)
	end
	local layout = snowid.layout(case.kind)
	local held = layout:decode(id)
	local answers = { time = time_text(layout.time, layout, id), unix_ms = tonumber(held.unix_ms), fields = {} }
	for _, field in ipairs(layout:fields()) do
		if field.name ~= "time" then
			answers.fields[field.name] = snowid.format_id(held[field.name])
		end
	end
	return answers
end

function actions.encode(case)
	local fields = numbers(case.fields)
	if not class_of(case.kind) then
		return { id = snowid.format_id(snowid.layout(case.kind):encode(case.time, fields)) }
	end
	local id = at("first_at", case.kind, case.time)
	return { id = tostring(next(fields) and id:replace(fields) or id) }
end

function actions.range(case)
	return {
		first = text_of(at("first_at", case.kind, case.from)),
		last = text_of(at("last_at", case.kind, case.to)),
	}
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

local function below(a, b)
	if type(a) == "number" and math.ult then
		return math.ult(a, b)
	end
	return a < b
end

function actions.order(case)
	local ids = {}
	for index, text in ipairs(case.ids) do
		ids[index] = { text = text, id = read(case.kind, text) }
	end
	table.sort(ids, function(a, b)
		return below(a.id, b.id)
	end)
	for index, want in ipairs(case.expect.ids) do
		same("ID " .. index, ids[index].text, want)
	end
	return { ids = case.expect.ids }
end

local function expect_error(err, case)
	if type(err) ~= "table" then
		error(err, 0)
	end
	same("the error", err.code, snowid["E_" .. case.error])
	if not err.message:find(case.says, 1, true) then
		differ("%q is not in %q", case.says, err.message)
	end
end

local function check_made(layout, id, index, instant)
	if instant.ids then
		same("ID " .. index, text_of(id), instant.ids[index])
	elseif instant.times then
		local time = layout and time_text(layout.time, layout, id) or time_text(id.time, id)
		same("time " .. index, time, instant.times[index])
	end
	for name, value in pairs(instant.fields or {}) do
		same(name, ("%.0f"):format(id[name](id)), value)
	end
end

function actions.generate(case)
	local clock = snowid.manual_clock(case.clock[1].at)
	local options = { kind = case.kind, fields = numbers(case.fields), clock = clock }
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
				if last and case.kind ~= "uuid1" and not below(last, id) then
					differ("%s is not above %s", text_of(id), text_of(last))
				end
				last = id
				check_made(layout, id, made, instant)
			end
		end)
		if instant.error then
			same("failed", not ok, true)
			expect_error(err, instant)
		elseif not ok then
			error(err, 0)
		end
		same("the number of IDs", made, instant.ids and #instant.ids or instant.times and #instant.times or made)
	end
	return {}
end

-- Of fields, those that are expected.
local function compare(key, got, want)
	if type(want) ~= "table" or key == "ids" then
		return same(key, got, want)
	end
	for name, value in pairs(want) do
		compare(name, got[name], value)
	end
end

local function run(case)
	local ok, result = pcall(actions[case["do"]], case)
	if case.error and not ok then
		return expect_error(result, case)
	elseif not ok then
		error(result, 0)
	elseif case.error then
		error("no error", 0)
	end
	for key, want in pairs(case.expect or {}) do
		compare(key, result[key], want)
	end
end

local good = true
for _, path in ipairs(arg) do
	local file = assert(io.open(path))
	for _, case in ipairs(cjson.decode(file:read "*a").cases) do
		local ok, err = pcall(run, case)
		local name = ("%s: %s: %s"):format(path:match "[^/]*$", case["do"], case.name)
		print(ok and "ok - " .. name or ("not ok - %s: %s"):format(name, tostring(err)))
		good = good and ok
	end
	file:close()
end
os.exit(good and #arg > 0)
