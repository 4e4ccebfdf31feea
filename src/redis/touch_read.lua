-- Reads the newest rows of a context and lets it live on.
--
-- KEYS[1]  the context's list of rows
-- ARGV     1 first row (negative: from the end), 2 milliseconds to live
-- Answers  {rows, now in milliseconds}
-- A tombstone keeps its own life: shortened, it could not outlive late copies of earlier saves.
local rows=redis.call('LRANGE',KEYS[1],ARGV[1],-1)
local time=redis.call('TIME')
local last=rows[#rows]
if last and last:sub(1,1)~='T' then redis.call('PEXPIRE',KEYS[1],ARGV[2]) end
return {rows,time[1]*1000+math.floor(time[2]/1000)}
