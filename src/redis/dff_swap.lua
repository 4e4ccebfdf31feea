-- One save of one context as a single value, for storages shared with DFF itself.
--
-- KEYS[1]  the key
-- ARGV     1 expected: start of the SHA-1 of the value this save replaces; '' = there must be none
--          2 own: the same of the new value   3 ttl in milliseconds, 0 = for ever
--          4 fence: server time in milliseconds after which this copy is too late
--          5 the new value; '' deletes
-- Answers  S now | A found | C found | L now, as save.lua does; found = what is there, as expected,
--          filled up with blanks to the 20 bytes that save.lua answers of a row
local k,expected=KEYS[1],ARGV[1]
local value=redis.call('GET',k)
local found=value and redis.sha1hex(value):sub(1,16) or ''
if found~=expected then
  local padded=string.format('%-20s',found)
  if found==ARGV[2] then return {'A',padded} end
  return {'C',padded}
end
local time=redis.call('TIME')
local now=time[1]*1000+math.floor(time[2]/1000)
if now>tonumber(ARGV[4]) then return {'L',now} end
if ARGV[5]=='' then
  redis.call('UNLINK',k)
elseif tonumber(ARGV[3])>0 then
  redis.call('SET',k,ARGV[5],'PX',ARGV[3])
else
  redis.call('SET',k,ARGV[5])
end
return {'S',now}
