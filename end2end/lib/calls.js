// The call-out service, as a test sees it.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./call-service.js', import.meta.url));
const secretOf = (octet) => `whsec_${Buffer.alloc(32, octet).toString('base64')}`;

export const secret = secretOf(7);
export const otherSecret = secretOf(8);

export class CallService {
  /** Calls as they came, those that were not taken too. */
  calls = [];
  unverified = [];
  #told = new Map();
  #number = 0;

  async start() {
    this.process = fork(program, { env: { ...process.env, CALL_SECRET: secret }, stdio: 'inherit' });
    this.process.on('message', (message) => this.#hear(message));
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.port = await new Promise((resolve, reject) => {
      this.process.on('message', ({ listening }) => listening && resolve(listening));
      this.ended.then(() => reject(new Error('the call-out service ended before it listened')));
    });
    return this;
  }

  get url() {
    return `http://127.0.0.1:${this.port}/calls`;
  }

  /** Answers the next calls with these statuses. */
  answer(...answers) {
    this.process.send({ answers });
  }

  /** Tells Mingbai how a call ended; the status of its answer. */
  tell(how) {
    const number = (this.#number += 1);
    return new Promise((resolve) => {
      this.#told.set(number, resolve);
      this.process.send({ tell: { number, ...how } });
    });
  }

  async stop() {
    this.process.disconnect();
    await this.ended;
  }

  #hear({ call, unverified, told }) {
    if (call) this.calls.push(call);
    if (unverified) this.unverified.push(unverified);
    if (told) this.#told.get(told.number)(told.status);
  }
}
