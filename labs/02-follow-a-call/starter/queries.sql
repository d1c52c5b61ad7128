-- 1. How often is each system call made? Columns: name, times. The most frequent first; of equals by name.
select name from syscalls;

-- 2. The {{slowest}} system calls that took longest, of those that were answered. Columns: seq, name, latency. The longest first.

-- 3. The life of one call: of the first '{{call}}' that was answered, every record from its event to its answer. Columns: seq, kind, task. In order.

-- 4. How many records does a '{{call}}' make, from its event to its answer? Columns: the fewest, the most, over all that were answered.

-- 5. Page faults: for each task and kind of access (load, store, fetch) how many, and how many bytes came with the answers. Columns: task, access, faults, bytes. By task, then access.

-- 6. The three tasks that used the processor most. Columns: task, turns, cycles. The most cycles first.

-- 7. What does the task that answers system calls ask other tasks for, in the whole run? Columns: receiver, request, messages. By receiver, then request.

-- 8. How long does each process live, from its first event to its call of 'exit_group'? Columns: task, cycles. The longest first; of equals by task.

-- 9. Of each 'write' that was answered: how long the server itself ran in turns that began between event and answer. Columns: seq, cycles. In order.
