-- Storing outcomes and telling those who wait. Needs clock, tell and parking.

-- Bodies of more bytes stand in a key of their own, so that they can go before the rest.
local LARGE_BYTES = 65536

-- Stores the outcome of one generation and tells everyone who waits. What somebody waits for is kept for as long as the reply that
-- announces it, until they say that they have read it: a caller may be busy for longer than its TTL.
-- @param f of the job: what storeOutcome's callers have read, by name
local function storeOutcome(id, jobKey, gen, ok, head, body, f, inlineLimit)
  local outcome = base .. ':outcome:' .. id
  local ttl = tonumber(ok and f.ttl or f.failedTtl) or 3600000
  local large, awaited = #body > LARGE_BYTES, f.waiters and f.waiters ~= ''
  local kept = awaited and math.max(ttl, AWAITED_MS) or ttl
  if gen ~= '1' then rc('DEL', outcome, base .. ':body:' .. id) end
  -- The first write of an ordinary call, and one that a full Redis refuses: nothing is half done then.
  if large then
    rc('SET', base .. ':body:' .. id, body, 'PX', kept)
    rc('HSET', outcome, 'gen', gen, 'head', head, 'fp', f.fingerprint or '', 'at', now)
  else
    rc('HSET', outcome, 'gen', gen, 'head', head, 'body', body, 'fp', f.fingerprint or '', 'at', now)
  end
  if f.history then rc('HSET', outcome, 'hist', f.history) end
  rc('PEXPIRE', outcome, kept)
  local own = ok and large and awaited and f.waiters == f.own
  local acknowledge = own or kept > ttl
  if acknowledge then rc('HSET', outcome, 'w', f.waiters, 'ttl', ttl, 'own', own and '1' or '0') end
  if f.hasArgs then
    if ok then
      rc('DEL', base .. ':args:' .. id)
      rc('ZREM', base .. ':large', id)
    else
      rc('PEXPIRE', base .. ':args:' .. id, ttl)
    end
  end
  if f.bounded then rc('ZREM', base .. ':expiry', id) end
  if f.link then rc('ZREM', base .. ':linked', id) end
  if f.park then leaveParking(id, jobKey) end
  if not awaited then return end
  local told = #body <= inlineLimit and body or nil
  for waiter in string.gmatch(f.waiters, '%S+') do tell(base, waiter, id, gen, head, told, acknowledge) end
end
