# frozen_string_literal: true

# SPDX-License-Identifier: MIT
#
# An application as README begins it, for servers of Rack. Each request draws COUNT IDs, and is
# answered with the process and its IDs, a line each.

require "snowid"

IDS = Snowid::Generator.new("snowflake", worker: 5)

COUNT = 4000

run(lambda do |_request|
  drawn = Array.new(COUNT / 2) { IDS.next } + IDS.batch(COUNT / 2)
  [200, { "content-type" => "text/plain" }, [[Process.pid, *drawn].join("\n")]]
end)
