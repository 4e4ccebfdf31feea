-- One save of one context. The only place where a context's key is written.
--
-- KEYS[1]  the context's list of rows
-- ARGV     1 head, in one piece because every argument costs the server more than its bytes:
--            op     a append, s seal, e edit, h drop head, r replace, d delete, t touch
--            first  '1' or '3' as long as no copy of this save went unanswered; '3' or '4': the
--                   connection wants to be told when others change the key (CLIENT TRACKING)
--            ttl    6 bytes: milliseconds the key lives on; 0 = for ever. Of a delete: the tombstone's
--                   life
--            fence  6 bytes: server time in milliseconds after which this copy is too late
--            n      4 bytes, signed. Of s: rows the seal takes off the end; of e: the edited row; of
--                   h: rows to drop
--            base   12 bytes: sequence and token of the last row this save was made on; none = nothing
--          2…       rows; the last one has the token of this save, the same on every copy of it
-- Answers  S now | A header | C header | H header | D header | G | L now | F | X | E
--
-- Written for Redis 6.0 to 8 and Valkey: no shebang, which 6 does not know, and which makes 7 refuse
-- even the reads of a script when memory is full.
-- A script is not rolled back, so everything that can raise an error comes before the first write:
-- the reads (WRONGTYPE), the count of arguments (unpack raises above 8000), and as first write of
-- every path but delete a command that is refused when memory is full. Delete works when it is full.
-- Strings are compared with == only: < asks the server's locale.
local k,head=KEYS[1],ARGV[1]
if #ARGV>4000 then return {'E'} end
local op,base,flags=head:sub(1,1),head:sub(19),head:byte(2)
local own=#ARGV>1 and ARGV[#ARGV]:sub(9,16) or ''
-- In numbers of at most four bytes, which every server's struct has.
local th,tl,fh,fl,n=struct.unpack('>I4I2I4I2i4',head,3)
local ttl=th*65536+tl
local last=redis.call('LINDEX',k,-1)
local cur=''
if last then
  -- Formats '1' and '2' (sealed) are written here; a row of '3' to '9' is a newer library's and is
  -- left alone; anything else is no row of ours.
  local f=last:byte(2)
  if #last<24 or not f or f<49 or f>57 then return {'X'} end
  if f>50 then return {'F'} end
  if not string.find('PKDT',last:sub(1,1),1,true) then return {'X'} end
  cur=last:sub(5,16)
end
if cur~=base then
  if not last then return {'G'} end
  local h=last:sub(1,20)
  if cur:sub(5)==own then
    -- An earlier copy may have written the row and stopped before the expiry.
    if ttl>0 then redis.call('PEXPIRE',k,ttl) end
    return {'A',h}
  end
  if last:sub(1,1)=='T' then return {'D',h} end
  if base=='' and flags%2==1 then return {'C',h} end
  -- Walks back from the newest row to the base: this save can only be right behind it. A page lists
  -- the tokens of the rows it took the place of; the last of them has the page's own sequence.
  local bs=base=='' and 0 or struct.unpack('>I4',base)
  local bt,s,hi=base:sub(5),0,-1
  repeat
    local rows=redis.call('LRANGE',k,hi-15,hi)
    for i=#rows,1,-1 do
      local r=rows[i]
      if #r<26 and (#r<24 or r:sub(1,1)=='P') then return {'X'} end
      s=struct.unpack('>I4',r,5)
      if r:sub(1,1)=='P' then
        local c=struct.unpack('>I2',r,25)
        for j=c,1,-1 do
          local t=r:sub(19+8*j,26+8*j)
          if t==own then return {'A',h} end
          if s-c+j==bs and t==bt then return {'C',h} end
        end
        if c>0 then s=s-c+1 end
      else
        local t=r:sub(9,16)
        if t==own then return {'A',h} end
        if s==bs and t==bt then return {'C',h} end
      end
      if s<bs then return {'H',h} end
    end
    hi=hi-16
  until #rows<16
  if base=='' and s==1 then return {'C',h} end
  return {'H',h}
end
local time=redis.call('TIME')
local now=time[1]*1000+math.floor(time[2]/1000)
if now>fh*65536+fl then return {'L',now} end
if op=='a' then
  redis.call('RPUSH',k,unpack(ARGV,2))
elseif op=='s' then
  -- LSET over the oldest row to go, not LTRIM: it is refused when memory is full.
  redis.call('LSET',k,-n,ARGV[2])
  redis.call('LTRIM',k,0,-n)
  if ARGV[3] then redis.call('RPUSH',k,unpack(ARGV,3)) end
elseif op=='e' then
  redis.call('LSET',k,n,ARGV[2])
  if ARGV[3] then redis.call('RPUSH',k,unpack(ARGV,3)) end
elseif op=='h' then
  redis.call('RPUSH',k,unpack(ARGV,2))
  redis.call('LTRIM',k,n,-1)
elseif op=='r' then
  redis.call('RPUSH',k,unpack(ARGV,2))
  if base~='' then redis.call('LTRIM',k,1-#ARGV,-1) end
elseif op=='d' then
  -- PERSIST changes nothing that matters; it comes first because it works when memory is full, and so
  -- does what follows it. The key is never away: a cluster's node whose slot is being moved refuses a
  -- script every further command on a key that is.
  redis.call('PERSIST',k)
  redis.call('LSET',k,-1,ARGV[2])
  redis.call('LTRIM',k,-1,-1)
elseif op~='t' then
  return {'E'}
end
-- Without a ttl too: the key may have one from a tombstone, or from when the namespace had one.
if ttl>0 then redis.call('PEXPIRE',k,ttl) else redis.call('PERSIST',k) end
-- A server tells of a key that was read; whoever wrote it since has read it no more.
if flags>50 then redis.call('LRANGE',k,1,0) end
return {'S',now}
