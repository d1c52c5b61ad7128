/*
 * The microkernel's records and calls for C, made by microkernel/testing/abi-header.ts: do not edit. Include tessera.h.
 * docs/reference/kernel.md says what each call does and answers.
 */
#pragma once
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

enum { IPC = 0x4c34, MAX_WORDS = 64, MAX_ITEMS = 16 };
/* Flags of the call. */
enum { SEND = 1, RECEIVE = 2, CALL = 4, REPLY = 8 };
/* Statuses. */
enum { OK = 0, BAD_CAP = 1, BAD_KIND = 2, BAD_RIGHTS = 3, BAD_OP = 4, BAD_ARGUMENT = 5, NO_QUOTA = 6, BUSY = 7, TIMEOUT = 8, ABORTED = 9, DEAD = 10, FAULT = 11 };
/* Causes of events: the label of the message. */
enum { CAUSE_STARTUP = 0, CAUSE_RECALL = 1, CAUSE_SYSCALL = 2, CAUSE_PAGE_FAULT = 3, CAUSE_ILLEGAL = 4, CAUSE_BREAKPOINT = 5, CAUSE_MISALIGNED = 6, CAUSE_ACCESS_FAULT = 7, CAUSE_SBI = 8, CAUSE_GUEST_PAGE_FAULT = 9, CAUSE_VIRTUAL_INSTRUCTION = 10, CAUSE_WFI = 11, CAUSE_GUEST_TRAP = 12, CAUSE_OWN_CALL = 13, CAUSE_OWN_CALLED = 14 };
/* Label of a reply to an event. */
enum { RESUME_GO = 0, RESUME_LET_THROUGH = 1, RESUME_STOP = 2, RESUME_WATCH = 3 };
/* State groups. */
enum { MTD_ARGS = 1, MTD_REGS = 2, MTD_PC = 4, MTD_FPU = 8, MTD_EXIT = 0x10, MTD_MODE = 0x20, MTD_VS = 0x40, MTD_IRQ = 0x80, MTD_TIME = 0x100, MTD_CONTROL = 0x200, MTD_RESULT = 0x400, MTD_UNITS = 0x800, MTD_VISIT = 0x1000 };
/* Rights of memory, and of capabilities. */
enum { RIGHT_R = 1, RIGHT_W = 2, RIGHT_X = 4, RIGHT_RW = 3, RIGHT_RX = 5, RIGHT_RWX = 7 };
enum { CAP_USE = 1, CAP_CONTROL = 2, CAP_MAP = 4, CAP_ALL = 7 };
/* Flags of items and of new threads. */
enum { ITEM_GRANT = 1, ITEM_DEVICE = 2 };
enum { THREAD_FLAG_GUEST = 1, THREAD_FLAG_ALIEN = 2, THREAD_FLAG_TYPESCRIPT = 4 };
/* What the first task finds in its capability space, and what every component does. */
enum { INITIAL_TASK = 1, INITIAL_THREAD = 2, INITIAL_FACTORY = 3, INITIAL_SCHED_CONTEXT = 4, INITIAL_IRQ_BASE = 0x40 };
enum { OWN_TASK = 1, OWN_THREAD = 2, OWN_FACTORY = 3, OWN_SCHED_CONTEXT = 4 };

/* The state area of a UTCB, and the UTCB. tag: words in bits 0–6, items in bits 8–12, label in bits 32–63. */
struct item { u64 flexpage, destination, flags; };
struct state { u64 x[32]; u64 f[32]; u64 pc; u64 fcsr; u64 mode; u64 vsstatus; u64 vstvec; u64 vsscratch; u64 vsepc; u64 vscause; u64 vstval; u64 vsatp; u64 hvip; u64 vsie; u64 vstimecmp; u64 htimedelta; u64 hcounteren; u64 henvcfg; u64 hedeleg; u64 hideleg; u64 hstatus; u64 fs; u64 senvcfg; u64 scounteren; };
struct utcb { u64 tag; u64 badge; u64 window; u64 cap_window; u64 mtd; u64 visit; u64 gap0[2]; u64 words[64]; struct item items[16]; u64 gap1[8]; struct state state; };
_Static_assert(__builtin_offsetof(struct utcb, state) == 0x400, "the state area of a UTCB");
_Static_assert(__builtin_offsetof(struct state, hstatus) == 0x290, "its last register");

/* Flexpages: a naturally aligned range of memory, or of selectors, with rights. */
static inline u64 memory_page(u64 base, u64 order, u64 rights) { return base | order << 4 | rights; }
static inline u64 cap_page(u64 selector, u64 order, u64 rights) { return selector << 12 | order << 4 | 8 | rights; }

