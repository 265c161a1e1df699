-- How attempts ended that did not settle their call: which runner, from when to when, its last lines. Bounded; read by history.ts.
local function note(jobKey, ended)
  local f = rc('HMGET', jobKey, 'f:hist', 'processedOn', 'f:ll', 'f:run')
  local fine, list = pcall(cjson.decode, f[1] or '[]')
  if not fine or type(list) ~= 'table' then list = {} end
  local lines = rc('LLEN', jobKey .. ':logs')
  local fresh = math.min(5, lines - (tonumber(f[3] or '0') or 0))
  local entry = { runner = f[4] or '', at = tonumber(f[2] or '0') or 0, till = now, ended = ended }
  if fresh > 0 then
    entry.lines = rc('LRANGE', jobKey .. ':logs', -fresh, -1)
    for i, line in ipairs(entry.lines) do entry.lines[i] = string.sub(line, 1, 300) end
  end
  list[#list + 1] = entry
  while #list > 10 do table.remove(list, 1) end
  rc('HSET', jobKey, 'f:hist', cjson.encode(list), 'f:ll', lines)
end
