# The smallest application that `rails server` runs: one route, answered by the rack program of ../ruby.
require "action_controller/railtie"
require "rack"

class Probe < Rails::Application
  config.eager_load = false
  config.hosts.clear
  config.secret_key_base = "of a test"
  config.logger = Logger.new($stderr, level: Logger::WARN)
  routes.append { root to: Rack::Builder.parse_file(File.expand_path("../probe.ru", __dir__)).first }
end
