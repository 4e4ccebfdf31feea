-- Writes an entry of the index, with a score that it did not have before.
--
-- KEYS[1]  the index
-- ARGV     1 score
--          2 key
--          3 'XX': only if there is an entry
-- Answers  1 it is new | 0 it is renewed | -1 there is none
-- A copy that comes late must not bring an old score back: whoever read that score before would take
-- the entry of a context that was created since for the one it saw, and remove it.
local before=redis.call('ZSCORE',KEYS[1],ARGV[2])
local score=tonumber(ARGV[1])
if before then
  score=math.max(score,tonumber(before)+1)
elseif ARGV[3] then
  return -1
end
redis.call('ZADD',KEYS[1],string.format('%.0f',score),ARGV[2])
return before and 0 or 1
