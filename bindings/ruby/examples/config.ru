# frozen_string_literal: true

# SPDX-License-Identifier: MIT
#
# An ID for each request, from a server with several processes, such as `puma --workers 4`, with or
# without --preload: all workers and their threads share one sequence. WORKER must be different on
# each host, so there is no default.

require "snowid"

IDS = Snowid::Generator.new(ENV.fetch("SNOWID_KIND", "snowflake"),
                            worker: Integer(ENV.fetch("WORKER")))

run(lambda do |_request|
  body = %({"id":"#{IDS.next}","process":#{Process.pid}}\n)
  [200, { "content-type" => "application/json" }, [body]]
rescue Snowid::Error => e
  [503, { "content-type" => "text/plain" }, [e.message]]
end)
