/**
 * Tessera's public API: run programs, virtual machines and scenarios; create a system from a scenario and inspect it. Portable: Node,
 * browsers, workers.
 * Files and terminals are the caller's. How to use it: docs/embedding.md.
 *
 *   import { runProgram } from 'tessera-system';
 *   const { status, stdout } = await runProgram({ program, args: ['20'] });
 */
// Runs, for programs that embed Tessera.
export { runProgram, ProgramRun, type ProgramOptions, type ProgramResult } from './library/program.ts';
export { bootVm, type VmOptions, type VmResult } from './library/vm.ts';
export { readyScenario, runScenario, type ScenarioOptions, type ScenarioResult } from './library/scenario.ts';
export { scenarioNames } from './library/scenarios.ts';
export { guestBytes } from './library/guests.ts';
export { Run, type RunEvents, type RunOptions } from './library/run.ts';
export { Console, type ConsoleEvents } from './library/console.ts';
export { MemoryDisk } from './library/disk.ts';
export { MemoryFolder, type FolderEvents } from './library/folder.ts';
export type { Network } from './library/networks.ts';
export { Archive, FileTree, type FileNode, type Files } from './system/files/archive.ts';
export { openTar } from './system/files/open-tar.ts';
export { lookUp, readTar, type TarEntry } from './system/files/tar.ts';
export { MemoryRecording, parseRecording, replayOf } from './system/recording.ts';
// Traces: recording, reading, filters, queries.
export * from './trace/index.ts';
export { Capture } from './system/capture/capture.ts';
export { vocabularyFor } from './system/vocabulary.ts';
// The system itself, and the interface of its outside.
export { bootScenario, ProcessorError, System, SystemError } from './system/system.ts';
export type { Arrival, Channel, Door, Host, Module, Result, SharedPort, SystemOptions } from './system/host.ts';
export type { FilesPort, HostFolder } from './system/folders/folder.ts';
export { boardMemory } from './system/ram.ts';
export { statsOf, tableOf } from './system/report.ts';
// Scenarios: what boots, with which capabilities, and what must appear.
export { defineScenario, withParameters, type ScenarioFile, type ScenarioSource, type Twin } from './scenarios/define.ts';
export { readSettings, type Parameter, type Parameters, type Value, type Values } from './scenarios/parameters.ts';
export { asksTrace, ConditionError, judge, type Evidence } from './system/judge.ts';
export { ScenarioError, lineOf } from './scenarios/check.ts';
export { unixComponent, unixWorld, type UnixOptions } from './scenarios/unix-world.ts';
export { machineComponent, machineWorld, type MachineOptions } from './scenarios/machine-world.ts';
export { blockDriver, consoleDriver, filesDriver, netDriver, switchComponent } from './scenarios/devices.ts';
export type { Action, CapSource, Component, Ending, Expectation, Holds, Scenario, Size } from './roottask/scenario.ts';
export { bytesOfSize } from './roottask/scenario.ts';
export type { ComponentState } from './roottask/root/main.ts';
// The interface for programs in a scenario: system calls, roottask's stubs, the server library.
export * from './roottask/client/index.ts';
export { report } from './roottask/client/index.ts';
export { report as traceReport } from './trace/report.ts';
export { Server, answer, refuse, type Answer, type Session, type SessionHandler } from './roottask/lib/server.ts';
export { NEVER, Ops, Own, Right, Status, statusName, type Sys } from './microkernel/abi/index.ts';
export type { Syscalls } from './binding/index.ts';
export { uart } from './roottask/drivers/uart.ts';
export { virtioBlock } from './roottask/drivers/virtio-block.ts';
export { virtioConsole } from './roottask/drivers/virtio-console.ts';
export { virtioNet } from './roottask/drivers/virtio-net.ts';
export { netSwitch } from './roottask/net/switch.ts';
export { consoleMux } from './roottask/console/console.ts';
