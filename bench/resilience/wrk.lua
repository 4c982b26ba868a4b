-- What wrk.py has wrk do: a pause between two requests of a connection, every answer looked at, and
-- the sums as one line of JSON.
local threads = {}
local pause

function setup(thread)
    table.insert(threads, thread)
end

function init(arguments)
    pause = tonumber(arguments[1]) -- milliseconds
    wrong = 0
end

function delay()
    return pause
end

function response(status, _, body)
    if status ~= 200 or body ~= "hello\n" then
        wrong = wrong + 1
    end
end

function done(summary, latency)
    local errors, sum = summary.errors, 0
    for _, thread in ipairs(threads) do
        sum = sum + thread:get("wrong")
    end
    print(string.format(
        '{"requests": %d, "wrong": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d, "p99_ms": %.1f, "max_ms": %.1f}',
        summary.requests, sum, errors.connect, errors.read, errors.write, errors.timeout,
        latency:percentile(99) / 1000, latency.max / 1000))
end
