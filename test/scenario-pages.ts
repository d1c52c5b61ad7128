/**
 * The pages docs/scenarios/NAME.md: their figures and pictures come from runs of the scenarios. `npx tsx test/scenario-pages.ts [NAME…]`
 * boots each with the page's command, writes the picture docs/pictures/scenario-NAME.svg and the table between the page's markers;
 * `test/scenario-pages.spec.ts` does the same and compares.
 */
import { controls } from '../vmm/control.ts';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readTrace } from '../cli/trace-source.ts';
import { ROUND_TRIPS } from '../machine/cpu/exit.ts';
import { Filter, filtered, svg, type TraceFile } from '../trace/index.ts';
import { EFFICIENCY_GUESTS } from '../scenarios/pg-efficiency.ts';
import { Look, type Figure, type Page, type Stats, type Sweep } from './scenario-look.ts';
import { root, tessera } from './tessera.ts';
import { answerHelp } from './tool.ts';

/** Microseconds that the guests of `timeshare` print: the longest slice, the sleeper's lateness. */
const shared = (said: string): number[] => {
  const [, late = 0, worst = 0] = /late by (\d+) us on average, (\d+) at most/.exec(said) ?? [];
  return [Math.max(...[...said.matchAll(/computed for (\d+) us/g)].map((m) => Number(m[1]))), Number(late), Number(worst)];
};

/** Cycles that the guest of `exit-latency` prints. */
const measured = (said: string): number[] => [...said.matchAll(/takes (\d+) cycles, a device register (\d+)/g)].flatMap(([, call,
  read]) => [Number(call), Number(read)]);

const ASSISTS = [['all assists', 'base'], ['no vstimecmp', 'base,no-sstc'], ['no htinst', 'base,no-htinst'],
  ['no htinst, no hlvx', 'base,no-htinst,no-hlv'], ['none of them', 'base,no-sstc,no-htinst,no-hlv']] as const;

/** A number that the run prints. */
const said = (l: Look, pattern: RegExp): number => Number(pattern.exec(l.output)?.[1]);

const describeExit = (name: string): string => (name === 'usual' ? 'the usual' : name === 'all' ? 'all of them' : name === 'no-wfi'
  ? `not ${controls.wfi.doc.split(';')[0]}` : controls[name as keyof typeof controls].doc);

/** A driver of a guest tells its disk that there is a request. */
const BELL = 'register:queueNotify kind:event';

