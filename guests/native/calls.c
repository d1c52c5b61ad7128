/*
 * Makes every call of the kernel from C, once so that it works and once so that it fails. Prints how many results were right, and ends at
 * the first wrong one.
 */
#include "tessera.h"

enum { TASK = FIRST_FREE, THREAD, CONTEXT, PORTAL, SEMAPHORE, FACTORY, KEPT, PROCESS, PROCESS_CONTEXT, EVENTS, WEAK };
enum { THREAD_UTCB = 0x7f0000, PROCESS_UTCB = 0x10000, CODE = 0x400000, AT = 0x20000000, HIGH = 150, LOW = 40 };
static u8 stack[4096] __attribute__((aligned(16)));
static u8 page[4096] __attribute__((aligned(4096)));
static struct utcb *u;
static u64 done;

static void is(u64 status, u64 expected, const char *what) { if (status == expected) done++; else end(1, what); }

/* Answers with one more than it is sent; keeps the reply of label 2 in KEPT of its own task (which is ours). */
static void server(struct utcb *mine) {
  for (u64 flags = RECEIVE;;) {
    ipc(flags, 0, -1ul);
    flags = REPLY | RECEIVE;
    if (label_of(mine) == 2) {
      thread_keep_reply(mine, THREAD, KEPT);
      flags = RECEIVE;
    } else if (label_of(mine) == 3) semaphore_down(mine, SEMAPHORE, 0);
    mine->words[0]++;
    set_tag(mine, 0, 1);
  }
}
/* Runs in another task, as an alien: its calls come to us as events. */
static void process(void) { for (;;) __asm__ volatile("li a7, 172\n ecall" ::: "a0", "a7", "memory"); }

