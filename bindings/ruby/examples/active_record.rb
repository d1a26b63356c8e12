# frozen_string_literal: true

# SPDX-License-Identifier: MIT
#
# Primary keys of ActiveRecord that are made by the application, sort by time and fit a bigint. The
# generator is made once, before the server forks its workers: they share it. WORKER must be
# different on each host, so there is no default.

require "active_record"
require "snowid"

IDS = Snowid::Generator.new("snowflake", worker: Integer(ENV.fetch("WORKER")))
LAYOUT = IDS.layout

# Gives a model such keys.
module SnowflakeKey
  def self.included(model)
    model.attribute(:id, default: -> { IDS.next })
    model.scope(:made, ->(period) { where(id: LAYOUT.range(period)) })
  end

  # When the record was made, without a column for it.
  def made_at
    LAYOUT.time(id)
  end
end

ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: ":memory:")
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define { create_table(:messages, id: :bigint) { |table| table.string :text } }

class Message < ActiveRecord::Base # rubocop:disable Style/Documentation
  include SnowflakeKey
end

before = Time.now - 1
Message.create!(text: "first")
Message.create!(text: "second")

puts Message.order(:id).pluck(:text).join(", ")
puts Message.made(before..).count
puts Message.made(before - 60...before).count
puts (before..Time.now + 1).cover?(Message.first.made_at)
