# What a Ruby service needs: a server with routes, the trace of a request, redis.
require "json"
require "securerandom"
require "socket"
require "webrick"

NAME = ENV.fetch("HOSTNAME")

def answer(reply, status, body)
  reply.status = status
  reply["content-type"] = "application/json"
  reply["x-replica"] = NAME
  reply.body = JSON.generate(body)
end

# routes: { [method, pattern] => ->(match, request) { [status, body] } }
def serve(routes)
  $stdout.sync = true
  nothing = WEBrick::Log.new(File::NULL)
  server = WEBrick::HTTPServer.new(Port: 8000, Logger: nothing, AccessLog: [], DoNotReverseLookup: true)
  server.mount_proc("/") do |request, reply|
    trace = request["traceparent"].to_s.split("-")[1] || SecureRandom.hex(16)
    status, body = handle(routes, request)
    answer(reply, status, body)
    puts "#{NAME} #{trace} #{request.request_method} #{request.path} #{status}"
  end
  trap("TERM") { server.shutdown }
  server.start
end

def handle(routes, request)
  return [200, { service: NAME }] if request.path == "/health"

  routes.each do |(method, pattern), handler|
    match = request.request_method == method && pattern.match(request.path)
    return handler.call(match, request) if match
  end
  [404, { error: "not here" }]
rescue JSON::ParserError, SystemCallError, ArgumentError => e
  [400, { error: e.message }]
end

# A connection to redis for each thread that asks.
def redis(*words)
  Thread.current[:redis] ||= TCPSocket.new("redis", 6379)
  parts = words.map { |word| word.to_s.b }
  Thread.current[:redis].write("*#{parts.size}\r\n".b + parts.map { |part| "$#{part.bytesize}\r\n".b + part + "\r\n".b }.join)
  value(Thread.current[:redis])
rescue SystemCallError, IOError
  Thread.current[:redis] = nil
  raise
end

def value(socket)
  line = socket.gets("\r\n") || raise(EOFError, "redis hung up")
  number = line[1..].to_i
  case line[0]
  when "$" then number.negative? ? nil : socket.read(number + 2)[0...-2].force_encoding("UTF-8")
  when "*" then Array.new(number) { value(socket) }
  when ":" then number
  else line[1..].chomp
  end
end