static void objects(void) {
  is(sched_context_set(u, OWN_SCHED_CONTEXT, 100, 0, 0), OK, "a lower priority of one's own");
  is(factory_create_factory(u, OWN_FACTORY, FACTORY, 100000, HIGH, 0), OK, "factory.createFactory");
  is(factory_create_factory(u, OWN_FACTORY, FACTORY, 1000, LOW, 0), BUSY, "a slot that is taken");
  is(factory_create_factory(u, FACTORY, TASK, 1000000, LOW, 0), NO_QUOTA, "a quota that is too small");
  is(factory_create_factory(u, FACTORY, TASK, 1000, HIGH + 1, 0), BAD_RIGHTS, "a priority that it does not reach");
  is(factory_create_factory(u, FACTORY, TASK, 1000, LOW, 1ul << 31), BAD_RIGHTS, "a hart that it has not");
  is(factory_create_task(u, FACTORY, TASK, 0), OK, "factory.createTask");
  is(factory_create_task(u, FACTORY, WEAK, 7), BAD_ARGUMENT, "a kind of task that there is not");
  is(factory_create_semaphore(u, FACTORY, SEMAPHORE, 2), OK, "factory.createSemaphore");
  is(factory_account(u, FACTORY), OK, "factory.account");
  is(u->words[0], 100000, "the quota");
  is(u->words[2], HIGH, "the highest priority");
  is(factory_create_thread(u, FACTORY, THREAD, OWN_TASK, 0, THREAD_UTCB, 0), OK, "factory.createThread");
  is(factory_create_portal(u, FACTORY, PORTAL, THREAD, 77, 0), OK, "factory.createPortal");
  is(factory_create_sched_context(u, FACTORY, CONTEXT, HIGH, 0, 0), OK, "factory.createSchedContext");
  is(factory_create_sched_context(u, FACTORY, WEAK, 256, 0, 0), BAD_ARGUMENT, "a priority that there is not");
  is(factory_create_sched_context(u, FACTORY, WEAK, HIGH + 1, 0, 0), BAD_RIGHTS, "a priority above the factory's");
}
static void semaphores(void) {
  is(semaphore_down(u, SEMAPHORE, 1), OK, "semaphore.down");
  is(u->words[0], 2, "all of it");
  is(semaphore_up(u, SEMAPHORE), OK, "semaphore.up");
  set_tag(u, SEMAPHORE_DOWN, 0);
  is(ipc(SEND | CALL | RECEIVE, SEMAPHORE, 1000).status, OK, "one that is there");
  set_tag(u, SEMAPHORE_DOWN, 0);
  is(ipc(SEND | CALL | RECEIVE, SEMAPHORE, 1000).status, TIMEOUT, "one that does not come");
  is(semaphore_ack(u, SEMAPHORE), BAD_KIND, "semaphore.ack");
  is(semaphore_route(u, SEMAPHORE, 0), BAD_KIND, "semaphore.route");
}
static void messages(void) {
  is(thread_bind(u, THREAD, CONTEXT), OK, "thread.bind");
  is(thread_start(u, THREAD, (u64)server, (u64)stack + sizeof stack, THREAD_UTCB), OK, "thread.start");
  is(thread_start(u, THREAD, 0, 0, 0), BUSY, "starting twice");
  u->words[0] = 41;
  is(call(u, PORTAL, 1, 1), OK, "a call");
  is(u->words[0], 42, "its answer");
  set_tag(u, 2, 0);
  is(ipc(SEND | CALL | RECEIVE, PORTAL, 100000).status, TIMEOUT, "an answer that is kept back");
  is(ipc(SEND, KEPT, 0).status, BAD_CAP, "a reply after its caller has gone");
  set_tag(u, 3, 0);
  is(ipc(SEND, PORTAL, 100000).status, OK, "a send");
  is(thread_cancel(u, THREAD), OK, "thread.cancel");
  is(thread_recall(u, THREAD), OK, "thread.recall");
  is(ipc(RECEIVE, PORTAL, 0).status, BAD_ARGUMENT, "waiting through another's portal");
  is(ipc(RECEIVE, 0, 1000).status, TIMEOUT, "waiting for nobody");
  is(ipc(REPLY, 0, 0).status, DEAD, "answering nobody");
  is(sched_context_set(u, CONTEXT, HIGH, 100000, 1000000), OK, "schedContext.set");
  is(sched_context_set(u, CONTEXT, 255, 0, 0), BAD_RIGHTS, "a priority above the factory's, later");
  is(sched_context_consumed(u, CONTEXT), OK, "schedContext.consumed");
  is(u->words[0] > 0, 1, "it has used time");
}
static void memory(void) {
  is(task_map(u, TASK, 0, memory_page((u64)page, 12, RIGHT_RW), AT, 0), OK, "task.map");
  is(task_lookup(u, TASK, AT), OK, "task.lookup");
  is(u->words[0], memory_page(AT, 12, RIGHT_RW), "what is mapped");
  is(task_unmap(u, OWN_TASK, memory_page((u64)page, 12, RIGHT_W), 0), OK, "task.unmap");
  task_lookup(u, TASK, AT);
  is(u->words[0], memory_page(AT, 12, RIGHT_R), "a right less");
  is(task_map(u, TASK, 0, memory_page(AT, 12, RIGHT_R), AT, 0), FAULT, "memory that is not there");
  is(task_map(u, OWN_TASK, 0, cap_page(SEMAPHORE, 0, CAP_USE), WEAK, 0), OK, "a weaker capability");
  is(semaphore_down(u, WEAK, 0), BAD_RIGHTS, "a right that it lacks");
  is(task_unmap(u, OWN_TASK, cap_page(SEMAPHORE, 0, CAP_ALL), 0), OK, "what was derived goes");
  is(semaphore_up(u, WEAK), BAD_CAP, "and is gone");
  is(task_fence(u, TASK, 0, 0), BAD_ARGUMENT, "task.fence");
  is(task_name(u, TASK, put_text(0, "c") - 1), OK, "task.name");
}
static void events(void) {
  is(task_map(u, TASK, 0, memory_page(CODE, 15, RIGHT_RX), CODE, 0), OK, "the program in the other task");
  is(factory_create_thread(u, FACTORY, PROCESS, TASK, THREAD_FLAG_ALIEN, PROCESS_UTCB, 0), OK, "an alien");
  is(factory_create_sched_context(u, FACTORY, PROCESS_CONTEXT, LOW, 0, 0), OK, "its context");
  is(factory_create_portal(u, FACTORY, EVENTS, OWN_THREAD, 99, MTD_ARGS | MTD_PC), OK, "a portal for its events");
  is(thread_set_events(u, PROCESS, EVENTS, 0x1ffe), OK, "thread.setEvents");
  u->state.pc = (u64)process;
  is(thread_set_state(u, PROCESS, MTD_PC), OK, "thread.setState");
  is(thread_bind(u, PROCESS, PROCESS_CONTEXT), OK, "its time");
  is(thread_start(u, PROCESS, (u64)process, 0, 0), OK, "its start");
  struct answer event = ipc(RECEIVE, 0, 10000000);
  is(event.status, OK, "its event");
  is(event.badge, 99, "through the portal");
  is(label_of(u), CAUSE_SYSCALL, "a system call");
  is(u->state.x[17], 172, "with its number");
  is(thread_get_state(u, PROCESS, MTD_ARGS | MTD_REGS), OK, "thread.getState");
  u->state.x[10] = 5, u->mtd = MTD_RESULT;
  set_tag(u, RESUME_STOP, 0);
  is(ipc(REPLY, 0, 0).status, OK, "a reply that stops it");
  is(thread_info(u, PROCESS), OK, "thread.info");
  is(u->words[0], 6, "it is stopped");
  is(thread_resume(u, PROCESS), OK, "thread.resume");
  is(ipc(RECEIVE, 0, 10000000).status, OK, "its next event");
  is(thread_name(u, PROCESS, put_text(0, "p") - 1), OK, "thread.name");
  is(thread_kill(u, PROCESS), OK, "thread.kill");
  is(thread_kill(u, PROCESS), OK, "killing twice");
  is(thread_resume(u, PROCESS), DEAD, "the dead stay so");
}

void main(const struct info *info) {
  begin(info);
  u = self.utcb;
  objects();
  semaphores();
  messages();
  memory();
  events();
  is(task_delete(u, OWN_TASK, EVENTS), OK, "task.delete");
  is(task_unmap(u, OWN_TASK, cap_page(FACTORY, 0, CAP_ALL), 1), OK, "the factory, and everything made of it");
  is(thread_info(u, THREAD), BAD_CAP, "is gone");
  print_number(done, 10);
  print(" answers are right\n");
  end(0, "done");
}
