-- Writes to a context's key without changing anything, so that a WAIT behind it also waits for what
-- was written before: it asks for no more than the last write of its own connection.
--
-- KEYS[1]  the context's list of rows
local life=redis.call('PTTL',KEYS[1])
if life>0 then
  redis.call('PEXPIRE',KEYS[1],life)
elseif life==-1 then
  redis.call('PEXPIRE',KEYS[1],'315360000000')
  redis.call('PERSIST',KEYS[1])
end
return life