export const pages: Readonly<Record<string, Page>> = {
  'hello-ipc': {
    payload: 'visitor,greeter', picture: () => 'task:visitor task:greeter kind:call,reply',
    figures: (l) => [['calls from `visitor` to `greeter`', l.count('from:visitor to:greeter kind:call')],
      ['replies', l.count('from:greeter to:visitor kind:reply')], ...l.cost('one greeting', 'from:visitor to:greeter kind:call', 1)],
  },
  getpid: {
    payload: 'getppid*', picture: (l) => l.spans('nr:getppid kind:event', 2),
    figures: (l) => [['system calls `getppid`', l.count('nr:getppid kind:event')], ['answers', l.count('nr:getppid kind:resume')],
      ...l.cost('one call', 'nr:getppid kind:event', 5)],
  },
  'page-fault': {
    payload: 'pagefault*', picture: (l) => `${l.longest('cause:pageFault kind:event')} kind:event,map,resume`,
    figures: (l) => [['pages that the program writes to', 1024],
      ['page faults', l.count('task:"pagefault 2" cause:pageFault kind:event')], ['pages that the slowest fault brings',
      l.within('cause:pageFault kind:event', 0, 'map')], ...l.cost('that fault', 'cause:pageFault kind:event', 0)],
  },
  'fork-cow': {
    payload: 'forktest*',
      picture: (l) => `${l.between('nr:clone kind:event', 'from:"forktest 3" cause:pageFault kind:event',
        'nr:exit_group kind:event')} kind:event,map,resume`,
    figures: (look) => [['processes that are forked', look.count('nr:clone kind:event')], ['`unmap` operations within the first fork',
      look.within('nr:clone kind:event', 1, 'unmap')],
      ['page faults of the first child', look.count('task:"forktest 3" cause:pageFault kind:event')],
      ['page faults of its parent', look.count('task:"forktest 2" cause:pageFault kind:event')]],
  },
  pipe: {
    payload: 'pipebench*', picture: (l) => `${l.spans('nr:read kind:event latency>1.5us', 2, 300)} kind:event,resume`,
    figures: (l) => [['system calls `read`', l.count('nr:read kind:event')], ['system calls `write`', l.count('nr:write kind:event')],
      ['`read`s that wait (over 1.5 µs)', l.count('nr:read kind:event latency>1.5us')]],
  },
  interrupt: {
    payload: 'sh*', picture: (l) =>
      `${l.between('kind:recall to:"sh 3" time>50ms', 'cause:recall kind:event from:"sh 4"',
        'cause:recall kind:event')} kind:event,resume,recall task:"sh 3","sh 4"`,
    figures: (l) => [['times the timer thread recalls a process (`recall`)', l.count('kind:recall')],
      ['events with the cause `recall`', l.count('cause:recall kind:event')], ['of them from each of the two that spin',
      l.count('cause:recall kind:event from:"sh 3"')]],
  },
  hybrid: {
    payload: 'none',
    picture: (l) => `${l.between('from:"hybrid 2" cause:ownCall kind:event', 'cause:ownCalled kind:event', 'cause:ownCalled kind:event')} `
      + 'kind:event,call,reply,resume,recall task:"hybrid 2",counter',
    figures: (look) => [
      ['calls of the program to the counter', look.count('from:"hybrid 2" to:counter kind:call')],
      ['reports before (`ownCall`), both processes', look.count('cause:ownCall kind:event')],
      ['reports after (`ownCalled`)', look.count('cause:ownCalled kind:event')],
      ['signals handled between the calls', said(look, /(\d+) signals handled/)],
      ['what the counter stands at', said(look, /stands at (\d+)/)],
      ['time that SIGKILL takes against a silent partner, ms', said(look, /SIGKILL took (\d+) ms/)],
    ],
  },
  alien: {
    payload: 'none',
    picture: (l) => `${l.between('from:"alien 2" cause:ownCall kind:event', 'cause:ownCalled kind:event', 'cause:ownCalled kind:event')} `
      + 'kind:event,call,reply,resume task:"alien 2",counter',
    figures: (look) => [
      ['calls of the process of its own (`ownCall`)', look.count('from:"alien 2" cause:ownCall kind:event')],
      ['of them let through (`ownCalled`)', look.count('from:"alien 2" cause:ownCalled kind:event')],
        ['refused, each with a line in the log', look.said(/refused, E/)],
      ['ns of a call under watch', said(look, /under watch, (\d+) ns/)], ['ns of the same call of a native program',
        said(look, /nobody watches, (\d+) ns/)],
    ],
  },
  'mtd-ablation': {
    payload: 'none', picture: (l) => `${l.spans('cause:sbi kind:event', 2)} kind:event,resume`,
    figures: (look) => [
      ['bytes of state of a system call', look.bytes('task:"getppid 2" cause:syscall kind:event')],
      ['of its answer', look.bytes('to:"getppid 2" cause:syscall kind:resume')],
      ['of a call of firmware', look.bytes('cause:sbi kind:event')], ['of its answer', look.bytes('cause:sbi kind:resume')],
      ['of an access to a device', look.bytes('cause:guestPageFault kind:event')],
        ['of its answer', look.bytes('cause:guestPageFault kind:resume')],
    ],
    sweep: {
      columns: ['state', 'bytes of an event', 'of an answer', 'ns of a system call', 'cycles of a call of firmware',
        'of a device register'],
      option: '--set', values: [['what the cause needs', 'state=minimal'], ['everything', 'state=full']], status: [0, 1],
      cells: (_stats, text, look) => [
        look!.bytes('task:"getppid 2","vm guest" kind:event'), look!.bytes('to:"getppid 2","vm guest" kind:resume'),
        Number(/(\d+) ns each/.exec(text)?.[1]), ...measured(text),
      ],
    },
  },
  'vmm-crash': {
    payload: 'none', picture: (l) => `${l.between('op:life.crash', 'from:vm-b to:console kind:call', 'kind:call')} kind:call,reply,destroy`,
    figures: (look) => [
      ['stores of the component that was taken over', said(look, /(\d+) stores all over/)],
        ['messages that it sends', said(look, /(\d+) messages to whatever/)],
      ['of them answered with `ok`', said(look, /there is, (\d+) of them/)], ['times `vm-a` is booted', look.tasks(/^vm-a guest$/)],
      ['times `vm-b` is booted', look.tasks(/^vm-b guest$/)], ['ticks of `vm-b`', look.said(/\[vm-b\] minios: tick/)],
      ['orders of `bank` that are signed', said(look, /(\d+) signatures, 1 kind/)],
    ],
  },
  signer: {
    payload: 'none', picture: (l) =>
      `${l.between('from:vm to:signer kind:call', 'cause:guestPageFault kind:event',
        'kind:event')} kind:event,call,reply,resume task:vm,"vm guest",signer`,
    figures: (look) => [
      ['requests from the machine', look.count('from:vm to:signer kind:call')], ['time from request to answer',
        look.median('from:vm to:signer kind:call')],
      ['exits of the guest', look.count('task:"vm guest" kind:event')], ['of them to the doorbell (`guestPageFault`)',
        look.count('task:"vm guest" cause:guestPageFault kind:event')],
    ],
  },
  toolbox: {
    payload: 'none', picture: (l) => `${l.spans('from:fetch to:stack kind:call', 6, 3)} kind:call,reply task:fetch`,
    figures: (look) => [
      ['requests of `fetch` to `stack`', look.count('from:fetch to:stack kind:call')], ['pages fetched', said(look, /(\d+) pages fetched/)],
      ['requests that failed', said(look, /failed requests: (\d+)/)], ['notes that are left', said(look, /still in its file: (\d+)/)],
        ['frames that the switch takes', look.count('to:switch op:net.send kind:call')],
    ],
  },
  'getpid-cost': {
    payload: 'none', picture: (l) => `${l.spans('from:"getpid-cost 2" kind:call to:linux',
      2)} kind:event,call,reply,resume task:"getpid-cost 2"`,
    figures: (look) => [
      ['ns of `getppid` as an exception', said(look, /exception: getppid: (\d+) ns/)],
        ['ns of `getppid` as a message', said(look, /message: getppid: (\d+) ns/)],
      ['ns of `clock_gettime` as an exception', said(look, /exception: clock_gettime: (\d+) ns/)],
        ['ns of `clock_gettime` out of the page', said(look, /page: clock_gettime: (\d+) ns/)],
      ...look.cost('one exception', 'from:"getpid-cost 2" nr:getppid kind:event', 5),
        ...look.cost('one message', 'from:"getpid-cost 2" kind:call to:linux', 5),
    ],
  },
  tamed: {
    wild: true, payload: 'none', picture: () => 'kind:schedule,event,resume task:task time:100ms..101.2ms',
    figures: (look) => [
      ['periods of the task', said(look, /\[task\] (\d+) periods/)],
      ['it is latest by, ns', said(look, /\[task\] \d+ periods.*latest by (\d+)/)],
      ['the process is latest by, ns', said(look, /process: \d+ periods.*latest by (\d+)/)],
      ['system calls of the load', look.count('cause:syscall kind:event')],
    ],
    sweep: {
      columns: ['the server', 'task latest', 'on average', 'process latest', 'on average', 'lock held, µs', 'interrupts waited, µs'],
      option: '--set', untraced: true, status: [0, 0, 1],
      values: [['holds a lock, 0.1 ms at most', 'interrupts=lock'], ['holds a lock, 10 ms at most', 'hold=10000'],
        ['disables interrupts', 'interrupts=disabled']],
      cells: (_stats, text) => [/\[task\] .*latest by (\d+)/, /\[task\] .*average by (\d+)/, /process: .*latest by (\d+)/,
        /process: .*average by (\d+)/, /interrupts +\d+ +[\d.]+ +([\d.]+)/,
        /interrupts +\d+ +([\d.]+)/].map((p) => Number(p.exec(text)?.[1])),
    },
  },
  domains: {
    payload: 'none', picture: () => 'to:monitor kind:call,reply from:"domains 2",monitor',
    figures: (look) => [
      ['messages of processes to the monitor', look.count('from:"domains 2" to:monitor kind:call')], ['letters sent', look.said(/: sent$/)],
      ['letters that it refuses to red, green and black', look.said(/the monitor refuses/)], ['… and to grey', look.said(/refused: grey/)],
    ],
  },
  covert: {
    payload: 'none', picture: () => 'kind:schedule task:red,black time:380ms..395ms',
    figures: (l) => [['slots', 40], ['times that `red` runs', l.count('kind:schedule to:red')],
      ['times that `black` runs', l.count('kind:schedule to:black')]],
    sweep: {
      columns: ['budgets', 'steps in a slot that carries 1', 'that carries 0', 'bits read right, of 32'],
      option: '--set', values: [['four of every ten milliseconds', 'budgets=on'], ['none', 'budgets=off']], status: [0, 1],
      cells: (_stats, text) => [/me get (\d+)/, /carries 0 (\d+)/, /right: (\d+)/].map((p) => Number(p.exec(text)?.[1])),
    },
  },
  mmio: { payload: 'vm*', picture: (l) => `${l.spans('device:serial kind:event', 1)} kind:event,resume`, figures: (l) =>
    l.steps('device:serial kind:event') },
  'io-steps': {
    payload: 'vm*', picture: (l) => `${l.between(BELL, 'kind:recall', 'kind:recall')} kind:event,call,reply,resume,wake,interrupt,recall`,
    figures: (look) => [...look.times(BELL, [['`event`: the guest rings the bell', BELL],
      ['`wake`: the monitor hands the request on', 'kind:wake'],
      ['`resume`: the guest goes on', 'kind:resume'], ['`call`: the driver is asked', 'kind:call'],
      ['`interrupt`: the disk is done', 'kind:interrupt'], ['`recall`: the monitor wants the processor', 'kind:recall'],
      ['`event`: the guest asks its interrupt controller', 'device:plic kind:event']]),
      ['exits of the guest for its interrupt controller', look.count('device:plic kind:event')],
      ['exits of the guest for its disk', look.count('device:disk0 kind:event')]],
  },
  'io-vbus': {
    payload: 'clock,thief', picture: () => 'kind:call,reply task:clock,thief op:io.device,io.map',
    figures: (look) => [['requests of `clock` to its bus',
      look.count('from:clock kind:call op:io.device') + look.count('from:clock kind:call op:io.map')],
      ['ways that `thief` tries', look.said(/^\[thief\] (asks|loads|maps)/)], ['capabilities that it asks', said(look, /of (\d+) gave it/)],
      ['of them that gave it the registers', said(look, /may have: (\d+) of/)]],
  },
  restart: {
    payload: 'dice,player', picture: (l) => `${l.spans('from:player to:dice kind:call', 2, 3)} kind:call,reply task:dice,player`,
    figures: (l) => [['crashes', l.said(/crashed/)], ['times it is started again', l.said(/started again/)],
      ['calls of `player` to `dice`', l.count('from:player to:dice kind:call')], ['times the client says that there was no answer',
      l.said(/no answer: dead/)]],
  },
  'two-worlds': {
    payload: 'none', picture: () => 'to:console kind:call from:vm,linux',
    figures: (l) => [['processes of the Unix server', l.tasks(/^sh \d+$/)], ['system calls', l.count('cause:syscall kind:event')],
      ['page faults', l.count('cause:pageFault kind:event')], ['exits of the virtual machine', l.count('task:"vm guest" kind:event')],
      ['ticks of its timer', l.said(/minios: tick/)]],
  },
  'vm-boot': {
    payload: 'vm*', images: true, picture: (l) => l.spans('register:data access:store kind:event', 4, 500),
    figures: (l) => [['exits', l.count('task:"vm guest" kind:event')], ['accesses to devices (`guestPageFault`)',
      l.count('cause:guestPageFault kind:event')], ['of them to the serial port', l.count('device:serial kind:event')],
      ['calls of firmware (`sbi`)', l.count('cause:sbi kind:event')], ['time of one such exit', l.median('device:serial kind:event')]],
  },
  kseg0: {
    payload: 'none', picture: () => 'to:console kind:call from:linked,relinked',
    figures: (l) => [['lines that `linked` says', l.said(/\[linked\]/)], ['of them a refusal', l.said(/\[linked\].*relink it/)],
      ['ticks of the timer of `relinked`', l.said(/\[relinked\] minios: tick/)]],
  },
  'popf-hole': {
    payload: 'none', picture: () => 'to:console kind:call from:deprivileged',
    figures: (l) => [['exits of `deprivileged` until it panics', l.count('task:"deprivileged guest by trap" kind:event')],
      ['of them privileged instructions (`illegal`)', l.count('task:"deprivileged guest by trap" cause:illegal kind:event')],
      ['exits of `assisted`', l.count('task:"assisted guest" kind:event')], ['ticks of its timer', l.said(/\[assisted\] minios: tick/)]],
  },
  patch: {
    payload: 'none', picture: (l) => l.spans('task:"chained guest by patch" cause:breakpoint kind:event', 2, 40),
    figures: (look) => [['breakpoints of `blocks`', look.count('task:"blocks guest by patch" cause:breakpoint kind:event')],
      ['breakpoints of `chained`', look.count('task:"chained guest by patch" cause:breakpoint kind:event')],
      ['page faults of `chained`', look.count('task:"chained guest by patch" cause:pageFault kind:event')],
      ['exits of `trapped` until it panics', look.count('task:"trapped guest by trap" kind:event')],
      ['ticks of the timers of `blocks` and `chained`', look.said(/\[(blocks|chained)\] minios: tick/)]],
  },
  selfcheck: {
    payload: 'none', picture: () => 'to:console kind:call from:patched',
    figures: (look) => [
      ...['assisted', 'patched', 'rewritten'].map((g): Figure => [`exits of \`${g}\``, look.count(`task:"${g} guest*" kind:event`)]),
      ['of those of `patched`, page faults: stores to code, loads from it',
        look.count('task:"patched guest by patch" cause:pageFault kind:event')],
      ['breakpoints of `patched`', look.count('task:"patched guest by patch" cause:breakpoint kind:event')],
      ['breakpoints of `rewritten`', look.count('task:"rewritten guest by pre" cause:breakpoint kind:event')]],
  },
  afterburn: {
    payload: 'none', picture: (l) => l.spans('task:"rewritten guest by pre" cause:breakpoint kind:event', 2, 40),
    figures: (look) => [
      ...['rewritten', 'scanned'].flatMap((guest): Figure[] => [
        [`exits of \`${guest}\``, look.count(`task:"${guest} guest*" kind:event`)],
        [`breakpoints of \`${guest}\``, look.count(`task:"${guest} guest*" cause:breakpoint kind:event`)],
        [`page faults of \`${guest}\``, look.count(`task:"${guest} guest*" cause:pageFault kind:event`)],
      ]),
      ['privileged instructions of `rewritten` that were not on its list',
        look.count('task:"rewritten guest by pre" cause:illegal kind:event')]],
  },
  'trap-emulate': {
    payload: 'none', picture: (l) => l.spans('task:"deprivileged guest by trap" cause:syscall kind:event', 2, 40),
    figures: (look) => [['exits of `assisted`', look.count('task:"assisted guest" kind:event')],
      ['exits of `deprivileged`', look.count('task:"deprivileged guest by trap" kind:event')],
      ['of them privileged instructions (`illegal`)', look.count('task:"deprivileged guest by trap" cause:illegal kind:event')],
      ['calls of programs, and of the kernel to its firmware', look.count('task:"deprivileged guest by trap" cause:syscall kind:event')],
      ['page faults', look.count('task:"deprivileged guest by trap" cause:pageFault kind:event')],
      ['tasks that were its address spaces', look.tasks(/^deprivileged shadow/)],
        ['what a privileged instruction takes, median', look.median('cause:illegal kind:event')]],
  },
  shadow: {
    payload: 'none', picture: (l) => l.spans('task:"traced guest by trap" cause:pageFault kind:event', 3, 20),
    figures: (l) => ['sync', 'traced', 'nested'].flatMap((g): Figure[] => [
      [`${g}: page faults that exit`, l.count(`task:"${g} guest*" cause:pageFault kind:event`)],
      [`${g}: shadow spaces`, l.tasks(new RegExp(`^${g} shadow`))], [`${g}: times pages are taken away`, l.count(`from:${g} kind:unmap`)]]),
  },
  'pg-equivalence': {
    payload: 'none', picture: () => 'to:console kind:call from:assisted,sync,traced',
    figures: (l) => [['guests that say the digest', l.said(/digest 883311f2b2649014/)],
      ...['assisted', 'sync', 'traced'].map((g): Figure => [`exits of \`${g}\``, l.count(`task:"${g} guest*" kind:event`)])],
  },
  'pg-control': {
    payload: 'none', picture: () => 'to:console kind:call from:neighbour',
    figures: (l) => [...['assisted', 'deprivileged'].map((g): Figure => [`exits of \`${g}\``, l.count(`task:"${g} guest*" kind:event`)]),
      ['ticks of the neighbour', l.said(/\[neighbour\] minios: tick/)]],
  },
  'guest-panic-report': {
    payload: 'vm*', report: true, picture: () => 'to:console kind:call from:vm',
      figures: (l) => [['exits until it is switched off', l.count('task:"vm guest" kind:event')],
      ['of them for the characters of its console', l.count('task:"vm guest" cause:sbi kind:event') - 1],
      ['lines that it says', l.said(/\[vm\]/)]],
  },
  'exit-matrix': {
    payload: 'vm*', picture: (l) => l.spans('cause:wfi kind:event', 2),
    figures: (l) => [['exits of the usual guest', l.count('task:"vm guest" kind:event')], ['ticks of its timer', l.said(/minios: tick/)]],
    sweep: { columns: ['what leaves', 'SBI calls', 'wfi', 'virtual instructions', 'traps', 'exits from VU', 'from VS', 'cycles'],
      option: '--set',
      values: ['usual', ...Object.keys(controls).map((n) => (n === 'wfi' ? 'no-wfi' : n)),
        'all'].map((n) => [describeExit(n), `exits=${n}`] as const),
      cells: ({ exits: e, guest, cycles }) => [...['sbi', 'wfi', 'virtualInstruction', 'guestTrap'].map((c) => e[c] ?? 0),
        guest.exits.vu, guest.exits.vs, cycles] },
  },
  lpar: {
    payload: 'none', picture: () => 'to:console kind:call from:first,second,third',
    figures: (l) => [['times that one of them gets the hart', l.count('task:"first guest","second guest","third guest" kind:schedule')]],
    sweep: { columns: ['parts', 'µs of the first', 'of the second', 'of the third'], option: '--set',
      values: ['50,30,20', '7,2,20', '1,33,20'].map((parts) => [`${parts.replaceAll(',', ' %, ')} %`, `parts=${parts}`] as const),
      cells: (_stats, said) => ['first', 'second', 'third'].map((who) =>
        Number(new RegExp(`\\[${who}\\] spin: computed for (\\d+) us`).exec(said)?.[1] ?? 0)) },
  },
  'state-mgmt': {
    payload: 'none', picture: () => 'to:console kind:call from:vm-a,vm-b',
    figures: (l) => [['exits of both guests', l.count('task:"vm-a guest","vm-b guest" kind:event')]],
    sweep: { columns: ['state', 'cycles of a call', 'of a device register', 'worlds loaded', 'all cycles'], option: '--set',
      values: [['kept', 'state=kept'], ['copied', 'state=copied']],
      cells: ({ worldSwitches, cycles }, said) => [...measured(said).slice(0, 2), worldSwitches, cycles] },
  },
  'cpu-hotplug': {
    payload: 'none', images: true, picture: () => 'kind:create,destroy task:vm object:"vm vCPU 2"',
    figures: (l) => [['threads that the third processor has had', l.count('kind:destroy object:"vm vCPU 2"')],
      ['threads that the second has had', l.count('kind:destroy object:"vm vCPU 1"')]],
  },
  timeshare: {
    payload: 'none', picture: () => 'to:console kind:call from:spin-a,spin-b,sleeper',
    figures: (l) => [['exits of the three guests', l.count('task:"spin-a guest","spin-b guest","sleeper guest" kind:event')],
      ['times that one of them gets the hart', l.count('task:"spin-a guest","spin-b guest","sleeper guest" kind:schedule')]],
    sweep: { columns: ['slice', 'µs that a spinner computes', 'µs late on average', 'at most', 'kernel entries'], option: '--set',
      values: [0.1, 0.3, 1, 3, 10, 30, 100].map((ms) => [`${ms} ms`, `slice=${ms}`] as const),
      cells: ({ kernelEntries }, said) => [...shared(said), kernelEntries] },
  },
  'exit-latency': {
    payload: 'vm*', picture: (l) => l.spans('device:serial kind:event', 2), figures: (l) =>
      [['exits', l.count('task:"vm guest" kind:event')], ['of them calls of firmware', l.count('cause:sbi kind:event')],
      ['and reads of the device register', l.count('device:serial kind:event')]],
    sweep: { columns: ['processor', 'cycles of a call', 'of a device register', 'all exits'],
      option: '--cpu', values: [...ASSISTS, ...Object.entries(ROUND_TRIPS).map(([name, cycles]) => [name, `base,exit=${cycles}`] as const)],
      cells: ({ exits }, said) => [...measured(said), Object.values(exits).reduce((a, b) => a + b)] },
  },
  classify: {
    payload: 'none', picture: (l) => l.spans('task:"deprivileged guest by trap" cause:illegal', 3),
    figures: (look) => ['assisted', 'deprivileged'].flatMap((name) => [
      [`exits of \`${name}\``, look.count(`task:"${name} guest*" kind:event`)],
      [`privileged instructions, \`${name}\``, said(look, new RegExp(`\\[${name}\\] kinds: \\d+ instructions: (\\d+)`))],
    ] as Figure[]),
  },
  'pg-efficiency': {
    payload: 'none', picture: () => 'kind:event task:"vm guest"',
    figures: (l) => [['exits of the guest that computes', l.count('task:"vm guest" kind:event')],
      ['its instructions', said(l, /took (\d+) instructions/)]],
    sweep: { columns: ['guest', 'instructions', 'exits', 'instructions an exit'], option: '--set', untraced: true,
      values: EFFICIENCY_GUESTS.map((guest) => [guest, `guest=${guest}`] as const),
      cells: ({ exits }, out) => {
        const n = Number(/took (\d+) instructions/.exec(out)?.[1]), all = Object.values(exits).reduce((a, b) => a + b);
        return [n, all, Math.round(n / all)];
      } },
  },
  'look-ahead': {
    payload: 'one*,ahead*', picture: (l) => l.spans('task:"one guest" device:serial kind:event', 6),
    figures: (look) => ['one', 'ahead', 'one-trap', 'ahead-trap'].flatMap((name) => [
      [`exits of \`${name}\``, look.count(`task:"${name} guest*" kind:event`)],
      [`cycles of the six accesses, \`${name}\``, said(look, new RegExp(`\\[${name}\\] burst: the six of the example take (\\d+)`))],
    ] as Figure[]),
  },
  'tlb-tags': {
    payload: 'none', picture: () => 'to:console kind:call from:vm-a,vm-b', figures: (l) =>
      [['exits of both guests', l.count('task:"vm-a guest","vm-b guest" kind:event')],
      ['times one sleeps', l.count('cause:wfi kind:event')]],
    sweep: { columns: ['processor', 'TLB misses of the guests', 'flushes'], option: '--cpu',
      values: [['tags', 'base'], ['no VMIDs', 'base,no-vmid']],
      cells: ({ tlb }) => [tlb.guestMisses, tlb.guestFences] },
  },
  'side-by-side': { payload: 'none', images: true, elsewhere: 'test/side-by-side.spec.ts', picture: () =>
    'to:console kind:call from:vm-a,vm-b,unix-a,unix-b time:2.9s..', figures: (l) =>
    [['steps that `unix-a` prints', l.said(/\[unix-a\] step/)], ['kernel panics', l.said(/Kernel panic/)]] },
};

