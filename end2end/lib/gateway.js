// The payment gateway, as a test sees it.
import { fork } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./gateway-service.js', import.meta.url));
const pair = () => {
  const encoding = { publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } };
  return generateKeyPairSync('rsa', { modulusLength: 2048, ...encoding });
};

export class PaymentGateway {
  /** Requests as they came, signed by the merchant. */
  asked = [];
  /** Callbacks, with what Mingbai answered. */
  callbacks = [];
  #merchant = pair();
  #platform = pair();
  #account = {
    mchid: '1900009999',
    appid: 'wxend2end0000001',
    serial: '00AA11BB22CC33DD44EE55FF66778899AABBCCDD',
    apiKey: 'end2end-end2end-end2end-end2end!',
    platformKeyId: 'PUB_KEY_ID_0019000099992026',
  };
  #books;

  async start() {
    const keys = { merchantPublicKey: this.#merchant.publicKey, platformKey: this.#platform.privateKey };
    const env = { ...process.env, GATEWAY: JSON.stringify({ ...this.#account, ...keys }) };
    this.process = fork(program, { env, stdio: 'inherit' });
    this.process.on('message', (message) => this.#hear(message));
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.url = await new Promise((resolve, reject) => {
      this.process.on('message', ({ listening }) => listening && resolve(listening));
      this.ended.then(() => reject(new Error('the payment gateway ended before it listened')));
    });
    return this;
  }

  /** What Mingbai has to know of it, with its keys in files of a folder. */
  async environment(folder) {
    const [key, publicKey] = ['apiclient_key.pem', 'pub_key.pem'].map((name) => path.join(folder, name));
    await writeFile(key, this.#merchant.privateKey);
    await writeFile(publicKey, this.#platform.publicKey);
    const { mchid, appid, serial, apiKey, platformKeyId } = this.#account;
    return {
      MINGBAI_WECHAT_MCHID: mchid,
      MINGBAI_WECHAT_APPID: appid,
      MINGBAI_WECHAT_SERIAL: serial,
      MINGBAI_WECHAT_KEY_FILE: key,
      MINGBAI_WECHAT_API_KEY: apiKey,
      MINGBAI_WECHAT_PLATFORM_KEY_ID: platformKeyId,
      MINGBAI_WECHAT_PLATFORM_KEY_FILE: publicKey,
      MINGBAI_WECHAT_URL: this.url,
    };
  }

  /** How badly it behaves from now on: `failBefore`, `failAfter` (requests), `callbacks` (times), `lateMs`. */
  behave(nature) {
    this.process.send({ nature });
  }

  /** Its own books. */
  books() {
    return new Promise((resolve) => {
      this.#books = resolve;
      this.process.send({ books: true });
    });
  }

  async stop() {
    this.process.disconnect();
    await this.ended;
  }

  #hear({ asked, callback, books }) {
    if (asked) this.asked.push(asked);
    if (callback) this.callbacks.push(callback);
    if (books) this.#books(books);
  }
}