static inline void set_tag(struct utcb *u, u64 label, u64 words) { u->tag = label << 32 | words; }
static inline u64 label_of(const struct utcb *u) { return u->tag >> 32; }
static inline u64 words_of(const struct utcb *u) { return u->tag & 127; }

/* The system call. time-out in ns, -1: never. */
struct answer { u64 status, badge; };
static inline struct answer ipc(u64 flags, u64 cap, u64 timeout) {
  register u64 a0 __asm__("a0") = flags;
  register u64 a1 __asm__("a1") = cap;
  register u64 a2 __asm__("a2") = timeout;
  register u64 a7 __asm__("a7") = IPC;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a7) : "memory");
  return (struct answer){a0, a1};
}
/* Sends the message in the UTCB and waits for the reply. */
static inline u64 call(struct utcb *u, u64 cap, u64 label, u64 words) {
  set_tag(u, label, words);
  return ipc(SEND | CALL | RECEIVE, cap, -1ul).status;
}

/* Operations of kernel objects: labels, and a function for each that answers the status; results stand in u->words. */
enum {
  FACTORY_CREATE_TASK = 0x100, /* sel kind */
  FACTORY_CREATE_THREAD = 0x101, /* sel task flags utcb hart */
  FACTORY_CREATE_PORTAL = 0x102, /* sel thread label mtd */
  FACTORY_CREATE_SEMAPHORE = 0x103, /* sel count */
  FACTORY_CREATE_SCHED_CONTEXT = 0x104, /* sel priority budget period */
  FACTORY_CREATE_FACTORY = 0x105, /* sel quota priority harts */
  FACTORY_ACCOUNT = 0x106,
};
static inline u64 factory_create_task(struct utcb *u, u64 cap, u64 sel, u64 kind) { u->words[0] = sel, u->words[1] = kind; return call(u, cap, FACTORY_CREATE_TASK, 2); }
static inline u64 factory_create_thread(struct utcb *u, u64 cap, u64 sel, u64 task, u64 flags, u64 utcb, u64 hart) { u->words[0] = sel, u->words[1] = task, u->words[2] = flags, u->words[3] = utcb, u->words[4] = hart; return call(u, cap, FACTORY_CREATE_THREAD, 5); }
static inline u64 factory_create_portal(struct utcb *u, u64 cap, u64 sel, u64 thread, u64 label, u64 mtd) { u->words[0] = sel, u->words[1] = thread, u->words[2] = label, u->words[3] = mtd; return call(u, cap, FACTORY_CREATE_PORTAL, 4); }
static inline u64 factory_create_semaphore(struct utcb *u, u64 cap, u64 sel, u64 count) { u->words[0] = sel, u->words[1] = count; return call(u, cap, FACTORY_CREATE_SEMAPHORE, 2); }
static inline u64 factory_create_sched_context(struct utcb *u, u64 cap, u64 sel, u64 priority, u64 budget, u64 period) { u->words[0] = sel, u->words[1] = priority, u->words[2] = budget, u->words[3] = period; return call(u, cap, FACTORY_CREATE_SCHED_CONTEXT, 4); }
static inline u64 factory_create_factory(struct utcb *u, u64 cap, u64 sel, u64 quota, u64 priority, u64 harts) { u->words[0] = sel, u->words[1] = quota, u->words[2] = priority, u->words[3] = harts; return call(u, cap, FACTORY_CREATE_FACTORY, 4); }
static inline u64 factory_account(struct utcb *u, u64 cap) { return call(u, cap, FACTORY_ACCOUNT, 0); } /* → limit used priority harts */
enum {
  TASK_MAP = 0x200, /* source flexpage dest flags */
  TASK_UNMAP = 0x201, /* flexpage flags */
  TASK_LOOKUP = 0x202, /* address */
  TASK_DELETE = 0x203, /* selector */
  TASK_NAME = 0x204, /* text */
  TASK_FENCE = 0x205, /* address size */
};
static inline u64 task_map(struct utcb *u, u64 cap, u64 source, u64 flexpage, u64 dest, u64 flags) { u->words[0] = source, u->words[1] = flexpage, u->words[2] = dest, u->words[3] = flags; return call(u, cap, TASK_MAP, 4); }
static inline u64 task_unmap(struct utcb *u, u64 cap, u64 flexpage, u64 flags) { u->words[0] = flexpage, u->words[1] = flags; return call(u, cap, TASK_UNMAP, 2); }
static inline u64 task_lookup(struct utcb *u, u64 cap, u64 address) { u->words[0] = address; return call(u, cap, TASK_LOOKUP, 1); } /* → flexpage */
static inline u64 task_delete(struct utcb *u, u64 cap, u64 selector) { u->words[0] = selector; return call(u, cap, TASK_DELETE, 1); }
static inline u64 task_name(struct utcb *u, u64 cap, u64 words) { return call(u, cap, TASK_NAME, words); } /* text packed in the words */
static inline u64 task_fence(struct utcb *u, u64 cap, u64 address, u64 size) { u->words[0] = address, u->words[1] = size; return call(u, cap, TASK_FENCE, 2); }
enum {
  THREAD_START = 0x300, /* pc sp arg */
  THREAD_GET_STATE = 0x301, /* mtd */
  THREAD_SET_STATE = 0x302, /* mtd */
  THREAD_SET_EVENTS = 0x303, /* portal causes */
  THREAD_BIND = 0x304, /* context */
  THREAD_RECALL = 0x305,
  THREAD_KILL = 0x306,
  THREAD_CANCEL = 0x307,
  THREAD_KEEP_REPLY = 0x308, /* sel */
  THREAD_INFO = 0x309,
  THREAD_RESUME = 0x30a,
  THREAD_NAME = 0x30b, /* text */
};
static inline u64 thread_start(struct utcb *u, u64 cap, u64 pc, u64 sp, u64 arg) { u->words[0] = pc, u->words[1] = sp, u->words[2] = arg; return call(u, cap, THREAD_START, 3); }
static inline u64 thread_get_state(struct utcb *u, u64 cap, u64 mtd) { u->words[0] = mtd; return call(u, cap, THREAD_GET_STATE, 1); }
static inline u64 thread_set_state(struct utcb *u, u64 cap, u64 mtd) { u->words[0] = mtd; return call(u, cap, THREAD_SET_STATE, 1); }
static inline u64 thread_set_events(struct utcb *u, u64 cap, u64 portal, u64 causes) { u->words[0] = portal, u->words[1] = causes; return call(u, cap, THREAD_SET_EVENTS, 2); }
static inline u64 thread_bind(struct utcb *u, u64 cap, u64 context) { u->words[0] = context; return call(u, cap, THREAD_BIND, 1); }
static inline u64 thread_recall(struct utcb *u, u64 cap) { return call(u, cap, THREAD_RECALL, 0); }
static inline u64 thread_kill(struct utcb *u, u64 cap) { return call(u, cap, THREAD_KILL, 0); }
static inline u64 thread_cancel(struct utcb *u, u64 cap) { return call(u, cap, THREAD_CANCEL, 0); }
static inline u64 thread_keep_reply(struct utcb *u, u64 cap, u64 sel) { u->words[0] = sel; return call(u, cap, THREAD_KEEP_REPLY, 1); }
static inline u64 thread_info(struct utcb *u, u64 cap) { return call(u, cap, THREAD_INFO, 0); } /* → state consumed */
static inline u64 thread_resume(struct utcb *u, u64 cap) { return call(u, cap, THREAD_RESUME, 0); }
static inline u64 thread_name(struct utcb *u, u64 cap, u64 words) { return call(u, cap, THREAD_NAME, words); } /* text packed in the words */
enum {
  SEMAPHORE_UP = 0x400,
  SEMAPHORE_DOWN = 0x401, /* clear */
  SEMAPHORE_ACK = 0x402,
  SEMAPHORE_ROUTE = 0x404, /* hart */
};
static inline u64 semaphore_up(struct utcb *u, u64 cap) { return call(u, cap, SEMAPHORE_UP, 0); }
static inline u64 semaphore_down(struct utcb *u, u64 cap, u64 clear) { u->words[0] = clear; return call(u, cap, SEMAPHORE_DOWN, 1); } /* → count */
static inline u64 semaphore_ack(struct utcb *u, u64 cap) { return call(u, cap, SEMAPHORE_ACK, 0); }
static inline u64 semaphore_route(struct utcb *u, u64 cap, u64 hart) { u->words[0] = hart; return call(u, cap, SEMAPHORE_ROUTE, 1); }
enum {
  SCHED_CONTEXT_SET = 0x500, /* priority budget period */
  SCHED_CONTEXT_CONSUMED = 0x501,
};
static inline u64 sched_context_set(struct utcb *u, u64 cap, u64 priority, u64 budget, u64 period) { u->words[0] = priority, u->words[1] = budget, u->words[2] = period; return call(u, cap, SCHED_CONTEXT_SET, 3); }
static inline u64 sched_context_consumed(struct utcb *u, u64 cap) { return call(u, cap, SCHED_CONTEXT_CONSUMED, 0); } /* → cycles */