export const pagePath = (name: string): string => join(root, 'docs/scenarios', `${name}.md`);
export const picturePath = (name: string): string => join(root, 'docs/pictures', `scenario-${name}.svg`);
const BEGIN = '<!-- figures: npx tsx test/scenario-pages.ts -->', END = '<!-- end of figures -->';
const SWEEP = '<!-- sweep: npx tsx test/scenario-pages.ts -->', SWEPT = '<!-- end of sweep -->';
const REPORT = '<!-- report: npx tsx test/scenario-pages.ts -->', REPORTED = '<!-- end of report -->';
/** The page's part of standard error. */
export const toldReport = (name: string): string => between(name, REPORT, REPORTED).replace(/^```\n([^]*)```$/, '$1');
/** Arrows of a picture at most. */
const ARROWS = 24;

export interface Seen { readonly status: number | null; readonly stderr: string; readonly picture: string; readonly figures: Figure[];
  readonly sweep: string }

/** Boots a scenario with its page's command and collects the results. */
export async function look(name: string): Promise<Seen> {
  const page = pages[name]!, folder = mkdtempSync(join(tmpdir(), 'tessera-page-')), file = join(folder, 't.trace');
  try {
    const run = await tessera(commandOf(name).split(' ').slice(1).map((w) => (w === 't.trace' ? file : w.replaceAll("'", ''))));
    if (run.status !== 0) return { status: run.status, stderr: run.stderr, picture: '', figures: [], sweep: '' };
    const trace = readTrace(file), look = new Look(trace, run.stdout);
    return { status: 0, stderr: run.stderr, picture: picture(trace, page.picture(look)), figures: page.figures(look), sweep: page.sweep
      ? await swept(name, page.sweep, folder) : '' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Boots the scenario with each value; only with the interpreter, because look-ups differ between tiers. */
async function swept(name: string, { columns, values, option, untraced, status = [], cells }: Sweep, folder: string): Promise<string> {
  const lines = [`| ${columns.join(' | ')} |`, `|---${'|--:'.repeat(columns.length - 1)}|`], file = join(folder, 'stats.json'),
    trace = join(folder, 's.trace'), isTraced = option === '--set' && !untraced;
  for (const [i, [title, value]] of values.entries()) {
    const run = await tessera(['boot', name, '--engine', 'interp', option, value, `--stats=${file}`,
      ...(isTraced ? ['--trace', trace] : [])]);
    if (run.status !== (status[i] ?? 0)) throw new Error(`${name} with ${option} ${value}: status ${run.status}: ${run.stderr}`);
    const stats = JSON.parse(readFileSync(file, 'utf8')) as Stats, seen = isTraced ? new Look(readTrace(trace), run.stdout)
      : undefined;
    const figures = cells(stats, run.stdout, seen).map((n) => n.toLocaleString('en-US'));
    lines.push(`| ${[`${title} (\`${value}\`)`, ...figures].join(' | ')} |`);
  }
  return lines.join('\n');
}

export const commandOf = (name: string): string =>
  `tessera boot ${name} --trace t.trace${pages[name]!.payload === 'none' ? '' : ` --trace-payload '${pages[name]!.payload}'`}`;
const picture = (trace: TraceFile, filter: string): string => [...svg(filtered(trace, new Filter(filter, trace)), ARROWS)].join('');

export function table(figures: readonly Figure[]): string {
  return ['| what | how much |', '|---|--:|', ...figures.map(([what, n]) =>
    `| ${what} | ${typeof n === 'number' ? n.toLocaleString('en-US') : n} |`)].join('\n');
}
/** The present table of the page. */
export function told(name: string): string { return between(name, BEGIN, END); }
/** The present table of processors. */
export function toldSweep(name: string): string { return between(name, SWEEP, SWEPT); }
function between(name: string, begin: string, end: string): string {
  const text = readFileSync(pagePath(name), 'utf8');
  return text.includes(begin) ? text.slice(text.indexOf(begin) + begin.length, text.indexOf(end)).trim() : '';
}
function tell(name: string, begin: string, end: string, table: string): void {
  const text = readFileSync(pagePath(name), 'utf8'), from = text.indexOf(begin), to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${pagePath(name)} has no markers ${begin}`);
  writeFileSync(pagePath(name), `${text.slice(0, from + begin.length)}\n${table}\n${text.slice(to)}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) answerHelp(import.meta.filename);
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) for (const name of process.argv.length > 2 ? process.argv.slice(2)
  : Object.keys(pages)) {
  const seen = await look(name);
  if (seen.status !== 0) { console.error(`${name}: status ${seen.status}: ${seen.stderr}`); continue; }
  writeFileSync(picturePath(name), seen.picture);
  tell(name, BEGIN, END, table(seen.figures));
  if (seen.sweep) tell(name, SWEEP, SWEPT, seen.sweep);
  if (pages[name]!.report) tell(name, REPORT, REPORTED, `\`\`\`\n${seen.stderr}\`\`\``);
  console.log(`${name}\n${table(seen.figures)}\n`);
}
