-- Writes an entry of the index, with a score that it did not have before.
--
-- KEYS[1]  the index
-- ARGV     1 the time as the client knows it, in microseconds
--          2 key
--          3 'XX': only if there is an entry
-- Answers  {state, score, now}; state: 1 it is new | 0 it is renewed | -1 there is none
--
-- The server's own time counts, for the client's may be of before a jump of the clock. The client's is
-- the better one only where an index is spread over servers whose clocks differ: it is of the one
-- clock by which all of them are judged old.
-- A copy that comes late must not bring an old score back: whoever read that score before would take
-- the entry of a context that was created since for the one it saw, and remove it.
local before=redis.call('ZSCORE',KEYS[1],ARGV[2])
local time=redis.call('TIME')
local now=time[1]*1000000+time[2]
local score=math.max(tonumber(ARGV[1]),now)
if before then
  score=math.max(score,tonumber(before)+1)
elseif ARGV[3] then
  return {-1,'',string.format('%.0f',now)}
end
local text=string.format('%.0f',score)
redis.call('ZADD',KEYS[1],text,ARGV[2])
return {before and 0 or 1,text,string.format('%.0f',now)}
