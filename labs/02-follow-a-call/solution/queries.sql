-- 1. How often is each system call made? Columns: name, times. The most frequent first; of equals by name.
select name, count(*) from syscalls group by name order by count(*) desc, name;

-- 2. The {{slowest}} system calls that took longest, of those that were answered. Columns: seq, name, latency. The longest first.
select seq, name, latency from syscalls where latency is not null order by latency desc, seq limit {{slowest}};

-- 3. The life of one call: of the first '{{call}}' that was answered, every record from its event to its answer. Columns: seq, kind, task. In order.
select r.seq, r.kind, r.task from records r
  join (select e.seq as born, e.answer as done from syscalls s join events e on e.seq = s.seq where s.name = '{{call}}' and e.answer is not null order by e.seq limit 1) on r.seq between born and done
  order by r.seq;

-- 4. How many records does a '{{call}}' make, from its event to its answer? Columns: the fewest, the most, over all that were answered.
select min(n), max(n) from (
  select count(*) as n from syscalls s join events e on e.seq = s.seq join records r on r.seq between e.seq and e.answer where s.name = '{{call}}' group by s.seq);

-- 5. Page faults: for each task and kind of access (load, store, fetch) how many, and how many bytes came with the answers. Columns: task, access, faults, bytes. By task, then access.
select task, access, count(*), sum(bytes) from faults group by task, access order by task, access;

-- 6. The three tasks that used the processor most. Columns: task, turns, cycles. The most cycles first.
select task, count(*), sum(duration) from runs group by task order by sum(duration) desc limit 3;

-- 7. What does the task that answers system calls ask other tasks for, in the whole run? Columns: receiver, request, messages. By receiver, then request.
select receiver, request, count(*) from messages where sender in (select server from events where cause = 'syscall') and receiver <> sender
  group by receiver, request order by receiver, request;

-- 8. How long does each process live, from its first event to its call of 'exit_group'? Columns: task, cycles. The longest first; of equals by task.
select x.task, x.time - (select min(time) from events e where e.task = x.task) as life from syscalls x where x.name = 'exit_group' order by life desc, x.task;

-- 9. Of each 'write' that was answered: how long the server itself ran in turns that began between event and answer. Columns: seq, cycles. In order.
select s.seq, sum(r.duration) from syscalls s join events e on e.seq = s.seq join runs r on r.seq between e.seq and e.answer and r.task = e.server
  where s.name = 'write' group by s.seq order by s.seq;
