-- What lies under several contexts' names.
--
-- KEYS     the names
-- Answers  a letter for each: - nothing, X something else than a list, T a tombstone, C a context
-- The length first: only a log of one row can be a tombstone, and rows may be long.
local letters={}
for i=1,#KEYS do
  local length=redis.pcall('LLEN',KEYS[i])
  if type(length)=='table' then
    if not string.find(length.err,'WRONGTYPE',1,true) then return length end
    letters[i]='X'
  elseif length==1 then
    letters[i]=redis.call('LINDEX',KEYS[i],-1):sub(1,1)=='T' and 'T' or 'C'
  else
    letters[i]=length==0 and '-' or 'C'
  end
end
return table.concat(letters)
