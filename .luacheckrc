-- The Lua of this tree, for luacheck.
std = "max"
max_line_length = 100
ignore = { "581" } -- "not (x >= y)": it differs from "x < y" for NaN
exclude_files = { "build*" }
files["bindings/lua/examples/openresty.lua"] = { globals = { "ngx" } }
files["tests/servers/app.lua"] = { globals = { "ngx" } }
