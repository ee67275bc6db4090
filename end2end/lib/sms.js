// Phones, and the SMS centre that they hang on, which can be killed and started again.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';

const program = fileURLToPath(new URL('./sms-centre.js', import.meta.url));
const user = 'mingbai';
const password = 's3cret';

/** The SMS centre, a process of its own. The phones are here: they stay when it is killed. */
export class Centre {
  phones = new Map();
  /** Submissions as they came, repetitions and all. */
  submitted = [];
  bound = [];
  #wanted = {};
  #answers = new Map();
  #deliveries = 0;

  /** Starts it, again at the same port when it was killed. */
  async start() {
    const env = {
      ...process.env,
      SMS_CENTRE_PORT: String(this.port ?? 0),
      SMS_CENTRE_USER: user,
      SMS_CENTRE_PASSWORD: password,
    };
    this.process = fork(program, { env, stdio: 'inherit' });
    this.process.on('message', (message) => this.#hear(message));
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.port = await new Promise((resolve, reject) => {
      this.process.on('message', ({ listening }) => listening && resolve(listening));
      this.ended.then(() => reject(new Error('the SMS centre ended before it listened')));
    });
    this.set(this.#wanted);
    return this;
  }

  get url() {
    return `smpp://${user}:${password}@127.0.0.1:${this.port}`;
  }

  /**
   * How it behaves: `throttleEvery` so many submissions one is refused as too much; it dies `dieAfter` so many before it
   * answers; `receiptFirst`; `failing` numbers, with what the receipt says.
   */
  set(wanted) {
    this.#wanted = wanted;
    this.process.send({ set: wanted });
  }

  /** Kills it (SIGKILL), or waits until it has died by itself. */
  async kill(byItself = false) {
    if (!byItself) this.process.kill('SIGKILL');
    await this.ended;
    this.#wanted = { ...this.#wanted, dieAfter: 0 };
    for (const answer of this.#answers.values()) answer('killed');
    this.#answers.clear();
  }

  async stop() {
    this.process.disconnect();
    await this.ended;
  }

  /** Sends octets that need not be those of anything. */
  sendOctets(octets) {
    this.process.send({ octets: octets.toString('hex') });
  }

  phone(msisdn) {
    if (!this.phones.has(msisdn)) this.phones.set(msisdn, new Phone(this, msisdn));
    return this.phones.get(msisdn);
  }

  /** Delivers once; the status of the answer, 0 for taken. */
  deliverOnce(parameters) {
    if (!this.process.connected) return Promise.resolve('killed');
    const number = (this.#deliveries += 1);
    return new Promise((resolve) => {
      this.#answers.set(number, resolve);
      this.process.send({ deliver: { number, parameters } });
    });
  }

  /** Delivers again and again until it is taken, as a centre does. */
  async deliver(parameters) {
    for (;;) {
      const status = await this.deliverOnce(parameters);
      if (status === 0) return;
      await pause(250);
    }
  }

  #hear({ submitted, answered, bound }) {
    if (submitted) {
      this.submitted.push(submitted);
      this.phone(submitted.to.replace(/^86/, '')).receive(submitted);
    }
    if (bound) this.bound.push(bound);
    if (answered) {
      this.#answers.get(answered.number)?.(answered.status);
      this.#answers.delete(answered.number);
    }
  }
}

/** A phone: it joins parts by their header, and shows what bears the same references once. */
class Phone {
  /** What it shows, the newest last. */
  shown = [];
  #seen = new Set();
  #parts = new Map();
  #sent = 0;

  constructor(centre, msisdn) {
    this.centre = centre;
    this.msisdn = msisdn;
  }

  receive({ from, coding, udh, text, reference }) {
    // The default alphabet, or UCS-2.
    if (coding !== 0 && coding !== 8) throw new Error(`data coding ${coding}`);
    const joins = udh.find(([id]) => id === 0);
    const [, , common, total, part] = joins ?? [0, 3, `alone ${reference}`, 1, 1];
    const known = `${common} ${total} ${part} ${text}`;
    if (this.#seen.has(known)) return;
    this.#seen.add(known);
    const key = `${common} ${total}`;
    const parts = this.#parts.get(key) ?? [];
    parts[part - 1] = text;
    this.#parts.set(key, parts);
    if (Object.keys(parts).length < total) return;
    this.#parts.delete(key);
    this.shown.push({ from, text: parts.join(''), parts: total, coding });
  }

  /** The parameters of a message of this phone: the network counts its references up. */
  message(text, others = {}) {
    this.#sent += 1;
    return {
      source_addr: `+86${this.msisdn}`,
      destination_addr: '10086',
      data_coding: 8,
      user_message_reference: this.#sent,
      text,
      ...others,
    };
  }

  /** Sends an SMS to 10086, and waits until it was taken. */
  send(text, others) {
    return this.centre.deliver(this.message(text, others));
  }
}
