// A second wall around runs of strangers' programs: the command starts itself again with fewer rights. It does not hold anything in that has already
// escaped into native code; it keeps a mistake of ours from writing to files and starting programs. SECURITY.md says what is promised.
//
//   no writable folder or disk     Node's permission model: files are read, those that the options name are written, no program is started
//   writable ones, on Linux        bubblewrap, where it is installed: the file system is read-only but for them; no network unless --net or --gdb asks
'use strict';
const { dirname, resolve } = require('node:path');
/** Takes Node ten milliseconds to load, which nobody needs inside. */
const processes = () => require('node:child_process');
const { realpathSync } = require('node:fs');

/** Set for the process inside the wall: which wall it is. */
const INSIDE = 'TESSERA_SANDBOX';
/**
 * glibc gives back what V8's compiler threads used once, about 15 MiB; each of them would keep it for itself. Less than 4 MiB at a time would
 * be given back and touched again all the time: 50,000 page faults in a boot of Debian.
 */
const ALLOCATOR = { MALLOC_TRIM_THRESHOLD_: '1048576' };
const COMMANDS = new Set(['run', 'vm', 'bare']);
/** How long a run may take to end when it is asked to, ms; longer where files are still written. */
const GRACE = 2000, GRACE_WRITING = 15_000;
/** Options without a value; all others take the next word. */
const FLAGS = new Set(['--stats', '--profile', '--trace-compress', '--no-reboot', '--no-sandbox', '--help', '-h', '--tty']);
const OUTPUTS = new Set(['--trace', '--record', '--stats', '--signature', '--dump-dtb']);

/** What the words of a command line ask for beyond reading: files written, folders written, network. */
function wanted(command, words) {
  const found = { off: false, files: [], folders: [], network: false, trace: false };
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '--' || (command === 'run' && !word.startsWith('-'))) break;
    if (!word.startsWith('-')) continue;
    const at = word.indexOf('='), name = at < 0 ? word : word.slice(0, at), flag = FLAGS.has(name);
    const value = at >= 0 ? word.slice(at + 1) : flag ? '' : words[++i] ?? '';
    note(found, name, value);
  }
  return found;
}

function note(found, name, value) {
  if (name === '--trace') found.trace = true;
  if (name === '--no-sandbox' || name === '--help' || name === '-h') found.off = true;
  else if (OUTPUTS.has(name) && value !== '' && value !== '-') found.files.push(resolve(value));
  else if (name === '--gdb') found.network = true;
  else if (name === '--net') {
    const capture = /(?:^|,)pcap=([^,]*)/.exec(value);
    if (capture) found.files.push(resolve(capture[1]));
    found.network = true;
  } else if (name === '--mount' && !/:[^:]+:ro$/.test(value)) found.folders.push(resolve(value.replace(/:[^:]*(?::rw)?$/, '')));
  else if (name === '--disk' && !/,(ro|snapshot)\b/.test(value)) found.folders.push(dirname(resolve(value.split(',')[0])));
}

const knows = (flag) => process.allowedNodeEnvironmentFlags.has(flag);
const permission = () => ['--permission', '--experimental-permission'].find(knows);
const hasBubblewrap = () => process.platform === 'linux' && processes().spawnSync('bwrap', ['--ro-bind', '/', '/', '--dev-bind', '/dev', '/dev', 'true'], { stdio: 'ignore' }).status === 0;

/** The program to start instead of this one, or undefined: this one runs. `script`: what to run inside. */
function wall(script, argv) {
  const at = argv.findIndex((word) => !word.startsWith('-')), command = argv[at];
  if (process.env[INSIDE] || !COMMANDS.has(command)) return undefined;
  const asked = wanted(command, argv.slice(at + 1)), node = [...process.execArgv, script, ...argv];
  const writes = asked.trace || asked.files.length > 0;
  // Node 20 reads lists of paths with commas and stars in them.
  if (asked.off || [...asked.files, ...asked.folders].some((path) => /[,*]/.test(path))) return undefined;
  if (asked.folders.length === 0) return permission() && { kind: 'node', program: process.execPath, words: [...permissions(asked), ...node], writes };
  return hasBubblewrap() ? { kind: 'bubblewrap', program: 'bwrap', words: [...binds(asked), process.execPath, ...node], writes } : undefined;
}

/** Threads are not bound by it, so only the one that writes a trace is allowed. */
function permissions({ files, network, trace }) {
  const quiet = knows('--disable-warning') ? ['--disable-warning=ExperimentalWarning', '--disable-warning=SecurityWarning'] : ['--no-warnings'];
  return [permission(), '--allow-fs-read=*', ...files.map((file) => `--allow-fs-write=${file}`), ...(trace ? ['--allow-worker'] : []), ...(network && knows('--allow-net') ? ['--allow-net'] : []), ...quiet];
}

function binds({ files, folders, network }) {
  const writable = new Set([...folders, ...files.map((file) => dirname(file))].map(real).filter(Boolean));
  return ['--ro-bind', '/', '/', '--dev-bind', '/dev', '/dev', ...[...writable].flatMap((path) => ['--bind', path, path]), '--die-with-parent', '--unshare-ipc', ...(network ? [] : ['--unshare-net']), '--'];
}

function real(path) {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Starts the command inside a wall and ends as it does. Answers false where there is none: then it runs here. */
function enter(script, argv) {
  const inside = wall(script, argv);
  if (!inside) return false;
  // Nothing inside speaks TLS: certificates would only be read, which takes longer than all else that Node does at its start.
  const { NODE_EXTRA_CA_CERTS: _, ...given } = process.env, env = { ...ALLOCATOR, ...given, [INSIDE]: inside.kind };
  const stdio = ['inherit', 'inherit', 'inherit', ...(inside.kind === 'node' ? ['ipc'] : [])];
  const child = processes().spawn(inside.program, inside.words, { stdio, env });
  let asked;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {
    asked = signal;
    end(child, signal, inside.writes ? GRACE_WRITING : GRACE);
  });
  child.on('error', (error) => {
    process.stderr.write(`tessera: E_SANDBOX: ${inside.program} cannot be started (${error.message}); run with --no-sandbox\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    const by = asked ?? signal;
    process.removeAllListeners(by);
    process.kill(process.pid, by);
  });
  return true;
}

/** Asks to end, and ends what does not hear: a server that never comes back to its event loop. */
function end(child, signal, grace) {
  child.kill(signal);
  setTimeout(() => child.kill('SIGKILL'), grace).unref();
}

/** Inside: whoever started this one has gone, killed perhaps; nobody would end it. */
function followParent() {
  if (!process.env[INSIDE] || !process.channel) return;
  process.on('disconnect', () => process.exit(129));
  process.channel.unref();
}

module.exports = { enter, followParent, permissions, wall, INSIDE };
