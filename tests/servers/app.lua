-- SPDX-License-Identifier: MIT
--
-- An application as README begins it, for nginx. Each request draws COUNT IDs, and is answered with
-- the process and its IDs, a line each.

local snowid = require "snowid"

local ids = snowid.generator { kind = "snowflake", worker = 5 }

local COUNT = 4000
local app = {}

function app.answer()
	local lines = { ngx.worker.pid() }
	for _ = 1, COUNT / 2 do
		lines[#lines + 1] = snowid.format_id(ids:next())
	end
	for _, id in ipairs(ids:batch(COUNT / 2)) do
		lines[#lines + 1] = snowid.format_id(id)
	end
	ngx.print(table.concat(lines, "\n"))
end

return app
