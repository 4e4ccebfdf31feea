-- Which of the commands that saving needs the user may not run. A save that is refused a command
-- half-way leaves half of its effect, and what keeps the listing right behind a save fails in silence;
-- so this is asked before the first save.
--
-- KEYS[1]  a key under which nothing is stored
-- Answers  the names of the refused commands
local k=KEYS[1]
local needs={
  {'LINDEX',k,'-1'},{'LRANGE',k,'0','0'},{'TIME'},{'UNLINK',k},{'PERSIST',k},{'PEXPIRE',k,'1'},
  {'LSET',k,'0',''},{'LTRIM',k,'0','0'},{'ZADD',k,'XX','0',''},{'ZSCORE',k,''},{'ZREM',k,''},
  {'ZRANGEBYSCORE',k,'0','0'},{'RPUSH',k,''}}
local refused={}
for i=1,#needs do
  local may=true
  if redis.acl_check_cmd then
    may=redis.acl_check_cmd(unpack(needs[i]))
  elseif i<#needs or #refused==0 then
    -- Before 7 the only way to ask is to run it. Nothing is stored there, so all but the last do
    -- nothing, and the last is undone. Where another application has stored something all the same,
    -- nothing is asked: it would be gone.
    local reply=redis.pcall(unpack(needs[i]))
    if i==1 and (type(reply)=='string' or
        type(reply)=='table' and string.find(reply.err,'WRONGTYPE',1,true)) then
      return refused
    end
    if type(reply)=='table' and reply.err then
      may=not (string.find(reply.err,"user executing the script",1,true)
        or string.find(reply.err,'NOPERM',1,true))
    elseif i==#needs then
      redis.pcall('UNLINK',k)
    end
  end
  if not may then refused[#refused+1]=needs[i][1] end
end
return refused
