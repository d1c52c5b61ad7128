/** The tables that a trace becomes for queries. The page docs/queries.md shows this text, and a spec compares the two. */
export const SCHEMA = `-- Times and durations are cycles (1 cycle = 1 ns of virtual time). NULL = not known, or not answered in the trace.

-- Tasks, threads, portals and semaphores by number.
create table objects (id integer primary key, kind text, name text, parent integer, task text);

-- Every record as the kernel wrote it; microkernel/abi/trace.ts says what a, b and c are for each kind. what(seq) is its line in words.
create table records (seq integer primary key, time real, kind text, hart integer, status text, actor integer, object integer,
  task text, thread text, cause integer, a integer, b integer, c real, latency real);

-- Events: system calls, faults, exits. detail: system call number, address, SBI extension. server: the task that answers.
create table events (seq integer primary key, time real, task text, thread text, server text, cause text, detail real, bytes integer,
  answer integer, latency real);

-- System calls. call and result need payload (--trace-payload); error is the name of an error number.
create table syscalls (seq integer primary key, time real, task text, thread text, nr integer, name text, call text, result integer,
  error text, latency real);

-- Page faults of processes: who resolved them, with how many mappings of how many bytes.
create table faults (seq integer primary key, time real, task text, address integer, access text, server text, maps integer,
  bytes integer, latency real);

-- What guests leave their virtual machines for. device, register, access: device registers; call: SBI;
-- value: what was stored or loaded (payload).
create table exits (seq integer primary key, time real, task text, cause text, address integer, device text, register text,
  access text, value integer, call text, latency real);

-- Messages between tasks. request: its name; text: with operands (payload).
create table messages (seq integer primary key, time real, sender text, receiver text, request text, text text, words integer,
  items integer, status text, answer integer, latency real);

-- Mappings made and taken. what: memory or capability; cause: the record whose message or answer carried it.
create table maps (seq integer primary key, time real, op text, actor text, target text, what text, address integer, bytes integer,
  rights text, status text, cause integer);

-- Operations of kernel objects.
create table operations (seq integer primary key, time real, task text, thread text, operation text, object integer, first integer,
  status text);

-- Who ran: from one thread switch of a hart to the next.
create table runs (seq integer primary key, time real, hart integer, task text, thread text, priority integer, duration real);
`;

/** Indexes: made after all rows are in, where there is memory to sort them. */
export const INDEXES = 'create index records_cause on records(cause); create index records_time on records(time);';
