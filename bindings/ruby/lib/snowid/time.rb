# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # Instants and spans. An instant is a Time, a DateTime, a Date (its midnight in UTC), a number of
  # seconds since 1970, or text such as "2024-01-03T19:30:00Z". A span is a number of seconds, or
  # text such as "500ms". Both are exact to the nanosecond. A Float means the decimal that it was
  # made from, to the microsecond.
  class << self
    # Parses an instant: ISO 8601 with a time zone, a date, 12 or 13 digits (milliseconds since
    # 1970), or @ and seconds.
    #
    # @return [Time] in UTC
    def parse_time(text)
      Convert.time(*Native.time_parse(text))
    end

    # Formats an instant as ISO 8601 in UTC, with 3, 6 or 9 decimals.
    #
    # @return [String]
    def format_time(instant)
      Native.time_format(*Convert.instant(instant))
    end
  end
end
