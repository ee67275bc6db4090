// Starts and stops the built server, and runs its commands beside it.
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const START_SECONDS_MAX = 180;
const STOP_SECONDS_MAX = 20;

const dist = path.resolve(process.env.MINGBAI_DIST ?? fileURLToPath(new URL('../../target/dist', import.meta.url)));
const program = path.join(dist, 'mingbai');

function environment(dataDir, address) {
  const kept = { ...process.env };
  // A fresh database of its own, whatever the shell is set up for.
  delete kept.DATABASE_URL;
  // No hour is quiet: what is tested at night must not wait for the morning, nor a tariff for the day after its approval.
  return { MINGBAI_WAKING_HOURS: '0-24', MINGBAI_PUBLIC_BEFORE_SALE: '2s', ...kept, MINGBAI_DATA_DIR: dataDir, ...(address && { MINGBAI_ADDR: address }) };
}

/** Starts `mingbai serve` with these arguments and waits until it answers. */
export function serve(dataDir, ...args) {
  return start({ dataDir, args });
}

/** The same, with more in the environment. */
export async function start({ dataDir, args = [], env = {} }) {
  if (!existsSync(program)) {
    throw new Error(`${program} is missing: run \`cargo xtask build\` first, or name the folder in MINGBAI_DIST`);
  }
  const child = spawn(program, ['serve', ...args], {
    cwd: dataDir,
    env: { ...environment(dataDir, '127.0.0.1:0'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let log = '';
  child.stdout.on('data', (chunk) => {
    said = (said + chunk).slice(-20_000);
  });
  child.stderr.on('data', (chunk) => {
    log = (log + chunk).slice(-20_000);
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const deadline = Date.now() + START_SECONDS_MAX * 1000;
  for (;;) {
    const url = /Mingbai is at (http:\S+?)\/?\s/.exec(said)?.[1];
    const answer = url && (await fetch(`${url}/readyz`).catch(() => null));
    if (answer?.ok) return { url, log: () => log, stop: () => stop(child, ended) };
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop(child, ended);
      throw new Error(`the server did not start:\n${log}`);
    }
    await pause(100);
  }
}

async function stop(child, ended) {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  const late = pause(STOP_SECONDS_MAX * 1000, 'late', { ref: false });
  if ((await Promise.race([ended, late])) === 'late') child.kill('SIGKILL');
  await ended;
}

/** Runs another command against the same data, and returns what it printed. */
export function run(...args) {
  return runIn(process.env.END2END_DATA_DIR, ...args);
}

/** Runs a command against the data of a folder, and returns what it printed. */
export async function runIn(dataDir, ...args) {
  const options = { env: environment(dataDir), maxBuffer: 10_000_000 };
  const { stdout } = await promisify(execFile)(program, args, options);
  return stdout;
}
