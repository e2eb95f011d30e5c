"""The moves of a circuit breaker, each one script and so atomic, whoever else moves it.

A breaker is one hash. Closed, it holds counts by time slice: `calls:<slice>` and `failures:<slice>`. Open, it
holds `opened_ms` and `probe_due_ms`: nobody passes before that moment; the first one after it is let through
as the probe and moves it on by a cool-down, so that a probe that never reports is followed by another one.
What a call tells that began before the breaker opened no longer counts.

KEYS: the breaker, and the set of all breakers by last use. ARGV: milliseconds now ('' for the clock of the
server), window, cool-down, failures and share that open it, a token of the caller, words for its failure.
"""

#: Breakers that `states` can list; those used longest ago are forgotten first.
MOST_BREAKERS = 500
OPEN_SECONDS = 86_400  #: an open breaker that nobody calls is forgotten, which closes it
_LISTED_SECONDS = 7 * 86_400

_BOUNDS = f"""
local open_ms, listed_ms, most = {OPEN_SECONDS * 1000}, {_LISTED_SECONDS * 1000}, {MOST_BREAKERS}
"""

_BEGIN = (
    _BOUNDS
    + """
local breaker, all = KEYS[1], KEYS[2]
local now = tonumber(ARGV[1])
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local window, cool_down = tonumber(ARGV[2]), tonumber(ARGV[3])
local most_failures, share = tonumber(ARGV[4]), tonumber(ARGV[5])
local token, words = ARGV[6], ARGV[7]

local function get(field) return redis.call('HGET', breaker, field) end
local function opened() return redis.call('HEXISTS', breaker, 'opened_ms') == 1 end
local function is_probe() return token ~= '' and get('probe') == token end

local function remember(milliseconds)
    redis.call('PEXPIRE', breaker, milliseconds)
    redis.call('ZADD', all, now, breaker)
    redis.call('ZREMRANGEBYSCORE', all, '-inf', now - listed_ms)
    redis.call('ZREMRANGEBYRANK', all, 0, -1 - most)
end

-- Adds one call to its slice, forgets slices that have left the window, and returns what remains.
local function count(failed)
    local width = math.ceil(window / 10)
    local slice = math.floor(now / width) * width
    redis.call('HINCRBY', breaker, 'calls:' .. slice, 1)
    redis.call('HINCRBY', breaker, 'failures:' .. slice, failed)
    redis.call('HSET', breaker, 'window_ms', window)
    local sums = {calls = 0, failures = 0}
    local fields = redis.call('HGETALL', breaker)
    for i = 1, #fields, 2 do
        local what, of = string.match(fields[i], '^(%a+):(%d+)$')
        if what and tonumber(of) <= now - window then
            redis.call('HDEL', breaker, fields[i])
        elseif what then
            sums[what] = sums[what] + tonumber(fields[i + 1])
        end
    end
    remember(window)
    return sums
end
"""
)

#: Milliseconds that a call must wait; 0 when it may pass, -1 when it passes as the probe.
ENTER = (
    _BEGIN
    + """
if not opened() then return 0 end
local due = tonumber(get('probe_due_ms'))
if now < due then return due - now end
redis.call('HSET', breaker, 'probe', token, 'probe_due_ms', now + cool_down)
return -1
"""
)

#: Report a call that the dependency answered: closes after a probe. Returns 1 when it did.
SUCCEED = (
    _BEGIN
    + """
if not opened() then count(0) return 0 end
if not is_probe() then return 0 end
redis.call('DEL', breaker)
redis.call('ZADD', all, now, breaker)
return 1
"""
)

#: Report a call that failed: opens past the limit, and again after a probe. Returns 1 when it did.
FAIL = (
    _BEGIN
    + """
local reopens = is_probe()
if opened() then
    if not reopens then return 0 end
    redis.call('HDEL', breaker, 'probe')
    redis.call('HSET', breaker, 'probe_due_ms', now + cool_down, 'reason', words)
    remember(open_ms)
    return 1
end
local sums = count(1)
redis.call('HSET', breaker, 'reason', words)
if sums.failures < most_failures or sums.failures < share * sums.calls then return 0 end
redis.call('HSET', breaker, 'opened_ms', now, 'probe_due_ms', now + cool_down)
remember(open_ms)
return 1
"""
)
