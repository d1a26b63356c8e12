# frozen_string_literal: true

# SPDX-License-Identifier: MIT
#
# An ID for each request, from a server that forks its workers: with `puma --workers 4 --preload`
# the generator is made once, and all workers and their threads share it. WORKER must be different
# on each host, so there is no default.

require "snowid"

IDS = Snowid::Generator.new(ENV.fetch("SNOWID_KIND", "snowflake"),
                            worker: Integer(ENV.fetch("WORKER")))

run(lambda do |_request|
  body = %({"id":"#{IDS.next}","process":#{Process.pid}}\n)
  [200, { "content-type" => "application/json" }, [body]]
rescue Snowid::Error => e
  [503, { "content-type" => "text/plain" }, [e.message]]
end)
