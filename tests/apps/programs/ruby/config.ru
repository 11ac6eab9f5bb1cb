# What every Ruby worker tries: a query of its own, and two tools that it executes.
require 'open3'
require 'pg'

def query
  PG.connect(ENV['DATABASE_URL']).exec('select 40 + 2').getvalue(0, 0)
rescue PG::ConnectionBad => error
  error.message.include?('Connection refused') ? 'refused' : error.message.inspect
end

def tool(*command)
  said, status = Open3.capture2e(*command, stdin_data: '')
  return 'connected' if status.success?

  said.include?('Connection refused') ? 'refused' : said.inspect
end

run(lambda do |_environment|
  psql = tool('psql', ENV['DATABASE_URL'], '-X', '-c', 'select 1')
  ruby = tool('ruby', '-rpg', '-e', "PG.connect(ENV['DATABASE_URL'])")
  [200, { 'content-type' => 'text/plain' }, ["psql #{psql}\npostgres #{query}\nruby #{ruby}\n"]]
end)
