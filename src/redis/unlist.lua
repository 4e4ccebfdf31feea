-- Takes entries out of the index that nobody has written again since their score was read.
--
-- KEYS[1]  the index
-- ARGV     score, key, score, key …
-- Answers  how many were removed
local removed=0
for i=1,#ARGV,2 do
  local score=redis.call('ZSCORE',KEYS[1],ARGV[i+1])
  -- As numbers: servers print the same score in more than one way.
  if score and tonumber(score)==tonumber(ARGV[i]) then
    removed=removed+redis.call('ZREM',KEYS[1],ARGV[i+1])
  end
end
return removed
